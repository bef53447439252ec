//! Identifiers: lowercase UUID version 4 on the wire, one Rust type for each
//! kind of thing so that one cannot be passed for another.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A version 4 identifier from 16 random bytes.
            #[must_use]
            pub fn from_random(bytes: [u8; 16]) -> Self {
                $name(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map($name)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(|_| de::Error::custom("must be a UUID"))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    )+ };
}

ids! {
    /// An organization: the tenant.
    OrganizationId;
    /// A person.
    UserId;
    /// A person's place in an organization.
    MemberId;
    /// An invitation of an e-mail address into an organization.
    InvitationId;
    /// An API credential.
    CredentialId;
    /// A session or an access token: the `jti` claim of the JWT.
    TokenId;
    /// A project.
    ProjectId;
    /// One entry of the event log, shown as an activity.
    EventId;
    /// A coupon.
    CouponId;
    /// A message waiting to be sent, or sent.
    MailId;
    /// A piece of background work.
    JobId;
    /// A key that signs sessions and access tokens: the `kid` header of the JWT.
    SigningKeyId;
    /// A subscription with a billing provider.
    SubscriptionId;
    /// A payment method with a billing provider.
    PaymentMethodId;
    /// A key with which a source of the platform reports what was spent.
    MeteringKeyId;
    /// A slice of a budget that was set aside.
    LeaseId;
    /// An endpoint that events are delivered to.
    WebhookId;
    /// A repository of a GitHub installation.
    RepositoryId;
    /// A branch of a repository.
    BranchId;
}

/// The wire form of an identifier that may be missing: `""` stands for none.
pub mod or_empty {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes `""` for none.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(id: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_str(""),
        }
    }

    /// Reads `""` as none.
    ///
    /// # Errors
    /// When the text is neither empty nor a `T`.
    pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        match <Cow<'_, str>>::deserialize(deserializer)?.as_ref() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| de::Error::custom("must be a UUID or empty")),
        }
    }
}
