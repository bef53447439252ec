//! Migrations of a PostgreSQL database.
//!
//! The lock is on a row, because engines that speak the protocol of PostgreSQL
//! have no advisory locks. The fence is the primary key of the list of steps:
//! a step is applied in the transaction that adds its version, so one that
//! somebody else has applied in the meantime cannot be applied again.
//!
//! Replicas of the previous release work meanwhile. Who waits for a table that
//! is in use holds up all that want it after him, so a step gives up soon, lets
//! them through and begins anew: a backup that reads for an hour delays the
//! migration, and nobody else.

use std::time::{Duration, Instant};

use polity_api::scalar::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, Transaction};

use crate::Error;
use crate::copy::is_unfinished;
use crate::engine::postgres::connect::PostgresOptions;
use crate::engine::postgres::hosts::Hosts;
use crate::engine::postgres::wire;
use crate::migrate::{Migration, Next, checksum, known, next};

/// How often the tables of the runner itself are tried to be made: two servers
/// that start together on an empty database can collide over their names.
const TRIES: usize = 10;

/// How long a step waits for a table at first, and at most: for as long it may hold up others, and they are to be through
/// within the time of a unit. `PostgreSQL` ends an autovacuum that somebody waits for after a second.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(1250));

/// How many times as long as it waited a step lets others through.
const PAUSE: u32 = 4;

/// How long a step is tried before the migration is given up.
const GIVES_UP: Duration = Duration::from_mins(10);

/// How often it is told that a step waits.
const TOLD_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn apply(options: &PostgresOptions, migrations: &[Migration], now: Timestamp) -> Result<usize, Error> {
    connected(options, async |client| apply_all(client, migrations, now).await).await
}

/// The same, unless the database is the target of a transfer whose last pass is still to come.
pub(super) async fn apply_to_serve(
    options: &PostgresOptions,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<usize, Error> {
    let apply = async |client: &mut Client| match is_unfinished(client).await? {
        true => Err(Error::Unfinished),
        false => apply_all(client, migrations, now).await,
    };
    connected(options, apply).await
}

async fn connected<T>(
    options: &PostgresOptions,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let (mut client, connection) = Hosts::new(options)?.any_in_time().await?;
    let connection = tokio::spawn(connection);
    let done = work(&mut client).await;
    drop(client);
    // The server has to see the end of the connection before anybody is told that this is done.
    let _ = connection.await;
    done
}

async fn apply_all(client: &mut Client, migrations: &[Migration], now: Timestamp) -> Result<usize, Error> {
    if is_current(client, migrations).await {
        return Ok(0);
    }
    prepare(client).await?;
    let mut applied = 0;
    for migration in migrations {
        applied += usize::from(patiently(client, migration, migrations, now).await?);
    }
    Ok(applied)
}

/// Applies a step unless it is applied, once nobody else uses its tables; tells whether it did.
async fn patiently(
    client: &mut Client,
    migration: &Migration,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<bool, Error> {
    let (mut patience, longest) = PATIENCE;
    let (began, mut told) = (Instant::now(), Duration::ZERO);
    loop {
        let tx = client.transaction().await?;
        let stepped = match step(&tx, migration, migrations, now, patience).await {
            Ok(stepped) => tx.commit().await.map(|()| stepped).map_err(Error::from),
            Err(error) => {
                // It fails where the connection is gone, of which `error` tells.
                let _ = tx.rollback().await;
                Err(error)
            }
        };
        let waited = began.elapsed();
        if !matches!(stepped, Err(Error::TablesInUse(_))) || waited >= GIVES_UP {
            return stepped;
        }
        if waited >= told + TOLD_EVERY {
            told = waited;
            let (step, seconds) = (migration.version, waited.as_secs());
            tracing::warn!(step, seconds, "a migration waits for tables that others use: is there a long transaction?");
        }
        tokio::time::sleep(patience * PAUSE).await;
        patience = longest.min(patience * 3 / 2);
    }
}

/// Whether every step is applied as it is here and no other is: one look, as at nearly every start. Where it tells
/// anything else, or fails as it does without the list, the steps are gone through.
async fn is_current(client: &Client, migrations: &[Migration]) -> bool {
    let list = "select version, checksum from schema_migrations order by version";
    let Ok(answer) = client.simple_query(list).await else { return false };
    let applied = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
        _ => None,
    });
    applied.eq(migrations.iter().map(|step| (step.version.to_string(), checksum(step.pg))))
}

async fn prepare(client: &Client) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        let made = client
            .batch_execute(
                "create table if not exists schema_migrations (
                     version bigint primary key, name text not null, checksum text not null,
                     applied_at timestamptz not null
                 );
                 create table if not exists schema_lock (id bigint primary key);
                 insert into schema_lock (id) values (1) on conflict (id) do nothing",
            )
            .await;
        tries += 1;
        match made.map_err(Error::from) {
            Err(Error::Unique(_) | Error::Conflict | Error::Postgres(_)) if tries < TRIES => {}
            made => return made,
        }
    }
}

/// Applies a step unless it is applied; tells whether it did. Other steps are waited for, tables only so long.
async fn step(
    tx: &Transaction<'_>,
    migration: &Migration,
    migrations: &[Migration],
    now: Timestamp,
    patience: Duration,
) -> Result<bool, Error> {
    // Others may be in the middle of a step, and this one takes as long as it takes.
    tx.batch_execute("set local statement_timeout = 0").await?;
    tx.execute("select id from schema_lock where id = 1 for update", &[]).await?;
    let newest = tx.query_one("select coalesce(max(version), 0) from schema_migrations", &[]).await?.try_get(0)?;
    let of_step = "select checksum from schema_migrations where version = $1";
    let found = tx.query_opt(of_step, &[&migration.version]).await?;
    let found: Option<String> = found.map(|row| row.try_get(0)).transpose()?;
    let checksum = checksum(migration.pg);
    match next(migration, known(migrations), newest, found.as_deref(), &checksum)? {
        Next::Skip => return Ok(false),
        Next::Apply => {
            tx.batch_execute(&format!("set local lock_timeout = {}", patience.as_millis())).await?;
            tx.batch_execute(migration.pg).await.map_err(|error| refused(migration.version, error))?;
        }
    }
    let applied_at = wire::system_time(now);
    tx.execute(
        "insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)",
        &[&migration.version, &migration.name, &checksum, &applied_at],
    )
    .await?;
    Ok(true)
}

/// Why a step was refused: others had its tables, or anything else.
fn refused(version: i64, error: tokio_postgres::Error) -> Error {
    let is_in_use = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    match error.code() {
        Some(code) if is_in_use.contains(code) => Error::TablesInUse(version),
        _ => error.into(),
    }
}
