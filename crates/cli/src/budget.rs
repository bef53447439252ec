//! The budget of an organization.

use clap::{Args, Subcommand};
use polity_client::types::{Budget, BudgetRequest, Cents, Int64};

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
    Set(Wanted),
    /// Remove the budget
    Clear,
}

/// What a budget is to be; what is left out stays as it is.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Wanted {
    /// Dollars for a billing period, such as 50 or 49.99
    #[arg(value_parser = value::dollars)]
    amount: Option<Cents>,
    /// Cents for a billing period instead
    #[arg(long, value_name = "N", conflicts_with = "amount")]
    cents: Option<i64>,
    /// What happens when it is spent: alert tells the members, stop admits nothing more
    #[arg(long, value_parser = ["alert", "stop"])]
    enforcement: Option<String>,
    /// Percentages whose reaching is announced, such as 50,80,100
    #[arg(long = "thresholds", value_name = "PERCENT", value_delimiter = ',')]
    thresholds: Option<Vec<i64>>,
    /// Percentages to be announced when the period is projected to reach them
    #[arg(long = "forecast-thresholds", value_name = "PERCENT", value_delimiter = ',')]
    forecast_thresholds: Option<Vec<i64>>,
}

impl Wanted {
    fn request(&self) -> BudgetRequest {
        let percents = |list: &Option<Vec<i64>>| list.as_ref().map(|list| list.iter().copied().map(Int64).collect());
        BudgetRequest {
            amount: self.cents.map(Cents).or(self.amount),
            enforcement: self.enforcement.clone(),
            thresholds: percents(&self.thresholds),
            forecast_thresholds: percents(&self.forecast_thresholds),
        }
    }
}

const ONE: View = View {
    id: "/amount",
    columns: &[money("AMOUNT", "/amount"), col("THRESHOLDS", "/thresholds"), col("ENFORCEMENT", "/enforcement")],
};

/// Carries out `polity budget`.
pub(crate) async fn run(session: &Session, command: &BudgetCommand) -> Result<()> {
    let budgets = session.client()?.budgets();
    let budget: Budget = match command {
        BudgetCommand::Get => budgets.get_budget(session.target(None).await?).await?.budget,
        BudgetCommand::Set(wanted) => {
            budgets.update_budget(session.target(None).await?, &wanted.request()).await?.budget
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
