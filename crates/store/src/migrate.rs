//! Migrations: embedded, forward only, never edited after a release.

use std::path::Path;
use std::time::Duration;

use polity_api::scalar::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::Error;

/// One step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    lite: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "init", lite: include_str!("../migrations/0001_init.sqlite.sql") },
    Migration { version: 2, name: "lists", lite: include_str!("../migrations/0002_lists.sqlite.sql") },
];

/// Brings the schema of the database at `path` up to date, creating the file
/// if there is none, and returns how many steps were applied. Each step is one
/// transaction; two processes that start together do it once.
///
/// # Errors
/// [`Error::NewerSchema`] when a newer release wrote the database,
/// [`Error::ChangedMigration`] when an applied step differs from the one in
/// this binary, or what the engine refused.
pub fn migrate(path: &Path, now: Timestamp) -> Result<usize, Error> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(30))?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.execute_batch(
        "create table if not exists schema_migrations (
            version integer primary key, name text not null, checksum text not null, applied_at integer not null
        ) strict",
    )?;
    let mut applied = 0;
    for migration in MIGRATIONS {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newest: i64 = tx.query_row("select coalesce(max(version), 0) from schema_migrations", (), |r| r.get(0))?;
        let known = MIGRATIONS.last().map_or(0, |m| m.version);
        if newest > known {
            return Err(Error::NewerSchema { found: newest, known });
        }
        let checksum = checksum(migration.lite);
        if migration.version <= newest {
            let stored: String =
                tx.query_row("select checksum from schema_migrations where version = ?1", (migration.version,), |r| {
                    r.get(0)
                })?;
            if stored != checksum {
                return Err(Error::ChangedMigration(migration.version));
            }
            continue;
        }
        tx.execute_batch(migration.lite)?;
        tx.execute(
            "insert into schema_migrations (version, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, checksum, now.0),
        )?;
        tx.commit()?;
        applied += 1;
    }
    Ok(applied)
}

/// FNV-1a of the text: guards against an edited file, not against an attacker.
fn checksum(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        assert_eq!(migrate(&path, Timestamp(1)).unwrap(), MIGRATIONS.len());
        assert_eq!(migrate(&path, Timestamp(2)).unwrap(), 0);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        migrate(&path, Timestamp(1)).unwrap();
        let conn = Connection::open(&path).unwrap();
        conn.execute("insert into schema_migrations values (99, 'later', '', 0)", ()).unwrap();
        assert!(matches!(migrate(&path, Timestamp(2)), Err(Error::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        migrate(&path, Timestamp(1)).unwrap();
        let conn = Connection::open(&path).unwrap();
        conn.execute("update schema_migrations set checksum = 'x'", ()).unwrap();
        assert!(matches!(migrate(&path, Timestamp(2)), Err(Error::ChangedMigration(1))));
    }
}
