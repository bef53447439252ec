//! What an operation is: one row of [`crate::table`], as a type and as data.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Who may call an operation. The first gate; what exactly a caller may do is
/// decided on the rows the operation loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody: no token is needed.
    Anyone,
    /// Any valid token of a person or of an organization.
    Token,
    /// A token that acts for a person: a session or a USER credential.
    User,
    /// A token that acts for the organization concerned: one of a member, an
    /// ORGANIZATION credential, or an access token.
    Member,
    /// The operator of this installation.
    Operator,
    /// A source of the platform, with a metering key.
    Metering,
    /// A service of the platform: the operator, or a source with a metering key.
    Platform,
}

/// In which states of the organization concerned an operation works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// An organization in good standing. Elsewhere: 401 `Token rejected` when it
    /// is deactivated, 403 `Account is locked` when it is locked.
    Active,
    /// Works as well while the organization is being deactivated or is deactivated.
    Exists,
    /// Works in every state until deletion, locked included.
    Readable,
}

/// How a list operation pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Not a list.
    No,
    /// The reply carries `count`, the total before paging.
    Count,
    /// The reply carries `has_next`.
    HasNext,
    /// The reply carries neither.
    Plain,
}

/// Which limit on the rate of requests applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// None.
    Free,
    /// By address: operations an attacker would repeat (signup, login, reset).
    Guarded,
    /// By address, strictly: guessing a coupon code.
    Scarce,
}

/// An operation of the API. Implemented by the rows of the table and nothing else.
pub trait Operation: 'static {
    /// The row without its types.
    const META: Meta;
    /// Parameters in the path.
    type Path: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    /// Parameters in the query string.
    type Query: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    /// The request body.
    type Body: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    /// The reply, always a JSON object with status 200.
    type Reply: DeserializeOwned + Serialize + JsonSchema + Send + 'static;
}

/// A row of the table as data: for routing, documentation, metrics and tests.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// The operation id of the contract.
    pub id: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whether it takes a token although anybody may call it: some of what it does is for one person alone.
    pub optional_token: bool,
    /// In which states of the organization it works.
    pub needs: Needs,
    /// How it pages.
    pub paging: Paging,
    /// Which rate limit applies.
    pub rate: Rate,
    /// The summary, from the documentation comment of the row.
    pub doc: &'static str,
    /// The group it belongs to in the documentation.
    pub tag: &'static str,
    /// The schemas of its parts.
    pub schemas: Schemas,
}

impl Meta {
    /// What all spellings of an operation are called: `UpdateUser` for `UpdateUserV22` as well.
    #[must_use]
    pub fn without_spelling(&self) -> &'static str {
        self.id.trim_end_matches(['V', '2'])
    }
}

/// The JSON schemas of an operation, made on demand.
#[derive(Clone, Copy, Debug)]
pub struct Schemas {
    /// Of the path parameters.
    pub path: fn(&mut SchemaGenerator) -> Schema,
    /// Of the query parameters.
    pub query: fn(&mut SchemaGenerator) -> Schema,
    /// Of the request body.
    pub body: fn(&mut SchemaGenerator) -> Schema,
    /// Of the reply.
    pub reply: fn(&mut SchemaGenerator) -> Schema,
}

/// No parameters, no body, or `{}` as a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}

/// Declares the rows: each becomes a type that implements [`Operation`], and
/// all of them together the constant that is named first.
macro_rules! operations {
    (
        $rows:ident;
        $(
            tag $tag:literal {
                $(
                    $(#[doc = $doc:literal])+
                    $name:ident : $method:ident $path:literal {
                        $(path: $p:ty,)? $(query: $q:ty,)? $(body: $b:ty,)? reply: $r:ty,
                        who: $who:ident
                        $(, needs: $needs:ident)? $(, paging: $paging:ident)? $(, rate: $rate:ident)?
                        $(, optional_token: $optional_token:literal)?
                    }
                )+
            }
        )+
    ) => {
        $( $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Operation for $name {
                const META: Meta = Meta {
                    id: stringify!($name),
                    method: stringify!($method),
                    path: $path,
                    who: Who::$who,
                    optional_token: value_or!($($optional_token)?, false),
                    needs: value_or!($(Needs::$needs)?, Needs::Active),
                    paging: value_or!($(Paging::$paging)?, Paging::No),
                    rate: value_or!($(Rate::$rate)?, Rate::Free),
                    doc: concat!($($doc, "\n"),+),
                    tag: $tag,
                    schemas: Schemas {
                        path: |g| g.subschema_for::<<$name as Operation>::Path>(),
                        query: |g| g.subschema_for::<<$name as Operation>::Query>(),
                        body: |g| g.subschema_for::<<$name as Operation>::Body>(),
                        reply: |g| g.subschema_for::<<$name as Operation>::Reply>(),
                    },
                };
                type Path = type_or!($($p)?, Empty);
                type Query = type_or!($($q)?, Empty);
                type Body = type_or!($($b)?, Empty);
                type Reply = $r;
            }
        )+ )+

        /// The operations of this file, in their order.
        pub(super) const $rows: &[Meta] = &[ $( $( <$name as Operation>::META ),+ ),+ ];
    };
}

/// The type given, or the default: rows leave out what is usual.
macro_rules! type_or {
    (, $default:ty) => {
        $default
    };
    ($given:ty, $default:ty) => {
        $given
    };
}

/// The value given, or the default.
macro_rules! value_or {
    (, $default:expr) => {
        $default
    };
    ($given:expr, $default:expr) => {
        $given
    };
}

pub(crate) use {operations, type_or, value_or};
