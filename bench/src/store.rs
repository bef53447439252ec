//! Where a database is that is measured, and the few statements that are run past Polity.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;

use crate::cluster::Cluster;
use crate::cores::Cores;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The embedded one.
    Sqlite,
    /// A PostgreSQL server that the benchmark starts.
    Postgres,
}

impl Kind {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        }
    }
}

/// The person of the benchmark, by a query.
const PERSON: &str = "(select id from users where email = 'bench@example.com')";

/// A database in a directory, and its server while this lives.
pub(crate) struct Store {
    directory: PathBuf,
    cluster: Option<Cluster>,
}

impl Store {
    /// An empty one.
    pub(crate) fn create(kind: Kind, directory: &Path) -> Result<Store> {
        std::fs::create_dir_all(directory.join("data"))?;
        if kind == Kind::Postgres {
            Cluster::create(&directory.join("postgres"))?;
        }
        Store::open(kind, directory, None)
    }

    /// One that is there; its server runs where Polity's does.
    pub(crate) fn open(kind: Kind, directory: &Path, cores: Option<Cores>) -> Result<Store> {
        let cluster = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Cluster::start(&directory.join("postgres"), cores)?),
        };
        Ok(Store { directory: directory.to_owned(), cluster })
    }

    /// The data directory of Polity.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What Polity is told, unless the database is in its data directory.
    pub(crate) fn url(&self) -> Option<String> {
        self.cluster.as_ref().map(Cluster::url)
    }

    /// Processor time of the server of the database so far; none where it is embedded.
    pub(crate) fn used(&self) -> Result<Duration> {
        self.cluster.as_ref().map_or(Ok(Duration::ZERO), Cluster::used)
    }

    /// Ids of so many organizations.
    pub(crate) fn ids(&self, count: u64) -> Result<Vec<String>> {
        self.texts(&format!("select {} from organizations order by id limit {count}", self.text("id")))
    }

    /// Makes the person of the benchmark a member of so many organizations, for which nobody has to be invited.
    pub(crate) fn join_organizations(&self, count: u64) -> Result<()> {
        let some = format!("from (select id from organizations order by created_at, id limit {count}) as chosen");
        if let Some(cluster) = &self.cluster {
            let sql = format!(
                "insert into members (id, organization_id, user_id, status, joined_at)
                 select gen_random_uuid(), id, {PERSON}, 'ACTIVE', 'epoch' {some} on conflict do nothing"
            );
            cluster.query(&sql)?;
            cluster.query("analyze")?;
            return Ok(());
        }
        let sql = format!(
            "insert or ignore into members (id, organization_id, user_id, status, joined_at)
             select randomblob(16), id, {PERSON}, 'ACTIVE', 1 {some}"
        );
        Connection::open(self.data().join("polity.db"))?.execute_batch(&sql)?;
        Ok(())
    }

    /// The organizations that person is a member of.
    pub(crate) fn joined(&self) -> Result<Vec<String>> {
        self.texts(&format!("select {} from members where user_id = {PERSON}", self.text("organization_id")))
    }

    /// Makes that person a member of these organizations as well.
    pub(crate) fn join(&self, ids: &[String]) -> Result<()> {
        // Those that are there already are skipped.
        let list = |quote: fn(&str) -> String| ids.iter().map(|id| quote(id)).collect::<Vec<_>>().join(", ");
        if let Some(cluster) = &self.cluster {
            let list = list(|id| format!("'{id}'"));
            let sql = format!(
                "insert into members (id, organization_id, user_id, status, joined_at)
                 select gen_random_uuid(), id, {PERSON}, 'ACTIVE', 'epoch' from organizations where id in ({list})
                 on conflict do nothing"
            );
            return cluster.query(&sql).map(drop);
        }
        let list = list(|id| format!("x'{}'", id.replace('-', "")));
        let sql = format!(
            "insert or ignore into members (id, organization_id, user_id, status, joined_at)
             select randomblob(16), id, {PERSON}, 'ACTIVE', 1 from organizations where id in ({list})"
        );
        Connection::open(self.data().join("polity.db"))?.execute_batch(&sql)?;
        Ok(())
    }

    /// A column of ids as hexadecimal text.
    fn text(&self, column: &str) -> String {
        if self.cluster.is_some() { format!("{column}::text") } else { format!("lower(hex({column}))") }
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>> {
        if let Some(cluster) = &self.cluster {
            return cluster.query(sql);
        }
        let conn = Connection::open(self.data().join("polity.db"))?;
        let mut select = conn.prepare(sql)?;
        let rows = select.query_map([], |row| row.get::<_, String>(0))?;
        Ok(rows.map(|id| id.map(|id| with_hyphens(&id))).collect::<rusqlite::Result<_>>()?)
    }
}

fn with_hyphens(id: &str) -> String {
    let mut text = String::with_capacity(36);
    for (n, digit) in id.chars().enumerate() {
        if matches!(n, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}
