//! The wire contract of Polity as data: identifiers, scalars, wire types,
//! error bodies and **the operation table**. No I/O, no clock, no SQL.
//!
//! Start at [`table`]: it is the whole API on one screen. A row names its
//! types, which live in [`types`], one file for each resource.
//!
//! # How to add an operation
//! 1. Add its types to `types/<resource>.rs`.
//! 2. Add its row to [`table`].
//! 3. Write the function in `ops/src/<resource>.rs` and mount it in
//!    `server/src/mount.rs`: a row without a function stops the start.
//! 4. Give it a method in `client/src/groups/<resource>.rs` and a line in the
//!    story of `tests/it/client/scenario.rs`: tests tell when one is missing.
//!
//! ```
//! use polity_api::operation::{Operation, Who};
//! use polity_api::table::{ALL, CreateOrganization};
//!
//! assert_eq!(CreateOrganization::META.path, "/v1/organizations");
//! assert_eq!(CreateOrganization::META.who, Who::User);
//! assert!(ALL.iter().any(|meta| meta.id == "CreateOrganization"));
//! ```

mod enums;
pub mod error;
pub mod event_types;
pub mod ids;
pub mod input;
pub mod mask;
pub mod openapi;
pub mod operation;
pub mod page;
pub mod scalar;
pub mod table;
pub mod types;
