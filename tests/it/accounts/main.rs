//! Accounts, sessions, members and invitations, over HTTP.
