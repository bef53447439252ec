//! The data directory and the file of an embedded database: one server at a
//! time, and the keys that are made on the first start.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use polity_ops::{Random, secret, token};
use polity_store::Target;
use polity_store::copy::DATABASE_FILE;

use crate::backup::{parent, with_suffix};
use crate::config::Config;
use crate::error::Error;

/// Name of the file that is locked while a directory is in use.
pub(crate) const LOCK: &str = "polity.lock";

/// A data directory that belongs to this process until it is dropped.
pub(crate) struct DataDir {
    /// The master key.
    pub secret_key: [u8; 32],
    /// The operator's key.
    pub operator_key: String,
    /// Where the master key comes from, in words.
    secret_key_from: String,
    /// The file of the master key, where there was none.
    missing_secret_key: Option<PathBuf>,
    /// Keys that were made and are not written yet.
    made: Vec<(PathBuf, String)>,
    _locks: Vec<File>,
}

impl DataDir {
    /// Opens the data directory, creating it where it is missing. Keys that are
    /// missing are made, and written by [`DataDir::keep_keys`].
    pub fn open(config: &Config, random: &Random) -> Result<DataDir, Error> {
        let locks = hold(config)?;
        let mut made = Vec::new();
        let (secret_file, operator_file) = (config.data_dir.join("secret.key"), config.data_dir.join("operator.key"));
        let secret_key = match &config.secret_key {
            Some(given) => given.0.clone(),
            None => file(&secret_file, &mut made, || hex(&random.bytes()))?,
        };
        let missing_secret_key = made.first().map(|(path, _)| path.clone());
        let secret_key = unhex(&secret_key)
            .ok_or_else(|| Error::Config(format!("{} does not have 64 hexadecimal digits", secret_file.display())))?;
        let operator_key = match &config.operator_key {
            Some(given) => given.0.clone(),
            None => {
                file(&operator_file, &mut made, || format!("{}{}", token::OPERATOR_PREFIX, secret::generate(random)))?
            }
        };
        if operator_key.len() < 32 {
            return Err(Error::Config(format!("{} has no operator key", operator_file.display())));
        }
        let secret_key_from = match &config.secret_key {
            Some(_) => "POLITY_SECRET_KEY".to_owned(),
            None => secret_file.display().to_string(),
        };
        Ok(DataDir { secret_key, operator_key, secret_key_from, missing_secret_key, made, _locks: locks })
    }

    /// Whether the master key is a new one: then no database may have been used with another.
    pub fn has_new_secret_key(&self) -> bool {
        self.missing_secret_key.is_some()
    }

    /// Writes the keys that were made. Not where the database was used before and its master key is missing: a new
    /// one would open nothing that is in it, and be in the way of the right one.
    pub fn keep_keys(&mut self, is_database_used: bool) -> Result<(), Error> {
        if let (Some(path), true) = (&self.missing_secret_key, is_database_used) {
            return Err(Error::Config(format!(
                "{} is missing, the secret key this database was made with: put it there, or set POLITY_SECRET_KEY",
                path.display()
            )));
        }
        self.made.drain(..).try_for_each(|(path, text)| write_key(&path, &text))
    }

    /// For a database that holds what the master key does not open.
    pub fn wrong_secret_key(&self) -> Error {
        Error::Config(format!(
            "{} is not the secret key this database was made with: restore that one, or set POLITY_SECRET_KEY to it",
            self.secret_key_from
        ))
    }
}

/// Takes the data directory and, where the database is embedded, its file for
/// this process, creating both where they are missing.
pub(crate) fn hold(config: &Config) -> Result<Vec<File>, Error> {
    let mut locks = vec![lock(&config.data_dir)?];
    if let Target::Sqlite(path) = config.target() {
        make_private(&path)?;
        locks.extend(lock_database_outside(&config.data_dir, &path)?);
    }
    Ok(locks)
}

/// Takes the file of a database, unless the lock of a directory that is held already is its own too.
pub(crate) fn lock_database_outside(held: &Path, database: &Path) -> Result<Option<File>, Error> {
    let held = fs::canonicalize(held).map_err(Error::io("find", held))?.join(LOCK);
    if lock_file_of(database)? == held { Ok(None) } else { lock_database(database).map(Some) }
}

/// Takes the file of a database for this process, by whatever name it is reached.
pub(crate) fn lock_database(database: &Path) -> Result<File, Error> {
    take(&lock_file_of(database)?)?.ok_or_else(|| Error::DatabaseInUse(database.display().to_string()))
}

/// The file that is locked for a database, beside it: in a data directory that of the directory.
pub(crate) fn lock_file_of(database: &Path) -> Result<PathBuf, Error> {
    let file = match fs::canonicalize(database) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let dir = parent(database);
            let dir = fs::canonicalize(&dir).map_err(Error::io("find", &dir))?;
            dir.join(database.file_name().unwrap_or_default())
        }
        found => found.map_err(Error::io("find", database))?,
    };
    let is_usual = file.file_name().is_some_and(|name| name == DATABASE_FILE);
    Ok(if is_usual { file.with_file_name(LOCK) } else { with_suffix(&file, ".lock") })
}

/// Creates the directory if it is missing, and takes it for this process; the
/// lock goes with the file that is returned, whatever ends the process.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Error::io("create", dir))?;
    take(&dir.join(LOCK))?.ok_or_else(|| Error::InUse(dir.display().to_string()))
}

/// Locks a file, which is made where it is missing; none when another process has it.
fn take(path: &Path) -> Result<Option<File>, Error> {
    let file = private().create(true).truncate(false).open(path).map_err(Error::io("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Makes an empty file that only its owner reads, unless there is one. SQLite
/// takes it for a new database, and gives its logs the same mode.
pub(crate) fn make_private(path: &Path) -> Result<(), Error> {
    private().create(true).truncate(false).open(path).map(drop).map_err(Error::io("open", path))
}

/// The text of a file; that of a missing one is made.
fn file(path: &Path, made: &mut Vec<(PathBuf, String)>, make: impl FnOnce() -> String) -> Result<String, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make();
            made.push((path.to_owned(), text.clone()));
            Ok(text)
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Writes a key, whole or not at all.
fn write_key(path: &Path, text: &str) -> Result<(), Error> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut file = private().create(true).truncate(true).open(&temporary)?;
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(Error::io("write", path))
}

/// Options for a file that only its owner reads.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::database::Database;
    use crate::config::value::Secret;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    fn random() -> Random {
        let next = AtomicU8::new(1);
        Random(Arc::new(move |bytes: &mut [u8]| bytes.fill_with(|| next.fetch_add(7, Ordering::Relaxed))))
    }

    fn config(dir: &tempfile::TempDir) -> Config {
        Config { data_dir: dir.path().join("data"), ..Config::default() }
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir);
        let (random, mut first) = (random(), DataDir::open(&config, &random()).unwrap());
        assert!(first.has_new_secret_key());
        first.keep_keys(false).unwrap();
        let (secret_key, operator_key) = (first.secret_key, first.operator_key.clone());
        assert!(operator_key.starts_with(token::OPERATOR_PREFIX));
        assert_eq!(fs::read_to_string(config.data_dir.join("operator.key")).unwrap(), format!("{operator_key}\n"));
        drop(first);
        let second = DataDir::open(&config, &random).unwrap();
        assert_eq!((second.secret_key, &second.operator_key), (secret_key, &operator_key));
        assert!(!second.has_new_secret_key());
        #[cfg(unix)]
        for (name, mode) in [("", 0o700), ("secret.key", 0o600), ("operator.key", 0o600), ("polity.lock", 0o600)] {
            use std::os::unix::fs::PermissionsExt as _;
            let found = fs::metadata(config.data_dir.join(name)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir);
        let _first = DataDir::open(&config, &random()).unwrap();
        let error = DataDir::open(&config, &random()).err().unwrap().to_string();
        assert!(error.starts_with("another polity runs on"), "{error}");
    }

    #[test]
    fn a_database_in_use_is_refused_whatever_directory_and_name_it_is_reached_by() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str, database: &Path| Config {
            data_dir: dir.path().join(name),
            database: Database::Sqlite(Some(database.to_owned())),
            ..Config::default()
        };
        let file = dir.path().join("x.db");
        let first = DataDir::open(&at("first", &file), &random()).unwrap();
        let refused = |config: &Config| DataDir::open(config, &random()).err().unwrap().to_string();
        let error = refused(&at("second", &file));
        assert!(error.starts_with("another polity uses the database") && error.contains("x.db"), "{error}");
        #[cfg(unix)]
        {
            let link = dir.path().join("link.db");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            assert!(refused(&at("third", &link)).starts_with("another polity uses the database"));
        }
        drop(first);
        DataDir::open(&at("second", &file), &random()).unwrap();

        // The database of another directory is that of the server there.
        let usual = config(&dir);
        let _open = DataDir::open(&usual, &random()).unwrap();
        let database = usual.data_dir.join("polity.db");
        assert!(refused(&at("fourth", &database)).starts_with("another polity uses the database"));
        assert_eq!(lock_file_of(&database).unwrap(), fs::canonicalize(&usual.data_dir).unwrap().join(LOCK));
    }

    #[test]
    fn a_secret_key_is_not_made_for_a_database_that_had_one() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir);
        let mut open = DataDir::open(&config, &random()).unwrap();
        let error = open.keep_keys(true).unwrap_err().to_string();
        assert!(error.contains("secret.key is missing") && error.contains("POLITY_SECRET_KEY"), "{error}");
        assert!(!config.data_dir.join("operator.key").exists() && !config.data_dir.join("secret.key").exists());
    }

    #[test]
    fn given_keys_are_used_and_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let key = "0123456789abcdef0123456789abcdef".to_owned();
        let config = Config {
            operator_key: Some(Secret(key.clone())),
            secret_key: Some(Secret("ab".repeat(32))),
            ..config(&dir)
        };
        let mut open = DataDir::open(&config, &random()).unwrap();
        open.keep_keys(true).unwrap();
        assert_eq!((&open.operator_key, open.secret_key), (&key, [0xab; 32]));
        assert!(!config.data_dir.join("operator.key").exists() && !config.data_dir.join("secret.key").exists());
    }

    #[test]
    fn a_broken_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir);
        fs::create_dir_all(&config.data_dir).unwrap();
        fs::write(config.data_dir.join("secret.key"), "abc").unwrap();
        assert!(DataDir::open(&config, &random()).err().unwrap().to_string().contains("64 hexadecimal"));
        assert_eq!(fs::read_to_string(config.data_dir.join("secret.key")).unwrap(), "abc");
    }
}
