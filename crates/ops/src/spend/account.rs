//! The sums of one organization while a unit of work decides on them.

use std::collections::{BTreeMap, HashMap};

use polity_api::ids::{CredentialId, MeteringKeyId, OrganizationId, ProjectId};
use polity_api::scalar::Timestamp;
use polity_store::budgets::{BudgetRow, Enforcement};
use polity_store::spends::{AccountRow, OverrunRow};
use polity_store::usage_days::UsageDayRow;
use uuid::Uuid;

use crate::error::Result;
use crate::keys::sha256;
use crate::spend::MICROCENTS;
use crate::spend::period::{DEFAULT_ANCHOR, Period, day};
use crate::spend::threshold::Limits;

/// Something that was spent.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// When.
    pub at: Timestamp,
    /// In micro-cents, not below 0.
    pub amount: i64,
    /// What was used; empty for an amount that was reported as such.
    pub unit: String,
    /// How many units.
    pub quantity: i64,
    /// For which project.
    pub project_id: Option<ProjectId>,
    /// By which credential.
    pub credential_id: Option<CredentialId>,
}

/// A source that reports spend for which it asked no lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// Its key.
    pub id: MeteringKeyId,
    /// What it may report in a period past the budget of an organization that stops, in micro-cents.
    pub cap: i64,
}

/// An organization with the periods a unit of work is concerned with.
pub(crate) struct Account {
    pub(crate) row: AccountRow,
    /// Whether the unit changes the budget.
    pub(crate) budget_changed: bool,
    /// What all sources together may report past the budget in a period, in micro-cents; 0 unless the unit asked.
    pub(super) caps: i64,
    pub(super) sheets: BTreeMap<Timestamp, Sheet>,
}

/// The sums of a period.
pub(crate) struct Sheet {
    pub(super) period: Period,
    pub(super) spent: i64,
    pub(super) leased: i64,
    /// What was spent before the unit.
    pub(super) before: i64,
    pub(super) touched: bool,
    pub(super) usage: HashMap<Slot, UsageDayRow>,
    /// By source: what it reported past the budget, and whether the unit changes that.
    pub(super) overruns: HashMap<MeteringKeyId, (i64, bool)>,
}

/// What usage is added up by.
type Slot = (Timestamp, Option<ProjectId>, Option<CredentialId>, String);

impl Sheet {
    pub(super) fn new(period: Period, spent: i64, leased: i64) -> Sheet {
        let (usage, overruns) = (HashMap::new(), HashMap::new());
        Sheet { period, spent, leased, before: spent, touched: false, usage, overruns }
    }

    /// The same with what sources reported past the budget.
    pub(super) fn with(mut self, overruns: Vec<OverrunRow>) -> Sheet {
        self.overruns = overruns.into_iter().map(|row| (row.metering_key_id, (row.amount_microcents, false))).collect();
        self
    }

    /// What is spent or set aside, in micro-cents.
    fn taken(&self) -> i64 {
        self.spent.saturating_add(self.leased)
    }

    /// What all sources together reported past the budget, in micro-cents.
    fn overrun(&self) -> i64 {
        self.overruns.values().fold(0, |sum, (amount, _)| sum.saturating_add(*amount))
    }

    /// Adds what was spent. The sum was checked by the caller.
    fn record(&mut self, organization_id: OrganizationId, charge: &Charge, spent: i64) {
        self.spent = spent;
        self.touched = true;
        let slot = (day(charge.at), charge.project_id, charge.credential_id, charge.unit.clone());
        let row = self.usage.entry(slot).or_insert_with(|| UsageDayRow {
            organization_id,
            day_at: day(charge.at),
            slot_id: slot_id(charge),
            unit: charge.unit.clone(),
            project_id: charge.project_id,
            credential_id: charge.credential_id,
            quantity: 0,
            amount_microcents: 0,
            events: 0,
        });
        row.quantity = row.quantity.saturating_add(charge.quantity);
        row.amount_microcents = row.amount_microcents.saturating_add(charge.amount);
        row.events += 1;
    }
}

fn slot_id(charge: &Charge) -> Uuid {
    let mut text = charge.unit.clone();
    for id in [charge.project_id.map(|id| id.0), charge.credential_id.map(|id| id.0)] {
        text.push('\n');
        text.extend(id.map(|id| id.to_string()));
    }
    let hash = sha256(text.as_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    Uuid::from_bytes(id)
}

/// Why spend is not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The budget does not cover it: so much of it is left, in micro-cents.
    Exhausted {
        /// In micro-cents; not below 0.
        left: i64,
    },
    /// The source has reported past the budget what it may.
    OverCap {
        /// What it may report in a period, in micro-cents.
        cap: i64,
    },
    /// All sources together have, those whose keys are gone or whose caps were higher included.
    OverCaps {
        /// What they may report in a period, in micro-cents.
        caps: i64,
    },
    /// The sum of the period would leave what 64 bits hold.
    TooMuch,
}

impl Account {
    pub(super) fn new(row: AccountRow) -> Account {
        Account { row, budget_changed: false, caps: 0, sheets: BTreeMap::new() }
    }

    /// The day of a month on which its periods begin.
    pub(crate) fn anchor(&self) -> i64 {
        self.row.day_of_month.unwrap_or(DEFAULT_ANCHOR)
    }

    /// The period that has this time in it.
    pub(crate) fn period(&self, at: Timestamp) -> Result<Period> {
        Period::containing(at, self.anchor())
    }

    /// The budget, in micro-cents.
    pub(crate) fn budget(&self) -> Option<i64> {
        self.row.amount_cents.map(|cents| cents.saturating_mul(MICROCENTS))
    }

    /// The budget, in micro-cents, if it stops what would pass it.
    pub(crate) fn stops_at(&self) -> Option<i64> {
        self.budget().filter(|_| self.row.enforcement == Some(Enforcement::Stop))
    }

    /// The same for what is reported in a period: a budget that was made when it was over stops nothing in it, for what
    /// was really used while there was none has to be counted.
    fn stops_in(&self, period: Period) -> Option<i64> {
        self.stops_at().filter(|_| self.row.budget_created_at.is_none_or(|made| made < period.end))
    }

    /// Sets the budget that the unit stores, or takes it away.
    pub(crate) fn set_budget(&mut self, budget: Option<&BudgetRow>) {
        self.budget_changed = true;
        self.row.amount_cents = budget.map(|row| row.amount_cents);
        self.row.enforcement = budget.map(|row| row.enforcement);
        self.row.budget_created_at = budget.map(|row| row.created_at);
        self.row.thresholds = budget.map(|row| row.thresholds.clone());
        self.row.forecast_thresholds = budget.map(|row| row.forecast_thresholds.clone());
    }

    /// Whether a budget that stops is spent in the period with this time in it.
    pub(crate) fn is_used_up(&self, at: Timestamp) -> bool {
        self.sheet(at).is_some_and(|sheet| self.would_stop(sheet.spent))
    }

    /// Whether so much spent uses up a budget that stops.
    pub(crate) fn would_stop(&self, spent: i64) -> bool {
        self.stops_at().is_some_and(|budget| spent >= budget)
    }

    pub(super) fn limits(&self) -> Option<Limits<'_>> {
        Some(Limits {
            amount_cents: self.row.amount_cents?,
            actual: self.row.thresholds.as_deref().unwrap_or_default(),
            forecast: self.row.forecast_thresholds.as_deref().unwrap_or_default(),
        })
    }

    /// The sums of the period with this time in it; it was loaded by the unit.
    pub(crate) fn sheet(&self, at: Timestamp) -> Option<&Sheet> {
        self.sheets.range(..=at).next_back().map(|(_, sheet)| sheet).filter(|sheet| sheet.period.contains(at))
    }

    fn sheet_mut(&mut self, at: Timestamp) -> Option<&mut Sheet> {
        self.sheets.range_mut(..=at).next_back().map(|(_, sheet)| sheet).filter(|sheet| sheet.period.contains(at))
    }

    /// What is spent and what leases hold in the period with this time in it, in micro-cents.
    pub(crate) fn sums(&self, at: Timestamp) -> (i64, i64) {
        self.sheet(at).map_or((0, 0), |sheet| (sheet.spent, sheet.leased))
    }

    /// What of the budget is neither spent nor set aside in the period with this time in it, in micro-cents; below 0
    /// once it is passed, none without a budget.
    pub(crate) fn remaining(&self, at: Timestamp) -> Option<i64> {
        Some(self.budget()?.saturating_sub(self.sheet(at)?.taken()))
    }

    /// By how much the budget can be passed in the period with this time in it, in micro-cents; none where nothing
    /// stops at it. What was reported past it stays, whatever has become of the keys since. What is beyond it already,
    /// because it was lowered, began to stop or got leases of another period, stays as well, and what of the caps was
    /// not reported yet comes on top.
    pub(crate) fn max_overshoot(&self, at: Timestamp) -> Option<i64> {
        let (budget, sheet) = (self.stops_at()?, self.sheet(at));
        let overrun = sheet.filter(|sheet| !self.forgets_overruns(sheet)).map_or(0, Sheet::overrun);
        let beyond = sheet.map_or(0, |sheet| sheet.taken().saturating_sub(budget).max(0));
        let to_come = self.caps.saturating_sub(overrun).max(0);
        Some(self.caps.max(overrun).max(beyond.saturating_add(to_come)))
    }

    /// Whether the unit sets a budget that covers what was reported past the one before. Taking the budget away does
    /// not: else the same one, set again, could be passed once more.
    pub(super) fn forgets_overruns(&self, sheet: &Sheet) -> bool {
        self.budget_changed && self.budget().is_some_and(|budget| sheet.taken() <= budget)
    }

    /// Records spend for which no lease was asked. Where the budget stops, what
    /// is past it is held against the cap of the source, and what all sources
    /// reported past it against the caps of all.
    pub(crate) fn report(&mut self, charge: &Charge, source: Source) -> std::result::Result<(), Refused> {
        let period = self.sheet(charge.at).ok_or(Refused::TooMuch)?.period;
        let (id, stops_at, caps) = (self.row.id, self.stops_in(period), self.caps);
        let sheet = self.sheet_mut(charge.at).ok_or(Refused::TooMuch)?;
        let spent = sheet.spent.checked_add(charge.amount).ok_or(Refused::TooMuch)?;
        if let Some(budget) = stops_at {
            let covered = budget.saturating_sub(sheet.taken()).clamp(0, charge.amount);
            let past = charge.amount - covered;
            if past > 0 {
                let all = sheet.overrun().saturating_add(past);
                let (reported, changed) = sheet.overruns.entry(source.id).or_default();
                let sum = reported.saturating_add(past);
                if sum > source.cap {
                    return Err(Refused::OverCap { cap: source.cap });
                }
                if all > caps {
                    return Err(Refused::OverCaps { caps });
                }
                (*reported, *changed) = (sum, true);
            }
        }
        sheet.record(id, charge, spent);
        Ok(())
    }

    /// Records spend that has to fit into the budget where that stops.
    pub(crate) fn spend(&mut self, charge: &Charge) -> std::result::Result<(), Refused> {
        self.must_fit(charge.at, charge.amount)?;
        self.commit(charge)
    }

    /// Records spend that was set aside before: it fits, whatever became of the budget since.
    pub(crate) fn commit(&mut self, charge: &Charge) -> std::result::Result<(), Refused> {
        let id = self.row.id;
        let sheet = self.sheet_mut(charge.at).ok_or(Refused::TooMuch)?;
        let spent = sheet.spent.checked_add(charge.amount).ok_or(Refused::TooMuch)?;
        sheet.record(id, charge, spent);
        Ok(())
    }

    /// Sets an amount aside in the period with this time in it.
    pub(crate) fn hold(&mut self, at: Timestamp, amount: i64) -> std::result::Result<(), Refused> {
        self.must_fit(at, amount)?;
        let sheet = self.sheet_mut(at).ok_or(Refused::TooMuch)?;
        sheet.leased = sheet.leased.checked_add(amount).ok_or(Refused::TooMuch)?;
        sheet.touched = true;
        Ok(())
    }

    /// Here a budget stops: what is spent and set aside never passes it.
    fn must_fit(&self, at: Timestamp, amount: i64) -> std::result::Result<(), Refused> {
        let taken = self.sheet(at).ok_or(Refused::TooMuch)?.taken();
        match self.stops_at() {
            Some(budget) if taken.checked_add(amount).is_none_or(|sum| sum > budget) => {
                Err(Refused::Exhausted { left: budget.saturating_sub(taken).max(0) })
            }
            _ => Ok(()),
        }
    }

    /// Gives back what was set aside in the period with this time in it.
    pub(crate) fn give_back(&mut self, at: Timestamp, amount: i64) {
        if let Some(sheet) = self.sheet_mut(at) {
            sheet.leased = sheet.leased.saturating_sub(amount).max(0);
            sheet.touched = true;
        }
    }
}
