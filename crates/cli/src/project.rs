//! Projects.

use clap::Subcommand;
use polity_client::Client;
use polity_client::types::{CreateProjectRequest, Limit, ListProjectsQuery, Project, ProjectPatch, UpdateMask};

use crate::confirm::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{View, col};
use crate::session::{Session, collect, must_name};

/// What can be done with projects.
#[derive(Subcommand)]
pub enum ProjectCommand {
    /// List the projects of the organization
    List {
        /// Part of the name
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
    },
    /// Create a project
    Create {
        /// Name, unique in the organization
        name: String,
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// Show a project
    Get {
        /// Project: its id or its name
        project: String,
    },
    /// Change a project
    Update {
        /// Project: its id or its name
        project: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// New description
        #[arg(long)]
        description: Option<String>,
    },
    /// Delete a project
    Delete {
        /// Project: its id or its name
        project: String,
    },
}

const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        col("DESCRIPTION", "/description"),
        col("SERVICES", "/service_count"),
        col("CREATED", "/created_at"),
    ],
};

/// Finds a project of the current organization by id or name.
pub(crate) async fn find(client: &Client, wanted: &str) -> Result<Project> {
    must_name("project", wanted)?;
    if let Ok(id) = wanted.parse() {
        return Ok(client.projects().get_project(id).await?.project);
    }
    let query = ListProjectsQuery { limit: Limit(100), name: wanted.to_owned(), ..Default::default() };
    let all = collect(client.projects().all_projects(&query)).await?;
    all.into_iter().find(|project| project.name == wanted).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("there is no project {wanted:?}")).hint("polity project list")
    })
}

/// Carries out `polity project`.
pub(crate) async fn run(session: &Session, command: &ProjectCommand) -> Result<()> {
    if let ProjectCommand::Delete { project } = command {
        return delete(session, project).await;
    }
    let project = session.act(async |client| act(session, client, command).await).await?;
    project.map_or(Ok(()), |project| session.output.one(&project, &LIST))
}

/// Carries out a command inside the organization; gives the project to show.
async fn act(session: &Session, client: &Client, command: &ProjectCommand) -> Result<Option<Project>> {
    let projects = client.projects();
    match command {
        ProjectCommand::List { name } => {
            let query = ListProjectsQuery { limit: Limit(100), name: name.clone(), ..Default::default() };
            session.output.list(&collect(projects.all_projects(&query)).await?, &LIST)?;
            Ok(None)
        }
        ProjectCommand::Create { name, description } => {
            let request = CreateProjectRequest { name: name.clone(), description: description.clone() };
            Ok(Some(projects.create_project(&request).await?.project))
        }
        ProjectCommand::Get { project } => Ok(Some(find(client, project).await?)),
        ProjectCommand::Update { name: None, description: None, .. } => {
            Err(Failure::usage("nothing to change was given").hint("polity project update --help"))
        }
        ProjectCommand::Update { project, name, description } => {
            let found = find(client, project).await?;
            let patch = ProjectPatch { name: name.clone(), description: description.clone() };
            Ok(Some(projects.update_project(found.id, &patch, UpdateMask::default()).await?.project))
        }
        // It asks outside.
        ProjectCommand::Delete { .. } => Ok(None),
    }
}

/// Asks between two sessions: who interrupts the command at the question leaves none behind.
async fn delete(session: &Session, wanted: &str) -> Result<()> {
    let found = session.act(async |client| find(client, wanted).await).await?;
    confirm(session, &format!("deleting the project {}", found.name), &found.name)?;
    session.act(async |client| Ok(client.projects().delete_project(found.id).await?)).await?;
    session.output.done(&found.id.to_string(), &format!("project {} deleted", found.name))
}
