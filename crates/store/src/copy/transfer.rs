//! Bringing a PostgreSQL database to the content of an embedded one.
//!
//! Both sides are walked through together, table by table, in the order of the
//! keys; what differs is made as the source has it. So the first copy, going on
//! after an interruption and catching up with a source that has changed are one
//! thing. First, from the last table to the first, what is only in the target
//! or differs is deleted, so that no unique value is in the way; then, from the
//! first to the last, what is missing is inserted. An organization, to which
//! others refer, is not deleted but parked: it loses its unique values until it
//! gets those of the source.
//!
//! A table of the target, `transfer_progress`, says that its rows are those of
//! a transfer, and up to which event. A target that has rows without it, or has
//! seen events of its own, is left alone.

use std::path::Path;
use std::sync::Arc;

use polity_api::scalar::Timestamp;
use rusqlite::OptionalExtension as _;
use tokio_postgres::Client;

use crate::Error;
use crate::copy::digest::hex;
use crate::copy::rows::{Comparison, Difference, Rows, open_file};
use crate::copy::{Row, TABLES, Table, TableDigest, remote};
use crate::engine::db::Target;
use crate::engine::postgres::connect::PostgresOptions;

/// Rows inserted in one transaction.
const INSERTED: usize = 20_000;
/// Rows deleted or changed by one statement.
const CHANGED: usize = 1000;
/// The one table to which others refer.
const REFERRED: &str = "organizations";

/// What is to be done with the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It is brought to the content of the source, and may be again.
    Another,
    /// It is brought to the content of the source for the last time.
    Last,
    /// It is compared with the source, and nothing is written.
    Verify,
}

/// Something to tell while it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// What was done with it, such as `copied`.
    pub done: &'static str,
    /// How many rows that was.
    pub rows: u64,
}

/// What became of a table.
#[derive(Clone, Debug)]
pub struct TransferredTable {
    /// Its name.
    pub name: &'static str,
    /// Rows that were deleted, or deleted to be inserted as they are now.
    pub deleted: u64,
    /// Rows that were inserted, or changed where they are.
    pub written: u64,
    /// The rows of the source.
    pub source: TableDigest,
    /// The rows of the target, read back.
    pub target: TableDigest,
}

/// The end of the log of the source.
struct LastEvent {
    seq: i64,
    id: String,
    /// The largest number ever given.
    counted: i64,
}

/// Brings the database of `options` to the content of the file `source`, which
/// nobody may write to: [`super::snapshot()`] makes one of a database in use.
/// What is told of each table at the end is read back from both.
///
/// # Errors
/// [`Error::Transfer`] for a source of another schema and a target that is not
/// of this transfer, or what an engine refused. It can be called again.
pub async fn transfer(
    source: &Path,
    options: &PostgresOptions,
    pass: Pass,
    now: Timestamp,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<TransferredTable>, Error> {
    let last = check_source(source)?;
    let mut work = Work {
        source,
        reader: remote::connect(options).await?,
        tell,
        counts: vec![(0, 0); TABLES.len()],
        same: vec![None; TABLES.len()],
    };
    if pass != Pass::Verify {
        crate::migrate(&Target::Postgres(options.clone()), now).await?;
        let writer = remote::connect(options).await?;
        let claim = Claim::take(options, &writer, source, &last).await?;
        work.write(&writer).await?;
        remote::set_counters(&writer, last.counted).await?;
        // Statistics help; nothing depends on them.
        let _ = writer.batch_execute("analyze").await;
        let tables = work.verify().await?;
        claim.release(&writer, pass == Pass::Last && tables.iter().all(|table| table.source == table.target)).await?;
        return Ok(tables);
    }
    work.verify().await
}

/// Checks that the source has the schema of this release; returns the end of its log.
fn check_source(path: &Path) -> Result<LastEvent, Error> {
    let conn = open_file(path)?;
    let is_ours = "select count(*) > 0 from sqlite_schema where type = 'table' and name = 'schema_migrations'";
    if !conn.query_row(is_ours, (), |row| row.get(0))? {
        return Err(Error::Transfer("the source is no database of polity".into()));
    }
    let known = crate::migrate::newest();
    let found = conn.query_row("select coalesce(max(version), 0) from schema_migrations", (), |row| row.get(0))?;
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    if found < known {
        let help = "stop its server, run polity migrate on it with this release, and transfer it then";
        return Err(Error::Transfer(format!("the source has schema {found}, this release has {known}: {help}")));
    }
    let newest = conn
        .query_row("select seq, id from events order by seq desc limit 1", (), |row| {
            Ok((row.get(0)?, hex(&row.get::<_, Vec<u8>>(1)?)))
        })
        .optional()?;
    let (seq, id) = newest.unwrap_or_default();
    let counted = conn
        .query_row("select seq from sqlite_sequence where name = 'events'", (), |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    Ok(LastEvent { seq, id, counted: seq.max(counted) })
}

/// Whether the source has an event, which means that it is the one of an earlier pass.
fn has_event(path: &Path, seq: i64, id: &str) -> Result<bool, Error> {
    let found = open_file(path)?
        .query_row("select id from events where seq = ?1", (seq,), |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    Ok(found.is_some_and(|found| hex(&found) == id))
}

/// Whether a database is the target of a transfer whose last pass is still to
/// come: no server may use it before.
pub(crate) async fn is_unfinished(client: &Client) -> Result<bool, Error> {
    let exists = "select 1 from pg_tables where tablename = 'transfer_progress' and schemaname = current_schema()";
    Ok(client.query_opt(exists, &[]).await?.is_some())
}

/// The right to write to the target, held by a lock on a row.
struct Claim {
    holder: Arc<Client>,
}

impl Claim {
    async fn take(options: &PostgresOptions, writer: &Client, source: &Path, last: &LastEvent) -> Result<Claim, Error> {
        if !is_unfinished(writer).await? {
            for table in TABLES {
                if !remote::is_empty(writer, table).await? {
                    return Err(Error::Transfer(format!(
                        "the target holds rows that are of no transfer, in table {}: choose an empty database",
                        table.name
                    )));
                }
            }
            writer
                .batch_execute(
                    "begin; create table transfer_progress (id bigint primary key, event_seq bigint not null,
                     event_id text not null); insert into transfer_progress values (0, 0, ''), (1, 0, ''); commit",
                )
                .await?;
        }
        let holder = remote::connect(options).await?;
        holder.batch_execute("begin").await?;
        if holder.query_opt("select id from transfer_progress where id = 0 for update nowait", &[]).await.is_err() {
            return Err(Error::Transfer("another transfer to this target is going on".into()));
        }

        let row = writer.query_one("select event_seq, event_id from transfer_progress where id = 1", &[]).await?;
        let (seq, id): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        if seq > 0 && !has_event(source, seq, &id)? {
            return Err(Error::Transfer(
                "the target holds rows of another source, or of a later state of this one: choose an empty database"
                    .into(),
            ));
        }
        let newest: i64 = writer.query_one("select coalesce(max(seq), 0) from events", &[]).await?.try_get(0)?;
        if newest > seq {
            return Err(Error::Transfer(
                "the target has been served since the last pass, and has changes of its own that would be lost: \
                 choose an empty database"
                    .into(),
            ));
        }
        // A server that is started on the target too early numbers its events from here on, and is found out.
        remote::set_sequence(writer, last.counted).await?;
        writer
            .execute("update transfer_progress set event_seq = $1, event_id = $2 where id = 1", &[&last.seq, &last.id])
            .await?;
        Ok(Claim { holder })
    }

    async fn release(self, writer: &Client, for_good: bool) -> Result<(), Error> {
        self.holder.batch_execute("commit").await?;
        if for_good {
            writer.batch_execute("drop table transfer_progress").await?;
        }
        Ok(())
    }
}

/// What the target has of a table before rows are inserted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing.
    Empty,
    /// What the source has.
    Same,
    /// Less than the source has.
    Less,
}

/// A pass over all tables.
struct Work<'a> {
    source: &'a Path,
    reader: Arc<Client>,
    tell: &'a (dyn Fn(Progress) + Sync),
    /// Rows deleted and written, for each table.
    counts: Vec<(u64, u64)>,
    /// What was found to be the same on both sides, for each table.
    same: Vec<Option<TableDigest>>,
}

impl Work<'_> {
    fn of_source(&self, table: &'static Table) -> Rows {
        Rows::of_file(self.source.to_owned(), table)
    }

    fn compare(&self, table: &'static Table) -> Comparison {
        Comparison::new(table, self.of_source(table), remote::read(&self.reader, table))
    }

    async fn write(&mut self, writer: &Client) -> Result<(), Error> {
        let mut states = Vec::with_capacity(TABLES.len());
        for (at, table) in TABLES.iter().enumerate().rev() {
            let state = match remote::is_empty(writer, table).await? {
                true => State::Empty,
                false => self.clear(writer, at, table).await?,
            };
            states.push(state);
        }
        for ((at, table), state) in TABLES.iter().enumerate().zip(states.into_iter().rev()) {
            match state {
                State::Same => {}
                State::Empty => self.fill(writer, at, table).await?,
                State::Less => self.complete(writer, at, table).await?,
            }
        }
        Ok(())
    }

    /// Deletes what is not, or not so, in the source.
    async fn clear(&mut self, writer: &Client, at: usize, table: &'static Table) -> Result<State, Error> {
        let (mut comparison, mut state) = (self.compare(table), State::Same);
        let (mut deleted, mut parked) = (Vec::new(), Vec::new());
        let mut count = 0;
        loop {
            let difference = comparison.next().await?;
            let is_end = difference.is_none();
            match difference {
                Some(Difference::Extra(row)) => deleted.push(row),
                Some(Difference::Changed(row)) if table.name == REFERRED => parked.push(row),
                Some(Difference::Changed(row)) => deleted.push(row),
                Some(Difference::Missing(_)) | None => {}
            }
            if !is_end {
                state = State::Less;
            }
            if deleted.len() >= CHANGED || is_end && !deleted.is_empty() {
                remote::delete(writer, table, &deleted).await?;
                count += deleted.len() as u64;
                deleted.clear();
            }
            if parked.len() >= CHANGED || is_end && !parked.is_empty() {
                park(writer, &parked).await?;
                parked.clear();
            }
            if is_end {
                break;
            }
        }
        let digest = comparison.finish();
        self.tell(table, "compared", digest.rows);
        self.count(at, count, 0);
        if state == State::Same
            && let Some(same) = self.same.get_mut(at)
        {
            *same = Some(digest);
        }
        Ok(state)
    }

    /// Inserts all rows into an empty table.
    async fn fill(&mut self, writer: &Client, at: usize, table: &'static Table) -> Result<(), Error> {
        let (mut source, mut rows, mut count) = (self.of_source(table), Vec::with_capacity(INSERTED), 0);
        loop {
            let row = source.next().await?;
            let is_end = row.is_none();
            rows.extend(row);
            if rows.len() >= INSERTED || is_end && !rows.is_empty() {
                remote::insert(writer, table, &rows).await?;
                count += rows.len() as u64;
                rows.clear();
            }
            if is_end {
                break;
            }
        }
        self.count(at, 0, count);
        self.tell(table, "copied", count);
        Ok(())
    }

    /// Inserts what is missing, and gives what was parked its values.
    async fn complete(&mut self, writer: &Client, at: usize, table: &'static Table) -> Result<(), Error> {
        let mut comparison = self.compare(table);
        let (mut missing, mut parked): (Vec<Row>, Vec<Row>) = (Vec::new(), Vec::new());
        let mut count = 0;
        loop {
            let difference = comparison.next().await?;
            let is_end = difference.is_none();
            match difference {
                Some(Difference::Missing(row)) => missing.push(row),
                Some(Difference::Changed(row)) if table.name == REFERRED => parked.push(row),
                Some(Difference::Changed(_) | Difference::Extra(_)) => {
                    return Err(Error::Transfer(format!("somebody else writes to table {} of the target", table.name)));
                }
                None => {}
            }
            if missing.len() >= INSERTED || is_end && !missing.is_empty() {
                remote::insert(writer, table, &missing).await?;
                count += missing.len() as u64;
                missing.clear();
            }
            if parked.len() >= CHANGED || is_end && !parked.is_empty() {
                remote::update(writer, table, &parked).await?;
                count += parked.len() as u64;
                parked.clear();
            }
            if is_end {
                break;
            }
        }
        self.count(at, 0, count);
        self.tell(table, "copied", count);
        Ok(())
    }

    /// Reads both sides from the beginning, but for tables that were compared row
    /// by row and not written to.
    async fn verify(&self) -> Result<Vec<TransferredTable>, Error> {
        let mut tables = Vec::with_capacity(TABLES.len());
        for ((table, (deleted, written)), same) in TABLES.iter().zip(&self.counts).zip(&self.same) {
            if let Some(same) = same {
                let (source, target) = (same.clone(), same.clone());
                tables.push(TransferredTable { name: table.name, deleted: 0, written: 0, source, target });
                continue;
            }
            let (source, target) = (self.of_source(table), remote::read(&self.reader, table));
            // Each on a core of its own.
            let source = tokio::spawn(source.digest(table));
            let target = target.digest(table).await?;
            let source = source.await.map_err(|_| Error::Closed)??;
            self.tell(table, "verified", target.rows);
            tables.push(TransferredTable { name: table.name, deleted: *deleted, written: *written, source, target });
        }
        Ok(tables)
    }

    fn count(&mut self, at: usize, deleted: u64, written: u64) {
        if let Some(count) = self.counts.get_mut(at) {
            *count = (count.0 + deleted, count.1 + written);
        }
    }

    fn tell(&self, table: &Table, done: &'static str, rows: u64) {
        (self.tell)(Progress { table: table.name, done, rows });
    }
}

/// Takes the names from organizations that are to get others: they are unique.
async fn park(writer: &Client, rows: &[Row]) -> Result<(), Error> {
    let table = TABLES.iter().find(|table| table.name == REFERRED);
    let place = |name| table.and_then(|table| table.columns.iter().position(|column| column.name == name));
    let (Some(table), Some(key)) = (table, place("name_key")) else { return Ok(()) };
    let mut parked = rows.to_vec();
    for name in parked.iter_mut().filter_map(|row| row.get_mut(key)) {
        *name = super::Cell::Null;
    }
    remote::update(writer, table, &parked).await
}
