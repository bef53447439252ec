-- Indexes that hold everything by which a list is ordered and filtered, so that what a page skips is
-- decided on index entries and no row is read in vain. Each begins with the columns of the one it replaces.

-- The name and the status of an organization, for lists of other things that filter by them.
create unique index organizations_card on organizations (id) include (status, name);
create index organizations_created on organizations (created_at, id) include (status, name);
create index organizations_status on organizations (status);

create index members_of_organization on members (organization_id, status, joined_at desc, id) include (user_id);
create index members_of_user on members (user_id, status, joined_at desc, id) include (organization_id);
drop index members_user;

create index invitations_of_organization
    on invitations (organization_id, created_at desc, id) include (status, expires_at, email);
create index invitations_of_email
    on invitations (email, created_at desc, id) include (status, expires_at, organization_id);
drop index invitations_organization;
drop index invitations_email;

create index credentials_of_organization
    on credentials (organization_id, kind, created_at desc, id) include (name, user_id);
create index credentials_of_user
    on credentials (user_id, kind, created_at desc, id) include (name, organization_id);
drop index credentials_organization;
drop index credentials_user;

-- An entry of SQLite's indexes on events holds seq by itself; here it has to be named.
create index events_organization_kind on events (organization_id, organization_seq) include (object_kind, seq)
    where organization_id is not null;
create index events_kind on events (seq) include (object_kind);
