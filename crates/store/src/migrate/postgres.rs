//! Migrations of a PostgreSQL database.
//!
//! The lock is on a row, because engines that speak the protocol of PostgreSQL
//! have no advisory locks. The fence is the primary key of the list of steps:
//! a step is applied in the transaction that adds its version, so one that
//! somebody else has applied in the meantime cannot be applied again.

use polity_api::scalar::Timestamp;
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
        let tx = client.transaction().await?;
        if step(&tx, migration, migrations, now).await? {
            tx.commit().await?;
            applied += 1;
        }
    }
    Ok(applied)
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

/// Applies a step unless it is applied; tells whether it did.
async fn step(
    tx: &Transaction<'_>,
    migration: &Migration,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<bool, Error> {
    tx.execute("select id from schema_lock where id = 1 for update", &[]).await?;
    let newest = tx.query_one("select coalesce(max(version), 0) from schema_migrations", &[]).await?.try_get(0)?;
    let of_step = "select checksum from schema_migrations where version = $1";
    let found = tx.query_opt(of_step, &[&migration.version]).await?;
    let found: Option<String> = found.map(|row| row.try_get(0)).transpose()?;
    let checksum = checksum(migration.pg);
    match next(migration, known(migrations), newest, found.as_deref(), &checksum)? {
        Next::Skip => return Ok(false),
        Next::Apply => tx.batch_execute(migration.pg).await?,
    }
    let applied_at = wire::system_time(now);
    tx.execute(
        "insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)",
        &[&migration.version, &migration.name, &checksum, &applied_at],
    )
    .await?;
    Ok(true)
}
