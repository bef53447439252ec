//! Members: who belongs to an organization.

use polity_api::table::{ListOrganizationMembers, RemoveOrganizationMember};
use polity_api::types::member::{
    ListOrganizationMembersQuery, ListOrganizationMembersReply, MemberStatus, OrganizationMember,
    RemoveOrganizationMemberReply, Role,
};
use polity_api::types::organization::PublicOrganization;
use polity_store::members::{self, MemberView};
use polity_store::{Filter, Window, credentials, tokens, users};

use crate::authz::{self, Caller, Principal, Via};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::field::count;
use crate::users::{Github, to_public};

/// `ListOrganizationMembers`: the members of an organization, or one's own
/// memberships with `user_id` alone; with neither, the members of the current
/// organization.
///
/// # Errors
/// 403 for a foreign organization or somebody else's memberships.
pub async fn list(ctx: Ctx, req: Request<ListOrganizationMembers>) -> Result<ListOrganizationMembersReply> {
    ctx.read("list_members", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (rows, total) = select(w, &caller, query).await?;
            Ok(ListOrganizationMembersReply {
                members: rows.into_iter().map(to_wire).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                count: count(total),
            })
        })
    })
    .await
}

async fn select(w: Work<'_>, caller: &Caller, query: &ListOrganizationMembersQuery) -> Result<(Vec<MemberView>, i64)> {
    let statuses = Filter::of(query.organization_statuses.iter().map(|s| s.as_str()));
    let window = Window::of(query.limit, query.offset);
    let own = match (&caller.principal, query.user_id) {
        (Principal::User(user), Some(wanted)) => user.id == wanted,
        (Principal::User(_), None) => caller.scope.is_none(),
        _ => false,
    };
    if query.organization_id.is_none() && own {
        return Ok(members::of_user(w.tx, caller.user()?.id, &statuses, window).await?);
    }
    let organization = match (query.organization_id, query.user_id) {
        (Some(id), _) => caller.reach(w, id).await?,
        (None, Some(_)) if caller.scope.is_none() => {
            return Err(Error::forbidden("you can list only your own memberships").on("user_id"));
        }
        (None, _) => caller.reach_current(w).await?,
    };
    Ok(members::of_organization(w.tx, organization, query.user_id, &statuses, window).await?)
}

/// `RemoveOrganizationMember`: also how one leaves. The access tokens of the
/// person for this organization die, her sessions and credentials lose it.
///
/// # Errors
/// 404 for a membership the caller may not know of, 400 for the last member.
pub async fn remove(ctx: Ctx, req: Request<RemoveOrganizationMember>) -> Result<RemoveOrganizationMemberReply> {
    ctx.write_until("remove_member", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = members::view_by_id(w.tx, *id).await?.filter(|row| row.status == MemberStatus::Active);
            let row = row.ok_or_else(|| Error::not_found("member"))?;
            let organization = caller.owner_of(w, row.organization_id, "member").await?;
            if members::count(w.tx, organization.id).await? <= 1 {
                return Err(Error::precondition("the last member cannot leave: delete the organization instead"));
            }
            if !tokens::detach_member(w.tx, organization.id, row.user_id, caller.token()).await? {
                return Ok(None);
            }
            if let (Via::AccessToken(own), Some(maker)) = (caller.via, caller.person())
                && maker == row.user_id
            {
                tokens::delete(w.tx, own).await?;
            }
            members::remove(w.tx, organization.id, row.user_id).await?;
            credentials::detach_user(w.tx, organization.id, row.user_id).await?;
            forget_last_organization(w, &row).await?;
            let leaves = matches!(&caller.principal, Principal::User(user) if user.id == row.user_id);
            let name = if row.user_name.is_empty() { &row.user_email } else { &row.user_name };
            let object = Object { kind: "organization_member", id: row.id.0, name };
            let verb = if leaves { "left" } else { "deleted" };
            let details = metadata([("organization_name", &organization.name), ("email", &row.user_email)]);
            event::append(w, &Actor::Caller(&caller), Some(organization.id), &object, verb, details).await?;
            let member = to_wire(MemberView { status: MemberStatus::Deleted, ..row });
            Ok(Some(RemoveOrganizationMemberReply { member }))
        })
    })
    .await
}

async fn forget_last_organization(w: Work<'_>, row: &MemberView) -> Result<()> {
    if let Some(user) = users::by_id(w.tx, row.user_id).await?
        && user.last_organization_id == Some(row.organization_id)
    {
        users::set_last_organization(w.tx, user.id, None).await?;
    }
    Ok(())
}

fn to_wire(row: MemberView) -> OrganizationMember {
    OrganizationMember {
        id: row.id,
        organization_id: row.organization_id,
        user_id: row.user_id,
        external_id: format!("om_{}", row.id.0.simple()),
        joined_at: Some(row.joined_at),
        role: Role::Owner,
        status: row.status,
        user: Some(to_public(
            row.user_id,
            row.user_email,
            row.user_name,
            row.user_avatar_url,
            Github { account: row.user_github, login: row.user_github_login },
        )),
        organization: Some(PublicOrganization {
            id: row.organization_id,
            name: row.organization_name,
            plan: row.organization_plan,
            status: row.organization_status,
            external_id: row.organization_external_id,
        }),
    }
}
