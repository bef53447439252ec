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
    // A step may make a table anew: the rows that refer to it stay, and are looked through before the step counts.
    conn.pragma_update(None, "foreign_keys", false)?;
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
        let dangling: Option<String> = tx.query_row("pragma foreign_key_check", (), |row| row.get(0)).optional()?;
        if let Some(table) = dangling {
            let version = migration.version;
            return Err(Error::Damaged(format!(
                "migration {version}: a row of {table} refers to one that is not there"
            )));
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

    /// A row of each table that is made anew, with what it refers to and what refers to it.
    const ROWS: &str = "
        insert into users (id, email, name, email_validated, password_hash, newsletter_subscribed,
            failed_deployment_email_notification, avatar_url, flags, last_login_ip, created_at, updated_at)
            values (x'01', 'ann@example.com', 'ann', 1, '', 0, 0, '', '[]', '', 1, 1);
        insert into organizations values (x'02', 'org_02', 'acme', 'acme', '', '', '', '', '', '', 0, '', '', '', 'hobby',
            null, '{}', 'ACTIVE', 'VALID', 'INVALID', 1, '[]', x'04', '', 7, 8, 9);
        insert into members values (x'03', x'02', x'01', 'ACTIVE', 1);
        insert into projects values (x'04', x'02', 'Default', 'default', '', 1, 1);
        insert into tokens values (x'05', 'ACCESS', x'01', x'02', x'06', 1, 2, 30, 10, 20);
        insert into credentials values (x'06', 'USER', 'ci', 'builds', x'07', x'01', x'02', 1, 2, 3);
        insert into budgets values (x'02', 500, 1, 1, 'stop', '[80]', '[]');";

    /// What is in these tables, as text.
    fn rows(conn: &Connection) -> Vec<Vec<String>> {
        let texts = |table| {
            let mut rows = conn.prepare(&format!("select * from {table} order by id")).unwrap();
            let columns = rows.column_count();
            let text = |row: &rusqlite::Row<'_>| {
                (0..columns).map(|at| Ok(format!("{:?}", row.get_ref(at)?))).collect::<rusqlite::Result<Vec<_>>>()
            };
            rows.query_map((), text).unwrap().flat_map(Result::unwrap).collect()
        };
        ["organizations", "members", "projects", "tokens", "credentials"].map(texts).into()
    }

    #[test]
    fn tables_that_are_made_anew_have_their_rows_and_are_still_referred_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        apply(&path, &MIGRATIONS[..6], Timestamp(1)).unwrap();
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(ROWS).unwrap();
        let before = rows(&conn);
        assert!(before.iter().all(|row| !row.is_empty()));
        assert_eq!(migrate(&path).unwrap(), MIGRATIONS.len() - 6);
        assert_eq!(rows(&conn), before);

        conn.pragma_update(None, "foreign_keys", true).unwrap();
        let foreign = "insert into members values (x'13', x'12', x'01', 'ACTIVE', 1)";
        let refused = conn.execute(foreign, ()).unwrap_err().to_string();
        assert_eq!(refused, "FOREIGN KEY constraint failed");
        assert!(conn.execute("delete from organizations where id = x'02'", ()).is_err(), "its members refer to it");
    }

    #[test]
    fn a_step_that_takes_away_what_a_row_refers_to_is_refused_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let step = |version, lite| Migration { version, name: "step", lite, pg: "" };
        let first = "create table a (id integer primary key); create table b (id integer references a (id));
                     insert into a values (1); insert into b values (1)";
        apply(&path, &[step(1, first)], Timestamp(1)).unwrap();
        let refused = apply(&path, &[step(1, first), step(2, "delete from a")], Timestamp(1)).unwrap_err();
        assert_eq!(refused.to_string(), "migration 2: a row of b refers to one that is not there");
        let conn = Connection::open(&path).unwrap();
        assert_eq!(conn.query_row("select count(*) from a", (), |row| row.get(0)), Ok(1));
        assert_eq!(conn.query_row("select max(version) from schema_migrations", (), |row| row.get(0)), Ok(1));
    }
}
