//! Reads and shows what a person writes differently from the wire: amounts of
//! money, lengths of time, and names of values in any case.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use polity_client::types::{Cents, Duration, Int64, OrganizationStatus, Plan, Timestamp};

const MICROCENTS_PER_CENT: i64 = 1_000_000;

/// Reads dollars, such as `50` or `49.99`.
pub(crate) fn dollars(text: &str) -> Result<Cents, String> {
    let refused = || "must be an amount in dollars such as 50 or 49.99".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return Err(refused());
    }
    let whole: i64 = whole.parse().map_err(|_| refused())?;
    let cents: i64 = decimals.parse().map_err(|_| refused())?;
    let cents = if decimals.len() == 1 { cents * 10 } else { cents };
    whole.checked_mul(100).and_then(|n| n.checked_add(cents)).map(Cents).ok_or_else(refused)
}

/// Reads dollars as micro-cents.
pub(crate) fn microcents(text: &str) -> Result<Int64, String> {
    let too_much = || "is more than can be counted".to_owned();
    dollars(text)?.0.checked_mul(MICROCENTS_PER_CENT).map(Int64).ok_or_else(too_much)
}

/// Reads a length of time, such as `30m`, `2h`, `1d`, `3600s` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refused = || "must be a length of time such as 30m, 2h, 1d or 3600s".to_owned();
    let mut seconds: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (number, tail) = rest.split_at(end);
        let mut tail = tail.chars();
        let unit = match tail.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            Some('d') => 24 * 60 * 60,
            _ => return Err(refused()),
        };
        let number: i64 = number.parse().map_err(|_| refused())?;
        seconds = number.checked_mul(unit).and_then(|n| n.checked_add(seconds)).ok_or_else(refused)?;
        rest = tail.as_str();
    }
    if seconds == 0 {
        return Err(refused());
    }
    Ok(Duration::from_secs(seconds))
}

/// Reads a time as RFC 3339 writes it.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|()| "must be a time such as 2027-01-31T12:00:00Z".to_owned())
}

/// Reads one of these names. Help and completions list them.
pub(crate) fn one_of<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Reads a plan.
pub(crate) fn plan() -> impl TypedValueParser<Value = Plan> {
    one_of(Plan::ALL.iter().map(|plan| plan.as_str()))
}

/// Reads the state of an organization.
pub(crate) fn organization_status() -> impl TypedValueParser<Value = OrganizationStatus> {
    one_of(OrganizationStatus::ALL.iter().map(|status| status.as_str()))
}

/// Shows cents as dollars.
pub(crate) fn show_dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

/// Shows micro-cents as dollars: to the cent, and further where there is more.
pub(crate) fn show_microcents(microcents: i64) -> String {
    const PER_DOLLAR: u64 = 100_000_000;
    let (sign, amount) = (if microcents < 0 { "-" } else { "" }, microcents.unsigned_abs());
    let (cents, rest) = (amount % PER_DOLLAR / 1_000_000, amount % 1_000_000);
    let rest = if rest == 0 { String::new() } else { format!("{rest:06}") };
    format!("{sign}{}.{cents:02}{}", amount / PER_DOLLAR, rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_cent() {
        for (text, cents) in [("50", 50_00), ("49.99", 49_99), ("0.05", 5), ("1.5", 1_50), ("0", 0)] {
            assert_eq!(dollars(text), Ok(Cents(cents)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "1.999", "1,50", "$5", "1e3", "92233720368547758.08"] {
            assert!(dollars(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cents_are_shown_as_dollars() {
        for (cents, text) in [(0, "0.00"), (5, "0.05"), (49_99, "49.99"), (-1_50, "-1.50")] {
            assert_eq!(show_dollars(cents), text);
        }
    }

    #[test]
    fn microcents_are_shown_as_dollars_without_losing_any() {
        for (microcents, text) in [
            (0, "0.00"),
            (1, "0.00000001"),
            (1_000_000, "0.01"),
            (1_234_500_000, "12.345"),
            (-150_000_000, "-1.50"),
            (i64::MIN, "-92233720368.54775808"),
        ] {
            assert_eq!(show_microcents(microcents), text);
        }
        assert_eq!(microcents("49.99"), Ok(Int64(4_999_000_000)));
        assert!(microcents("92233720369").is_err() && microcents("1.001").is_err());
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in [("30m", 1800), ("2h", 7200), ("1d", 86400), ("3600s", 3600), ("1h30m", 5400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "h", "0s", "2w", "1.5h", "-1h", "9223372036854775807d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
