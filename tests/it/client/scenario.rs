//! One story in which every operation is called once at least, written once
//! for both clients: `$wait` is `.await` or nothing.

/// Calls every operation. `$client` has no token; `$secret` gives the secret of
/// the last mail to an address, `$settled` waits until an organization has a
/// status or, with `None`, is gone.
macro_rules! scenario {
    ($client:ident, $operator:ident, $secret:ident, $settled:ident, [$($wait:tt)*]) => {{
        use polity_client::types::*;

        let password = || "correct horse battery".to_owned();
        let none = "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11";

        // A person.
        $client.connection().test_anon() $($wait)* .unwrap();
        let ann = "ann@example.com".to_owned();
        let account = CreateAccountRequest { email: ann.clone(), password: password(), name: "Ann".into(), ..Default::default() };
        let token = $client.sessions().signup(&account) $($wait)* .unwrap().token;
        let person = $client.with_token(&token.id).unwrap();
        person.sessions().resend_email_validation() $($wait)* .unwrap();
        $client.sessions().validate(&$secret(&ann) $($wait)*) $($wait)* .unwrap();
        let method = $client.sessions().login_method(&LoginMethodQuery { email: ann.clone() }) $($wait)* .unwrap();
        assert_eq!(method.method, LoginMethod::Koyeb);
        $client.sessions().reset_password(&ResetPasswordRequest { email: ann.clone() }) $($wait)* .unwrap();
        let update = UpdatePasswordRequest { id: $secret(&ann) $($wait)*, password: "another long password".into() };
        $client.sessions().update_password(&update) $($wait)* .unwrap();
        let refused = $client.sessions().login(&LoginRequest { email: ann.clone(), password: password(), ..Default::default() }) $($wait)*;
        assert!(matches!(refused.unwrap_err().status(), Some(400 | 401)), "the old password is no more");
        let login = LoginRequest { email: ann.clone(), password: update.password.clone(), ..Default::default() };
        let token = $client.sessions().login(&login) $($wait)* .unwrap().token;
        assert_eq!(token.organization_id, None);
        let person = $client.with_token(&token.id).unwrap();
        let other = person.sessions().new_session() $($wait)* .unwrap().token;
        let other = $client.with_token(&other.id).unwrap();
        other.sessions().refresh_token() $($wait)* .unwrap();
        other.sessions().logout() $($wait)* .unwrap();
        assert_eq!(other.account().get_current_user() $($wait)* .unwrap_err().status(), Some(401));
        $client.sessions().get_o_auth_options(&OAuthOptionsQuery::default()) $($wait)* .unwrap();
        let refused = $client.sessions().o_auth_callback(&OAuthCallbackRequest { state: "x".into(), ..Default::default() }) $($wait)*;
        assert_eq!(refused.unwrap_err().status(), Some(400));

        // Her account.
        let name = |name: &str| UserPatch { name: Some(name.into()), ..Default::default() };
        let mask = || UpdateMask::of(["name"]);
        person.account().update_user(&name("A"), mask()) $($wait)* .unwrap();
        person.account().update_user2(&name("B"), mask()) $($wait)* .unwrap();
        person.account().update_user_v2(&name("C"), mask()) $($wait)* .unwrap();
        person.account().update_user_v22(&name("Ann Lee"), UpdateMask::default()) $($wait)* .unwrap();
        let me = person.account().get_current_user() $($wait)* .unwrap().user;
        assert_eq!((me.name.as_str(), me.email_validated), ("Ann Lee", true));
        let on = UpdateUserSettingsRequest { failed_deployment_email_notification: Some(false) };
        person.account().update_user_settings(&on) $($wait)* .unwrap();
        let settings = person.account().get_user_settings() $($wait)* .unwrap().settings;
        assert!(!settings.failed_deployment_email_notification);

        // An organization.
        let acme = CreateOrganizationRequest { name: "acme".into() };
        let acme = person.organizations().create_organization(&acme) $($wait)* .unwrap().organization;
        let id = acme.id;
        let mine = person.account().list_user_organizations(&ListUserOrganizationsQuery::default()) $($wait)* .unwrap();
        assert_eq!(mine.organizations[0].id, id);
        let token = person.organizations().switch_organization(id) $($wait)* .unwrap().token;
        let inside = $client.with_token(&token.id).unwrap();
        assert_eq!(inside.account().get_current_organization() $($wait)* .unwrap().organization.id, id);
        assert_eq!(inside.sessions().unscope_organization_token() $($wait)* .unwrap().token.organization_id, None);
        let city = |city: &str| OrganizationPatch { city: Some(city.into()), ..Default::default() };
        inside.organizations().update_organization(id, &city("Oslo"), UpdateMask::default()) $($wait)* .unwrap();
        let changed = inside.organizations().update_organization2(id, &city("Rome"), UpdateMask::of(["city"])) $($wait)* .unwrap();
        assert_eq!(changed.organization.city, "Rome");
        let renamed = UpdateOrganizationNameRequest { name: "acme-inc".into() };
        inside.organizations().update_organization_name(id, &renamed) $($wait)* .unwrap();
        let starter = UpdateOrganizationPlanRequest { plan: Some(Plan::Starter), ..Default::default() };
        let changed = inside.organizations().update_organization_plan(id, &starter) $($wait)* .unwrap().organization;
        assert_eq!((changed.plan, changed.name.as_str()), (Plan::Starter, "acme-inc"));
        let answers = UpsertSignupQualificationRequest { signup_qualification: Some(Default::default()) };
        inside.organizations().upsert_signup_qualification(id, &answers) $($wait)* .unwrap();
        let two_hours = CreateAccessTokenRequest { validity: Some(Duration::from_hours(2)), spend_limit_cents: None };
        let machine = inside.organizations().create_access_token(id, &two_hours) $($wait)* .unwrap().token;
        let machine = $client.with_token(&machine).unwrap();
        assert_eq!(machine.organizations().get_organization(id) $($wait)* .unwrap().organization.id, id);
        let days = CreateAccessTokenRequest { validity: Some(Duration::from_hours(25)), spend_limit_cents: None };
        let error = inside.organizations().create_access_token(id, &days) $($wait)* .unwrap_err();
        assert_eq!((error.status(), error.fields()[0].field.as_str()), (Some(400), "validity"));
        assert!(error.request_id().is_some() && !error.is_retryable());
        let echo = machine.connection().test_auth(&TestAuthRequest { payload: "hi".into() }) $($wait)* .unwrap();
        assert_eq!((echo.payload.as_str(), echo.user_id, echo.organization_id), ("hi", None, Some(id)));

        // What it may spend.
        let budget = |cents| BudgetRequest { amount: Some(Cents(cents)), ..BudgetRequest::default() };
        inside.budgets().create_budget(id, &budget(2_000)) $($wait)* .unwrap();
        inside.budgets().update_budget(id, &budget(5_000)) $($wait)* .unwrap();
        assert_eq!(inside.budgets().get_budget(id) $($wait)* .unwrap().budget.amount, Cents(5_000));
        inside.budgets().delete_budget(id) $($wait)* .unwrap();
        assert_eq!(inside.budgets().get_budget(id) $($wait)* .unwrap().budget.amount, Cents(0));

        // What sources of the platform report that it spends.
        let edge = OperatorCreateMeteringKeyRequest { name: "edge".into(), ..Default::default() };
        let key = $operator.operator().operator_create_metering_key(&edge) $($wait)* .unwrap().metering_key;
        let cap = OperatorUpdateMeteringKeyRequest { unleased_cap_microcents: Some(Int64(7)), ..Default::default() };
        let capped = $operator.operator().operator_update_metering_key(key.id, &cap) $($wait)* .unwrap().metering_key;
        assert_eq!((capped.name.as_str(), capped.unleased_cap_microcents, capped.token.as_str()), ("edge", Int64(7), ""));
        let listed = $operator.operator().operator_list_metering_keys(&Default::default()) $($wait)* .unwrap();
        assert_eq!(listed.metering_keys, [capped]);
        let source = $client.with_token(&key.token).unwrap();
        let event = MeteringEvent {
            source: "edge".into(), id: "1".into(), organization_id: Some(id), amount_microcents: Some(Int64(30)), ..Default::default()
        };
        let events = RecordEventsRequest { events: vec![event.clone(), event] };
        let recorded = source.metering().record_events(&events) $($wait)* .unwrap();
        assert_eq!((recorded.accepted, recorded.duplicates, recorded.rejected), (1, 1, 0));
        assert_eq!(recorded.results[1].status, EventStatus::Duplicate);
        let slice = CreateLeaseRequest { organization_id: Some(id), amount_microcents: Some(Int64(50)), ..Default::default() };
        let lease = source.metering().create_lease(&slice) $($wait)* .unwrap().lease;
        let longer = ExtendLeaseRequest { ttl: Some(Duration::from_hours(1)) };
        assert!(source.metering().extend_lease(lease.id, &longer) $($wait)* .unwrap().lease.expires_at > lease.expires_at);
        let used = CommitLeaseRequest { amount_microcents: Some(Int64(12)) };
        assert_eq!(source.metering().commit_lease(lease.id, &used) $($wait)* .unwrap().lease.status, "COMMITTED");
        assert_eq!(source.metering().get_lease(lease.id) $($wait)* .unwrap().lease.committed_microcents, Int64(12));
        let unused = source.metering().create_lease(&slice) $($wait)* .unwrap().lease;
        source.metering().release_lease(unused.id) $($wait)* .unwrap();
        let spend = inside.budgets().get_budget(id) $($wait)* .unwrap().spend;
        assert_eq!((spend.spent_microcents, spend.leased_microcents, spend.stopped), (Int64(42), Int64(0), false));
        let mid = OperatorBillingPeriodRequest { anchor_day: Some(15) };
        let period = $operator.operator().operator_set_billing_period(id, &mid) $($wait)* .unwrap();
        assert_eq!((period.anchor_day, period.spend.spent_microcents), (15, Int64(42)));
        assert_eq!(source.budgets().get_budget(id) $($wait)* .unwrap_err().status(), Some(403));
        assert_eq!(inside.metering().record_events(&events) $($wait)* .unwrap_err().status(), Some(403));
        $operator.operator().operator_delete_metering_key(key.id) $($wait)* .unwrap();
        assert_eq!(source.metering().record_events(&events) $($wait)* .unwrap_err().status(), Some(401));

        // Its projects.
        let web = CreateProjectRequest { name: "web".into(), ..Default::default() };
        let web = inside.projects().create_project(&web) $($wait)* .unwrap().project;
        let text = |text: &str| ProjectPatch { description: Some(text.into()), ..Default::default() };
        inside.projects().update_project(web.id, &text("a"), UpdateMask::default()) $($wait)* .unwrap();
        inside.projects().update_project2(web.id, &text("b"), UpdateMask::default()) $($wait)* .unwrap();
        assert_eq!(inside.projects().get_project(web.id) $($wait)* .unwrap().project.description, "b");
        let default = UpdateOrganizationDefaultProjectRequest { default_project_id: Some(web.id) };
        inside.organizations().update_organization_default_project(id, &default) $($wait)* .unwrap();
        inside.projects().delete_project(acme.default_project_id.unwrap()) $($wait)* .unwrap();
        assert_eq!(inside.projects().list_projects(&Default::default()) $($wait)* .unwrap().projects.len(), 1);
        assert!(inside.projects().list_apps(&Default::default()) $($wait)* .unwrap().apps.is_empty());

        // Its members.
        let bob = "bob@example.com".to_owned();
        let account = CreateAccountRequest { email: bob.clone(), password: password(), name: "Bob".into(), ..Default::default() };
        let session = $client.sessions().signup(&account) $($wait)* .unwrap().token;
        let bob_id = session.user_id;
        $client.sessions().validate(&$secret(&bob) $($wait)*) $($wait)* .unwrap();
        let guest = $client.with_token(&session.id).unwrap();
        let invite = CreateOrganizationInvitationRequest { email: bob.clone() };
        let first = inside.invitations().create_organization_invitation(&invite) $($wait)* .unwrap().invitation.id;
        assert_eq!(inside.invitations().get_organization_invitation(first) $($wait)* .unwrap().invitation.email, bob);
        inside.invitations().resend_organization_invitation(first) $($wait)* .unwrap();
        guest.account().get_user_organization_invitation(first) $($wait)* .unwrap();
        guest.account().decline_organization_invitation(first) $($wait)* .unwrap();
        let second = inside.invitations().create_organization_invitation(&invite) $($wait)* .unwrap().invitation.id;
        inside.invitations().delete_organization_invitation(second) $($wait)* .unwrap();
        let third = inside.invitations().create_organization_invitation(&invite) $($wait)* .unwrap().invitation.id;
        let pending = ListOrganizationInvitationsQuery { statuses: vec![InvitationStatus::Pending], ..Default::default() };
        assert_eq!(inside.invitations().list_organization_invitations(&pending) $($wait)* .unwrap().count, 1);
        let received = guest.account().list_user_organization_invitations(&Default::default()) $($wait)* .unwrap();
        assert!(received.invitations.iter().any(|invitation| invitation.id == third));
        let accepted = guest.account().accept_organization_invitation(third) $($wait)* .unwrap().invitation;
        assert_eq!(accepted.status, InvitationStatus::Accepted);
        let members = ListOrganizationMembersQuery { organization_id: Some(id), ..Default::default() };
        let members = inside.members().list_organization_members(&members) $($wait)* .unwrap().members;
        let member = members.iter().find(|member| member.user_id == bob_id).unwrap();
        let removed = inside.members().remove_organization_member(member.id) $($wait)* .unwrap().member;
        assert_eq!(removed.status, MemberStatus::Deleted);

        // Its credentials.
        let ci = CreateCredentialRequest { name: "ci".into(), kind: CredentialType::Organization, ..Default::default() };
        let ci = inside.credentials().create_credential(&ci) $($wait)* .unwrap().credential;
        assert_eq!(ci.token.len(), 64);
        let text = |text: &str| CredentialPatch { description: Some(text.into()), ..Default::default() };
        inside.credentials().update_credential(ci.id, &text("a"), UpdateMask::default()) $($wait)* .unwrap();
        inside.credentials().update_credential2(ci.id, &text("b"), UpdateMask::default()) $($wait)* .unwrap();
        let read = inside.credentials().get_credential(ci.id) $($wait)* .unwrap().credential;
        assert_eq!((read.description.as_str(), read.token.as_str()), ("b", ""));
        assert_eq!(inside.credentials().list_credentials(&Default::default()) $($wait)* .unwrap().count, 1);
        inside.credentials().delete_credential(ci.id) $($wait)* .unwrap();
        let gone = $client.with_token(&ci.token).unwrap();
        let error = gone.organizations().get_organization(id) $($wait)* .unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(401), Some("authentication_error")));

        // Its webhooks, and those of the operator.
        macro_rules! webhooks {
            ($group:expr, $create:ident, $list:ident, $get:ident, $update:ident, $rotate:ident, $test:ident, $deliveries:ident, $replay:ident, $delete:ident) => {
                let hook = CreateWebhookRequest { url: "http://127.0.0.1:1/".into(), event_types: vec!["none.none".into()], ..Default::default() };
                let hook = $group.$create(&hook) $($wait)* .unwrap().webhook;
                assert_eq!($group.$list() $($wait)* .unwrap().webhooks.len(), 1);
                let about = WebhookPatch { description: Some("a test".into()), ..Default::default() };
                $group.$update(hook.id, &about, UpdateMask::default()) $($wait)* .unwrap();
                let read = $group.$get(hook.id) $($wait)* .unwrap().webhook;
                assert_eq!((read.description.as_str(), read.secret.as_str()), ("a test", ""));
                let rotated = $group.$rotate(hook.id, &Default::default()) $($wait)* .unwrap().webhook;
                assert!(rotated.secret.starts_with("whsec_") && rotated.secret != hook.secret);
                assert!(!$group.$test(hook.id) $($wait)* .unwrap().delivered, "nobody listens there");
                assert!($group.$deliveries(hook.id, &Default::default()) $($wait)* .unwrap().deliveries.is_empty());
                let refused = $group.$replay(hook.id, none.parse().unwrap()) $($wait)* .unwrap_err();
                assert_eq!(refused.status(), Some(404));
                $group.$delete(hook.id) $($wait)* .unwrap();
            };
        }
        webhooks!(
            inside.webhooks(), create_webhook, list_webhooks, get_webhook, update_webhook, rotate_webhook_secret,
            test_webhook, list_webhook_deliveries, replay_webhook_delivery, delete_webhook
        );
        webhooks!(
            $operator.operator_webhooks(), operator_create_webhook, operator_list_webhooks, operator_get_webhook,
            operator_update_webhook, operator_rotate_webhook_secret, operator_test_webhook,
            operator_list_webhook_deliveries, operator_replay_webhook_delivery, operator_delete_webhook
        );

        // What happened.
        assert!(inside.activities().list_activities(&Default::default()) $($wait)* .unwrap().activities.len() > 10);
        inside.activities().list_notifications(&ListNotificationsQuery { mark_seen: Flag(true), ..Default::default() }) $($wait)* .unwrap();
        assert!(!person.account().get_account_activities(&Default::default()) $($wait)* .unwrap().activities.is_empty());
        let types = $client.events().list_event_types() $($wait)* .unwrap().event_types;
        let events = inside.events().list_events(&ListEventsQuery { limit: Limit(5), ..Default::default() }) $($wait)* .unwrap();
        assert!(events.has_more && events.events[0].kind == "organization.created");
        assert!(events.events.iter().all(|event| types.iter().any(|known| known.kind == event.kind)));

        // What it may have, uses and pays.
        assert!(inside.quotas().get_quotas(id) $($wait)* .unwrap().quotas.max_projects.0 > 0);
        let usage = inside.quotas().get_organization_quotas_usage(id) $($wait)* .unwrap().usage;
        assert_eq!((usage.apps_used, usage.apps_limit), (0, 50));
        let summary = inside.quotas().get_organization_summary(id) $($wait)* .unwrap().summary;
        assert_eq!(summary.members.total, Int64(1));
        let capacity = ReviewOrganizationCapacityRequest { plan: "pro".into(), trialing: false };
        inside.quotas().review_organization_capacity(&capacity) $($wait)* .unwrap();
        let subscription = inside.billing().get_subscription(none.parse().unwrap()) $($wait)*;
        assert_eq!(subscription.unwrap_err().status(), Some(404));
        let methods = inside.billing().list_payment_methods(&Default::default()) $($wait)* .unwrap();
        assert!(methods.payment_methods.is_empty());
        // Without a payment provider these are refused, in the documented form.
        let card = none.parse().unwrap();
        assert!(inside.billing().create_payment_authorization() $($wait)* .unwrap_err().refusal().is_some());
        assert!(inside.billing().get_payment_method(card) $($wait)* .unwrap_err().refusal().is_some());
        assert!(inside.billing().confirm_payment_authorization(card) $($wait)* .unwrap_err().refusal().is_some());
        assert!(inside.billing().delete_payment_method(card) $($wait)* .unwrap_err().refusal().is_some());
        assert!(inside.billing().manage() $($wait)* .unwrap_err().refusal().is_some());
        inside.billing().next_invoice() $($wait)* .unwrap();
        inside.billing().get_organization_usage(&Default::default()) $($wait)* .unwrap();
        inside.billing().get_organization_usage_details(&Default::default()) $($wait)* .unwrap();
        // Nor is there an app at GitHub.
        let refused = inside.github().get_github_installation() $($wait)* .unwrap_err();
        assert_eq!(refused.refusal().unwrap().message, "No GitHub Installation");
        assert!(inside.github().github_installation(&Default::default()) $($wait)* .unwrap_err().refusal().is_some());
        let refused = inside.github().create_github_installation_token(&Default::default()) $($wait)* .unwrap_err();
        assert_eq!(refused.refusal().unwrap().message, "No GitHub Installation");
        assert_eq!(inside.github().list_repositories(&Default::default()) $($wait)* .unwrap().count, 0);
        assert_eq!(inside.github().list_branches(&Default::default()) $($wait)* .unwrap().count, 0);
        let refused = inside.github().resync_organization(id) $($wait)* .unwrap_err();
        assert_eq!(refused.refusal().unwrap().message, "No GitHub Installation");

        // What the operator does.
        let coupon = OperatorCreateCouponRequest { code: "WELCOME".into(), amount_off: Some(Cents(500)), ..Default::default() };
        let coupon = $operator.operator().operator_create_coupon(&coupon) $($wait)* .unwrap().coupon;
        assert_eq!(inside.coupons().check_coupon("WELCOME") $($wait)* .unwrap().amount_off, Cents(500));
        inside.coupons().redeem_coupon(&RedeemCouponRequest { code: "WELCOME".into() }) $($wait)* .unwrap();
        assert_eq!($operator.operator().operator_list_coupons(&Default::default()) $($wait)* .unwrap().coupons[0].redemptions, 1);
        $operator.operator().operator_delete_coupon(coupon.id) $($wait)* .unwrap();
        let found = OperatorListOrganizationsQuery { search: "acme".into(), ..Default::default() };
        assert_eq!($operator.operator().operator_list_organizations(&found) $($wait)* .unwrap().organizations.len(), 1);
        let reason = OperatorReasonRequest { reason: "a look".into() };
        $operator.operator().operator_lock_organization(id, &reason) $($wait)* .unwrap();
        let locked = inside.budgets().get_budget(id) $($wait)* .unwrap_err();
        assert_eq!(locked.refusal().unwrap().message, "Account is locked");
        $operator.operator().operator_unlock_organization(id, &reason) $($wait)* .unwrap();
        $operator.operator().operator_verify_organization(id) $($wait)* .unwrap();
        let enterprise = OperatorPlanRequest { plan: Some(Plan::Enterprise) };
        $operator.operator().operator_set_plan(id, &enterprise) $($wait)* .unwrap();
        let quotas = QuotaOverrides { max_projects: Some(Int64(7)), ..Default::default() };
        assert_eq!($operator.operator().operator_set_quotas(id, &quotas) $($wait)* .unwrap().quotas.max_projects, Int64(7));
        let seen = $operator.operator().operator_get_organization(id) $($wait)* .unwrap();
        assert!(seen.organization.verified && seen.operator.quota_overrides == quotas);
        assert!(!$operator.operator().operator_list_activities(&Default::default()) $($wait)* .unwrap().activities.is_empty());
        let all = ListEventsQuery { types: vec!["organization.*".into()], ..Default::default() };
        assert!(!$operator.operator().operator_list_events(&all) $($wait)* .unwrap().events.is_empty());

        // The end.
        assert!(!inside.billing().has_unpaid_invoices() $($wait)* .unwrap().has_unpaid_invoices);
        inside.organizations().deactivate_organization(id, &Default::default()) $($wait)* .unwrap();
        inside.invitations().confirm_organization_action(&$secret(&ann) $($wait)*) $($wait)* .unwrap();
        $settled(id, Some(OrganizationStatus::Deactivated)) $($wait)*;
        let again = inside.organizations().reactivate_organization(id) $($wait)* .unwrap().organization;
        assert_eq!(again.status, OrganizationStatus::Active);
        let at_once = DeactivateOrganizationRequest { skip_confirmation: true };
        inside.organizations().deactivate_organization(id, &at_once) $($wait)* .unwrap();
        $settled(id, Some(OrganizationStatus::Deactivated)) $($wait)*;
        inside.organizations().delete_organization(id) $($wait)* .unwrap();
        $settled(id, None) $($wait)*;
        person.account().delete_user(me.id) $($wait)* .unwrap();
        guest.account().delete_user_v2(bob_id) $($wait)* .unwrap();
    }};
}
pub(crate) use scenario;
