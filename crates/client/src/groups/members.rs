//! Members of organizations.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Members of organizations.
    Members, "members";

    /// List members: of an organization, or the memberships of the caller.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.organization_id`: only members of this organization.
    /// - `query.user_id`: only memberships of this person.
    /// - `query.organization_statuses`: only in organizations in one of these states; empty means all.
    @example(
        "(&ListOrganizationMembersQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.members);"#
    )
    token fn list_organization_members(query: &ListOrganizationMembersQuery) -> ListOrganizationMembers {
        query: query,
    }
    all fn all_organization_members;

    /// Remove a member, or leave. The last member cannot be removed.
    ///
    /// - `id`: the membership, not the person.
    @example("(id)", r#"println!("{:?}", reply.member);"#)
    member fn remove_organization_member(id: MemberId) -> RemoveOrganizationMember {
        path: &MemberPath { id },
    }
}
