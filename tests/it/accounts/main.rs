//! Accounts, sessions, members and invitations, over HTTP.

mod authorization;
mod claims;
mod credentials;
mod current_organization;
mod deleting_accounts;
mod introspection;
mod invitations_received;
mod invitations_sent;
mod login;
mod members;
mod members_removed;
mod memory;
mod new_addresses;
mod organizations_list;
mod pages;
mod passwords;
mod profile;
mod rate_limit;
mod remembered;
mod sessions;
mod settings;
mod signatures;
mod signup;
mod support;
mod switching;
mod validation;
