//! Types that can be stored. A new column type is added here, once: it turns
//! into a [`Datum`] and back, and each engine knows how to store those.

use std::borrow::Cow;

use polity_api::ids;
use polity_api::scalar::Timestamp;
use polity_api::types::credential::CredentialType;
use polity_api::types::github::{GithubInstallationStatus, IndexingStatus};
use polity_api::types::invitation::InvitationStatus;
use polity_api::types::member::MemberStatus;
use polity_api::types::organization::{DeactivationReason, OrganizationStatus, Plan, StatusMessage};
use polity_api::types::webhook::{WebhookDeliveryStatus, WebhookDisabledReason};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What a column holds, for the check of every statement against both schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier: `uuid`, in SQLite a `blob` of 16 bytes.
    Uuid,
    /// A hash or a key: `bytea`, in SQLite a `blob`.
    Bytes,
    /// Text, an enum or JSON: `text`.
    Text,
    /// A number: `bigint`, in SQLite an `integer`.
    Integer,
    /// A truth value: `boolean`, in SQLite an `integer`, 0 or 1.
    Boolean,
    /// A point in time: `timestamptz`, in SQLite an `integer`, microseconds since 1970 UTC.
    Time,
}

/// One value on its way to or from an engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// Nothing.
    Null,
    /// The bytes of an identifier.
    Uuid(&'a [u8; 16]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// A point in time.
    Time(Timestamp),
}

/// What the column of a type holds.
pub trait Stored {
    /// What the column holds.
    const KIND: Kind;
    /// Whether the column may be null.
    const NULLABLE: bool = false;
}

/// A type bound to a parameter of a statement.
pub trait Param: Send + Sync {
    /// The value to store.
    fn datum(&self) -> Datum<'_>;
}

/// A type read from a column.
pub trait Column: Stored + Sized {
    /// The value that was stored; none when it is not a value of this type.
    fn from_datum(datum: Datum<'_>) -> Option<Self>;
}

impl Stored for String {
    const KIND: Kind = Kind::Text;
}

impl Param for String {
    fn datum(&self) -> Datum<'_> {
        Datum::Text(Cow::Borrowed(self))
    }
}

impl Column for String {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }
}

impl Stored for Vec<u8> {
    const KIND: Kind = Kind::Bytes;
}

impl Param for Vec<u8> {
    fn datum(&self) -> Datum<'_> {
        Datum::Bytes(self)
    }
}

impl Column for Vec<u8> {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

/// The keyed hash of a secret: 32 bytes.
pub type Hash = [u8; 32];

impl Stored for Hash {
    const KIND: Kind = Kind::Bytes;
}

impl Param for Hash {
    fn datum(&self) -> Datum<'_> {
        Datum::Bytes(self)
    }
}

impl Column for Hash {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl Stored for i64 {
    const KIND: Kind = Kind::Integer;
}

impl Param for i64 {
    fn datum(&self) -> Datum<'_> {
        Datum::Integer(*self)
    }
}

impl Column for i64 {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl Stored for bool {
    const KIND: Kind = Kind::Boolean;
}

impl Param for bool {
    fn datum(&self) -> Datum<'_> {
        Datum::Boolean(*self)
    }
}

impl Column for bool {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Boolean(truth) => Some(truth),
            _ => None,
        }
    }
}

impl Stored for Timestamp {
    const KIND: Kind = Kind::Time;
}

impl Param for Timestamp {
    fn datum(&self) -> Datum<'_> {
        Datum::Time(*self)
    }
}

impl Column for Timestamp {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Time(time) => Some(time),
            _ => None,
        }
    }
}

/// An identifier of any kind: what an event or a link is about.
impl Stored for Uuid {
    const KIND: Kind = Kind::Uuid;
}

impl Param for Uuid {
    fn datum(&self) -> Datum<'_> {
        Datum::Uuid(self.as_bytes())
    }
}

impl Column for Uuid {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Uuid(bytes) => Some(Uuid::from_bytes(*bytes)),
            _ => None,
        }
    }
}

/// Values kept as JSON in a text: a free-form object, a list of texts.
macro_rules! stored_as_json {
    ($($ty:ty => $json:expr),+ $(,)?) => { $(
        impl Stored for $ty {
            const KIND: Kind = Kind::Text;
        }
        impl Param for $ty {
            fn datum(&self) -> Datum<'_> {
                let json: fn(&$ty) -> Value = $json;
                Datum::Text(Cow::Owned(json(self).to_string()))
            }
        }
        impl Column for $ty {
            fn from_datum(datum: Datum<'_>) -> Option<Self> {
                match datum {
                    Datum::Text(text) => serde_json::from_str(&text).ok(),
                    _ => None,
                }
            }
        }
    )+ };
}
stored_as_json!(
    Map<String, Value> => |map| Value::Object(map.clone()),
    Vec<String> => |list| Value::from(list.as_slice()),
    Vec<i64> => |list| Value::from(list.as_slice()),
);

impl<T: Stored> Stored for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
}

impl<T: Param> Param for Option<T> {
    fn datum(&self) -> Datum<'_> {
        self.as_ref().map_or(Datum::Null, Param::datum)
    }
}

impl<T: Column> Column for Option<T> {
    fn from_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Null => Some(None),
            datum => T::from_datum(datum).map(Some),
        }
    }
}

macro_rules! stored_ids {
    ($($name:ident),+) => { $(
        impl Stored for ids::$name {
            const KIND: Kind = Kind::Uuid;
        }
        impl Param for ids::$name {
            fn datum(&self) -> Datum<'_> {
                self.0.datum()
            }
        }
        impl Column for ids::$name {
            fn from_datum(datum: Datum<'_>) -> Option<Self> {
                Uuid::from_datum(datum).map(ids::$name)
            }
        }
    )+ };
}
stored_ids!(
    OrganizationId,
    UserId,
    MemberId,
    InvitationId,
    CredentialId,
    TokenId,
    ProjectId,
    EventId,
    CouponId,
    MeteringKeyId,
    LeaseId,
    WebhookId,
    RepositoryId,
    BranchId,
    MailId,
    JobId,
    SigningKeyId
);

/// Enums are stored by name, so that a new value in the middle changes no row.
macro_rules! stored_enums {
    ($($name:ty),+ $(,)?) => { $(
        impl $crate::engine::value::Stored for $name {
            const KIND: $crate::engine::value::Kind = $crate::engine::value::Kind::Text;
        }
        impl $crate::engine::value::Param for $name {
            fn datum(&self) -> $crate::engine::value::Datum<'_> {
                $crate::engine::value::Datum::Text(std::borrow::Cow::Borrowed(self.as_str()))
            }
        }
        impl $crate::engine::value::Column for $name {
            fn from_datum(datum: $crate::engine::value::Datum<'_>) -> Option<Self> {
                match datum {
                    $crate::engine::value::Datum::Text(name) => <$name>::from_name(&name),
                    _ => None,
                }
            }
        }
    )+ };
}
pub(crate) use stored_enums;

stored_enums!(
    OrganizationStatus,
    StatusMessage,
    DeactivationReason,
    Plan,
    CredentialType,
    InvitationStatus,
    MemberStatus,
    WebhookDisabledReason,
    WebhookDeliveryStatus,
    GithubInstallationStatus,
    IndexingStatus,
);

/// The values of a tuple or a row of parameters.
pub trait Values: Send + Sync {
    /// Each, in order.
    fn refs(&self) -> Vec<&dyn Param>;
}

/// A tuple or a row of parameters, bound in order to `$1`, `$2`, ….
pub trait Params: Values {
    /// What each holds.
    const KINDS: &'static [Kind];
}

macro_rules! params {
    ($($t:ident $i:tt),*) => {
        impl<$($t: Param + Stored),*> Params for ($($t,)*) {
            const KINDS: &'static [Kind] = &[$($t::KIND),*];
        }
        impl<$($t: Param),*> Values for ($($t,)*) {
            fn refs(&self) -> Vec<&dyn Param> {
                vec![$(&self.$i as &dyn Param),*]
            }
        }
    };
}
params!();
params!(A 0);
params!(A 0, B 1);
params!(A 0, B 1, C 2);
params!(A 0, B 1, C 2, D 3);
params!(A 0, B 1, C 2, D 3, E 4);
params!(A 0, B 1, C 2, D 3, E 4, F 5);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);

/// Declares an enum that only the store and the rules know, stored by name.
macro_rules! text_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $text:literal ),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$vdoc])* $variant ),+ }

        impl $name {
            /// The stored name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( $name::$variant => $text ),+ }
            }

            /// The value with this stored name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some($name::$variant), )+ _ => None }
            }
        }

        $crate::engine::value::stored_enums!($name);
    };
}
pub(crate) use text_enum;
