//! The feed: the events of the log in their order, from a cursor on, and
//! waiting for the next one.
//!
//! A [`Follower`] is a place in the log and who asks. It looks in a unit of
//! work that authorises anew each time, and holds nothing of the database
//! between two looks. [`list`] is one step of it; a stream is as many as it takes.

mod horizon;
mod waiting;

use std::time::Duration;

use polity_api::event_types;
use polity_api::ids::{EventId, OrganizationId};
use polity_api::operation::Operation;
use polity_api::scalar::{Duration as WireDuration, micros};
use polity_api::table::{ListEventTypes, ListEvents, OperatorListEvents};
use polity_api::types::event::{Event, EventList, EventTypeInfo, EventTypeList, ListEventsQuery};
use polity_store::Filter;
use polity_store::events::{self, LoggedRow, Mark};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::authz;
use crate::ctx::{Call, Ctx, Request, Work};
use crate::cursor::{self, Kind};
use crate::error::{Error, Result};
use crate::event::to_wire;
use crate::feed::horizon::Horizon;
use crate::feed::waiting::{LOOK_EVERY, Place};

pub use waiting::{Feed, MAX_WAITING_EACH};

/// The longest time a request may ask to wait.
pub const MAX_WAIT_MICROS: i64 = micros::MINUTE;
/// Places of the log that a filter is tried on in one statement.
const WINDOW: i64 = 1_000;
/// Windows that one look goes through for want of events.
const WINDOWS: usize = 20;
/// How long a reply is held back for events that were there when it was asked
/// for, and that an older transaction does not let through yet.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the end of the log may take to be told.
const SETTLE_END: Duration = Duration::from_secs(5);
/// The pause after a look that found nothing; it doubles with each.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// `ListEvents`: of the current organization, the oldest first.
///
/// # Errors
/// 400 on `after`, `wait` or `types`, 429 when too many wait, and as [`authz::Caller::current_organization`].
pub async fn list(ctx: Ctx, req: Request<ListEvents>) -> Result<EventList> {
    one(ctx, req).await
}

/// `OperatorListEvents`: of everything, the oldest first.
///
/// # Errors
/// 403 without the operator key, and as [`list`].
pub async fn operator_list(ctx: Ctx, req: Request<OperatorListEvents>) -> Result<EventList> {
    one(ctx, req).await
}

async fn one<O: Operation<Query = ListEventsQuery>>(ctx: Ctx, req: Request<O>) -> Result<EventList> {
    let wait = wait(&ctx, req.query.wait)?;
    let mut follower = Follower::new(ctx, req)?;
    let step = follower.next(wait).await?;
    let events = step.events.into_iter().map(|(_, event)| event).collect();
    Ok(EventList { events, next_cursor: step.cursor, has_more: step.has_more })
}

/// How long a request waits: never so long that the server itself cuts it off.
fn wait(ctx: &Ctx, wait: Option<WireDuration>) -> Result<Duration> {
    let micros = wait.unwrap_or_default().micros;
    if !(0..=MAX_WAIT_MICROS).contains(&micros) {
        return Err(Error::field("wait", "must be from 0s to 60s"));
    }
    Ok(Duration::from_micros(micros.min(ctx.settings.longest_wait_micros).max(0).unsigned_abs()))
}

/// `ListEventTypes`: for anybody.
///
/// # Errors
/// None.
pub async fn list_types(_: Ctx, _: Request<ListEventTypes>) -> Result<EventTypeList> {
    let event_types = event_types::ALL.iter().map(|kind| EventTypeInfo {
        kind: kind.name.to_owned(),
        description: kind.doc.to_owned(),
        metadata_schema: match kind.metadata_schema() {
            Value::Object(schema) => schema,
            _ => serde_json::Map::new(),
        },
    });
    Ok(EventTypeList { event_types: event_types.collect() })
}

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// Those of the current organization of the token.
    Organization,
    /// All there are.
    Everything,
}

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Before the first event.
    Beginning,
    /// Behind the last event. Its number becomes known with the first look, and
    /// may be read once it is settled.
    End { last: Option<i64> },
    /// Where a cursor says, if it is of this log.
    Cursor(Mark),
    /// At a place of this log.
    After(Mark),
}

/// A request or a stream that follows the log.
pub struct Follower {
    ctx: Ctx,
    call: Call,
    log: Log,
    from: From,
    types: Filter,
    limit: i64,
    place: Option<Place>,
}

/// What a follower found.
pub struct Step {
    /// Events, each with the cursor behind it.
    pub events: Vec<(String, Event)>,
    /// Where to go on.
    pub cursor: String,
    /// Whether there are more events already.
    pub has_more: bool,
}

/// What one look found.
struct Looked {
    organization: Option<OrganizationId>,
    rows: Vec<LoggedRow>,
    /// The place behind all that was looked at; none while the end of the log is not settled.
    place: Option<Mark>,
    has_more: bool,
    horizon: Horizon,
    /// The last number that may be read, and the last that was drawn.
    settled: i64,
    last: i64,
    /// Where the end of the log was when it was first asked for.
    end: Option<i64>,
}

/// What a look needs.
struct Ask {
    call: Call,
    log: Log,
    from: From,
    types: Filter,
    limit: i64,
    /// What was known before the look: its snapshot must not be older than what it goes by.
    horizon: Horizon,
}

impl Follower {
    /// Follows the log as `req` says, but does not look yet.
    ///
    /// # Errors
    /// 400 on `after`, `wait` or `types`.
    pub fn new<O: Operation<Query = ListEventsQuery>>(ctx: Ctx, req: Request<O>) -> Result<Follower> {
        let query = req.query;
        let log = if O::META.id == OperatorListEvents::META.id { Log::Everything } else { Log::Organization };
        wait(&ctx, query.wait)?;
        if let Some(unknown) = query.types.iter().find(|name| !event_types::is_filter(name)) {
            let why = format!("{unknown:?} is no type of event: GET /v1/event_types lists them");
            return Err(Error::field("types", why));
        }
        let from = match query.after.as_str() {
            "" => From::Beginning,
            "latest" => From::End { last: None },
            text => {
                let (seq, id) = cursor::read(log.cursor(), text).ok_or_else(refused)?;
                From::Cursor(Mark { seq, id: EventId(id) })
            }
        };
        let types = Filter::of(query.types.iter().map(String::as_str));
        Ok(Follower { ctx, call: req.call, log, from, types, limit: query.limit.0.into(), place: None })
    }

    /// Takes a place among those who wait before it is needed, for a stream.
    ///
    /// # Errors
    /// As [`Follower::next`].
    pub async fn stay(&mut self) -> Result<()> {
        let args = (self.call.clone(), self.log);
        let authorized = self.ctx.read("open_stream", args, |w, (call, log)| Box::pin(authorize(w, call, *log)));
        self.place = Some(Place::take(&self.ctx, authorized.await?)?);
        Ok(())
    }

    /// Whether the server is about to stop: nothing more is waited for.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.ctx.feed.closed().borrow()
    }

    /// The next events. Where there are none it waits so long for one; the
    /// step is empty when that is over, or when the server is about to stop.
    ///
    /// # Errors
    /// 400 for a cursor of another log, 429 or 503 when too many wait, and what
    /// authorisation says now: it is asked at each look.
    pub async fn next(&mut self, wait: Duration) -> Result<Step> {
        let ctx = self.ctx.clone();
        let (mut woken, mut closed) = (ctx.appended.listen(), ctx.feed.closed());
        let (started, mut pause, mut target) = (Instant::now(), PAUSE, None);
        loop {
            woken.mark_unchanged();
            let looked = self.look().await?;
            if let From::End { last } = &mut self.from {
                *last = looked.end;
            }
            let is_closed = *closed.borrow_and_update();
            let waited = started.elapsed();
            let Some(place) = looked.place else {
                if waited >= SETTLE_END || is_closed {
                    return Err(Error::unavailable("an older transaction is still running: try again"));
                }
                sleep(longer(&mut pause)).await;
                continue;
            };
            self.from = From::After(place);
            if !looked.rows.is_empty() || is_closed || (looked.has_more && waited >= wait) {
                return Ok(self.step(looked.rows, place, looked.has_more || looked.settled < looked.last));
            }
            if looked.has_more {
                continue;
            }
            // What there was at the first look is worth a moment, even to those who do not wait.
            let is_held_back = looked.settled < *target.get_or_insert(looked.last) && waited < SETTLE;
            if waited >= wait && !is_held_back {
                return Ok(self.step(Vec::new(), place, false));
            }
            if looked.settled < looked.last {
                sleep(longer(&mut pause)).await;
                continue;
            }
            if self.place.is_none() {
                self.place = Some(Place::take(&ctx, looked.organization)?);
            }
            let rested = Instant::now() + longer(&mut pause);
            loop {
                tokio::select! {
                    _ = closed.changed() => break,
                    () = sleep_until(started + wait) => break,
                    // Where others append all the time, those who are not concerned look less and less often.
                    () = async { let _ = woken.changed().await; sleep_until(rested).await } => break,
                    () = sleep(LOOK_EVERY) => self.look_for_all().await?,
                }
            }
        }
    }

    /// Looks, and goes through what a filter passes over.
    async fn look(&self) -> Result<Looked> {
        let ask = Ask {
            call: self.call.clone(),
            log: self.log,
            from: self.from,
            types: self.types.clone(),
            limit: self.limit,
            horizon: self.ctx.feed.horizon(),
        };
        let unit = match self.log {
            Log::Organization => "list_events",
            Log::Everything => "operator_list_events",
        };
        let looked = self.ctx.read(unit, ask, |w, ask| Box::pin(look(w, ask))).await?;
        self.ctx.feed.learn(looked.horizon);
        Ok(looked)
    }

    /// Whether the token still may; and for one of those who wait, whether
    /// other replicas appended anything, of which all of them hear.
    async fn look_for_all(&self) -> Result<()> {
        let is_due = self.ctx.feed.is_due();
        let horizon = self.ctx.feed.horizon();
        let seen = self.ctx.read("watch_events", (self.call.clone(), self.log, is_due, horizon), |w, args| {
            Box::pin(async move {
                let (call, log, is_due, horizon) = args;
                authorize(w, call, *log).await?;
                let frontier = if *is_due { Some(events::frontier(w.tx, horizon.known()).await?) } else { None };
                Ok(frontier.map(|frontier| (frontier.last, horizon.after(&frontier))))
            })
        });
        if let Some((last, horizon)) = seen.await? {
            self.ctx.feed.learn(horizon);
            if self.ctx.feed.is_news(last, horizon.settled) {
                self.ctx.appended.wake();
            }
        }
        Ok(())
    }

    fn step(&self, rows: Vec<LoggedRow>, place: Mark, has_more: bool) -> Step {
        let cursor = |mark: Mark| cursor::write(self.log.cursor(), mark.seq, mark.id.0);
        let events = rows.into_iter().map(|row| (cursor(self.log.place(&row)), to_wire(row))).collect();
        Step { events, cursor: cursor(place), has_more }
    }
}

fn longer(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = (now * 2).min(LONGEST_PAUSE);
    now
}

fn refused() -> Error {
    Error::field("after", "must be the next_cursor of the same feed, or latest")
}

/// What happened up to the place of the cursor is not what had happened when it was given.
fn astray() -> Error {
    let why = "is of another feed, or the log was restored from an older copy since: begin anew, or with latest";
    Error::field("after", why)
}

impl Log {
    fn cursor(self) -> Kind {
        match self {
            Log::Organization => Kind::Feed,
            Log::Everything => Kind::WholeFeed,
        }
    }

    fn place(self, row: &LoggedRow) -> Mark {
        let seq = match self {
            Log::Organization => row.organization_seq.unwrap_or_default(),
            Log::Everything => row.seq,
        };
        Mark { seq, id: row.id }
    }
}

/// The organization whose events the caller may follow; none for the operator, who may follow all.
async fn authorize(w: Work<'_>, call: &Call, log: Log) -> Result<Option<OrganizationId>> {
    let caller = authz::caller(w, call).await?;
    match log {
        Log::Organization => Ok(Some(caller.reach_current(w).await?)),
        Log::Everything => Ok(None),
    }
}

async fn look(w: Work<'_>, ask: &Ask) -> Result<Looked> {
    let organization = authorize(w, &ask.call, ask.log).await?;
    let (last, horizon) = match organization {
        Some(id) => (events::last_seq(w.tx, id).await?, ask.horizon),
        None => {
            let frontier = events::frontier(w.tx, ask.horizon.known()).await?;
            (frontier.last, ask.horizon.after(&frontier))
        }
    };
    let settled = if organization.is_some() { last } else { horizon.settled };
    let mut looked =
        Looked { organization, rows: Vec::new(), place: None, has_more: false, horizon, settled, last, end: None };
    let from = match ask.from {
        From::Beginning => Mark::BEGINNING,
        From::End { last: end } => {
            let end = end.unwrap_or(last);
            looked.end = Some(end);
            if settled < end {
                return Ok(looked);
            }
            mark(w, organization, settled).await?
        }
        From::Cursor(from) if from.seq <= last && mark(w, organization, from.seq).await? == from => from,
        From::Cursor(_) => return Err(astray()),
        From::After(from) => from,
    };
    let mut place = from.seq;
    for _ in 0..WINDOWS {
        let wanted = ask.limit - i64::try_from(looked.rows.len()).unwrap_or(ask.limit);
        if place >= settled || wanted <= 0 {
            break;
        }
        let window = (place, place.saturating_add(WINDOW).min(settled));
        let rows = match organization {
            Some(id) => events::feed_of_organization(w.tx, id, window, &ask.types, wanted).await?,
            None => events::feed(w.tx, window, &ask.types, wanted).await?,
        };
        let is_full = i64::try_from(rows.len()).unwrap_or(wanted) >= wanted;
        place = rows.last().filter(|_| is_full).map_or(window.1, |row| ask.log.place(row).seq);
        looked.rows.extend(rows);
    }
    looked.has_more = place < settled;
    let found = looked.rows.last().map_or(from, |row| ask.log.place(row));
    looked.place = Some(if found.seq == place { found } else { mark(w, organization, place).await? });
    Ok(looked)
}

/// The mark of a settled place in the log of an organization, or in that of everything.
async fn mark(w: Work<'_>, organization: Option<OrganizationId>, place: i64) -> Result<Mark> {
    Ok(match organization {
        Some(id) => events::mark_of_organization(w.tx, id, place).await?,
        None => events::mark(w.tx, place).await?,
    })
}
