//! Coupons, as an organization meets them.

use clap::Subcommand;
use polity_client::types::RedeemCouponRequest;

use crate::error::Result;
use crate::output::{View, col, money, unless_zero};
use crate::session::Session;

/// What can be done with coupons.
#[derive(Subcommand)]
pub enum CouponCommand {
    /// Redeem a coupon for the organization
    Redeem {
        /// Code of the coupon
        code: String,
    },
    /// Show what a coupon is worth
    Check {
        /// Code of the coupon
        code: String,
    },
}

const ONE: View = View {
    id: "/name",
    columns: &[
        col("NAME", "/name"),
        unless_zero(col("PERCENT OFF", "/percent_off")),
        unless_zero(money("AMOUNT OFF", "/amount_off")),
        col("CURRENCY", "/currency"),
    ],
};

/// Carries out `polity coupon`.
pub(crate) async fn run(session: &Session, command: &CouponCommand) -> Result<()> {
    match command {
        CouponCommand::Redeem { code } => {
            let request = RedeemCouponRequest { code: code.clone() };
            session.act(async |client| Ok(client.coupons().redeem_coupon(&request).await?)).await?;
            session.output.done(code, &format!("coupon {code} redeemed"))
        }
        CouponCommand::Check { code } => {
            session.output.one(&session.client()?.coupons().check_coupon(code).await?, &ONE)
        }
    }
}
