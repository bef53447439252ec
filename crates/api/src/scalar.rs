//! Scalars whose JSON form differs from what serde would write: 64-bit
//! integers, timestamps, durations, money and switches.
//!
//! Each reads leniently (a number or a string) and writes the one form every
//! client decodes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A 64-bit integer. JSON has no room for one, so it is written as a string
/// (`"2000"`) and read from a string or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int64(pub i64);

impl Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor).map(Int64)
    }
}

impl JsonSchema for Int64 {
    fn schema_name() -> Cow<'static, str> {
        "Int64".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$" })
    }
}

struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::custom("must be below 9223372036854775808"))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<i64, E> {
        value.trim().parse().map_err(|_| E::custom("must be a whole number"))
    }
}

/// An amount of money in cents of the US dollar.
///
/// Dashboards multiply dollars by 100 in floating point, so `"2010.0000000000002"`
/// arrives in practice: an amount within a millionth of a whole cent is rounded
/// to it, any other fraction is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cents(pub i64);

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CentsVisitor).map(Cents)
    }
}

impl JsonSchema for Cents {
    fn schema_name() -> Cow<'static, str> {
        "Cents".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Int64::json_schema(generator)
    }
}

struct CentsVisitor;

impl Visitor<'_> for CentsVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in whole cents")
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        IntegerVisitor.visit_u64(value)
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        self.visit_str(&format!("{value:.9}"))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<i64, E> {
        parse_cents(value.trim()).ok_or_else(|| E::custom("must be a whole number of cents"))
    }
}

/// Digits, optionally a point and decimals that round to a whole cent within
/// a millionth. Decimal text throughout: a float would lose large amounts.
fn parse_cents(text: &str) -> Option<i64> {
    let Some((whole, decimals)) = text.split_once('.') else { return text.parse().ok() };
    let whole: i64 = whole.parse().ok()?;
    if decimals.is_empty() || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let outward = if text.starts_with('-') { -1 } else { 1 };
    match decimals.get(..6).unwrap_or(decimals) {
        near if near.bytes().all(|b| b == b'0') => Some(whole),
        "999999" => whole.checked_add(outward),
        _ => None,
    }
}

/// A switch in a query string: `true`, `false`, `1` or `0` (RFC 3986 knows only text).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "true" } else { "false" })
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <Cow<'_, str>>::deserialize(deserializer)?.as_ref() {
            "true" | "1" => Ok(Flag(true)),
            "false" | "0" | "" => Ok(Flag(false)),
            _ => Err(de::Error::custom("must be true or false")),
        }
    }
}

impl JsonSchema for Flag {
    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["true", "false", "1", "0"] })
    }
}

/// Seconds in a minute, an hour, … as microseconds, for readable arithmetic.
pub mod micros {
    /// One second.
    pub const SECOND: i64 = 1_000_000;
    /// One minute.
    pub const MINUTE: i64 = 60 * SECOND;
    /// One hour.
    pub const HOUR: i64 = 60 * MINUTE;
    /// One day of 24 hours.
    pub const DAY: i64 = 24 * HOUR;
}

/// An instant: microseconds since 1970-01-01 UTC. Written as RFC 3339 with `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant moved by `micros` microseconds, stopping at the ends of the range.
    #[must_use]
    pub fn plus(self, micros: i64) -> Self {
        Timestamp(self.0.saturating_add(micros))
    }

    /// Whole seconds since 1970, as JWT dates are written (RFC 7519 §2).
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(micros::SECOND)
    }
}

impl From<std::time::SystemTime> for Timestamp {
    /// To the microsecond; the ends of the range stand for what lies beyond.
    fn from(time: std::time::SystemTime) -> Self {
        let micros = |length: std::time::Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Timestamp(micros(after)),
            Err(before) => Timestamp(-micros(before.duration())),
        }
    }
}

impl From<Timestamp> for std::time::SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = std::time::Duration::from_micros(time.0.unsigned_abs());
        if time.0 < 0 { std::time::UNIX_EPOCH - distance } else { std::time::UNIX_EPOCH + distance }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX).fmt(f)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse::<jiff::Timestamp>().map(|t| Timestamp(t.as_microsecond())).map_err(|_| ())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // In one piece: `collect_str` would look at each part of it for what JSON escapes.
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("must be an RFC 3339 time such as 2026-01-31T12:00:00Z"))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A length of time, in JSON a decimal number of seconds with the suffix `s`
/// (`"3600s"`, `"1.5s"`, up to nine decimals). Kept to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Microseconds; negative values parse, and are refused where they make no sense.
    pub micros: i64,
}

/// The largest duration of the protobuf JSON mapping, about 10,000 years.
const MAX_SECONDS: i64 = 315_576_000_000;

impl Duration {
    /// This many seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Duration { micros: seconds.saturating_mul(micros::SECOND) }
    }

    /// This many hours.
    #[must_use]
    pub const fn from_hours(hours: i64) -> Self {
        Duration { micros: hours.saturating_mul(micros::HOUR) }
    }
}

impl From<std::time::Duration> for Duration {
    /// To the microsecond, and no longer than the longest duration there is.
    fn from(length: std::time::Duration) -> Self {
        Duration { micros: i64::try_from(length.as_micros()).unwrap_or(i64::MAX) }
    }
}

impl std::str::FromStr for Duration {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.strip_suffix('s').ok_or(())?;
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (seconds, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(seconds) || !digits(decimals) || decimals.len() > 9 {
            return Err(());
        }
        let seconds: i64 = seconds.parse().map_err(|_| ())?;
        let nanos: i64 = format!("{decimals:0<9}").parse().map_err(|_| ())?;
        if seconds > MAX_SECONDS {
            return Err(());
        }
        let micros = seconds * micros::SECOND + nanos / 1_000;
        Ok(Duration { micros: if negative { -micros } else { micros } })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let (seconds, rest) = (self.micros.unsigned_abs() / 1_000_000, self.micros.unsigned_abs() % 1_000_000);
        if rest == 0 { write!(f, "{sign}{seconds}s") } else { write!(f, "{sign}{seconds}.{rest:06}s") }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("must be a number of seconds followed by s, such as 3600s"))
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]{1,9})?s)?$" })
    }
}

/// Reads an empty string as absent: protobuf clients send `""` for an unset
/// duration or identifier.
///
/// # Errors
/// When the text is not empty and does not read as a `T`.
pub fn empty_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    if value.as_str() == Some("") || value.is_null() {
        return Ok(None);
    }
    T::deserialize(value).map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_64_bit_integer_is_written_as_text_and_read_from_both() {
        assert_eq!(serde_json::to_string(&Int64(i64::MAX)).unwrap(), "\"9223372036854775807\"");
        assert_eq!(serde_json::from_str::<Int64>("\"-5\"").unwrap(), Int64(-5));
        assert_eq!(serde_json::from_str::<Int64>("17").unwrap(), Int64(17));
        assert!(serde_json::from_str::<Int64>("1.5").is_err());
        assert!(serde_json::from_str::<Int64>("9223372036854775808").is_err());
    }

    #[test]
    fn cents_forgive_floating_point_artefacts_and_nothing_else() {
        for (text, cents) in [
            ("\"2010.0000000000002\"", 2010),
            ("\"2009.9999999999998\"", 2010),
            ("2000.0", 2000),
            ("\"-3.9999999\"", -4),
            ("\"9223372036854775807\"", i64::MAX),
        ] {
            assert_eq!(serde_json::from_str::<Cents>(text).unwrap(), Cents(cents), "{text}");
        }
        for text in ["\"20.5\"", "\"\"", "\"1e3\"", "\"9223372036854775808\"", "\"5.\"", "\"abc\"", "true"] {
            assert!(serde_json::from_str::<Cents>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_and_durations_convert_to_those_of_the_standard_library() {
        use std::time::{SystemTime, UNIX_EPOCH};
        for micros in [0, 1, -1, 1_800_000_000_000_001, -62_135_596_800_000_000] {
            assert_eq!(Timestamp::from(SystemTime::from(Timestamp(micros))), Timestamp(micros));
        }
        assert_eq!(Timestamp::from(UNIX_EPOCH + std::time::Duration::from_secs(5)), Timestamp(5 * micros::SECOND));
        assert_eq!(Duration::from(std::time::Duration::from_millis(1_500)).to_string(), "1.500000s");
        assert_eq!(Duration::from_hours(2), Duration::from_secs(7_200));
    }

    #[test]
    fn durations_have_up_to_nine_decimals() {
        let micros = |text: &str| text.parse::<Duration>().map(|d| d.micros);
        assert_eq!(micros("3600s"), Ok(3_600 * micros::SECOND));
        assert_eq!(micros("1.5s"), Ok(1_500_000));
        assert_eq!(micros("123.456789012s"), Ok(123_456_789));
        assert_eq!(micros("-1s"), Ok(-micros::SECOND));
        for text in ["1h", "3600", "", "s", ".5s", "1.s", "1.0000000000s", "99999999999999s", "+1s", "1 s"] {
            assert_eq!(micros(text), Err(()), "{text}");
        }
    }

    #[test]
    fn timestamps_carry_a_z() {
        let text = serde_json::to_string(&Timestamp(1_700_000_000_123_456)).unwrap();
        assert_eq!(text, "\"2023-11-14T22:13:20.123456Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), Timestamp(1_700_000_000_123_456));
    }
}
