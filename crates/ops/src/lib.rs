//! What the control plane does: rules, authorization, events, background
//! work. No HTTP and no HTML.
//!
//! An operation is a function here, in the file of its resource: it checks
//! the request, opens a unit of work, asks [`authz`] about the row it loaded,
//! changes it, appends an event and turns the row into the reply. From the
//! operation table to here is one hop, from here to the SQL another.
//!
//! Start at [`organizations::create`]; then read [`authz`] and [`lifecycle`].

pub mod access_tokens;
pub mod accounts;
pub mod activities;
pub mod authz;
pub mod billing;
pub mod billing_periods;
pub mod budgets;
pub mod coupons;
pub mod credentials;
mod ctx;
mod cursor;
pub mod deactivations;
mod error;
pub mod event;
pub mod feed;
mod field;
pub mod github;
pub mod introspection;
pub mod invitations;
pub mod jobs;
pub mod keys;
mod lane;
pub mod leases;
pub mod lifecycle;
pub mod links;
pub mod mail;
pub mod members;
mod memory;
pub mod metering;
pub mod metering_keys;
pub mod network;
pub mod operator;
pub mod organizations;
pub mod password;
pub mod plans;
pub mod probes;
pub mod projects;
pub mod quotas;
pub mod secret;
pub mod sessions;
pub mod settings;
pub mod spend;
pub mod status;
pub mod token;
pub mod usages;
pub mod users;
pub mod webhooks;

pub use ctx::{Call, Clock, Ctx, Parts, Random, Request, UnitFn, Wake, Work};
pub use error::{Error, Result};
pub use lane::Lanes;
pub use memory::{Based, Memory, Question};
