//! Rows and SQL of Polity: tables, migrations, units of work. No rules, no
//! HTTP, no wall clock.
//!
//! One file for each table: its row, its statements, and a function for each
//! with the SQL right above. [`Db`] runs units of work; `engine/` is how.
//!
//! # How to add a statement
//! 1. Declare it in the `queries!` of its table's file: name, parameters, row,
//!    text. Write `$1`, `$2`, … and only what SQLite and PostgreSQL share.
//! 2. Put a function around it that says what it means.
//!    A list skips on index entries only: see `page.rs`.
//! 3. `cargo test -p polity-store` prepares it against the migrated schema,
//!    compares columns and kinds, looks at its plan (no scan of a table that
//!    grows) and at its tenant (it compares `organization_id`, or stands on
//!    the reviewed list in `check.rs`).
//!
//! # How to add a table
//! A pair of migrations `migrations/NNNN_name.{sqlite,postgres}.sql`, listed in
//! `migrate.rs`; a file of its own; a line in [`statements`]; its columns in
//! [`copy::TABLES`], where a column added to an older table goes too.
//!
//! ```
//! use polity_store::{BoxFuture, Db, Error, Options, Target, Tx, budgets};
//! use polity_api::{ids::OrganizationId, scalar::Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("polity.db");
//! let target = Target::Sqlite(path);
//! polity_store::migrate(&target, Timestamp(0)).await?;
//! let db = Db::open(&Options::new(target))?;
//! let organization = OrganizationId::from_random([7; 16]);
//! let budget = db
//!     .read("get_budget", organization, |tx, id| Box::pin(async { Ok::<_, Error>(budgets::by_id(tx, *id).await?) }))
//!     .await?;
//! assert!(budget.is_none());
//! # Ok(())
//! # }
//! ```

mod engine;
mod error;
mod migrate;
mod page;

pub mod budgets;
pub mod copy;
pub mod coupons;
pub mod credentials;
pub mod deliveries;
pub mod events;
pub mod firings;
pub mod git_branches;
pub mod git_repositories;
pub mod github_deliveries;
pub mod github_installations;
pub mod github_pages;
pub mod github_requests;
pub mod github_states;
pub mod github_uninstalls;
pub mod invitations;
pub mod jobs;
pub mod leases;
pub mod links;
pub mod mails;
pub mod members;
pub mod metered_events;
pub mod metering_keys;
pub mod notification_marks;
pub mod organizations;
pub mod projects;
pub mod quota_overrides;
pub mod signing_keys;
pub mod spends;
pub mod tokens;
pub mod usage_days;
pub mod users;
pub mod webhooks;

#[cfg(test)]
mod check;
#[cfg(test)]
mod plans;

pub use engine::changes::{Changes, Epoch, Slot};
pub use engine::db::{BoxFuture, Db, DelayObserver, Measured, Observer, Options, Target, Unit};
pub use engine::postgres::connect::{PLANNING, PostgresOptions};
pub use engine::row::ColumnInfo;
pub use engine::sql::Statement;
pub use engine::tx::Tx;
pub use engine::value::{Hash, Kind};
pub use error::Error;
pub use migrate::migrate;
pub use page::{Filter, Page, Start, Window};

/// Every statement of the program: for checks against a real engine.
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    const FILES: &[&[&Statement]] = &[
        budgets::STATEMENTS,
        coupons::STATEMENTS,
        credentials::STATEMENTS,
        deliveries::STATEMENTS,
        events::STATEMENTS,
        firings::STATEMENTS,
        git_branches::STATEMENTS,
        git_repositories::STATEMENTS,
        github_deliveries::STATEMENTS,
        github_installations::STATEMENTS,
        github_pages::STATEMENTS,
        github_requests::STATEMENTS,
        github_states::STATEMENTS,
        github_uninstalls::STATEMENTS,
        invitations::STATEMENTS,
        jobs::STATEMENTS,
        leases::STATEMENTS,
        links::STATEMENTS,
        mails::STATEMENTS,
        members::STATEMENTS,
        metered_events::STATEMENTS,
        metered_events::run::STATEMENTS,
        metering_keys::STATEMENTS,
        notification_marks::STATEMENTS,
        organizations::STATEMENTS,
        projects::STATEMENTS,
        quota_overrides::STATEMENTS,
        signing_keys::STATEMENTS,
        spends::STATEMENTS,
        tokens::STATEMENTS,
        usage_days::STATEMENTS,
        users::STATEMENTS,
        webhooks::STATEMENTS,
    ];
    FILES.iter().flat_map(|file| file.iter().copied())
}
