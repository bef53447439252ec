//! The handle on the database, which runs units of work.
//!
//! A unit of work is a named function that gets a [`Tx`] and its arguments,
//! lent so that the unit can run again. It is written once and runs on either
//! engine. On PostgreSQL it is awaited like any other future. On SQLite it is
//! sent to the thread that owns the connection and polled there once, because
//! every statement completes at once. Awaiting anything but the `Tx` is refused.
//!
//! A unit that reads is first tried where it was called (`sqlite/near.rs`), and
//! sent to a thread only when it takes long: to hand it over costs more than
//! most of them do.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;
use futures_util::future::join;
use polity_api::scalar::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Error;
use crate::engine::changes::Changes;
use crate::engine::postgres::connect::PostgresOptions;
use crate::engine::postgres::{self, Postgres};
use crate::engine::sqlite::uncommitted::Uncommitted;
use crate::engine::sqlite::{self, Lite, Outcome};
use crate::engine::tx::{Mode, Tx};
use crate::engine::work::{Typed, Work};
use crate::migrate::{migrate, migrate_to_serve};

/// The future of a unit of work.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A unit of work: gets the transaction and its arguments.
pub type Unit<A, T, E> = for<'a> fn(&'a Tx<'a>, &'a A) -> BoxFuture<'a, Result<T, E>>;

/// What a finished unit of work took, for metrics and the log.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The name of the unit.
    pub unit: &'static str,
    /// From the call to the start: what it waited for a thread or a connection.
    pub queued: Duration,
    /// From the start to the end of its statements; on PostgreSQL to its end, with all the times it was tried.
    pub ran: Duration,
    /// The part of that in which PostgreSQL ended its transactions.
    pub ending: Duration,
    /// Whether it was kept.
    pub ok: bool,
    /// How often an answer of the database was waited for; 0 on SQLite.
    pub round_trips: u32,
    /// How often it was tried again; 0 on SQLite.
    pub retries: u32,
}

/// Receives a [`Measured`] for each unit of work.
pub type Observer = Arc<dyn Fn(Measured) + Send + Sync>;

/// Which database.
#[derive(Clone)]
pub enum Target {
    /// The file of an embedded database.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresOptions),
}

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// Which database.
    pub target: Target,
    /// Threads that read an embedded database; each owns a connection.
    pub readers: usize,
    /// How long one unit of work may run before it is interrupted.
    pub unit_budget: Duration,
    /// For how long another replica's changes may be unknown here, and so how
    /// long what is remembered may be believed after it was last confirmed;
    /// zero to remember nothing.
    pub revocation_bound: Duration,
    /// Receives the duration of each unit.
    pub observer: Observer,
    /// Receives, from time to time, how long a change took to be known here.
    pub delays: DelayObserver,
}

/// Receives how long a change took from its commit until it was known here.
pub type DelayObserver = Arc<dyn Fn(Duration) + Send + Sync>;

impl Options {
    /// The usual options: a reader for each core, units of at most five
    /// seconds, no observer.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Options {
            target,
            readers: std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8),
            unit_budget: Duration::from_secs(5),
            revocation_bound: Duration::from_secs(1),
            observer: Arc::new(|_| {}),
            delays: Arc::new(|_| {}),
        }
    }
}

/// An open database. Cheap to clone; the last clone to go closes it.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    changes: Arc<Changes>,
    observer: Observer,
}

#[derive(Clone)]
enum Engine {
    Lite(Arc<Lite>),
    Postgres(Arc<Postgres>),
}

impl Db {
    /// Opens the database; its schema must be current ([`crate::migrate()`]).
    /// A PostgreSQL server is first spoken to by the first unit.
    ///
    /// # Errors
    /// When the file cannot be opened, a thread cannot be started, or the URL
    /// or the certificates of the server cannot be used.
    pub fn open(options: &Options) -> Result<Db, Error> {
        match &options.target {
            // Whoever owns the file makes every change.
            Target::Sqlite(path) => {
                let changes = Changes::alone(!options.revocation_bound.is_zero());
                Ok(Db::of(Engine::Lite(Arc::new(Lite::open(path, options)?)), changes.into(), options))
            }
            Target::Postgres(server) => Db::pooled(postgres::pool(server, options.unit_budget)?, server, options),
        }
    }

    /// Opens the database for a server that starts, and brings its schema up to
    /// date before. Making a connection to PostgreSQL takes most of such a start,
    /// so the first one for units is made meanwhile.
    ///
    /// # Errors
    /// As [`crate::migrate()`] and [`Db::open`], and [`Error::Unfinished`].
    pub async fn start(options: &Options, now: Timestamp) -> Result<Db, Error> {
        match &options.target {
            Target::Sqlite(_) => {
                migrate(&options.target, now).await?;
                Db::open(options)
            }
            Target::Postgres(server) => {
                let pool = postgres::pool(server, options.unit_budget)?;
                // Where no connection can be had, the first unit says so.
                let (migrated, _) = join(migrate_to_serve(server, now), pool.get()).await;
                migrated?;
                Db::pooled(pool, server, options)
            }
        }
    }

    fn pooled(pool: Pool, server: &PostgresOptions, options: &Options) -> Result<Db, Error> {
        let remembers = !options.revocation_bound.is_zero();
        let changes = Arc::new(if remembers { Changes::followed() } else { Changes::alone(false) });
        let postgres = Postgres::open(pool, server, options, remembers.then(|| changes.clone()))?;
        Ok(Db::of(Engine::Postgres(Arc::new(postgres)), changes, options))
    }

    fn of(engine: Engine, changes: Arc<Changes>, options: &Options) -> Db {
        Db { engine, changes, observer: options.observer.clone() }
    }

    /// What was changed lately: tells whether what was remembered still holds.
    #[must_use]
    pub fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// Whether the database is embedded: this process then makes every change.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self.engine, Engine::Lite(_))
    }

    /// Runs a unit of work that writes: committed when it returns `Ok`, without
    /// a trace otherwise. Durable when this returns.
    ///
    /// # Errors
    /// What the unit returned, or why it could not run or commit.
    pub async fn write<A, T, E>(&self, unit: &'static str, args: A, f: Unit<A, T, E>) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.carry_out(Mode::Write, Arc::new(Typed::new(unit, args, f))).await
    }

    /// Runs a unit of work that only reads, from one snapshot.
    ///
    /// # Errors
    /// What the unit returned, or why it could not run.
    pub async fn read<A, T, E>(&self, unit: &'static str, args: A, f: Unit<A, T, E>) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.carry_out(Mode::Read, Arc::new(Typed::new(unit, args, f))).await
    }

    // The unit is held by a pointer from the start: its arguments and its result would be part of every future around
    // it.
    async fn carry_out<A, T, E>(&self, mode: Mode, work: Arc<Typed<A, T, E>>) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let lite = match &self.engine {
            Engine::Lite(lite) => lite,
            Engine::Postgres(postgres) => {
                return work.result(Box::pin(self.on_postgres(postgres, mode, &*work)).await);
            }
        };
        let called = Instant::now();
        if mode == Mode::Read && self.on_the_spot(lite, called, &*work) {
            return work.result(Ok(()));
        }
        let done = match self.on_a_thread(lite, mode, called, work.clone()) {
            Ok(done) => done.await.map_err(|_| Error::Closed).flatten(),
            Err(refused) => Err(refused),
        };
        work.result(done)
    }

    /// Whether a unit that reads was run on the spot; else it has to run on a thread.
    fn on_the_spot(&self, lite: &Lite, called: Instant, work: &dyn Work) -> bool {
        let near = lite.near();
        let ok = work.attempt(&Tx::near(&near, self.changes.epoch()));
        let done = !near.gave_up();
        if done {
            (self.observer)(measured(work.unit(), called, called, ok));
        }
        done
    }

    /// Hands a unit to a thread, which tells whether it could be carried out.
    fn on_a_thread(
        &self,
        lite: &Lite,
        mode: Mode,
        called: Instant,
        work: Arc<dyn Work>,
    ) -> Result<oneshot::Receiver<Outcome>, Error> {
        let (reply, done) = oneshot::channel();
        let (observer, changes) = (self.observer.clone(), self.changes.clone());
        match mode {
            Mode::Write => lite.write(Box::new(Writing { called, observer, changes, work, ran: None, reply }))?,
            Mode::Read => lite.read(Box::new(move |conn| {
                run(called, &observer, &Tx::reading(conn, changes.epoch()), &*work);
                // The arguments may hold the last handle on the database: it must not outlive the reply.
                drop(work);
                let _ = reply.send(Ok(()));
            }))?,
        }
        Ok(done)
    }

    async fn on_postgres(&self, postgres: &Postgres, mode: Mode, work: &dyn Work) -> Result<(), Error> {
        let started = Instant::now();
        let (kept, ran) = postgres.unit(mode, &self.changes, work).await;
        (self.observer)(Measured {
            unit: work.unit(),
            queued: ran.queued,
            ran: started.elapsed().saturating_sub(ran.queued),
            ending: ran.ending,
            ok: matches!(kept, Ok(true)),
            round_trips: ran.round_trips,
            retries: ran.retries,
        });
        kept.map(drop)
    }
}

/// A unit that writes, for the thread that owns the connection.
struct Writing {
    called: Instant,
    observer: Observer,
    changes: Arc<Changes>,
    work: Arc<dyn Work>,
    /// Whether what it changed the last time is to be kept, and the subjects it touched.
    ran: Option<(bool, Vec<Uuid>)>,
    reply: oneshot::Sender<Outcome>,
}

impl sqlite::Unit for Writing {
    fn run(&mut self, conn: &Mutex<Connection>, uncommitted: &Uncommitted) -> bool {
        let tx = Tx::writing(conn, self.changes.epoch(), uncommitted);
        let keep = run(self.called, &self.observer, &tx, &*self.work);
        let touched = tx.touched();
        uncommitted.add(&touched);
        self.ran = Some((keep, touched));
        keep
    }

    fn finish(self: Box<Self>, kept: Outcome, refused: Outcome) {
        let Writing { changes, work, ran, reply, .. } = *self;
        // The arguments may hold the last handle on the database: it must not outlive the reply.
        drop(work);
        let Some((keep, touched)) = ran else { return };
        match &kept {
            Ok(()) if keep => changes.apply(touched),
            Ok(()) => {}
            // Nobody knows what a disk that fails has kept.
            Err(_) => changes.forget_all(),
        }
        let _ = reply.send(if keep { kept } else { refused });
    }
}

fn run(called: Instant, observer: &Observer, tx: &Tx<'_>, work: &dyn Work) -> bool {
    let started = Instant::now();
    let keep = work.attempt(tx);
    observer(measured(work.unit(), called, started, keep));
    keep
}

fn measured(unit: &'static str, called: Instant, started: Instant, ok: bool) -> Measured {
    let (queued, ran) = (started - called, started.elapsed());
    Measured { unit, queued, ran, ending: Duration::ZERO, ok, round_trips: 0, retries: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sql::Query;

    static ROLLBACK: Query<(), ()> = Query::new("tests::ROLLBACK", "rollback", "", None);
    static CREATE: Query<(), ()> = Query::new("tests::CREATE", "create table kept (n integer)", "", None);

    /// Makes of errors results of its own, as units do that decide on many requests.
    fn goes_on<'a>(tx: &'a Tx<'a>, refused: &'a Arc<Mutex<Vec<Error>>>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            tx.execute(&ROLLBACK, &()).await?;
            let error = tx.execute(&CREATE, &()).await.err();
            refused.lock().unwrap().extend(error);
            Ok(())
        })
    }

    #[tokio::test]
    async fn a_unit_that_goes_on_without_its_transaction_changes_nothing_and_nothing_remembered_is_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.db");
        let target = Target::Sqlite(path.clone());
        migrate(&target, Timestamp(0)).await.unwrap();
        let db = Db::open(&Options::new(target)).unwrap();
        let before = db.changes().epoch();
        let refused = Arc::new(Mutex::new(Vec::new()));
        let outcome = db.write("go_on", refused.clone(), goes_on).await;
        assert!(matches!(outcome, Err(Error::GroupLost)), "{outcome:?}");
        let refused = refused.lock().unwrap();
        assert!(matches!(refused.as_slice(), [Error::RolledBack]), "{refused:?}");
        assert!(!db.changes().holds(before, [Uuid::nil()]));
        let conn = Connection::open(path).unwrap();
        let tables = conn.query_row("select count(*) from sqlite_schema where name = 'kept'", (), |row| row.get(0));
        assert_eq!(tables, Ok(0));
    }
}
