-- The first schema. Times are microseconds since 1970 UTC, identifiers UUIDs of 16 bytes,
-- money whole cents, booleans 0 or 1, enums their wire names.

create table users (
    id blob primary key,
    email text not null,
    name text not null,
    email_validated integer not null,
    password_hash text not null,
    newsletter_subscribed integer not null,
    failed_deployment_email_notification integer not null,
    avatar_url text not null,
    flags text not null,
    last_organization_id blob,
    last_login_at integer,
    last_login_ip text not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index users_email on users (email);

create table organizations (
    id blob primary key,
    external_id text not null,
    name text not null,
    name_key text,
    address1 text not null,
    address2 text not null,
    city text not null,
    postal_code text not null,
    state text not null,
    country text not null,
    company integer not null,
    vat_number text not null,
    billing_name text not null,
    billing_email text not null,
    plan text not null,
    plan_updated_at integer,
    signup_qualification text not null,
    status text not null,
    status_message text not null,
    deactivation_reason text not null,
    verified integer not null,
    email_domain_allowlist text not null,
    default_project_id blob not null,
    lock_reason text not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index organizations_external_id on organizations (external_id);
-- Null once the organization is deleted: its name is free again.
create unique index organizations_name_key on organizations (name_key);

create table members (
    id blob primary key,
    organization_id blob not null references organizations (id),
    user_id blob not null references users (id),
    status text not null,
    joined_at integer not null
) strict;
create unique index members_organization_user on members (organization_id, user_id);
create index members_user on members (user_id, organization_id);

create table invitations (
    id blob primary key,
    organization_id blob not null references organizations (id),
    email text not null,
    status text not null,
    inviter_id blob,
    expires_at integer not null,
    created_at integer not null
) strict;
create unique index invitations_pending on invitations (organization_id, email) where status = 'PENDING';
create index invitations_organization on invitations (organization_id, created_at, id);
create index invitations_email on invitations (email, created_at, id);

create table credentials (
    id blob primary key,
    kind text not null,
    name text not null,
    description text not null,
    token_hash blob not null,
    user_id blob,
    organization_id blob references organizations (id),
    created_at integer not null,
    updated_at integer not null,
    expires_at integer
) strict;
create unique index credentials_token_hash on credentials (token_hash);
create index credentials_organization on credentials (organization_id, created_at, id);
create index credentials_user on credentials (user_id, created_at, id);

-- Sessions and access tokens. A revoked one has no row.
create table tokens (
    id blob primary key,
    kind text not null,
    user_id blob,
    organization_id blob,
    credential_id blob,
    created_at integer not null,
    expires_at integer not null
) strict;
create index tokens_organization on tokens (organization_id) where organization_id is not null;
create index tokens_user on tokens (user_id) where user_id is not null;
create index tokens_credential on tokens (credential_id) where credential_id is not null;
create index tokens_expires on tokens (expires_at);

create table projects (
    id blob primary key,
    organization_id blob not null references organizations (id) deferrable initially deferred,
    name text not null,
    name_key text not null,
    description text not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index projects_name on projects (organization_id, name_key);

create table budgets (
    organization_id blob primary key references organizations (id),
    amount_cents integer not null,
    created_at integer not null,
    updated_at integer not null
) strict, without rowid;

create table events (
    seq integer primary key autoincrement,
    id blob not null,
    organization_id blob,
    organization_seq integer,
    actor_kind text not null,
    actor_id blob,
    actor_name text not null,
    object_kind text not null,
    object_id blob not null,
    object_name text not null,
    verb text not null,
    metadata text not null,
    created_at integer not null
) strict;
create unique index events_id on events (id);
create unique index events_organization on events (organization_id, organization_seq) where organization_id is not null;
create index events_actor on events (actor_id, seq) where actor_id is not null;
create index events_deleted on events (object_id) where verb = 'deleted';

create table notification_marks (
    organization_id blob not null references organizations (id),
    user_id blob not null references users (id),
    read_seq integer not null,
    seen_seq integer not null,
    primary key (organization_id, user_id)
) strict, without rowid;
create index notification_marks_user on notification_marks (user_id);

-- Secrets sent by mail, by the hash of the secret.
create table links (
    hash blob primary key,
    purpose text not null,
    user_id blob,
    organization_id blob,
    subject_id blob,
    email text not null,
    created_at integer not null,
    expires_at integer not null,
    used_at integer
) strict, without rowid;
create index links_expires on links (expires_at);
create index links_organization on links (organization_id) where organization_id is not null;
create index links_user on links (user_id) where user_id is not null;

-- Mail accepted and not yet delivered. A delivered one has no row; one that
-- bounced keeps its row without the text.
create table mails (
    id blob primary key,
    recipient text not null,
    subject text not null,
    body text not null,
    link text not null,
    status text not null,
    attempts integer not null,
    next_attempt_at integer not null,
    last_error text not null,
    created_at integer not null
) strict;
create index mails_waiting on mails (next_attempt_at) where status = 'WAITING';
create index mails_bounced on mails (id) where status = 'BOUNCED';

create table jobs (
    id blob primary key,
    kind text not null,
    organization_id blob not null references organizations (id),
    run_at integer not null,
    attempts integer not null,
    last_error text not null,
    created_at integer not null
) strict;
create unique index jobs_kind on jobs (organization_id, kind);
create index jobs_run_at on jobs (run_at);

create table coupons (
    id blob primary key,
    code text not null,
    code_key text not null,
    name text not null,
    percent_off_basis_points integer not null,
    amount_off_cents integer not null,
    currency text not null,
    max_redemptions integer not null,
    redemptions integer not null,
    expires_at integer,
    created_at integer not null
) strict;
create unique index coupons_code on coupons (code_key);
create index coupons_created on coupons (created_at, id);

create table redemptions (
    organization_id blob not null references organizations (id),
    coupon_id blob not null,
    redeemed_at integer not null,
    primary key (organization_id, coupon_id)
) strict, without rowid;

create table quota_overrides (
    organization_id blob primary key references organizations (id),
    overrides text not null,
    updated_at integer not null
) strict, without rowid;

create table signing_keys (
    id blob primary key,
    public_key blob not null,
    sealed_private_key blob not null,
    created_at integer not null
) strict;
