//! Organizations: creating, reading and changing them. How they end is in
//! [`crate::deactivations`].

use polity_api::ids::{MemberId, OrganizationId, ProjectId};
use polity_api::mask::UpdateMask;
use polity_api::operation::Operation;
use polity_api::table::{
    CreateOrganization, GetCurrentOrganization, GetOrganization, ListUserOrganizations,
    UpdateOrganizationDefaultProject, UpdateOrganizationName, UpsertSignupQualification,
};
use polity_api::types::account::ListUserOrganizationsReply;
use polity_api::types::organization::{
    CreateOrganizationReply, GetOrganizationReply, MaskQuery, Organization, OrganizationPatch, OrganizationPath,
    PublicOrganization, UpdateOrganizationDefaultProjectReply, UpdateOrganizationNameReply, UpdateOrganizationReply,
    UpsertSignupQualificationReply,
};
use polity_store::organizations::{self, OrganizationRow, Search};
use polity_store::projects::{self, ProjectRow};
use polity_store::users::UserRow;
use polity_store::{Filter, Window, members};
use serde_json::{Map, Value};

use crate::authz;
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};
use crate::field;
use crate::lifecycle;
use crate::memory::Based;
use crate::quotas;

/// The largest signup qualification, in bytes of JSON.
const MAX_QUALIFICATION_BYTES: usize = 16 * 1024;
/// The name of the project every organization starts with.
const DEFAULT_PROJECT: &str = "default";

/// `CreateOrganization`: the caller becomes the first member.
///
/// # Errors
/// 400 on `name` (also when it is taken), 403 beyond the number of organizations a person may have, and where not
/// everybody may sign up while the address is not proven.
pub async fn create(ctx: Ctx, req: Request<CreateOrganization>) -> Result<CreateOrganizationReply> {
    let name = field::organization_name(&req.body.name)?;
    ctx.write("create_organization", (req.call, name), |w, (call, name)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let user = caller.user()?;
            caller.admitted_newcomer(w)?;
            check_limit(w, user).await?;
            let organization = new_row(w, name);
            organizations::insert(w.tx, &organization).await.map_err(name_taken())?;
            projects::insert(w.tx, &default_project(w, &organization)).await?;
            members::found(w.tx, w.id(MemberId::from_random), organization.id, user.id, w.now).await?;
            let object = Object::organization(&organization);
            event::append(w, &Actor::Caller(&caller), Some(organization.id), &object, "created", Map::new()).await?;
            Ok(CreateOrganizationReply { organization: to_wire(organization) })
        })
    })
    .await
}

fn new_row(w: Work<'_>, name: &str) -> OrganizationRow {
    let id = w.id(OrganizationId::from_random);
    let (status, status_message, deactivation_reason) = lifecycle::first();
    OrganizationRow {
        id,
        external_id: format!("org_{}", id.0.simple()),
        name: name.to_owned(),
        name_key: Some(name.to_owned()),
        address1: String::new(),
        address2: String::new(),
        city: String::new(),
        postal_code: String::new(),
        state: String::new(),
        country: String::new(),
        company: false,
        vat_number: String::new(),
        billing_name: String::new(),
        billing_email: String::new(),
        plan: w.ctx.settings.default_plan,
        plan_updated_at: None,
        signup_qualification: Map::new(),
        status,
        status_message,
        deactivation_reason,
        verified: true,
        email_domain_allowlist: Vec::new(),
        default_project_id: w.id(ProjectId::from_random),
        lock_reason: String::new(),
        created_at: w.now,
        updated_at: w.now,
        spend_resumes_at: None,
    }
}

fn default_project(w: Work<'_>, organization: &OrganizationRow) -> ProjectRow {
    ProjectRow {
        id: organization.default_project_id,
        organization_id: organization.id,
        name: DEFAULT_PROJECT.to_owned(),
        name_key: DEFAULT_PROJECT.to_owned(),
        description: String::new(),
        created_at: w.now,
        updated_at: w.now,
    }
}

fn name_taken() -> impl FnOnce(polity_store::Error) -> Error {
    unique("organizations.name_key", || Error::field("name", "organization already exists"))
}

/// Refuses one more organization for a person who has as many as she may.
pub(crate) async fn check_limit(w: Work<'_>, user: &UserRow) -> Result<()> {
    let limit = i64::from(w.ctx.settings.max_organizations_per_user);
    // Which of them are being deleted has to be looked up one by one: only for those who would be refused otherwise.
    let is_near = limit > 0 && members::count_all_of_user(w.tx, user.id).await? >= limit;
    if is_near && organizations::count_of_user(w.tx, user.id).await? >= limit {
        return Err(Error::forbidden(format!("one person can be in at most {limit} organizations: ask the operator")));
    }
    Ok(())
}

/// `GetOrganization`.
///
/// # Errors
/// As [`authz::Caller::organization`].
pub async fn get(ctx: Ctx, req: Request<GetOrganization>) -> Result<Based<GetOrganizationReply>> {
    ctx.read_based("get_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            Ok(GetOrganizationReply { organization: to_wire(caller.organization(w, *id).await?) })
        })
    })
    .await
}

/// `GetCurrentOrganization`: 404 when the token is scoped to none.
///
/// # Errors
/// 404; never 403, which signs dashboards out.
pub async fn current(ctx: Ctx, req: Request<GetCurrentOrganization>) -> Result<Based<GetOrganizationReply>> {
    ctx.read_based("get_current_organization", req.call, |w, call| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            Ok(GetOrganizationReply { organization: to_wire(caller.current_organization(w).await?) })
        })
    })
    .await
}

/// `ListUserOrganizations`: by name; without statuses, those being deleted are left out.
///
/// # Errors
/// 400 on `search`, and as [`authz::caller`].
pub async fn list(ctx: Ctx, req: Request<ListUserOrganizations>) -> Result<ListUserOrganizationsReply> {
    let query = req.query;
    field::search("search", &query.search)?;
    ctx.read("list_user_organizations", (req.call, query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (user, search) = (caller.user()?.id, Search::new(&query.search));
            let statuses = Filter::of(query.statuses.iter().map(|s| s.as_str()));
            let window = Window::of(query.limit, query.offset);
            let (rows, has_next) = organizations::of_user(w.tx, user, &statuses, &search, query.order, window).await?;
            let organizations = rows.into_iter().map(to_wire).collect();
            Ok(ListUserOrganizationsReply { organizations, limit: query.limit.0, offset: query.offset.0, has_next })
        })
    })
    .await
}

/// `UpdateOrganization` and `UpdateOrganization2`: see [`polity_api::mask`] for what changes.
///
/// # Errors
/// 400 on the field at fault, and as [`authz::Caller::organization`].
pub async fn update<O>(ctx: Ctx, req: Request<O>) -> Result<UpdateOrganizationReply>
where
    O: Operation<Path = OrganizationPath, Query = MaskQuery, Body = OrganizationPatch>,
{
    let patch = valid_patch(req.body, &req.query.update_mask)?;
    ctx.write("update_organization", (req.call, req.path.id, patch), |w, (call, id, patch)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            let before = row.clone();
            apply_patch(&mut row, patch.clone());
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, Map::new()).await?;
            Ok(UpdateOrganizationReply { organization })
        })
    })
    .await
}

fn valid_patch(patch: OrganizationPatch, mask: &UpdateMask) -> Result<OrganizationPatch> {
    let mut patch = patch.masked(mask)?;
    if let Some(name) = &mut patch.name {
        *name = field::organization_name(name)?;
    }
    if let Some(email) = patch.billing_email.as_mut().filter(|email| !email.is_empty()) {
        *email = field::email("billing_email", email)?;
    }
    if let Some(country) = patch.country.as_mut().filter(|country| !country.is_empty()) {
        *country = country.trim().to_ascii_uppercase();
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Error::field("country", "must be the two letters of ISO 3166, such as FR"));
        }
    }
    if let Some(domains) = &mut patch.email_domain_allowlist {
        *domains = field::domains(domains)?;
    }
    for (name, value) in [
        ("address1", &mut patch.address1),
        ("address2", &mut patch.address2),
        ("city", &mut patch.city),
        ("postal_code", &mut patch.postal_code),
        ("state", &mut patch.state),
        ("vat_number", &mut patch.vat_number),
        ("billing_name", &mut patch.billing_name),
    ] {
        if let Some(value) = value {
            *value = field::text(name, value, 256)?;
        }
    }
    Ok(patch)
}

fn apply_patch(row: &mut OrganizationRow, patch: OrganizationPatch) {
    fn set<T>(target: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *target = value;
        }
    }
    if let Some(name) = patch.name {
        rename(row, &name);
    }
    set(&mut row.address1, patch.address1);
    set(&mut row.address2, patch.address2);
    set(&mut row.city, patch.city);
    set(&mut row.postal_code, patch.postal_code);
    set(&mut row.state, patch.state);
    set(&mut row.country, patch.country);
    set(&mut row.company, patch.company);
    set(&mut row.vat_number, patch.vat_number);
    set(&mut row.billing_name, patch.billing_name);
    set(&mut row.billing_email, patch.billing_email);
    set(&mut row.email_domain_allowlist, patch.email_domain_allowlist);
}

fn rename(row: &mut OrganizationRow, name: &str) {
    name.clone_into(&mut row.name);
    row.name_key = Some(name.to_owned());
}

/// Stores a changed organization and appends an event; nothing when nothing changed.
pub(crate) async fn store_change(
    w: Work<'_>,
    actor: &Actor<'_>,
    before: &OrganizationRow,
    mut row: OrganizationRow,
    metadata: Map<String, Value>,
) -> Result<Organization> {
    if row != *before {
        row.updated_at = w.now;
        organizations::update(w.tx, &row).await.map_err(name_taken())?;
        event::append(w, actor, Some(row.id), &Object::organization(&row), "updated", metadata).await?;
    }
    Ok(to_wire(row))
}

/// `UpdateOrganizationName`.
///
/// # Errors
/// 400 on `name`, and as [`authz::Caller::organization`].
pub async fn update_name(ctx: Ctx, req: Request<UpdateOrganizationName>) -> Result<UpdateOrganizationNameReply> {
    let name = field::organization_name(&req.body.name)?;
    ctx.write("update_organization_name", (req.call, req.path.id, name), |w, (call, id, name)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            let before = row.clone();
            rename(&mut row, name);
            let details = metadata([("event", "renamed"), ("previous_name", &before.name)]);
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, details).await?;
            Ok(UpdateOrganizationNameReply { organization })
        })
    })
    .await
}

/// `UpdateOrganizationDefaultProject`.
///
/// # Errors
/// 400 on `default_project_id`, 404 for a project that is not the organization's.
pub async fn update_default_project(
    ctx: Ctx,
    req: Request<UpdateOrganizationDefaultProject>,
) -> Result<UpdateOrganizationDefaultProjectReply> {
    let project = req.body.default_project_id.ok_or_else(|| Error::field("default_project_id", "is required"))?;
    ctx.write("update_default_project", (req.call, req.path.id, project), |w, (call, id, project)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            let project = projects::by_id(w.tx, *project).await?.filter(|p| p.organization_id == row.id);
            let project = project.ok_or_else(|| Error::not_found("project"))?;
            let before = row.clone();
            row.default_project_id = project.id;
            let details = metadata([("event", "default_project_updated"), ("project_name", &project.name)]);
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, details).await?;
            Ok(UpdateOrganizationDefaultProjectReply { organization })
        })
    })
    .await
}

/// `UpsertSignupQualification`: replaces the answers; keys are kept verbatim.
///
/// # Errors
/// 400 on `signup_qualification` when it is missing or larger than 16 KiB.
pub async fn upsert_signup_qualification(
    ctx: Ctx,
    req: Request<UpsertSignupQualification>,
) -> Result<UpsertSignupQualificationReply> {
    let field = "signup_qualification";
    let answers = req.body.signup_qualification.ok_or_else(|| Error::field(field, "must be an object"))?;
    if Value::Object(answers.clone()).to_string().len() > MAX_QUALIFICATION_BYTES {
        return Err(Error::field(field, format!("must have at most {MAX_QUALIFICATION_BYTES} bytes")));
    }
    ctx.write("upsert_signup_qualification", (req.call, req.path.id, answers), |w, (call, id, answers)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            let before = row.clone();
            row.signup_qualification = answers.clone();
            let details = metadata([("event", "signup_qualification_updated")]);
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, details).await?;
            Ok(UpsertSignupQualificationReply { organization })
        })
    })
    .await
}

/// The organization as the API shows it. Without a billing provider there is
/// no payment method, subscription or trial.
#[must_use]
pub fn to_wire(row: OrganizationRow) -> Organization {
    Organization {
        id: row.id,
        external_id: row.external_id,
        provisioning: false,
        address1: row.address1,
        address2: row.address2,
        city: row.city,
        postal_code: row.postal_code,
        state: row.state,
        country: row.country,
        company: row.company,
        vat_number: row.vat_number,
        billing_name: row.billing_name,
        billing_email: row.billing_email,
        name: row.name,
        plan: row.plan,
        plan_updated_at: row.plan_updated_at,
        has_payment_method: false,
        subscription_id: None,
        current_subscription_id: None,
        latest_subscription_id: None,
        signup_qualification: row.signup_qualification,
        status: row.status,
        status_message: row.status_message,
        deactivation_reason: row.deactivation_reason,
        verified: row.verified,
        qualifies_for_hobby23: false,
        reprocess_after: None,
        trialing: false,
        trial_starts_at: None,
        trial_ends_at: None,
        email_domain_allowlist: row.email_domain_allowlist,
        default_project_id: Some(row.default_project_id),
    }
}

/// What strangers may see of an organization.
#[must_use]
pub fn to_public(row: &OrganizationRow) -> PublicOrganization {
    PublicOrganization {
        id: row.id,
        name: row.name.clone(),
        plan: row.plan,
        status: row.status,
        external_id: row.external_id.clone(),
    }
}

/// Refuses one more member or invitation than the quotas of the organization allow.
pub(crate) async fn check_room(w: Work<'_>, row: &OrganizationRow, more: i64) -> Result<()> {
    let limit = quotas::effective(w, row).await?.max_organization_members.0;
    if members::count(w.tx, row.id).await? + more > limit {
        return Err(Error::forbidden(format!("the organization can have at most {limit} members on its plan")));
    }
    Ok(())
}
