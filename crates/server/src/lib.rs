//! The HTTP server of Polity: configuration, the adapter between HTTP and the
//! operations, middleware, metrics, start and stop, backups, the move to PostgreSQL. No rules, no SQL.
//!
//! Start at [`start()`]: it puts everything together. [`mount`] connects each
//! row of the operation table with its function, [`routes`] lists what is not
//! an operation, [`config`] is every setting, [`backup`] takes and restores backups,
//! [`transfer`] moves to PostgreSQL, [`seed`] fills a database for trials, [`github_app`] looks at the GitHub App.

mod accept;
mod app;
pub mod backup;
pub mod banner;
mod body;
pub mod config;
mod data_dir;
mod docs;
mod error;
mod github;
pub mod github_app;
mod handler;
mod health;
mod introspect;
mod metrics;
mod middleware;
mod mount;
pub mod network;
mod open_files;
mod operations;
mod rate;
mod remembered;
mod reply;
pub mod routes;
pub mod seed;
mod service;
mod slow;
mod start;
mod stream;
pub mod transfer;

pub use config::{Config, ServeArgs};
pub use error::Error;
pub use start::{Environment, Server, migrate, start};
