//! The events of an organization, in the order in which they happened.

use clap::{Args, Subcommand};
use polity_client::Client;
use polity_client::types::{Duration, Event, EventList, Limit, ListEventsQuery};

use crate::error::Result;
use crate::output::{View, col, note};
use crate::patience;
use crate::session::Session;

/// The end of the log, wherever that is. It is no place to go on from.
const END: &str = "latest";
/// How long the server is asked to wait for an event.
const WAIT: Duration = Duration::from_secs(20);

/// What can be done with events.
#[derive(Subcommand)]
pub enum EventCommand {
    /// List events, the oldest first
    List {
        #[command(flatten)]
        args: EventArgs,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Print each event as it happens; without --after, from now on
    Follow(EventArgs),
}

/// Which events.
#[derive(Args)]
pub struct EventArgs {
    /// Go on behind this cursor, which an earlier run printed last
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Only events of this type, such as organization.updated or 'organization.*'; can be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
}

/// Events in a list.
const LIST: View = View {
    id: "/id",
    columns: &[
        col("TIME", "/created_at"),
        col("TYPE", "/type"),
        col("EVENT", "/metadata/event"),
        col("ACTOR", "/actor/name"),
        col("OBJECT", "/object/name"),
    ],
};

/// Carries out `polity event`.
pub(crate) async fn run(session: &Session, command: &EventCommand) -> Result<()> {
    session
        .act(async |client| {
            let (EventCommand::List { args, .. } | EventCommand::Follow(args)) = command;
            let mut query = ListEventsQuery { limit: Limit(100), types: args.types.clone(), ..Default::default() };
            let beginning = if matches!(command, EventCommand::Follow(_)) { END } else { "" };
            query.after = args.after.clone().unwrap_or_else(|| beginning.to_owned());
            match command {
                EventCommand::List { limit, .. } => list(session, client, query, *limit).await,
                EventCommand::Follow(_) => {
                    let followed = tokio::select! {
                        outcome = follow(session, client, &mut query) => outcome,
                        // An interrupt ends the following, and not the logging out after it.
                        _ = tokio::signal::ctrl_c() => Ok(()),
                    };
                    tell(&query.after);
                    followed
                }
            }
        })
        .await
}

async fn list(session: &Session, client: &Client, mut query: ListEventsQuery, at_most: usize) -> Result<()> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        query.limit = Limit(u32::try_from((at_most - events.len()).clamp(1, 100)).unwrap_or(100));
        let page = go_on(client, &mut query).await?;
        events.extend(page.events);
        if !page.has_more || events.len() >= at_most {
            break;
        }
    }
    session.output.list(&events, &LIST)?;
    tell(&query.after);
    Ok(())
}

async fn follow(session: &Session, client: &Client, query: &mut ListEventsQuery) -> Result<()> {
    loop {
        let page = patience::until_answered(async || client.events().list_events(query).await).await?;
        for event in &page.events {
            session.output.line(event, &LIST)?;
        }
        // Only what was printed counts as seen.
        query.after = page.next_cursor;
        // The first answer comes at once: from then on there is a cursor to tell.
        query.wait = Some(WAIT);
    }
}

async fn go_on(client: &Client, query: &mut ListEventsQuery) -> Result<EventList> {
    let mut page = client.events().list_events(query).await?;
    query.after = std::mem::take(&mut page.next_cursor);
    Ok(page)
}

fn tell(cursor: &str) {
    if !matches!(cursor, "" | END) {
        note(&format!("go on with --after {cursor}"));
    }
}
