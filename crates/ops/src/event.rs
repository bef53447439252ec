//! Appending to the event log, from which activities and notifications come.

use polity_api::event_types;
use polity_api::ids::{EventId, OrganizationId};
use polity_api::types::event::{Event, EventActor, EventObject};
use polity_store::deliveries;
use polity_store::events::{self, ActorKind, LoggedRow, NewEvent};
use polity_store::organizations::OrganizationRow;
use polity_store::users::UserRow;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authz::{Caller, Principal, Via};
use crate::ctx::Work;
use crate::error::Result;

/// What an event is about.
pub struct Object<'a> {
    /// Its kind, an object type of the API.
    pub kind: &'static str,
    /// Its identifier.
    pub id: Uuid,
    /// Its name now.
    pub name: &'a str,
}

impl<'a> Object<'a> {
    /// An organization.
    #[must_use]
    pub fn organization(row: &'a OrganizationRow) -> Self {
        Object { kind: "organization", id: row.id.0, name: &row.name }
    }

    /// A person.
    #[must_use]
    pub fn user(row: &'a UserRow) -> Self {
        Object { kind: "user", id: row.id.0, name: display_name(row) }
    }
}

/// How a person is called: by name, or else by address.
#[must_use]
pub fn display_name(user: &UserRow) -> &str {
    if user.name.is_empty() { &user.email } else { &user.name }
}

/// Who did it.
pub enum Actor<'a> {
    /// The caller of an operation.
    Caller(&'a Caller),
    /// A person before she has a token: signing up, logging in, pressing a button.
    User(&'a UserRow),
    /// The background worker.
    System,
}

/// Metadata from name-value pairs.
#[must_use]
pub fn metadata<const N: usize>(pairs: [(&str, &str); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

/// Appends an event to the log, in the unit that makes the change.
///
/// # Errors
/// What the store refused.
pub async fn append(
    w: Work<'_>,
    actor: &Actor<'_>,
    organization: Option<OrganizationId>,
    object: &Object<'_>,
    verb: &str,
    mut metadata: Map<String, Value>,
) -> Result<()> {
    let (actor_kind, actor_id, actor_name) = match actor {
        Actor::User(user) => (ActorKind::User, Some(user.id), display_name(user).to_owned()),
        Actor::System => (ActorKind::System, None, "system".to_owned()),
        Actor::Caller(caller) => match &caller.principal {
            Principal::User(user) => (ActorKind::User, Some(user.id), display_name(user).to_owned()),
            Principal::Organization { maker, .. } => (ActorKind::Organization, *maker, "api token".to_owned()),
            Principal::Operator => (ActorKind::Operator, None, "operator".to_owned()),
            Principal::Metering(key) => (ActorKind::System, None, key.name.clone()),
        },
    };
    if let Actor::Caller(caller) = actor {
        let reference = match caller.via {
            Via::Credential(id) => Some(format!("credential:{id}")),
            Via::AccessToken(id) => Some(format!("access_token:{id}")),
            Via::Session(_) | Via::OperatorKey | Via::MeteringKey(_) => None,
        };
        metadata.extend(reference.map(|reference| ("auth_token_ref".to_owned(), reference.into())));
    }
    let kind = format!("{}.{verb}", object.kind);
    debug_assert_eq!(event_types::check(&kind, &metadata), Ok(()), "the catalogue tells all there is");
    let event = NewEvent {
        id: w.id(EventId::from_random),
        organization_id: organization,
        actor_kind,
        actor_id,
        actor_name,
        object_kind: object.kind.to_owned(),
        object_id: object.id,
        object_name: object.name.to_owned(),
        verb: verb.to_owned(),
        metadata,
        created_at: w.now,
    };
    events::append(w.tx, &event).await?;
    deliveries::enqueue(w.tx, &event).await?;
    w.announce();
    Ok(())
}

/// An event as the feed and the webhooks show it.
#[must_use]
pub fn to_wire(row: LoggedRow) -> Event {
    let actor = match row.actor_kind {
        ActorKind::User => "user",
        ActorKind::Organization => "organization",
        ActorKind::Operator => "operator",
        ActorKind::System => "system",
    };
    Event {
        id: row.id,
        kind: format!("{}.{}", row.object_kind, row.verb),
        organization_id: row.organization_id,
        created_at: Some(row.created_at),
        actor: EventActor {
            kind: actor.to_owned(),
            id: row.actor_id.map(|id| id.to_string()).unwrap_or_default(),
            name: row.actor_name,
        },
        object: EventObject { kind: row.object_kind, id: row.object_id.to_string(), name: row.object_name },
        metadata: row.metadata,
    }
}
