//! Writing many rows into either engine, as fast as it takes them.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio_postgres::Client;

use crate::Error;
use crate::copy::{Row, Table, remote};
use crate::engine::db::Target;

/// Memory for the pages of a database that is filled, in KiB.
const CACHE_KIB: i64 = 1 << 20;
/// How long to wait for somebody who reads the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Fills a database that nobody else uses, and whose loss would not matter:
/// of the embedded one a crash of the machine may leave a broken file until
/// [`Bulk::finish`] is done.
pub struct Bulk(Engine);

enum Engine {
    Lite(Connection),
    Pg(Arc<Client>),
}

impl Bulk {
    /// Opens a migrated database.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn open(target: &Target) -> Result<Bulk, Error> {
        Ok(Bulk(match target {
            Target::Sqlite(path) => {
                let conn = Connection::open(path)?;
                conn.busy_timeout(BUSY_TIMEOUT)?;
                conn.pragma_update(None, "synchronous", "off")?;
                conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
                conn.pragma_update(None, "foreign_keys", "on")?;
                Engine::Lite(conn)
            }
            Target::Postgres(options) => Engine::Pg(remote::connect(options).await?),
        }))
    }

    /// Inserts rows in one transaction.
    ///
    /// # Errors
    /// What the engine refused; then none of them is there.
    pub async fn insert(&mut self, table: &Table, rows: &[Row]) -> Result<(), Error> {
        let conn = match &mut self.0 {
            Engine::Pg(client) => return remote::insert(client, table, rows).await,
            Engine::Lite(conn) => conn,
        };
        let names: Vec<_> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let tx = conn.transaction()?;
        {
            let text = format!("insert into \"{}\" ({}) values ({marks})", table.name, names.join(", "));
            let mut statement = tx.prepare_cached(&text)?;
            for row in rows {
                statement.execute(rusqlite::params_from_iter(row))?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// How many rows a table has, at most `limit`.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn count(&self, table: &Table, limit: u32) -> Result<i64, Error> {
        self.number(&format!("select count(*) from (select 1 from \"{}\" limit {limit}) t", table.name)).await
    }

    /// The largest number in a column, 0 when there is none.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn largest(&self, table: &Table, column: &str) -> Result<i64, Error> {
        self.number(&format!("select coalesce(max(\"{column}\"), 0) from \"{}\"", table.name)).await
    }

    /// The largest number that follows `prefix` in a column of texts, up to
    /// `suffix`; 0 when there is none.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn largest_after(&self, table: &Table, column: &str, prefix: &str, suffix: &str) -> Result<i64, Error> {
        let pattern = format!("{prefix}%{suffix}");
        let text = format!(
            "select \"{column}\" from \"{}\" where \"{column}\" like $1
             order by length(\"{column}\") desc, \"{column}\" desc limit 1",
            table.name
        );
        let found: Option<String> = match &self.0 {
            Engine::Lite(conn) => conn.prepare(&text)?.query_map((&pattern,), |row| row.get(0))?.next().transpose()?,
            Engine::Pg(client) => client.query_opt(&text, &[&pattern]).await?.map(|row| row.try_get(0)).transpose()?,
        };
        let number = found.as_deref().and_then(|text| text.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok());
        Ok(number.unwrap_or(0))
    }

    async fn number(&self, text: &str) -> Result<i64, Error> {
        Ok(match &self.0 {
            Engine::Lite(conn) => conn.query_row(text, (), |row| row.get(0))?,
            Engine::Pg(client) => client.query_one(text, &[]).await?.try_get(0)?,
        })
    }

    /// Makes the counters of the engine follow the rows, and the rows last.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn finish(self) -> Result<(), Error> {
        match self.0 {
            Engine::Lite(conn) => {
                conn.pragma_update(None, "synchronous", "full")?;
                conn.execute_batch("pragma optimize; pragma wal_checkpoint(truncate)")?;
                conn.close().map_err(|(_, error)| error)?;
            }
            Engine::Pg(client) => {
                remote::set_counters(&client, 0).await?;
                client.batch_execute("analyze").await?;
            }
        }
        Ok(())
    }
}
