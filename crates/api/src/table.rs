//! The operation table: every operation of the API, once.
//!
//! Route, rate limit, first authorization gate, OpenAPI entry, metrics label,
//! isolation test and client method derive from a row. The names are the
//! operation ids of the contract; `needs` defaults to `Active`.

use crate::operation::{Empty, Meta, Needs, Operation, Paging, Rate, Schemas, Who, operations, type_or, value_or};
use crate::types::account::*;
use crate::types::activity::*;
use crate::types::billing::*;
use crate::types::budget::*;
use crate::types::coupon::*;
use crate::types::credential::*;
use crate::types::event::*;
use crate::types::github::*;
use crate::types::invitation::*;
use crate::types::member::*;
use crate::types::operator::*;
use crate::types::organization::*;
use crate::types::project::*;
use crate::types::quota::*;
use crate::types::session::*;
use crate::types::test::*;
use crate::types::usage::*;

mod git;
mod metering;
mod webhook;

pub use git::*;
pub use metering::*;
pub use webhook::*;

operations! {
    ROWS;
    tag "organization" {
        /// Create an organization.
        ///
        /// The caller becomes its first member. It is active at once, on the configured default
        /// plan, with a default project. The caller's token is not switched to it.
        CreateOrganization: POST "/v1/organizations" {
            body: CreateOrganizationRequest, reply: CreateOrganizationReply, who: User
        }
        /// Get an organization.
        GetOrganization: GET "/v1/organizations/{id}" {
            path: OrganizationPath, reply: GetOrganizationReply, who: Member, needs: Readable
        }
        /// Delete an organization.
        ///
        /// It must be deactivated and have no unpaid invoice. Sessions scoped to it end, its name
        /// becomes free.
        DeleteOrganization: DELETE "/v1/organizations/{id}" {
            path: OrganizationPath, reply: DeleteOrganizationReply, who: Member, needs: Exists
        }
        /// Update an organization.
        UpdateOrganization: PUT "/v1/organizations/{id}" {
            path: OrganizationPath, query: MaskQuery, body: OrganizationPatch, reply: UpdateOrganizationReply, who: Member
        }
        /// Update an organization.
        UpdateOrganization2: PATCH "/v1/organizations/{id}" {
            path: OrganizationPath, query: MaskQuery, body: OrganizationPatch, reply: UpdateOrganizationReply, who: Member
        }
        /// Create an access token.
        ///
        /// A short-lived token that acts for the organization and for nobody else. One access
        /// token cannot make another.
        CreateAccessToken: POST "/v1/organizations/{id}/access_token" {
            path: OrganizationPath, body: CreateAccessTokenRequest, reply: CreateAccessTokenReply, who: Member
        }
        /// Deactivate an organization.
        ///
        /// Mails a confirmation link to the members, or starts at once with `skip_confirmation`.
        DeactivateOrganization: POST "/v1/organizations/{id}/deactivate" {
            path: OrganizationPath, body: DeactivateOrganizationRequest, reply: DeactivateOrganizationReply,
            who: Member, needs: Exists, rate: Guarded
        }
        /// Choose the default project of an organization.
        UpdateOrganizationDefaultProject: PUT "/v1/organizations/{id}/default_project" {
            path: OrganizationPath, body: UpdateOrganizationDefaultProjectRequest,
            reply: UpdateOrganizationDefaultProjectReply, who: Member
        }
        /// Rename an organization.
        UpdateOrganizationName: PUT "/v1/organizations/{id}/name" {
            path: OrganizationPath, body: UpdateOrganizationNameRequest, reply: UpdateOrganizationNameReply, who: Member
        }
        /// Change the plan of an organization.
        UpdateOrganizationPlan: POST "/v1/organizations/{id}/plan" {
            path: OrganizationPath, body: UpdateOrganizationPlanRequest, reply: UpdateOrganizationPlanReply, who: Member
        }
        /// Reactivate an organization.
        ReactivateOrganization: POST "/v1/organizations/{id}/reactivate" {
            path: OrganizationPath, body: Empty, reply: ReactivateOrganizationReply, who: Member, needs: Exists
        }
        /// Replace the answers given at signup.
        UpsertSignupQualification: POST "/v1/organizations/{id}/signup_qualification" {
            path: OrganizationPath, body: UpsertSignupQualificationRequest, reply: UpsertSignupQualificationReply,
            who: Member
        }
        /// Open a session in an organization.
        ///
        /// A new session for the same person; the presented token stays as it is.
        SwitchOrganization: POST "/v1/organizations/{id}/switch" {
            path: OrganizationPath, body: Empty, reply: LoginReply, who: User, needs: Readable
        }
        /// Open a session without an organization.
        UnscopeOrganizationToken: POST "/v1/unscope_organization_token" {
            body: Empty, reply: LoginReply, who: User
        }
        /// Get the budget of an organization, and what it spent in the current billing period.
        ///
        /// Without a budget the amount is `"0"` and there are no thresholds.
        GetBudget: GET "/v1/organizations/{organization_id}/budget" {
            path: ByOrganizationPath, reply: GetBudgetReply, who: Member
        }
        /// Set a budget where there is none.
        CreateBudget: POST "/v1/organizations/{organization_id}/budget" {
            path: ByOrganizationPath, body: BudgetRequest, reply: CreateBudgetReply, who: Member
        }
        /// Set the budget, whether or not there is one.
        UpdateBudget: PUT "/v1/organizations/{organization_id}/budget" {
            path: ByOrganizationPath, body: BudgetRequest, reply: UpdateBudgetReply, who: Member
        }
        /// Remove the budget.
        DeleteBudget: DELETE "/v1/organizations/{organization_id}/budget" {
            path: ByOrganizationPath, reply: Empty, who: Member
        }
        /// Get the GitHub installation of the current organization.
        GetGithubInstallation: GET "/v1/github/installation" {
            reply: GetGithubInstallationReply, who: Member
        }
        /// Start a GitHub installation.
        GithubInstallation: POST "/v1/github/installation" {
            body: GithubInstallationRequest, reply: GithubInstallationReply, who: Member
        }
    }

    tag "session" {
        /// Sign up with an e-mail address and a password.
        Signup: POST "/v1/account/signup" {
            body: CreateAccountRequest, reply: LoginReply, who: Anyone, rate: Guarded
        }
        /// Log in.
        Login: POST "/v1/account/login" {
            body: LoginRequest, reply: LoginReply, who: Anyone, rate: Guarded
        }
        /// Log out: the presented session ends.
        Logout: DELETE "/v1/account/logout" { reply: Empty, who: User }
        /// Open a new session like the presented one.
        RefreshToken: PUT "/v1/account/refresh" { body: Empty, reply: LoginReply, who: User }
        /// Open a session without an organization.
        NewSession: POST "/v1/account/session" { body: Empty, reply: LoginReply, who: User }
        /// Which way an address logs in.
        LoginMethod: GET "/v1/account/login_method" {
            query: LoginMethodQuery, reply: LoginMethodReply, who: Anyone
        }
        /// Confirm an e-mail address with the id from the mail.
        ///
        /// One that is to take the place of another takes a token of the person.
        Validate: POST "/v1/account/validate/{id}" {
            path: LinkPath, body: Empty, reply: LoginReply, who: Anyone, rate: Guarded, optional_token: true
        }
        /// Send the confirmation mail once more.
        ResendEmailValidation: POST "/v1/account/resend_validation" {
            body: Empty, reply: Empty, who: User, rate: Guarded
        }
        /// Ask for a mail with which to choose a new password.
        ///
        /// The reply is the same whether or not the address has an account.
        ResetPassword: POST "/v1/account/reset_password" {
            body: ResetPasswordRequest, reply: Empty, who: Anyone, rate: Guarded
        }
        /// Choose a new password with the id from the mail.
        UpdatePassword: POST "/v1/account/update_password" {
            body: UpdatePasswordRequest, reply: LoginReply, who: Anyone, rate: Guarded
        }
        /// List the providers one can sign in with.
        GetOAuthOptions: GET "/v1/account/oauth" {
            query: OAuthOptionsQuery, reply: GetOAuthOptionsReply, who: Anyone
        }
        /// Finish signing in with a provider, or a GitHub installation.
        ///
        /// An installation takes a token of who started it.
        OAuthCallback: POST "/v1/account/oauth" {
            body: OAuthCallbackRequest, reply: OAuthCallbackReply, who: Anyone, rate: Guarded, optional_token: true
        }
    }

    tag "account" {
        /// Get the person the token acts for.
        GetCurrentUser: GET "/v1/account/profile" { reply: UserReply, who: User }
        /// Update the person the token acts for.
        ///
        /// A new address or password needs `current_password`.
        UpdateUser: PUT "/v1/account/profile" {
            query: MaskQuery, body: UserPatch, reply: UserReply, who: User, rate: Guarded
        }
        /// Update the person the token acts for.
        UpdateUser2: PATCH "/v1/account/profile" {
            query: MaskQuery, body: UserPatch, reply: UserReply, who: User, rate: Guarded
        }
        /// Update the person the token acts for.
        UpdateUserV2: PUT "/v2/account/profile" {
            query: MaskQuery, body: UserPatch, reply: UserReply, who: User, rate: Guarded
        }
        /// Update the person the token acts for.
        UpdateUserV22: PATCH "/v2/account/profile" {
            query: MaskQuery, body: UserPatch, reply: UserReply, who: User, rate: Guarded
        }
        /// Get the notification settings of the person.
        GetUserSettings: GET "/v1/account/settings" { reply: UserSettingsReply, who: User }
        /// Change the notification settings of the person.
        UpdateUserSettings: PATCH "/v1/account/settings" {
            body: UpdateUserSettingsRequest, reply: UserSettingsReply, who: User
        }
        /// Get the organization the token is scoped to.
        GetCurrentOrganization: GET "/v1/account/organization" {
            reply: GetOrganizationReply, who: Token, needs: Readable
        }
        /// List the organizations the person is a member of.
        ListUserOrganizations: GET "/v1/account/organizations" {
            query: ListUserOrganizationsQuery, reply: ListUserOrganizationsReply, who: User, needs: Readable,
            paging: HasNext
        }
        /// List the invitations sent to the person.
        ListUserOrganizationInvitations: GET "/v1/account/organization_invitations" {
            query: ListUserOrganizationInvitationsQuery, reply: ListOrganizationInvitationsReply, who: User,
            paging: Count
        }
        /// Get an invitation sent to the person.
        GetUserOrganizationInvitation: GET "/v1/account/organization_invitations/{id}" {
            path: InvitationPath, reply: OrganizationInvitationReply, who: User
        }
        /// Accept an invitation: the person becomes a member.
        AcceptOrganizationInvitation: POST "/v1/account/organization_invitations/{id}/accept" {
            path: InvitationPath, body: Empty, reply: OrganizationInvitationReply, who: User
        }
        /// Decline an invitation.
        DeclineOrganizationInvitation: POST "/v1/account/organization_invitations/{id}/decline" {
            path: InvitationPath, body: Empty, reply: OrganizationInvitationReply, who: User
        }
        /// List what the person did.
        GetAccountActivities: GET "/v1/account/activities" {
            query: CursorPageQuery, reply: ActivityList, who: User, paging: HasNext
        }
        /// Delete one's own account. The person must have left every organization.
        DeleteUser: DELETE "/v1/users/{id}" { path: UserPath, reply: DeleteUserReply, who: User }
        /// Delete one's own account. The person must have left every organization.
        DeleteUserV2: DELETE "/v2/users/{id}" { path: UserPath, reply: DeleteUserReply, who: User }
    }

    tag "member" {
        /// List members: of an organization, or the memberships of the caller.
        ListOrganizationMembers: GET "/v1/organization_members" {
            query: ListOrganizationMembersQuery, reply: ListOrganizationMembersReply, who: Token, needs: Readable,
            paging: Count
        }
        /// Remove a member, or leave. The last member cannot be removed.
        RemoveOrganizationMember: DELETE "/v1/organization_members/{id}" {
            path: MemberPath, reply: RemoveOrganizationMemberReply, who: Member
        }
    }

    tag "invitation" {
        /// List the invitations of the current organization.
        ListOrganizationInvitations: GET "/v1/organization_invitations" {
            query: ListOrganizationInvitationsQuery, reply: ListOrganizationInvitationsReply, who: Member, paging: Count
        }
        /// Invite an e-mail address into the current organization.
        CreateOrganizationInvitation: POST "/v1/organization_invitations" {
            body: CreateOrganizationInvitationRequest, reply: OrganizationInvitationReply, who: Member, rate: Guarded
        }
        /// Get an invitation.
        GetOrganizationInvitation: GET "/v1/organization_invitations/{id}" {
            path: InvitationPath, reply: OrganizationInvitationReply, who: Member
        }
        /// Withdraw an invitation.
        DeleteOrganizationInvitation: DELETE "/v1/organization_invitations/{id}" {
            path: InvitationPath, reply: Empty, who: Member
        }
        /// Send an invitation once more; its time starts anew.
        ResendOrganizationInvitation: POST "/v1/organization_invitations/{id}/resend" {
            path: InvitationPath, body: Empty, reply: OrganizationInvitationReply, who: Member, rate: Guarded
        }
        /// Confirm an action with the id from the mail.
        ConfirmOrganizationAction: POST "/v1/organization_confirmations/{id}" {
            path: LinkPath, body: Empty, reply: Empty, who: User, needs: Exists
        }
    }

    tag "credential" {
        /// List credentials.
        ListCredentials: GET "/v1/credentials" {
            query: ListCredentialsQuery, reply: ListCredentialsReply, who: Token, paging: Count
        }
        /// Create a credential. Its token is in this reply and in no other.
        CreateCredential: POST "/v1/credentials" {
            body: CreateCredentialRequest, reply: CredentialReply, who: Token
        }
        /// Get a credential.
        GetCredential: GET "/v1/credentials/{id}" { path: CredentialPath, reply: CredentialReply, who: Token }
        /// Delete a credential: it stops working at once.
        DeleteCredential: DELETE "/v1/credentials/{id}" { path: CredentialPath, reply: Empty, who: Token }
        /// Update the name or the description of a credential.
        UpdateCredential: PUT "/v1/credentials/{id}" {
            path: CredentialPath, query: MaskQuery, body: CredentialPatch, reply: CredentialReply, who: Token
        }
        /// Update the name or the description of a credential.
        UpdateCredential2: PATCH "/v1/credentials/{id}" {
            path: CredentialPath, query: MaskQuery, body: CredentialPatch, reply: CredentialReply, who: Token
        }
    }

    tag "project" {
        /// List the projects of the current organization.
        ListProjects: GET "/v1/projects" {
            query: ListProjectsQuery, reply: ListProjectsReply, who: Member, paging: Plain
        }
        /// Create a project in the current organization.
        CreateProject: POST "/v1/projects" { body: CreateProjectRequest, reply: ProjectReply, who: Member }
        /// Get a project.
        GetProject: GET "/v1/projects/{id}" { path: ProjectPath, reply: ProjectReply, who: Member }
        /// Delete a project that is not the default one.
        DeleteProject: DELETE "/v1/projects/{id}" { path: ProjectPath, reply: Empty, who: Member }
        /// Update a project.
        UpdateProject: PUT "/v1/projects/{id}" {
            path: ProjectPath, query: MaskQuery, body: ProjectPatch, reply: ProjectReply, who: Member
        }
        /// Update a project.
        UpdateProject2: PATCH "/v1/projects/{id}" {
            path: ProjectPath, query: MaskQuery, body: ProjectPatch, reply: ProjectReply, who: Member
        }
        /// List apps: always empty, so that command-line clients can find out whom they act for.
        ListApps: GET "/v1/apps" { query: ListAppsQuery, reply: ListAppsReply, who: Member, paging: Count }
    }

    tag "activity" {
        /// List what happened in the current organization.
        ListActivities: GET "/v1/activities" {
            query: ListActivitiesQuery, reply: ActivityList, who: Member, paging: HasNext
        }
        /// List notifications of the person in the current organization.
        ListNotifications: GET "/v1/notifications" {
            query: ListNotificationsQuery, reply: NotificationList, who: User, paging: Count
        }
        /// List the events of the current organization, the oldest first.
        ///
        /// Behind a cursor no event is missed and none comes twice. With `wait` the reply comes with the
        /// next event. With `Accept: text/event-stream` it is a stream of them that goes on until the
        /// token ends; the id of each is the cursor behind it, and `Last-Event-ID` counts as `after`.
        ListEvents: GET "/v1/events" { query: ListEventsQuery, reply: EventList, who: Member }
        /// List the types of events there are, with the schema of their details.
        ListEventTypes: GET "/v1/event_types" { reply: EventTypeList, who: Anyone }
    }

    tag "quota" {
        /// Get the quotas of an organization.
        GetQuotas: GET "/v1/organizations/{organization_id}/quotas" {
            path: ByOrganizationPath, reply: GetQuotasReply, who: Member
        }
        /// Get a summary of what an organization uses.
        GetOrganizationSummary: GET "/v1/organizations/{organization_id}/summary" {
            path: ByOrganizationPath, reply: GetOrganizationSummaryReply, who: Member
        }
        /// Get the limits of an organization beside what it uses of them; what runs elsewhere is not counted here.
        GetOrganizationQuotasUsage: GET "/v1/quotas/organizations/{organization_id}/usage" {
            path: ByOrganizationPath, reply: GetOrganizationQuotasUsageReply, who: Member
        }
        /// Whether there is capacity for a plan.
        ReviewOrganizationCapacity: POST "/v1/quotas/capacity" {
            body: ReviewOrganizationCapacityRequest, reply: ReviewOrganizationCapacityReply, who: Token
        }
    }

    tag "billing" {
        /// Get a subscription.
        GetSubscription: GET "/v1/subscriptions/{id}" {
            path: SubscriptionPath, reply: GetSubscriptionReply, who: Member
        }
        /// List the payment methods of the current organization.
        ListPaymentMethods: GET "/v1/payment_methods" {
            query: ListPaymentMethodsQuery, reply: ListPaymentMethodsReply, who: Member, paging: Count
        }
        /// Start to add a payment method.
        CreatePaymentAuthorization: POST "/v1/payment_methods" {
            body: Empty, reply: PaymentMethodReply, who: Member
        }
        /// Get a payment method.
        GetPaymentMethod: GET "/v1/payment_methods/{id}" {
            path: PaymentMethodPath, reply: PaymentMethodReply, who: Member
        }
        /// Remove a payment method.
        DeletePaymentMethod: DELETE "/v1/payment_methods/{id}" { path: PaymentMethodPath, reply: Empty, who: Member }
        /// Finish adding a payment method.
        ConfirmPaymentAuthorization: POST "/v1/payment_methods/{id}/confirm" {
            path: PaymentMethodPath, body: Empty, reply: PaymentMethodReply, who: Member
        }
        /// Whether the current organization has unpaid invoices.
        HasUnpaidInvoices: GET "/v1/billing/has_unpaid_invoices" {
            reply: HasUnpaidInvoicesReply, who: Member, needs: Exists
        }
        /// Where the current organization manages its billing.
        Manage: GET "/v1/billing/manage" { reply: ManageReply, who: Member }
        /// Preview the next invoice of the current organization.
        NextInvoice: GET "/v1/billing/next_invoice" { reply: NextInvoiceReply, who: Member }
        /// Get the usage of the current organization.
        GetOrganizationUsage: GET "/v1/usages" {
            query: UsageQuery, reply: GetOrganizationUsageReply, who: Member
        }
        /// Get the usage of the current organization, item by item.
        GetOrganizationUsageDetails: GET "/v1/usages/details" {
            query: UsageDetailsQuery, reply: GetOrganizationUsageDetailsReply, who: Member, paging: Count
        }
        /// Redeem a coupon for the current organization.
        RedeemCoupon: POST "/v1/coupons" { body: RedeemCouponRequest, reply: Empty, who: Member, rate: Scarce }
        /// Look at a coupon.
        CheckCoupon: GET "/v1/coupons/{code}" {
            path: CouponPath, reply: CheckCouponReply, who: Token, rate: Scarce
        }
    }

    tag "test" {
        /// Answers `{}` to anybody.
        TestAnon: GET "/v1/test/anon" { reply: Empty, who: Anyone }
        /// Echoes a payload and tells whom the token acts for.
        TestAuth: POST "/v1/test/auth" { body: TestAuthRequest, reply: TestAuthReply, who: Token }
    }

    tag "operator" {
        /// List and search all organizations.
        OperatorListOrganizations: GET "/operator/v1/organizations" {
            query: OperatorListOrganizationsQuery, reply: OperatorListOrganizationsReply, who: Operator, paging: HasNext
        }
        /// Get any organization, with what only the operator sees.
        OperatorGetOrganization: GET "/operator/v1/organizations/{id}" {
            path: OrganizationPath, reply: OperatorOrganizationReply, who: Operator
        }
        /// Lock an organization: its tokens get 403 until it is unlocked.
        OperatorLockOrganization: POST "/operator/v1/organizations/{id}/lock" {
            path: OrganizationPath, body: OperatorReasonRequest, reply: OperatorOrganizationReply, who: Operator
        }
        /// Unlock an organization.
        OperatorUnlockOrganization: POST "/operator/v1/organizations/{id}/unlock" {
            path: OrganizationPath, body: OperatorReasonRequest, reply: OperatorOrganizationReply, who: Operator
        }
        /// Mark an organization as reviewed.
        OperatorVerifyOrganization: POST "/operator/v1/organizations/{id}/verify" {
            path: OrganizationPath, body: Empty, reply: OperatorOrganizationReply, who: Operator
        }
        /// Put an organization on any plan.
        OperatorSetPlan: POST "/operator/v1/organizations/{id}/plan" {
            path: OrganizationPath, body: OperatorPlanRequest, reply: OperatorOrganizationReply, who: Operator
        }
        /// Override quotas of an organization.
        OperatorSetQuotas: PUT "/operator/v1/organizations/{id}/quotas" {
            path: OrganizationPath, body: QuotaOverrides, reply: GetQuotasReply, who: Operator
        }
        /// List what happened anywhere.
        OperatorListActivities: GET "/operator/v1/activities" {
            query: OperatorListActivitiesQuery, reply: ActivityList, who: Operator, paging: HasNext
        }
        /// List the events of all organizations, the oldest first; see `ListEvents`.
        OperatorListEvents: GET "/operator/v1/events" { query: ListEventsQuery, reply: EventList, who: Operator }
        /// List coupons.
        OperatorListCoupons: GET "/operator/v1/coupons" {
            query: CursorPageQuery, reply: OperatorListCouponsReply, who: Operator, paging: HasNext
        }
        /// Define a coupon.
        OperatorCreateCoupon: POST "/operator/v1/coupons" {
            body: OperatorCreateCouponRequest, reply: OperatorCouponReply, who: Operator
        }
        /// Withdraw a coupon; what was redeemed stays redeemed.
        OperatorDeleteCoupon: DELETE "/operator/v1/coupons/{id}" {
            path: OperatorCouponPath, reply: Empty, who: Operator
        }
    }
}

/// Every operation, in the order of the table.
pub const ALL: &[Meta] = &joined::<{ ROWS.len() + METERING_ROWS.len() + WEBHOOK_ROWS.len() + GIT_ROWS.len() }>(&[
    ROWS,
    METERING_ROWS,
    WEBHOOK_ROWS,
    GIT_ROWS,
]);

/// The rows of several files as one list.
#[expect(clippy::indexing_slicing, reason = "runs in a const: an index out of range would not compile")]
const fn joined<const N: usize>(parts: &[&[Meta]]) -> [Meta; N] {
    let mut all = [parts[0][0]; N];
    let (mut part, mut row, mut n) = (0, 0, 0);
    while part < parts.len() {
        if row == parts[part].len() {
            (part, row) = (part + 1, 0);
            continue;
        }
        all[n] = parts[part][row];
        (row, n) = (row + 1, n + 1);
    }
    all
}
