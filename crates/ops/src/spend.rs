//! Spend: what organizations spent in a billing period, what is announced of
//! it, and what stops at the budget.
//!
//! Everything that spends, sets aside or gives back goes through a [`Ledger`]:
//! it loads the sums of the periods concerned, decides on them, and writes
//! them back with whatever follows (thresholds, mails, stopping) in the same
//! unit of work. Money is `i64` micro-cents, millionths of a cent.
//!
//! Start at [`Account::hold`](ledger::Account::hold): there the budget stops.

use polity_api::ids::OrganizationId;

use crate::ctx::Work;
use crate::error::Result;

mod account;
pub mod alert;
pub(crate) mod ledger;
pub mod period;
pub mod price;
pub(crate) mod roll;
pub mod threshold;

pub(crate) use ledger::{Charge, Ledger};

/// Micro-cents of a cent.
pub const MICROCENTS: i64 = 1_000_000;

/// The day of a month on which the billing periods of an organization begin.
pub(crate) async fn anchor(w: Work<'_>, id: OrganizationId) -> Result<i64> {
    Ok(polity_store::spends::anchor(w.tx, id).await?.unwrap_or(period::DEFAULT_ANCHOR))
}
