//! The budget: an amount for a month, with a mail at each threshold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::{Cents, Int64};

/// A budget to set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BudgetRequest {
    /// Cents for a month, above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
}

/// A budget. It warns, it stops nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Cents for a month; `"0"` when no budget is set.
    pub amount: Cents,
    /// Percentages of the amount at which a mail is sent.
    pub thresholds: Vec<Int64>,
}

/// The budget of an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetBudgetReply {
    /// The budget; its amount is `"0"` when none is set.
    pub budget: Budget,
}

/// The budget that was set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateBudgetReply {
    /// The budget.
    pub budget: Budget,
}

/// The budget that was set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateBudgetReply {
    /// The budget.
    pub budget: Budget,
}
