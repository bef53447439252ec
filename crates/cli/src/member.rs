//! The members of an organization.

use clap::Subcommand;
use polity_client::types::{Limit, ListOrganizationMembersQuery, OrganizationMember};

use crate::confirm::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{View, col};
use crate::session::{Session, collect, must_name};

/// What can be done with members.
#[derive(Subcommand)]
pub enum MemberCommand {
    /// List the members
    List,
    /// Remove a member, or leave
    Remove {
        /// Member: the id of the membership, or the e-mail address
        member: String,
    },
}

const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("EMAIL", "/user/email"),
        col("NAME", "/user/name"),
        col("ROLE", "/role"),
        col("JOINED", "/joined_at"),
    ],
};

/// Carries out `polity member`.
pub(crate) async fn run(session: &Session, command: &MemberCommand) -> Result<()> {
    let members = session.client()?.members();
    let organization_id = Some(session.target(None).await?);
    let query = ListOrganizationMembersQuery { limit: Limit(100), organization_id, ..Default::default() };
    let all: Vec<OrganizationMember> = collect(members.all_organization_members(&query)).await?;
    let MemberCommand::Remove { member: wanted } = command else { return session.output.list(&all, &LIST) };
    must_name("member", wanted)?;
    let email = |member: &OrganizationMember| member.user.as_ref().map(|user| user.email.clone()).unwrap_or_default();
    let member = all
        .iter()
        .find(|member| member.id.to_string() == *wanted || email(member).eq_ignore_ascii_case(wanted))
        .ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("there is no member {wanted}")).hint("polity member list")
        })?;
    confirm(session, &format!("removing the member {}", email(member)), wanted)?;
    members.remove_organization_member(member.id).await?;
    session.output.done(&member.id.to_string(), &format!("{} is no member any more", email(member)))
}
