//! API credentials.

use clap::{Subcommand, ValueEnum};
use polity_client::types::{CreateCredentialRequest, CredentialId, CredentialType, Limit, ListCredentialsQuery};

use crate::confirm::confirm;
use crate::error::Result;
use crate::output::{self, View, col};
use crate::session::{Session, collect};

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
        /// Id of the credential
        id: CredentialId,
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

/// Carries out `polity credential`.
pub(crate) async fn run(session: &Session, command: &CredentialCommand) -> Result<()> {
    let credentials = session.client()?.credentials();
    match command {
        CredentialCommand::List => {
            let organization_id = match session.organization {
                Some(_) => Some(session.target(None).await?),
                None => None,
            };
            let query = ListCredentialsQuery { limit: Limit(100), organization_id, ..Default::default() };
            session.output.list(&collect(credentials.all_credentials(&query)).await?, &LIST)
        }
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
        CredentialCommand::Delete { id } => {
            let credential = credentials.get_credential(*id).await?.credential;
            confirm(session, &format!("deleting the credential {}", credential.name), &credential.name)?;
            credentials.delete_credential(*id).await?;
            session.output.done(&id.to_string(), &format!("credential {} deleted", credential.name))
        }
    }
}
