//! The budget of an organization.

use clap::{Args, Subcommand};
use polity_client::types::{Budget, BudgetRequest, Cents};

use crate::confirm::confirm;
use crate::error::Result;
use crate::output::{View, col, money};
use crate::session::Session;
use crate::value;

/// What can be done with a budget.
#[derive(Subcommand)]
pub enum BudgetCommand {
    /// Show the budget
    Get,
    /// Set the budget
    Set(Amount),
    /// Remove the budget
    Clear,
}

/// An amount of money for a month.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Amount {
    /// Dollars for a month, such as 50 or 49.99
    #[arg(value_parser = value::dollars)]
    amount: Option<Cents>,
    /// Cents for a month instead
    #[arg(long, value_name = "N")]
    cents: Option<i64>,
}

const ONE: View = View { id: "/amount", columns: &[money("AMOUNT", "/amount"), col("THRESHOLDS", "/thresholds")] };

/// Carries out `polity budget`.
pub(crate) async fn run(session: &Session, command: &BudgetCommand) -> Result<()> {
    let budgets = session.client()?.budgets();
    let budget: Budget = match command {
        BudgetCommand::Get => budgets.get_budget(session.target(None).await?).await?.budget,
        BudgetCommand::Set(amount) => {
            let request = BudgetRequest { amount: amount.cents.map(Cents).or(amount.amount) };
            budgets.update_budget(session.target(None).await?, &request).await?.budget
        }
        BudgetCommand::Clear => {
            let found = session.target_named(None).await?;
            confirm(session, &format!("removing the budget of {}", found.name), &found.name)?;
            budgets.delete_budget(found.id).await?;
            return session.output.done(&found.id.to_string(), &format!("{} has no budget any more", found.name));
        }
    };
    session.output.one(&budget, &ONE)
}
