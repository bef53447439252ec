//! Migrations: embedded, forward only, never edited after a release.
//!
//! A step is applied in one transaction that holds a lock on the list of steps
//! and adds itself to it, so that servers which start together apply it once.
//! The previous release keeps working on the schema of the next one: a step
//! only adds (expand), and what is no longer used goes in a later release
//! (contract). An index can go at once, and a table of an embedded database can
//! be made anew, with the same columns: one release at a time has it open. On
//! PostgreSQL a step that changes several tables begins with locking them all:
//! work that is done before it finds one in use is done again.

use polity_api::scalar::Timestamp;

use crate::Error;
use crate::engine::db::Target;
use crate::engine::postgres::connect::PostgresOptions;

mod postgres;
mod sqlite;

/// One step of the schema, with a text for each engine.
struct Migration {
    version: i64,
    name: &'static str,
    lite: &'static str,
    pg: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "init",
        lite: include_str!("../migrations/0001_init.sqlite.sql"),
        pg: include_str!("../migrations/0001_init.postgres.sql"),
    },
    Migration {
        version: 2,
        name: "lists",
        lite: include_str!("../migrations/0002_lists.sqlite.sql"),
        pg: include_str!("../migrations/0002_lists.postgres.sql"),
    },
    Migration {
        version: 3,
        name: "spend",
        lite: include_str!("../migrations/0003_spend.sqlite.sql"),
        pg: include_str!("../migrations/0003_spend.postgres.sql"),
    },
    Migration {
        version: 4,
        name: "webhooks",
        lite: include_str!("../migrations/0004_webhooks.sqlite.sql"),
        pg: include_str!("../migrations/0004_webhooks.postgres.sql"),
    },
    Migration {
        version: 5,
        name: "github",
        lite: include_str!("../migrations/0005_github.sqlite.sql"),
        pg: include_str!("../migrations/0005_github.postgres.sql"),
    },
    Migration {
        version: 6,
        name: "events",
        lite: include_str!("../migrations/0006_events.sqlite.sql"),
        pg: include_str!("../migrations/0006_events.postgres.sql"),
    },
    Migration {
        version: 7,
        name: "keys",
        lite: include_str!("../migrations/0007_keys.sqlite.sql"),
        pg: include_str!("../migrations/0007_keys.postgres.sql"),
    },
    Migration {
        version: 8,
        name: "narrow",
        lite: include_str!("../migrations/0008_narrow.sqlite.sql"),
        pg: include_str!("../migrations/0008_narrow.postgres.sql"),
    },
];

/// Brings the schema of a database up to date, creating the file of an
/// embedded one if there is none, and returns how many steps were applied.
///
/// # Errors
/// [`Error::NewerSchema`] when a newer release wrote the database,
/// [`Error::ChangedMigration`] when an applied step differs from the one in
/// this binary, or what the engine refused.
pub async fn migrate(target: &Target, now: Timestamp) -> Result<usize, Error> {
    apply(target, MIGRATIONS, now).await
}

/// The same for a server that starts on PostgreSQL.
///
/// # Errors
/// As [`migrate`], and [`Error::Unfinished`].
pub(crate) async fn migrate_to_serve(options: &PostgresOptions, now: Timestamp) -> Result<usize, Error> {
    postgres::apply_to_serve(options, MIGRATIONS, now).await
}

async fn apply(target: &Target, migrations: &[Migration], now: Timestamp) -> Result<usize, Error> {
    match target {
        Target::Sqlite(path) => sqlite::apply(path, migrations, now),
        Target::Postgres(options) => postgres::apply(options, migrations, now).await,
    }
}

/// What the list of applied steps says about one step.
enum Next {
    /// It is applied already.
    Skip,
    /// It is to be applied.
    Apply,
}

/// Compares a step with what is applied: the newest version, and the checksum
/// of this step if it is among them.
fn next(migration: &Migration, known: i64, newest: i64, applied: Option<&str>, checksum: &str) -> Result<Next, Error> {
    if newest > known {
        return Err(Error::NewerSchema { found: newest, known });
    }
    match applied {
        Some(applied) if applied == checksum => Ok(Next::Skip),
        Some(_) => Err(Error::ChangedMigration(migration.version)),
        None => Ok(Next::Apply),
    }
}

fn known(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The newest schema this release knows.
pub(crate) fn newest() -> i64 {
    known(MIGRATIONS)
}

/// Migrates the file of a test that is not async.
#[cfg(test)]
pub(crate) fn migrate_file(path: &std::path::Path) {
    sqlite::apply(path, MIGRATIONS, Timestamp(0)).unwrap();
}

/// FNV-1a of the text: guards against an edited file, not against an attacker.
fn checksum(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}
