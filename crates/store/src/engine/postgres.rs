//! PostgreSQL: a pool of connections, and units of work as transactions that
//! are tried again where that is safe.
//!
//! A unit takes a connection with its first statement, so that one that needs
//! none costs nothing. `begin` leaves in one packet with that statement, and
//! `commit` with the last ones whose results nobody waits for ([`PgTx::send`]):
//! a round trip is only made for an answer that is needed.

pub(crate) mod connect;
mod follow;
pub(crate) mod hosts;
mod pause;
mod posted;
pub(crate) mod wire;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use futures_util::FutureExt;
use futures_util::future::join;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_postgres::{Row, Statement as Prepared};

use crate::Error;
use crate::engine::changes::Changes;
use crate::engine::db::Options;
use crate::engine::postgres::connect::PostgresOptions;
use crate::engine::postgres::hosts::Hosts;
use crate::engine::postgres::posted::{Posted, Sent, is_aborted};
use crate::engine::postgres::wire::{Bound, dynamic, typed, types};
use crate::engine::sql::{Query, Statement};
use crate::engine::tx::{Mode, Tx};
use crate::engine::value::{Param, Values};
use crate::engine::work::Work;

/// How long a unit waits for a free connection before it is refused.
const POOL_WAIT: Duration = Duration::from_secs(2);
/// How often a unit that lost against another is tried again at most.
const CONFLICT_TRIES: u32 = 40;
/// How often a unit whose connection broke is tried again at most.
const LOST_TRIES: u32 = 4;

const fn begin(mode: Mode) -> &'static str {
    match mode {
        // One snapshot for everything the unit reads.
        Mode::Read => "begin isolation level repeatable read read only",
        // As if units ran one after the other, which is how they are written.
        Mode::Write => "begin isolation level serializable",
    }
}

/// How a unit went, besides its result.
#[derive(Default)]
pub(crate) struct Ran {
    pub(crate) round_trips: u32,
    pub(crate) retries: u32,
    /// The time it waited for connections.
    pub(crate) queued: Duration,
    /// The time it waited for the ends of its transactions.
    pub(crate) ending: Duration,
}

pub(crate) struct Postgres {
    pool: Pool,
    prepare: bool,
    announcement: &'static Query<(String,), ()>,
    unit_budget: Duration,
    /// Learns what other replicas change, where anything is remembered.
    following: JoinHandle<()>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// A pool of connections, of which none is made yet.
pub(crate) fn pool(options: &PostgresOptions, unit_budget: Duration) -> Result<Pool, Error> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let hosts = Hosts::new(options)?;
    let create_timeout = hosts.patience();
    let manager = Manager::from_connect(options.config()?, hosts, recycling);
    Pool::builder(manager)
        .max_size(options.connections.max(1))
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(create_timeout))
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(move |client, _| {
            Box::pin(async move { connect::set_up(client, unit_budget).await.map_err(HookError::Backend) })
        }))
        .build()
        .map_err(|error| Error::BadUrl(error.to_string()))
}

impl Postgres {
    /// Runs units on a pool; with `changes`, what other replicas change is followed.
    pub(crate) fn open(
        pool: Pool,
        options: &PostgresOptions,
        all: &Options,
        changes: Option<Arc<Changes>>,
    ) -> Result<Postgres, Error> {
        let announcement = if options.notify { &follow::ANNOUNCE_AND_NOTIFY } else { &follow::ANNOUNCE };
        let following = match changes {
            None => tokio::spawn(follow::forget(pool.clone())),
            Some(changes) => {
                let follower = follow::Follower {
                    hosts: Hosts::new(options)?,
                    notify: options.notify,
                    pool: pool.clone(),
                    announcement: announcement.statement.pg,
                    changes,
                    bound: all.revocation_bound,
                    delays: all.delays.clone(),
                };
                tokio::spawn(follower.run())
            }
        };
        Ok(Postgres { pool, prepare: options.prepare, announcement, unit_budget: all.unit_budget, following })
    }

    /// Runs a unit of work, again when it lost against another one or its
    /// connection broke before anything could have been committed: whether what
    /// it changed was kept.
    pub(crate) async fn unit(&self, mode: Mode, changes: &Changes, work: &dyn Work) -> (Result<bool, Error>, Ran) {
        let deadline = Instant::now() + self.unit_budget;
        let mut ran = Ran::default();
        loop {
            let tx = PgTx::new(self, mode);
            let handle = Tx::postgres(&tx, mode, changes.epoch());
            let done = run(&handle, &tx, work, deadline).await;
            let keep = matches!(done, Ok(true));
            let touched = if mode == Mode::Write && keep { handle.touched() } else { Vec::new() };
            if !touched.is_empty() {
                // A failure spoils the transaction, which its end tells.
                let sent = tx.listening(tx.send(&self.announcement.statement, Box::new((follow::text(&touched),))));
                if tokio::time::timeout_at(deadline.into(), sent).await.is_err() {
                    tx.hangs();
                }
            }
            let finishing = Instant::now();
            let end = tx.finish(keep, deadline).await;
            ran.ending += finishing.elapsed();
            if matches!(end, End::Done) {
                changes.apply(touched);
            }
            ran.round_trips += tx.round_trips.load(Ordering::Relaxed);
            ran.queued += tx.queued.get().copied().unwrap_or_default();
            let tries = match &end {
                End::Again(Error::Conflict) => CONFLICT_TRIES,
                End::Again(_) => LOST_TRIES,
                End::Done => return (done, ran),
                End::Failed(_) => 0,
            };
            let (End::Again(error) | End::Failed(error)) = end else { return (done, ran) };
            let pause =
                if matches!(error, Error::Conflict) { pause::part(ran.retries) } else { pause::wait(ran.retries) };
            if ran.retries >= tries || Instant::now() + pause >= deadline {
                return (Err(error), ran);
            }
            ran.retries += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Closes the connections that nobody uses: one did not answer in time, and when the machine at its other end
    /// hangs, each of them would cost another unit all its time.
    fn distrust(&self) {
        self.pool.retain(|_, _| false);
    }
}

async fn run(handle: &Tx<'_>, tx: &PgTx<'_>, work: &dyn Work, deadline: Instant) -> Result<bool, Error> {
    let running = tx.listening(AssertUnwindSafe(work.begin(handle)).catch_unwind());
    match tokio::time::timeout_at(deadline.into(), running).await {
        Ok(Ok(keep)) => Ok(keep),
        Ok(Err(_)) => Err(Error::Panicked(work.unit())),
        Err(_) => {
            tx.hangs();
            Err(Error::Interrupted)
        }
    }
}

/// How a transaction ended.
enum End {
    /// As the unit wanted: committed, or left without a trace.
    Done,
    /// Nothing was committed, and trying again may help.
    Again(Error),
    /// It was not committed, or nobody knows.
    Failed(Error),
}

/// A transaction in progress; it begins with its first statement.
pub(crate) struct PgTx<'c> {
    postgres: &'c Postgres,
    mode: Mode,
    client: OnceCell<Arc<Client>>,
    /// How long it took to get that.
    queued: OnceLock<Duration>,
    sent: Mutex<Posted>,
    /// Why the transaction cannot be committed any more.
    spoiled: Mutex<Option<Spoiled>>,
    /// Whether the connection may serve others: not while a transaction is open on it.
    clean: AtomicBool,
    /// Statements whose answers are waited for now.
    waiting: AtomicU32,
    round_trips: AtomicU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoiled {
    Conflict,
    Lost,
    /// A statement was refused; the unit knows and has to give up.
    Refused,
    /// A statement before was refused, and the unit did not wait for its answer: of several that it waits for together
    /// another one, sent later, was looked at first.
    Aborted,
}

impl<'c> PgTx<'c> {
    fn new(postgres: &'c Postgres, mode: Mode) -> Self {
        PgTx {
            postgres,
            mode,
            client: OnceCell::new(),
            queued: OnceLock::new(),
            sent: Mutex::default(),
            spoiled: Mutex::default(),
            clean: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            round_trips: AtomicU32::new(0),
        }
    }

    /// Waits for an answer. Statements that are waited for together (`join`)
    /// were sent together, and are one round trip.
    async fn answer<T>(&self, statement: impl Future<Output = T>) -> T {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.round_trips.fetch_add(1, Ordering::Relaxed);
        }
        let answer = statement.await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// The connection; the first call takes it from the pool and begins.
    async fn client(&self) -> Result<&Arc<Client>, Error> {
        let taken = self.client.get_or_try_init(async || {
            let called = Instant::now();
            let taken = self.postgres.pool.get().await;
            let _ = self.queued.set(called.elapsed());
            let client = Arc::new(taken.map_err(no_connection)?);
            let (begin, beginner) = (begin(self.mode), client.clone());
            self.post(Box::pin(async move { beginner.batch_execute(begin).await.map(|()| 0) }));
            Ok(client)
        });
        taken.await.inspect_err(|error| self.failed(error))
    }

    /// Sends without waiting for the answer, which is looked at in the end.
    fn post(&self, mut statement: Sent) {
        // The first poll puts it on the wire, in order.
        let answered = statement.as_mut().now_or_never();
        if let Some(Err(error)) = &answered
            && error.as_db_error().is_none()
        {
            // It never left, so what it belongs to must not be committed without it.
            self.failed(&Error::Unreachable(String::new()));
        }
        let statement = answered.map_or(statement, |result| Box::pin(std::future::ready(result)));
        self.sent().push(statement);
    }

    fn sent(&self) -> MutexGuard<'_, Posted> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that waits for answers, and takes those meanwhile that nobody waits for.
    async fn listening<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let listened = poll_fn(|cx| {
            let done = work.as_mut().poll(cx);
            if done.is_pending() {
                self.sent().listen(cx);
            }
            done
        });
        listened.await
    }

    /// The database did not answer in time.
    fn hangs(&self) {
        self.failed(&Error::Unreachable(String::new()));
        self.postgres.distrust();
    }

    fn failed(&self, error: &Error) {
        let why = match error {
            Error::Conflict => Spoiled::Conflict,
            Error::Unreachable(_) => Spoiled::Lost,
            _ => Spoiled::Refused,
        };
        self.spoil(why);
    }

    /// What is noticed first is why.
    fn spoil(&self, why: Spoiled) {
        self.spoiled.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    fn refused(&self, error: tokio_postgres::Error) -> Error {
        let aborted = is_aborted(&error);
        let error = Error::from(error);
        if aborted {
            self.spoil(Spoiled::Aborted);
        } else {
            self.failed(&error);
        }
        error
    }

    async fn prepared(&self, client: &Client, statement: &Statement) -> Result<Prepared, Error> {
        let prepared = client.prepare_typed_cached(statement.pg, &types(statement.params)).await;
        prepared.map_err(|error| self.refused(error))
    }

    /// Every row of a statement.
    pub(crate) async fn rows(&self, statement: &Statement, params: &[&dyn Param]) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let bound = Bound::all(params);
        let rows = if self.postgres.prepare {
            let prepared = self.prepared(client, statement).await?;
            self.answer(client.query(&prepared, &dynamic(&bound))).await
        } else {
            self.answer(client.query_typed(statement.pg, &typed(&bound, statement.params))).await
        };
        rows.map_err(|error| self.refused(error))
    }

    /// How many rows a statement changed.
    pub(crate) async fn execute(&self, statement: &Statement, params: &[&dyn Param]) -> Result<u64, Error> {
        let client = self.client().await?;
        let bound = Bound::all(params);
        let changed = if self.postgres.prepare {
            let prepared = self.prepared(client, statement).await?;
            self.answer(client.execute(&prepared, &dynamic(&bound))).await
        } else {
            self.answer(client.execute_typed(statement.pg, &typed(&bound, statement.params))).await
        };
        changed.map_err(|error| self.refused(error))
    }

    /// Sends a statement; should it be refused, the unit as a whole is.
    pub(crate) async fn send(&self, statement: &'static Statement, params: Box<dyn Values>) -> Result<(), Error> {
        let client = self.client().await?.clone();
        if self.postgres.prepare {
            let prepared = self.prepared(&client, statement).await?;
            self.post(Box::pin(async move {
                let refs = params.refs();
                client.execute_raw(&prepared, Bound::all(&refs)).await
            }));
        } else {
            self.post(Box::pin(async move {
                let refs = params.refs();
                client.execute_typed(statement.pg, &typed(&Bound::all(&refs), statement.params)).await
            }));
        }
        Ok(())
    }

    /// Ends the transaction: committed when the unit wants it and nothing spoiled it.
    async fn finish(&self, keep: bool, deadline: Instant) -> End {
        let sent = std::mem::take(&mut *self.sent());
        let spoiled = *self.spoiled.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = self.client.get() else {
            return if spoiled == Some(Spoiled::Lost) { again(Spoiled::Lost) } else { End::Done };
        };
        if self.mode == Mode::Write && keep && spoiled.is_none() {
            return self.commit(client, sent, deadline).await;
        }
        // What a statement failed on may be what one before it, still unseen, was refused for.
        let unseen = matches!(spoiled, Some(Spoiled::Refused | Spoiled::Aborted));
        let earlier = if unseen {
            let Ok(earlier) = tokio::time::timeout_at(deadline.into(), sent.first_refusal()).await else {
                self.postgres.distrust();
                return again(Spoiled::Lost);
            };
            earlier
        } else {
            None
        };
        let earlier = earlier.filter(|error| !is_aborted(error)).map(Error::from);
        if spoiled != Some(Spoiled::Lost) {
            let ending = if self.mode == Mode::Read && spoiled.is_none() { "commit" } else { "rollback" };
            // Nobody waits for the answer: whoever uses the connection next is served after it.
            let _ = client.batch_execute(ending).now_or_never();
            self.clean.store(true, Ordering::Relaxed);
        }
        match (earlier, spoiled) {
            (Some(Error::Conflict), _) | (_, Some(Spoiled::Conflict)) => again(Spoiled::Conflict),
            (Some(Error::Unreachable(_)), _) | (_, Some(Spoiled::Lost)) => again(Spoiled::Lost),
            (Some(error), _) => End::Failed(error),
            // Nobody knows why, so nobody could have given up because of it: another try will tell.
            (None, Some(Spoiled::Aborted)) => again(Spoiled::Conflict),
            // The unit went on after a statement was refused, but PostgreSQL did not.
            (None, Some(Spoiled::Refused)) if keep => End::Failed(Error::Spoiled),
            (None, _) => End::Done,
        }
    }

    async fn commit(&self, client: &Client, sent: Posted, deadline: Instant) -> End {
        if client.is_closed() {
            return again(Spoiled::Lost);
        }
        let all = self.answer(join(sent.first_refusal(), client.batch_execute("commit")));
        let Ok((refused, committed)) = tokio::time::timeout_at(deadline.into(), all).await else {
            self.postgres.distrust();
            return End::Failed(Error::OutcomeUnknown);
        };
        let committed = committed.map_err(Error::from);
        // An answer, whatever it is, means that the transaction is over.
        self.clean.store(!matches!(committed, Err(Error::Unreachable(_))), Ordering::Relaxed);
        match (refused, committed) {
            (None, Ok(())) => End::Done,
            // To commit what is aborted is to roll it back.
            (Some(refused), _) if is_aborted(&refused) => again(Spoiled::Aborted),
            (Some(refused), _) if refused.as_db_error().is_some() => match Error::from(refused) {
                error @ (Error::Conflict | Error::Unreachable(_)) => End::Again(error),
                error => End::Failed(error),
            },
            // The connection broke before the answer to `commit`, which was on its way together with the rest.
            (Some(_), _) | (None, Err(Error::Unreachable(_))) => End::Failed(Error::OutcomeUnknown),
            (None, Err(Error::Conflict)) => End::Again(Error::Conflict),
            (None, Err(error)) => End::Failed(error),
        }
    }
}

impl Drop for PgTx<'_> {
    /// A connection that was left in the middle of a transaction is closed.
    fn drop(&mut self) {
        *self.sent.get_mut().unwrap_or_else(PoisonError::into_inner) = Posted::default();
        if !*self.clean.get_mut()
            && let Some(client) = self.client.take().and_then(Arc::into_inner)
        {
            drop(Client::take(client));
        }
    }
}

fn again(why: Spoiled) -> End {
    End::Again(match why {
        Spoiled::Lost => Error::Unreachable("the connection broke".into()),
        Spoiled::Conflict | Spoiled::Refused | Spoiled::Aborted => Error::Conflict,
    })
}

fn no_connection(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::Overloaded,
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => match Error::from(error) {
            // Whatever it was, there is no connection: a wrong password, say, or a database that is not there.
            Error::Postgres(error) => Error::Unreachable(error.to_string()),
            error => error,
        },
        error => Error::Unreachable(error.to_string()),
    }
}
