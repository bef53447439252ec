//! Organizations.

use polity_client::types::{
    CreateAccessTokenRequest, CreateOrganizationRequest, DeactivateOrganizationRequest, Limit,
    ListUserOrganizationsQuery, Organization, OrganizationId, OrganizationPatch, OrganizationStatus, UpdateMask,
    UpdateOrganizationDefaultProjectRequest, UpdateOrganizationNameRequest, UpdateOrganizationPlanRequest,
    UpsertSignupQualificationRequest,
};

use crate::confirm::confirm;
use crate::error::{Failure, Result};
use crate::org_args::{OrgCommand, TokenCommand, UpdateArgs, WaitArgs};
use crate::output::{View, col};
use crate::project;
use crate::session::{Session, collect};
use crate::wait;

/// Organizations in a list.
pub(crate) const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        col("PLAN", "/plan"),
        col("STATUS", "/status"),
        col("MESSAGE", "/status_message"),
    ],
};

/// One organization.
const ONE: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        col("PLAN", "/plan"),
        col("STATUS", "/status"),
        col("MESSAGE", "/status_message"),
        col("VERIFIED", "/verified"),
        col("BILLING NAME", "/billing_name"),
        col("BILLING EMAIL", "/billing_email"),
        col("ADDRESS1", "/address1"),
        col("ADDRESS2", "/address2"),
        col("CITY", "/city"),
        col("POSTAL CODE", "/postal_code"),
        col("STATE", "/state"),
        col("COUNTRY", "/country"),
        col("COMPANY", "/company"),
        col("VAT NUMBER", "/vat_number"),
        col("EMAIL DOMAINS", "/email_domain_allowlist"),
        col("DEFAULT PROJECT", "/default_project_id"),
    ],
};

const TOKEN: View = View { id: "/token", columns: &[col("TOKEN", "/token")] };

/// Carries out `polity org`.
pub(crate) async fn run(session: &Session, command: &OrgCommand) -> Result<()> {
    let client = session.client()?;
    let organizations = client.organizations();
    let organization = match command {
        OrgCommand::List { search, statuses } => return list(session, search, statuses).await,
        OrgCommand::Switch { org } => return switch(session, org).await,
        OrgCommand::Token { command } => return token(session, command).await,
        OrgCommand::Deactivate(args) => return deactivate(session, args).await,
        OrgCommand::Delete(args) => return delete(session, args).await,
        OrgCommand::Create { name } => {
            organizations.create_organization(&CreateOrganizationRequest { name: name.clone() }).await?.organization
        }
        OrgCommand::Get(arg) => {
            organizations.get_organization(session.target(arg.org.as_deref()).await?).await?.organization
        }
        OrgCommand::Update(args) => update(session, args).await?,
        OrgCommand::Rename { org, name } => {
            let id = session.target(org.as_deref()).await?;
            let request = UpdateOrganizationNameRequest { name: name.clone() };
            organizations.update_organization_name(id, &request).await?.organization
        }
        OrgCommand::Reactivate(arg) => {
            organizations.reactivate_organization(session.target(arg.org.as_deref()).await?).await?.organization
        }
        OrgCommand::Plan { org, plan, coupon } => {
            let id = session.target(org.as_deref()).await?;
            let request = UpdateOrganizationPlanRequest { plan: Some(*plan), coupon_code: coupon.clone() };
            organizations.update_organization_plan(id, &request).await?.organization
        }
        OrgCommand::Qualify { org, json } => {
            let refused =
                |e: serde_json::Error| Failure::usage("the answers must be a JSON object").because(e.to_string());
            let signup_qualification = Some(serde_json::from_str(json).map_err(refused)?);
            let id = session.target(org.as_deref()).await?;
            let request = UpsertSignupQualificationRequest { signup_qualification };
            organizations.upsert_signup_qualification(id, &request).await?.organization
        }
        OrgCommand::DefaultProject { org, project } => {
            let id = session.target(org.as_deref()).await?;
            let project = match project.parse() {
                Ok(project) => project,
                Err(_) => session.act_in(id, async |client| project::find(client, project).await).await?.id,
            };
            let request = UpdateOrganizationDefaultProjectRequest { default_project_id: Some(project) };
            organizations.update_organization_default_project(id, &request).await?.organization
        }
    };
    session.output.one(&organization, &ONE)
}

async fn list(session: &Session, search: &str, statuses: &[OrganizationStatus]) -> Result<()> {
    let account = session.client()?.account();
    if session.identity().await?.user.is_none() {
        let own = account.get_current_organization().await?.organization;
        let fits = is_found(&own, search) && (statuses.is_empty() || statuses.contains(&own.status));
        return session.output.list(if fits { std::slice::from_ref(&own) } else { &[] }, &LIST);
    }
    let (search, statuses) = (search.to_owned(), statuses.to_vec());
    let query = ListUserOrganizationsQuery { limit: Limit(100), search, statuses, ..Default::default() };
    session.output.list(&collect(account.all_user_organizations(&query)).await?, &LIST)
}

/// Whether a search finds an organization, as the server searches among those of a person.
fn is_found(organization: &Organization, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    organization.name.contains(&search) || organization.id.to_string().starts_with(&search)
}

async fn update(session: &Session, args: &UpdateArgs) -> Result<Organization> {
    let patch = args.patch();
    if patch == OrganizationPatch::default() {
        return Err(Failure::usage("nothing to change was given").hint("polity org update --help"));
    }
    let id = session.target(args.org.as_deref()).await?;
    let reply = session.client()?.organizations().update_organization(id, &patch, UpdateMask::default()).await?;
    Ok(reply.organization)
}

async fn token(session: &Session, command: &TokenCommand) -> Result<()> {
    let TokenCommand::Create { org, validity, spend_limit } = command;
    let id = session.target(org.as_deref()).await?;
    let request = CreateAccessTokenRequest { validity: Some(*validity), spend_limit_cents: *spend_limit };
    let reply = session.client()?.organizations().create_access_token(id, &request).await?;
    session.output.one(&reply, &TOKEN)
}

/// A session moves into the organization; a credential stays as it is, and the
/// profile remembers where to act.
async fn switch(session: &Session, org: &str) -> Result<()> {
    let client = session.client()?;
    // For another token nobody looks into the profile, and the one there is not to be lost for it.
    if !session.is_token_kept {
        return Err(Failure::usage(format!("the token in use is not that of the profile {}", session.profile))
            .because("the profile remembers the current organization of its own token only")
            .hint("--organization ORG or POLITY_ORGANIZATION, or polity login --token - to keep this token"));
    }
    let found = session.resolve(org).await?;
    let identity = session.identity().await?;
    let (url, id) = (client.url().to_owned(), found.id.to_string());
    if session.is_signed() && identity.user.is_some() && identity.organization_id != Some(found.id) {
        let token = client.organizations().switch_organization(found.id).await?.token.id;
        session.keep(|kept| {
            (kept.url, kept.token, kept.organization) = (Some(url), Some(token), Some(id));
        })?;
        client.sessions().logout().await?;
    } else {
        session.keep(|kept| kept.organization = Some(id))?;
    }
    session.output.done(&found.id.to_string(), &format!("the current organization is {}", found.name))
}

async fn deactivate(session: &Session, args: &WaitArgs) -> Result<()> {
    let found = session.target_named(args.org.as_deref()).await?;
    confirm(session, &format!("deactivating the organization {}", found.name), &found.name)?;
    let organizations = session.client()?.organizations();
    let request = DeactivateOrganizationRequest { skip_confirmation: true };
    let started = organizations.deactivate_organization(found.id, &request).await?.organization;
    if args.no_wait {
        return session.output.one(&started, &ONE);
    }
    let last = wait::until(session.output, &format!("deactivating {}", found.name), async || {
        match organizations.get_organization(found.id).await {
            Ok(reply) if reply.organization.status == OrganizationStatus::Deactivated => Ok(Some(reply.organization)),
            Ok(_) => Ok(None),
            // The token was one of the organization, and ended with it.
            Err(error) if error.status() == Some(401) => Ok(Some(started.clone())),
            Err(error) if error.is_retryable() => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    session.output.one(&last, &ONE)
}

async fn delete(session: &Session, args: &WaitArgs) -> Result<()> {
    let found = session.target_named(args.org.as_deref()).await?;
    confirm(session, &format!("deleting the organization {} for good", found.name), &found.name)?;
    let outside = outside(session, found.id).await?;
    let client = outside.as_ref().map_or(&session.client, |outside| &outside.client);
    let organizations = client.organizations();
    if let Err(error) = organizations.delete_organization(found.id).await {
        if let Some(outside) = &outside {
            outside.client.sessions().logout().await?;
        }
        return Err(error.into());
    }
    forget(session, outside.as_ref(), found.id)?;
    if !args.no_wait {
        wait::until(session.output, &format!("deleting {}", found.name), async || {
            match organizations.get_organization(found.id).await {
                Ok(reply) if reply.organization.status == OrganizationStatus::Deleted => Ok(Some(())),
                Ok(_) => Ok(None),
                Err(error) if matches!(error.status(), Some(401 | 403 | 404)) => Ok(Some(())),
                Err(error) if error.is_retryable() => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await?;
    }
    session.output.done(&found.id.to_string(), &format!("organization {} deleted", found.name))
}

/// A session scoped to an organization ends with it: this is one without an
/// organization, so that nobody is logged out by deleting.
async fn outside(session: &Session, id: OrganizationId) -> Result<Option<Session>> {
    let identity = session.identity().await?;
    let is_inside = session.is_signed() && identity.user.is_some() && identity.organization_id == Some(id);
    if !is_inside || !session.is_token_kept {
        return Ok(None);
    }
    let reply = session.client()?.sessions().new_session().await?;
    session.with_token(&reply.token.id).map(Some)
}

/// Takes a deleted organization out of the profile.
fn forget(session: &Session, outside: Option<&Session>, id: OrganizationId) -> Result<()> {
    let id = id.to_string();
    if outside.is_none() && session.organization.as_deref() != Some(id.as_str()) {
        return Ok(());
    }
    session.keep(|kept| {
        if let Some(outside) = outside {
            kept.token.clone_from(&outside.token);
        }
        if kept.organization.as_deref() == Some(id.as_str()) {
            kept.organization = None;
        }
    })
}
