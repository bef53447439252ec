//! SQLite: one writer thread that commits waiting units in groups, connections
//! for reads on the spot, some reader threads for those that take long, and a
//! thread that checkpoints the write-ahead log beside them.

mod log;
pub(crate) mod near;
pub(crate) mod uncommitted;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, Sender, TrySendError, bounded};
use polity_api::scalar::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection};

use crate::Error;
use crate::engine::db::Options;
use crate::engine::row::{Each, Next, Source};
use crate::engine::sql::Statement;
use crate::engine::sqlite::near::{Near, Spot};
use crate::engine::sqlite::uncommitted::Uncommitted;
use crate::engine::value::{Datum, Kind, Param};

/// Whether a unit could be carried out: one that wrote, whether its group was committed.
pub(crate) type Outcome = Result<(), Error>;
type WriteJob = Box<dyn Unit>;
type ReadJob = Box<dyn FnOnce(&Mutex<Connection>) + Send>;

/// A unit that writes.
pub(crate) trait Unit: Send {
    /// Runs it, perhaps not for the first time: whether what it changed is to be kept.
    fn run(&mut self, conn: &Mutex<Connection>, uncommitted: &Uncommitted) -> bool;
    /// Tells its caller: the first if what it changed was to be kept, the second if it was refused.
    fn finish(self: Box<Self>, kept: Outcome, refused: Outcome);
}

/// Units of work that share one commit, and so one flush to disk, under load.
const GROUP: usize = 64;
/// Units of work that may wait; more are refused at once rather than answered late.
const QUEUE: usize = 4096;
/// A commit that takes this long is worth a line.
const SLOW_COMMIT: Duration = Duration::from_millis(50);
/// Statements a connection keeps prepared: more than the program has.
const STATEMENT_CACHE: usize = 512;
/// Memory for pages the writer has changed and may change again. What a group
/// changes stays in memory beyond it until its commit. Not more: where a page is
/// split, SQLite goes through all the places of this cache at the commit.
const WRITER_CACHE_KIB: i64 = 8 << 10;
/// A writer that had nothing to do for this long leaves the memory of its pages to others.
const IDLE: Duration = Duration::from_secs(10);
/// Virtual machine steps between two looks at the clock.
const STEPS_BETWEEN_CHECKS: i32 = 20_000;

pub(crate) struct Lite {
    queues: Option<(Sender<WriteJob>, Sender<ReadJob>, Sender<()>)>,
    spot: Spot,
    threads: Vec<JoinHandle<()>>,
}

impl Lite {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Lite, Error> {
        let (writer, write_jobs) = bounded(QUEUE);
        let (readers, read_jobs) = bounded::<ReadJob>(QUEUE);
        let (stop, stopped) = bounded(0);
        let mut threads = Vec::new();

        let (conn, budget) = connect(path, options.unit_budget)?;
        // It stays so: all others find it in the file. To ask for it makes a connection read the schema first.
        lock(&conn).pragma_update(None, "journal_mode", "wal")?;
        lock(&conn).pragma_update(None, "synchronous", "full")?;
        lock(&conn).pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        lock(&conn).pragma_update(None, "cache_spill", false)?;
        // What a refused unit changed is kept in memory until its end, not in a file.
        lock(&conn).pragma_update(None, "temp_store", "memory")?;
        let wish = log::Wish::default();
        let granted = wish.clone();
        threads.push(spawn("sqlite-writer".into(), move || write_loop(&conn, &budget, &write_jobs, &granted))?);
        for n in 0..options.readers.max(1) {
            let (conn, budget) = connect(path, options.unit_budget)?;
            lock(&conn).pragma_update(None, "query_only", true)?;
            let jobs = read_jobs.clone();
            threads.push(spawn(format!("sqlite-reader-{n}"), move || read_loop(&conn, &budget, &jobs))?);
        }
        let (conn, _) = connect(path, Duration::MAX)?;
        let database = path.to_owned();
        threads.push(spawn("sqlite-checkpoint".into(), move || log::copy_loop(&conn, &database, &wish, &stopped))?);
        let spot = Spot::open(path, options.readers.max(1))?;
        Ok(Lite { queues: Some((writer, readers, stop)), spot, threads })
    }

    /// For a unit that reads where it was called.
    pub(crate) fn near(&self) -> Near<'_> {
        self.spot.unit()
    }

    pub(crate) fn write(&self, job: WriteJob) -> Result<(), Error> {
        let (writer, ..) = self.queues.as_ref().ok_or(Error::Closed)?;
        writer.try_send(job).map_err(refused)
    }

    pub(crate) fn read(&self, job: ReadJob) -> Result<(), Error> {
        let (_, readers, _) = self.queues.as_ref().ok_or(Error::Closed)?;
        readers.try_send(job).map_err(refused)
    }
}

impl Drop for Lite {
    /// What waits is finished first: acknowledged or not, nothing is cut in half.
    fn drop(&mut self) {
        self.queues.take();
        let this = thread::current().id();
        // A unit whose caller is gone may hold the last handle: a thread cannot wait for itself.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != this) {
            let _ = thread.join();
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn refused<T>(error: TrySendError<T>) -> Error {
    match error {
        TrySendError::Full(_) => Error::Overloaded,
        TrySendError::Disconnected(_) => Error::Closed,
    }
}

fn spawn(name: String, f: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    Ok(thread::Builder::new().name(name).spawn(f)?)
}

fn lock(conn: &Mutex<Connection>) -> std::sync::MutexGuard<'_, Connection> {
    conn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the unit in progress has to be done; 0 while there is none.
struct Budget {
    start: Instant,
    deadline_micros: Arc<AtomicU64>,
    per_unit: Duration,
}

impl Budget {
    fn begin(&self) {
        let deadline = self.start.elapsed().saturating_add(self.per_unit);
        let micros = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX);
        self.deadline_micros.store(micros, Ordering::Relaxed);
    }
    fn end(&self) {
        self.deadline_micros.store(0, Ordering::Relaxed);
    }
}

/// Opens a connection as every thread uses it: foreign keys enforced, and the
/// file read rather than mapped, as is SQLite's default: an error of the disk is
/// an error then, and not the end of the process.
fn connect(path: &Path, per_unit: Duration) -> Result<(Mutex<Connection>, Budget), Error> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    // A plan does not depend on the values that are bound: else binding others compiles the statement again.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let (start, deadline_micros) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let seen = deadline_micros.clone();
    conn.progress_handler(
        STEPS_BETWEEN_CHECKS,
        Some(move || {
            let deadline = seen.load(Ordering::Relaxed);
            deadline != 0 && start.elapsed().as_micros() > u128::from(deadline)
        }),
    )?;
    Ok((Mutex::new(conn), Budget { start, deadline_micros, per_unit }))
}

fn execute(conn: &Mutex<Connection>, sql: &str) -> rusqlite::Result<()> {
    lock(conn).prepare_cached(sql)?.execute(())?;
    Ok(())
}

fn write_loop(conn: &Mutex<Connection>, budget: &Budget, jobs: &Receiver<WriteJob>, wish: &log::Wish) {
    while let Ok(first) = next(conn, jobs, IDLE) {
        // Jobs dropped unrun answer their callers with `Error::Closed`.
        if let Err(error) = execute(conn, "begin immediate") {
            tracing::error!(%error, "cannot begin a transaction");
            continue;
        }
        let (mut group, uncommitted) = (vec![first], Uncommitted::default());
        let together = run_together(conn, budget, jobs, &mut group, &uncommitted);
        // An interrupted or failed write can take the whole transaction with it:
        // then nothing in the group happened, and nothing may be acknowledged.
        let mut lost = lock(conn).is_autocommit();
        if !lost && !together {
            let again = execute(conn, "rollback").and_then(|()| execute(conn, "begin immediate"));
            if again.is_ok() {
                run_apart(conn, budget, &mut group, &uncommitted);
            }
            lost = again.is_err() || lock(conn).is_autocommit();
        }
        let fate = if lost { Fate::Lost } else { commit(conn) };
        if fate == Fate::Lost {
            tracing::error!("a group of writes was not committed");
        }
        for (place, unit) in group.into_iter().enumerate() {
            unit.finish(fate.of_kept(), fate.of_refused(place));
        }
        wish.grant(conn);
    }
}

/// What became of a group of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Committed,
    /// Nothing of it happened.
    Lost,
    /// The disk failed during the commit. After a crash the log may tell that it happened.
    Unknown,
}

impl Fate {
    fn of_kept(self) -> Outcome {
        match self {
            Fate::Committed => Ok(()),
            Fate::Lost => Err(Error::GroupLost),
            Fate::Unknown => Err(Error::OutcomeUnknown),
        }
    }

    /// A unit is refused for good if what it decided on is there: what was committed before, all that the first of a
    /// group sees, or what others of its group did.
    fn of_refused(self, place: usize) -> Outcome {
        if self == Fate::Committed || place == 0 { Ok(()) } else { Err(Error::GroupLost) }
    }
}

/// Waits for a unit, and does not meanwhile hold on to what those before it left in memory.
fn next(conn: &Mutex<Connection>, jobs: &Receiver<WriteJob>, idle: Duration) -> Result<WriteJob, RecvError> {
    match jobs.recv_timeout(idle) {
        Ok(unit) => Ok(unit),
        Err(RecvTimeoutError::Disconnected) => Err(RecvError),
        Err(RecvTimeoutError::Timeout) => {
            if let Err(error) = lock(conn).release_memory() {
                tracing::warn!(%error, "the pages of the writer stay in memory");
            }
            jobs.recv()
        }
    }
}

/// Makes a group durable.
fn commit(conn: &Mutex<Connection>) -> Fate {
    let started = Instant::now();
    let committed = execute(conn, "commit");
    let took = started.elapsed();
    if took >= SLOW_COMMIT {
        tracing::info!(commit_ms = took.as_micros() as f64 / 1000.0, "a commit took long: the disk is slow");
    }
    let Err(error) = committed else { return Fate::Committed };
    tracing::error!(%error, "a commit failed");
    if lock(conn).is_autocommit() {
        return Fate::Unknown;
    }
    // It was refused before anything of it was written.
    let _ = execute(conn, "rollback");
    Fate::Lost
}

/// Runs the units of a group one after the other, those that wait by then
/// included, with nothing between them: a savepoint for each would have every
/// page copied that it changes. False once a unit was refused that had changed
/// something, which nothing but the end of the group can undo, and once the
/// transaction is lost: what ran after that would be outside of any.
fn run_together(
    conn: &Mutex<Connection>,
    budget: &Budget,
    jobs: &Receiver<WriteJob>,
    group: &mut Vec<WriteJob>,
    uncommitted: &Uncommitted,
) -> bool {
    let changes = || lock(conn).total_changes();
    let mut next = 0;
    while let Some(unit) = group.get_mut(next) {
        let before = changes();
        budget.begin();
        let keep = unit.run(conn, uncommitted);
        budget.end();
        if (!keep && changes() != before) || lock(conn).is_autocommit() {
            return false;
        }
        next += 1;
        if next == group.len() && next < GROUP {
            group.extend(jobs.try_recv());
        }
    }
    true
}

/// Runs the units of a group again, each so that what it changed can be undone
/// without the others, until the transaction is lost.
fn run_apart(conn: &Mutex<Connection>, budget: &Budget, group: &mut [WriteJob], uncommitted: &Uncommitted) {
    for unit in group {
        let begun = execute(conn, "savepoint unit");
        if lock(conn).is_autocommit() {
            return;
        }
        budget.begin();
        let keep = unit.run(conn, uncommitted);
        budget.end();
        if lock(conn).is_autocommit() {
            return;
        }
        if begun.is_ok() && !keep {
            let _ = execute(conn, "rollback to unit");
        }
        let _ = execute(conn, "release unit");
    }
}

fn read_loop(conn: &Mutex<Connection>, budget: &Budget, jobs: &Receiver<ReadJob>) {
    for job in jobs {
        let begun = execute(conn, "begin");
        budget.begin();
        job(conn);
        budget.end();
        if begun.is_ok() {
            let _ = execute(conn, "commit");
        }
    }
}

/// Gives the rows of a statement to `each`, until it wants no more.
pub(crate) fn rows(
    conn: &Mutex<Connection>,
    statement: &Statement,
    params: &[&dyn Param],
    each: &mut Each<'_>,
) -> Result<(), Error> {
    let conn = lock(conn);
    let mut statement = bound(&conn, statement, params)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        if each(&mut LiteRow { row, next: 0 })? == Next::Enough {
            break;
        }
    }
    Ok(())
}

/// How many rows a statement changed.
pub(crate) fn run(conn: &Mutex<Connection>, statement: &Statement, params: &[&dyn Param]) -> Result<u64, Error> {
    let conn = lock(conn);
    Ok(bound(&conn, statement, params)?.raw_execute()? as u64)
}

fn bound<'c>(conn: &'c Connection, statement: &Statement, params: &[&dyn Param]) -> Result<CachedStatement<'c>, Error> {
    // An error can take the transaction with it. A unit that goes on all the same would commit each of its statements.
    if conn.is_autocommit() {
        return Err(Error::RolledBack);
    }
    let mut prepared = conn.prepare_cached(statement.lite)?;
    for (i, param) in params.iter().enumerate() {
        prepared.raw_bind_parameter(i + 1, Bound(param.datum()))?;
    }
    Ok(prepared)
}

struct Bound<'a>(Datum<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            Datum::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Datum::Uuid(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes.as_slice())),
            Datum::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Datum::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Datum::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Datum::Boolean(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
            Datum::Time(time) => ToSqlOutput::Borrowed(ValueRef::Integer(time.0)),
        })
    }
}

struct LiteRow<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    next: usize,
}

impl Source for LiteRow<'_, '_> {
    fn next(&mut self, kind: Kind) -> Option<Datum<'_>> {
        let value = self.row.get_ref(self.next).ok()?;
        self.next += 1;
        Some(match (kind, value) {
            (_, ValueRef::Null) => Datum::Null,
            (Kind::Uuid, ValueRef::Blob(bytes)) => Datum::Uuid(bytes.try_into().ok()?),
            (Kind::Bytes, ValueRef::Blob(bytes)) => Datum::Bytes(bytes),
            (Kind::Text, ValueRef::Text(text)) => Datum::Text(std::str::from_utf8(text).ok()?.into()),
            (Kind::Integer, ValueRef::Integer(number)) => Datum::Integer(number),
            (Kind::Boolean, ValueRef::Integer(number)) => Datum::Boolean(number != 0),
            (Kind::Time, ValueRef::Integer(micros)) => Datum::Time(Timestamp(micros)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs statements, and tells how that ended.
    struct Statements(&'static [&'static str], bool, Sender<Outcome>);

    impl Unit for Statements {
        fn run(&mut self, conn: &Mutex<Connection>, _: &Uncommitted) -> bool {
            self.0.iter().all(|sql| execute(conn, sql).is_ok()) && self.1
        }

        fn finish(self: Box<Self>, kept: Outcome, refused: Outcome) {
            self.2.send(if self.1 { kept } else { refused }).unwrap();
        }
    }

    type Case = (&'static [&'static str], bool);

    /// Whether units that wait together are told that all is as they left it, and how many rows are there then.
    fn group(units: &[Case]) -> (Vec<bool>, i64) {
        let (outcomes, rows) = group_on(units, |_| {});
        (outcomes.iter().map(Result::is_ok).collect(), rows)
    }

    fn group_on(units: &[Case], prepare: impl FnOnce(&mut Connection)) -> (Vec<Outcome>, i64) {
        let directory = tempfile::tempdir().unwrap();
        let (conn, budget) = connect(&directory.path().join("t.db"), Duration::MAX).unwrap();
        execute(&conn, "create table t (n integer)").unwrap();
        prepare(&mut lock(&conn));
        let (jobs, waiting) = bounded::<WriteJob>(QUEUE);
        let (told, outcomes) = bounded(QUEUE);
        for (statements, keep) in units {
            assert!(jobs.send(Box::new(Statements(statements, *keep, told.clone()))).is_ok());
        }
        drop((jobs, told));
        write_loop(&conn, &budget, &waiting, &log::Wish::default());
        let rows = lock(&conn).query_row("select count(*) from t", (), |row| row.get(0)).unwrap();
        (outcomes.iter().collect(), rows)
    }

    const INSERT: &str = "insert into t values (1)";

    #[test]
    fn a_unit_refused_late_is_undone_and_no_other_is() {
        assert_eq!(group(&[(&[INSERT], true), (&[INSERT, INSERT], false), (&[INSERT], true)]), (vec![true; 3], 2));
    }

    #[test]
    fn a_unit_is_waited_for_beyond_the_time_for_which_memory_is_held() {
        let directory = tempfile::tempdir().unwrap();
        let (conn, _) = connect(&directory.path().join("t.db"), Duration::MAX).unwrap();
        let (jobs, waiting) = bounded::<WriteJob>(QUEUE);
        let (told, outcomes) = bounded(QUEUE);
        let late = thread::spawn(move || jobs.send(Box::new(Statements(&[], true, told))).is_ok());
        next(&conn, &waiting, Duration::ZERO).unwrap().finish(Ok(()), Ok(()));
        assert!(late.join().unwrap() && outcomes.recv().unwrap().is_ok());
        assert!(next(&conn, &waiting, Duration::ZERO).is_err(), "nobody is left who could send one");
    }

    #[test]
    fn nothing_runs_in_a_group_once_its_transaction_is_lost() {
        // As an interrupted write takes it along. Who comes later has a transaction of his own.
        let (outcomes, rows) = group(&[(&[INSERT], true), (&["rollback"], false), (&[INSERT], true)]);
        assert_eq!((outcomes, rows), (vec![false, false, true], 1));
    }

    #[test]
    fn only_the_first_of_a_lost_group_is_refused_for_good() {
        // What the second decided on may be what one before it wrote, which never happened.
        assert_eq!(group(&[(&[], false), (&[], false), (&["rollback"], true)]), (vec![true, false, false], 0));
    }

    #[test]
    fn a_commit_that_fails_may_have_happened() {
        let fail = |conn: &mut Connection| conn.commit_hook(Some(|| true)).unwrap();
        let (outcomes, _) = group_on(&[(&[], false), (&[INSERT], true), (&[], false)], fail);
        assert!(
            matches!(outcomes.as_slice(), [Ok(()), Err(Error::OutcomeUnknown), Err(Error::GroupLost)]),
            "{outcomes:?}"
        );
    }

    #[test]
    fn a_commit_that_is_refused_did_not_happen() {
        let tables = |conn: &mut Connection| {
            conn.execute_batch(
                "create table p (n integer primary key);
                 create table c (n integer references p (n) deferrable initially deferred)",
            )
            .unwrap();
        };
        let (outcomes, _) = group_on(&[(&["insert into c values (7)"], true)], tables);
        assert!(matches!(outcomes.as_slice(), [Err(Error::GroupLost)]), "{outcomes:?}");
    }
}
