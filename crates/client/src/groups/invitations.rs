//! Invitations an organization sends, and the confirmation of mailed links.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Invitations an organization sends, and the confirmation of mailed links.
    Invitations, "invitations";

    /// List the invitations of the current organization.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.statuses`: only invitations in one of these states; empty means all.
    /// - `query.user_id`: only invitations to this person or to their address; can only be the caller.
    @example(
        "(&ListOrganizationInvitationsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.invitations);"#
    )
    member fn list_organization_invitations(query: &ListOrganizationInvitationsQuery) -> ListOrganizationInvitations {
        query: query,
    }
    all fn all_organization_invitations;

    /// Invite an e-mail address into the current organization.
    ///
    /// - `body.email`: the address to invite.
    @example(
        r#"(&CreateOrganizationInvitationRequest { email: "bob@example.com".into() })"#,
        r#"println!("{:?}", reply.invitation);"#
    )
    member fn create_organization_invitation(
        body: &CreateOrganizationInvitationRequest
    ) -> CreateOrganizationInvitation {
        body: body,
    }

    /// Get an invitation.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{:?}", reply.invitation);"#)
    member fn get_organization_invitation(id: InvitationId) -> GetOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// Withdraw an invitation.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{reply:?}");"#)
    member fn delete_organization_invitation(id: InvitationId) -> DeleteOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// Send an invitation once more; its time starts anew.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{:?}", reply.invitation);"#)
    member fn resend_organization_invitation(id: InvitationId) -> ResendOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// Confirm an action with the id from the mail.
    ///
    /// - `id`: the id.
    @example("(id)", r#"println!("{reply:?}");"#)
    user fn confirm_organization_action(id: &str) -> ConfirmOrganizationAction {
        path: &LinkPath { id: id.to_owned() },
    }
}
