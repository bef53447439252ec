//! Which database, and how it is spoken to.

use std::path::PathBuf;
use std::time::Duration;

use polity_store::{Options, PostgresOptions, Target};

use super::value::Secret;
use crate::error::Error;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// The file of an embedded one; `polity.db` in the data directory when not set.
    Sqlite(Option<PathBuf>),
    /// The URL of a PostgreSQL server.
    Postgres(Secret),
}

/// How a PostgreSQL server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postgres {
    /// A file of certificates to trust instead of the public authorities.
    pub ca: Option<PathBuf>,
    /// Connections at most.
    pub connections: usize,
    /// Whether statements stay prepared on a connection.
    pub prepare: bool,
    /// Whether changes are announced to other replicas at once.
    pub notify: bool,
}

impl Default for Postgres {
    fn default() -> Self {
        Postgres { ca: None, connections: 16, prepare: true, notify: true }
    }
}

impl Database {
    pub(crate) fn parse(text: &str) -> Result<Database, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // What it says is read here, so that a mistake is told by its name.
            let url = Secret(text.to_owned());
            PostgresOptions::new(text.to_owned()).check().map_err(|why| format!("cannot be used: {why}"))?;
            return Ok(Database::Postgres(url));
        }
        let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() && path != ":memory:" => Ok(Database::Sqlite(Some(path.into()))),
            _ => Err("must be sqlite: and the path of a file, or postgres:// and a server".into()),
        }
    }

    /// As it is printed: the URL of a server has a password in it.
    pub(super) fn show(&self) -> Option<String> {
        match self {
            Database::Sqlite(path) => path.as_ref().map(|path| format!("sqlite:{}", path.display())),
            Database::Postgres(_) => Some("postgres://********".to_owned()),
        }
    }
}

impl super::Config {
    /// The database to open.
    #[must_use]
    pub fn target(&self) -> Target {
        match &self.database {
            Database::Sqlite(path) => Target::Sqlite(path.clone().unwrap_or_else(|| self.data_dir.join("polity.db"))),
            Database::Postgres(url) => Target::Postgres(PostgresOptions {
                url: url.0.clone(),
                ca: self.postgres.ca.clone(),
                connections: self.postgres.connections,
                prepare: self.postgres.prepare,
                notify: self.postgres.notify,
            }),
        }
    }

    /// The file of an embedded database.
    ///
    /// # Errors
    /// When the database is a PostgreSQL server.
    pub fn embedded_file(&self) -> Result<PathBuf, Error> {
        match self.target() {
            Target::Sqlite(path) => Ok(path),
            Target::Postgres(_) => Err(Error::Config(
                "this is for the embedded database: PostgreSQL is backed up with its own programs, pg_dump or base backups".into(),
            )),
        }
    }

    /// How to open it.
    #[must_use]
    pub fn store_options(&self) -> Options {
        Options {
            unit_budget: self.unit_timeout.max(Duration::from_millis(1)),
            revocation_bound: self.revocation_bound,
            ..Options::new(self.target())
        }
    }

    /// The database in words: the path of its file, or the address of the server.
    #[must_use]
    pub fn database_name(&self) -> String {
        match self.target() {
            Target::Sqlite(path) => path.display().to_string(),
            Target::Postgres(options) => options.address(),
        }
    }
}
