//! Metering: sources of the platform report what was spent.
//!
//! An event counts once, in the period it happened in, and what follows from
//! it (thresholds, mails, stopping) happens in the same unit of work. When the
//! reply arrives, all of it is durable.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use polity_api::ids::{CredentialId, OrganizationId, ProjectId};
use polity_api::types::metering::{EventResult, EventStatus, RecordEventsReply};
use polity_api::types::organization::OrganizationStatus;
use polity_store::metered_events::{self, EventHash};
use polity_store::{credentials, projects};

use crate::authz::{self, Caller};
use crate::ctx::{Call, Ctx, Work};
use crate::error::{Error, Result};
use crate::lane::Weight;
use crate::spend::ledger::{Account, Bound, Refused, Source, Wanted};
use crate::spend::period::day;
use crate::spend::{Charge, Ledger};

mod event;

use event::{Metered, Read};

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 8 << 20;

/// To how many rows of usage a unit of work adds at most. `PostgreSQL` takes half a millisecond for each, with all that
/// follows from it, and a unit has five seconds.
const MOST_ROWS: usize = 2_000;

/// Events that were sent together, and are counted together.
#[derive(Clone)]
pub(crate) struct Batch {
    call: Call,
    events: Arc<Vec<Read>>,
    /// To how many rows of usage they are added.
    rows: usize,
}

impl Weight for Batch {
    const MOST: usize = event::MAX_EVENTS;
    fn weight(&self) -> usize {
        self.events.len().max(self.rows * (Self::MOST / MOST_ROWS))
    }
}

/// Cuts what was sent together where it goes to more rows than a unit of work has the time for.
fn batches(call: &Call, events: Vec<Read>) -> Vec<Batch> {
    let batch = |events: Vec<Read>, rows| Batch { call: call.clone(), events: Arc::new(events), rows };
    let (mut whole, mut together, mut rows) = (Vec::new(), Vec::with_capacity(events.len()), HashSet::new());
    let state = RandomState::new();
    for event in events {
        if rows.len() == MOST_ROWS {
            whole.push(batch(std::mem::take(&mut together), rows.len()));
            rows.clear();
        }
        if let Ok(Metered { organization_id, charge, .. }) = &event {
            let row = (organization_id, day(charge.at), charge.project_id, charge.credential_id, &charge.unit);
            rows.insert(state.hash_one(row));
        }
        together.push(event);
    }
    whole.push(batch(together, rows.len()));
    whole
}

/// `RecordEvents`: `content_type` tells whether the body is an object or has an event on each line.
///
/// # Errors
/// 400 on `events`; an event that is malformed is rejected on its own. After a 503 a part of very many may count, which
/// is recognised when they are sent again.
pub async fn record(ctx: Ctx, call: Call, content_type: String, body: Bytes) -> Result<RecordEventsReply> {
    // Somebody who may not report has no events read; whether the key still works when they are counted is asked then.
    let asked = ctx.read("metering_key", call, |w, call| {
        Box::pin(async move { authz::caller(w, call).await?.metering_key().map(|_| call.clone()) })
    });
    let call = asked.await?;
    let batches = batches(&call, event::read(&body, &content_type, &ctx.settings.prices, ctx.now())?);
    drop(body);
    let counted = batches
        .into_iter()
        .map(|batch| ctx.lanes.events.run(&ctx, "record_events", batch, |w, batches| Box::pin(count(w, batches))));
    let mut reply = RecordEventsReply::default();
    for part in try_join_all(counted).await? {
        reply.accepted += part.accepted;
        reply.duplicates += part.duplicates;
        reply.rejected += part.rejected;
        reply.results.extend(part.results);
    }
    Ok(reply)
}

async fn count(w: Work<'_>, batches: &Arc<Vec<Batch>>) -> Result<Vec<Result<RecordEventsReply>>> {
    let callers = callers(w, batches.iter().map(|batch| &batch.call)).await;
    let sources: Vec<Result<Source>> = callers.into_iter().map(|caller| source(&caller?)).collect();
    let admitted = || batches.iter().zip(&sources).filter_map(|(batch, source)| Some((batch, source.as_ref().ok()?)));
    let events = || admitted().flat_map(|(batch, _)| batch.events.iter().flatten());

    let owners = Owners::load(w, events().map(|event| &event.charge)).await?;
    let wanted = Wanted {
        periods: events().map(|event| (event.organization_id, day(event.charge.at))).collect(),
        bound: Bound::Stopping,
        ..Wanted::default()
    };
    let mut ledger = Ledger::open(w, wanted).await?;
    let valid = |event: &Metered, ledger: &mut Ledger| match ledger.account(event.organization_id) {
        Some(account) => may_pay(account, &event.charge, &owners),
        None => Err("organization_id: there is no such organization".to_owned()),
    };
    let mut hashes: Vec<EventHash> =
        events().filter(|event| valid(event, &mut ledger).is_ok()).map(|event| event.hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let new = if hashes.is_empty() {
        Vec::new()
    } else {
        metered_events::insert(w.tx, &w.ctx.filters, &hashes, w.now).await?
    };
    let mut marks: HashMap<EventHash, Mark> = new.into_iter().map(|hash| (hash, Mark::New)).collect();

    let mut replies = Vec::with_capacity(batches.len());
    for (batch, source) in batches.iter().zip(sources) {
        let source = match source {
            Ok(source) => source,
            Err(error) => {
                replies.push(Err(error));
                continue;
            }
        };
        let mut reply = RecordEventsReply::default();
        for event in batch.events.iter() {
            let result = match event {
                Err(why) => rejected(why.clone()),
                Ok(event) => match valid(event, &mut ledger) {
                    Err(why) => rejected(why),
                    Ok(()) => count_one(event, source, &mut ledger, &mut marks),
                },
            };
            add(&mut reply, result);
        }
        replies.push(Ok(reply));
    }
    for (hash, _) in marks.into_iter().filter(|(_, mark)| *mark == Mark::Rejected) {
        // It did not count, so it may be sent again.
        metered_events::delete(w.tx, hash).await?;
    }
    ledger.finish(w).await?;
    Ok(replies)
}

/// What became of an event that was not known before.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Counted,
    Rejected,
}

fn count_one(
    event: &Metered,
    source: Source,
    ledger: &mut Ledger,
    marks: &mut HashMap<EventHash, Mark>,
) -> EventResult {
    let duplicate = EventResult { status: EventStatus::Duplicate, reason: String::new() };
    match (marks.get_mut(&event.hash), ledger.account(event.organization_id)) {
        (Some(mark), Some(account)) if *mark == Mark::New => match account.report(&event.charge, source) {
            Ok(()) => {
                *mark = Mark::Counted;
                EventResult::default()
            }
            Err(refused) => {
                *mark = Mark::Rejected;
                rejected(why(&refused))
            }
        },
        (Some(Mark::Rejected), _) => rejected("the same event was rejected in this batch".to_owned()),
        _ => duplicate,
    }
}

fn rejected(reason: String) -> EventResult {
    EventResult { status: EventStatus::Rejected, reason }
}

fn why(refused: &Refused) -> String {
    match refused {
        Refused::OverCap { cap } => {
            format!(
                "budget exhausted: past the budget this source may report {cap} micro-cents a period; ask for leases"
            )
        }
        Refused::OverCaps { caps } => format!(
            "budget exhausted: past the budget all sources together may report {caps} micro-cents a period; \
             ask for leases"
        ),
        Refused::Exhausted { .. } | Refused::TooMuch => "amount_microcents: the period comes to too much".to_owned(),
    }
}

fn add(reply: &mut RecordEventsReply, result: EventResult) {
    match result.status {
        EventStatus::Accepted => reply.accepted += 1,
        EventStatus::Duplicate => reply.duplicates += 1,
        EventStatus::Rejected => reply.rejected += 1,
    }
    reply.results.push(result);
}

/// The callers of several requests; each token is looked up once.
pub(crate) async fn callers<'a>(w: Work<'_>, calls: impl Iterator<Item = &'a Call>) -> Vec<Result<Caller>> {
    let calls: Vec<&Call> = calls.collect();
    let mut known: Vec<(usize, Caller)> = Vec::new();
    let mut callers = Vec::with_capacity(calls.len());
    for (n, call) in calls.iter().enumerate() {
        let same = known.iter().find(|(first, _)| calls.get(*first).is_some_and(|one| one.presented == call.presented));
        let caller = match same {
            Some((_, caller)) => Ok(caller.clone()),
            None => authz::caller(w, call).await,
        };
        if let (Ok(caller), None) = (&caller, same) {
            known.push((n, caller.clone()));
        }
        callers.push(caller);
    }
    callers
}

fn source(caller: &Caller) -> Result<Source> {
    let key = caller.metering_key()?;
    Ok(Source { id: key.id, cap: key.unleased_cap_microcents })
}

/// Whose the projects and credentials are that spend was said to be of.
#[derive(Default)]
pub(crate) struct Owners {
    projects: HashMap<ProjectId, OrganizationId>,
    credentials: HashMap<CredentialId, Option<OrganizationId>>,
}

impl Owners {
    pub(crate) async fn load<'a>(w: Work<'_>, charges: impl Iterator<Item = &'a Charge>) -> Result<Owners> {
        let (mut projects, mut credentials) = (HashSet::new(), HashSet::new());
        for charge in charges {
            projects.extend(charge.project_id);
            credentials.extend(charge.credential_id);
        }
        let projects = try_join_all(projects.into_iter().map(|id| projects::by_id(w.tx, id))).await?;
        let credentials = try_join_all(credentials.into_iter().map(|id| credentials::by_id(w.tx, id))).await?;
        Ok(Owners {
            projects: projects.into_iter().flatten().map(|row| (row.id, row.organization_id)).collect(),
            credentials: credentials.into_iter().flatten().map(|row| (row.id, row.organization_id)).collect(),
        })
    }

    /// Whether spend of an organization may be said to be of a project and a
    /// credential. One that is not there any more was deleted since: its spend still counts.
    pub(crate) fn check(&self, organization: OrganizationId, charge: &Charge) -> Result<()> {
        let refuse = |field: &str, what: &str| Err(Error::field(field, format!("is of no {what} of the organization")));
        if charge.project_id.and_then(|id| self.projects.get(&id)).is_some_and(|owner| *owner != organization) {
            return refuse("project_id", "project");
        }
        let owner = charge.credential_id.and_then(|id| self.credentials.get(&id));
        if owner.is_some_and(|owner| *owner != Some(organization)) {
            return refuse("credential_id", "credential");
        }
        Ok(())
    }
}

fn may_pay(account: &Account, charge: &Charge, owners: &Owners) -> std::result::Result<(), String> {
    use OrganizationStatus as Status;
    // What was spent before an organization was locked or deactivated has still to be counted.
    if matches!(account.row.status, Status::Deleting | Status::Deleted | Status::Unknown) {
        return Err("organization_id: there is no such organization".to_owned());
    }
    owners.check(account.row.id, charge).map_err(|error| error.message)
}
