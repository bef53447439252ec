//! Events in the order in which they happened: of an organization, or for the operator of all.

use clap::{Args, Subcommand};
use polity_client::Client;
use polity_client::types::{Duration, Event, EventList, Limit, ListEventsQuery};

use crate::error::Result;
use crate::output::{View, col, note};
use crate::patience;
use crate::session::{Session, page_of};
use crate::signal;

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

/// The same where the organization is worth telling.
const OF_ALL: View = View {
    id: "/id",
    columns: &[
        col("TIME", "/created_at"),
        col("ORGANIZATION ID", "/organization_id"),
        col("TYPE", "/type"),
        col("EVENT", "/metadata/event"),
        col("ACTOR", "/actor/name"),
        col("OBJECT", "/object/name"),
    ],
};

/// Whose events, and who asks.
struct Log<'a> {
    session: &'a Session,
    client: &'a Client,
    is_of_all: bool,
}

/// Carries out `polity event`.
pub(crate) async fn run(session: &Session, command: &EventCommand) -> Result<()> {
    session.act(async |client| carry_out(&Log { session, client, is_of_all: false }, command).await).await
}

/// Carries out `polity operator event`.
pub(crate) async fn run_as_operator(session: &Session, client: &Client, command: &EventCommand) -> Result<()> {
    carry_out(&Log { session, client, is_of_all: true }, command).await
}

async fn carry_out(log: &Log<'_>, command: &EventCommand) -> Result<()> {
    let (EventCommand::List { args, .. } | EventCommand::Follow(args)) = command;
    let mut query = ListEventsQuery { limit: Limit(100), types: args.types.clone(), ..Default::default() };
    let beginning = if matches!(command, EventCommand::Follow(_)) { END } else { "" };
    query.after = args.after.clone().unwrap_or_else(|| beginning.to_owned());
    match command {
        EventCommand::List { limit, .. } => list(log, query, *limit).await,
        EventCommand::Follow(_) => {
            let followed = tokio::select! {
                outcome = follow(log, &mut query) => outcome,
                // A signal ends the following, and not the logging out after it.
                () = signal::to_stop() => Ok(()),
            };
            tell(&query.after);
            followed
        }
    }
}

impl Log<'_> {
    async fn page(&self, query: &ListEventsQuery) -> polity_client::Result<EventList> {
        match self.is_of_all {
            true => self.client.operator().operator_list_events(query).await,
            false => self.client.events().list_events(query).await,
        }
    }

    fn view(&self) -> &'static View {
        if self.is_of_all { &OF_ALL } else { &LIST }
    }
}

async fn list(log: &Log<'_>, mut query: ListEventsQuery, at_most: usize) -> Result<()> {
    let mut events: Vec<Event> = Vec::new();
    let mut has_more = true;
    while has_more && events.len() < at_most {
        query.limit = page_of(at_most - events.len());
        let page = log.page(&query).await?;
        (query.after, has_more) = (page.next_cursor, page.has_more);
        events.extend(page.events);
    }
    log.session.output.list(&events, log.view())?;
    tell(&query.after);
    Ok(())
}

async fn follow(log: &Log<'_>, query: &mut ListEventsQuery) -> Result<()> {
    loop {
        let page = patience::until_answered(async || log.page(query).await).await?;
        for event in &page.events {
            log.session.output.line(event, log.view())?;
        }
        // Only what was printed counts as seen.
        query.after = page.next_cursor;
        // The first answer comes at once: from then on there is a cursor to tell.
        query.wait = Some(WAIT);
    }
}

fn tell(cursor: &str) {
    if !matches!(cursor, "" | END) {
        note(&format!("go on with --after {cursor}"));
    }
}
