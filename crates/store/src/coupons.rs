//! Coupons and who redeemed them.

use futures_util::future::try_join;
use polity_api::ids::{CouponId, OrganizationId};
use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{END_OF_TIME, Page, Start};
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
    /// Where a coupon is in the list of all.
    pub struct CouponKey {
        /// Its creation.
        pub created_at: Timestamp,
        /// Its identifier.
        pub id: CouponId,
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
    LIST(before: Timestamp, before_id: CouponId, limit: i64) => CouponRow = concat!(
        "select ", columns!(), " from coupons where (created_at, id) < ($1, $2) order by created_at desc, id desc limit $3"
    );
    SKIP(before: Timestamp, before_id: CouponId, offset: i64) => CouponKey =
        "select created_at, id from coupons where (created_at, id) < ($1, $2)
         order by created_at desc, id desc limit 1 offset $3";
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

/// All coupons, newest first.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, start: Start<CouponKey>, limit: i64) -> Result<Page<CouponRow>, Error> {
    let end = CouponKey { created_at: END_OF_TIME, id: CouponId(Uuid::max()) };
    let before = match start {
        Start::First => Some(end),
        Start::After(key) => Some(key),
        Start::Skip(count) => tx.optional(&SKIP, (end.created_at, end.id, count - 1)).await?,
    };
    let Some(CouponKey { created_at, id }) = before else { return Ok(Page::default()) };
    let rows = tx.all(&LIST, (created_at, id, limit));
    let (rows, next) = try_join(rows, tx.optional(&SKIP, (created_at, id, limit))).await?;
    Ok((rows, next.is_some()))
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
