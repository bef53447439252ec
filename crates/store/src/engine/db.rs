//! The handle on the database, and what a unit of work gets.
//!
//! A unit of work is a named function that gets a [`Tx`] and its arguments,
//! lent so that the unit could run again. It is `async` so that the same text
//! can run on an engine behind a network; on SQLite it is sent to the thread
//! that owns the connection and polled there once, because every statement
//! completes at once. Awaiting anything but the `Tx` is refused.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::Error;
use crate::engine::row::FromRow;
use crate::engine::sql::Query;
use crate::engine::sqlite::{Lite, Outcome};
use crate::engine::value::Params;

/// The future of a unit of work.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A unit of work: gets the transaction and its arguments.
pub type Unit<A, T, E> = for<'a> fn(&'a Tx<'a>, &'a A) -> BoxFuture<'a, Result<T, E>>;

/// What a finished unit of work took, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The name of the unit.
    pub unit: &'static str,
    /// From the call to the start.
    pub queued: Duration,
    /// From the start to the end of its statements, commit not included.
    pub ran: Duration,
    /// Whether it was kept.
    pub ok: bool,
}

/// Receives a [`Measured`] for each unit of work.
pub type Observer = Arc<dyn Fn(Measured) + Send + Sync>;

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Threads that read; each owns a connection.
    pub readers: usize,
    /// How long one unit of work may run before it is interrupted.
    pub unit_budget: Duration,
    /// Receives the duration of each unit.
    pub observer: Observer,
}

impl Options {
    /// The usual options for the file at `path`: a reader for each core, units
    /// of at most five seconds, no observer.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Options {
            path,
            readers: std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8),
            unit_budget: Duration::from_secs(5),
            observer: Arc::new(|_| {}),
        }
    }
}

/// An open database. Cheap to clone; the last clone to go closes it.
#[derive(Clone)]
pub struct Db {
    lite: Arc<Lite>,
    observer: Observer,
}

/// One unit of work in progress.
pub struct Tx<'c> {
    conn: &'c Mutex<Connection>,
}

impl Db {
    /// Opens the database; its schema must be current ([`crate::migrate()`]).
    ///
    /// # Errors
    /// When the file cannot be opened or a thread cannot be started.
    pub fn open(options: &Options) -> Result<Db, Error> {
        Ok(Db { lite: Arc::new(Lite::open(options)?), observer: options.observer.clone() })
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
        let (reply, done) = oneshot::channel();
        let (called, observer) = (Instant::now(), self.observer.clone());
        self.lite.write(Box::new(move |conn| {
            let result = run(unit, called, &observer, conn, &args, f);
            let keep = result.is_ok();
            let finish = Box::new(move |outcome: Outcome| {
                let _ = reply.send(match outcome {
                    Ok(()) => result,
                    Err(error) => result.and(Err(error.into())),
                });
            });
            (keep, finish)
        }))?;
        done.await.map_err(|_| Error::Closed)?
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
        let (reply, done) = oneshot::channel();
        let (called, observer) = (Instant::now(), self.observer.clone());
        self.lite.read(Box::new(move |conn| {
            let result = run(unit, called, &observer, conn, &args, f);
            // The arguments may hold the last handle on the database: it must not outlive the reply.
            drop(args);
            let _ = reply.send(result);
        }))?;
        done.await.map_err(|_| Error::Closed)?
    }
}

fn run<A, T, E: From<Error>>(
    unit: &'static str,
    called: Instant,
    observer: &Observer,
    conn: &Mutex<Connection>,
    args: &A,
    f: Unit<A, T, E>,
) -> Result<T, E> {
    let started = Instant::now();
    let tx = Tx { conn };
    let result = catch_unwind(AssertUnwindSafe(|| poll_once(unit, f(&tx, args))))
        .unwrap_or_else(|_| Err(Error::Panicked(unit).into()));
    observer(Measured { unit, queued: started - called, ran: started.elapsed(), ok: result.is_ok() });
    result
}

fn poll_once<T, E: From<Error>>(unit: &'static str, mut future: BoxFuture<'_, Result<T, E>>) -> Result<T, E> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::ForeignAwait(unit).into()),
    }
}

// The methods await nothing on SQLite; they are `async` for the units that call them.
#[expect(clippy::unused_async, reason = "an engine behind a network awaits here")]
impl Tx<'_> {
    /// Every row of a statement.
    ///
    /// # Errors
    /// When the engine refuses the statement.
    pub(crate) async fn all<P: Params, R: FromRow>(&self, query: &Query<P, R>, params: P) -> Result<Vec<R>, Error> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = bound(&conn, query, &params)?;
        let mut rows = statement.raw_query();
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(R::from_lite(row)?);
        }
        Ok(out)
    }

    /// The first row of a statement, if there is one.
    ///
    /// # Errors
    /// When the engine refuses the statement.
    pub(crate) async fn optional<P: Params, R: FromRow>(
        &self,
        query: &Query<P, R>,
        params: P,
    ) -> Result<Option<R>, Error> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = bound(&conn, query, &params)?;
        let mut rows = statement.raw_query();
        Ok(rows.next()?.map(R::from_lite).transpose()?)
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// When the engine refuses the statement, a broken constraint included.
    pub(crate) async fn execute<P: Params>(&self, query: &Query<P, ()>, params: &P) -> Result<u64, Error> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(bound(&conn, query, params)?.raw_execute()? as u64)
    }
}

fn bound<'c, P: Params, R>(
    conn: &'c Connection,
    query: &Query<P, R>,
    params: &P,
) -> rusqlite::Result<rusqlite::CachedStatement<'c>> {
    let mut statement = conn.prepare_cached(query.lite)?;
    for (i, param) in params.refs().into_iter().enumerate() {
        statement.raw_bind_parameter(i + 1, param.lite())?;
    }
    Ok(statement)
}
