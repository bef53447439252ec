//! Budgets: an amount for a month, with a mail at each threshold.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Budgets: an amount for a month, with a mail at each threshold.
    Budgets, "budgets";

    /// Get the budget of an organization.
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
    /// - `body.amount`: cents for a month, above 0.
    @example("(organization_id, &BudgetRequest { amount: Some(Cents(50_00)), ..BudgetRequest::default() })", r#"println!("{:?}", reply.budget);"#)
    member fn create_budget(organization_id: OrganizationId, body: &BudgetRequest) -> CreateBudget {
        path: &ByOrganizationPath { organization_id },
        body: body,
    }

    /// Set the budget, whether or not there is one.
    ///
    /// - `organization_id`: the organization.
    /// - `body.amount`: cents for a month, above 0.
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
