-- Tables that much is added to are kept in the order of their key: the key is no index of its own beside the rows,
-- so a row that is added goes to one tree less, and one that is looked up is found there. Rows are copied in the order
-- of their keys; what refers to them does so by the names of the tables, which stay.

create table kept_organizations (
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
    updated_at integer not null,
    spend_resumes_at integer
) strict, without rowid;
insert into kept_organizations select * from organizations order by id;
drop table organizations;
alter table kept_organizations rename to organizations;
-- Null once the organization is deleted: its name is free again.
create unique index organizations_name_key on organizations (name_key);
create index organizations_created on organizations (created_at, id, status, name);
create index organizations_spend_stopped on organizations (spend_resumes_at) where spend_resumes_at is not null;
-- Nearly all are active: how many is what is left of their number. That no two have the same external id follows from
-- its being made of the id.
create index organizations_not_active on organizations (status) where status <> 'ACTIVE';

create table kept_members (
    id blob primary key,
    organization_id blob not null references organizations (id),
    user_id blob not null references users (id),
    status text not null,
    joined_at integer not null
) strict, without rowid;
insert into kept_members select * from members order by id;
drop table members;
alter table kept_members rename to members;
create unique index members_organization_user on members (organization_id, user_id);
create index members_of_organization on members (organization_id, status, joined_at desc, id, user_id);
create index members_of_user on members (user_id, status, joined_at desc, id, organization_id);

create table kept_projects (
    id blob primary key,
    organization_id blob not null references organizations (id) deferrable initially deferred,
    name text not null,
    name_key text not null,
    description text not null,
    created_at integer not null,
    updated_at integer not null
) strict, without rowid;
insert into kept_projects select * from projects order by id;
drop table projects;
alter table kept_projects rename to projects;
create unique index projects_name on projects (organization_id, name_key);

create table kept_tokens (
    id blob primary key,
    kind text not null,
    user_id blob,
    organization_id blob,
    credential_id blob,
    created_at integer not null,
    expires_at integer not null,
    spend_limit_microcents integer,
    spent_microcents integer not null default 0,
    leased_microcents integer not null default 0
) strict, without rowid;
insert into kept_tokens select * from tokens order by id;
drop table tokens;
alter table kept_tokens rename to tokens;
create index tokens_organization on tokens (organization_id) where organization_id is not null;
create index tokens_user on tokens (user_id) where user_id is not null;
create index tokens_credential on tokens (credential_id) where credential_id is not null;
create index tokens_expires on tokens (expires_at);
