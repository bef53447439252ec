//! Lanes: where requests about the same rows wait for each other, and are
//! carried out together.
//!
//! On PostgreSQL two transactions that decide on the same sum cannot both be
//! committed: the more of them run at once, the more are run in vain. So those
//! of one server stand in a lane. One unit of work takes all that wait, up to a
//! weight, decides on them one after the other, and costs one commit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use polity_api::error::Code;
use polity_api::types::metering::{LeaseReply, RecordEventsReply};
use polity_store::BoxFuture;
use tokio::sync::oneshot;

use crate::ctx::{Ctx, Work};
use crate::error::{Error, Result};
use crate::leases::LeaseJob;
use crate::metering::Batch;

/// The lanes of a server.
#[derive(Default)]
pub struct Lanes {
    pub(crate) events: Lane<Batch, RecordEventsReply>,
    pub(crate) leases: Lane<LeaseJob, LeaseReply>,
}

/// How many requests may wait in a lane; more are refused at once rather than answered late.
const QUEUE: usize = 4096;

/// A unit of work on several requests: a result for each, in their order. An
/// error of the unit means that none of them happened.
pub(crate) type LaneUnit<J, R> = for<'a> fn(Work<'a>, &'a Arc<Vec<J>>) -> BoxFuture<'a, Result<Vec<Result<R>>>>;

/// What a request weighs: how much of what a unit may take.
pub(crate) trait Weight {
    /// The most a unit takes together; one request that weighs more is taken alone.
    const MOST: usize;
    /// Its weight.
    fn weight(&self) -> usize;
}

/// Requests that wait.
pub(crate) struct Lane<J, R>(Arc<Mutex<State<J, R>>>);

struct State<J, R> {
    waiting: VecDeque<(J, oneshot::Sender<Result<R>>)>,
    /// Whether a task carries them out.
    served: bool,
}

impl<J, R> Default for Lane<J, R> {
    fn default() -> Self {
        Lane(Arc::new(Mutex::new(State { waiting: VecDeque::new(), served: false })))
    }
}

impl<J: Weight + Clone + Send + Sync + 'static, R: Send + 'static> Lane<J, R> {
    /// Carries out a request with others that wait. It happens whether or not
    /// the caller waits for the result.
    pub(crate) async fn run(&self, ctx: &Ctx, name: &'static str, job: J, unit: LaneUnit<J, R>) -> Result<R> {
        let (reply, done) = oneshot::channel();
        let serve = {
            let mut state = lock(&self.0);
            if state.waiting.len() >= QUEUE {
                return Err(Error::unavailable("the server is busy: try again"));
            }
            state.waiting.push_back((job, reply));
            !std::mem::replace(&mut state.served, true)
        };
        if serve {
            // A task of its own: a caller who goes away must not take the others' requests along.
            tokio::spawn(serve_all(ctx.clone(), self.0.clone(), name, unit));
        }
        done.await.map_err(|_| Error::unavailable("the server is stopping: try again"))?
    }
}

async fn serve_all<J, R>(ctx: Ctx, lane: Arc<Mutex<State<J, R>>>, name: &'static str, unit: LaneUnit<J, R>)
where
    J: Weight + Clone + Send + Sync + 'static,
    R: Send + 'static,
{
    while let Some((jobs, replies)) = take(&lane) {
        let jobs = Arc::new(jobs);
        let results = match ctx.write(name, jobs.clone(), unit).await {
            Ok(results) => results,
            // Nothing happened, and one of them may be why: each is tried alone.
            Err(error) if error.code == Code::Internal && replies.len() > 1 => {
                each_alone(&ctx, name, &jobs, unit).await
            }
            Err(error) => same_for_all(error, replies.len()),
        };
        for (reply, result) in replies.into_iter().zip(results) {
            let _ = reply.send(result);
        }
    }
}

async fn each_alone<J, R>(ctx: &Ctx, name: &'static str, jobs: &[J], unit: LaneUnit<J, R>) -> Vec<Result<R>>
where
    J: Weight + Clone + Send + Sync + 'static,
    R: Send + 'static,
{
    let mut results = Vec::new();
    for job in jobs {
        let result = ctx.write(name, Arc::new(vec![job.clone()]), unit).await;
        let alone = result.and_then(|mut all| all.pop().unwrap_or_else(|| Err(Error::internal("no result"))));
        results.push(alone);
    }
    results
}

/// The cause goes with the first: it is logged once.
fn same_for_all<R>(error: Error, count: usize) -> Vec<Result<R>> {
    let like = |error: &Error| Error { cause: None, fields: error.fields.clone(), ..Error::from(error.body()) };
    let others: Vec<Error> =
        (1..count).map(|_| Error { code: error.code, retry_after: error.retry_after, ..like(&error) }).collect();
    std::iter::once(error).chain(others).map(Err).collect()
}

type Taken<J, R> = (Vec<J>, Vec<oneshot::Sender<Result<R>>>);

/// The next requests to carry out together; none when nobody waits, and then the lane is not served any more.
fn take<J: Weight, R>(lane: &Mutex<State<J, R>>) -> Option<Taken<J, R>> {
    let mut state = lock(lane);
    let (mut weight, mut taken) = (0, (Vec::new(), Vec::new()));
    while let Some((next, _)) = state.waiting.front() {
        weight += next.weight();
        if weight > J::MOST && !taken.0.is_empty() {
            break;
        }
        if let Some((job, reply)) = state.waiting.pop_front() {
            taken.0.push(job);
            taken.1.push(reply);
        }
    }
    state.served = !taken.0.is_empty();
    state.served.then_some(taken)
}

fn lock<J, R>(lane: &Mutex<State<J, R>>) -> std::sync::MutexGuard<'_, State<J, R>> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weight for usize {
        const MOST: usize = 10;
        fn weight(&self) -> usize {
            *self
        }
    }

    #[test]
    fn a_unit_takes_what_waits_up_to_a_weight_and_in_order() {
        let lane = Lane::<usize, ()>::default();
        for job in [4, 4, 4, 30, 1] {
            lock(&lane.0).waiting.push_back((job, oneshot::channel().0));
        }
        let taken = std::iter::from_fn(|| take(&lane.0).map(|(jobs, _)| jobs));
        assert_eq!(taken.collect::<Vec<_>>(), [vec![4, 4], vec![4], vec![30], vec![1]]);
        assert!(!lock(&lane.0).served);
    }

    #[test]
    fn an_error_of_the_unit_is_everybodys_and_its_cause_is_kept_once() {
        let error = Error { cause: Some("disk".into()), ..Error::unavailable("busy") };
        let results: Vec<Error> = same_for_all::<()>(error, 3).into_iter().map(Result::unwrap_err).collect();
        assert!(results.iter().all(|error| error.code == Code::Unavailable && error.retry_after == Some(1)));
        assert_eq!(results.iter().filter(|error| error.cause.is_some()).count(), 1);
    }
}
