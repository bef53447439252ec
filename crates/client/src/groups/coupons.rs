//! Coupons, as an organization meets them.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Coupons, as an organization meets them.
    Coupons, "coupons";

    /// Redeem a coupon for the current organization.
    ///
    /// - `body.code`: the code of the coupon.
    @example(r#"(&RedeemCouponRequest { code: "WELCOME".into() })"#, r#"println!("{reply:?}");"#)
    member fn redeem_coupon(body: &RedeemCouponRequest) -> RedeemCoupon {
        body: body,
    }

    /// Look at a coupon.
    ///
    /// - `code`: the code of the coupon.
    @example("(code)", r#"println!("{:?}", reply.name);"#)
    token fn check_coupon(code: &str) -> CheckCoupon {
        path: &CouponPath { code: code.to_owned() },
    }
}
