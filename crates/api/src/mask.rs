//! `update_mask` and the partial bodies it selects from.
//!
//! Without a mask the fields present in the body change: absent means
//! unchanged, present (even `""`) means set. With a mask exactly the listed
//! fields change, and one that is listed but absent is cleared.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::ErrorBody;
use crate::input::snake_case;
use crate::page::one_or_many;

/// The paths of an `update_mask`, in snake_case; `None` when there was no mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateMask(pub Option<Vec<String>>);

impl<'de> Deserialize<'de> for UpdateMask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts: Vec<String> = one_or_many(deserializer)?;
        let paths: Vec<String> = texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(|path| snake_case(path.to_owned()))
            .collect();
        Ok(UpdateMask((!paths.is_empty()).then_some(paths)))
    }
}

impl Serialize for UpdateMask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.as_deref().unwrap_or_default().join(","))
    }
}

impl JsonSchema for UpdateMask {
    fn schema_name() -> Cow<'static, str> {
        "UpdateMask".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl UpdateMask {
    /// Exactly these fields, by their wire names.
    pub fn of<T: Into<String>>(fields: impl IntoIterator<Item = T>) -> Self {
        UpdateMask(Some(fields.into_iter().map(Into::into).collect()))
    }

    /// Whether `field` changes, given whether the body has it.
    #[must_use]
    pub fn selects(&self, field: &str, present: bool) -> bool {
        match &self.0 {
            None => present,
            Some(paths) => paths.iter().any(|path| path == field),
        }
    }

    /// Refuses a path that names no field of the resource.
    ///
    /// # Errors
    /// `invalid_argument` on `update_mask`.
    pub fn check(&self, writable: &[&str], output_only: &[&str]) -> Result<(), ErrorBody> {
        for path in self.0.iter().flatten() {
            if !writable.contains(&path.as_str()) && !output_only.contains(&path.as_str()) {
                return Err(ErrorBody::field("update_mask", format!("unknown path {path}")));
            }
        }
        Ok(())
    }
}

/// Declares the writable part of a resource: every field optional, plus
/// `masked`, which applies an [`UpdateMask`]. Fields that only the server
/// writes are named too: they are accepted and ignored, because client
/// libraries send them with default values.
macro_rules! patch {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $( $(#[$fdoc:meta])* $field:ident : $ty:ty ),+ $(,)? }
        output_only: [ $($ignored:literal),* $(,)? ]
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default)]
        pub struct $name {
            $( $(#[$fdoc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$ty> ),+
        }

        impl $name {
            /// Keeps the fields that `mask` selects; a selected field that is absent is cleared.
            ///
            /// # Errors
            /// `invalid_argument` on `update_mask` when it names no field of the resource.
            pub fn masked(mut self, mask: &$crate::mask::UpdateMask) -> Result<Self, $crate::error::ErrorBody> {
                mask.check(&[ $( stringify!($field) ),+ ], &[ $($ignored),* ])?;
                $(
                    self.$field = mask
                        .selects(stringify!($field), self.$field.is_some())
                        .then(|| self.$field.take().unwrap_or_default());
                )+
                Ok(self)
            }
        }
    };
}
pub(crate) use patch;

#[cfg(test)]
mod tests {
    use super::*;

    patch! {
        /// A sample.
        pub struct SamplePatch {
            /// One.
            name: String,
            /// Two.
            company: bool,
        }
        output_only: ["id"]
    }

    fn mask(text: &str) -> UpdateMask {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn without_a_mask_the_present_fields_change() {
        let body = SamplePatch { name: Some(String::new()), company: None };
        assert_eq!(body.clone().masked(&UpdateMask::default()).unwrap(), body);
        assert_eq!(body.clone().masked(&mask("")).unwrap(), body, "an empty mask is no mask");
    }

    #[test]
    fn with_a_mask_only_the_listed_fields_change() {
        let body = SamplePatch { name: Some("x".into()), company: Some(true) };
        assert_eq!(body.clone().masked(&mask("name")).unwrap(), SamplePatch { company: None, ..body.clone() });
        let cleared = SamplePatch { name: None, company: None }.masked(&mask("name,id")).unwrap();
        assert_eq!(cleared, SamplePatch { name: Some(String::new()), company: None });
        let error = body.masked(&mask("colour")).unwrap_err();
        assert_eq!(error.fields[0].field, "update_mask");
    }

    #[test]
    fn both_spellings_and_repetition_are_understood() {
        let mask: UpdateMask = serde_json::from_str(r#"["billingName,city"," name"]"#).unwrap();
        assert_eq!(mask.0.unwrap(), ["billing_name", "city", "name"]);
    }
}
