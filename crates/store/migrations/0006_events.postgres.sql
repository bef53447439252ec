-- One index in the place of two that began with the same columns.
create unique index events_of_organization on events (organization_id, organization_seq) include (object_kind, seq)
    where organization_id is not null;
drop index events_organization;
drop index events_organization_kind;
