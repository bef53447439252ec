//! Wire enums: written by name, read by name or by number.
//!
//! A reply may hold a value that is newer than this crate: it reads as
//! `Unknown`. A request may not: its fields are read with [`known`] or
//! [`all_known`].

use serde::{Deserialize, Deserializer, de};

/// What the enums have in common.
pub(crate) trait WireEnum: Copy + PartialEq + for<'de> Deserialize<'de> + 'static {
    /// Every value there is a name for.
    const ALL: &'static [Self];
    /// Stands for all others.
    const UNKNOWN: Self;
    /// The name on the wire.
    fn name(self) -> &'static str;
}

/// Reads a value of a request: one that is unknown is refused.
///
/// # Errors
/// When the value is none of the enum.
pub(crate) fn known<'de, D: Deserializer<'de>, E: WireEnum>(deserializer: D) -> Result<E, D::Error> {
    let value = E::deserialize(deserializer)?;
    if value == E::UNKNOWN {
        let names: Vec<_> = E::ALL.iter().map(|v| v.name()).collect();
        return Err(de::Error::custom(format!("must be one of {}", names.join(", "))));
    }
    Ok(value)
}

/// The same for a value that may be absent.
///
/// # Errors
/// When the value is none of the enum.
pub(crate) fn known_if_any<'de, D: Deserializer<'de>, E: WireEnum>(deserializer: D) -> Result<Option<E>, D::Error> {
    known(deserializer).map(Some)
}

/// The same for a list, which a query string gives as one value or as several.
///
/// # Errors
/// When an element is none of the enum.
pub(crate) fn all_known<'de, D: Deserializer<'de>, E: WireEnum>(deserializer: D) -> Result<Vec<E>, D::Error> {
    let values: Vec<Known<E>> = crate::page::one_or_many(deserializer)?;
    Ok(values.into_iter().map(|Known(value)| value).collect())
}

struct Known<E>(E);

impl<'de, E: WireEnum> Deserialize<'de> for Known<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        known(deserializer).map(Known)
    }
}

/// Declares a wire enum. The first variant is the zero value, which is what
/// an absent field reads as; numbers follow the order of declaration.
macro_rules! wire_enum {
    (
        $(#[$doc:meta])*
        pub enum $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $text:literal ),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            #[default]
            $( $(#[$vdoc])* $variant, )+
            /// A value this version does not know. Only ever read from a reply, never sent.
            Unknown,
        }

        impl $name {
            /// Every value there is a name for, in the order of their numbers.
            pub const ALL: &'static [$name] = &[ $( $name::$variant ),+ ];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( $name::$variant => $text, )+
                    $name::Unknown => "UNKNOWN",
                }
            }

            /// The value with this wire name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == name)
            }
        }

        impl $crate::enums::WireEnum for $name {
            const ALL: &'static [Self] = $name::ALL;
            const UNKNOWN: Self = $name::Unknown;
            fn name(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(name: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(name)).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|v| v.as_str()).collect();
                    format!("must be one of {}", names.join(", "))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                let found = match &value {
                    serde_json::Value::String(name) => Self::from_name(name),
                    serde_json::Value::Number(n) => {
                        n.as_u64().and_then(|n| usize::try_from(n).ok()).and_then(|n| Self::ALL.get(n).copied())
                    }
                    _ => None,
                };
                Ok(found.unwrap_or(Self::Unknown))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<_> = Self::ALL.iter().map(|v| v.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }
    };
}
pub(crate) use wire_enum;

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use crate::types::account::ListUserOrganizationsQuery;
    use crate::types::credential::{CreateCredentialRequest, ListCredentialsQuery};
    use crate::types::invitation::{ListOrganizationInvitationsQuery, OrganizationInvitation};
    use crate::types::operator::OperatorPlanRequest;
    use crate::types::organization::{OrganizationStatus, Plan, UpdateOrganizationPlanRequest};
    use crate::types::session::OAuthOptionsQuery;

    #[test]
    fn a_value_newer_than_this_crate_reads_as_unknown() {
        for text in [r#""platinum""#, "99", "-1", "1.5", "null", "{}"] {
            assert_eq!(serde_json::from_str::<Plan>(text).unwrap(), Plan::Unknown, "{text}");
        }
        assert!(!Plan::ALL.contains(&Plan::Unknown));
        assert_eq!(Plan::from_name("UNKNOWN"), None);
        let id = "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11";
        let text = format!(r#"{{"id":"{id}","organization_id":"{id}","status":"SNOOZED","colour":{{"red":1}}}}"#);
        assert_eq!(serde_json::from_str::<OrganizationInvitation>(&text).unwrap().status.as_str(), "UNKNOWN");
    }

    #[test]
    fn a_request_with_such_a_value_is_refused_with_the_values_there_are() {
        fn refusal<T: DeserializeOwned>(text: &str) -> String {
            serde_json::from_str::<T>(text).err().expect("a refusal").to_string()
        }
        assert!(
            refusal::<UpdateOrganizationPlanRequest>(r#"{"plan":"gold"}"#).contains("must be one of hobby, starter")
        );
        assert!(refusal::<OperatorPlanRequest>(r#"{"plan":99}"#).contains("hobby"));
        assert!(refusal::<CreateCredentialRequest>(r#"{"type":"user"}"#).contains("INVALID, USER, ORGANIZATION"));
        assert!(refusal::<ListCredentialsQuery>(r#"{"type":"BOTH"}"#).contains("USER"));
        assert!(refusal::<OAuthOptionsQuery>(r#"{"action":"steal"}"#).contains("signin"));
        assert!(refusal::<ListUserOrganizationsQuery>(r#"{"statuses":["ACTIVE","GONE"]}"#).contains("LOCKED"));
        assert!(refusal::<ListOrganizationInvitationsQuery>(r#"{"statuses":"LOST"}"#).contains("PENDING"));
    }

    #[test]
    fn people_may_write_a_name_in_any_case() {
        assert_eq!("Active".parse(), Ok(OrganizationStatus::Active));
        assert!("gone".parse::<OrganizationStatus>().unwrap_err().starts_with("must be one of WARNING, LOCKED"));
    }
}
