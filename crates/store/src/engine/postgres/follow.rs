//! Learning what other replicas change.
//!
//! A unit that changes rows others remember adds its subjects to `changes` in
//! the same transaction and announces them. A replica hears the announcements,
//! and looks at the table four times within the bound in any case: an
//! announcement that is lost costs a quarter of the bound, and a replica that
//! cannot look believes nothing it remembers any more.
//!
//! Rows do not become visible in the order of their numbers, so a look does not
//! start after the last one seen. It starts at the oldest transaction that was
//! still running at the look before (`pg_snapshot_xmin`): what was committed
//! since belongs to that one or a later one.
//!
//! Changes are kept for a few minutes. A replica that was frozen for longer, as
//! a paused machine is, finds none of those it slept through, so each look also
//! asks what time it is: after too long a pause everything is forgotten.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;
use futures_util::future::poll_fn;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client};
use uuid::Uuid;

use crate::Error;
use crate::engine::changes::Changes;
use crate::engine::db::DelayObserver;
use crate::engine::postgres::hosts::{Connection, Hosts};
use crate::engine::sql::Query;

/// Tells the replicas what a transaction changes, when it is committed.
pub(super) static ANNOUNCE_AND_NOTIFY: Query<(String,), ()> = Query::new(
    "changes::ANNOUNCE_AND_NOTIFY",
    "",
    "with announced as (insert into changes (subjects) values ($1) returning id, subjects)
         select pg_notify('polity_changes', id || ':' || case when length(subjects) < 7000 then subjects else '' end)
         from announced",
    None,
);
/// The same for engines without `NOTIFY`: they look.
pub(super) static ANNOUNCE: Query<(String,), ()> =
    Query::new("changes::ANNOUNCE", "", "insert into changes (subjects) values ($1)", None);
/// What was committed since a transaction, where to look from the next time, and the time of the look in seconds.
const LOOK: &str = "select h.xid, h.seconds, c.id, c.subjects
    from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xid,
                 floor(extract(epoch from now()))::bigint as seconds) h
    left join changes c on c.transaction_id >= $1";
const FORGET: &str = "delete from changes where made_at < now() - interval '5 minutes'";
/// Between two looks that are further apart by the clock of the database, changes may have been removed unseen. A
/// minute less than they are kept, for transactions that began before the first look and ended after it.
const LONGEST_PAUSE_SECONDS: i64 = 4 * 60;
/// Looks within the bound.
const LOOKS: u32 = 4;
/// How often a change is made only to measure how long it takes to be known here.
const CANARY: Duration = Duration::from_secs(5);
/// How often old changes are removed where nobody follows them.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How long to wait before the next connection.
const RECONNECT: Duration = Duration::from_millis(200);

/// Subjects as they are announced.
pub(super) fn text(subjects: &[Uuid]) -> String {
    subjects.iter().map(|subject| subject.simple().to_string()).collect::<Vec<_>>().join(",")
}

fn subjects(text: &str) -> impl Iterator<Item = Uuid> {
    text.split(',').filter_map(|subject| subject.parse().ok())
}

/// Removes old changes, where nothing is remembered and so nobody follows:
/// they are announced all the same, because another replica may remember.
pub(super) async fn forget(pool: Pool) {
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        let Ok(client) = pool.get().await else { continue };
        if let Err(error) = client.batch_execute(FORGET).await {
            tracing::debug!(%error, "old changes were not removed");
        }
    }
}

/// What following needs.
pub(super) struct Follower {
    pub(super) hosts: Hosts,
    pub(super) notify: bool,
    pub(super) pool: Pool,
    pub(super) announcement: &'static str,
    pub(super) changes: Arc<Changes>,
    pub(super) bound: Duration,
    pub(super) delays: DelayObserver,
}

/// A connection of one's own, until it breaks.
struct Session {
    client: Client,
    heard: UnboundedReceiver<String>,
    driver: JoinHandle<()>,
    /// The oldest transaction whose changes may be unseen.
    horizon: i64,
    /// When that look was, by the clock of the database; none before the first.
    looked_seconds: Option<i64>,
    /// Changes from it on that were taken in already.
    seen: HashSet<i64>,
    /// The change that is being timed, and when it was sent.
    canary: Option<(Uuid, Instant)>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Follower {
    pub(super) async fn run(self) {
        let mut failing = false;
        loop {
            let Err(error) = self.session().await;
            if !std::mem::replace(&mut failing, self.changes.trust().is_none()) {
                tracing::warn!(%error, "changes of other replicas cannot be followed: connecting again");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn session(&self) -> Result<std::convert::Infallible, Error> {
        let mut session = self.connect().await?;
        // What was announced before anybody listened here was missed.
        let started = Instant::now();
        timeout(self.bound, self.look(&mut session)).await.map_err(too_slow)??;
        self.changes.forget_all();
        self.changes.trust_from(started, self.bound);

        let mut look = interval(self.bound / LOOKS);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = self.changes.asked();
        let mut canary = interval(CANARY);
        canary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = session.heard.recv() => {
                    let heard = heard.ok_or_else(|| Error::Unreachable("the connection broke".into()))?;
                    self.hear(&mut session, &heard);
                }
                _ = look.tick() => self.look_in_time(&mut session, &mut asked).await?,
                _ = asked.changed() => self.look_in_time(&mut session, &mut asked).await?,
                _ = canary.tick() => self.send_canary(&mut session),
            }
        }
    }

    /// Looks; what was asked for before has been answered then.
    async fn look_in_time(&self, session: &mut Session, asked: &mut watch::Receiver<u64>) -> Result<(), Error> {
        let (asked, started) = (*asked.borrow_and_update(), Instant::now());
        timeout(self.bound, self.look(session)).await.map_err(too_slow)??;
        self.changes.trust_from(started, self.bound);
        self.changes.looked(asked);
        Ok(())
    }

    async fn connect(&self) -> Result<Session, Error> {
        let (client, connection) = self.hosts.any_in_time().await?;
        let (announce, heard) = mpsc::unbounded_channel();
        let driver = tokio::spawn(drive(connection, announce));
        let session = Session {
            client,
            heard,
            driver,
            horizon: i64::MAX,
            looked_seconds: None,
            seen: HashSet::new(),
            canary: None,
        };
        if self.notify {
            timeout(self.bound, session.client.batch_execute("listen polity_changes")).await.map_err(too_slow)??;
        }
        Ok(session)
    }

    fn hear(&self, session: &mut Session, announcement: &str) {
        let Some((id, text)) = announcement.split_once(':') else { return };
        // Too many for an announcement: the next look takes them in.
        if text.is_empty() {
            return;
        }
        session.seen.extend(id.parse::<i64>());
        self.apply(session, text);
    }

    async fn look(&self, session: &mut Session) -> Result<(), Error> {
        // Not prepared: there may be a pooler that shares connections.
        let rows = session.client.query_typed(LOOK, &[(&session.horizon, Type::INT8)]).await?;
        let mut seen = HashSet::with_capacity(rows.len());
        if let Some(row) = rows.first() {
            session.horizon = row.try_get(0)?;
            let now_seconds = row.try_get(1)?;
            if session.looked_seconds.replace(now_seconds).is_some_and(|last| may_have_missed(last, now_seconds)) {
                tracing::warn!("this replica stood still for minutes: it forgets what it remembers");
                self.changes.forget_all();
            }
        }
        for row in rows {
            let Some(id) = row.try_get::<_, Option<i64>>(2)? else { continue };
            seen.insert(id);
            if !session.seen.contains(&id) {
                let text: String = row.try_get(3)?;
                self.apply(session, &text);
            }
        }
        session.seen = seen;
        Ok(())
    }

    fn apply(&self, session: &mut Session, text: &str) {
        self.changes.apply(subjects(text));
        if let Some((_, sent)) = session.canary.take_if(|(marker, _)| subjects(text).any(|subject| subject == *marker))
        {
            (self.delays)(sent.elapsed());
        }
    }

    /// Makes a change that means nothing, as any unit of this replica would.
    fn send_canary(&self, session: &mut Session) {
        let marker = Uuid::from_u128(fastrand::u128(..));
        session.canary = Some((marker, Instant::now()));
        let (pool, announcement) = (self.pool.clone(), self.announcement);
        tokio::spawn(async move {
            let Ok(client) = pool.get().await else { return };
            let sent = client.execute_typed(announcement, &[(&text(&[marker]), Type::TEXT)]).await;
            if let Err(error) = sent.and(client.batch_execute(FORGET).await) {
                tracing::debug!(%error, "the delay of a change could not be measured");
            }
        });
    }
}

/// Whether changes may have been removed between two looks. A clock that was set back tells nothing.
fn may_have_missed(last_seconds: i64, now_seconds: i64) -> bool {
    !(0..=LONGEST_PAUSE_SECONDS).contains(&(now_seconds - last_seconds))
}

fn too_slow(_: tokio::time::error::Elapsed) -> Error {
    Error::Unreachable("the database takes longer to answer than the bound allows".into())
}

/// Drives a connection and passes on what is announced on it.
async fn drive(mut connection: Connection, announce: UnboundedSender<String>) {
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(notification) = message
            && announce.send(notification.payload().to_owned()).is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_can_be_missed_after_a_long_pause_or_a_step_of_the_clock() {
        for (pause_seconds, missed) in [(0, false), (15, false), (240, false), (241, true), (3_600, true), (-1, true)] {
            assert_eq!(may_have_missed(1_000, 1_000 + pause_seconds), missed, "{pause_seconds}");
        }
    }
}
