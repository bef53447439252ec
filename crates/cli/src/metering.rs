//! What the operator does about spend: the keys of sources that report it, and
//! the billing periods of organizations.

use clap::{Args, Subcommand};
use polity_client::Client;
use polity_client::types::{
    CursorPageQuery, Int64, Limit, MeteringKey, OperatorBillingPeriodRequest, OperatorCreateMeteringKeyRequest,
    OperatorUpdateMeteringKeyRequest, OrganizationId,
};

use crate::confirm::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{self, View, col, spend};
use crate::session::{Session, collect, must_name};
use crate::value;

/// What the operator can do with metering keys.
#[derive(Subcommand)]
pub enum MeteringKeyCommand {
    /// List metering keys, the newest first
    List,
    /// Make a metering key; its token is shown this once
    Create {
        /// Name of the source
        name: String,
        /// Dollars it may report in a period past a budget that stops, for a source that asks for no leases
        #[arg(long, value_name = "AMOUNT", value_parser = value::microcents)]
        unleased_cap: Option<Int64>,
    },
    /// Change the name or the cap of a metering key
    Update {
        /// Key: its id or its name
        key: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove a metering key: it stops working at once
    Delete {
        /// Key: its id or its name
        key: String,
    },
}

/// What is to change of a metering key; what is left out stays as it is.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// Dollars it may report in a period past a budget that stops, 0 for none
    #[arg(long, value_name = "AMOUNT", value_parser = value::microcents)]
    unleased_cap: Option<Int64>,
}

const KEYS: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        spend("UNLEASED CAP", "/unleased_cap_microcents"),
        col("CREATED", "/created_at"),
    ],
};

const CREATED: View = View {
    id: "/token",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        spend("UNLEASED CAP", "/unleased_cap_microcents"),
        col("TOKEN", "/token"),
    ],
};

const PERIOD: View = View {
    id: "/anchor_day",
    columns: &[
        col("ANCHOR DAY", "/anchor_day"),
        col("PERIOD START", "/spend/period_start"),
        col("PERIOD END", "/spend/period_end"),
        spend("SPENT", "/spend/spent_microcents"),
        spend("LEFT", "/spend/remaining_microcents"),
    ],
};

/// Carries out `polity operator metering-key`.
pub(crate) async fn run(session: &Session, client: &Client, command: &MeteringKeyCommand) -> Result<()> {
    let operator = client.operator();
    match command {
        MeteringKeyCommand::List => session.output.list(&all(client).await?, &KEYS),
        MeteringKeyCommand::Create { name, unleased_cap } => {
            let request =
                OperatorCreateMeteringKeyRequest { name: name.clone(), unleased_cap_microcents: *unleased_cap };
            let key = operator.operator_create_metering_key(&request).await?.metering_key;
            session.output.one(&key, &CREATED)?;
            if !session.output.quiet {
                output::note("keep the token: it is not shown again");
            }
            Ok(())
        }
        MeteringKeyCommand::Update { key, changes } => {
            let key = find(client, key).await?;
            let (name, unleased_cap_microcents) = (changes.name.clone(), changes.unleased_cap);
            let request = OperatorUpdateMeteringKeyRequest { name, unleased_cap_microcents };
            session.output.one(&operator.operator_update_metering_key(key.id, &request).await?.metering_key, &KEYS)
        }
        MeteringKeyCommand::Delete { key } => {
            let key = find(client, key).await?;
            confirm(session, &format!("removing the metering key {}", key.name), &key.name)?;
            operator.operator_delete_metering_key(key.id).await?;
            session.output.done(&key.id.to_string(), &format!("metering key {} removed", key.name))
        }
    }
}

/// Carries out `polity operator billing-period`.
pub(crate) async fn begin_periods(session: &Session, client: &Client, id: OrganizationId, day: u32) -> Result<()> {
    let request = OperatorBillingPeriodRequest { anchor_day: Some(day) };
    session.output.one(&client.operator().operator_set_billing_period(id, &request).await?, &PERIOD)
}

async fn all(client: &Client) -> Result<Vec<MeteringKey>> {
    let query = CursorPageQuery { limit: Limit(100), ..Default::default() };
    collect(client.operator().operator_all_metering_keys(&query)).await
}

/// The key with this id or name; names need not be unique.
async fn find(client: &Client, wanted: &str) -> Result<MeteringKey> {
    must_name("metering key", wanted)?;
    let mut found = all(client).await?;
    if let Some(key) = found.iter().position(|key| key.id.to_string() == wanted) {
        return Ok(found.swap_remove(key));
    }
    found.retain(|key| key.name == wanted);
    match (found.pop(), found.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => {
            Err(Failure::new(Exit::Ambiguous, format!("more than one metering key is named {wanted:?}"))
                .hint("polity operator metering-key list"))
        }
        (None, _) => Err(Failure::new(Exit::NotFound, format!("there is no metering key {wanted:?}"))
            .hint("polity operator metering-key list")),
    }
}
