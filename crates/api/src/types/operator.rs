//! What only the operator of an installation sees and does.
//!
//! An extension: nothing here is part of the organization API that clients know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CouponId, OrganizationId};
use crate::page::{Limit, Offset};
use crate::scalar::{Cents, Int64, Timestamp};
use crate::types::organization::{Organization, OrganizationStatus, Plan};

/// Which organizations to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorListOrganizationsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
    /// Part of a name, or the beginning of an id, in any case; 256 characters at most.
    pub search: String,
    /// Only organizations in one of these states; empty means all but DELETED.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub statuses: Vec<OrganizationStatus>,
}

/// Organizations, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorListOrganizationsReply {
    /// This page of them.
    pub organizations: Vec<Organization>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}

/// Quotas that differ from those of the plan; absent ones follow the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuotaOverrides {
    /// How many apps there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apps: Option<Int64>,
    /// How many services there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Int64>,
    /// How many domains of its own it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_domains: Option<Int64>,
    /// Memory of all instances together, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<Int64>,
    /// How many members, invited ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_organization_members: Option<Int64>,
    /// How many projects there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_projects: Option<Int64>,
    /// Which types of instance it may use; empty means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_types: Option<Vec<String>>,
    /// Which regions it may use; empty means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
}

/// What the API does not tell about an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorDetails {
    /// Why it is locked; empty when it is not.
    pub lock_reason: String,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// How many members it has.
    pub members: u32,
    /// Quotas that differ from those of its plan.
    pub quota_overrides: QuotaOverrides,
}

/// An organization, with what only the operator sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorOrganizationReply {
    /// The organization.
    pub organization: Organization,
    /// What only the operator sees.
    #[serde(default)]
    pub operator: OperatorDetails,
}

/// Why something is done; it goes to the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorReasonRequest {
    /// The reason, in words.
    pub reason: String,
}

/// A plan to put an organization on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorPlanRequest {
    /// The plan; any of them.
    #[serde(deserialize_with = "crate::enums::known_if_any", skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// Which activities to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorListActivitiesQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
    /// Only those of this organization.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OrganizationId")]
    pub organization_id: Option<OrganizationId>,
    /// Only activities on objects of these kinds; empty means all.
    #[serde(deserialize_with = "crate::page::one_or_many")]
    pub types: Vec<String>,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coupon {
    /// The coupon.
    pub id: CouponId,
    /// The code to redeem it with.
    #[serde(default)]
    pub code: String,
    /// The name to show.
    #[serde(default)]
    pub name: String,
    /// Percent off, from 0 to 100; 0 when it takes off an amount.
    #[serde(default)]
    pub percent_off: f64,
    /// Cents off; `"0"` when it takes off a share.
    #[serde(default)]
    pub amount_off: Cents,
    /// The currency of the amount, as `usd`.
    #[serde(default)]
    pub currency: String,
    /// How often it can be redeemed; 0 means without limit.
    #[serde(default)]
    pub max_redemptions: u32,
    /// How often it has been redeemed.
    #[serde(default)]
    pub redemptions: u32,
    /// Until when it can be redeemed; null means without end.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was defined.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// Coupons, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorListCouponsReply {
    /// This page of them.
    pub coupons: Vec<Coupon>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}

/// A coupon to define. It takes off a share or an amount, not both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorCreateCouponRequest {
    /// The code to redeem it with.
    pub code: String,
    /// The name to show.
    pub name: String,
    /// Percent off, above 0 and up to 100.
    pub percent_off: f64,
    /// Cents off, above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_off: Option<Cents>,
    /// The currency of the amount; `usd` when empty.
    pub currency: String,
    /// How often it can be redeemed; 0 means without limit.
    pub max_redemptions: u32,
    /// Until when it can be redeemed; absent means without end.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorCouponReply {
    /// The coupon.
    pub coupon: Coupon,
}

/// Names a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorCouponPath {
    /// The coupon.
    pub id: CouponId,
}
