//! Which function carries out which row of the operation table. A row without
//! a function stops the start, and so does a row with two.

use std::collections::BTreeSet;
use std::future::Future;

use bytes::Bytes;
use polity_api::operation::{Operation, Rate};
use polity_api::table::*;
use polity_api::types::event::ListEventsQuery;
use polity_ops::{
    Based, Call, Ctx, Request, access_tokens, accounts, activities, billing, billing_periods, budgets, coupons,
    credentials, deactivations, feed, github, invitations, leases, members, metering, metering_keys, operator,
    organizations, plans, probes, projects, quotas, sessions, usages, users, webhooks,
};

use crate::app::App;
use crate::error::Error;
use crate::handler::{self, Run};
use crate::metrics::Series;
use crate::operations::{Mounted, Other};
use crate::stream;

/// All operations, with what carries them out.
///
/// # Errors
/// When the table and the functions differ.
pub(crate) fn operations(app: &App) -> Result<Vec<Mounted>, Error> {
    let mut mount = Mount { body_limit_bytes: app.body_limit_bytes, rows: Vec::new(), mounted: BTreeSet::new() };
    organization(&mut mount)?;
    session(&mut mount)?;
    account(&mut mount)?;
    member(&mut mount)?;
    invitation(&mut mount)?;
    credential(&mut mount)?;
    project(&mut mount)?;
    activity(&mut mount)?;
    quota(&mut mount)?;
    billing(&mut mount)?;
    webhook(&mut mount)?;
    git(&mut mount)?;
    test(&mut mount)?;
    metering(&mut mount)?;
    operator(&mut mount)?;
    match ALL.iter().find(|meta| !mount.mounted.contains(meta.id)) {
        Some(missing) => Err(Error::Mount(format!("{} has no function", missing.id))),
        None => Ok(mount.rows),
    }
}

fn organization(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<CreateOrganization, _>(organizations::create)?;
    mount.add_kept::<GetOrganization, _>(organizations::get)?;
    mount.add::<DeleteOrganization, _>(deactivations::delete)?;
    mount.add::<UpdateOrganization, _>(organizations::update)?;
    mount.add::<UpdateOrganization2, _>(organizations::update)?;
    mount.add::<CreateAccessToken, _>(access_tokens::create)?;
    mount.add::<DeactivateOrganization, _>(deactivations::deactivate)?;
    mount.add::<UpdateOrganizationDefaultProject, _>(organizations::update_default_project)?;
    mount.add::<UpdateOrganizationName, _>(organizations::update_name)?;
    mount.add::<UpdateOrganizationPlan, _>(plans::update)?;
    mount.add::<ReactivateOrganization, _>(deactivations::reactivate)?;
    mount.add::<UpsertSignupQualification, _>(organizations::upsert_signup_qualification)?;
    mount.add::<SwitchOrganization, _>(sessions::switch)?;
    mount.add::<UnscopeOrganizationToken, _>(sessions::unscope)?;
    mount.add::<GetBudget, _>(budgets::get)?;
    mount.add::<CreateBudget, _>(budgets::create)?;
    mount.add::<UpdateBudget, _>(budgets::update)?;
    mount.add::<DeleteBudget, _>(budgets::delete)?;
    mount.add::<GetGithubInstallation, _>(github::get)?;
    mount.add::<GithubInstallation, _>(github::flow::start)
}

fn session(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<Signup, _>(sessions::signup)?;
    mount.add::<Login, _>(sessions::login)?;
    mount.add::<Logout, _>(sessions::logout)?;
    mount.add::<RefreshToken, _>(sessions::refresh)?;
    mount.add::<NewSession, _>(sessions::unscope)?;
    mount.add::<LoginMethod, _>(sessions::login_method)?;
    mount.add::<Validate, _>(accounts::validate)?;
    mount.add::<ResendEmailValidation, _>(accounts::resend_validation)?;
    mount.add::<ResetPassword, _>(accounts::reset_password)?;
    mount.add::<UpdatePassword, _>(accounts::update_password)?;
    mount.add::<GetOAuthOptions, _>(github::signin::options)?;
    mount.add::<OAuthCallback, _>(github::flow::oauth_callback)
}

fn account(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<GetCurrentUser, _>(users::get)?;
    mount.add::<UpdateUser, _>(users::update)?;
    mount.add::<UpdateUser2, _>(users::update)?;
    mount.add::<UpdateUserV2, _>(users::update)?;
    mount.add::<UpdateUserV22, _>(users::update)?;
    mount.add::<GetUserSettings, _>(users::get_settings)?;
    mount.add::<UpdateUserSettings, _>(users::update_settings)?;
    mount.add_kept::<GetCurrentOrganization, _>(organizations::current)?;
    mount.add::<ListUserOrganizations, _>(organizations::list)?;
    mount.add::<ListUserOrganizationInvitations, _>(invitations::list_received)?;
    mount.add::<GetUserOrganizationInvitation, _>(invitations::get_received)?;
    mount.add::<AcceptOrganizationInvitation, _>(invitations::accept)?;
    mount.add::<DeclineOrganizationInvitation, _>(invitations::decline)?;
    mount.add::<GetAccountActivities, _>(activities::list_account)?;
    mount.add::<DeleteUser, _>(users::delete)?;
    mount.add::<DeleteUserV2, _>(users::delete)
}

fn member(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListOrganizationMembers, _>(members::list)?;
    mount.add::<RemoveOrganizationMember, _>(members::remove)
}

fn invitation(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListOrganizationInvitations, _>(invitations::list)?;
    mount.add::<CreateOrganizationInvitation, _>(invitations::create)?;
    mount.add::<GetOrganizationInvitation, _>(invitations::get)?;
    mount.add::<DeleteOrganizationInvitation, _>(invitations::delete)?;
    mount.add::<ResendOrganizationInvitation, _>(invitations::resend)?;
    mount.add::<ConfirmOrganizationAction, _>(deactivations::confirm)
}

fn credential(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListCredentials, _>(credentials::list)?;
    mount.add::<CreateCredential, _>(credentials::create)?;
    mount.add::<GetCredential, _>(credentials::get)?;
    mount.add::<DeleteCredential, _>(credentials::delete)?;
    mount.add::<UpdateCredential, _>(credentials::update)?;
    mount.add::<UpdateCredential2, _>(credentials::update)
}

fn project(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListProjects, _>(projects::list)?;
    mount.add::<CreateProject, _>(projects::create)?;
    mount.add::<GetProject, _>(projects::get)?;
    mount.add::<DeleteProject, _>(projects::delete)?;
    mount.add::<UpdateProject, _>(projects::update)?;
    mount.add::<UpdateProject2, _>(projects::update)?;
    mount.add::<ListApps, _>(projects::list_apps)
}

fn activity(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListActivities, _>(activities::list)?;
    mount.add::<ListNotifications, _>(activities::list_notifications)?;
    mount.add_feed::<ListEvents, _>(feed::list)?;
    mount.add::<ListEventTypes, _>(feed::list_types)
}

fn quota(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<GetQuotas, _>(quotas::get)?;
    mount.add::<GetOrganizationSummary, _>(quotas::summary)?;
    mount.add::<GetOrganizationQuotasUsage, _>(quotas::usage)?;
    mount.add::<ReviewOrganizationCapacity, _>(quotas::review_capacity)
}

fn billing(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<GetSubscription, _>(billing::get_subscription)?;
    mount.add::<ListPaymentMethods, _>(billing::list_payment_methods)?;
    mount.add::<CreatePaymentAuthorization, _>(billing::create_payment_method)?;
    mount.add::<GetPaymentMethod, _>(billing::get_payment_method)?;
    mount.add::<DeletePaymentMethod, _>(billing::delete_payment_method)?;
    mount.add::<ConfirmPaymentAuthorization, _>(billing::confirm_payment_method)?;
    mount.add::<HasUnpaidInvoices, _>(billing::has_unpaid_invoices)?;
    mount.add::<Manage, _>(billing::manage)?;
    mount.add::<NextInvoice, _>(usages::next_invoice)?;
    mount.add::<GetOrganizationUsage, _>(usages::get)?;
    mount.add_csv::<GetOrganizationUsageDetails, _, _>(usages::details, usages::csv)?;
    mount.add::<RedeemCoupon, _>(coupons::redeem)?;
    mount.add::<CheckCoupon, _>(coupons::check)
}

fn webhook(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListWebhooks, _>(webhooks::list)?;
    mount.add::<CreateWebhook, _>(webhooks::create)?;
    mount.add::<GetWebhook, _>(webhooks::get)?;
    mount.add::<UpdateWebhook, _>(webhooks::update)?;
    mount.add::<DeleteWebhook, _>(webhooks::delete)?;
    mount.add::<RotateWebhookSecret, _>(webhooks::rotate)?;
    mount.add::<TestWebhook, _>(webhooks::deliveries::test)?;
    mount.add::<ListWebhookDeliveries, _>(webhooks::deliveries::list)?;
    mount.add::<ReplayWebhookDelivery, _>(webhooks::deliveries::replay)?;
    mount.add::<OperatorListWebhooks, _>(webhooks::list)?;
    mount.add::<OperatorCreateWebhook, _>(webhooks::create)?;
    mount.add::<OperatorGetWebhook, _>(webhooks::get)?;
    mount.add::<OperatorUpdateWebhook, _>(webhooks::update)?;
    mount.add::<OperatorDeleteWebhook, _>(webhooks::delete)?;
    mount.add::<OperatorRotateWebhookSecret, _>(webhooks::rotate)?;
    mount.add::<OperatorTestWebhook, _>(webhooks::deliveries::test)?;
    mount.add::<OperatorListWebhookDeliveries, _>(webhooks::deliveries::list)?;
    mount.add::<OperatorReplayWebhookDelivery, _>(webhooks::deliveries::replay)
}

fn git(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<ListRepositories, _>(github::repositories::list)?;
    mount.add::<ListBranches, _>(github::repositories::list_branches)?;
    mount.add::<ResyncOrganization, _>(github::repositories::resync)?;
    mount.add::<CreateGithubInstallationToken, _>(github::token::create)
}

fn test(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<TestAnon, _>(probes::anon)?;
    mount.add::<TestAuth, _>(probes::auth)
}

fn metering(mount: &mut Mount) -> Result<(), Error> {
    mount.add_raw::<RecordEvents, _>(metering::MAX_BODY_BYTES, metering::record)?;
    mount.add::<CreateLease, _>(leases::create)?;
    mount.add::<GetLease, _>(leases::get)?;
    mount.add::<CommitLease, _>(leases::commit)?;
    mount.add::<ExtendLease, _>(leases::extend)?;
    mount.add::<ReleaseLease, _>(leases::release)
}

fn operator(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<OperatorListMeteringKeys, _>(metering_keys::list)?;
    mount.add::<OperatorCreateMeteringKey, _>(metering_keys::create)?;
    mount.add::<OperatorUpdateMeteringKey, _>(metering_keys::update)?;
    mount.add::<OperatorDeleteMeteringKey, _>(metering_keys::delete)?;
    mount.add::<OperatorSetBillingPeriod, _>(billing_periods::set)?;
    mount.add::<OperatorListOrganizations, _>(operator::list_organizations)?;
    mount.add::<OperatorGetOrganization, _>(operator::get_organization)?;
    mount.add::<OperatorLockOrganization, _>(operator::lock)?;
    mount.add::<OperatorUnlockOrganization, _>(operator::unlock)?;
    mount.add::<OperatorVerifyOrganization, _>(operator::verify)?;
    mount.add::<OperatorSetPlan, _>(operator::set_plan)?;
    mount.add::<OperatorSetQuotas, _>(operator::set_quotas)?;
    mount.add::<OperatorListActivities, _>(operator::list_activities)?;
    mount.add_feed::<OperatorListEvents, _>(feed::operator_list)?;
    mount.add::<OperatorListCoupons, _>(operator::list_coupons)?;
    mount.add::<OperatorCreateCoupon, _>(operator::create_coupon)?;
    mount.add::<OperatorDeleteCoupon, _>(operator::delete_coupon)
}

/// The rows so far.
struct Mount {
    body_limit_bytes: usize,
    rows: Vec<Mounted>,
    mounted: BTreeSet<&'static str>,
}

impl Mount {
    /// Has `function` carry out the operation `O`.
    fn add<O, F>(&mut self, function: fn(Ctx, Request<O>) -> F) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        self.row::<O>(handler::erase(function), None, self.body_limit_bytes)
    }

    /// The same for one whose reply is remembered.
    fn add_kept<O, F>(&mut self, function: fn(Ctx, Request<O>) -> F) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<Based<O::Reply>>> + Send + 'static,
    {
        if O::META.rate != Rate::Free {
            return Err(Error::Mount(format!("{}: nothing counts requests whose reply is remembered", O::META.id)));
        }
        self.row::<O>(handler::erase_kept(function), None, self.body_limit_bytes)?;
        if let Some(row) = self.rows.last_mut() {
            row.is_kept = true;
        }
        Ok(())
    }

    /// The same for one that reads its body itself, up to so many bytes.
    fn add_raw<O, F>(&mut self, limit: usize, function: fn(Ctx, Call, String, Bytes) -> F) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        self.row::<O>(handler::erase_raw(function), None, limit)
    }

    /// The same for one whose reply is also a table of comma-separated values.
    fn add_csv<O, F, G>(
        &mut self,
        function: fn(Ctx, Request<O>) -> F,
        csv: fn(Ctx, Request<O>) -> G,
    ) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
        G: Future<Output = polity_ops::Result<String>> + Send + 'static,
    {
        let csv = Other::Csv(handler::erase_text(csv));
        self.row::<O>(handler::erase(function), Some(csv), self.body_limit_bytes)
    }

    /// The same for a feed, which is also a stream.
    fn add_feed<O, F>(&mut self, function: fn(Ctx, Request<O>) -> F) -> Result<(), Error>
    where
        O: Operation<Query = ListEventsQuery>,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        let events = Other::Events(|app, meta, incoming| Box::pin(stream::answer::<O>(app, meta, incoming)));
        self.row::<O>(handler::erase(function), Some(events), self.body_limit_bytes)
    }

    /// The row of an operation, which gets what carries it out.
    fn row<O: Operation>(&mut self, run: Run, other: Option<Other>, body_limit_bytes: usize) -> Result<(), Error> {
        let id = O::META.id;
        let unknown = || Error::Mount(format!("{id} is not in the table"));
        let meta = ALL.iter().find(|meta| meta.id == id).ok_or_else(unknown)?;
        if !self.mounted.insert(id) {
            return Err(Error::Mount(format!("{id} has two functions")));
        }
        let series = Series::new(meta.id, meta.method);
        self.rows.push(Mounted { meta, run, other, body_limit_bytes, is_kept: false, series });
        Ok(())
    }
}
