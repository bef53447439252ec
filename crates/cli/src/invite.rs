//! Invitations, sent and received.

use clap::Subcommand;
use polity_client::types::{
    CreateOrganizationInvitationRequest, InvitationId, Limit, ListOrganizationInvitationsQuery,
    ListUserOrganizationInvitationsQuery,
};

use crate::confirm::confirm;
use crate::error::Result;
use crate::output::{View, col};
use crate::session::{Session, collect};

/// What can be done with invitations.
#[derive(Subcommand)]
pub enum InviteCommand {
    /// Invite an e-mail address into the organization
    Create {
        /// Address to invite
        email: String,
    },
    /// List the invitations of the organization
    List {
        /// List those sent to you instead
        #[arg(long)]
        received: bool,
    },
    /// Send an invitation once more
    Resend {
        /// Id of the invitation
        id: InvitationId,
    },
    /// Withdraw an invitation
    Revoke {
        /// Id of the invitation
        id: InvitationId,
    },
    /// Accept an invitation sent to you
    Accept {
        /// Id of the invitation
        id: InvitationId,
    },
    /// Decline an invitation sent to you
    Decline {
        /// Id of the invitation
        id: InvitationId,
    },
}

const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("EMAIL", "/email"),
        col("STATUS", "/status"),
        col("ORGANIZATION", "/organization/name"),
        col("INVITED BY", "/inviter/email"),
        col("EXPIRES", "/expires_at"),
    ],
};

/// Carries out `polity invite`.
pub(crate) async fn run(session: &Session, command: &InviteCommand) -> Result<()> {
    let client = session.client()?;
    let invitation = match command {
        InviteCommand::List { received: true } => {
            let query = ListUserOrganizationInvitationsQuery { limit: Limit(100), ..Default::default() };
            let all = collect(client.account().all_user_organization_invitations(&query)).await?;
            return session.output.list(&all, &LIST);
        }
        InviteCommand::List { received: false } => {
            let query = ListOrganizationInvitationsQuery { limit: Limit(100), ..Default::default() };
            let all = session
                .act(async |client| collect(client.invitations().all_organization_invitations(&query)).await)
                .await?;
            return session.output.list(&all, &LIST);
        }
        InviteCommand::Create { email } => {
            let request = CreateOrganizationInvitationRequest { email: email.clone() };
            session
                .act(async |client| Ok(client.invitations().create_organization_invitation(&request).await?.invitation))
                .await?
        }
        InviteCommand::Resend { id } => client.invitations().resend_organization_invitation(*id).await?.invitation,
        InviteCommand::Revoke { id } => {
            let invitation = client.invitations().get_organization_invitation(*id).await?.invitation;
            confirm(session, &format!("withdrawing the invitation of {}", invitation.email), &invitation.email)?;
            client.invitations().delete_organization_invitation(*id).await?;
            let text = format!("invitation of {} withdrawn", invitation.email);
            return session.output.done(&id.to_string(), &text);
        }
        InviteCommand::Accept { id } => client.account().accept_organization_invitation(*id).await?.invitation,
        InviteCommand::Decline { id } => client.account().decline_organization_invitation(*id).await?.invitation,
    };
    session.output.one(&invitation, &LIST)
}
