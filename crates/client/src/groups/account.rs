//! The person behind a token: profile, settings, organizations, invitations received.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// The person behind a token: profile, settings, organizations, invitations received.
    Account, "account";

    /// Get the person the token acts for.
    @example("()", r#"println!("{:?}", reply.user);"#)
    user fn get_current_user() -> GetCurrentUser {}

    /// Update the person the token acts for.
    ///
    /// A new address or password needs `current_password`.
    ///
    /// - `body.email`: a new address; has to be confirmed. Needs `current_password`.
    /// - `body.current_password`: the password in force, to prove that it is the person who asks.
    /// - `body.password`: a new password. Needs `current_password`.
    /// - `body.newsletter_subscribed`: whether the person wants the newsletter.
    /// - `body.name`: the name to show.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(&UserPatch { name: Some("Ada".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.user);"#
    )
    user fn update_user(body: &UserPatch, update_mask: UpdateMask) -> UpdateUser {
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update the person the token acts for.
    ///
    /// - `body.email`: a new address; has to be confirmed. Needs `current_password`.
    /// - `body.current_password`: the password in force, to prove that it is the person who asks.
    /// - `body.password`: a new password. Needs `current_password`.
    /// - `body.newsletter_subscribed`: whether the person wants the newsletter.
    /// - `body.name`: the name to show.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(&UserPatch { name: Some("Ada".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.user);"#
    )
    user fn update_user2(body: &UserPatch, update_mask: UpdateMask) -> UpdateUser2 {
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update the person the token acts for.
    ///
    /// - `body.email`: a new address; has to be confirmed. Needs `current_password`.
    /// - `body.current_password`: the password in force, to prove that it is the person who asks.
    /// - `body.password`: a new password. Needs `current_password`.
    /// - `body.newsletter_subscribed`: whether the person wants the newsletter.
    /// - `body.name`: the name to show.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(&UserPatch { name: Some("Ada".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.user);"#
    )
    user fn update_user_v2(body: &UserPatch, update_mask: UpdateMask) -> UpdateUserV2 {
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update the person the token acts for.
    ///
    /// - `body.email`: a new address; has to be confirmed. Needs `current_password`.
    /// - `body.current_password`: the password in force, to prove that it is the person who asks.
    /// - `body.password`: a new password. Needs `current_password`.
    /// - `body.newsletter_subscribed`: whether the person wants the newsletter.
    /// - `body.name`: the name to show.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(&UserPatch { name: Some("Ada".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.user);"#
    )
    user fn update_user_v22(body: &UserPatch, update_mask: UpdateMask) -> UpdateUserV22 {
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Get the notification settings of the person.
    @example("()", r#"println!("{:?}", reply.settings);"#)
    user fn get_user_settings() -> GetUserSettings {}

    /// Change the notification settings of the person.
    ///
    /// - `body.failed_deployment_email_notification`: whether to send a mail when a deployment fails.
    @example(
        "(&UpdateUserSettingsRequest { failed_deployment_email_notification: Some(true) })",
        r#"println!("{:?}", reply.settings);"#
    )
    user fn update_user_settings(body: &UpdateUserSettingsRequest) -> UpdateUserSettings {
        body: body,
    }

    /// Get the organization the token is scoped to.
    @example("()", r#"println!("{:?}", reply.organization);"#)
    token fn get_current_organization() -> GetCurrentOrganization {}

    /// List the organizations the person is a member of.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.order`: the direction, by name.
    /// - `query.search`: part of a name, or the beginning of an id, in any case.
    /// - `query.statuses`: only organizations in one of these states; empty means all.
    @example(
        "(&ListUserOrganizationsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.organizations);"#
    )
    user fn list_user_organizations(query: &ListUserOrganizationsQuery) -> ListUserOrganizations {
        query: query,
    }
    all fn all_user_organizations;

    /// List the invitations sent to the person.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.statuses`: only invitations in one of these states; empty means all.
    @example(
        "(&ListUserOrganizationInvitationsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.invitations);"#
    )
    user fn list_user_organization_invitations(
        query: &ListUserOrganizationInvitationsQuery
    ) -> ListUserOrganizationInvitations {
        query: query,
    }
    all fn all_user_organization_invitations;

    /// Get an invitation sent to the person.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{:?}", reply.invitation);"#)
    user fn get_user_organization_invitation(id: InvitationId) -> GetUserOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// Accept an invitation: the person becomes a member.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{:?}", reply.invitation);"#)
    user fn accept_organization_invitation(id: InvitationId) -> AcceptOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// Decline an invitation.
    ///
    /// - `id`: the invitation.
    @example("(id)", r#"println!("{:?}", reply.invitation);"#)
    user fn decline_organization_invitation(id: InvitationId) -> DeclineOrganizationInvitation {
        path: &InvitationPath { id },
    }

    /// List what the person did.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    @example(
        "(&CursorPageQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.activities);"#
    )
    user fn get_account_activities(query: &CursorPageQuery) -> GetAccountActivities {
        query: query,
    }
    all fn all_account_activities;

    /// Delete one's own account. The person must have left every organization.
    ///
    /// - `id`: the person.
    @example("(id)", r#"println!("{:?}", reply.user);"#)
    user fn delete_user(id: UserId) -> DeleteUser {
        path: &UserPath { id },
    }

    /// Delete one's own account. The person must have left every organization.
    ///
    /// - `id`: the person.
    @example("(id)", r#"println!("{:?}", reply.user);"#)
    user fn delete_user_v2(id: UserId) -> DeleteUserV2 {
        path: &UserPath { id },
    }
}
