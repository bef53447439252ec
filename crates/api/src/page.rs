//! Paging by limit and offset, and lists in query strings.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// How many items a list reply holds when the request does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// The most items one list reply holds; larger limits are lowered to it.
pub const MAX_LIMIT: u32 = 100;

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let refused = || de::Error::custom("must be a whole number from 0 to 4294967295");
    match Value::deserialize(deserializer)? {
        Value::String(text) => text.parse().map_err(|_| refused()),
        Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(refused),
        _ => Err(refused()),
    }
}

/// How many items to return: 1 to 100; 0 and absent mean 20, more than 100 means 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Limit(DEFAULT_LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match whole_number(deserializer)? {
            0 => Limit::default(),
            n => Limit(n.min(MAX_LIMIT)),
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// How many items to skip from the start of the list; 0 when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub u32);

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole_number(deserializer).map(Offset)
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

macro_rules! paging_schema {
    ($($name:ident),+) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
            }
        }
    )+ };
}
paging_schema!(Limit, Offset);

/// The direction of a sorted list; `asc` or `desc` in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <Cow<'_, str>>::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
            "asc" => Ok(Order::Asc),
            "desc" => Ok(Order::Desc),
            _ => Err(de::Error::custom("must be asc or desc")),
        }
    }
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Order::Asc => "asc",
            Order::Desc => "desc",
        })
    }
}

impl JsonSchema for Order {
    fn schema_name() -> Cow<'static, str> {
        "Order".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["asc", "desc", "ASC", "DESC"] })
    }
}

/// Reads a list parameter, which a query string gives as one value or as several.
///
/// # Errors
/// When an element does not read as a `T`.
pub fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let values = match Value::deserialize(deserializer)? {
        Value::Array(values) => values,
        one => vec![one],
    };
    values.into_iter().map(|v| serde_json::from_value(v).map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_clamped_and_nonsense_is_refused() {
        let limit = |text: &str| serde_json::from_str::<Limit>(text).map(|l| l.0).ok();
        assert_eq!(limit("\"0\""), Some(20));
        assert_eq!(limit("\"100\""), Some(100));
        assert_eq!(limit("\"101\""), Some(100));
        assert_eq!(limit("7"), Some(7));
        for text in ["\"-1\"", "\"x\"", "\"4294967296\"", "1.5", "true", "[]"] {
            assert_eq!(limit(text), None, "{text}");
        }
    }

    #[test]
    fn order_ignores_case() {
        assert_eq!(serde_json::from_str::<Order>("\"DESC\"").unwrap(), Order::Desc);
        assert!(serde_json::from_str::<Order>("\"up\"").is_err());
    }
}
