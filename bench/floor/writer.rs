//! Writes in groups: one thread takes all that waits into one transaction,
//! and acknowledges it when it is on the disk.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Result;
use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

/// Most requests of one transaction.
const GROUP: usize = 512;
/// Requests that may wait.
const WAITING: usize = 4_096;
/// Pages in the log before it is copied into the database.
const CHECKPOINT_PAGES: i64 = 4_000;

const SCHEMA: &str = "
create table if not exists organizations (
    id blob primary key, name text not null, plan text not null, status text not null,
    created_at integer not null
) strict, without rowid;
create unique index if not exists organizations_name on organizations (name);
create table if not exists members (
    organization_id blob not null, user_id blob not null, joined_at integer not null,
    primary key (organization_id, user_id)
) strict, without rowid;
create table if not exists tokens (
    hash blob primary key, organization_id blob not null, expires_at integer not null
) strict, without rowid;
create table if not exists budgets (
    organization_id blob primary key, amount_cents integer not null
) strict, without rowid;
create table if not exists leases (
    id blob primary key, organization_id blob not null, amount_microcents integer not null
) strict, without rowid;
create table if not exists sums (
    organization_id blob primary key, leased_microcents integer not null
) strict, without rowid;
create table if not exists events (
    seq integer primary key, organization_id blob not null, user_id blob not null, verb text not null,
    name text not null, at integer not null
) strict;
";

/// What is to be written.
pub(crate) enum Write {
    /// An organization, its first member, and what happened.
    Organization { id: [u8; 16], name: String, user: Vec<u8> },
    /// The hash of a token, and what happened.
    Token { hash: [u8; 32], organization: Vec<u8> },
    /// The budget of an organization, and what happened.
    Budget { organization: Vec<u8>, amount_cents: i64 },
    /// A lease, and the sum of the leases of the organization.
    Lease { id: [u8; 16], organization: Vec<u8>, amount_microcents: i64 },
}

type Job = (Write, oneshot::Sender<bool>);

/// Hands writes to the thread that writes.
#[derive(Clone)]
pub(crate) struct Writer(SyncSender<Job>);

impl Writer {
    /// Opens the database and starts the thread.
    pub(crate) fn start(directory: &Path) -> Result<Writer> {
        let conn = Connection::open(directory.join("durable.db"))?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        conn.execute_batch(SCHEMA)?;
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::spawn(move || run(conn, &receiver));
        Ok(Writer(sender))
    }

    /// Writes; true when it is durable.
    pub(crate) async fn write(&self, write: Write) -> bool {
        let (done, answer) = oneshot::channel();
        self.0.try_send((write, done)).is_ok() && answer.await.unwrap_or(false)
    }
}

fn run(mut conn: Connection, jobs: &Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = jobs.recv() {
        group.push(first);
        group.extend(jobs.try_iter().take(GROUP - 1));
        let done = commit(&mut conn, &group).is_ok();
        for (_, answer) in group.drain(..) {
            // Whoever asked may have gone.
            let _ = answer.send(done);
        }
    }
}

fn commit(conn: &mut Connection, group: &[Job]) -> rusqlite::Result<()> {
    let unit = conn.transaction()?;
    for (write, _) in group {
        carry_out(&unit, write)?;
    }
    unit.commit()
}

fn carry_out(unit: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    const AT: i64 = 1_795_893_264_000_000;
    let event = |organization: &[u8], user: &[u8], verb: &str, name: &str| -> rusqlite::Result<()> {
        let sql = "insert into events (organization_id, user_id, verb, name, at) values (?1, ?2, ?3, ?4, ?5)";
        unit.prepare_cached(sql)?.execute((organization, user, verb, name, AT)).map(drop)
    };
    match write {
        Write::Organization { id, name, user } => {
            let sql = "insert into organizations values (?1, ?2, 'hobby', 'ACTIVE', ?3)";
            unit.prepare_cached(sql)?.execute((id, name, AT))?;
            unit.prepare_cached("insert into members values (?1, ?2, ?3)")?.execute((id, user, AT))?;
            event(id, user, "created", name)
        }
        Write::Token { hash, organization } => {
            unit.prepare_cached("insert into tokens values (?1, ?2, ?3)")?.execute((hash, organization, AT))?;
            event(organization, organization, "created", "token")
        }
        Write::Budget { organization, amount_cents } => {
            unit.prepare_cached("insert or replace into budgets values (?1, ?2)")?
                .execute((organization, amount_cents))?;
            event(organization, organization, "updated", "budget")
        }
        Write::Lease { id, organization, amount_microcents } => {
            unit.prepare_cached("insert into leases values (?1, ?2, ?3)")?.execute((
                id,
                organization,
                amount_microcents,
            ))?;
            let sql = "insert into sums values (?1, ?2) on conflict do update
                set leased_microcents = leased_microcents + excluded.leased_microcents";
            unit.prepare_cached(sql)?.execute((organization, amount_microcents)).map(drop)
        }
    }
}
