-- Indexes that hold everything by which a list is ordered and filtered, so that what a page skips is
-- decided on index entries and no row is read in vain. Each begins with the columns of the one it replaces.

-- The name and the status of an organization, for lists of other things that filter by them.
create index organizations_card on organizations (id, status, name);
create index organizations_created on organizations (created_at, id, status, name);
create index organizations_status on organizations (status);

create index members_of_organization on members (organization_id, status, joined_at desc, id, user_id);
create index members_of_user on members (user_id, status, joined_at desc, id, organization_id);
drop index members_user;

create index invitations_of_organization
    on invitations (organization_id, created_at desc, id, status, expires_at, email);
create index invitations_of_email
    on invitations (email, created_at desc, id, status, expires_at, organization_id);
drop index invitations_organization;
drop index invitations_email;

create index credentials_of_organization
    on credentials (organization_id, kind, created_at desc, id, name, user_id);
create index credentials_of_user
    on credentials (user_id, kind, created_at desc, id, name, organization_id);
drop index credentials_organization;
drop index credentials_user;

create index events_organization_kind on events (organization_id, organization_seq, object_kind)
    where organization_id is not null;
create index events_kind on events (seq, object_kind);

-- The planner knows of no statistics unless it is told: that an id has one entry in organizations_card makes it
-- take that index, which holds what the lists ask for, before the primary key, behind which it would read the row.
analyze sqlite_schema;
insert into sqlite_stat1 (tbl, idx, stat) values ('organizations', 'organizations_card', '1000000 1 1 1');
analyze sqlite_schema;
