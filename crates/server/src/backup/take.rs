//! Taking a backup, from a server that runs or from none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use polity_store::copy::{self, DATABASE_FILE, Manifest};

use super::{MANIFEST, OPERATOR_KEY, SECRET_KEY, Summary, parent, refused, sync, with_suffix, write_private};
use crate::config::{Config, ServeArgs};
use crate::data_dir;
use crate::error::Error;
use crate::start::Environment;

/// Arguments of the command that takes a backup.
#[derive(Clone, Debug, clap::Args)]
pub struct BackupArgs {
    /// Directory to write; it must not exist, or be empty
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,
    /// Leave out secret.key and operator.key: keep the secret key elsewhere, nothing works without it
    #[arg(long)]
    pub without_keys: bool,
    /// The settings of the server.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// Takes a backup of the database and of the keys, verifies it, and gives it
/// its name last: a backup that was cut has none. The server may go on.
///
/// # Errors
/// What is in the way, could not be written, or is wrong with the database.
pub fn backup(config: &Config, environment: &Environment, args: &BackupArgs) -> Result<Summary, Error> {
    let source = config.embedded_file()?;
    if !source.is_file() {
        return Err(refused(&source, "there is no database: name its directory with --data-dir"));
    }
    check_free(&args.to)?;
    let keys = Keys::read(config, args.without_keys)?;
    let partial = Partial::make(&args.to)?;
    let created_at = (environment.clock.0)();

    let database = partial.dir.join(DATABASE_FILE);
    data_dir::make_private(&database)?;
    copy::snapshot(&source, &database)?;
    sync(&database)?;
    let contents = copy::inspect(&database).map_err(|error| refused(&source, error))?;
    for (name, bytes) in &keys.files {
        write_private(&partial.dir.join(name), bytes)?;
    }
    let mut manifest = Manifest {
        format: copy::FORMAT,
        polity_version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version: contents.schema_version,
        created_at,
        files: Default::default(),
        tables: contents.tables,
    };
    for name in std::iter::once(DATABASE_FILE).chain(keys.files.iter().map(|(name, _)| *name)) {
        let path = partial.dir.join(name);
        manifest.files.insert(name.to_owned(), copy::file_digest(&path).map_err(Error::io("read", &path))?);
    }
    write_private(&partial.dir.join(MANIFEST), manifest.to_json().as_bytes())?;
    partial.finish(&args.to)?;
    Ok(Summary::new(format!("backup written to {}", args.to.display()), &manifest)
        .with("keys", keys.told)
        .with("verified", "structure, references, a checksum of each table and file"))
}

/// Whether a backup can get this name.
fn check_free(to: &Path) -> Result<(), Error> {
    if to.file_name().is_none() {
        return Err(refused(to, "this is no name for a backup"));
    }
    let in_the_way = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => true,
        Err(error) => return Err(Error::io("read", to)(error)),
    };
    match in_the_way {
        true => Err(refused(to, "there is something already: a backup needs a name of its own, or an empty directory")),
        false => Ok(()),
    }
}

/// The keys to take along.
struct Keys {
    /// Name and content of each.
    files: Vec<(&'static str, Vec<u8>)>,
    /// What to say about them.
    told: String,
}

impl Keys {
    fn read(config: &Config, without: bool) -> Result<Keys, Error> {
        const NEEDED: &str = "without the secret key no credential and no signing key of this backup can be used";
        if without {
            return Ok(Keys { files: Vec::new(), told: format!("none: {NEEDED}") });
        }
        let mut files = Vec::new();
        for (name, configured) in [(SECRET_KEY, &config.secret_key), (OPERATOR_KEY, &config.operator_key)] {
            // One that is configured is kept where the configuration is.
            if configured.is_some() {
                continue;
            }
            let path = config.data_dir.join(name);
            match fs::read(&path) {
                Ok(bytes) => files.push((name, bytes)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("read", &path)(error)),
                Err(_) if name == SECRET_KEY => {
                    let help = "configure it here as for the server, or leave it out with --without-keys";
                    return Err(refused(&path, format!("the secret key is missing: {help}")));
                }
                Err(_) => {}
            }
        }
        let mut told: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        if config.secret_key.is_some() {
            told.push(format!("not the secret key, which is configured: {NEEDED}"));
        }
        Ok(Keys { files, told: told.join(", ") })
    }
}

/// A backup in the making, under a name that says so. It is removed when it is
/// dropped unfinished; one that was cut by a crash, by the next with its name.
struct Partial {
    dir: PathBuf,
    is_finished: bool,
    _lock: File,
}

impl Partial {
    fn make(to: &Path) -> Result<Partial, Error> {
        let dir = with_suffix(to, ".partial");
        let lock = data_dir::lock(&dir).map_err(|error| match error {
            Error::InUse(_) => refused(to, "another backup with this name is being taken"),
            other => other,
        })?;
        let list = || fs::read_dir(&dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
        let journal = format!("{DATABASE_FILE}-journal");
        for path in list().map_err(Error::io("read", &dir))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if [DATABASE_FILE, &journal, MANIFEST, SECRET_KEY, OPERATOR_KEY].contains(&name) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            } else if name != data_dir::LOCK {
                return Err(refused(&path, "this is in the way and belongs to no backup: remove it"));
            }
        }
        Ok(Partial { dir, is_finished: false, _lock: lock })
    }

    /// Gives the backup its name.
    fn finish(mut self, to: &Path) -> Result<(), Error> {
        sync(&self.dir)?;
        fs::rename(&self.dir, to).map_err(Error::io("write", to))?;
        self.is_finished = true;
        // Locked until it has its name, so that no other backup takes it for a leftover.
        let lock = to.join(data_dir::LOCK);
        fs::remove_file(&lock).map_err(Error::io("remove", &lock))?;
        sync(to)?;
        sync(&parent(to))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            // It holds nothing but what was written here.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
