//! The ledger: loads the sums a unit of work is concerned with, lets the unit
//! decide on them in memory, and writes back what changed with all that
//! follows from it.
//!
//! Two units about one organization never both go by the same sums: on SQLite
//! units that write run one after the other, on PostgreSQL they are
//! serializable and both write the row of the period.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::future::{try_join, try_join_all, try_join4};
use polity_api::ids::{LeaseId, OrganizationId, TokenId};
use polity_api::scalar::{Timestamp, micros};
use polity_api::types::organization::OrganizationStatus;
use polity_store::leases::{self, LeaseRow, LeaseStatus};
use polity_store::spends::{self, OverrunRow, SpendRow};
use polity_store::tokens::{self, TokenSpendRow};
use polity_store::usage_days::{self, Days};
use polity_store::{firings, metering_keys, organizations};

pub(crate) use super::account::{Account, Charge, Refused, Source};
use crate::ctx::Work;
use crate::error::Result;
use crate::spend::account::Sheet;
use crate::spend::alert::{self, Facts};
use crate::spend::period::{Period, projected};
use crate::spend::threshold;

/// Leases that a unit ends because their time is over, whatever it is about: it has to stay short. Those it leaves hold
/// their amount a little longer, so a budget is never passed.
pub(crate) const ENDED_TOGETHER: i64 = 1_000;
/// Of each organization at least so many, however many the unit is concerned with.
const ENDED_EACH: i64 = 20;

/// What a unit of work is concerned with.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Organizations, each with a time in the period concerned.
    pub(crate) periods: BTreeSet<(OrganizationId, Timestamp)>,
    /// Of which budgets it has to be known by how much they can be passed.
    pub(crate) bound: Bound,
    /// Leases that were loaded already: their periods are concerned too.
    pub(crate) leases: Vec<LeaseRow>,
    /// Access tokens whose spend limit is concerned.
    pub(crate) tokens: BTreeSet<TokenId>,
}

/// Of which budgets it has to be known by how much they can be passed.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Bound {
    /// Of none: nothing is reported, and no reply says it.
    #[default]
    None,
    /// Of those that stop.
    Stopping,
    /// Of every one: the unit may make it one that stops.
    All,
}

/// The sums a unit of work decides on.
pub(crate) struct Ledger {
    accounts: BTreeMap<OrganizationId, Account>,
    leases: HashMap<LeaseId, (LeaseRow, bool)>,
    tokens: HashMap<TokenId, (TokenSpendRow, bool)>,
    /// Organizations that may have more leases whose time is over than the unit ends.
    backlogs: HashSet<OrganizationId>,
}

impl Ledger {
    /// Loads what a unit is concerned with. Leases whose time is over have
    /// given back what they held when this returns: those that were wanted, and
    /// of the others as many as a unit may end.
    pub(crate) async fn open(w: Work<'_>, wanted: Wanted) -> Result<Ledger> {
        let mut periods = wanted.periods;
        periods.extend(wanted.leases.iter().map(|row| (row.organization_id, row.period_starts_at)));
        let ids: BTreeSet<OrganizationId> = periods.iter().map(|(id, _)| *id).collect();
        let accounts = try_join_all(ids.into_iter().map(|id| spends::account(w.tx, id))).await?;
        let accounts = accounts.into_iter().flatten().map(|row| (row.id, Account::new(row))).collect();
        let leases = wanted.leases.into_iter().map(|row| (row.id, (row, false))).collect();
        let mut ledger = Ledger { accounts, leases, tokens: HashMap::new(), backlogs: HashSet::new() };
        ledger.load_sheets(w, periods, wanted.bound).await?;
        ledger.load_tokens(w, wanted.tokens).await?;
        ledger.end_expired(w).await?;
        Ok(ledger)
    }

    async fn load_sheets(
        &mut self,
        w: Work<'_>,
        periods: BTreeSet<(OrganizationId, Timestamp)>,
        bound: Bound,
    ) -> Result<()> {
        let mut missing = BTreeMap::new();
        for (id, at) in periods {
            let Some(account) = self.accounts.get(&id) else { continue };
            if account.sheet(at).is_none() {
                let period = account.period(at)?;
                let bounded = match bound {
                    Bound::None => false,
                    Bound::Stopping => account.stops_at().is_some(),
                    Bound::All => true,
                };
                missing.insert((id, period.start), (period, bounded));
            }
        }
        let any_bounded = missing.values().any(|(_, bounded)| *bounded);
        let caps = async { if any_bounded { metering_keys::caps(w.tx).await.map(Some) } else { Ok(None) } };
        let loaded = missing.into_iter().map(|((id, start), (period, bounded))| async move {
            let overruns = async { if bounded { spends::overruns(w.tx, id, start).await } else { Ok(Vec::new()) } };
            let (row, overruns) = try_join(spends::hold(w.tx, id, start), overruns).await?;
            Ok::<_, polity_store::Error>((id, period, row, overruns))
        });
        let (loaded, caps) = try_join(try_join_all(loaded), caps).await?;
        for (id, period, row, overruns) in loaded {
            let (spent, leased) = match row {
                Some(row) => (row.spent_microcents, row.leased_microcents),
                // The first of its period, or the first since the day was changed on which periods begin.
                None => (usage_days::sum(w.tx, days(id, period)).await?, 0),
            };
            let sheet = Sheet::new(period, spent, leased).with(overruns);
            if let Some(account) = self.accounts.get_mut(&id) {
                account.sheets.insert(period.start, sheet);
                account.caps = caps.unwrap_or(account.caps);
            }
        }
        Ok(())
    }

    async fn load_tokens(&mut self, w: Work<'_>, ids: BTreeSet<TokenId>) -> Result<()> {
        let missing = ids.into_iter().filter(|id| !self.tokens.contains_key(id));
        let rows = try_join_all(missing.map(|id| tokens::spend(w.tx, id))).await?;
        self.tokens.extend(rows.into_iter().flatten().map(|row| (row.id, (row, false))));
        Ok(())
    }

    /// Ends the leases whose time is over.
    async fn end_expired(&mut self, w: Work<'_>) -> Result<()> {
        let holding = self.accounts.values().filter(|a| a.sheets.values().any(|sheet| sheet.leased > 0));
        let holding: Vec<OrganizationId> = holding.map(|account| account.row.id).collect();
        let count = i64::try_from(holding.len()).unwrap_or(i64::MAX).max(1);
        let each = (ENDED_TOGETHER / count).max(ENDED_EACH);
        let found = try_join_all(holding.iter().map(|id| leases::expired(w.tx, *id, w.now, each))).await?;
        let full = |rows: &Vec<LeaseRow>| i64::try_from(rows.len()).is_ok_and(|count| count >= each);
        self.backlogs.extend(holding.iter().zip(&found).filter(|(_, rows)| full(rows)).map(|(id, _)| *id));
        for row in found.into_iter().flatten() {
            self.leases.entry(row.id).or_insert((row, false));
        }
        let over = self.leases.values().map(|(row, _)| row);
        let over: Vec<&LeaseRow> =
            over.filter(|row| row.status == LeaseStatus::Held && row.expires_at <= w.now).collect();
        let ids: Vec<LeaseId> = over.iter().map(|row| row.id).collect();
        let periods = over.iter().map(|row| (row.organization_id, row.period_starts_at)).collect();
        let tokens = over.iter().filter_map(|row| row.token_id).collect();
        self.load_sheets(w, periods, Bound::None).await?;
        self.load_tokens(w, tokens).await?;
        for id in ids {
            self.end(id, LeaseStatus::Expired, 0, w.now);
        }
        Ok(())
    }

    /// Whether an organization may have more leases whose time is over: the next unit about it ends them.
    pub(crate) fn has_backlog(&self, id: OrganizationId) -> bool {
        self.backlogs.contains(&id)
    }

    /// An organization, if there is one.
    pub(crate) fn account(&mut self, id: OrganizationId) -> Option<&mut Account> {
        self.accounts.get_mut(&id)
    }

    /// A lease that was loaded or made by this unit.
    pub(crate) fn lease(&self, id: LeaseId) -> Option<&LeaseRow> {
        self.leases.get(&id).map(|(row, _)| row)
    }

    /// What is left of the spend limit of an access token, in micro-cents; none for no limit. Nothing is left of one
    /// that is gone or has expired, whether or not it was swept since.
    pub(crate) fn left_of_token(&self, id: TokenId, now: Timestamp) -> Option<i64> {
        let Some((row, _)) = self.tokens.get(&id) else { return Some(0) };
        let limit = row.spend_limit_microcents?;
        if row.expires_at <= now {
            return Some(0);
        }
        Some(limit.saturating_sub(row.spent_microcents).saturating_sub(row.leased_microcents))
    }

    /// Notes a lease whose amount was set aside; its row is written.
    pub(crate) async fn add_lease(&mut self, w: Work<'_>, row: LeaseRow) -> Result<()> {
        if let Some((token, changed)) = row.token_id.and_then(|id| self.tokens.get_mut(&id)) {
            token.leased_microcents = token.leased_microcents.saturating_add(row.amount_microcents);
            *changed = true;
        }
        leases::insert(w.tx, row.clone()).await?;
        self.leases.insert(row.id, (row, false));
        Ok(())
    }

    /// Changes when a lease ends by itself.
    pub(crate) fn extend(&mut self, id: LeaseId, expires_at: Timestamp) {
        if let Some((row, changed)) = self.leases.get_mut(&id) {
            row.expires_at = expires_at;
            *changed = true;
        }
    }

    /// Ends a lease that holds its amount: that is given back, and of it
    /// `committed` counts as spent with the token. Spend of the organization is
    /// recorded by the caller.
    pub(crate) fn end(&mut self, id: LeaseId, status: LeaseStatus, committed: i64, now: Timestamp) {
        let Some((row, changed)) = self.leases.get_mut(&id) else { return };
        let held = if row.status == LeaseStatus::Held { row.amount_microcents } else { 0 };
        (row.status, row.committed_microcents, row.ended_at) = (status, committed, Some(now));
        *changed = true;
        if let Some((token, changed)) = row.token_id.and_then(|id| self.tokens.get_mut(&id)) {
            token.leased_microcents = token.leased_microcents.saturating_sub(held).max(0);
            token.spent_microcents = token.spent_microcents.saturating_add(committed);
            *changed = true;
        }
        if let Some(account) = self.accounts.get_mut(&row.organization_id) {
            account.give_back(row.period_starts_at, held);
        }
    }

    /// Writes what changed, and what follows from it: thresholds are announced,
    /// spend is stopped or goes on.
    pub(crate) async fn finish(self, w: Work<'_>) -> Result<()> {
        for (row, _) in self.leases.values().filter(|(_, changed)| *changed) {
            leases::set(w.tx, row).await?;
        }
        for (row, _) in self.tokens.values().filter(|(_, changed)| *changed) {
            tokens::set_spend(w.tx, row).await?;
        }
        for account in self.accounts.into_values() {
            settle(w, account).await?;
        }
        Ok(())
    }
}

/// The days of a period.
pub(crate) fn days(organization_id: OrganizationId, period: Period) -> Days {
    Days { organization_id, from: period.start, to: period.end }
}

async fn settle(w: Work<'_>, mut account: Account) -> Result<()> {
    let sheets = std::mem::take(&mut account.sheets);
    for (_, sheet) in sheets {
        let current = sheet.period.contains(w.now);
        let budget_changed = account.budget_changed && current;
        if sheet.touched {
            let row = SpendRow {
                organization_id: account.row.id,
                period_starts_at: sheet.period.start,
                period_ends_at: sheet.period.end,
                spent_microcents: sheet.spent,
                leased_microcents: sheet.leased,
                updated_at: w.now,
            };
            spends::upsert(w.tx, row).await?;
        }
        let forgets_overruns = current && account.forgets_overruns(&sheet);
        for row in sheet.usage.into_values() {
            usage_days::add(w.tx, row).await?;
        }
        for (metering_key_id, (amount_microcents, _)) in sheet.overruns.iter().filter(|(_, (_, changed))| *changed) {
            let (organization_id, period_starts_at) = (account.row.id, sheet.period.start);
            let (metering_key_id, amount_microcents) = (*metering_key_id, *amount_microcents);
            let row = OverrunRow { organization_id, period_starts_at, metering_key_id, amount_microcents };
            spends::set_overrun(w.tx, row).await?;
        }
        if forgets_overruns {
            spends::forget_overruns(w.tx, account.row.id, sheet.period.start).await?;
        }
        let (period, spent, before) = (sheet.period, sheet.spent, sheet.before);
        let facts = Facts { period, spent, projected: projected(spent, period, w.now), current };
        announce(w, &account, facts, before, budget_changed).await?;
        if current {
            stop_or_resume(w, &account, facts).await?;
        }
    }
    Ok(())
}

/// Announces the thresholds that are reached, and takes back those that no longer are.
async fn announce(w: Work<'_>, account: &Account, facts: Facts, before: i64, budget_changed: bool) -> Result<()> {
    let mut limits = account.limits();
    if let Some(limits) = limits.as_mut().filter(|_| !facts.current) {
        // What a period that is over comes to is no forecast.
        limits.forecast = &[];
    }
    // Most spend crosses nothing: then there is no need to ask what was announced.
    let crossed = limits.is_some_and(|limits| {
        let reached = |percents, sum| threshold::reached(percents, limits.amount_cents, sum);
        reached(limits.actual, before) != reached(limits.actual, facts.spent)
            || (before != facts.spent && reached(limits.forecast, facts.projected) > 0)
    });
    if !crossed && !budget_changed {
        return Ok(());
    }
    let mut fired = firings::of_period(w.tx, account.row.id, facts.period.start).await?;
    fired.retain(|row| facts.current || !row.forecast);
    let changes = threshold::changes(limits, facts.spent, facts.projected, &fired, budget_changed);
    for row in changes.forget {
        firings::delete(w.tx, &row).await?;
    }
    for row in changes.clear {
        firings::delete(w.tx, &row).await?;
        alert::cleared(w, account, facts, &row).await?;
    }
    for (kind, percent) in &changes.fire {
        alert::reached(w, account, facts, *kind, *percent).await?;
    }
    alert::tell(w, account, facts, &changes.fire).await
}

/// By how much the clocks of replicas may differ, in microseconds. One for which the next period has begun lets spend
/// go on; one that is behind must not stop it once more for the last moments of the period before.
const CLOCKS_DIFFER: i64 = 5 * micros::SECOND;

/// By how much a unit may be behind another, in microseconds: by the clock of its replica, and by how long it waited
/// and was run again. A stop of a period that is further ahead was made by a clock that was wrong, and does not last.
const BEHIND: i64 = micros::HOUR;

/// Stops the spend of an organization whose budget is used up, and lets it go
/// on when it no longer is, or another period has begun.
async fn stop_or_resume(w: Work<'_>, account: &Account, facts: Facts) -> Result<()> {
    let id = account.row.id;
    let used_up = account.would_stop(facts.spent);
    let stopped = account.row.spend_resumes_at;
    let deleted = account.row.status == OrganizationStatus::Deleted;
    let ahead = stopped.is_some_and(|resumes_at| resumes_at > facts.period.end);
    if ahead && !account.budget_changed && w.now.plus(BEHIND) >= facts.period.end {
        // The next period has begun for another unit, which has stopped it there: this one has nothing to say any more.
        return Ok(());
    }
    if let Some(resumes_at) = stopped
        && (!used_up || resumes_at <= w.now)
    {
        organizations::set_spend_resumes_at(w.tx, id, None).await?;
        if !deleted {
            let why = if resumes_at <= w.now { "period_over" } else { "budget_changed" };
            alert::resumed(w, account, facts, why).await?;
        }
    }
    // Where it was stopped before, only the day was changed on which periods begin.
    let newly = stopped.is_none_or(|resumes_at| resumes_at <= w.now);
    let too_late = newly && w.now.plus(CLOCKS_DIFFER) >= facts.period.end;
    if used_up && !deleted && !too_late && stopped != Some(facts.period.end) {
        organizations::set_spend_resumes_at(w.tx, id, Some(facts.period.end)).await?;
        if newly {
            alert::stopped(w, account, facts).await?;
        }
    }
    Ok(())
}

/// What of the current period is spent and set aside, and by how much the
/// budget can be passed: for replies that only read.
pub(crate) async fn look(w: Work<'_>, id: OrganizationId) -> Result<Option<Account>> {
    let first = try_join(spends::account(w.tx, id), metering_keys::caps(w.tx));
    // Where periods begin on the first of a month, which is usual, this is the only round trip.
    let usual = Period::containing(w.now, crate::spend::period::DEFAULT_ANCHOR)?;
    let sums = spends::by_period(w.tx, id, usual.start);
    // Needed only where there is no row of the period. In an embedded database asking later costs no more.
    let added = async {
        if w.ctx.db.is_embedded() { Ok(None) } else { usage_days::sum(w.tx, days(id, usual)).await.map(Some) }
    };
    let overruns = spends::overruns(w.tx, id, usual.start);
    let ((row, caps), mut sums, added, mut overruns) = try_join4(first, sums, added, overruns).await?;
    let Some(row) = row else { return Ok(None) };
    let mut account = Account::new(row);
    account.caps = caps;
    let period = account.period(w.now)?;
    if period != usual {
        let found = (spends::by_period(w.tx, id, period.start), spends::overruns(w.tx, id, period.start));
        (sums, overruns) = try_join(found.0, found.1).await?;
    }
    let (spent, leased) = match (sums, added.filter(|_| period == usual)) {
        (Some(row), _) => (row.spent_microcents, row.leased_microcents),
        (None, Some(added)) => (added, 0),
        (None, None) => (usage_days::sum(w.tx, days(id, period)).await?, 0),
    };
    account.sheets.insert(period.start, Sheet::new(period, spent, leased).with(overruns));
    Ok(Some(account))
}
