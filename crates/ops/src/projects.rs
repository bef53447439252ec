//! Projects of an organization.

use polity_api::ids::ProjectId;
use polity_api::mask::UpdateMask;
use polity_api::operation::{Empty, Operation};
use polity_api::scalar::Int64;
use polity_api::table::{CreateProject, DeleteProject, GetProject, ListApps, ListProjects};
use polity_api::types::organization::MaskQuery;
use polity_api::types::project::{ListAppsReply, ListProjectsReply, Project, ProjectPatch, ProjectPath, ProjectReply};
use polity_store::Window;
use polity_store::organizations::OrganizationRow;
use polity_store::projects::{self, ProjectRow, UNIQUE_NAME};
use serde_json::Map;

use crate::authz::{self, Caller};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object};
use crate::{field, quotas};

const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

fn not_found() -> Error {
    Error::not_found("project")
}

fn name_taken() -> impl FnOnce(polity_store::Error) -> Error {
    unique(UNIQUE_NAME, || Error::field("name", "project already exists"))
}

/// `ListProjects`: of the current organization, by name.
///
/// # Errors
/// 400 on `name`, and as [`Caller::current_organization`].
pub async fn list(ctx: Ctx, req: Request<ListProjects>) -> Result<ListProjectsReply> {
    field::search("name", &req.query.name)?;
    ctx.read("list_projects", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.reach_current(w).await?;
            let window = Window::of(query.limit, query.offset);
            let rows = projects::list(w.tx, organization, &query.name, window).await?;
            let projects = rows.into_iter().map(to_wire).collect();
            Ok(ListProjectsReply { projects, limit: query.limit.0, offset: query.offset.0 })
        })
    })
    .await
}

/// `CreateProject`: in the current organization.
///
/// # Errors
/// 400 on `name` (also when it is taken), 400 when the quota is used up.
pub async fn create(ctx: Ctx, req: Request<CreateProject>) -> Result<ProjectReply> {
    let name = field::required("name", &req.body.name, MAX_NAME)?;
    let description = field::text("description", &req.body.description, MAX_DESCRIPTION)?;
    ctx.write("create_project", (req.call, name, description), |w, (call, name, description)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.current_organization(w).await?;
            let limit = quotas::effective(w, &organization).await?.max_projects.0;
            if projects::count(w.tx, organization.id).await? >= limit {
                return Err(Error::precondition(format!("the organization can have at most {limit} projects")));
            }
            let row = ProjectRow {
                id: w.id(ProjectId::from_random),
                organization_id: organization.id,
                name: name.clone(),
                name_key: name.to_lowercase(),
                description: description.clone(),
                created_at: w.now,
                updated_at: w.now,
            };
            projects::insert(w.tx, &row).await.map_err(name_taken())?;
            log(w, &caller, &row, "created").await?;
            Ok(ProjectReply { project: to_wire(row) })
        })
    })
    .await
}

async fn log(w: Work<'_>, caller: &Caller, row: &ProjectRow, verb: &str) -> Result<()> {
    let object = Object { kind: "project", id: row.id.0, name: &row.name };
    event::append(w, &Actor::Caller(caller), Some(row.organization_id), &object, verb, Map::new()).await
}

async fn reachable(w: Work<'_>, caller: &Caller, id: ProjectId) -> Result<(ProjectRow, OrganizationRow)> {
    let row = projects::by_id(w.tx, id).await?.ok_or_else(not_found)?;
    let organization = caller.owner_of(w, row.organization_id, "project").await?;
    Ok((row, organization))
}

/// `GetProject`.
///
/// # Errors
/// 404 for one of a foreign organization.
pub async fn get(ctx: Ctx, req: Request<GetProject>) -> Result<ProjectReply> {
    ctx.read("get_project", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (row, _) = reachable(w, &caller, *id).await?;
            Ok(ProjectReply { project: to_wire(row) })
        })
    })
    .await
}

/// `UpdateProject` and `UpdateProject2`: name and description.
///
/// # Errors
/// 400 on the field at fault, 404 for one of a foreign organization.
pub async fn update<O>(ctx: Ctx, req: Request<O>) -> Result<ProjectReply>
where
    O: Operation<Path = ProjectPath, Query = MaskQuery, Body = ProjectPatch>,
{
    let patch = valid_patch(req.body, &req.query.update_mask)?;
    ctx.write("update_project", (req.call, req.path.id, patch), |w, (call, id, patch)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (before, _) = reachable(w, &caller, *id).await?;
            let mut row = before.clone();
            if let Some(name) = &patch.name {
                row.name.clone_from(name);
                row.name_key = name.to_lowercase();
            }
            if let Some(description) = &patch.description {
                row.description.clone_from(description);
            }
            if row != before {
                row.updated_at = w.now;
                projects::update(w.tx, &row).await.map_err(name_taken())?;
                log(w, &caller, &row, "updated").await?;
            }
            Ok(ProjectReply { project: to_wire(row) })
        })
    })
    .await
}

fn valid_patch(patch: ProjectPatch, mask: &UpdateMask) -> Result<ProjectPatch> {
    let mut patch = patch.masked(mask)?;
    if let Some(name) = &mut patch.name {
        *name = field::required("name", name, MAX_NAME)?;
    }
    if let Some(description) = &mut patch.description {
        *description = field::text("description", description, MAX_DESCRIPTION)?;
    }
    Ok(patch)
}

/// `DeleteProject`: not the default one.
///
/// # Errors
/// 400 for the default project, 404 for one of a foreign organization.
pub async fn delete(ctx: Ctx, req: Request<DeleteProject>) -> Result<Empty> {
    ctx.write("delete_project", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let (row, organization) = reachable(w, &caller, *id).await?;
            if organization.default_project_id == row.id {
                return Err(Error::precondition("the default project cannot be deleted: choose another one first"));
            }
            projects::delete(w.tx, organization.id, row.id).await?;
            log(w, &caller, &row, "deleted").await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `ListApps`: none, in any organization and project the caller may see.
///
/// # Errors
/// 404 for a project of another organization, in `project_id` or in `x-koyeb-project-id`.
pub async fn list_apps(ctx: Ctx, req: Request<ListApps>) -> Result<ListAppsReply> {
    ctx.read("list_apps", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.reach_current(w).await?;
            let given = Some(&query.project_id).filter(|id| !id.is_empty());
            if let Some(project) = given.or(call.project.as_ref()) {
                let id = project.parse().map_err(|_| not_found())?;
                let row = projects::by_id(w.tx, id).await?.filter(|p| p.organization_id == organization);
                row.ok_or_else(not_found)?;
            }
            Ok(ListAppsReply {
                apps: Vec::new(),
                limit: query.limit.0,
                offset: query.offset.0,
                count: 0,
                has_next: false,
            })
        })
    })
    .await
}

fn to_wire(row: ProjectRow) -> Project {
    Project {
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        updated_at: Some(row.updated_at),
        created_at: Some(row.created_at),
        service_count: Int64(0),
    }
}
