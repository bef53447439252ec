//! A consistent copy of an SQLite database that is in use, and a look at
//! whether a copy is whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use crate::Error;
use crate::copy::{Layout, TableDigest, table_digest};

/// Pages copied at a time.
const PAGES: i32 = 4096;
/// Memory for the pages of a database that is inspected, in KiB.
const CACHE_KIB: i64 = 64 << 10;

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its schema.
    pub schema_version: i64,
    /// Its tables by name.
    pub tables: BTreeMap<String, TableDigest>,
}

/// Copies the database at `source`, which may be in use by another process,
/// into the empty file `target`: one state of it, that of a moment after the
/// call. Readers and writers go on; the write-ahead log is kept until the copy
/// is done. The copy is a single file, without a log of its own.
///
/// # Errors
/// What the engine refused.
pub fn snapshot(source: &Path, target: &Path) -> Result<(), Error> {
    let from = Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    from.busy_timeout(Duration::from_secs(30))?;
    // The first read fixes what this transaction sees, and so what is copied:
    // without it the copy would begin anew after each commit of somebody else.
    from.execute_batch("begin; select count(*) from sqlite_schema")?;
    let mut to =
        Connection::open_with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // It is flushed once, at the end, by whoever asked for it.
    to.pragma_update(None, "synchronous", "off")?;
    {
        let backup = Backup::new(&from, &mut to)?;
        loop {
            match backup.step(PAGES)? {
                StepResult::Done => break,
                StepResult::More => {}
                // Nobody else knows of the target, and the source is being read already.
                _ => return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None).into()),
            }
        }
    }
    to.pragma_update(None, "journal_mode", "delete")?;
    to.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Looks at a database that nobody writes to: its structure, its references,
/// and every row of it.
///
/// # Errors
/// [`Error::Damaged`] when it is not whole, [`Error::NewerSchema`] when a newer
/// release wrote it, or what the engine refused.
pub fn inspect(path: &Path) -> Result<Contents, Error> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.execute_batch("begin")?;
    let is_ours = "select count(*) > 0 from sqlite_schema where type = 'table' and name = 'schema_migrations'";
    if !conn.query_row(is_ours, (), |row| row.get(0))? {
        return Err(Error::Damaged("this is no database of polity".into()));
    }
    let schema_version = conn.query_row("select coalesce(max(version), 0) from schema_migrations", (), |r| r.get(0))?;
    let known = crate::migrate::newest();
    if schema_version > known {
        return Err(Error::NewerSchema { found: schema_version, known });
    }
    let integrity: String = conn.query_row("pragma integrity_check(1)", (), |row| row.get(0))?;
    if integrity != "ok" {
        return Err(Error::Damaged(format!("the database is damaged: {integrity}")));
    }
    let lost = conn.query_row("select \"table\", parent from pragma_foreign_key_check limit 1", (), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    });
    match lost {
        Err(rusqlite::Error::QueryReturnedNoRows) => {}
        Ok((table, parent)) => {
            return Err(Error::Damaged(format!("a row of table {table} refers to one of {parent} that is missing")));
        }
        Err(error) => return Err(error.into()),
    }
    let mut tables = BTreeMap::new();
    for layout in Layout::all_of(&conn)? {
        let digest = table_digest(&conn, &layout)?;
        tables.insert(layout.name, digest);
    }
    Ok(Contents { schema_version, tables })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::copy::TABLES;

    fn database(dir: &tempfile::TempDir) -> PathBuf {
        let path = dir.path().join("polity.db");
        crate::migrate::migrate_file(&path);
        path
    }

    fn open(path: &Path) -> Connection {
        let conn = Connection::open(path).unwrap();
        conn.busy_timeout(Duration::from_secs(30)).unwrap();
        conn
    }

    const EVENT: &str = "insert into events (id, actor_kind, actor_name, object_kind, object_id, object_name, verb,
                         metadata, created_at) values (randomblob(16), 'x', '', '', x'', '', '', '{}', 0)";

    #[test]
    fn a_copy_is_one_file_with_every_row() {
        let dir = tempfile::tempdir().unwrap();
        let (source, target) = (database(&dir), dir.path().join("copy.db"));
        let conn = open(&source);
        conn.execute_batch(&[EVENT; 100].join(";")).unwrap();
        File::create(&target).unwrap();
        snapshot(&source, &target).unwrap();
        let contents = inspect(&target).unwrap();
        assert_eq!(contents, inspect(&source).unwrap());
        assert_eq!((contents.tables["events"].rows, contents.tables["users"].rows), (100, 0));
        assert_eq!(contents.tables.len(), TABLES.len());
        for end in ["-wal", "-shm", "-journal"] {
            assert!(!dir.path().join(format!("copy.db{end}")).exists(), "{end}");
        }
        assert_eq!(std::fs::read(&target).unwrap()[18..20], [1, 1], "not in write-ahead mode");
    }

    #[test]
    fn a_copy_of_a_database_that_is_written_to_is_one_state_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let source = database(&dir);
        open(&source).execute_batch(&format!("begin; {EVENT}; {EVENT}; commit")).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let conn = open(&source);
                // Two at a time: an odd number of rows would be half a commit.
                while !stop.load(Ordering::Relaxed) {
                    conn.execute_batch(&format!("begin immediate; {EVENT}; {EVENT}; commit")).unwrap();
                }
            });
            for n in 0..5 {
                let target = dir.path().join(format!("{n}.db"));
                let before =
                    open(&source).query_row("select count(*) from events", (), |r| r.get::<_, i64>(0)).unwrap();
                File::create(&target).unwrap();
                snapshot(&source, &target).unwrap();
                let rows = inspect(&target).unwrap().tables["events"].rows;
                assert!(rows >= before.unsigned_abs() && rows.is_multiple_of(2), "{rows} rows, {before} before");
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_lost_reference_a_newer_schema_and_a_damaged_page_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = database(&dir);
        let conn = open(&path);
        conn.execute_batch(
            "pragma foreign_keys = off;
            insert into budgets (organization_id, amount_cents, created_at, updated_at) values (x'01', 1, 0, 0)",
        )
        .unwrap();
        let error = inspect(&path).unwrap_err().to_string();
        assert_eq!(error, "a row of table budgets refers to one of organizations that is missing");
        conn.execute_batch("delete from budgets; insert into schema_migrations values (99, 'later', '', 0)").unwrap();
        assert!(matches!(inspect(&path), Err(Error::NewerSchema { found: 99, .. })));
        conn.execute_batch("alter table schema_migrations rename to others").unwrap();
        assert_eq!(inspect(&path).unwrap_err().to_string(), "this is no database of polity");
        conn.execute_batch("alter table others rename to schema_migrations").unwrap();
        conn.execute_batch("delete from schema_migrations where version = 99; pragma journal_mode = delete").unwrap();
        drop(conn);
        let mut bytes = std::fs::read(&path).unwrap();
        let page = bytes.len() - 4096;
        bytes[page..page + 64].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        assert!(inspect(&path).is_err());
    }
}
