//! Reading metered events: fast, and each on its own, so that one that is
//! malformed is rejected and the others count.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use polity_api::ids::OrganizationId;
use polity_api::scalar::{Timestamp, micros};
use polity_store::metered_events::EventHash;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::keys::sha256;
use crate::spend::Charge;
use crate::spend::price::{MAX_AMOUNT, MAX_QUANTITY, Prices};

/// Events in a batch at most.
pub const MAX_EVENTS: usize = 10_000;
const MAX_SOURCE: usize = 128;
const MAX_ID: usize = 256;
/// How late an event may come.
const LATEST_MICROS: i64 = 400 * micros::DAY;
/// How far the clock of a source may be ahead.
const AHEAD_MICROS: i64 = micros::HOUR;

/// An event that is well formed.
#[derive(Clone, Debug)]
pub(crate) struct Metered {
    /// Under what it is known.
    pub(crate) hash: EventHash,
    /// Who pays.
    pub(crate) organization_id: OrganizationId,
    /// What was spent.
    pub(crate) charge: Charge,
}

/// An event, or why it is none.
pub(crate) type Read = std::result::Result<Metered, String>;

/// Reads a batch: an object with a list, or an event on each line.
///
/// # Errors
/// 400 when there are too many, or the text is not JSON.
pub(crate) fn read(bytes: &[u8], content_type: &str, prices: &Prices, now: Timestamp) -> Result<Vec<Read>> {
    let events: Vec<_> = if is_lines(content_type) {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
        // One line more than there may be tells that there are too many.
        lines.take(MAX_EVENTS + 1).map(|line| serde_json::from_slice(line).unwrap_or(Element::NoJson)).collect()
    } else if bytes.iter().all(u8::is_ascii_whitespace) {
        Vec::new()
    } else {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Error::field("events", "the body must be an object with a list of events"));
        }
        match serde_json::from_slice::<Body<'_>>(bytes) {
            Ok(body) => body.events.0,
            Err(_) => one_by_one(bytes)?,
        }
    };
    if events.len() > MAX_EVENTS {
        return Err(Error::field("events", format!("must be at most {MAX_EVENTS}")));
    }
    Ok(events.into_iter().map(|event| event.metered(prices, now)).collect())
}

/// Reads a list in which something is amiss, such as half a surrogate pair or a field that is there twice: each event
/// is read alone, so that it spoils no other.
fn one_by_one(bytes: &[u8]) -> Result<Vec<Element<'_>>> {
    let body: RawBody<'_> = serde_json::from_slice(bytes)
        .map_err(|error| Error::field("events", format!("the body cannot be read: {error}")))?;
    let events = body.events.0.into_iter();
    Ok(events.map(|event| serde_json::from_str(event.get()).unwrap_or(Element::NoJson)).collect())
}

fn is_lines(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim();
    ["application/x-ndjson", "application/ndjson", "application/jsonl"].iter().any(|n| name.eq_ignore_ascii_case(n))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, borrow)]
    events: First<Element<'a>>,
}

/// The same with each event as it came.
#[derive(Deserialize)]
struct RawBody<'a> {
    #[serde(default, borrow)]
    events: First<&'a RawValue>,
}

/// The first items of a list, one more than there may be: that tells that there are too many. The rest is passed over, as
/// millions of the smallest fit into a body.
struct First<T>(Vec<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        First(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<First<T>, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MAX_EVENTS {
                    let Some(item) = list.next_element()? else { return Ok(First(items)) };
                    items.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(items))
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// One item of the list, whatever it is.
#[expect(clippy::large_enum_variant, reason = "nearly all are events: a box for each would cost more than it saves")]
enum Element<'a> {
    Event(Fields<'a>),
    NoObject,
    NoJson,
}

/// The fields of an event, each as it came.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    source: Loose<'a>,
    #[serde(borrow)]
    id: Loose<'a>,
    #[serde(borrow, alias = "organizationId")]
    organization_id: Loose<'a>,
    #[serde(borrow, alias = "amountMicrocents")]
    amount_microcents: Loose<'a>,
    #[serde(borrow)]
    unit: Loose<'a>,
    #[serde(borrow)]
    quantity: Loose<'a>,
    #[serde(borrow, alias = "projectId")]
    project_id: Loose<'a>,
    #[serde(borrow, alias = "credentialId")]
    credential_id: Loose<'a>,
    #[serde(borrow)]
    at: Loose<'a>,
}

/// A value that may be of the wrong kind.
#[derive(Default)]
enum Loose<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(i64),
    Other,
}

impl<'a> Element<'a> {
    fn metered(self, prices: &Prices, now: Timestamp) -> Read {
        match self {
            Element::Event(fields) => fields.metered(prices, now),
            Element::NoObject => Err("an event must be an object".to_owned()),
            Element::NoJson => Err("not valid JSON".to_owned()),
        }
    }
}

impl Fields<'_> {
    fn metered(self, prices: &Prices, now: Timestamp) -> Read {
        let source = self.source.name("source", MAX_SOURCE)?;
        let id = self.id.name("id", MAX_ID)?;
        let organization_id = self.organization_id.parsed("organization_id", "must be a UUID")?;
        let at: Timestamp = self.at.parsed("at", "must be a time, as in 2026-03-01T12:00:00Z")?.unwrap_or(now);
        if at > now.plus(AHEAD_MICROS) || at < now.plus(-LATEST_MICROS) {
            return Err("at: must be at most 400 days ago and at most an hour ahead".to_owned());
        }
        // The clock of a source may be ahead; nothing counts in a period that has not begun.
        let at = at.min(now);
        let unit = self.unit.text("unit")?;
        let quantity = self.quantity.number("quantity", MAX_QUANTITY)?;
        let amount = match (self.amount_microcents.number("amount_microcents", MAX_AMOUNT)?, unit.as_deref(), quantity)
        {
            (Some(amount), None, None) => amount,
            (None, Some(unit), Some(quantity)) => prices.cost(unit, quantity, at)?,
            (None, None, None) => return Err("amount_microcents: is required, or unit and quantity".to_owned()),
            (None, None, Some(_)) => return Err("unit: is required with a quantity".to_owned()),
            (None, Some(_), None) => return Err("quantity: is required with a unit".to_owned()),
            (Some(_), ..) => return Err("amount_microcents: give either an amount or unit and quantity".to_owned()),
        };
        let charge = Charge {
            at,
            amount,
            unit: unit.unwrap_or_default().into_owned(),
            quantity: quantity.unwrap_or(0),
            project_id: self.project_id.parsed("project_id", "must be a UUID")?,
            credential_id: self.credential_id.parsed("credential_id", "must be a UUID")?,
        };
        let organization_id = organization_id.ok_or("organization_id: is required")?;
        Ok(Metered { hash: hash(&source, &id), organization_id, charge })
    }
}

/// The length in front keeps `a` and `bc` apart from `ab` and `c`.
fn hash(source: &str, id: &str) -> EventHash {
    let hash = sha256(format!("{} {source}{id}", source.len()).as_bytes());
    let mut short = EventHash::default();
    short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    short
}

impl<'a> Loose<'a> {
    /// A text that is there and not too long.
    fn name(self, field: &str, most: usize) -> std::result::Result<Cow<'a, str>, String> {
        match self.text(field)? {
            None => Err(format!("{field}: is required")),
            Some(text) if text.chars().nth(most).is_some() => {
                Err(format!("{field}: must have at most {most} characters"))
            }
            Some(text) => Ok(text),
        }
    }

    fn text(self, field: &str) -> std::result::Result<Option<Cow<'a, str>>, String> {
        match self {
            Loose::Text(text) if text.is_empty() => Ok(None),
            Loose::Text(text) => Ok(Some(text)),
            Loose::Absent => Ok(None),
            Loose::Number(_) | Loose::Other => Err(format!("{field}: must be a text")),
        }
    }

    fn parsed<T: std::str::FromStr>(self, field: &str, otherwise: &str) -> std::result::Result<Option<T>, String> {
        let text = self.text(field)?;
        text.map(|text| text.parse().map_err(|_| format!("{field}: {otherwise}"))).transpose()
    }

    fn number(self, field: &str, most: i64) -> std::result::Result<Option<i64>, String> {
        let number = match self {
            Loose::Absent => return Ok(None),
            Loose::Text(text) if text.is_empty() => return Ok(None),
            Loose::Text(text) => text.trim().parse().ok(),
            Loose::Number(number) => Some(number),
            Loose::Other => None,
        };
        match number {
            None => Err(format!("{field}: must be a whole number")),
            Some(number) if !(0..=most).contains(&number) => Err(format!("{field}: must be 0 to {most}")),
            number => Ok(number),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Items<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Items<'a> {
            type Value = Element<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Element<'a>, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(Element::Event)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Element<'a>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Element::NoObject)
            }
            fn visit_str<E>(self, _: &str) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
            fn visit_i64<E>(self, _: i64) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
            fn visit_u64<E>(self, _: u64) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
            fn visit_f64<E>(self, _: f64) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
            fn visit_bool<E>(self, _: bool) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
            fn visit_unit<E>(self) -> std::result::Result<Element<'a>, E> {
                Ok(Element::NoObject)
            }
        }
        deserializer.deserialize_any(Items(std::marker::PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Values<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Values<'a> {
            type Value = Loose<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Number(number))
            }
            fn visit_u64<E>(self, number: u64) -> std::result::Result<Loose<'a>, E> {
                Ok(i64::try_from(number).map_or(Loose::Other, Loose::Number))
            }
            fn visit_f64<E>(self, _: f64) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Other)
            }
            fn visit_bool<E>(self, _: bool) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Other)
            }
            fn visit_unit<E>(self) -> std::result::Result<Loose<'a>, E> {
                Ok(Loose::Absent)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Loose<'a>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Loose<'a>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose::Other)
            }
        }
        deserializer.deserialize_any(Values(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
    const ORGANIZATION: &str = "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11";

    fn prices() -> Prices {
        let mut prices = Prices::default();
        prices.add("second", Timestamp(0), 3).unwrap();
        prices
    }

    fn one(event: &str) -> Read {
        let event = event.replace('@', &format!(r#""source":"s","id":"1","organization_id":"{ORGANIZATION}""#));
        read(format!(r#"{{"events":[{event}]}}"#).as_bytes(), "", &prices(), NOW).unwrap().remove(0)
    }

    #[test]
    fn amounts_are_texts_or_numbers_and_units_have_a_price() {
        for event in [r#"{@,"amount_microcents":"5"}"#, r#"{@,"amountMicrocents":5,"unit":null,"more":[{}]}"#] {
            assert_eq!(one(event).unwrap().charge.amount, 5);
        }
        let charge = one(r#"{@,"unit":"second","quantity":"7","at":"2023-11-01T00:00:00Z"}"#).unwrap().charge;
        assert_eq!((charge.amount, charge.quantity, charge.unit.as_str()), (21, 7, "second"));
        assert_eq!(charge.at, "2023-11-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn an_event_of_a_clock_that_is_ahead_counts_now() {
        let event = format!(r#"{{@,"amount_microcents":1,"at":"{}"}}"#, NOW.plus(AHEAD_MICROS));
        assert_eq!(one(&event).unwrap().charge.at, NOW);
    }

    #[test]
    fn each_event_is_rejected_on_its_own_and_says_why() {
        let organization = format!(r#""organization_id":"{ORGANIZATION}""#);
        for (event, why) in [
            (r#"7"#, "an event must be an object"),
            (r#"["a"]"#, "an event must be an object"),
            (r#"{"id":"1"}"#, "source: is required"),
            (r#"{"source":"s"}"#, "id: is required"),
            (r#"{"source":7,"id":"1"}"#, "source: must be a text"),
            (r#"{"source":"s","id":"1","amount_microcents":1}"#, "organization_id: is required"),
            (r#"{"source":"s","id":"1","organization_id":"x"}"#, "organization_id: must be a UUID"),
            (r#"{@}"#, "amount_microcents: is required, or unit and quantity"),
            (r#"{@,"amount_microcents":1.5}"#, "amount_microcents: must be a whole number"),
            (r#"{@,"amount_microcents":"1e3"}"#, "amount_microcents: must be a whole number"),
            (r#"{@,"amount_microcents":-1}"#, "amount_microcents: must be 0 to 1000000000000000"),
            (
                r#"{@,"amount_microcents":1,"unit":"second"}"#,
                "amount_microcents: give either an amount or unit and quantity",
            ),
            (r#"{@,"unit":"second"}"#, "quantity: is required with a unit"),
            (r#"{@,"quantity":1}"#, "unit: is required with a quantity"),
            (r#"{@,"unit":"tea","quantity":1}"#, "unit: is not in the price list"),
            (r#"{@,"amount_microcents":1,"at":"yesterday"}"#, "at: must be a time, as in 2026-03-01T12:00:00Z"),
            (
                r#"{@,"amount_microcents":1,"at":"2030-01-01T00:00:00Z"}"#,
                "at: must be at most 400 days ago and at most an hour ahead",
            ),
            (r#"{@,"amount_microcents":1,"project_id":"x"}"#, "project_id: must be a UUID"),
        ] {
            assert_eq!(one(event).unwrap_err(), why, "{event}");
        }
        let long = format!(r#"{{"source":"{}","id":"1",{organization},"amount_microcents":1}}"#, "s".repeat(129));
        assert_eq!(one(&long).unwrap_err(), "source: must have at most 128 characters");
    }

    #[test]
    fn a_line_each_is_the_same_and_a_broken_line_spoils_no_other() {
        let line = format!(r#"{{"source":"s","id":"1","organization_id":"{ORGANIZATION}","amount_microcents":1}}"#);
        let text = format!("{line}\n\n{{\n{line}\r\n");
        let found = read(text.as_bytes(), "application/x-ndjson; charset=utf-8", &prices(), NOW).unwrap();
        assert_eq!(found.iter().map(Read::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn an_event_that_cannot_be_read_spoils_no_other_in_the_list_either() {
        let fine = format!(r#"{{"source":"s","id":"1","organization_id":"{ORGANIZATION}","amount_microcents":1}}"#);
        for bad in [r#"{"source":"\ud800"}"#, r#"{"id":"1","id":"2"}"#, r#"{"quantity":1e999}"#] {
            let body = format!(r#"{{"more":[{{}}],"events":[{fine},{bad},7,{fine}]}}"#);
            let found = read(body.as_bytes(), "", &prices(), NOW).unwrap();
            assert_eq!(found.iter().map(Read::is_ok).collect::<Vec<_>>(), [true, false, false, true], "{bad}");
            assert_eq!(found[1].as_ref().unwrap_err(), "not valid JSON", "{bad}");
        }
        let many = format!(r#"{{"events":["\ud800",{}]}}"#, vec!["1"; MAX_EVENTS].join(","));
        assert!(read(many.as_bytes(), "", &prices(), NOW).is_err(), "too many");
    }

    #[test]
    fn a_batch_that_is_none_is_refused() {
        for bad in ["{", "[]", "7", r#"{"events":7}"#, r#"{"events":null}"#] {
            let error = read(bad.as_bytes(), "application/json", &prices(), NOW).unwrap_err();
            assert_eq!(error.fields[0].field, "events", "{bad}");
        }
        assert!(read(b"", "", &prices(), NOW).unwrap().is_empty());
        assert!(read(b"{}", "", &prices(), NOW).unwrap().is_empty());
        let many = format!(r#"{{"events":[{}]}}"#, vec!["1"; MAX_EVENTS + 1].join(","));
        assert!(read(many.as_bytes(), "", &prices(), NOW).is_err());
    }

    #[test]
    fn source_and_id_are_told_apart() {
        assert_ne!(hash("a", "bc"), hash("ab", "c"));
        assert_ne!(hash("1", "1"), hash("", "11"));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), lines: bool) {
            let _ = read(&bytes, if lines { "application/x-ndjson" } else { "" }, &prices(), NOW);
        }
    }
}
