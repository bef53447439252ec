//! What only the operator of an installation sees and does.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// What only the operator of an installation sees and does.
    Operator, "operator";

    /// List and search all organizations.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    /// - `query.search`: part of a name, or the beginning of an id, in any case.
    /// - `query.statuses`: only organizations in one of these states; empty means all but DELETED.
    @example(
        "(&OperatorListOrganizationsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.organizations);"#
    )
    operator fn operator_list_organizations(query: &OperatorListOrganizationsQuery) -> OperatorListOrganizations {
        query: query,
    }
    all fn operator_all_organizations;

    /// Get any organization, with what only the operator sees.
    ///
    /// - `id`: the organization.
    @example("(id)", r#"println!("{:?}", reply.organization);"#)
    operator fn operator_get_organization(id: OrganizationId) -> OperatorGetOrganization {
        path: &OrganizationPath { id },
    }

    /// Lock an organization: its tokens get 403 until it is unlocked.
    ///
    /// - `id`: the organization.
    /// - `body.reason`: the reason, in words.
    @example(r#"(id, &OperatorReasonRequest { reason: "fraud".into() })"#, r#"println!("{:?}", reply.organization);"#)
    operator fn operator_lock_organization(
        id: OrganizationId, body: &OperatorReasonRequest
    ) -> OperatorLockOrganization {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Unlock an organization.
    ///
    /// - `id`: the organization.
    /// - `body.reason`: the reason, in words.
    @example(r#"(id, &OperatorReasonRequest { reason: "fraud".into() })"#, r#"println!("{:?}", reply.organization);"#)
    operator fn operator_unlock_organization(
        id: OrganizationId, body: &OperatorReasonRequest
    ) -> OperatorUnlockOrganization {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Mark an organization as reviewed.
    ///
    /// - `id`: the organization.
    @example("(id)", r#"println!("{:?}", reply.organization);"#)
    operator fn operator_verify_organization(id: OrganizationId) -> OperatorVerifyOrganization {
        path: &OrganizationPath { id },
    }

    /// Put an organization on any plan.
    ///
    /// - `id`: the organization.
    /// - `body.plan`: the plan; any of them.
    @example(
        "(id, &OperatorPlanRequest { plan: Some(Plan::Enterprise) })",
        r#"println!("{:?}", reply.organization);"#
    )
    operator fn operator_set_plan(id: OrganizationId, body: &OperatorPlanRequest) -> OperatorSetPlan {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Override quotas of an organization.
    ///
    /// - `id`: the organization.
    /// - `body.apps`: how many apps there may be.
    /// - `body.services`: how many services there may be.
    /// - `body.custom_domains`: how many domains of its own it may use.
    /// - `body.memory_mb`: memory of all instances together, in megabytes.
    /// - `body.max_organization_members`: how many members, invited ones included.
    /// - `body.max_projects`: how many projects there may be.
    /// - `body.instance_types`: which types of instance it may use; empty means all.
    /// - `body.regions`: which regions it may use; empty means all.
    @example(
        "(id, &QuotaOverrides { max_projects: Some(Int64(100)), ..Default::default() })",
        r#"println!("{:?}", reply.quotas);"#
    )
    operator fn operator_set_quotas(id: OrganizationId, body: &QuotaOverrides) -> OperatorSetQuotas {
        path: &OrganizationPath { id },
        body: body,
    }

    /// List what happened anywhere.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    /// - `query.organization_id`: only those of this organization.
    /// - `query.types`: only activities on objects of these kinds; empty means all.
    @example(
        "(&OperatorListActivitiesQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.activities);"#
    )
    operator fn operator_list_activities(query: &OperatorListActivitiesQuery) -> OperatorListActivities {
        query: query,
    }
    all fn operator_all_activities;

    /// List the events of all organizations, the oldest first.
    ///
    /// - `query.after`: where to go on; empty for the beginning of the log, `latest` for its end.
    /// - `query.limit`: how many events to return, 100 at most; 0 means 20.
    /// - `query.wait`: how long to wait for an event where there is none, up to a minute; the client has to be as patient.
    /// - `query.types`: only events of these types, such as `organization.updated`, or `organization.*`.
    @example(
        "(&ListEventsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}, then {}", reply.events, reply.next_cursor);"#
    )
    operator fn operator_list_events(query: &ListEventsQuery) -> OperatorListEvents {
        query: query,
    }

    /// List coupons.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    @example(
        "(&CursorPageQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.coupons);"#
    )
    operator fn operator_list_coupons(query: &CursorPageQuery) -> OperatorListCoupons {
        query: query,
    }
    all fn operator_all_coupons;

    /// Define a coupon.
    ///
    /// - `body.code`: the code to redeem it with.
    /// - `body.name`: the name to show.
    /// - `body.percent_off`: percent off, above 0 and up to 100.
    /// - `body.amount_off`: cents off, above 0.
    /// - `body.currency`: the currency of the amount; `usd` when empty.
    /// - `body.max_redemptions`: how often it can be redeemed; 0 means without limit.
    /// - `body.expires_at`: until when it can be redeemed; absent means without end.
    @example(
        r#"(&OperatorCreateCouponRequest { code: "WELCOME".into(), percent_off: 20.0, ..Default::default() })"#,
        r#"println!("{:?}", reply.coupon);"#
    )
    operator fn operator_create_coupon(body: &OperatorCreateCouponRequest) -> OperatorCreateCoupon {
        body: body,
    }

    /// Withdraw a coupon; what was redeemed stays redeemed.
    ///
    /// - `id`: the coupon.
    @example("(id)", r#"println!("{reply:?}");"#)
    operator fn operator_delete_coupon(id: CouponId) -> OperatorDeleteCoupon {
        path: &OperatorCouponPath { id },
    }

    /// List metering keys.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    @example(
        "(&CursorPageQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.metering_keys);"#
    )
    operator fn operator_list_metering_keys(query: &CursorPageQuery) -> OperatorListMeteringKeys {
        query: query,
    }
    all fn operator_all_metering_keys;

    /// Make a metering key. Its token is in this reply and in no other.
    ///
    /// - `body.name`: its name, up to 128 characters.
    /// - `body.unleased_cap_microcents`: what the source may report in a period past a budget that stops; absent means
    ///   0, for a source that asks for leases.
    @example(
        r#"(&OperatorCreateMeteringKeyRequest { name: "edge".into(), ..Default::default() })"#,
        r#"println!("{}", reply.metering_key.token);"#
    )
    operator fn operator_create_metering_key(
        body: &OperatorCreateMeteringKeyRequest
    ) -> OperatorCreateMeteringKey {
        body: body,
    }

    /// Update the name or the cap of a metering key.
    ///
    /// - `id`: the key.
    /// - `body.name`: its name, up to 128 characters.
    /// - `body.unleased_cap_microcents`: what the source may report in a period past a budget that stops.
    @example(
        r#"(id, &OperatorUpdateMeteringKeyRequest { name: Some("edge".into()), ..Default::default() })"#,
        r#"println!("{:?}", reply.metering_key);"#
    )
    operator fn operator_update_metering_key(
        id: MeteringKeyId, body: &OperatorUpdateMeteringKeyRequest
    ) -> OperatorUpdateMeteringKey {
        path: &OperatorMeteringKeyPath { id },
        body: body,
    }

    /// Remove a metering key: it stops working at once. What it reported stays.
    ///
    /// - `id`: the key.
    @example("(id)", r#"println!("{reply:?}");"#)
    operator fn operator_delete_metering_key(id: MeteringKeyId) -> OperatorDeleteMeteringKey {
        path: &OperatorMeteringKeyPath { id },
    }

    /// Choose the day on which the billing periods of an organization begin.
    ///
    /// - `id`: the organization.
    /// - `body.anchor_day`: the day of a month, 1 to 28.
    @example(
        "(id, &OperatorBillingPeriodRequest { anchor_day: Some(15) })",
        r#"println!("{:?}", reply.spend.period_end);"#
    )
    operator fn operator_set_billing_period(
        id: OrganizationId, body: &OperatorBillingPeriodRequest
    ) -> OperatorSetBillingPeriod {
        path: &OrganizationPath { id },
        body: body,
    }
}
