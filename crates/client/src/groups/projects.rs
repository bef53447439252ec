//! Projects of an organization.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Projects of an organization.
    Projects, "projects";

    /// List the projects of the current organization.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.name`: part of the name.
    @example(
        "(&ListProjectsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.projects);"#
    )
    member fn list_projects(query: &ListProjectsQuery) -> ListProjects {
        query: query,
    }
    all fn all_projects;

    /// Create a project in the current organization.
    ///
    /// - `body.name`: its name, unique in the organization.
    /// - `body.description`: what it is for.
    @example(
        r#"(&CreateProjectRequest { name: "web".into(), ..Default::default() })"#,
        r#"println!("{:?}", reply.project);"#
    )
    member fn create_project(body: &CreateProjectRequest) -> CreateProject {
        body: body,
    }

    /// Get a project.
    ///
    /// - `id`: the project.
    @example("(id)", r#"println!("{:?}", reply.project);"#)
    member fn get_project(id: ProjectId) -> GetProject {
        path: &ProjectPath { id },
    }

    /// Delete a project that is not the default one.
    ///
    /// - `id`: the project.
    @example("(id)", r#"println!("{reply:?}");"#)
    member fn delete_project(id: ProjectId) -> DeleteProject {
        path: &ProjectPath { id },
    }

    /// Update a project.
    ///
    /// - `id`: the project.
    /// - `body.name`: its name, unique in the organization.
    /// - `body.description`: what it is for.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &ProjectPatch { name: Some("website".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.project);"#
    )
    member fn update_project(id: ProjectId, body: &ProjectPatch, update_mask: UpdateMask) -> UpdateProject {
        path: &ProjectPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update a project.
    ///
    /// - `id`: the project.
    /// - `body.name`: its name, unique in the organization.
    /// - `body.description`: what it is for.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &ProjectPatch { name: Some("website".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.project);"#
    )
    member fn update_project2(id: ProjectId, body: &ProjectPatch, update_mask: UpdateMask) -> UpdateProject2 {
        path: &ProjectPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// List apps: always empty, so that command-line clients can find out whom they act for.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.project_id`: only apps of this project.
    @example(
        "(&ListAppsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.apps);"#
    )
    member fn list_apps(query: &ListAppsQuery) -> ListApps {
        query: query,
    }
    all fn all_apps;
}
