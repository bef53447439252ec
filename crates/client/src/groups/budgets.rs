//! Budgets: an amount for a billing period, what is announced of it, and whether it stops.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Budgets: an amount for a billing period, what is announced of it, and whether it stops.
    Budgets, "budgets";

    /// Get the budget of an organization, and what it spent in the current billing period.
    ///
    /// Without a budget the amount is `"0"` and there are no thresholds.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{:?}", reply.budget);"#)
    member fn get_budget(organization_id: OrganizationId) -> GetBudget {
        path: &ByOrganizationPath { organization_id },
    }

    /// Set a budget where there is none.
    ///
    /// - `organization_id`: the organization.
    /// - `body.amount`: cents for a billing period, above 0 and at most 1,000,000,000,000.
    /// - `body.enforcement`: `alert`, the default, to be told; `stop` to admit no spend past the amount.
    /// - `body.thresholds`: percentages of the amount whose reaching is announced; 80 and 100 by default.
    /// - `body.forecast_thresholds`: the same of what the period is projected to come to; none by default.
    @example("(organization_id, &BudgetRequest { amount: Some(Cents(50_00)), ..BudgetRequest::default() })", r#"println!("{:?}", reply.budget);"#)
    member fn create_budget(organization_id: OrganizationId, body: &BudgetRequest) -> CreateBudget {
        path: &ByOrganizationPath { organization_id },
        body: body,
    }

    /// Set the budget, whether or not there is one.
    ///
    /// - `organization_id`: the organization.
    /// - `body.amount`: cents for a billing period, above 0 and at most 1,000,000,000,000.
    /// - `body.enforcement`: `alert`, the default, to be told; `stop` to admit no spend past the amount.
    /// - `body.thresholds`: percentages of the amount whose reaching is announced; 80 and 100 by default.
    /// - `body.forecast_thresholds`: the same of what the period is projected to come to; none by default.
    @example("(organization_id, &BudgetRequest { amount: Some(Cents(50_00)), ..BudgetRequest::default() })", r#"println!("{:?}", reply.budget);"#)
    member fn update_budget(organization_id: OrganizationId, body: &BudgetRequest) -> UpdateBudget {
        path: &ByOrganizationPath { organization_id },
        body: body,
    }

    /// Remove the budget.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{reply:?}");"#)
    member fn delete_budget(organization_id: OrganizationId) -> DeleteBudget {
        path: &ByOrganizationPath { organization_id },
    }
}
