//! The write-ahead log, copied back into the database while units are written.
//!
//! Its end moves on while it is copied, so a log that somebody always writes to
//! is never copied to its end and would grow for ever, and readers look through
//! all of it. Once it is long, the writer therefore copies the little that is
//! left between two groups, and goes on from the start of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;

use super::lock;

/// How often the log is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// It is copied from this size on.
const COPY_BYTES: u64 = 4 << 20;
/// It is begun again from this size on.
const LONG_BYTES: u64 = 64 << 20;
/// A file of this size is cut as well, as after a backup, which readers and so the log had to wait for.
const CUT_BYTES: u64 = 512 << 20;
/// Bytes of a page, as SQLite makes them.
const PAGE_BYTES: u64 = 4096;
/// How long the writer waits for readers of the log to end. For one that goes on for longer the log grows.
const WAIT: Duration = Duration::from_millis(20);

/// What the thread that copies asks of the writer.
#[derive(Clone, Default)]
pub(super) struct Wish(Arc<AtomicU8>);

const NOTHING: u8 = 0;
const BEGIN_AGAIN: u8 = 1;
const CUT: u8 = 2;

impl Wish {
    /// Carries out what was asked for; between two transactions, on the connection of the writer.
    pub(super) fn grant(&self, writer: &Mutex<Connection>) {
        let mode = match self.0.swap(NOTHING, Ordering::Relaxed) {
            NOTHING => return,
            CUT => "truncate",
            _ => "restart",
        };
        if let Err(error) = copy(&lock(writer), mode) {
            tracing::warn!(%error, "the log is not begun again");
        }
    }
}

/// Runs a checkpoint and returns how many pages are in the log, copied or not.
fn copy(conn: &Connection, mode: &str) -> rusqlite::Result<u64> {
    // One who waits for more than a moment would hold up all writes.
    let usual: u32 = conn.query_row("pragma busy_timeout", (), |row| row.get(0))?;
    conn.busy_timeout(WAIT)?;
    let pages: rusqlite::Result<i64> = conn.query_row(&format!("pragma wal_checkpoint({mode})"), (), |row| row.get(1));
    conn.busy_timeout(Duration::from_millis(usual.into()))?;
    Ok(u64::try_from(pages?).unwrap_or(0))
}

/// Copies the log back, until told to stop.
pub(super) fn copy_loop(conn: &Mutex<Connection>, database: &Path, wish: &Wish, stopped: &Receiver<()>) {
    let log = log_of(database);
    let mut length = Length::default();
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
        let file_bytes = fs::metadata(&log).map_or(0, |file| file.len());
        if file_bytes < COPY_BYTES {
            continue;
        }
        match copy(&lock(conn), "passive") {
            Ok(pages) if length.is_too_long(pages * PAGE_BYTES) => {
                let wanted = if file_bytes < CUT_BYTES { BEGIN_AGAIN } else { CUT };
                wish.0.store(wanted, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the log is not copied"),
        }
    }
}

/// The log of a database: SQLite puts it beside the file itself, not beside a link to it.
fn log_of(database: &Path) -> PathBuf {
    let mut log = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into_os_string();
    log.push("-wal");
    log.into()
}

/// When to ask that the log be begun again: once it is long and, while somebody reads on, whenever it has doubled.
struct Length {
    last_bytes: u64,
    ask_at_bytes: u64,
}

impl Default for Length {
    fn default() -> Length {
        Length { last_bytes: 0, ask_at_bytes: LONG_BYTES }
    }
}

impl Length {
    fn is_too_long(&mut self, bytes: u64) -> bool {
        if bytes < self.last_bytes {
            self.ask_at_bytes = LONG_BYTES;
        }
        self.last_bytes = bytes;
        let ask = bytes >= self.ask_at_bytes;
        if ask {
            self.ask_at_bytes = bytes * 2;
        }
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir) -> Mutex<Connection> {
        let conn = Connection::open(directory.path().join("db")).unwrap();
        conn.busy_timeout(Duration::from_secs(5)).unwrap();
        conn.pragma_update(None, "journal_mode", "wal").unwrap();
        conn.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        conn.execute_batch("create table if not exists t (text)").unwrap();
        Mutex::new(conn)
    }

    fn write(conn: &Mutex<Connection>, kib: usize) {
        lock(conn).execute("insert into t values (?1)", (vec![7_u8; kib << 10],)).unwrap();
    }

    /// Two connections to a database with a log of 400 KiB, which the first wrote.
    fn setup() -> (tempfile::TempDir, Mutex<Connection>, Mutex<Connection>) {
        let directory = tempfile::tempdir().unwrap();
        let (writer, other) = (open(&directory), open(&directory));
        write(&writer, 400);
        (directory, writer, other)
    }

    #[test]
    fn a_long_log_is_begun_again_by_the_writer() {
        let ((directory, writer, other), wish) = (setup(), Wish::default());
        let log = fs::metadata(directory.path().join("db-wal")).unwrap().len();
        assert!(log > 400 << 10, "{log} bytes");

        wish.0.store(BEGIN_AGAIN, Ordering::Relaxed);
        wish.grant(&writer);
        write(&writer, 1);
        assert!(copy(&lock(&other), "passive").unwrap() < 10);
        assert_eq!(wish.0.load(Ordering::Relaxed), NOTHING);
        assert_eq!(lock(&other).query_row("select count(*) from t", (), |row| row.get(0)), Ok(2));
    }

    #[test]
    fn a_reader_that_goes_on_is_not_waited_for_and_loses_nothing() {
        let ((directory, writer, reader), wish) = (setup(), Wish::default());
        lock(&reader).execute_batch("begin").unwrap();
        let count = || lock(&reader).query_row("select count(*) from t", (), |row| row.get(0));
        assert_eq!(count(), Ok(1));
        write(&writer, 1);
        let long = copy(&lock(&writer), "passive").unwrap();
        wish.0.store(BEGIN_AGAIN, Ordering::Relaxed);
        wish.grant(&writer);
        write(&writer, 1);
        assert_eq!(count(), Ok(1));
        assert!(copy(&lock(&writer), "passive").unwrap() > long, "the log goes on");

        lock(&reader).execute_batch("commit").unwrap();
        wish.0.store(CUT, Ordering::Relaxed);
        wish.grant(&writer);
        let log = directory.path().join("db-wal");
        assert_eq!(fs::metadata(log).unwrap().len(), 0);
        assert_eq!(count(), Ok(3));
    }

    #[cfg(unix)]
    #[test]
    fn the_log_of_a_database_behind_a_link_is_found_whatever_its_name() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"not utf-8 \xff.db");
        let (file, link) = (directory.path().join(name), directory.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let conn = Connection::open(&link).unwrap();
        conn.pragma_update(None, "journal_mode", "wal").unwrap();
        conn.execute_batch("create table t (text)").unwrap();
        assert!(fs::metadata(log_of(&link)).unwrap().len() > 0);
    }

    #[test]
    fn it_is_asked_for_once_and_again_when_that_did_not_help() {
        let mut length = Length::default();
        let asked: Vec<_> = [10, 64, 65, 127, 128, 130, 5, 63, 64].map(|mib| length.is_too_long(mib << 20)).into();
        assert_eq!(asked, [false, true, false, false, true, false, false, false, true]);
    }
}
