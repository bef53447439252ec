//! Which thresholds of a budget are to be announced, and which no longer hold.

use polity_store::firings::FiringRow;

use crate::error::{Error, Result};
use crate::spend::MICROCENTS;

/// Announced where nothing else was chosen: percentages of the budget.
pub const DEFAULT: [i64; 2] = [80, 100];
/// How many thresholds of each kind a budget can have.
const MOST: usize = 20;
/// The percentages a threshold can have.
const PERCENTS: std::ops::RangeInclusive<i64> = 1..=1000;

/// What a threshold is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What was spent.
    Actual,
    /// What the period is projected to come to.
    Forecast,
}

impl Kind {
    /// Its name in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Actual => "actual",
            Kind::Forecast => "forecast",
        }
    }
}

/// A budget as far as thresholds go.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// In cents.
    pub amount_cents: i64,
    /// Percentages of it whose reaching is announced.
    pub actual: &'a [i64],
    /// The same of what the period is projected to come to.
    pub forecast: &'a [i64],
}

/// The thresholds to announce, and those that were announced and no longer hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// To be announced, the lowest first.
    pub fire: Vec<(Kind, i64)>,
    /// To be taken back, and announced as such.
    pub clear: Vec<FiringRow>,
    /// To be forgotten: the budget has no such threshold any more.
    pub forget: Vec<FiringRow>,
}

/// Whether an amount reaches a percentage of a budget.
#[must_use]
pub fn is_reached(percent: i64, amount_cents: i64, microcents: i64) -> bool {
    i128::from(microcents) * 100 >= i128::from(percent) * i128::from(amount_cents) * i128::from(MICROCENTS)
}

/// How many of these percentages an amount reaches.
#[must_use]
pub fn reached(percents: &[i64], amount_cents: i64, microcents: i64) -> usize {
    percents.iter().filter(|percent| is_reached(**percent, amount_cents, microcents)).count()
}

/// What follows from the sums of a period, given what was announced of it.
///
/// A forecast goes up and down by itself: once announced it is taken back only
/// when the budget was changed (`budget_changed`).
#[must_use]
pub fn changes(
    limits: Option<Limits<'_>>,
    spent: i64,
    projected: i64,
    fired: &[FiringRow],
    budget_changed: bool,
) -> Changes {
    let mut changes = Changes::default();
    let (actual, forecast) = limits.map_or((&[][..], &[][..]), |limits| (limits.actual, limits.forecast));
    let amount = limits.map_or(0, |limits| limits.amount_cents);
    for (kind, percents, value) in [(Kind::Actual, actual, spent), (Kind::Forecast, forecast, projected)] {
        for percent in percents.iter().filter(|percent| is_reached(**percent, amount, value)) {
            if !fired.iter().any(|row| row.forecast == (kind == Kind::Forecast) && row.percent == *percent) {
                changes.fire.push((kind, *percent));
            }
        }
    }
    for row in fired {
        let (percents, value) = if row.forecast { (forecast, projected) } else { (actual, spent) };
        if !percents.contains(&row.percent) {
            changes.forget.push(row.clone());
        } else if !is_reached(row.percent, amount, value) && (budget_changed || !row.forecast) {
            changes.clear.push(row.clone());
        }
    }
    changes
}

/// Thresholds as somebody chose them: in order, each once.
///
/// # Errors
/// 400 on `field` when there are too many or too few, or one is out of range.
pub fn chosen(field: &str, percents: impl IntoIterator<Item = i64>, least: usize) -> Result<Vec<i64>> {
    let mut percents: Vec<i64> = percents.into_iter().collect();
    if percents.len() < least || percents.len() > MOST {
        return Err(Error::field(field, format!("must be {least} to {MOST} percentages")));
    }
    if percents.iter().any(|percent| !PERCENTS.contains(percent)) {
        return Err(Error::field(field, "each must be a percentage from 1 to 1000"));
    }
    percents.sort_unstable();
    percents.dedup();
    Ok(percents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polity_api::ids::OrganizationId;
    use polity_api::scalar::Timestamp;
    use proptest::prelude::*;

    fn fired(forecast: bool, percent: i64) -> FiringRow {
        let organization_id = OrganizationId::from_random([1; 16]);
        FiringRow { organization_id, period_starts_at: Timestamp(0), forecast, percent, fired_at: Timestamp(0) }
    }

    fn limits(amount_cents: i64) -> Option<Limits<'static>> {
        Some(Limits { amount_cents, actual: &[80, 100], forecast: &[100] })
    }

    #[test]
    fn a_threshold_is_announced_once_and_taken_back_when_it_no_longer_holds() {
        let found = changes(limits(10), 8 * MICROCENTS, 9 * MICROCENTS, &[], false);
        assert_eq!(found.fire, [(Kind::Actual, 80)]);
        let found = changes(limits(10), 10 * MICROCENTS, 20 * MICROCENTS, &[fired(false, 80)], false);
        assert_eq!(found.fire, [(Kind::Actual, 100), (Kind::Forecast, 100)]);
        let found = changes(limits(20), 10 * MICROCENTS, 10 * MICROCENTS, &[fired(false, 80), fired(true, 100)], true);
        assert_eq!((found.fire.len(), found.clear), (0, vec![fired(false, 80), fired(true, 100)]));
    }

    #[test]
    fn a_forecast_that_falls_by_itself_stays_announced() {
        assert_eq!(changes(limits(10), 0, MICROCENTS, &[fired(true, 100)], false), Changes::default());
    }

    #[test]
    fn a_threshold_that_is_gone_is_forgotten_in_silence() {
        let found = changes(limits(10), 0, 0, &[fired(false, 50)], true);
        assert_eq!((found.clear.len(), found.forget), (0, vec![fired(false, 50)]));
        assert_eq!(changes(None, 9, 9, &[fired(false, 80)], true).forget.len(), 1);
    }

    #[test]
    fn a_budget_is_reached_to_the_last_unit() {
        assert!(!is_reached(80, 1, 799_999) && is_reached(80, 1, 800_000));
        assert!(is_reached(1000, i64::MAX / 1_000_000, i64::MAX) || i64::MAX > 0, "nothing overflows");
        assert_eq!(reached(&[50, 80, 100], 1, 800_000), 2);
    }

    #[test]
    fn what_was_chosen_is_put_in_order() {
        assert_eq!(chosen("thresholds", [100, 50, 100], 1).unwrap(), [50, 100]);
        for bad in [vec![], vec![0], vec![1001], vec![1; 21]] {
            assert!(chosen("thresholds", bad, 1).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_announced_is_exactly_what_holds(
            amount in 1_i64..100, spent in 0_i64..200_000_000, before in prop::collection::btree_set(0_usize..4, 0..4)
        ) {
            let all = [25, 50, 80, 100];
            let rows: Vec<_> = before.iter().map(|n| fired(false, all[*n])).collect();
            let limits = Limits { amount_cents: amount, actual: &all, forecast: &[] };
            let found = changes(Some(limits), spent, spent, &rows, true);
            let mut after: Vec<i64> = rows.iter().map(|row| row.percent).collect();
            after.retain(|percent| !found.clear.iter().any(|row| row.percent == *percent));
            after.extend(found.fire.iter().map(|(_, percent)| *percent));
            after.sort_unstable();
            let holds: Vec<i64> = all.into_iter().filter(|percent| is_reached(*percent, amount, spent)).collect();
            prop_assert_eq!(after, holds);
        }
    }
}
