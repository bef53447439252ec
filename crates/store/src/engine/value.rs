//! Types that can be stored. A new column type is added here, once.

use polity_api::ids;
use polity_api::scalar::Timestamp;
use polity_api::types::credential::CredentialType;
use polity_api::types::invitation::InvitationStatus;
use polity_api::types::member::MemberStatus;
use polity_api::types::organization::{DeactivationReason, OrganizationStatus, Plan, StatusMessage};
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde_json::{Map, Value};

/// What a column holds, for the check of every statement against the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a hash: `blob`.
    Bytes,
    /// Text, an enum or JSON: `text`.
    Text,
    /// A number, a time or a truth value: `integer`.
    Integer,
}

/// A type bound to a parameter of a statement.
pub trait Param: Send + Sync {
    /// The value as SQLite stores it.
    fn lite(&self) -> ToSqlOutput<'_>;
}

/// A type read from a column.
pub trait Column: Sized {
    /// What the column holds.
    const KIND: Kind;
    /// Whether the column may be null.
    const NULLABLE: bool = false;
    /// The value from SQLite.
    ///
    /// # Errors
    /// When the stored value is of another kind.
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self>;
}

impl Param for String {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl Column for String {
    const KIND: Kind = Kind::Text;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Param for Vec<u8> {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }
}

impl Column for Vec<u8> {
    const KIND: Kind = Kind::Bytes;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob().map(<[u8]>::to_vec)
    }
}

/// The keyed hash of a secret: 32 bytes.
pub type Hash = [u8; 32];

impl Param for Hash {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }
}

impl Column for Hash {
    const KIND: Kind = Kind::Bytes;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)
    }
}

impl Param for i64 {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned((*self).into())
    }
}

impl Column for i64 {
    const KIND: Kind = Kind::Integer;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64()
    }
}

impl Param for bool {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(i64::from(*self).into())
    }
}

impl Column for bool {
    const KIND: Kind = Kind::Integer;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|n| n != 0)
    }
}

impl Param for Timestamp {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(self.0.into())
    }
}

impl Column for Timestamp {
    const KIND: Kind = Kind::Integer;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Timestamp)
    }
}

/// A free-form JSON object, stored as text.
impl Param for Map<String, Value> {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Object(self.clone()).to_string().into())
    }
}

impl Column for Map<String, Value> {
    const KIND: Kind = Kind::Text;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)
    }
}

/// A list of texts, stored as a JSON array.
impl Param for Vec<String> {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::from(self.as_slice()).to_string().into())
    }
}

impl Column for Vec<String> {
    const KIND: Kind = Kind::Text;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)
    }
}

impl<T: Param> Param for Option<T> {
    fn lite(&self) -> ToSqlOutput<'_> {
        self.as_ref().map_or(ToSqlOutput::Borrowed(ValueRef::Null), Param::lite)
    }
}

impl<T: Column> Column for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_lite(value).map(Some),
        }
    }
}

macro_rules! stored_ids {
    ($($name:ident),+) => { $(
        impl Param for ids::$name {
            fn lite(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes()))
            }
        }
        impl Column for ids::$name {
            const KIND: Kind = Kind::Bytes;
            fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
                uuid::Uuid::from_slice(value.as_blob()?).map(ids::$name).map_err(FromSqlError::other)
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
    MailId,
    JobId,
    SigningKeyId
);

/// An identifier of any kind: what an event or a link is about.
impl Param for uuid::Uuid {
    fn lite(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes()))
    }
}

impl Column for uuid::Uuid {
    const KIND: Kind = Kind::Bytes;
    fn from_lite(value: ValueRef<'_>) -> FromSqlResult<Self> {
        uuid::Uuid::from_slice(value.as_blob()?).map_err(FromSqlError::other)
    }
}

/// Enums are stored by name, so that a new value in the middle changes no row.
macro_rules! stored_enums {
    ($($name:ty),+ $(,)?) => { $(
        impl $crate::engine::value::Param for $name {
            fn lite(&self) -> rusqlite::types::ToSqlOutput<'_> {
                rusqlite::types::ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(self.as_str().as_bytes()))
            }
        }
        impl $crate::engine::value::Column for $name {
            const KIND: $crate::engine::value::Kind = $crate::engine::value::Kind::Text;
            fn from_lite(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                <$name>::from_name(value.as_str()?).ok_or(rusqlite::types::FromSqlError::InvalidType)
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
);

/// A tuple or a row of parameters, bound in order to `$1`, `$2`, ….
pub trait Params: Send + Sync {
    /// How many.
    const COUNT: usize;
    /// Each, in order.
    fn refs(&self) -> Vec<&dyn Param>;
}

macro_rules! params {
    ($n:literal $($t:ident $i:tt),*) => {
        impl<$($t: Param),*> Params for ($($t,)*) {
            const COUNT: usize = $n;
            fn refs(&self) -> Vec<&dyn Param> {
                vec![$(&self.$i as &dyn Param),*]
            }
        }
    };
}
params!(0);
params!(1 A 0);
params!(2 A 0, B 1);
params!(3 A 0, B 1, C 2);
params!(4 A 0, B 1, C 2, D 3);
params!(5 A 0, B 1, C 2, D 3, E 4);
params!(6 A 0, B 1, C 2, D 3, E 4, F 5);
params!(7 A 0, B 1, C 2, D 3, E 4, F 5, G 6);
params!(8 A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

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
