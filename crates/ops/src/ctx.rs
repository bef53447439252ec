//! What every operation gets: the store, the clock, randomness, keys,
//! settings. Nothing here is global: fifty servers run in one process.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use polity_api::operation::{Meta, Operation};
use polity_api::scalar::Timestamp;
use polity_store::metered_events::Filters;
use polity_store::{BoxFuture, Db, Tx};
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::github::app::App;
use crate::keys::Keys;
use crate::lane::Lanes;
use crate::memory::{Based, Memory, Row, Seen};
use crate::password::Passwords;
use crate::settings::Settings;
use crate::token::Presented;
use crate::webhooks::send::Outbound;

/// Tells the time. Only `main` and tests make one.
#[derive(Clone)]
pub struct Clock(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// Fills bytes with randomness fit for secrets. Only `main` and tests make one.
#[derive(Clone)]
pub struct Random(pub Arc<Fill>);

/// A function that fills bytes with randomness.
pub type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Random {
    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }
}

/// The context of every operation. Cheap to clone.
#[derive(Clone)]
pub struct Ctx(Arc<Parts>);

/// The parts of a [`Ctx`].
pub struct Parts {
    /// The store.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Settings.
    pub settings: Settings,
    /// Secrets and signing keys.
    pub keys: Keys,
    /// The bounded pool that hashes passwords.
    pub passwords: Passwords,
    /// Rows that are remembered.
    pub memory: Memory,
    /// Sends messages to webhooks.
    pub outbound: Outbound,
    /// The app at GitHub, where there is one.
    pub github: Option<App>,
    /// Wakes the background worker.
    pub wake: Wake,
    /// Wakes those who wait for events.
    pub appended: Wake,
    /// Where requests that spend wait for each other.
    pub lanes: Lanes,
    /// What those share who follow the log.
    pub feed: Feed,
    /// Tell which metered events were not counted before.
    pub filters: Filters,
}

/// Wakes loops that wait for something to do; each of them hears every call.
#[derive(Default)]
pub struct Wake(watch::Sender<u64>);

impl Wake {
    /// Has them look now.
    pub fn wake(&self) {
        self.0.send_modify(|calls| *calls = calls.wrapping_add(1));
    }

    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl std::ops::Deref for Ctx {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Ctx {
    /// A context of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Ctx(Arc::new(parts))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock.0)()
    }

    /// Runs a unit of work that writes; see [`Db::write`].
    ///
    /// # Errors
    /// What the unit returned, or why it could not run.
    pub async fn write<A, T>(&self, unit: &'static str, args: A, f: UnitFn<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let caused = Arc::new(Caused::default());
        let job = Job { ctx: self.clone(), now: self.now(), caused: Some(caused.clone()), seen: None, args, f };
        let done = self.db.write(unit, job, |tx, job| {
            job.caused.as_ref().inspect(|caused| caused.begin());
            (job.f)(job.work(tx), &job.args)
        });
        let done = done.await;
        if done.is_ok() {
            caused.committed();
        }
        if caused.work.load(Ordering::Relaxed) {
            self.wake.wake();
        }
        if caused.event.load(Ordering::Relaxed) {
            self.appended.wake();
        }
        done
    }

    /// As [`Ctx::write`], for a unit that may have more to do than one unit can: while it comes to none, it is
    /// committed and run again.
    ///
    /// # Errors
    /// What the unit returned, or why it could not run.
    pub(crate) async fn write_until<A, T>(&self, unit: &'static str, args: A, f: UnitFn<A, Option<T>>) -> Result<T>
    where
        A: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        loop {
            if let Some(done) = self.write(unit, args.clone(), f).await? {
                return Ok(done);
            }
        }
    }

    /// Runs a unit of work that only reads; see [`Db::read`].
    ///
    /// # Errors
    /// What the unit returned, or why it could not run.
    pub async fn read<A, T>(&self, unit: &'static str, args: A, f: UnitFn<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let job = Job { ctx: self.clone(), now: self.now(), caused: None, seen: None, args, f };
        self.db.read(unit, job, |tx, job| (job.f)(job.work(tx), &job.args)).await
    }

    /// As [`Ctx::read`], and tells what the result stands on, so that it can be remembered.
    ///
    /// # Errors
    /// What the unit returned, or why it could not run.
    pub(crate) async fn read_based<A, T>(&self, unit: &'static str, args: A, f: UnitFn<A, T>) -> Result<Based<T>>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let job = Job { ctx: self.clone(), now: self.now(), caused: None, seen: Some(Seen::default()), args, f };
        let based = self.db.read(unit, job, |tx, job| {
            Box::pin(async move {
                job.seen.as_ref().inspect(|seen| seen.begin());
                let reply = (job.f)(job.work(tx), &job.args).await?;
                Ok::<_, Error>(Based { reply, basis: job.seen.as_ref().and_then(|seen| seen.basis(tx)) })
            })
        });
        based.await
    }
}

/// A unit of work of an operation: gets the work in progress and its arguments.
pub type UnitFn<A, T> = for<'a> fn(Work<'a>, &'a A) -> BoxFuture<'a, std::result::Result<T, Error>>;

/// What is to be done once a unit is committed.
#[derive(Default)]
struct Caused {
    work: AtomicBool,
    event: AtomicBool,
    then: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Caused {
    /// The unit begins, perhaps not for the first time: what it read before may never have been committed.
    fn begin(&self) {
        self.then().clear();
    }

    /// The unit is committed.
    fn committed(&self) {
        std::mem::take(&mut *self.then()).into_iter().for_each(|then| then());
    }

    fn then(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn FnOnce() + Send>>> {
        self.then.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Job<A, T> {
    ctx: Ctx,
    now: Timestamp,
    /// None for one that reads: it causes nothing.
    caused: Option<Arc<Caused>>,
    /// None for one whose result is not remembered.
    seen: Option<Seen>,
    args: A,
    f: UnitFn<A, T>,
}

impl<A, T> Job<A, T> {
    fn work<'a>(&'a self, tx: &'a Tx<'a>) -> Work<'a> {
        Work { tx, ctx: &self.ctx, now: self.now, caused: self.caused.as_deref(), seen: self.seen.as_ref() }
    }
}

/// A unit of work in progress: the transaction, the context, and one time for
/// everything the unit does.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The transaction.
    pub tx: &'a Tx<'a>,
    /// The context.
    pub ctx: &'a Ctx,
    /// The time of the unit.
    pub now: Timestamp,
    caused: Option<&'a Caused>,
    seen: Option<&'a Seen>,
}

impl Work<'_> {
    /// Has the background worker look for work once this unit is committed.
    pub fn wake_worker(self) {
        if let Some(caused) = self.caused {
            caused.work.store(true, Ordering::Relaxed);
        }
    }

    /// Has those look who wait for events, once this unit is committed.
    pub fn announce(self) {
        if let Some(caused) = self.caused {
            caused.event.store(true, Ordering::Relaxed);
        }
    }

    /// Does something at once where the unit only reads, and otherwise when it is committed, if it is.
    pub(crate) fn once_committed(self, then: impl FnOnce() + Send + 'static) {
        match self.caused {
            None => then(),
            Some(caused) => caused.then().push(Box::new(then)),
        }
    }

    /// The unit goes by a row that is remembered.
    pub(crate) fn saw(self, row: &impl Row) {
        if let Some(seen) = self.seen {
            seen.row(row.subjects().into_iter().flatten());
        }
    }

    /// The unit has loaded a row that can be remembered, or found none.
    pub(crate) fn loaded<R: Row>(self, row: Option<&R>) {
        if let Some(seen) = self.seen {
            seen.loaded(row.is_some());
            row.inspect(|row| seen.row(row.subjects().into_iter().flatten()));
        }
    }

    /// From this time on the unit would come to something else, whatever the rows say.
    pub(crate) fn ends_at(self, time: Timestamp) {
        if let Some(seen) = self.seen {
            seen.until(time);
        }
    }

    /// A fresh identifier: random, but for its first sixteen bits on an embedded
    /// database, which are the time in steps of 4 ms. So what is made at a
    /// time is together in every index, and a commit writes few pages rather than
    /// one for each index and row. They are the same again after four minutes,
    /// which does no harm, and leave sixteen random bits in the eight digits by
    /// which people and clients name things for short.
    #[must_use]
    pub fn id<T>(self, from_random: fn([u8; 16]) -> T) -> T {
        let mut bytes: [u8; 16] = self.ctx.random.bytes();
        // On PostgreSQL transactions that have nothing to do with each other but a page can refuse each other.
        if self.ctx.db.is_embedded() {
            [.., bytes[0], bytes[1]] = (self.now.0 >> 12).to_be_bytes();
        }
        from_random(bytes)
    }
}

/// How a request came: what authorization and the log need to know of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation.
    pub meta: &'static Meta,
    /// The token that was presented.
    pub presented: Presented,
    /// The address of the client, where it is known.
    pub client: Option<IpAddr>,
    /// The `x-koyeb-project-id` header.
    pub project: Option<String>,
}

impl Call {
    /// The address of the client as text; empty when unknown.
    #[must_use]
    pub fn address(&self) -> String {
        self.client.map(|client| client.to_string()).unwrap_or_default()
    }
}

/// A request of an operation.
pub struct Request<O: Operation> {
    /// How it came.
    pub call: Call,
    /// Path parameters.
    pub path: O::Path,
    /// Query parameters.
    pub query: O::Query,
    /// Body.
    pub body: O::Body,
}
