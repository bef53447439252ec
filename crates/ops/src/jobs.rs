//! Background work: deactivation, deletion, mail, webhooks, GitHub, and sweeping.
//!
//! A job is a row, written by the unit that promises the work. Each step of it
//! is a unit of its own that may run again; the last step removes the row. A
//! crash at any point leaves the row, and the work goes on after the start.
//!
//! Replicas share the work: who takes a job moves the time at which it is due,
//! and that time is a lease. Every step shows it and renews it, so a worker
//! that was too slow changes nothing once another has taken over.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use polity_api::ids::{JobId, OrganizationId};
use polity_api::scalar::micros;
use polity_store::jobs::{self, JobRow};
use polity_store::{deliveries, github_deliveries, github_requests, github_states, links, metered_events, tokens};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::ctx::{Ctx, Work};
use crate::error::{Error, Result};
use crate::jobs::mail::Mailer;
use crate::{github, keys, spend};

mod deactivate;
mod delete;
pub mod mail;
mod webhooks;

pub(crate) use polity_store::jobs::JobKind;

/// When it looks for the first time: a server that starts answers first. All looks at once would take the connections,
/// and the processor, from whoever asks whether it is ready.
const BEGIN: Duration = Duration::from_millis(100);
/// How often the worker looks for work that nobody woke it for.
const POLL: Duration = Duration::from_secs(1);
/// How often expired rows are swept.
const SWEEP: Duration = Duration::from_secs(60);
/// Rows one step touches at most, so that it never holds up others.
pub(crate) const BATCH: i64 = 500;
/// How long a job may go without finishing a step before it is somebody else's.
const LEASE: i64 = 10 * micros::SECOND;

/// Whether a job has more steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    More,
    Done,
    /// Another worker has taken it over.
    Lost,
}

/// Promises work for an organization, in the unit that causes it.
pub(crate) async fn promise(w: Work<'_>, kind: JobKind, organization_id: OrganizationId) -> Result<()> {
    let row = JobRow {
        id: w.id(JobId::from_random),
        kind,
        organization_id,
        run_at: w.now,
        attempts: 0,
        last_error: String::new(),
        created_at: w.now,
    };
    jobs::insert(w.tx, &row).await?;
    w.wake_worker();
    Ok(())
}

/// Runs background work until `stop` is done; a step in progress is finished.
pub async fn run(ctx: Ctx, mailer: Mailer, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    if timeout(BEGIN, &mut stop).await.is_ok() {
        return;
    }
    let (stopping, stopped) = watch::channel(false);
    let signal = async {
        stop.await;
        let _ = stopping.send(true);
    };
    tokio::join!(
        signal,
        repeat(&ctx, stopped.clone(), POLL, || work(&ctx)),
        repeat(&ctx, stopped.clone(), POLL, || mail::deliver(&ctx, &mailer)),
        repeat(&ctx, stopped.clone(), POLL, || spend::roll::step(&ctx)),
        repeat(&ctx, stopped.clone(), POLL, || pack(&ctx)),
        repeat(&ctx, stopped.clone(), POLL, || github::uninstall::step(&ctx)),
        webhooks::run(&ctx, stopped.clone()),
        github::sync::run(&ctx, stopped.clone()),
        // Each on its own: what fails once may fail for long.
        repeat(&ctx, stopped.clone(), SWEEP, || async { keys::rotate(&ctx).await.map(|()| false) }),
        repeat(&ctx, stopped.clone(), SWEEP, || spend::roll::forget(&ctx)),
        repeat(&ctx, stopped, SWEEP, || sweep(&ctx)),
    );
}

/// Calls `step` until it finds nothing to do, then waits to be woken.
async fn repeat<F>(ctx: &Ctx, mut stopped: watch::Receiver<bool>, every: Duration, step: impl Fn() -> F)
where
    F: Future<Output = Result<bool>>,
{
    let mut woken = ctx.wake.listen();
    while !*stopped.borrow_and_update() {
        woken.mark_unchanged();
        match step().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, cause = ?error.cause, "background work failed"),
        }
        tokio::select! {
            _ = woken.changed() => {}
            _ = stopped.changed() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Runs a job that is due; tells whether there was one.
async fn work(ctx: &Ctx) -> Result<bool> {
    let due = ctx.read("due_jobs", (), |w, ()| Box::pin(async move { Ok(jobs::is_due(w.tx, w.now).await?) }));
    if !due.await? {
        return Ok(false);
    }
    let claimed = ctx.write("claim_job", (), |w, ()| {
        Box::pin(async move { Ok(jobs::claim(w.tx, w.now, w.now.plus(LEASE)).await?) })
    });
    let Some(mut job) = claimed.await? else { return Ok(false) };
    if let Err(error) = run_job(ctx, &mut job).await {
        tracing::warn!(%error, cause = ?error.cause, kind = job.kind.as_str(), "a job failed and will be tried again");
        retry(ctx, job, &error).await?;
    }
    Ok(true)
}

async fn run_job(ctx: &Ctx, job: &mut JobRow) -> Result<()> {
    loop {
        let held = ctx.now().plus(LEASE);
        let step = ctx.write("job_step", (job.clone(), held), |w, (job, held)| {
            Box::pin(async move {
                if !jobs::hold(w.tx, job, *held).await? {
                    return Ok(Step::Lost);
                }
                let step = match job.kind {
                    JobKind::Deactivate => deactivate::step(w, job.organization_id).await?,
                    JobKind::Delete => delete::step(w, job.organization_id).await?,
                };
                if step == Step::Done {
                    jobs::delete(w.tx, job).await?;
                }
                Ok(step)
            })
        });
        if step.await? != Step::More {
            return Ok(());
        }
        job.run_at = held;
    }
}

async fn retry(ctx: &Ctx, mut job: JobRow, error: &Error) -> Result<()> {
    job.attempts += 1;
    job.last_error = error.to_string();
    let run_at = ctx.now().plus(backoff_micros(job.attempts));
    ctx.write("retry_job", (job, run_at), |w, (job, run_at)| {
        Box::pin(async move { Ok(jobs::retry(w.tx, job, *run_at).await?) })
    })
    .await
}

/// One second, two, four, … an hour at most.
pub(crate) fn backoff_micros(attempts: i64) -> i64 {
    let doubled = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    (micros::SECOND << doubled).min(micros::HOUR)
}

/// Keeps what is remembered of metered events packed.
async fn pack(ctx: &Ctx) -> Result<bool> {
    Ok(metered_events::step(&ctx.db, &ctx.filters, ctx.now()).await?)
}

/// Forgets what has expired.
async fn sweep(ctx: &Ctx) -> Result<bool> {
    let swept = ctx.write("sweep", (), |w, ()| {
        Box::pin(async move {
            // Kept a minute beyond their end: a token's own end is rounded up to the second, and
            // until then its row has to say that it has expired.
            let tokens = tokens::delete_expired(w.tx, w.now.plus(-micros::MINUTE), BATCH).await?;
            // Used and expired links are kept for a month: "expired" says more than "not found".
            let links = links::delete_expired(w.tx, w.now.plus(-30 * micros::DAY), BATCH).await?;
            // What waits for a disabled endpoint as well: it may stay so for ever.
            let deliveries = deliveries::delete_before(w.tx, w.now.plus(-30 * micros::DAY), BATCH).await?;
            let states = github_states::delete_expired(w.tx, w.now.plus(-micros::HOUR), BATCH).await?;
            // GitHub delivers again for three days; who waits for an approval for longer asks again.
            let taken = github_deliveries::delete_before(w.tx, w.now.plus(-7 * micros::DAY), BATCH).await?;
            let requests = github_requests::delete_before(w.tx, w.now.plus(-180 * micros::DAY), BATCH).await?;
            Ok(tokens + links + deliveries + states + taken + requests)
        })
    });
    Ok(swept.await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_an_hour() {
        assert_eq!(backoff_micros(1), micros::SECOND);
        assert_eq!(backoff_micros(4), 8 * micros::SECOND);
        assert_eq!(backoff_micros(1_000), micros::HOUR);
    }
}
