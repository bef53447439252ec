//! Everything that goes over the wire, in one place: `use polity_client::types::*`.
//!
//! Requests have a `Default`, so that a literal names only what it sets. Unknown
//! fields of a reply are ignored, and unknown values of an enum read as `Unknown`.

pub use polity_api::ids::*;
pub use polity_api::mask::UpdateMask;
pub use polity_api::operation::Empty;
pub use polity_api::page::{Limit, Offset, Order};
pub use polity_api::scalar::{Cents, Duration, Flag, Int64, Timestamp};
pub use polity_api::types::account::*;
pub use polity_api::types::activity::*;
pub use polity_api::types::billing::*;
pub use polity_api::types::budget::*;
pub use polity_api::types::coupon::*;
pub use polity_api::types::credential::*;
pub use polity_api::types::event::*;
pub use polity_api::types::git::*;
pub use polity_api::types::github::*;
pub use polity_api::types::invitation::*;
pub use polity_api::types::member::*;
pub use polity_api::types::metering::*;
pub use polity_api::types::operator::*;
pub use polity_api::types::organization::*;
pub use polity_api::types::project::*;
pub use polity_api::types::quota::*;
pub use polity_api::types::session::*;
pub use polity_api::types::test::*;
pub use polity_api::types::usage::*;
pub use polity_api::types::webhook::*;
