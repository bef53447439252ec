//! Moving from the embedded database to PostgreSQL. What is copied and how it
//! is compared is the store's; here are files, locks and what is told.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use polity_store::copy::{self, DATABASE_FILE, Pass, Progress, TransferredTable};
use polity_store::{PostgresOptions, Target};

use crate::backup::parent;
use crate::config::database::Database;
use crate::config::{Config, ServeArgs};
use crate::data_dir;
use crate::error::Error;
use crate::start::Environment;

/// Arguments of the command that moves to PostgreSQL.
#[derive(Clone, Debug, clap::Args)]
pub struct TransferArgs {
    /// Source, as in sqlite:/var/lib/polity/polity.db; the database of the data directory when not given
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Target, as in postgres://user:password@host/polity
    #[arg(long, value_name = "URL", env = "POLITY_TRANSFER_TO", hide_env_values = true)]
    pub to: String,
    /// The last pass, with the server stopped: afterwards the target is a database like any other
    #[arg(long = "final", conflicts_with = "verify_only")]
    pub is_final: bool,
    /// Compare source and target, and write nothing
    #[arg(long)]
    pub verify_only: bool,
    /// Directory for a copy of the source while it is transferred; next to the source when not given
    #[arg(long, value_name = "PATH")]
    pub work_dir: Option<PathBuf>,
    /// The settings of the server.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// What was transferred, as a table for the terminal.
#[derive(Clone, Debug)]
pub struct Transferred {
    source: PathBuf,
    target: String,
    pass: Pass,
    secret_key: PathBuf,
    tables: Vec<TransferredTable>,
}

impl Transferred {
    /// The first table in which source and target differ.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let table = self.tables.iter().find(|table| table.source != table.target)?;
        let (source, target) = (table.source.rows, table.target.rows);
        Some(format!(
            "source and target differ in table {}: {source} rows and {target}, or another checksum",
            table.name
        ))
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:>10} {:>10} {:>10}  sha-256", "table", "rows", "deleted", "written")?;
        for table in &self.tables {
            let (rows, sum) = (table.target.rows, &table.target.sha256);
            let verdict = if table.source == table.target { "" } else { "  DIFFERS" };
            writeln!(f, "{:<20} {rows:>10} {:>10} {:>10}  {sum}{verdict}", table.name, table.deleted, table.written)?;
        }
        if self.difference().is_some() {
            return write!(f, "{} is not what {} is", self.target, self.source.display());
        }
        write!(f, "{} holds what {} held when this began", self.target, self.source.display())?;
        if self.pass == Pass::Verify {
            return Ok(());
        }
        let next = match self.pass {
            Pass::Last => "start the servers with POLITY_DATABASE_URL; what the old server writes now is not moved",
            _ => "stop the server, and run this again with --final to move what was written since",
        };
        write!(f, "\n  next  {next}")?;
        write!(
            f,
            "\n  key   give every server the secret key of the old one, in POLITY_SECRET_KEY or as {}: \
             without it no credential and no signing key works",
            self.secret_key.display()
        )
    }
}

/// Brings a PostgreSQL database to the content of an embedded one, which may
/// be in use unless this is the last pass, and compares the two.
///
/// # Errors
/// What is in the way, or could not be read or written. It can be done again.
pub async fn transfer(
    config: &Config,
    environment: &Environment,
    args: &TransferArgs,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Transferred, Error> {
    let pass = match (args.verify_only, args.is_final) {
        (true, _) => Pass::Verify,
        (_, true) => Pass::Last,
        _ => Pass::Another,
    };
    let source = source(config, args.from.as_deref())?;
    if !source.is_file() {
        return Err(refused(
            &source,
            "there is no database: name its directory with --data-dir, or the file with --from",
        ));
    }
    let options = target(config, &args.to)?;
    let _stopped = if pass == Pass::Last { hold(config, &source)? } else { Vec::new() };

    let snapshot = Snapshot::take(&source, args.work_dir.as_deref())?;
    let tables = copy::transfer(&snapshot.file(), &options, pass, (environment.clock.0)(), tell).await?;
    let secret_key = source.with_file_name("secret.key");
    Ok(Transferred { source, target: options.address(), pass, secret_key, tables })
}

fn source(config: &Config, from: Option<&str>) -> Result<PathBuf, Error> {
    let found = from.map(|text| Database::parse(text).map_err(|why| Error::Config(format!("--from {why}"))));
    match found.transpose()?.as_ref().unwrap_or(&config.database) {
        Database::Sqlite(Some(path)) => Ok(path.clone()),
        Database::Postgres(_) if from.is_some() => {
            Err(Error::Config("--from must be an embedded database, as in sqlite:/var/lib/polity/polity.db".into()))
        }
        // The settings may be those of the servers to come.
        Database::Sqlite(None) | Database::Postgres(_) => Ok(config.data_dir.join(DATABASE_FILE)),
    }
}

fn target(config: &Config, to: &str) -> Result<PostgresOptions, Error> {
    let database = Database::parse(to).map_err(|why| Error::Config(format!("--to {why}")))?;
    match (Config { database, ..config.clone() }).target() {
        Target::Postgres(options) => Ok(options),
        Target::Sqlite(_) => {
            Err(Error::Config("--to must be a PostgreSQL server, as in postgres://host/polity".into()))
        }
    }
}

/// Keeps every server from the source: there is none now, and none starts.
fn hold(config: &Config, source: &Path) -> Result<Vec<File>, Error> {
    let database = data_dir::lock_file_of(source)?;
    // A server of an earlier release has locked its directory only.
    let mut directories = vec![parent(source), config.data_dir.clone()];
    directories.retain(|directory| directory.join(data_dir::LOCK).exists());
    let absolute = |path: &PathBuf| fs::canonicalize(path).map_err(Error::io("find", path));
    let mut directories = directories.iter().map(absolute).collect::<Result<Vec<_>, _>>()?;
    directories.dedup();
    directories.retain(|directory| directory.join(data_dir::LOCK) != database);
    let mut locks = vec![data_dir::lock_database(source)?];
    for directory in &directories {
        locks.push(data_dir::lock(directory)?);
    }
    Ok(locks)
}

/// One state of the source in a file of its own, in a directory that is removed
/// in the end; one that a crash left is used anew.
struct Snapshot {
    dir: PathBuf,
    _lock: File,
}

impl Snapshot {
    fn take(source: &Path, work_dir: Option<&Path>) -> Result<Snapshot, Error> {
        let mut name = source.file_name().unwrap_or_default().to_owned();
        name.push(".transfer");
        let dir = work_dir.map_or_else(|| source.with_file_name(&name), |dir| dir.join(&name));
        let lock = data_dir::lock(&dir).map_err(|error| match error {
            Error::InUse(_) => refused(source, "another transfer of it is going on"),
            other => other,
        })?;
        let snapshot = Snapshot { dir, _lock: lock };
        let file = snapshot.file();
        for leftover in [file.clone(), file.with_extension("db-journal")] {
            match fs::remove_file(&leftover) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &leftover)(error));
                }
                _ => {}
            }
        }
        data_dir::make_private(&file)?;
        copy::snapshot(source, &file)?;
        Ok(snapshot)
    }

    fn file(&self) -> PathBuf {
        self.dir.join(DATABASE_FILE)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // It holds nothing but what was written here; a directory with more in it stays.
        for name in [DATABASE_FILE, data_dir::LOCK] {
            let _ = fs::remove_file(self.dir.join(name));
        }
        let _ = fs::remove_dir(&self.dir);
    }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::Backup(format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_database_of_the_data_directory_unless_said_otherwise() {
        let config = Config { data_dir: "d".into(), ..Config::default() };
        assert_eq!(source(&config, None).unwrap(), Path::new("d/polity.db"));
        assert_eq!(source(&config, Some("sqlite:/a/b.db")).unwrap(), Path::new("/a/b.db"));
        let moved = Config { database: Database::parse("postgres://h.example/d").unwrap(), ..config.clone() };
        assert_eq!(source(&moved, None).unwrap(), Path::new("d/polity.db"));
        for (from, why) in [("postgres://h.example/d", "--from must be an embedded"), ("x", "--from must be sqlite:")] {
            let error = source(&config, Some(from)).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn the_target_is_spoken_to_as_the_settings_say() {
        let config = Config::default();
        let postgres = crate::config::database::Postgres { ca: Some("ca.pem".into()), ..config.postgres.clone() };
        assert!(target(&config, "postgres://h.example/d").unwrap().ca.is_none());
        let config = Config { postgres, ..config };
        assert_eq!(target(&config, "postgres://h.example/d").unwrap().ca, Some("ca.pem".into()));
        let error = target(&config, "sqlite:/a/b.db").err().unwrap().to_string();
        assert!(error.starts_with("--to must be a PostgreSQL server"), "{error}");
    }
}
