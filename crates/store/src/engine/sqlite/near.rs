//! Units that read, run where they were called.
//!
//! Most reads take less than it costs to hand them to a thread and to be woken
//! by it. So a unit is first run on the spot, with a connection that is taken
//! for its first statement; a unit that needs none, because what it reads is
//! remembered, takes none. A statement that takes long is interrupted, and the
//! unit runs again on a reader thread, where it stops nobody.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::Error;
use crate::engine::sqlite::{Budget, connect, execute, lock};

/// How long a unit may take on the spot. It is looked at every
/// [`super::STEPS_BETWEEN_CHECKS`], so little more than that is always allowed.
const ON_THE_SPOT: Duration = Duration::from_micros(200);

/// Connections for units that run where they were called.
pub(crate) struct Spot(Mutex<Vec<Reader>>);

struct Reader {
    conn: Mutex<Connection>,
    budget: Budget,
}

impl Spot {
    /// So many connections, as many units can run on the spot at a time.
    pub(crate) fn open(path: &Path, connections: usize) -> Result<Spot, Error> {
        let open = |_| {
            let (conn, budget) = connect(path, ON_THE_SPOT)?;
            lock(&conn).pragma_update(None, "query_only", true)?;
            // Whoever has to wait does so on a thread.
            lock(&conn).busy_timeout(Duration::ZERO)?;
            Ok(Reader { conn, budget })
        };
        Ok(Spot(Mutex::new((0..connections).map(open).collect::<Result<_, Error>>()?)))
    }

    /// For one unit.
    pub(crate) fn unit(&self) -> Near<'_> {
        Near { spot: self, reader: OnceLock::new(), gave_up: AtomicBool::new(false) }
    }

    fn take(&self) -> Option<Reader> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let begun = execute(&reader.conn, "begin");
        reader.budget.begin();
        if begun.is_err() {
            self.give_back(reader);
            return None;
        }
        Some(reader)
    }

    fn give_back(&self, reader: Reader) {
        reader.budget.end();
        if !lock(&reader.conn).is_autocommit() {
            let _ = execute(&reader.conn, "commit");
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

/// What one unit that runs on the spot has of the database.
pub(crate) struct Near<'s> {
    spot: &'s Spot,
    /// From the first statement on; none when no connection was free.
    reader: OnceLock<Option<Reader>>,
    gave_up: AtomicBool,
}

impl Near<'_> {
    /// Runs one statement.
    ///
    /// # Errors
    /// What the engine says, or that there is no connection. It is never seen
    /// outside: the unit runs again on a thread, whatever it made of the error.
    pub(crate) fn run<T>(&self, statement: impl FnOnce(&Mutex<Connection>) -> Result<T, Error>) -> Result<T, Error> {
        let done = match self.reader.get_or_init(|| self.spot.take()) {
            Some(reader) => statement(&reader.conn),
            None => Err(Error::Overloaded),
        };
        if done.is_err() {
            self.gave_up.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Whether the unit has to run again on a thread.
    pub(crate) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }
}

impl Drop for Near<'_> {
    fn drop(&mut self) {
        if let Some(Some(reader)) = self.reader.take() {
            self.spot.give_back(reader);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000000) select count(*) from n";

    fn spot() -> (tempfile::TempDir, Spot) {
        let directory = tempfile::tempdir().unwrap();
        let spot = Spot::open(&directory.path().join("t.db"), 1).unwrap();
        (directory, spot)
    }

    fn number(near: &Near<'_>, sql: &str) -> Result<i64, Error> {
        near.run(|conn| Ok(lock(conn).query_row(sql, (), |row| row.get(0))?))
    }

    fn free(spot: &Spot) -> usize {
        spot.0.lock().unwrap().len()
    }

    #[test]
    fn a_unit_that_takes_long_gives_up_and_its_connection_serves_the_next() {
        let (_directory, spot) = spot();
        let near = spot.unit();
        assert!(number(&near, LONG).is_err() && near.gave_up());
        drop(near);
        let near = spot.unit();
        assert_eq!(number(&near, "select 7").unwrap(), 7);
        assert!(!near.gave_up());
    }

    #[test]
    fn a_connection_is_taken_for_the_first_statement_and_given_back() {
        let (_directory, spot) = spot();
        let near = spot.unit();
        assert_eq!(free(&spot), 1);
        number(&near, "select 1").unwrap();
        assert_eq!(free(&spot), 0);
        drop(near);
        assert_eq!(free(&spot), 1);
    }

    #[test]
    fn a_unit_gives_up_when_no_connection_is_free() {
        let (_directory, spot) = spot();
        let (first, second) = (spot.unit(), spot.unit());
        number(&first, "select 1").unwrap();
        assert!(number(&second, "select 1").is_err() && second.gave_up());
        assert!(!first.gave_up());
    }
}
