-- Spend: what was metered, what it cost, and what stops at the budget. Amounts are millionths of a cent
-- (micro-cents), days and periods begin at midnight UTC.

alter table budgets add column enforcement text not null default 'alert';
alter table budgets add column thresholds text not null default '[80,100]';
alter table budgets add column forecast_thresholds text not null default '[]';

-- Set while the organization has spent a budget that stops it: when its period is over.
alter table organizations add column spend_resumes_at timestamptz;
create index organizations_spend_stopped on organizations (spend_resumes_at) where spend_resumes_at is not null;

-- What leases made with an access token may come to, if there is a limit.
alter table tokens add column spend_limit_microcents bigint;
alter table tokens add column spent_microcents bigint not null default 0;
alter table tokens add column leased_microcents bigint not null default 0;

-- Where periods do not begin on the first of a month.
create table billing_anchors (
    organization_id uuid primary key references organizations (id),
    day_of_month bigint not null,
    updated_at timestamptz not null
);

create table metering_keys (
    id uuid primary key,
    name text not null,
    token_hash bytea not null,
    unleased_cap_microcents bigint not null,
    created_at timestamptz not null
);
create unique index metering_keys_token_hash on metering_keys (token_hash);
create index metering_keys_created on metering_keys (created_at, id);

-- Events that were counted, by a hash of source and id, so that none is counted twice.
create table metered_events (
    hash bytea primary key,
    seen_at timestamptz not null
);
create index metered_events_seen on metered_events (seen_at);

-- What an embedded database had packed when it was moved here.
create table metered_runs (
    run_id uuid primary key,
    state text not null,
    events bigint not null,
    newest_at timestamptz not null
);
create table metered_chunks (
    run_id uuid not null,
    first_hash bytea not null,
    entries bytea not null,
    primary key (run_id, first_hash)
);

-- What was used on a day: a row for each unit, project and credential, which `slot_id` is made of.
create table usage_days (
    organization_id uuid not null references organizations (id),
    day_at timestamptz not null,
    slot_id uuid not null,
    unit text not null,
    project_id uuid,
    credential_id uuid,
    quantity bigint not null,
    amount_microcents bigint not null,
    events bigint not null,
    primary key (organization_id, day_at, slot_id)
);

-- The sums of a period, kept so that they need not be added up.
create table spends (
    organization_id uuid not null references organizations (id),
    period_starts_at timestamptz not null,
    period_ends_at timestamptz not null,
    spent_microcents bigint not null,
    leased_microcents bigint not null,
    updated_at timestamptz not null,
    primary key (organization_id, period_starts_at)
);

-- What a source reported past the budget of an organization that stops, held against its cap.
create table overruns (
    organization_id uuid not null references organizations (id),
    period_starts_at timestamptz not null,
    metering_key_id uuid not null,
    amount_microcents bigint not null,
    primary key (organization_id, period_starts_at, metering_key_id)
);

-- Thresholds that were reached and announced.
create table firings (
    organization_id uuid not null references organizations (id),
    period_starts_at timestamptz not null,
    forecast boolean not null,
    percent bigint not null,
    fired_at timestamptz not null,
    primary key (organization_id, period_starts_at, forecast, percent)
);

create table leases (
    id uuid not null,
    organization_id uuid not null references organizations (id),
    period_starts_at timestamptz not null,
    metering_key_id uuid not null,
    token_id uuid,
    project_id uuid,
    credential_id uuid,
    amount_microcents bigint not null,
    committed_microcents bigint not null,
    status text not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    created_at timestamptz not null,
    primary key (organization_id, id)
);
create index leases_id on leases (id);
create index leases_held on leases (organization_id, expires_at) where status = 'HELD';
create index leases_expires on leases (expires_at) where status = 'HELD';
create index leases_ended on leases (ended_at) where ended_at is not null;
