//! Billing periods: half-open stretches of time from midnight to midnight, UTC,
//! a month long, that begin on the same day of each month.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use polity_api::scalar::{Timestamp, micros};

use crate::error::{Error, Result};

/// The days of a month on which periods can begin: those that every month has.
pub const ANCHOR_DAYS: std::ops::RangeInclusive<i64> = 1..=28;
/// The day on which periods begin where nothing else was chosen.
pub const DEFAULT_ANCHOR: i64 = 1;

/// A billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// When it begins.
    pub start: Timestamp,
    /// When it is over.
    pub end: Timestamp,
}

impl Period {
    /// The period that has this time in it, where periods begin on day `anchor` of a month.
    ///
    /// # Errors
    /// When the time is further away than the calendar goes.
    pub fn containing(at: Timestamp, anchor: i64) -> Result<Period> {
        let date = date(at)?;
        let anchor = i8::try_from(anchor).map_err(Error::internal)?;
        let this = Date::new(date.year(), date.month(), anchor).map_err(Error::internal)?;
        let month = jiff::Span::new().months(1);
        let start = if date < this { this.checked_sub(month).map_err(Error::internal)? } else { this };
        let end = start.checked_add(month).map_err(Error::internal)?;
        Ok(Period { start: midnight(start)?, end: midnight(end)? })
    }

    /// Whether this time is in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// The period after it, where periods begin on day `anchor` of a month.
    ///
    /// # Errors
    /// When it is further away than the calendar goes.
    pub fn next(&self, anchor: i64) -> Result<Period> {
        Period::containing(self.end, anchor)
    }
}

/// The midnight, UTC, at which the day of this time began.
#[must_use]
pub fn day(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(micros::DAY) * micros::DAY)
}

fn date(at: Timestamp) -> Result<Date> {
    let at = jiff::Timestamp::from_microsecond(at.0).map_err(Error::internal)?;
    Ok(TimeZone::UTC.to_datetime(at).date())
}

fn midnight(date: Date) -> Result<Timestamp> {
    let at = TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).map_err(Error::internal)?;
    Ok(Timestamp(at.as_microsecond()))
}

/// What a period comes to if the rest of it costs as much an hour as it did so
/// far, in micro-cents: `spent` × length ÷ time gone. In its first day the whole
/// day is taken as gone, so that the first minutes are not taken for a month;
/// a period that is over comes to what was spent.
#[must_use]
pub fn projected(spent: i64, period: Period, now: Timestamp) -> i64 {
    let length = period.end.0 - period.start.0;
    let gone = (now.0 - period.start.0).clamp(micros::DAY.min(length), length);
    let projected = i128::from(spent) * i128::from(length) / i128::from(gone.max(1));
    i64::try_from(projected).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn period(text: &str, anchor: i64) -> (String, String) {
        let period = Period::containing(at(text), anchor).unwrap();
        (period.start.to_string(), period.end.to_string())
    }

    #[test]
    fn a_period_is_a_month_from_its_day_on() {
        let pair = |a: &str, b: &str| (format!("{a}T00:00:00Z"), format!("{b}T00:00:00Z"));
        assert_eq!(period("2026-02-28T23:59:59.999999Z", 1), pair("2026-02-01", "2026-03-01"));
        assert_eq!(period("2026-03-01T00:00:00Z", 1), pair("2026-03-01", "2026-04-01"));
        assert_eq!(period("2026-01-14T12:00:00Z", 15), pair("2025-12-15", "2026-01-15"));
        assert_eq!(period("2024-02-29T00:00:00Z", 28), pair("2024-02-28", "2024-03-28"));
    }

    #[test]
    fn a_projection_goes_on_as_it_began() {
        let april = Period::containing(at("2026-04-10T00:00:00Z"), 1).unwrap();
        assert_eq!(projected(900, april, at("2026-04-10T00:00:00Z")), 3000);
        assert_eq!(projected(100, april, at("2026-04-01T00:05:00Z")), 3000, "the first day counts whole");
        assert_eq!(projected(900, april, at("2026-06-01T00:00:00Z")), 900, "a period that is over");
        assert_eq!(projected(i64::MAX, april, at("2026-04-02T00:00:00Z")), i64::MAX);
    }

    proptest! {
        #[test]
        fn every_time_is_in_one_period_and_periods_follow_each_other(
            seconds in 0_i64..4_000_000_000, anchor in 1_i64..=28
        ) {
            let now = Timestamp(seconds * micros::SECOND);
            let period = Period::containing(now, anchor).unwrap();
            prop_assert!(period.contains(now));
            let next = period.next(anchor).unwrap();
            prop_assert_eq!(next.start, period.end);
            prop_assert_eq!(Period::containing(Timestamp(period.end.0 - 1), anchor).unwrap(), period);
            prop_assert_eq!(day(period.start), period.start);
            let length = period.end.0 - period.start.0;
            prop_assert!((28 * micros::DAY..=31 * micros::DAY).contains(&length));
        }

        #[test]
        fn a_projection_is_never_less_than_what_was_spent(
            spent in 0_i64..1_000_000_000_000, seconds in 0_i64..3_000_000
        ) {
            let period = Period::containing(at("2026-04-10T00:00:00Z"), 1).unwrap();
            let now = Timestamp(period.start.0 + seconds * micros::SECOND);
            prop_assert!(projected(spent, period, now) >= spent);
        }
    }
}
