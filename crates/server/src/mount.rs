//! Which function carries out which row of the operation table. A row without
//! a function stops the start, and so does a row with two.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request as HttpRequest};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use polity_api::operation::{Meta, Operation};
use polity_api::table::*;
use polity_api::types::event::ListEventsQuery;
use polity_ops::{
    Call, Ctx, Request, access_tokens, accounts, activities, billing, billing_periods, budgets, coupons, credentials,
    deactivations, feed, github, invitations, leases, members, metering, metering_keys, operator, organizations, plans,
    probes, projects, quotas, sessions, usages, users, webhooks,
};

use crate::app::App;
use crate::error::Error;
use crate::handler::{self, Mounted, Run};
use crate::{reply, stream};

/// The routes of all operations.
///
/// # Errors
/// When the table and the functions differ.
pub(crate) fn operations(app: &Arc<App>) -> Result<Router, Error> {
    let mut mount = Mount { app: app.clone(), router: Router::new(), mounted: BTreeSet::new() };
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
        None => Ok(mount.router),
    }
}

fn organization(mount: &mut Mount) -> Result<(), Error> {
    mount.add::<CreateOrganization, _>(organizations::create)?;
    mount.add::<GetOrganization, _>(organizations::get)?;
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
    mount.add::<GetCurrentOrganization, _>(organizations::current)?;
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

/// The routes so far.
struct Mount {
    app: Arc<App>,
    router: Router,
    mounted: BTreeSet<&'static str>,
}

impl Mount {
    /// Has `function` carry out the operation `O`.
    fn add<O, F>(&mut self, function: fn(Ctx, Request<O>) -> F) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        let json = Arc::new(self.mounted::<O>(reply::JSON, handler::erase(function))?);
        self.route(json.meta, move |app, request| {
            let json = json.clone();
            async move { handler::answer(&app, &json, request).await }
        })
    }

    /// The same for one that reads its body itself, up to so many bytes.
    fn add_raw<O, F>(&mut self, limit: usize, function: fn(Ctx, Call, String, Bytes) -> F) -> Result<(), Error>
    where
        O: Operation,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        let json = self.mounted::<O>(reply::JSON, handler::erase_raw(function))?;
        let json = Arc::new(Mounted { body_limit_bytes: limit, ..json });
        self.route(json.meta, move |app, request| {
            let json = json.clone();
            async move { handler::answer(&app, &json, request).await }
        })
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
        let json = Arc::new(self.mounted::<O>(reply::JSON, handler::erase(function))?);
        let csv = Arc::new(Mounted { run: handler::erase_text(csv), content_type: "text/csv; charset=utf-8", ..*json });
        self.route(json.meta, move |app, request| {
            let wanted = if handler::accepts(request.headers(), "text/csv") { csv.clone() } else { json.clone() };
            async move { handler::answer(&app, &wanted, request).await }
        })
    }

    /// The same for a feed, which is also a stream.
    fn add_feed<O, F>(&mut self, function: fn(Ctx, Request<O>) -> F) -> Result<(), Error>
    where
        O: Operation<Query = ListEventsQuery>,
        F: Future<Output = polity_ops::Result<O::Reply>> + Send + 'static,
    {
        let json = Arc::new(self.mounted::<O>(reply::JSON, handler::erase(function))?);
        self.route(json.meta, move |app, request| {
            let json = json.clone();
            async move {
                match handler::accepts(request.headers(), stream::CONTENT_TYPE) {
                    true => stream::answer::<O>(&app, json.meta, request).await,
                    false => handler::answer(&app, &json, request).await,
                }
            }
        })
    }

    /// The row of an operation, which gets what carries it out.
    fn mounted<O: Operation>(&mut self, content_type: &'static str, run: Run) -> Result<Mounted, Error> {
        let id = O::META.id;
        let unknown = || Error::Mount(format!("{id} is not in the table"));
        let meta = ALL.iter().find(|meta| meta.id == id).ok_or_else(unknown)?;
        if !self.mounted.insert(id) {
            return Err(Error::Mount(format!("{id} has two functions")));
        }
        Ok(Mounted { meta, run, content_type, body_limit_bytes: self.app.body_limit_bytes })
    }

    fn route<F>(
        &mut self,
        meta: &'static Meta,
        answer: impl Fn(Arc<App>, HttpRequest<Body>) -> F + Clone + Send + Sync + 'static,
    ) -> Result<(), Error>
    where
        F: Future<Output = axum::response::Response> + Send + 'static,
    {
        let method = Method::from_bytes(meta.method.as_bytes()).ok();
        let method = method.and_then(|method| MethodFilter::try_from(method).ok());
        let method = method.ok_or_else(|| Error::Mount(format!("{} has an unknown method", meta.id)))?;
        let app = self.app.clone();
        let answer = move |request| answer(app, request);
        self.router = std::mem::take(&mut self.router).route(meta.path, on(method, answer));
        Ok(())
    }
}
