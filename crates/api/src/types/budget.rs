//! The budget: an amount for a billing period, what is announced of it, and
//! whether it stops anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::{Cents, Int64, Timestamp};

/// A budget to set. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BudgetRequest {
    /// Cents for a billing period, above 0 and at most 1,000,000,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// `alert`, the default, to be told; `stop` to admit no spend past the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
    /// Percentages of the amount whose reaching is announced: 1 to 20 of them, each 1 to 1000. 80 and 100 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<Int64>>,
    /// The same of what the period is projected to come to: up to 20 of them, none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast_thresholds: Option<Vec<Int64>>,
}

/// A budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Cents for a billing period; `"0"` when no budget is set.
    pub amount: Cents,
    /// Percentages of the amount whose reaching is announced, by mail and as an event.
    pub thresholds: Vec<Int64>,
    /// The same of what the period is projected to come to.
    pub forecast_thresholds: Vec<Int64>,
    /// `alert`: members are told. `stop`: nothing more is admitted.
    pub enforcement: String,
    /// By how much the amount can be passed at most, in micro-cents: what sources may report that ask for no lease, and
    /// what is past it already. Null where nothing stops at the amount.
    pub max_overshoot_microcents: Option<Int64>,
}

/// What was spent in a billing period. Amounts are micro-cents, millionths of a cent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Spend {
    /// When the period begins.
    pub period_start: Option<Timestamp>,
    /// When it is over; the next one begins then.
    pub period_end: Option<Timestamp>,
    /// What was spent.
    pub spent_microcents: Int64,
    /// What leases hold.
    pub leased_microcents: Int64,
    /// What of the budget is neither spent nor held; below 0 once it is passed, null without a budget.
    pub remaining_microcents: Option<Int64>,
    /// What the period comes to if spending goes on as it did so far.
    pub projected_microcents: Int64,
    /// Whether spending is stopped until the period is over or the budget is raised.
    pub stopped: bool,
}

/// The budget of an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetBudgetReply {
    /// The budget; its amount is `"0"` when none is set.
    pub budget: Budget,
    /// What was spent in the current period.
    pub spend: Spend,
}

/// The budget that was set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateBudgetReply {
    /// The budget.
    pub budget: Budget,
    /// What was spent in the current period.
    pub spend: Spend,
}

/// The budget that was set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateBudgetReply {
    /// The budget.
    pub budget: Budget,
    /// What was spent in the current period.
    pub spend: Spend,
}
