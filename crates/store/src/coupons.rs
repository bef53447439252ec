//! Coupons and who redeemed them.

use polity_api::ids::{CouponId, OrganizationId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Window};
use crate::{Error, Tx};

row! {
    /// A coupon.
    pub struct CouponRow {
        /// Identifier.
        pub id: CouponId,
        /// Code as defined.
        pub code: String,
        /// Code in lowercase, unique (`coupons.code_key`).
        pub code_key: String,
        /// Name.
        pub name: String,
        /// Percentage off, in hundredths of a percent.
        pub percent_off_basis_points: i64,
        /// Amount off, in cents.
        pub amount_off_cents: i64,
        /// Currency of the amount.
        pub currency: String,
        /// How often it can be redeemed; 0 for any number.
        pub max_redemptions: i64,
        /// How often it was.
        pub redemptions: i64,
        /// Until when; none for ever.
        pub expires_at: Option<Timestamp>,
        /// Creation.
        pub created_at: Timestamp,
    }
}

row! {
    /// That an organization redeemed a coupon.
    pub struct RedemptionRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// Coupon.
        pub coupon_id: CouponId,
        /// When.
        pub redeemed_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, code, code_key, name, percent_off_basis_points, amount_off_cents, currency, max_redemptions, redemptions, \
         expires_at, created_at"
    };
}

queries! {
    BY_CODE(code_key: String) => CouponRow = concat!("select ", columns!(), " from coupons where code_key = $1");
    BY_ID(id: CouponId) => CouponRow = concat!("select ", columns!(), " from coupons where id = $1");
    LIST(limit: i64, offset: i64) => CouponRow =
        concat!("select ", columns!(), " from coupons order by created_at desc, id desc limit $1 offset $2");
    COUNT() => CountRow = "select count(*) as count from coupons";
    INSERT: CouponRow => () =
        concat!("insert into coupons (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    DELETE(id: CouponId) => () = "delete from coupons where id = $1";
    REDEEM: RedemptionRow => () =
        "insert into redemptions (organization_id, coupon_id, redeemed_at) values ($1, $2, $3)";
    COUNT_UP(id: CouponId) => () =
        "update coupons set redemptions = redemptions + 1
         where id = $1 and (max_redemptions = 0 or redemptions < max_redemptions)";
}

/// The columns a second redemption by the same organization breaks.
pub const UNIQUE_REDEMPTION: &str = "redemptions.organization_id, redemptions.coupon_id";

/// The coupon with this code, in any case.
///
/// # Errors
/// What the engine refused.
pub async fn by_code(tx: &Tx<'_>, code: &str) -> Result<Option<CouponRow>, Error> {
    tx.optional(&BY_CODE, (code.trim().to_lowercase(),)).await
}

/// A coupon by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: CouponId) -> Result<Option<CouponRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// All coupons, newest first, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, window: Window) -> Result<(Vec<CouponRow>, i64), Error> {
    let count = tx.optional(&COUNT, ()).await?.map_or(0, |row| row.count);
    Ok((tx.all(&LIST, (window.limit, window.offset)).await?, count))
}

/// Adds a coupon.
///
/// # Errors
/// [`Error::Unique`] on `coupons.code_key`.
pub async fn insert(tx: &Tx<'_>, row: &CouponRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Removes a coupon; returns whether there was one.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: CouponId) -> Result<bool, Error> {
    Ok(tx.execute(&DELETE, &(id,)).await? > 0)
}

/// Counts one more redemption, unless there were enough; returns whether it did.
///
/// # Errors
/// [`Error::Unique`] on [`UNIQUE_REDEMPTION`].
pub async fn redeem(tx: &Tx<'_>, row: &RedemptionRow) -> Result<bool, Error> {
    tx.execute(&REDEEM, row).await?;
    Ok(tx.execute(&COUNT_UP, &(row.coupon_id,)).await? == 1)
}
