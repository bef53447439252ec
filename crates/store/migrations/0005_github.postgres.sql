-- GitHub: who signs in with it, the installation of an organization, what is asked for and not yet approved,
-- and what was read of its repositories. Numbers are GitHub's own; an `_id` is ours.

-- The account at GitHub a person signs in with, if any.
alter table users add column github bigint;
alter table users add column github_login text not null default '';
create unique index users_github on users (github) where github is not null;

-- States that were used: none works twice. A row is there until the state has expired anyway.
create table github_states (
    state_id uuid primary key,
    expires_at timestamptz not null
);
create index github_states_expires on github_states (expires_at);

-- Deliveries of GitHub that were taken: one that comes again changes nothing.
create table github_deliveries (
    delivery_id uuid primary key,
    received_at timestamptz not null
);
create index github_deliveries_received on github_deliveries (received_at);

-- The installation of an organization, and how far its repositories are read: `pass_id` is the listing under way,
-- `next_page` the page it goes on with, `pass_total` what its pages say there is. It is to be compared with GitHub from
-- `due_at` on, by whoever has the lease.
create table github_installations (
    organization_id uuid primary key references organizations (id),
    installation bigint not null,
    account bigint not null,
    account_login text not null,
    account_type text not null,
    avatar_url text not null,
    html_url text not null,
    status text not null,
    installed_at timestamptz not null,
    suspended_at timestamptz,
    deleted_at timestamptz,
    repository_selection text not null,
    permissions text not null,
    indexing_status text not null,
    indexed_repositories bigint not null,
    total_repositories bigint not null,
    pass_id uuid,
    next_page bigint not null,
    pass_total bigint not null,
    checked_at timestamptz,
    due_at timestamptz not null,
    lease_ends_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index github_installations_installation on github_installations (installation);
create index github_installations_due on github_installations (due_at);

-- Installations that a person asked the owner of an account at GitHub for.
create table github_requests (
    organization_id uuid not null references organizations (id),
    account bigint not null,
    account_login text not null,
    requester bigint not null,
    user_id uuid not null,
    requested_at timestamptz not null,
    primary key (organization_id, account)
);
create index github_requests_account on github_requests (account);
create index github_requests_user on github_requests (user_id);
create index github_requests_requested on github_requests (requested_at);

-- Installations that are to be removed at GitHub.
create table github_uninstalls (
    organization_id uuid not null references organizations (id),
    installation bigint not null,
    due_at timestamptz not null,
    attempts bigint not null,
    last_error text not null,
    requested_at timestamptz not null,
    primary key (organization_id, installation)
);
create index github_uninstalls_installation on github_uninstalls (installation);
create index github_uninstalls_due on github_uninstalls (due_at);

-- The pages of the list of repositories, to ask for one again only if it changed.
create table github_pages (
    organization_id uuid not null,
    page bigint not null,
    etag text not null,
    total bigint not null,
    has_next boolean not null,
    primary key (organization_id, page)
);

-- Repositories of an installation. `page` and `pass_id` say on which page which listing saw it last. Its branches
-- are to be read while `branches_due`; `branches_pass_id` is the listing under way, `branches_page` its next page.
create table git_repositories (
    organization_id uuid not null,
    repository_id uuid not null,
    github bigint not null,
    name text not null,
    name_key text not null,
    url text not null,
    description text not null,
    is_private boolean not null,
    is_disabled boolean not null,
    default_branch text not null,
    last_push_at timestamptz,
    page bigint not null,
    pass_id uuid not null,
    branches_due boolean not null,
    branches_etag text not null,
    branches_page bigint not null,
    branches_pass_id uuid,
    primary key (organization_id, repository_id)
);
create unique index git_repositories_github on git_repositories (organization_id, github);
create index git_repositories_name on git_repositories (organization_id, name_key, repository_id);
create index git_repositories_pass on git_repositories (organization_id, pass_id);
create index git_repositories_page on git_repositories (organization_id, page);
create index git_repositories_branches_due on git_repositories (organization_id, repository_id) where branches_due;

-- Branches of repositories. `pass_id` is the listing that saw it last.
create table git_branches (
    organization_id uuid not null,
    branch_id uuid not null,
    repository_id uuid not null,
    name text not null,
    name_key text not null,
    is_default boolean not null,
    is_protected boolean not null,
    pass_id uuid not null,
    primary key (organization_id, branch_id)
);
create index git_branches_name on git_branches (organization_id, repository_id, name_key, branch_id);
