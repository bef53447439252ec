//! API credentials.

use clap::{Subcommand, ValueEnum};
use polity_client::types::{CreateCredentialRequest, Credential, CredentialType, Limit, ListCredentialsQuery};

use crate::confirm::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{self, View, col};
use crate::session::{Session, collect, must_name};

/// What can be done with credentials.
#[derive(Subcommand)]
pub enum CredentialCommand {
    /// List credentials
    List,
    /// Create a credential; its token is shown this once
    Create {
        /// Name to recognise it by
        name: String,
        /// Whom it acts for: you, or the organization
        #[arg(long = "type", value_enum, value_name = "TYPE")]
        kind: Option<Kind>,
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// Delete a credential: it stops working at once
    Delete {
        /// Credential: its id or its name
        credential: String,
    },
}

/// Whom a credential acts for.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    User,
    Organization,
}

const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        col("TYPE", "/type"),
        col("DESCRIPTION", "/description"),
        col("CREATED", "/created_at"),
        col("EXPIRES", "/expires_at"),
    ],
};

const CREATED: View = View {
    id: "/token",
    columns: &[col("ID", "/id"), col("NAME", "/name"), col("TYPE", "/type"), col("TOKEN", "/token")],
};

/// The credentials of the organization that is named, or all that the token can see.
async fn all(session: &Session) -> Result<Vec<Credential>> {
    let organization_id = match session.organization {
        Some(_) => Some(session.target(None).await?),
        None => None,
    };
    let query = ListCredentialsQuery { limit: Limit(100), organization_id, ..Default::default() };
    collect(session.client()?.credentials().all_credentials(&query)).await
}

/// The credential with this id or name; names need not be unique.
async fn find(session: &Session, wanted: &str) -> Result<Credential> {
    must_name("credential", wanted)?;
    if let Ok(id) = wanted.parse() {
        return Ok(session.client()?.credentials().get_credential(id).await?.credential);
    }
    let mut found = all(session).await?;
    found.retain(|credential| credential.name == wanted);
    match (found.pop(), found.is_empty()) {
        (Some(credential), true) => Ok(credential),
        (Some(_), false) => Err(Failure::new(Exit::Ambiguous, format!("more than one credential is named {wanted:?}"))
            .hint("polity credential list")),
        (None, _) => {
            Err(Failure::new(Exit::NotFound, format!("there is no credential {wanted:?}"))
                .hint("polity credential list"))
        }
    }
}

/// Carries out `polity credential`.
pub(crate) async fn run(session: &Session, command: &CredentialCommand) -> Result<()> {
    match command {
        CredentialCommand::List => session.output.list(&all(session).await?, &LIST),
        CredentialCommand::Create { name, kind, description } => {
            let kind = match kind {
                Some(Kind::User) => CredentialType::User,
                Some(Kind::Organization) => CredentialType::Organization,
                None => CredentialType::Invalid,
            };
            let (name, description) = (name.clone(), description.clone());
            let create = async |client: &polity_client::Client| {
                let request = CreateCredentialRequest { name, description, kind, organization_id: None };
                Ok(client.credentials().create_credential(&request).await?.credential)
            };
            let is_anywhere = session.organization.is_none() && session.identity().await?.organization_id.is_none();
            let credential = if is_anywhere { create(session.client()?).await? } else { session.act(create).await? };
            session.output.one(&credential, &CREATED)?;
            if !session.output.quiet {
                output::note("keep the token: it is not shown again");
            }
            Ok(())
        }
        CredentialCommand::Delete { credential: wanted } => {
            let credential = find(session, wanted).await?;
            confirm(session, &format!("deleting the credential {}", credential.name), &credential.name)?;
            session.client()?.credentials().delete_credential(credential.id).await?;
            session.output.done(&credential.id.to_string(), &format!("credential {} deleted", credential.name))
        }
    }
}
