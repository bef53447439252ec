//! Leases: a source asks before it spends. Where the budget stops, what is
//! spent and what leases hold together never pass it.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use polity_api::error::Code;
use polity_api::ids::{CredentialId, LeaseId, OrganizationId, ProjectId, TokenId};
use polity_api::operation::{Empty, Meta, Needs, Operation, Who};
use polity_api::scalar::{Duration, Int64, Timestamp, micros};
use polity_api::table::{CommitLease, CreateLease, ExtendLease, GetLease, GetOrganization, ReleaseLease};
use polity_api::types::metering::{Lease, LeaseReply};
use polity_api::types::organization::OrganizationStatus;
use polity_store::leases::{self, LeaseRow, LeaseStatus};

use crate::authz::{self, Caller, Via};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::lane::Weight;
use crate::metering::{Owners, callers};
use crate::spend::ledger::{self, Account, Bound, Refused, Wanted};
use crate::spend::period::Period;
use crate::spend::price::MAX_AMOUNT;
use crate::spend::{Charge, Ledger};
use crate::token::{self, Given, Presented};

const DEFAULT_TTL: i64 = micros::MINUTE;
const TTLS: std::ops::RangeInclusive<i64> = micros::SECOND..=micros::DAY;
/// Requests that a unit carries out together.
const TOGETHER: usize = 64;

/// A request about a lease.
#[derive(Clone)]
pub(crate) struct LeaseJob {
    call: Call,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Create(NewLease),
    Commit { id: LeaseId, amount: i64 },
    Extend { id: LeaseId, ttl: i64 },
    Release { id: LeaseId },
}

#[derive(Clone)]
struct NewLease {
    organization_id: OrganizationId,
    amount: i64,
    ttl: i64,
    token: Option<Presented>,
    project_id: Option<ProjectId>,
    credential_id: Option<CredentialId>,
}

impl Weight for LeaseJob {
    const MOST: usize = TOGETHER;
    fn weight(&self) -> usize {
        1
    }
}

/// `CreateLease`.
///
/// # Errors
/// 400 `budget exhausted` when what is left does not cover it; 400 on the field at fault.
pub async fn create(ctx: Ctx, req: Request<CreateLease>) -> Result<LeaseReply> {
    let body = req.body;
    let organization_id = body.organization_id.ok_or_else(|| Error::field("organization_id", "is required"))?;
    let amount = amount(body.amount_microcents, 1)?;
    let token =
        Some(body.token.trim()).filter(|token| !token.is_empty()).map(|token| token::read(&ctx, &Given::of(token)));
    let (project_id, credential_id) = (body.project_id, body.credential_id);
    let new = NewLease { organization_id, amount, ttl: ttl(body.ttl)?, token, project_id, credential_id };
    run(&ctx, req.call, Act::Create(new)).await
}

/// `CommitLease`: the same once more has no effect.
///
/// # Errors
/// 400 on `amount_microcents`; 400 when the lease was given back, was committed with another amount, or has expired and
/// the budget does not cover it any more.
pub async fn commit(ctx: Ctx, req: Request<CommitLease>) -> Result<LeaseReply> {
    let amount = amount(req.body.amount_microcents, 0)?;
    run(&ctx, req.call, Act::Commit { id: req.path.id, amount }).await
}

/// `ExtendLease`: never makes it shorter.
///
/// # Errors
/// 400 on `ttl`, 400 when the lease has ended.
pub async fn extend(ctx: Ctx, req: Request<ExtendLease>) -> Result<LeaseReply> {
    let ttl = ttl(req.body.ttl)?;
    run(&ctx, req.call, Act::Extend { id: req.path.id, ttl }).await
}

/// `ReleaseLease`: also one that has ended.
///
/// # Errors
/// 404 when there is none.
pub async fn release(ctx: Ctx, req: Request<ReleaseLease>) -> Result<Empty> {
    run(&ctx, req.call, Act::Release { id: req.path.id }).await.map(|_| Empty {})
}

/// `GetLease`.
///
/// # Errors
/// 404 when there is none, or it ended more than a day ago.
pub async fn get(ctx: Ctx, req: Request<GetLease>) -> Result<LeaseReply> {
    ctx.read("get_lease", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            authz::caller(w, call).await?.metering_key()?;
            let row = leases::by_id(w.tx, *id).await?.ok_or_else(not_found)?;
            let account = ledger::look(w, row.organization_id).await?.ok_or_else(not_found)?;
            Ok(LeaseReply { lease: to_wire(&row, &account, w.now) })
        })
    })
    .await
}

fn not_found() -> Error {
    Error::not_found("lease")
}

fn amount(given: Option<Int64>, least: i64) -> Result<i64> {
    match given {
        None => Err(Error::field("amount_microcents", "is required")),
        Some(Int64(amount)) if (least..=MAX_AMOUNT).contains(&amount) => Ok(amount),
        Some(_) => Err(Error::field("amount_microcents", format!("must be {least} to {MAX_AMOUNT}"))),
    }
}

fn ttl(given: Option<Duration>) -> Result<i64> {
    let ttl = given.map_or(DEFAULT_TTL, |duration| duration.micros);
    if TTLS.contains(&ttl) { Ok(ttl) } else { Err(Error::field("ttl", "must be 1s to 86400s")) }
}

async fn run(ctx: &Ctx, call: Call, act: Act) -> Result<LeaseReply> {
    ctx.lanes.leases.run(ctx, "leases", LeaseJob { call, act }, |w, jobs| Box::pin(carry_out(w, jobs))).await
}

/// The token in whose name a lease is made.
#[derive(Clone, Copy, Default)]
struct OnBehalf {
    token_id: Option<TokenId>,
    credential_id: Option<CredentialId>,
}

async fn carry_out(w: Work<'_>, jobs: &Arc<Vec<LeaseJob>>) -> Result<Vec<Result<LeaseReply>>> {
    let callers = callers(w, jobs.iter().map(|job| &job.call)).await;
    let behalves = join_all(jobs.iter().map(|job| on_behalf(w, &job.act))).await;
    let ids = jobs.iter().filter_map(|job| match job.act {
        Act::Create(_) => None,
        Act::Commit { id, .. } | Act::Extend { id, .. } | Act::Release { id } => Some(id),
    });
    let found = try_join_all(ids.map(|id| leases::by_id(w.tx, id))).await?;
    let found: Vec<LeaseRow> = found.into_iter().flatten().collect();
    let news = || jobs.iter().filter_map(|job| if let Act::Create(new) = &job.act { Some(new) } else { None });
    let charges: Vec<Charge> = news().map(|new| charge(new, w.now)).collect();
    let owners = Owners::load(w, charges.iter()).await?;
    let concerned = news().map(|new| new.organization_id).chain(found.iter().map(|row| row.organization_id));
    let tokens = behalves.iter().flatten().filter_map(|behalf| behalf.token_id);
    let tokens = tokens.chain(found.iter().filter_map(|row| row.token_id)).collect();
    let periods = concerned.map(|id| (id, w.now)).collect();
    let mut desk = Desk {
        ledger: Ledger::open(w, Wanted { periods, bound: Bound::Stopping, leases: found, tokens }).await?,
        owners,
        next_ends: HashMap::new(),
    };
    let mut replies = Vec::with_capacity(jobs.len());
    for ((job, caller), behalf) in jobs.iter().zip(callers).zip(behalves) {
        replies.push(match caller {
            Err(error) => Err(error),
            Ok(caller) => match desk.act(w, &caller, &job.act, behalf).await {
                // What the store refused is no answer to one request: the unit has to be given up.
                Err(error) if error.code.status() >= 500 => return Err(error),
                reply => reply,
            },
        });
    }
    desk.ledger.finish(w).await?;
    Ok(replies)
}

/// A token of the organization must work there, whatever the reason for which it does not.
const TOKEN: Meta = Meta { who: Who::Token, needs: Needs::Active, ..GetOrganization::META };

async fn on_behalf(w: Work<'_>, act: &Act) -> Result<OnBehalf> {
    let Act::Create(NewLease { token: Some(presented), organization_id, .. }) = act else {
        return Ok(OnBehalf::default());
    };
    let call = Call { meta: &TOKEN, presented: *presented, client: None, project: None };
    let refused = |error: Error| match error.code {
        Code::Internal | Code::Unavailable => error,
        _ => Error::field("token", error.message),
    };
    let caller = authz::caller(w, &call).await.map_err(refused)?;
    if caller.scope != Some(*organization_id) {
        return Err(Error::field("token", "is not a token of the organization"));
    }
    caller.reach(w, *organization_id).await.map_err(refused)?;
    let token_id = match caller.via {
        Via::AccessToken(id) => Some(id),
        Via::Credential(_) | Via::Session(_) | Via::OperatorKey | Via::MeteringKey(_) => None,
    };
    Ok(OnBehalf { token_id, credential_id: caller.credential })
}

fn charge(new: &NewLease, at: Timestamp) -> Charge {
    let (project_id, credential_id) = (new.project_id, new.credential_id);
    Charge { at, amount: new.amount, unit: String::new(), quantity: 0, project_id, credential_id }
}

/// Where requests are decided on, one after the other.
struct Desk {
    ledger: Ledger,
    owners: Owners,
    /// When the next lease of an organization ends by itself, as far as it was asked.
    next_ends: HashMap<OrganizationId, Option<Timestamp>>,
}

impl Desk {
    async fn act(&mut self, w: Work<'_>, caller: &Caller, act: &Act, behalf: Result<OnBehalf>) -> Result<LeaseReply> {
        let id = match act {
            Act::Create(new) => self.create(w, caller, new, behalf?).await?,
            Act::Commit { id, amount } => self.commit(w, *id, *amount).await?,
            Act::Extend { id, ttl } => self.extend(w, *id, *ttl)?,
            Act::Release { id } => self.release(w, *id)?,
        };
        let row = self.ledger.lease(id).ok_or_else(not_found)?.clone();
        let account = self.ledger.account(row.organization_id).ok_or_else(not_found)?;
        Ok(LeaseReply { lease: to_wire(&row, account, w.now) })
    }

    async fn create(&mut self, w: Work<'_>, caller: &Caller, new: &NewLease, behalf: OnBehalf) -> Result<LeaseId> {
        let key = caller.metering_key()?.id;
        let account = self.ledger.account(new.organization_id).ok_or_else(|| Error::not_found("organization"))?;
        spendable(account)?;
        let period_starts_at = account.period(w.now)?.start;
        self.owners.check(new.organization_id, &charge(new, w.now))?;
        let left = behalf.token_id.and_then(|id| self.ledger.left_of_token(id, w.now));
        if let Some(left) = left.filter(|left| *left < new.amount) {
            let message = format!("budget exhausted: {} micro-cents are left of what the token may spend", left.max(0));
            return Err(Error::precondition(message).on("token"));
        }
        let account = self.ledger.account(new.organization_id).ok_or_else(|| Error::not_found("organization"))?;
        if let Err(refused) = account.hold(w.now, new.amount) {
            return Err(self.refused(w, new.organization_id, new.amount, &refused).await?);
        }
        let row = LeaseRow {
            id: w.id(LeaseId::from_random),
            organization_id: new.organization_id,
            period_starts_at,
            metering_key_id: key,
            // One without a limit is of no account: when it is gone, nobody could tell that it had none.
            token_id: behalf.token_id.filter(|_| left.is_some()),
            project_id: new.project_id,
            credential_id: new.credential_id.or(behalf.credential_id),
            amount_microcents: new.amount,
            committed_microcents: 0,
            status: LeaseStatus::Held,
            expires_at: w.now.plus(new.ttl),
            ended_at: None,
            created_at: w.now,
        };
        let id = row.id;
        self.ledger.add_lease(w, row).await?;
        Ok(id)
    }

    async fn commit(&mut self, w: Work<'_>, id: LeaseId, amount: i64) -> Result<LeaseId> {
        let row = self.ledger.lease(id).ok_or_else(not_found)?.clone();
        if amount > row.amount_microcents {
            let most = format!("must be at most the {} micro-cents of the lease", row.amount_microcents);
            return Err(Error::field("amount_microcents", most));
        }
        match row.status {
            LeaseStatus::Committed if row.committed_microcents == amount => return Ok(id),
            LeaseStatus::Committed => {
                let message = format!("the lease was committed with {} micro-cents", row.committed_microcents);
                return Err(Error::precondition(message));
            }
            LeaseStatus::Released => return Err(Error::precondition("the lease was given back: make another")),
            LeaseStatus::Held | LeaseStatus::Expired => {}
        }
        let held = row.status == LeaseStatus::Held;
        let left = row.token_id.and_then(|id| self.ledger.left_of_token(id, w.now));
        if !held && left.is_some_and(|left| left < amount) {
            return Err(Error::precondition("the lease has expired, and the token may not spend so much any more"));
        }
        let account = self.ledger.account(row.organization_id).ok_or_else(not_found)?;
        let (project_id, credential_id) = (row.project_id, row.credential_id);
        let mut charge = Charge { at: w.now, amount, unit: String::new(), quantity: 0, project_id, credential_id };
        if held {
            // It was set aside in that period, and is spent in it even when the next has begun.
            let period = account.period(row.period_starts_at)?;
            charge.at = Timestamp(w.now.0.clamp(period.start.0, period.end.0 - 1));
            account.commit(&charge).map_err(|_| too_much())?;
        } else if let Err(refused) = account.spend(&charge) {
            let error = self.refused(w, row.organization_id, amount, &refused).await?;
            return Err(Error { message: format!("the lease has expired; {}", error.message), ..error });
        }
        self.ledger.end(id, LeaseStatus::Committed, amount, w.now);
        Ok(id)
    }

    fn extend(&mut self, w: Work<'_>, id: LeaseId, ttl: i64) -> Result<LeaseId> {
        let row = self.ledger.lease(id).ok_or_else(not_found)?;
        if row.status != LeaseStatus::Held {
            return Err(Error::precondition("the lease has ended: make another"));
        }
        let expires_at = row.expires_at.max(w.now.plus(ttl));
        self.ledger.extend(id, expires_at);
        Ok(id)
    }

    fn release(&mut self, w: Work<'_>, id: LeaseId) -> Result<LeaseId> {
        if self.ledger.lease(id).ok_or_else(not_found)?.status == LeaseStatus::Held {
            self.ledger.end(id, LeaseStatus::Released, 0, w.now);
        }
        Ok(id)
    }

    /// Why a lease is refused, and when it may succeed.
    async fn refused(
        &mut self,
        w: Work<'_>,
        organization: OrganizationId,
        amount: i64,
        refused: &Refused,
    ) -> Result<Error> {
        let account = self.ledger.account(organization).ok_or_else(not_found)?;
        let (Refused::Exhausted { left }, Some(budget)) = (refused, account.stops_at()) else { return Ok(too_much()) };
        let Period { start, end } = account.period(w.now)?;
        let mut message = format!("budget exhausted: {left} of {budget} micro-cents are left until {end}");
        if amount > budget {
            message.push_str("; the lease would pass the whole budget");
            return Ok(Error::precondition(message).on("amount_microcents"));
        }
        let next = match self.next_ends.get(&organization) {
            None if self.ledger.has_backlog(organization) => Some(w.now),
            Some(known) => *known,
            None => leases::next_end(w.tx, organization, start, w.now).await?.map(|row| row.expires_at),
        };
        self.next_ends.insert(organization, next);
        if let Some(at) = next {
            message.push_str(&format!("; the next lease ends at {at} at the latest"));
        }
        let wait = next.unwrap_or(end).0.min(end.0) - w.now.0;
        let retry_after = u64::try_from(wait / micros::SECOND).ok().map(|seconds| seconds + 1);
        Ok(Error { retry_after, ..Error::precondition(message).on("amount_microcents") })
    }
}

fn too_much() -> Error {
    Error::field("amount_microcents", "the period comes to too much")
}

/// Whether an organization may begin to spend.
fn spendable(account: &Account) -> Result<()> {
    use OrganizationStatus as Status;
    match account.row.status {
        Status::Active | Status::Warning => Ok(()),
        Status::Locked => Err(Error::precondition(authz::ACCOUNT_LOCKED)),
        Status::Deactivating | Status::Deactivated => Err(Error::precondition("the organization is deactivated")),
        Status::Deleting | Status::Deleted | Status::Unknown => Err(Error::not_found("organization")),
    }
}

fn to_wire(row: &LeaseRow, account: &Account, now: Timestamp) -> Lease {
    Lease {
        id: row.id,
        organization_id: row.organization_id,
        amount_microcents: Int64(row.amount_microcents),
        expires_at: Some(row.expires_at),
        status: row.status.as_str().to_owned(),
        committed_microcents: Int64(row.committed_microcents),
        remaining_microcents: account.remaining(now).map(Int64),
        max_overshoot_microcents: account.max_overshoot(now).map(Int64),
    }
}
