//! Coupons, as an organization meets them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::Cents;

/// A coupon to redeem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RedeemCouponRequest {
    /// The code of the coupon.
    pub code: String,
}

/// Names a coupon by what the customer knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CouponPath {
    /// The code of the coupon.
    pub code: String,
}

/// What a coupon is worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CheckCouponReply {
    /// The name to show.
    pub name: String,
    /// Percent off, from 0 to 100; 0 when the coupon takes off an amount.
    pub percent_off: f64,
    /// Cents off; `"0"` when the coupon takes off a share.
    pub amount_off: Cents,
    /// The currency of the amount, as `usd`.
    pub currency: String,
}
