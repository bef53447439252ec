-- A token that is added goes to one tree less. Sessions are found by their person; the access tokens somebody made by
-- the organizations she is or was a member of, which nothing forgets while she has an account.
drop index tokens_user;
create index tokens_user on tokens (user_id) where kind = 'SESSION';
drop index tokens_organization;
create index tokens_organization on tokens (organization_id, user_id) where organization_id is not null;

-- Credentials in the order of the hash by which requests find them: it leads to the row, and not to where the row is.
create table kept_credentials (
    id blob not null,
    kind text not null,
    name text not null,
    description text not null,
    token_hash blob primary key,
    user_id blob,
    organization_id blob references organizations (id),
    created_at integer not null,
    updated_at integer not null,
    expires_at integer
) strict, without rowid;
insert into kept_credentials select * from credentials order by token_hash;
drop table credentials;
alter table kept_credentials rename to credentials;
create unique index credentials_id on credentials (id);
create index credentials_of_organization
    on credentials (organization_id, kind, created_at desc, id, name, user_id);
create index credentials_of_user
    on credentials (user_id, kind, created_at desc, id, name, organization_id);
