-- GitHub: who signs in with it, the installation of an organization, what is asked for and not yet approved,
-- and what was read of its repositories. Numbers are GitHub's own; an `_id` is ours.

-- The account at GitHub a person signs in with, if any.
alter table users add column github integer;
alter table users add column github_login text not null default '';
create unique index users_github on users (github) where github is not null;

-- States that were used: none works twice. A row is there until the state has expired anyway.
create table github_states (
    state_id blob primary key,
    expires_at integer not null
) strict;
create index github_states_expires on github_states (expires_at);

-- Deliveries of GitHub that were taken: one that comes again changes nothing.
create table github_deliveries (
    delivery_id blob primary key,
    received_at integer not null
) strict;
create index github_deliveries_received on github_deliveries (received_at);

-- The installation of an organization, and how far its repositories are read: `pass_id` is the listing under way,
-- `next_page` the page it goes on with, `pass_total` what its pages say there is. It is to be compared with GitHub from
-- `due_at` on, by whoever has the lease.
create table github_installations (
    organization_id blob primary key references organizations (id),
    installation integer not null,
    account integer not null,
    account_login text not null,
    account_type text not null,
    avatar_url text not null,
    html_url text not null,
    status text not null,
    installed_at integer not null,
    suspended_at integer,
    deleted_at integer,
    repository_selection text not null,
    permissions text not null,
    indexing_status text not null,
    indexed_repositories integer not null,
    total_repositories integer not null,
    pass_id blob,
    next_page integer not null,
    pass_total integer not null,
    checked_at integer,
    due_at integer not null,
    lease_ends_at integer not null,
    updated_at integer not null
) strict;
create unique index github_installations_installation on github_installations (installation);
create index github_installations_due on github_installations (due_at);

-- Installations that a person asked the owner of an account at GitHub for.
create table github_requests (
    organization_id blob not null references organizations (id),
    account integer not null,
    account_login text not null,
    requester integer not null,
    user_id blob not null,
    requested_at integer not null,
    primary key (organization_id, account)
) strict;
create index github_requests_account on github_requests (account);
create index github_requests_user on github_requests (user_id);
create index github_requests_requested on github_requests (requested_at);

-- Installations that are to be removed at GitHub.
create table github_uninstalls (
    organization_id blob not null references organizations (id),
    installation integer not null,
    due_at integer not null,
    attempts integer not null,
    last_error text not null,
    requested_at integer not null,
    primary key (organization_id, installation)
) strict;
create index github_uninstalls_installation on github_uninstalls (installation);
create index github_uninstalls_due on github_uninstalls (due_at);

-- The pages of the list of repositories, to ask for one again only if it changed.
create table github_pages (
    organization_id blob not null,
    page integer not null,
    etag text not null,
    total integer not null,
    has_next integer not null,
    primary key (organization_id, page)
) strict;

-- Repositories of an installation. `page` and `pass_id` say on which page which listing saw it last. Its branches
-- are to be read while `branches_due`; `branches_pass_id` is the listing under way, `branches_page` its next page.
create table git_repositories (
    organization_id blob not null,
    repository_id blob not null,
    github integer not null,
    name text not null,
    name_key text not null,
    url text not null,
    description text not null,
    is_private integer not null,
    is_disabled integer not null,
    default_branch text not null,
    last_push_at integer,
    page integer not null,
    pass_id blob not null,
    branches_due integer not null,
    branches_etag text not null,
    branches_page integer not null,
    branches_pass_id blob,
    primary key (organization_id, repository_id)
) strict;
create unique index git_repositories_github on git_repositories (organization_id, github);
create index git_repositories_name on git_repositories (organization_id, name_key, repository_id);
create index git_repositories_pass on git_repositories (organization_id, pass_id);
create index git_repositories_page on git_repositories (organization_id, page);
create index git_repositories_branches_due on git_repositories (organization_id, repository_id) where branches_due;

-- Branches of repositories. `pass_id` is the listing that saw it last.
create table git_branches (
    organization_id blob not null,
    branch_id blob not null,
    repository_id blob not null,
    name text not null,
    name_key text not null,
    is_default integer not null,
    is_protected integer not null,
    pass_id blob not null,
    primary key (organization_id, branch_id)
) strict;
create index git_branches_name on git_branches (organization_id, repository_id, name_key, branch_id);
