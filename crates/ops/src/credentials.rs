//! API credentials: made once, shown once, gone at once.

use polity_api::ids::{CredentialId, OrganizationId};
use polity_api::mask::UpdateMask;
use polity_api::operation::{Empty, Operation};
use polity_api::table::{CreateCredential, DeleteCredential, GetCredential, ListCredentials};
use polity_api::types::credential::{
    Credential, CredentialPatch, CredentialPath, CredentialReply, CredentialType, ListCredentialsQuery,
    ListCredentialsReply,
};
use polity_api::types::organization::MaskQuery;
use polity_store::credentials::{self, CredentialRow, Visible};
use polity_store::{Filter, Window, tokens};
use serde_json::Map;

use crate::authz::{self, Caller, Principal};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object};
use crate::field::{self, count};
use crate::secret;

const MAX_NAME: usize = 128;
const MAX_DESCRIPTION: usize = 1024;

fn not_found() -> Error {
    Error::not_found("credential")
}

/// `ListCredentials`: those of the current organization and the caller's own.
///
/// # Errors
/// 403 for a foreign `organization_id`.
pub async fn list(ctx: Ctx, req: Request<ListCredentials>) -> Result<ListCredentialsReply> {
    ctx.read("list_credentials", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let visible = visible(w, &caller, query).await?;
            let (rows, total) = credentials::list(w.tx, &visible, Window::of(query.limit, query.offset)).await?;
            Ok(ListCredentialsReply {
                credentials: rows.into_iter().map(|row| to_wire(row, String::new())).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                count: count(total),
            })
        })
    })
    .await
}

async fn visible(w: Work<'_>, caller: &Caller, query: &ListCredentialsQuery) -> Result<Visible> {
    let organization = match query.organization_id.or(caller.scope) {
        Some(id) => Some(caller.reach(w, id).await?),
        None => None,
    };
    let user = match &caller.principal {
        Principal::User(user) => Some(user.id),
        _ => None,
    };
    let kinds = match query.kind {
        CredentialType::Invalid => Filter::default(),
        kind => Filter::of([kind.as_str()]),
    };
    Ok(Visible {
        organization,
        user,
        kinds,
        name: query.name.clone(),
        of_organization: query.organization_id,
        of_user: query.user_id,
    })
}

/// `CreateCredential`: the only reply with the token.
///
/// # Errors
/// 400 on `name` or `type`; 403 for a token that may not make one.
pub async fn create(ctx: Ctx, req: Request<CreateCredential>) -> Result<CredentialReply> {
    let name = field::required("name", &req.body.name, MAX_NAME)?;
    let description = field::text("description", &req.body.description, MAX_DESCRIPTION)?;
    let args = (req.call, name, description, req.body.kind, req.body.organization_id);
    ctx.write("create_credential", args, |w, (call, name, description, kind, organization)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            caller.lasting("make a credential")?;
            caller.admitted_newcomer(w)?;
            let (kind, organization) = choose(w, &caller, *kind, *organization).await?;
            let token = secret::generate(&w.ctx.random);
            let row = CredentialRow {
                id: w.id(CredentialId::from_random),
                kind,
                name: name.clone(),
                description: description.clone(),
                token_hash: w.ctx.keys.hash(&token),
                user_id: if kind == CredentialType::User { Some(caller.user()?.id) } else { None },
                organization_id: organization,
                created_at: w.now,
                updated_at: w.now,
                expires_at: None,
            };
            credentials::insert(w.tx, &row).await?;
            log(w, &caller, &row, "created").await?;
            Ok(CredentialReply { credential: to_wire(row, token) })
        })
    })
    .await
}

/// Of which type a new credential is, and of or in which organization.
async fn choose(
    w: Work<'_>,
    caller: &Caller,
    kind: CredentialType,
    wanted: Option<OrganizationId>,
) -> Result<(CredentialType, Option<OrganizationId>)> {
    let organization = match wanted.or(caller.scope) {
        Some(id) => Some(caller.reach(w, id).await?),
        None => None,
    };
    match (kind, organization) {
        (CredentialType::User, organization) => {
            caller.user()?;
            Ok((CredentialType::User, organization))
        }
        (CredentialType::Organization | CredentialType::Invalid, Some(id)) => {
            Ok((CredentialType::Organization, Some(id)))
        }
        (CredentialType::Organization, None) => Err(Error::field("organization_id", "is required")),
        (CredentialType::Invalid | CredentialType::Unknown, _) => {
            Err(Error::field("type", "must be USER or ORGANIZATION"))
        }
    }
}

async fn log(w: Work<'_>, caller: &Caller, row: &CredentialRow, verb: &str) -> Result<()> {
    let object = Object { kind: "credential", id: row.id.0, name: &row.name };
    event::append(w, &Actor::Caller(caller), row.organization_id, &object, verb, Map::new()).await
}

/// A credential the caller may see: her own, or one of an organization she is of.
async fn reachable(w: Work<'_>, caller: &Caller, id: CredentialId) -> Result<CredentialRow> {
    let row = credentials::by_id(w.tx, id).await?.ok_or_else(not_found)?;
    match (row.kind, row.organization_id) {
        (CredentialType::Organization, Some(organization)) => {
            caller.owner_of(w, organization, "credential").await?;
            Ok(row)
        }
        (CredentialType::User, _) if caller.user().is_ok_and(|user| Some(user.id) == row.user_id) => Ok(row),
        _ => Err(not_found()),
    }
}

/// `GetCredential`: without its token.
///
/// # Errors
/// 404 for one the caller may not know of.
pub async fn get(ctx: Ctx, req: Request<GetCredential>) -> Result<CredentialReply> {
    ctx.read("get_credential", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            Ok(CredentialReply { credential: to_wire(reachable(w, &caller, *id).await?, String::new()) })
        })
    })
    .await
}

/// `UpdateCredential` and `UpdateCredential2`: name and description.
///
/// # Errors
/// 400 on the field at fault, 404 for one the caller may not know of.
pub async fn update<O>(ctx: Ctx, req: Request<O>) -> Result<CredentialReply>
where
    O: Operation<Path = CredentialPath, Query = MaskQuery, Body = CredentialPatch>,
{
    let patch = valid_patch(req.body, &req.query.update_mask)?;
    ctx.write("update_credential", (req.call, req.path.id, patch), |w, (call, id, patch)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let before = reachable(w, &caller, *id).await?;
            let mut row = before.clone();
            if let Some(name) = &patch.name {
                row.name.clone_from(name);
            }
            if let Some(description) = &patch.description {
                row.description.clone_from(description);
            }
            if row != before {
                row.updated_at = w.now;
                credentials::update(w.tx, &row).await?;
                log(w, &caller, &row, "updated").await?;
            }
            Ok(CredentialReply { credential: to_wire(row, String::new()) })
        })
    })
    .await
}

fn valid_patch(patch: CredentialPatch, mask: &UpdateMask) -> Result<CredentialPatch> {
    let mut patch = patch.masked(mask)?;
    if let Some(name) = &mut patch.name {
        *name = field::required("name", name, MAX_NAME)?;
    }
    if let Some(description) = &mut patch.description {
        *description = field::text("description", description, MAX_DESCRIPTION)?;
    }
    Ok(patch)
}

/// `DeleteCredential`: it, and the sessions and access tokens that were made with it, stop working at once.
///
/// # Errors
/// 404 for one the caller may not know of.
pub async fn delete(ctx: Ctx, req: Request<DeleteCredential>) -> Result<Empty> {
    ctx.write_until("delete_credential", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = reachable(w, &caller, *id).await?;
            if !tokens::delete_of_credential(w.tx, row.id, caller.token()).await? {
                return Ok(None);
            }
            if let Some(own) = caller.token().filter(|_| caller.credential == Some(row.id)) {
                tokens::delete(w.tx, own).await?;
            }
            credentials::delete(w.tx, row.id).await?;
            log(w, &caller, &row, "deleted").await?;
            Ok(Some(Empty {}))
        })
    })
    .await
}

fn to_wire(row: CredentialRow, token: String) -> Credential {
    Credential {
        id: row.id,
        kind: row.kind,
        name: row.name,
        token,
        description: row.description,
        user_id: row.user_id,
        organization_id: row.organization_id,
        updated_at: Some(row.updated_at),
        created_at: Some(row.created_at),
        expires_at: row.expires_at,
    }
}
