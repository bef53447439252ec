//! What an organization used, and what that will cost.

use clap::{Args, Subcommand, ValueEnum};
use polity_client::types::{
    Int64, NextInvoiceReply, PeriodSpend, PeriodUsage, Timestamp, UsageDetailsQuery, UsageQuery,
};
use serde::Serialize;

use crate::error::Result;
use crate::output::{Format, View, col, money, note, spend};
use crate::session::{Session, page_of, take};
use crate::value;

/// What can be seen of billing.
#[derive(Subcommand)]
pub enum BillingCommand {
    /// Show what was used in each billing period that the time touches, the dearest first
    Usage {
        #[command(flatten)]
        time: Time,
        /// What to add up by
        #[arg(long, value_enum, default_value_t = By::Unit, value_name = "WHAT")]
        by: By,
    },
    /// List what was used, item by item
    Details {
        #[command(flatten)]
        time: Time,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show what the next invoice will look like
    NextInvoice,
}

/// Which time.
#[derive(Args)]
pub struct Time {
    /// From when, such as 2027-01-01T00:00:00Z; without it, from the beginning of the billing period
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    from: Option<Timestamp>,
    /// Until when; without it, until now
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    until: Option<Timestamp>,
}

/// What usage is added up by. What is written on a value would make every help text a long one.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    Unit,
    Project,
    Credential,
}

/// What was used of one thing in one period.
#[derive(Serialize)]
struct Used {
    starting_time: Option<Timestamp>,
    ending_time: Option<Timestamp>,
    /// A unit, or the id of a project or a credential.
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Int64>,
    amount_microcents: Int64,
}

const USED: View = View {
    id: "/what",
    columns: &[
        col("FROM", "/starting_time"),
        col("UNTIL", "/ending_time"),
        col("WHAT", "/what"),
        col("QUANTITY", "/quantity"),
        spend("AMOUNT", "/amount_microcents"),
    ],
};

const DETAILS: View = View {
    id: "/unit",
    columns: &[
        col("FROM", "/started_at"),
        col("UNTIL", "/terminated_at"),
        col("UNIT", "/unit"),
        col("QUANTITY", "/quantity"),
        spend("AMOUNT", "/amount_microcents"),
        col("EVENTS", "/events"),
        col("PROJECT", "/project_id"),
        col("CREDENTIAL", "/credential_id"),
    ],
};

const LINES: View = View {
    id: "/plan_nickname",
    columns: &[
        col("WHAT", "/plan_nickname"),
        col("FROM", "/period/start"),
        col("UNTIL", "/period/end"),
        col("QUANTITY", "/quantity"),
        money("AMOUNT", "/amount_excluding_tax"),
    ],
};

/// Carries out `polity billing`.
pub(crate) async fn run(session: &Session, command: &BillingCommand) -> Result<()> {
    session
        .act(async |client| {
            let billing = client.billing();
            match command {
                BillingCommand::Usage { time, by } => {
                    let query = UsageQuery { starting_time: time.from, ending_time: time.until };
                    let usage = billing.get_organization_usage(&query).await?.usage;
                    let used: Vec<Used> = usage.periods.values().flat_map(|period| used(period, *by)).collect();
                    session.output.list(&used, &USED)
                }
                BillingCommand::Details { time, limit } => {
                    let (starting_time, ending_time, page) = (time.from, time.until, page_of(*limit));
                    let query = UsageDetailsQuery { starting_time, ending_time, limit: page, ..Default::default() };
                    let items = take(billing.all_organization_usage_details(&query), Some(*limit)).await?;
                    session.output.list(&items, &DETAILS)
                }
                BillingCommand::NextInvoice => next_invoice(session, &billing.next_invoice().await?),
            }
        })
        .await
}

fn used(period: &PeriodUsage, by: By) -> Vec<Used> {
    let used = |what: String, quantity, amount_microcents| Used {
        starting_time: period.starting_time,
        ending_time: period.ending_time,
        what,
        quantity,
        amount_microcents,
    };
    let id = |id: Option<String>| id.unwrap_or_default();
    let PeriodSpend { units, projects, credentials, .. } = &period.spend;
    match by {
        By::Unit => units.iter().map(|u| used(u.unit.clone(), Some(u.quantity), u.amount_microcents)).collect(),
        By::Project => {
            projects.iter().map(|p| used(id(p.project_id.map(|p| p.to_string())), None, p.amount_microcents)).collect()
        }
        By::Credential => credentials
            .iter()
            .map(|c| used(id(c.credential_id.map(|c| c.to_string())), None, c.amount_microcents))
            .collect(),
    }
}

fn next_invoice(session: &Session, invoice: &NextInvoiceReply) -> Result<()> {
    let output = session.output;
    if output.format != Format::Table && !output.quiet {
        return output.one(invoice, &LINES);
    }
    output.list(&invoice.lines, &LINES)?;
    for discount in invoice.discounts.iter().filter(|_| !output.quiet) {
        note(&format!("the coupon {} lowers it", discount.name));
    }
    Ok(())
}
