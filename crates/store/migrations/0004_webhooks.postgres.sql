-- Webhooks: endpoints, what is to be delivered to them, and in which order. An endpoint without an
-- organization is one of the operator and gets the events of all. A lane is the order in which
-- deliveries to one endpoint are made: that of an organization, or, for events of none, that of the
-- object they are about. A lane has a row while something waits in it.

create table webhooks (
    id uuid primary key,
    organization_id uuid,
    url text not null,
    description text not null,
    event_types text not null,
    sealed_secret bytea not null,
    sealed_previous_secret bytea,
    previous_ends_at timestamptz,
    disabled_reason text not null,
    disabled_at timestamptz,
    first_failed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index webhooks_of_organization on webhooks (organization_id, created_at, id);

create table webhook_deliveries (
    event_id uuid not null,
    webhook_id uuid not null,
    lane_id uuid not null,
    lane_seq bigint not null,
    event_type text not null,
    status text not null,
    attempts bigint not null,
    due_at timestamptz not null,
    last_status_code bigint not null,
    last_error text not null,
    last_duration_ms bigint not null,
    last_attempt_at timestamptz,
    created_at timestamptz not null,
    primary key (event_id, webhook_id)
);
create index webhook_deliveries_pending on webhook_deliveries (webhook_id, lane_id, lane_seq) where status = 'PENDING';
create index webhook_deliveries_of_webhook
    on webhook_deliveries (webhook_id, created_at, event_id) include (status);
create index webhook_deliveries_created on webhook_deliveries (created_at);

create table webhook_lanes (
    webhook_id uuid not null,
    lane_id uuid not null,
    due_at timestamptz not null,
    leased boolean not null,
    primary key (lane_id, webhook_id)
);
create index webhook_lanes_due on webhook_lanes (due_at, webhook_id, lane_id);
