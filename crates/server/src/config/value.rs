//! Reading and writing single values: lists, switches, durations, secrets.

use std::fmt;
use std::time::Duration;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object on each line.
    Json,
}

/// The text of a value in the file, as the environment would have it.
pub(super) fn text(value: &toml::Value) -> Result<String, &'static str> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(switch) => Ok(switch.to_string()),
        toml::Value::Array(values) => {
            let texts: Result<Vec<String>, _> = values.iter().map(text).collect();
            Ok(texts?.join(","))
        }
        _ => Err("must be text, a number, true, false or a list"),
    }
}

/// The parts of a comma-separated list.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("must be on or off".into()),
    }
}

pub(super) fn number<T: TryFrom<u64>>(text: &str, least: u64) -> Result<T, String> {
    let number: Option<u64> = text.parse().ok().filter(|number| *number >= least);
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| format!("must be a whole number from {least} on"))
}

/// Refuses a number above a limit.
pub(super) fn at_most(number: usize, most: usize) -> Result<usize, String> {
    if number <= most { Ok(number) } else { Err(format!("must be {most} at most")) }
}

/// Units of a duration and their seconds, the largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// The longest duration, in seconds: a hundred years.
const MAX_SECONDS: u64 = 36_500 * 86_400;

/// Reads `30d`, `12h`, `15m` or `90s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = UNITS.iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(*unit)?.trim().parse().ok()?;
        count.checked_mul(*seconds)
    });
    match seconds {
        Some(seconds @ 1..=MAX_SECONDS) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a duration such as 30d, 12h, 15m or 90s".into()),
    }
}

/// Writes a duration so that [`duration`] reads it.
pub(super) fn show_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let unit = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds}s"), |(name, unit)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for text in ["30d", "12h", "15m", "90s", "1s", "36500d"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        assert_eq!(show_duration(duration("24h").unwrap()), "1d");
        assert_eq!(duration(" 1 h".trim()).unwrap(), Duration::from_secs(3600));
        for wrong in ["", "30", "d", "-1d", "1.5h", "0s", "1w", "36501d", "99999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn switches_and_lists() {
        assert_eq!((switch("ON"), switch("false")), (Ok(true), Ok(false)));
        assert!(switch("").is_err());
        assert_eq!(list(" a, b ,,c ").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_number_has_its_limits() {
        assert_eq!(number::<usize>("1024", 1024).and_then(|bytes| at_most(bytes, 2048)), Ok(1024));
        assert_eq!(at_most(2048, 2048), Ok(2048));
        assert_eq!(at_most(2049, 2048), Err("must be 2048 at most".to_owned()));
        assert!(number::<usize>("1023", 1024).is_err());
    }
}
