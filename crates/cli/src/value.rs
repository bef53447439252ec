//! Reads and shows what a person writes differently from the wire: amounts of
//! money and lengths of time.

use polity_client::types::{Cents, Duration};

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

/// Shows cents as dollars.
pub(crate) fn show_dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
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
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in [("30m", 1800), ("2h", 7200), ("1d", 86400), ("3600s", 3600), ("1h30m", 5400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "h", "0s", "2w", "1.5h", "-1h", "9223372036854775807d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
