-- A token that is added goes to one index less. Sessions are found by their person; the access tokens somebody made by
-- the organizations she is or was a member of, which nothing forgets while she has an account.
drop index tokens_user;
create index tokens_user on tokens (user_id) where kind = 'SESSION';
drop index tokens_organization;
create index tokens_organization on tokens (organization_id, user_id) where organization_id is not null;
