//! A unit of work without its types: what runs it is compiled once, and not for
//! each unit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::Error;
use crate::engine::db::{BoxFuture, Unit};
use crate::engine::tx::Tx;

/// What the engines know of a unit of work. It may run several times; what it
/// came to the last time counts.
pub(crate) trait Work: Send + Sync {
    /// Its name.
    fn unit(&self) -> &'static str;
    /// Runs it where every statement completes at once: whether what it changed is to be kept.
    fn attempt(&self, tx: &Tx<'_>) -> bool;
    /// The same where statements are waited for.
    fn begin<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, bool>;
}

/// A unit of work with its arguments, and what it came to.
pub(crate) struct Typed<A, T, E> {
    unit: &'static str,
    args: A,
    f: Unit<A, T, E>,
    result: Mutex<Option<Result<T, E>>>,
}

impl<A, T, E: From<Error>> Typed<A, T, E> {
    pub(crate) fn new(unit: &'static str, args: A, f: Unit<A, T, E>) -> Self {
        Typed { unit, args, f, result: Mutex::default() }
    }

    /// What it came to, unless the engine could not carry it out.
    pub(crate) fn result(&self, carried_out: Result<(), Error>) -> Result<T, E> {
        carried_out?;
        self.slot().take().unwrap_or_else(|| Err(Error::Closed.into()))
    }

    fn came_to(&self, result: Result<T, E>) -> bool {
        let keep = result.is_ok();
        *self.slot() = Some(result);
        keep
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Result<T, E>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A, T, E> Work for Typed<A, T, E>
where
    A: Send + Sync,
    T: Send,
    E: From<Error> + Send,
{
    fn unit(&self) -> &'static str {
        self.unit
    }

    fn attempt(&self, tx: &Tx<'_>) -> bool {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            (self.f)(tx, &self.args).as_mut().poll(&mut Context::from_waker(Waker::noop()))
        }));
        self.came_to(match polled {
            Ok(Poll::Ready(result)) => result,
            Ok(Poll::Pending) => Err(Error::ForeignAwait(self.unit).into()),
            Err(_) => Err(Error::Panicked(self.unit).into()),
        })
    }

    fn begin<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, bool> {
        Box::pin(async move { self.came_to((self.f)(tx, &self.args).await) })
    }
}
