//! Webhooks: the endpoints that events are delivered to.

use polity_api::ids::{OrganizationId, WebhookId};
use polity_api::scalar::Timestamp;
use polity_api::types::webhook::WebhookDisabledReason;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// An endpoint.
    pub struct WebhookRow {
        /// Identifier.
        pub id: WebhookId,
        /// The organization whose events it gets; none for one of the operator, which gets those of all.
        pub organization_id: Option<OrganizationId>,
        /// Where events are delivered to.
        pub url: String,
        /// What it is for.
        pub description: String,
        /// Which types of events it gets; empty for all.
        pub event_types: Vec<String>,
        /// The secret that signs, sealed.
        pub sealed_secret: Vec<u8>,
        /// The one before the last rotation, sealed.
        pub sealed_previous_secret: Option<Vec<u8>>,
        /// Until when that one signs as well.
        pub previous_ends_at: Option<Timestamp>,
        /// Why nothing is delivered to it.
        pub disabled_reason: WebhookDisabledReason,
        /// Since when nothing is delivered to it; none when it is enabled.
        pub disabled_at: Option<Timestamp>,
        /// When the first of the attempts failed that have all failed since.
        pub first_failed_at: Option<Timestamp>,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, organization_id, url, description, event_types, sealed_secret, sealed_previous_secret, previous_ends_at, \
         disabled_reason, disabled_at, first_failed_at, created_at, updated_at"
    };
}

queries! {
    BY_ID(id: WebhookId) => WebhookRow = concat!("select ", columns!(), " from webhooks where id = $1");
    OF_ORGANIZATION(organization: OrganizationId) => WebhookRow = concat!(
        "select ", columns!(), " from webhooks where organization_id = $1 order by created_at, id"
    );
    OF_OPERATOR() => WebhookRow = concat!(
        "select ", columns!(), " from webhooks where organization_id is null order by created_at, id"
    );
    INSERT: WebhookRow => () = concat!(
        "insert into webhooks (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    UPDATE: WebhookRow => () =
        "update webhooks set organization_id = $2, url = $3, description = $4, event_types = $5, sealed_secret = $6,
         sealed_previous_secret = $7, previous_ends_at = $8, disabled_reason = $9, disabled_at = $10,
         first_failed_at = $11, created_at = $12, updated_at = $13 where id = $1";
    DELETE(id: WebhookId) => () = "delete from webhooks where id = $1";
    DELETE_OF_ORGANIZATION(organization: OrganizationId) => () = "delete from webhooks where organization_id = $1";
}

/// An endpoint by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: WebhookId) -> Result<Option<WebhookRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// The endpoints of an organization, or those of the operator; oldest first.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, organization: Option<OrganizationId>) -> Result<Vec<WebhookRow>, Error> {
    match organization {
        Some(id) => tx.all(&OF_ORGANIZATION, (id,)).await,
        None => tx.all(&OF_OPERATOR, ()).await,
    }
}

/// Adds an endpoint.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &WebhookRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Stores everything about an endpoint.
///
/// # Errors
/// What the engine refused.
pub async fn update(tx: &Tx<'_>, row: &WebhookRow) -> Result<(), Error> {
    tx.execute(&UPDATE, row).await.map(drop)
}

/// Removes an endpoint. What was to be delivered to it goes when its turn comes.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: WebhookId) -> Result<(), Error> {
    tx.execute(&DELETE, &(id,)).await.map(drop)
}

/// Removes the endpoints of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_organization(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_ORGANIZATION, &(organization,)).await.map(drop)
}
