//! Migrations of the embedded database.

use std::path::Path;
use std::time::Duration;

use polity_api::scalar::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::Error;
use crate::migrate::{Migration, Next, checksum, known, next};

pub(super) fn apply(path: &Path, migrations: &[Migration], now: Timestamp) -> Result<usize, Error> {
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
    for migration in migrations {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newest = tx.query_row("select coalesce(max(version), 0) from schema_migrations", (), |r| r.get(0))?;
        let found: Option<String> = tx
            .query_row("select checksum from schema_migrations where version = ?1", (migration.version,), |r| r.get(0))
            .optional()?;
        let checksum = checksum(migration.lite);
        match next(migration, known(migrations), newest, found.as_deref(), &checksum)? {
            Next::Skip => continue,
            Next::Apply => tx.execute_batch(migration.lite)?,
        }
        tx.execute(
            "insert into schema_migrations (version, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, checksum, now.0),
        )?;
        tx.commit()?;
        applied += 1;
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;

    fn migrate(path: &Path) -> Result<usize, Error> {
        apply(path, MIGRATIONS, Timestamp(1))
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        assert_eq!(migrate(&path).unwrap(), MIGRATIONS.len());
        assert_eq!(migrate(&path).unwrap(), 0);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        migrate(&path).unwrap();
        let conn = Connection::open(&path).unwrap();
        conn.execute("insert into schema_migrations values (99, 'later', '', 0)", ()).unwrap();
        assert!(matches!(migrate(&path), Err(Error::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        migrate(&path).unwrap();
        let conn = Connection::open(&path).unwrap();
        conn.execute("update schema_migrations set checksum = 'x'", ()).unwrap();
        assert!(matches!(migrate(&path), Err(Error::ChangedMigration(1))));
    }
}
