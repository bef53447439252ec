//! The model: what was spent is a list of charges, and every sum is a recount
//! of it. It shares nothing with the product, not even its arithmetic.

use std::collections::{BTreeMap, BTreeSet};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
const CENT: i128 = 1_000_000;

/// A period: from a midnight up to another.
pub type Period = (i64, i64);

/// Days since 1970 of a day of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The period with this time in it, where periods begin on day `anchor` of a month.
pub fn period(at: i64, anchor: i64) -> Period {
    let day = at.div_euclid(DAY);
    let (mut year, mut month) = (1970 + (day - 366) / 366, 1);
    let next = |year: i64, month: i64| if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    loop {
        let (next_year, next_month) = next(year, month);
        let (start, end) = (days_from_civil(year, month, anchor), days_from_civil(next_year, next_month, anchor));
        if (start..end).contains(&day) {
            return (start * DAY, end * DAY);
        }
        (year, month) = (next_year, next_month);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Held,
    Committed,
    Released,
    Expired,
}

#[derive(Clone, Debug)]
pub struct Lease {
    /// None when the reply was lost: then nothing but time ends it.
    pub id: Option<String>,
    pub amount: i64,
    pub committed: i64,
    pub state: State,
    pub expires_at: i64,
    /// A time in its period.
    pub of: i64,
    pub token: Option<usize>,
    pub ended_at: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub cents: i64,
    pub stops: bool,
    /// When it was made.
    pub made: i64,
    pub thresholds: BTreeSet<i64>,
}

/// An access token with a spend limit.
#[derive(Clone, Debug)]
pub struct Token {
    pub text: String,
    pub limit: i64,
    pub spent: i64,
    pub expires_at: i64,
}

#[derive(Clone, Debug)]
pub struct Charge {
    pub at: i64,
    pub amount: i64,
}

/// One event as the model needs it.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub at: i64,
    pub amount: i64,
    /// Whether it is well formed and may be counted at all.
    pub valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Duplicate,
    Rejected,
}

/// Why a lease is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    Exhausted,
    Token,
    /// It has ended, or the amount is not that of the lease.
    State,
}

#[derive(Default)]
pub struct World {
    pub now: i64,
    pub anchor: i64,
    pub budget: Option<Budget>,
    pub charges: Vec<Charge>,
    pub leases: Vec<Lease>,
    pub tokens: Vec<Token>,
    /// By source.
    pub caps: Vec<i64>,
    pub known: BTreeSet<String>,
    /// By start of the period and source: what was reported past the budget.
    pub overruns: BTreeMap<(i64, usize), i128>,
    /// By start of the period: the percentages that were announced.
    pub fired: BTreeSet<(i64, i64)>,
    pub stopped: Option<i64>,
    /// What was announced, since it was looked at.
    pub announced: Vec<String>,
    /// How many mails told of thresholds that were reached, ever: one for those that were reached together.
    pub mails: usize,
}

impl World {
    pub fn period(&self) -> Period {
        period(self.now, self.anchor)
    }

    pub fn spent(&self, (start, end): Period) -> i128 {
        self.charges.iter().filter(|c| (start..end).contains(&c.at)).map(|c| i128::from(c.amount)).sum()
    }

    pub fn leased(&self, (start, end): Period) -> i128 {
        let held = self.leases.iter().filter(|lease| lease.state == State::Held && (start..end).contains(&lease.of));
        held.map(|lease| i128::from(lease.amount)).sum()
    }

    fn taken(&self, period: Period) -> i128 {
        self.spent(period) + self.leased(period)
    }

    /// By how much the budget can be passed: by what is beyond it already, and by what sources may still report.
    /// Nothing that was reported past it takes a unit from the sum of the caps.
    pub fn overshoot(&self, period: Period) -> Option<i128> {
        let budget = self.stops_at()?;
        let caps: i128 = self.caps.iter().map(|cap| i128::from(*cap)).sum();
        let reported: i128 = self.overruns.iter().filter(|(key, _)| key.0 == period.0).map(|(_, sum)| *sum).sum();
        let beyond = (self.taken(period) - budget).max(0);
        Some(caps.max(reported).max(beyond + (caps - reported).max(0)))
    }

    fn stops_at(&self) -> Option<i128> {
        self.budget.as_ref().filter(|budget| budget.stops).map(|budget| i128::from(budget.cents) * CENT)
    }

    fn is_reached(&self, percent: i64, period: Period) -> bool {
        let budget = self.budget.as_ref().map_or(0, |budget| i128::from(budget.cents));
        self.spent(period) * 100 >= i128::from(percent) * budget * CENT
    }

    fn thresholds(&self) -> Vec<i64> {
        self.budget.iter().flat_map(|budget| budget.thresholds.iter().copied()).collect()
    }

    fn holding(&self, period: Period) -> usize {
        self.thresholds().iter().filter(|percent| self.is_reached(**percent, period)).count()
    }

    /// Makes what is announced of a period what holds of it.
    fn announce(&mut self, period: Period) {
        let thresholds = self.thresholds();
        let before: Vec<i64> = self.fired.iter().filter(|(start, _)| *start == period.0).map(|(_, p)| *p).collect();
        for percent in before {
            if !thresholds.contains(&percent) {
                self.fired.remove(&(period.0, percent));
            } else if !self.is_reached(percent, period) {
                self.fired.remove(&(period.0, percent));
                self.announced.push(format!("cleared {percent} of {}", period.0));
            }
        }
        let mut any = false;
        for percent in thresholds {
            if self.is_reached(percent, period) && self.fired.insert((period.0, percent)) {
                self.announced.push(format!("reached {percent} of {}", period.0));
                any = true;
            }
        }
        self.mails += usize::from(any);
    }

    /// Stops spend, or lets it go on.
    fn stop_or_resume(&mut self) {
        let period = self.period();
        let used_up = self.stops_at().is_some_and(|budget| self.spent(period) >= budget);
        if let Some(until) = self.stopped
            && (!used_up || until <= self.now)
        {
            self.stopped = None;
            self.announced.push("resumed".to_owned());
        }
        if used_up {
            if self.stopped.is_none() {
                self.announced.push("stopped".to_owned());
            }
            self.stopped = Some(period.1);
        }
    }

    /// Follows what an operation spent in these periods, which held so many thresholds before.
    fn settle(&mut self, before: Vec<(Period, usize)>) {
        for (period, count) in before {
            if self.holding(period) != count {
                self.announce(period);
            }
        }
        self.stop_or_resume();
    }

    /// Time goes on: leases end by themselves, and a period may be over.
    pub fn advance_to(&mut self, now: i64) {
        self.now = now;
        for lease in self.leases.iter_mut().filter(|l| l.state == State::Held && l.expires_at <= now) {
            (lease.state, lease.ended_at) = (State::Expired, now);
        }
        self.stop_or_resume();
    }

    pub fn record(&mut self, source: usize, events: &[Event]) -> Vec<Verdict> {
        let periods: BTreeSet<Period> =
            events.iter().filter(|event| event.valid).map(|event| period(event.at, self.anchor)).collect();
        let before = periods.into_iter().map(|period| (period, self.holding(period))).collect();
        let mut rejected = BTreeSet::new();
        let mut verdicts = Vec::new();
        for event in events {
            let verdict = if !event.valid || rejected.contains(&event.id) {
                Verdict::Rejected
            } else if self.known.contains(&event.id) {
                Verdict::Duplicate
            } else if self.count(source, event) {
                self.known.insert(event.id.clone());
                Verdict::Accepted
            } else {
                rejected.insert(event.id.clone());
                Verdict::Rejected
            };
            verdicts.push(verdict);
        }
        self.settle(before);
        verdicts
    }

    fn count(&mut self, source: usize, event: &Event) -> bool {
        let period = period(event.at, self.anchor);
        let stood = self.budget.as_ref().is_some_and(|budget| budget.made < period.1);
        if let Some(budget) = self.stops_at().filter(|_| stood) {
            let covered = (budget - self.taken(period)).clamp(0, event.amount.into());
            let past = i128::from(event.amount) - covered;
            let overrun = self.overruns.entry((period.0, source)).or_default();
            if past > 0 && *overrun + past > self.caps[source].into() {
                return false;
            }
            *overrun += past;
        }
        self.charges.push(Charge { at: event.at, amount: event.amount });
        true
    }

    pub fn left_of(&self, token: usize) -> i64 {
        let held = self.leases.iter().filter(|lease| lease.token == Some(token) && lease.state == State::Held);
        let token = &self.tokens[token];
        token.limit - token.spent - held.map(|lease| lease.amount).sum::<i64>()
    }

    pub fn lease(&self, amount: i64, token: Option<usize>) -> Result<(), No> {
        if let Some(token) = token
            && (self.left_of(token) < amount || self.tokens[token].expires_at <= self.now)
        {
            return Err(No::Token);
        }
        self.fits(amount)
    }

    /// Leased spend never passes a budget that stops.
    fn fits(&self, amount: i64) -> Result<(), No> {
        let taken = self.taken(self.period()) + i128::from(amount);
        if self.stops_at().is_some_and(|budget| taken > budget) { Err(No::Exhausted) } else { Ok(()) }
    }

    pub fn commit(&mut self, n: usize, amount: i64) -> Result<(), No> {
        let lease = self.leases[n].clone();
        if amount > lease.amount {
            return Err(No::State);
        }
        let at = match lease.state {
            State::Committed if lease.committed == amount => return Ok(()),
            State::Committed | State::Released => return Err(No::State),
            State::Held => {
                let (start, end) = period(lease.of, self.anchor);
                self.now.clamp(start, end - 1)
            }
            State::Expired => {
                // Nothing more is spent with a token that has expired.
                let left =
                    |token: usize| if self.tokens[token].expires_at > self.now { self.left_of(token) } else { 0 };
                if lease.token.is_some_and(|token| left(token) < amount) {
                    return Err(No::State);
                }
                self.fits(amount)?;
                self.now
            }
        };
        let concerned = period(at, self.anchor);
        let before = vec![(concerned, self.holding(concerned))];
        let now = self.now;
        let row = &mut self.leases[n];
        (row.state, row.committed, row.ended_at) = (State::Committed, amount, now);
        if let Some(token) = lease.token {
            self.tokens[token].spent += amount;
        }
        self.charges.push(Charge { at, amount });
        self.settle(before);
        Ok(())
    }

    pub fn set_budget(&mut self, budget: Option<Budget>) {
        // The same once more is no other budget, and covers nothing that was reported past it.
        if self.budget != budget {
            self.budget = budget;
            self.budget_changed();
        }
    }

    fn budget_changed(&mut self) {
        let period = self.period();
        let budget = self.budget.as_ref().map(|budget| i128::from(budget.cents) * CENT);
        if budget.is_some_and(|budget| self.taken(period) <= budget) {
            self.overruns.retain(|(start, _), _| *start != period.0);
        }
        self.announce(period);
        self.stop_or_resume();
    }

    /// The current period becomes another: what leases hold, what was reported past the budget, and what was announced
    /// go along.
    pub fn set_anchor(&mut self, day: i64) {
        if self.anchor == day {
            return;
        }
        let (before, now) = (self.period(), self.now);
        self.anchor = day;
        let after = self.period();
        for lease in self.leases.iter_mut().filter(|lease| lease.state == State::Held) {
            lease.of = now;
        }
        if before.0 != after.0 {
            let moved: Vec<_> =
                self.overruns.iter().filter(|(key, _)| key.0 == before.0).map(|(k, v)| (*k, *v)).collect();
            self.overruns.retain(|key, _| key.0 != before.0 && key.0 != after.0);
            self.overruns.extend(moved.into_iter().map(|((_, source), sum)| ((after.0, source), sum)));
            let fired: Vec<i64> = self.fired.iter().filter(|(start, _)| *start == before.0).map(|(_, p)| *p).collect();
            self.fired.retain(|(start, _)| *start != before.0 && *start != after.0);
            self.fired.extend(fired.into_iter().map(|percent| (after.0, percent)));
        }
        self.budget_changed();
    }
}

#[test]
fn the_periods_of_the_model_are_those_of_the_calendar() {
    let day = |year, month, day| days_from_civil(year, month, day) * DAY;
    assert_eq!((day(1970, 1, 1), day(2000, 3, 1)), (0, 11_017 * DAY));
    assert_eq!(period(day(2026, 12, 31) + DAY - 1, 1), (day(2026, 12, 1), day(2027, 1, 1)));
    assert_eq!(period(day(2027, 1, 14), 15), (day(2026, 12, 15), day(2027, 1, 15)));
    assert_eq!(period(day(2028, 2, 29), 28), (day(2028, 2, 28), day(2028, 3, 28)));
}
