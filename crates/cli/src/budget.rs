//! The budget of an organization.

use clap::{Args, Subcommand};
use polity_client::types::{Budget, BudgetRequest, Cents, Int64, Spend};
use serde::Serialize;

use crate::confirm::confirm;
use crate::error::Result;
use crate::output::{Format, View, col, money, note, spend};
use crate::session::Session;
use crate::value;

/// What can be done with a budget.
#[derive(Subcommand)]
pub enum BudgetCommand {
    /// Show the budget, and what was spent in the current billing period
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
    columns: &[
        money("AMOUNT", "/amount"),
        col("THRESHOLDS", "/thresholds"),
        col("FORECAST THRESHOLDS", "/forecast_thresholds"),
        col("ENFORCEMENT", "/enforcement"),
        spend("SPENT", "/spend/spent_microcents"),
        spend("LEASED", "/spend/leased_microcents"),
        spend("LEFT", "/spend/remaining_microcents"),
        spend("PROJECTED", "/spend/projected_microcents"),
        col("STOPPED", "/spend/stopped"),
        col("PERIOD END", "/spend/period_end"),
    ],
};

/// What there is to show where no budget is set.
const SPEND: View = View {
    id: "/amount",
    columns: &[
        spend("SPENT", "/spend/spent_microcents"),
        spend("LEASED", "/spend/leased_microcents"),
        spend("PROJECTED", "/spend/projected_microcents"),
        col("PERIOD END", "/spend/period_end"),
    ],
};

/// A budget with what was spent of it. The fields of the budget come first, where scripts have always found them.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    budget: Budget,
    spend: Spend,
}

/// Carries out `polity budget`.
pub(crate) async fn run(session: &Session, command: &BudgetCommand) -> Result<()> {
    let budgets = session.client()?.budgets();
    let shown = match command {
        BudgetCommand::Get => {
            let reply = budgets.get_budget(session.target(None).await?).await?;
            Shown { budget: reply.budget, spend: reply.spend }
        }
        BudgetCommand::Set(wanted) => {
            let reply = budgets.update_budget(session.target(None).await?, &wanted.request()).await?;
            Shown { budget: reply.budget, spend: reply.spend }
        }
        BudgetCommand::Clear => {
            let found = session.target_named(None).await?;
            confirm(session, &format!("removing the budget of {}", found.name), &found.name)?;
            budgets.delete_budget(found.id).await?;
            return session.output.done(&found.id.to_string(), &format!("{} has no budget any more", found.name));
        }
    };
    // Every budget has thresholds.
    if shown.budget.amount == Cents(0) && shown.budget.thresholds.is_empty() {
        if session.output.format == Format::Table && !session.output.quiet {
            note("no budget is set");
        }
        return session.output.one(&shown, &SPEND);
    }
    session.output.one(&shown, &ONE)
}
