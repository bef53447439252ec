//! Invitations, from the side of the organization and of the person invited.

use polity_api::ids::{InvitationId, MemberId};
use polity_api::operation::Empty;
use polity_api::page::{Limit, Offset};
use polity_api::table::{
    AcceptOrganizationInvitation, CreateOrganizationInvitation, DeclineOrganizationInvitation,
    DeleteOrganizationInvitation, GetOrganizationInvitation, GetUserOrganizationInvitation,
    ListOrganizationInvitations, ListUserOrganizationInvitations, ResendOrganizationInvitation,
};
use polity_api::types::invitation::{
    InvitationStatus, ListOrganizationInvitationsReply, OrganizationInvitation, OrganizationInvitationReply,
};
use polity_api::types::member::Role;
use polity_api::types::organization::{OrganizationStatus, PublicOrganization};
use polity_store::invitations::{self, InvitationRow, InvitationView};
use polity_store::organizations::{self, OrganizationRow};
use polity_store::users::{self, UserRow};
use polity_store::{Filter, Window, members};

use crate::authz::{self, Caller, Principal};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};
use crate::field::{self, count};
use crate::mail;
use crate::organizations::{check_limit, check_room};
use crate::users::{self as people, Github};

const UNIQUE_PENDING: &str = "invitations.organization_id, invitations.email";

fn not_found() -> Error {
    Error::not_found("invitation")
}

/// `ListOrganizationInvitations`: of the current organization, or with one's own id in `user_id` those sent to oneself.
///
/// # Errors
/// 403 for another `user_id`.
pub async fn list(ctx: Ctx, req: Request<ListOrganizationInvitations>) -> Result<ListOrganizationInvitationsReply> {
    ctx.read("list_invitations", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (statuses, limit, offset) = (&query.statuses, query.limit, query.offset);
            match (&caller.principal, query.user_id) {
                (Principal::User(user), Some(wanted)) if user.id == wanted => {
                    return received_page(w, &caller, statuses, limit, offset).await;
                }
                (_, Some(_)) => return Err(Error::forbidden("only your own id is accepted").on("user_id")),
                (_, None) => {}
            }
            let organization = caller.current_organization(w).await?;
            let (filter, window) = (Filter::of(statuses.iter().map(|s| s.as_str())), Window::of(limit, offset));
            let (rows, total) = invitations::of_organization(w.tx, organization.id, w.now, &filter, window).await?;
            Ok(page(rows, limit, offset, total))
        })
    })
    .await
}

fn page(rows: Vec<InvitationView>, limit: Limit, offset: Offset, total: i64) -> ListOrganizationInvitationsReply {
    let invitations = rows.into_iter().map(to_wire).collect();
    ListOrganizationInvitationsReply { invitations, limit: limit.0, offset: offset.0, count: count(total) }
}

/// `CreateOrganizationInvitation`: mails the address a link.
///
/// # Errors
/// 400 on `email` when it is malformed, not admitted, a member's or invited already; 403 when there is no room.
pub async fn create(ctx: Ctx, req: Request<CreateOrganizationInvitation>) -> Result<OrganizationInvitationReply> {
    let email = field::email("email", &req.body.email)?;
    ctx.write("create_invitation", (req.call, email), |w, (call, email)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            caller.lasting("invite people")?;
            caller.admitted_newcomer(w)?;
            let organization = caller.current_organization(w).await?;
            field::allowed_address(&organization, email)?;
            if let Some(user) = users::by_email(w.tx, email).await?
                && members::active(w.tx, organization.id, user.id).await?.is_some()
            {
                return Err(Error::field("email", "is already a member of the organization"));
            }
            invitations::expire(w.tx, organization.id, email, w.now).await?;
            check_room(w, &organization, pending(w, &organization).await? + 1).await?;
            let row = InvitationRow {
                id: w.id(InvitationId::from_random),
                organization_id: organization.id,
                email: email.clone(),
                status: InvitationStatus::Pending,
                inviter_id: caller.person(),
                expires_at: w.now.plus(w.ctx.settings.invitation_micros),
                created_at: w.now,
            };
            let taken = || Error::field("email", "has an invitation to the organization already");
            invitations::insert(w.tx, &row).await.map_err(unique(UNIQUE_PENDING, taken))?;
            send(w, &caller, &organization, row.id, email).await?;
            log(w, &Actor::Caller(&caller), &organization, row.id, email, "created").await?;
            load(w, row.id).await
        })
    })
    .await
}

async fn pending(w: Work<'_>, organization: &OrganizationRow) -> Result<i64> {
    let counts = invitations::count_by_status(w.tx, organization.id, w.now).await?;
    Ok(counts.iter().filter(|c| c.status == InvitationStatus::Pending).map(|c| c.count).sum())
}

async fn send(
    w: Work<'_>,
    caller: &Caller,
    organization: &OrganizationRow,
    id: InvitationId,
    email: &str,
) -> Result<()> {
    let inviter = match &caller.principal {
        Principal::User(user) => Some(user.as_ref()),
        _ => None,
    };
    let expires_at = w.now.plus(w.ctx.settings.invitation_micros);
    mail::invitation(w, organization, inviter, id.0, email, expires_at).await
}

async fn log(
    w: Work<'_>,
    actor: &Actor<'_>,
    organization: &OrganizationRow,
    id: InvitationId,
    email: &str,
    verb: &str,
) -> Result<()> {
    let object = Object { kind: "organization_invitation", id: id.0, name: email };
    let details = metadata([("organization_name", &organization.name), ("email", email)]);
    event::append(w, actor, Some(organization.id), &object, verb, details).await
}

async fn load(w: Work<'_>, id: InvitationId) -> Result<OrganizationInvitationReply> {
    let view = invitations::view_by_id(w.tx, id, w.now).await?.ok_or_else(not_found)?;
    Ok(OrganizationInvitationReply { invitation: to_wire(view) })
}

/// An invitation of an organization the caller is of.
async fn sent(w: Work<'_>, caller: &Caller, id: InvitationId) -> Result<(InvitationView, OrganizationRow)> {
    let view = invitations::view_by_id(w.tx, id, w.now).await?.ok_or_else(not_found)?;
    let organization = caller.owner_of(w, view.organization_id, "invitation").await?;
    Ok((view, organization))
}

/// `GetOrganizationInvitation`: also for the person it was sent to.
///
/// # Errors
/// 404 for one of a foreign organization, sent to another address.
pub async fn get(ctx: Ctx, req: Request<GetOrganizationInvitation>) -> Result<OrganizationInvitationReply> {
    ctx.read("get_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let view = invitations::view_by_id(w.tx, *id, w.now).await?.ok_or_else(not_found)?;
            let is_hers = matches!(&caller.principal, Principal::User(user) if user.email == view.email);
            let view = if is_hers {
                to_invited(w, &caller, view)
            } else {
                caller.owner_of(w, view.organization_id, "invitation").await?;
                view
            };
            Ok(OrganizationInvitationReply { invitation: to_wire(view) })
        })
    })
    .await
}

/// `DeleteOrganizationInvitation`: its link stops working.
///
/// # Errors
/// 404 for one of a foreign organization.
pub async fn delete(ctx: Ctx, req: Request<DeleteOrganizationInvitation>) -> Result<Empty> {
    ctx.write("delete_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (view, organization) = sent(w, &caller, *id).await?;
            invitations::delete(w.tx, organization.id, view.id).await?;
            log(w, &Actor::Caller(&caller), &organization, view.id, &view.email, "deleted").await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `ResendOrganizationInvitation`: a new mail, and a new period in which to answer.
///
/// # Errors
/// 400 when it was answered already.
pub async fn resend(ctx: Ctx, req: Request<ResendOrganizationInvitation>) -> Result<OrganizationInvitationReply> {
    ctx.write("resend_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (view, organization) = sent(w, &caller, *id).await?;
            caller.lasting("invite people")?;
            caller.admitted_newcomer(w)?;
            if !matches!(view.status, InvitationStatus::Pending | InvitationStatus::Expired) {
                return Err(Error::precondition(format!("the invitation was {} already", answered(view.status))));
            }
            field::allowed_address(&organization, &view.email)?;
            if view.status == InvitationStatus::Expired {
                check_room(w, &organization, pending(w, &organization).await? + 1).await?;
            }
            let expires_at = w.now.plus(w.ctx.settings.invitation_micros);
            let taken = || Error::precondition("the address has a newer invitation to the organization");
            invitations::expire(w.tx, organization.id, &view.email, w.now).await?;
            let renewed = invitations::renew(w.tx, organization.id, view.id, expires_at).await;
            renewed.map_err(unique(UNIQUE_PENDING, taken))?;
            send(w, &caller, &organization, view.id, &view.email).await?;
            log(w, &Actor::Caller(&caller), &organization, view.id, &view.email, "resent").await?;
            load(w, view.id).await
        })
    })
    .await
}

fn answered(status: InvitationStatus) -> String {
    status.as_str().to_lowercase()
}

/// What an invited person sees: who invites her is not told to whoever claims her address.
fn to_invited(w: Work<'_>, caller: &Caller, view: InvitationView) -> InvitationView {
    match caller.proven(w) {
        Ok(()) => view,
        Err(_) => InvitationView { inviter_id: None, inviter_email: None, ..view },
    }
}

/// `ListUserOrganizationInvitations`: sent to the address of the caller.
///
/// # Errors
/// As [`authz::caller`].
pub async fn list_received(
    ctx: Ctx,
    req: Request<ListUserOrganizationInvitations>,
) -> Result<ListOrganizationInvitationsReply> {
    ctx.read("list_received_invitations", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            received_page(w, &caller, &query.statuses, query.limit, query.offset).await
        })
    })
    .await
}

/// A page of the invitations sent to the address of the caller.
async fn received_page(
    w: Work<'_>,
    caller: &Caller,
    statuses: &[InvitationStatus],
    limit: Limit,
    offset: Offset,
) -> Result<ListOrganizationInvitationsReply> {
    let (filter, window) = (Filter::of(statuses.iter().map(|s| s.as_str())), Window::of(limit, offset));
    let (rows, total) = invitations::of_email(w.tx, &caller.user()?.email, w.now, &filter, window).await?;
    let rows = rows.into_iter().map(|view| to_invited(w, caller, view)).collect();
    Ok(page(rows, limit, offset, total))
}

/// An invitation sent to the address of a person; another looks like none.
async fn received(w: Work<'_>, user: &UserRow, id: InvitationId) -> Result<InvitationView> {
    let view = invitations::view_by_id(w.tx, id, w.now).await?;
    view.filter(|view| view.email == user.email).ok_or_else(not_found)
}

/// `GetUserOrganizationInvitation`.
///
/// # Errors
/// 404 for one sent to another address.
pub async fn get_received(
    ctx: Ctx,
    req: Request<GetUserOrganizationInvitation>,
) -> Result<OrganizationInvitationReply> {
    ctx.read("get_received_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let view = received(w, caller.user()?, *id).await?;
            Ok(OrganizationInvitationReply { invitation: to_wire(to_invited(w, &caller, view)) })
        })
    })
    .await
}

/// `AcceptOrganizationInvitation`: the person becomes a member. Her address
/// must be proven, or anybody could sign up with it and walk in.
///
/// # Errors
/// 403 while the address is not proven, 400 when the invitation has ended, 404 for another address.
pub async fn accept(ctx: Ctx, req: Request<AcceptOrganizationInvitation>) -> Result<OrganizationInvitationReply> {
    ctx.write("accept_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let user = caller.user()?;
            let view = received(w, user, *id).await?;
            caller.proven(w)?;
            join(w, &Actor::Caller(&caller), user, &view).await?;
            load(w, view.id).await
        })
    })
    .await
}

/// Makes an invited person a member.
pub(crate) async fn join(w: Work<'_>, actor: &Actor<'_>, user: &UserRow, view: &InvitationView) -> Result<()> {
    let organization = answerable(w, view).await?;
    field::allowed_address(&organization, &user.email)?;
    check_limit(w, user).await?;
    check_room(w, &organization, 1).await?;
    let member = members::join(w.tx, w.id(MemberId::from_random), organization.id, user.id, w.now).await?;
    invitations::set_status(w.tx, organization.id, view.id, InvitationStatus::Accepted).await?;
    log(w, actor, &organization, view.id, &view.email, "accepted").await?;
    let id = member.map_or(user.id.0, |member| member.id.0);
    let object = Object { kind: "organization_member", id, name: event::display_name(user) };
    let details = metadata([("organization_name", &organization.name), ("email", &user.email)]);
    event::append(w, actor, Some(organization.id), &object, "joined", details).await
}

/// The organization of an invitation that can still be answered.
async fn answerable(w: Work<'_>, view: &InvitationView) -> Result<OrganizationRow> {
    match view.status {
        InvitationStatus::Pending => {}
        InvitationStatus::Expired => {
            return Err(Error::precondition("the invitation has expired: ask for a new one"));
        }
        status => return Err(Error::precondition(format!("the invitation was {} already", answered(status)))),
    }
    let organization = organizations::by_id(w.tx, view.organization_id).await?.ok_or_else(not_found)?;
    match organization.status {
        OrganizationStatus::Active | OrganizationStatus::Warning => Ok(organization),
        _ => Err(Error::precondition("the organization is not active")),
    }
}

/// `DeclineOrganizationInvitation`.
///
/// # Errors
/// 400 when it was answered or has expired, 404 for another address.
pub async fn decline(ctx: Ctx, req: Request<DeclineOrganizationInvitation>) -> Result<OrganizationInvitationReply> {
    ctx.write("decline_invitation", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let view = received(w, caller.user()?, *id).await?;
            caller.proven(w)?;
            refuse(w, &Actor::Caller(&caller), &view).await?;
            load(w, view.id).await
        })
    })
    .await
}

/// Records that an invitation was declined.
pub(crate) async fn refuse(w: Work<'_>, actor: &Actor<'_>, view: &InvitationView) -> Result<()> {
    let organization = answerable(w, view).await?;
    invitations::set_status(w.tx, organization.id, view.id, InvitationStatus::Refused).await?;
    log(w, actor, &organization, view.id, &view.email, "declined").await
}

fn to_wire(view: InvitationView) -> OrganizationInvitation {
    let invitee = view.invitee_id.map(|id| {
        let (name, avatar) = (view.invitee_name.unwrap_or_default(), view.invitee_avatar_url.unwrap_or_default());
        let github = Github { account: view.invitee_github, login: view.invitee_github_login.unwrap_or_default() };
        people::to_public(id, view.email.clone(), name, avatar, github)
    });
    let inviter = view.inviter_id.zip(view.inviter_email).map(|(id, email)| {
        let (name, avatar) = (view.inviter_name.unwrap_or_default(), view.inviter_avatar_url.unwrap_or_default());
        let github = Github { account: view.inviter_github, login: view.inviter_github_login.unwrap_or_default() };
        people::to_public(id, email, name, avatar, github)
    });
    OrganizationInvitation {
        id: view.id,
        email: view.email,
        role: Role::Owner,
        status: view.status,
        expires_at: Some(view.expires_at),
        organization_id: view.organization_id,
        organization: Some(PublicOrganization {
            id: view.organization_id,
            name: view.organization_name,
            plan: view.organization_plan,
            status: view.organization_status,
            external_id: view.organization_external_id,
        }),
        invitee_id: view.invitee_id,
        invitee,
        inviter_id: view.inviter_id,
        inviter,
    }
}
