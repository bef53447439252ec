-- Spend: what was metered, what it cost, and what stops at the budget. Amounts are millionths of a cent
-- (micro-cents), days and periods begin at midnight UTC.

alter table budgets add column enforcement text not null default 'alert';
alter table budgets add column thresholds text not null default '[80,100]';
alter table budgets add column forecast_thresholds text not null default '[]';

-- Set while the organization has spent a budget that stops it: when its period is over.
alter table organizations add column spend_resumes_at integer;
create index organizations_spend_stopped on organizations (spend_resumes_at) where spend_resumes_at is not null;

-- What leases made with an access token may come to, if there is a limit.
alter table tokens add column spend_limit_microcents integer;
alter table tokens add column spent_microcents integer not null default 0;
alter table tokens add column leased_microcents integer not null default 0;

-- Where periods do not begin on the first of a month.
create table billing_anchors (
    organization_id blob primary key references organizations (id),
    day_of_month integer not null,
    updated_at integer not null
) strict, without rowid;

create table metering_keys (
    id blob primary key,
    name text not null,
    token_hash blob not null,
    unleased_cap_microcents integer not null,
    created_at integer not null
) strict;
create unique index metering_keys_token_hash on metering_keys (token_hash);
create index metering_keys_created on metering_keys (created_at, id);

-- Events that were counted, by a hash of source and id, so that none is counted twice: the newest.
create table metered_events (
    hash blob primary key,
    seen_at integer not null
) strict, without rowid;
create index metered_events_seen on metered_events (seen_at);

-- The others, sorted and packed into runs that never change. A chunk has 250 entries of 16 bytes (14 of the hash, 2 of
-- the day it was seen on), so that its row fills a page.
create table metered_runs (
    run_id blob primary key,
    state text not null,
    events integer not null,
    newest_at integer not null
) strict, without rowid;
create table metered_chunks (
    run_id blob not null,
    first_hash blob not null,
    entries blob not null,
    primary key (run_id, first_hash)
) strict;

-- What was used on a day: a row for each unit, project and credential, which `slot_id` is made of.
create table usage_days (
    organization_id blob not null references organizations (id),
    day_at integer not null,
    slot_id blob not null,
    unit text not null,
    project_id blob,
    credential_id blob,
    quantity integer not null,
    amount_microcents integer not null,
    events integer not null,
    primary key (organization_id, day_at, slot_id)
) strict, without rowid;

-- The sums of a period, kept so that they need not be added up.
create table spends (
    organization_id blob not null references organizations (id),
    period_starts_at integer not null,
    period_ends_at integer not null,
    spent_microcents integer not null,
    leased_microcents integer not null,
    updated_at integer not null,
    primary key (organization_id, period_starts_at)
) strict, without rowid;

-- What a source reported past the budget of an organization that stops, held against its cap.
create table overruns (
    organization_id blob not null references organizations (id),
    period_starts_at integer not null,
    metering_key_id blob not null,
    amount_microcents integer not null,
    primary key (organization_id, period_starts_at, metering_key_id)
) strict, without rowid;

-- Thresholds that were reached and announced.
create table firings (
    organization_id blob not null references organizations (id),
    period_starts_at integer not null,
    forecast integer not null,
    percent integer not null,
    fired_at integer not null,
    primary key (organization_id, period_starts_at, forecast, percent)
) strict, without rowid;

create table leases (
    id blob primary key,
    organization_id blob not null references organizations (id),
    period_starts_at integer not null,
    metering_key_id blob not null,
    token_id blob,
    project_id blob,
    credential_id blob,
    amount_microcents integer not null,
    committed_microcents integer not null,
    status text not null,
    expires_at integer not null,
    ended_at integer,
    created_at integer not null
) strict;
create index leases_held on leases (organization_id, expires_at) where status = 'HELD';
create index leases_expires on leases (expires_at) where status = 'HELD';
create index leases_ended on leases (ended_at) where ended_at is not null;
