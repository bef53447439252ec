//! Reading what a client sent, as leniently as protobuf's JSON mapping does:
//! snake_case or lowerCamelCase names, `null` for absent, unknown names
//! ignored, an absent body as an empty object. What does not fit is refused
//! with the name of the field.

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Map, Value};

use crate::error::{Code, ErrorBody};

/// Reads a request body; the content type is not looked at.
///
/// # Errors
/// `invalid_argument`, naming the field where one is at fault.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ErrorBody> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return from_map(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => from_map(normalise(map)),
        Ok(Value::Null) => from_map(Map::new()),
        Ok(_) => Err(ErrorBody::new(Code::InvalidArgument, "the body must be a JSON object")),
        Err(error) => Err(ErrorBody::new(Code::InvalidArgument, format!("the body is not valid JSON: {error}"))),
    }
}

/// Reads a query string. A repeated name gives a list; an empty value counts as absent.
///
/// # Errors
/// `invalid_argument`, naming the parameter.
pub fn query<T: DeserializeOwned>(query: &str) -> Result<T, ErrorBody> {
    let mut map = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let value = Value::String(value.into_owned());
        match map.get_mut(name.as_ref()) {
            None => drop(map.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    from_map(normalise(map))
}

/// Reads the parameters of a path, already percent-decoded.
///
/// # Errors
/// `invalid_argument`, naming the parameter.
pub fn path<T: DeserializeOwned>(parameters: &[(&str, String)]) -> Result<T, ErrorBody> {
    let pairs = || parameters.iter().map(|(name, value)| (*name, value.as_str()));
    // Which of them is at fault is looked for only when one is.
    T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(pairs()))
        .or_else(|_| from_map(pairs().map(|(name, value)| (name.to_owned(), value.into())).collect()))
}

fn from_map<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, ErrorBody> {
    serde_path_to_error::deserialize(Value::Object(map)).map_err(|error| {
        let path = error.path().to_string();
        let description = error.inner().to_string();
        match path.split(['[', '.']).next() {
            None | Some("" | "?") => ErrorBody::new(Code::InvalidArgument, description),
            Some(field) => ErrorBody::field(field, description),
        }
    })
}

/// Drops nulls and turns lowerCamelCase names into the proto's own. Only the
/// outermost names: what is inside a free-form object is the caller's.
fn normalise(map: Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::with_capacity(map.len());
    for (name, value) in map {
        if value.is_null() {
            continue;
        }
        out.insert(snake_case(name), value);
    }
    out
}

/// `billingEmail` to `billing_email`; names without capitals stay as they are.
pub(crate) fn snake_case(name: String) -> String {
    if !name.bytes().any(|b| b.is_ascii_uppercase()) {
        return name;
    }
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Int64;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample {
        billing_email: String,
        amount: Option<Int64>,
        answers: Map<String, Value>,
        statuses: Vec<String>,
    }

    #[test]
    fn both_spellings_nulls_and_unknown_names_are_accepted() {
        let sample: Sample =
            body(br#"{"billingEmail":"a@b.c","amount":null,"unknown":1,"answers":{"primaryUseCase":null}}"#).unwrap();
        assert_eq!(sample.billing_email, "a@b.c");
        assert_eq!(sample.amount, None);
        assert!(sample.answers.contains_key("primaryUseCase"), "free-form objects are kept verbatim");
    }

    #[test]
    fn an_absent_body_is_an_empty_object() {
        for text in ["", "\n", "null", "{}"] {
            assert_eq!(body::<Sample>(text.as_bytes()).unwrap(), Sample::default(), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let error = body::<Sample>(br#"{"billing_email":5}"#).unwrap_err();
        assert_eq!(error.fields[0].field, "billing_email");
        let error = body::<Sample>(br#"{"amount":"x"}"#).unwrap_err();
        assert_eq!((error.fields[0].field.as_str(), error.status), ("amount", 400));
        assert!(body::<Sample>(b"[]").unwrap_err().fields.is_empty());
        assert_eq!(body::<Sample>(b"{").unwrap_err().code, "invalid_argument");
    }

    #[test]
    fn repeated_query_parameters_become_a_list() {
        let sample: Sample = query("statuses=A&statuses=B&amount=5&billing_email=").unwrap();
        assert_eq!(sample.statuses, ["A", "B"]);
        assert_eq!(sample.amount, Some(Int64(5)));
        assert_eq!(query::<Sample>("amount=five").unwrap_err().fields[0].field, "amount");
    }
}
