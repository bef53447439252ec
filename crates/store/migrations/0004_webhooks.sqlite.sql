-- Webhooks: endpoints, what is to be delivered to them, and in which order. An endpoint without an
-- organization is one of the operator and gets the events of all. A lane is the order in which
-- deliveries to one endpoint are made: that of an organization, or, for events of none, that of the
-- object they are about. A lane has a row while something waits in it.

create table webhooks (
    id blob primary key,
    organization_id blob,
    url text not null,
    description text not null,
    event_types text not null,
    sealed_secret blob not null,
    sealed_previous_secret blob,
    previous_ends_at integer,
    disabled_reason text not null,
    disabled_at integer,
    first_failed_at integer,
    created_at integer not null,
    updated_at integer not null
) strict;
create index webhooks_of_organization on webhooks (organization_id, created_at, id);

create table webhook_deliveries (
    event_id blob not null,
    webhook_id blob not null,
    lane_id blob not null,
    lane_seq integer not null,
    event_type text not null,
    status text not null,
    attempts integer not null,
    due_at integer not null,
    last_status_code integer not null,
    last_error text not null,
    last_duration_ms integer not null,
    last_attempt_at integer,
    created_at integer not null,
    primary key (event_id, webhook_id)
) strict;
create index webhook_deliveries_pending on webhook_deliveries (webhook_id, lane_id, lane_seq) where status = 'PENDING';
create index webhook_deliveries_of_webhook
    on webhook_deliveries (webhook_id, created_at, event_id, status);
create index webhook_deliveries_created on webhook_deliveries (created_at);

create table webhook_lanes (
    webhook_id blob not null,
    lane_id blob not null,
    due_at integer not null,
    leased integer not null,
    primary key (lane_id, webhook_id)
) strict;
create index webhook_lanes_due on webhook_lanes (due_at, webhook_id, lane_id);
