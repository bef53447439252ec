//! What happened in an organization.

use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt as _;
use polity_client::Client;
use polity_client::types::{Activity, EventId, Limit, ListActivitiesQuery};

use crate::error::Result;
use crate::output::{View, col};
use crate::patience;
use crate::session::{Session, page_of, take};
use crate::signal;

/// How often to look for something new.
const INTERVAL: Duration = Duration::from_secs(2);

/// What can be done with activities.
#[derive(Subcommand)]
pub enum ActivityCommand {
    /// List what happened, the newest first
    List(ListArgs),
}

/// Which activities to list.
#[derive(Args)]
pub struct ListArgs {
    /// Go on with what happens from now, the newest last
    #[arg(long, short)]
    follow: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Only those on objects of this kind, such as project or credential; can be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
}

/// Activities in a list.
pub(crate) const LIST: View = View {
    id: "/id",
    columns: &[
        col("TIME", "/created_at"),
        col("ACTOR", "/actor/name"),
        col("VERB", "/verb"),
        col("TYPE", "/object/type"),
        col("EVENT", "/metadata/event"),
        col("OBJECT", "/object/name"),
    ],
};

/// Carries out `polity activity`.
pub(crate) async fn run(session: &Session, command: &ActivityCommand) -> Result<()> {
    let ActivityCommand::List(args) = command;
    session
        .act(async |client| {
            if !args.follow {
                return session.output.list(&list(client, args, args.limit).await?, &LIST);
            }
            // A signal ends the listening, and not the logging out after it.
            tokio::select! {
                outcome = follow(session, client, args) => outcome,
                () = signal::to_stop() => Ok(()),
            }
        })
        .await
}

async fn list(client: &Client, args: &ListArgs, at_most: usize) -> Result<Vec<Activity>> {
    let limit = page_of(at_most);
    let query = ListActivitiesQuery { limit, types: args.types.clone(), ..Default::default() };
    take(client.activities().all_activities(&query), Some(at_most)).await
}

async fn follow(session: &Session, client: &Client, args: &ListArgs) -> Result<()> {
    // The newest is where to go on from, even where it is not to be shown.
    let mut fresh = list(client, args, args.limit.max(1)).await?;
    let mut last = fresh.first().map(|activity| activity.id);
    fresh.truncate(args.limit);
    loop {
        for activity in fresh.iter().rev() {
            session.output.line(activity, &LIST)?;
        }
        last = fresh.first().map(|activity| activity.id).or(last);
        tokio::time::sleep(INTERVAL).await;
        fresh = patience::until_answered(async || since(client, args, last).await).await?;
    }
}

/// What happened after `last`, the newest first, however much it is.
async fn since(client: &Client, args: &ListArgs, last: Option<EventId>) -> polity_client::Result<Vec<Activity>> {
    let query = ListActivitiesQuery { limit: Limit(100), types: args.types.clone(), ..Default::default() };
    let mut activities = std::pin::pin!(client.activities().all_activities(&query));
    let mut fresh = Vec::new();
    while let Some(activity) = activities.try_next().await? {
        if Some(activity.id) == last {
            break;
        }
        fresh.push(activity);
    }
    Ok(fresh)
}
