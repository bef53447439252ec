//! The rows of a PostgreSQL database in bulk: read in the order of their keys,
//! inserted, changed and deleted many at a time.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_postgres::Client;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::copy::binary::{self, Reader};
use crate::copy::rows::{Batch, Rows};
use crate::copy::{Cell, Column, Row, Table};
use crate::engine::postgres::connect::PostgresOptions;
use crate::engine::postgres::hosts::Hosts;
use crate::{Error, Kind};

/// Rows handed on at a time.
const BATCH: usize = 1000;
/// Bytes sent at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A connection for long work: no statement on it is cut short.
pub(super) async fn connect(options: &PostgresOptions) -> Result<Arc<Client>, Error> {
    let (client, connection) = Hosts::new(options)?.any_in_time().await?;
    // How it ends is seen by the client.
    tokio::spawn(connection);
    client.batch_execute("set statement_timeout = 0; set work_mem = '64MB'").await?;
    // An engine that merely speaks the protocol of PostgreSQL may not know it.
    let _ = client.batch_execute("set idle_in_transaction_session_timeout = 0").await;
    Ok(Arc::new(client))
}

/// The type of PostgreSQL that holds a value.
fn type_name(holds: Kind) -> &'static str {
    match holds {
        Kind::Uuid => "uuid",
        Kind::Bytes => "bytea",
        Kind::Text => "text",
        Kind::Integer => "bigint",
        Kind::Boolean => "boolean",
        Kind::Time => "timestamptz",
    }
}

fn list(names: impl IntoIterator<Item = &'static str>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn columns(table: &Table) -> String {
    list(table.columns.iter().map(|column| column.name))
}

/// The columns of the key with their places.
fn key(table: &Table) -> Vec<(usize, Column)> {
    let place = |name: &&str| table.columns.iter().position(|column| column.name == *name);
    table.key.iter().filter_map(|name| place(name).and_then(|at| Some((at, *table.columns.get(at)?)))).collect()
}

/// Every row of a table, in the order of its key.
pub(super) fn read(client: &Arc<Client>, table: &'static Table) -> Rows {
    let (send, rows) = Rows::channel();
    let client = client.clone();
    tokio::spawn(async move {
        if let Err(error) = read_all(&client, table, &send).await {
            let _ = send.send(Err(error)).await;
        }
    });
    rows
}

async fn read_all(client: &Client, table: &Table, send: &mpsc::Sender<Batch>) -> Result<(), Error> {
    let (columns, key) = (columns(table), list(table.key.iter().copied()));
    let text = format!("copy (select {columns} from \"{}\" order by {key}) to stdout (format binary)", table.name);
    let mut pieces = pin!(client.copy_out(&text).await?);
    let (mut reader, mut rows) = (Reader::new(table), Vec::with_capacity(BATCH));
    while let Some(piece) = pieces.next().await {
        reader.feed(&piece?);
        while let Some(row) = reader.next()? {
            rows.push(row);
        }
        if rows.len() >= BATCH && send.send(Ok(std::mem::replace(&mut rows, Vec::with_capacity(BATCH)))).await.is_err()
        {
            return Ok(());
        }
    }
    for last in [rows, Vec::new()] {
        let _ = send.send(Ok(last)).await;
    }
    Ok(())
}

/// Whether a table has a row.
pub(super) async fn is_empty(client: &Client, table: &Table) -> Result<bool, Error> {
    Ok(client.query_opt(&format!("select 1 from \"{}\" limit 1", table.name), &[]).await?.is_none())
}

/// Inserts rows: all of them or none.
pub(super) async fn insert(client: &Client, table: &Table, rows: &[Row]) -> Result<(), Error> {
    let text = format!("copy \"{}\" ({}) from stdin (format binary)", table.name, columns(table));
    let mut sink = pin!(client.copy_in::<_, BytesMut>(&text).await?);
    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
    binary::begin(&mut piece);
    for row in rows {
        // Dropping the sink undoes what was sent.
        binary::write(table, row, &mut piece)?;
        if piece.len() >= PIECE_BYTES {
            sink.send(std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE_BYTES))).await?;
        }
    }
    binary::end(&mut piece);
    sink.send(piece).await?;
    sink.finish().await?;
    Ok(())
}

/// Deletes the rows that have the keys of these.
pub(super) async fn delete(client: &Client, table: &Table, rows: &[Row]) -> Result<(), Error> {
    let key = key(table);
    let arrays = key.iter().enumerate().map(|(n, (_, column))| format!("${}::{}[]", n + 1, type_name(column.holds)));
    let (arrays, names) = (arrays.collect::<Vec<_>>().join(", "), list(table.key.iter().copied()));
    let matches = table.key.iter().map(|name| format!("t.\"{name}\" = k.\"{name}\"")).collect::<Vec<_>>().join(" and ");
    let text = format!("delete from \"{}\" t using unnest({arrays}) as k ({names}) where {matches}", table.name);
    let values: Vec<Vec<Value<'_>>> = key
        .iter()
        .map(|(at, column)| rows.iter().filter_map(|row| Some(Value(column.holds, row.get(*at)?))).collect())
        .collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
    client.execute(&text, &parameters).await?;
    Ok(())
}

/// Gives the rows that have the keys of these the other columns of these.
pub(super) async fn update(client: &Client, table: &Table, rows: &[Row]) -> Result<(), Error> {
    let set = |is_key: bool| {
        let columns = table.columns.iter().enumerate().filter(move |(_, c)| table.key.contains(&c.name) == is_key);
        columns.map(|(at, c)| format!("\"{}\" = ${}::{}", c.name, at + 1, type_name(c.holds))).collect::<Vec<_>>()
    };
    let (set, matches) = (set(false).join(", "), set(true).join(" and "));
    let statement = client.prepare(&format!("update \"{}\" set {set} where {matches}", table.name)).await?;
    try_join_all(rows.iter().map(async |row| {
        let values: Vec<_> = table.columns.iter().zip(row).map(|(c, cell)| Value(c.holds, cell)).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        client.execute(&statement, &parameters).await
    }))
    .await?;
    Ok(())
}

/// Makes right what only this engine has: the counters of events, for each
/// organization and for all of them. The next event gets a number above `last`.
pub(super) async fn set_counters(client: &Client, last: i64) -> Result<(), Error> {
    client
        .batch_execute(
            "begin; delete from event_counters; insert into event_counters (organization_id, last_seq)
             select organization_id, max(organization_seq) from events where organization_id is not null
             group by organization_id; commit",
        )
        .await?;
    set_sequence(client, last).await
}

/// Lets the next event have a number above `last` and above all there are.
pub(super) async fn set_sequence(client: &Client, last: i64) -> Result<(), Error> {
    client
        .execute(
            "select setval(pg_get_serial_sequence('events', 'seq'), greatest(m.seq, $1, 1), greatest(m.seq, $1) > 0)
             from (select coalesce(max(seq), 0) as seq from events) m",
            &[&last],
        )
        .await?;
    Ok(())
}

/// A cell as a parameter.
#[derive(Debug)]
struct Value<'a>(Kind, &'a Cell);

impl ToSql for Value<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        if *self.1 == Cell::Null {
            return Ok(IsNull::Yes);
        }
        binary::value(self.0, self.1, out)?;
        Ok(IsNull::No)
    }

    /// Every parameter is cast to the type of its column.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
