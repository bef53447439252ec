//! Restoring a backup, or checking one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use polity_store::copy::{self, DATABASE_FILE, Manifest};

use super::{OPERATOR_KEY, SECRET_KEY, Summary, parent, refused, sync, verify, with_suffix, write_private};
use crate::config::value::Secret;
use crate::config::{Config, ServeArgs};
use crate::data_dir;
use crate::error::Error;

/// Arguments of the command that restores a backup.
#[derive(Clone, Debug, clap::Args)]
pub struct RestoreArgs {
    /// Directory of the backup
    #[arg(long, value_name = "PATH")]
    pub from: PathBuf,
    /// Check the backup, and restore nothing
    #[arg(long)]
    pub verify_only: bool,
    /// The settings of the server.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// Verifies a backup and makes a data directory of it. What was copied is
/// verified again before it becomes the database.
///
/// # Errors
/// What is wrong with the backup, in the way, or could not be written.
pub fn restore(config: &Config, args: &RestoreArgs) -> Result<Summary, Error> {
    let from = args.from.as_path();
    if args.verify_only {
        let manifest = verify(from)?;
        let (at, by) = (manifest.created_at, &manifest.polity_version);
        return Ok(Summary::new(format!("{} is whole", from.display()), &manifest)
            .with("taken", format!("{at} by polity {by}"))
            .with("keys", names_of_keys(&manifest)));
    }
    let dir = config.data_dir.as_path();
    // A directory that is not there yet is made once the backup is known to be whole.
    let lock = if dir.exists() { Some(data_dir::lock(dir)?) } else { None };
    let target = config.embedded_file()?;
    check_vacant(&target)?;
    let manifest = verify(from)?;
    let keys = keys(config, from, &manifest)?;
    let _lock = match lock {
        Some(lock) => lock,
        None => data_dir::lock(dir)?,
    };
    let _database = data_dir::lock_database_outside(dir, &target)?;
    check_vacant(&target)?;

    let temporary = with_suffix(&target, ".restoring");
    let copied = copy_database(&from.join(DATABASE_FILE), &temporary, &manifest);
    let placed = copied.and_then(|()| {
        for (name, bytes) in &keys {
            let (path, temporary) = (dir.join(name), dir.join(format!("{name}.restoring")));
            write_private(&temporary, bytes)?;
            fs::rename(&temporary, &path).map_err(Error::io("write", &path))?;
        }
        sync(dir)?;
        // The database comes last: until it is there, the restore can be repeated.
        fs::rename(&temporary, &target).map_err(Error::io("write", &target))?;
        sync(&parent(&target))
    });
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed?;

    let (at, by) = (manifest.created_at, &manifest.polity_version);
    Ok(Summary::new(format!("{} restored to {}", from.display(), dir.display()), &manifest)
        .with("taken", format!("{at} by polity {by}"))
        .with("keys", names_of_keys(&manifest))
        .with("next", next_step(config)))
}

/// Refuses to go where a database is, or was: what is left of its log would be
/// played into the restored one.
fn check_vacant(target: &Path) -> Result<(), Error> {
    for path in ["", "-wal", "-shm", "-journal"].map(|suffix| with_suffix(target, suffix)) {
        if path.try_exists().map_err(Error::io("look for", &path))? {
            let help = "move it away, or choose another --data-dir";
            return Err(refused(&path, format!("a database is here already and is not overwritten: {help}")));
        }
    }
    Ok(())
}

fn copy_database(from: &Path, to: &Path, manifest: &Manifest) -> Result<(), Error> {
    let write = || {
        let mut source = fs::File::open(from)?;
        let mut target = data_dir::private().create(true).truncate(true).open(to)?;
        io::copy(&mut source, &mut target)?;
        target.sync_all()
    };
    write().map_err(Error::io("write", to))?;
    let contents = copy::inspect(to).map_err(|error| refused(to, error))?;
    manifest.compare(&contents).map_err(|error| refused(to, error))
}

/// The keys of the backup that have to be written.
fn keys(config: &Config, from: &Path, manifest: &Manifest) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
    let mut keys = Vec::new();
    for (name, configured) in [(SECRET_KEY, &config.secret_key), (OPERATOR_KEY, &config.operator_key)] {
        if !manifest.files.contains_key(name) {
            continue;
        }
        let (kept, here) = (from.join(name), config.data_dir.join(name));
        let bytes = fs::read(&kept).map_err(Error::io("read", &kept))?;
        if let Some(Secret(key)) = configured {
            // The operator may change his key; nothing stored depends on it.
            if name == SECRET_KEY && !key.as_bytes().eq_ignore_ascii_case(bytes.trim_ascii()) {
                let help = "leave POLITY_SECRET_KEY away, so that the key of the backup is restored, or set it to that";
                return Err(refused(&kept, format!("another secret key is configured: {help}")));
            }
            continue;
        }
        match fs::read(&here) {
            Ok(found) if found.trim_ascii() == bytes.trim_ascii() => {}
            Ok(_) => return Err(refused(&here, "another key is here already: move it away, if nothing needs it")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => keys.push((name, bytes)),
            Err(error) => return Err(Error::io("read", &here)(error)),
        }
    }
    Ok(keys)
}

fn names_of_keys(manifest: &Manifest) -> String {
    let names = [SECRET_KEY, OPERATOR_KEY].into_iter().filter(|name| manifest.files.contains_key(*name));
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() { "none in the backup".to_owned() } else { names }
}

/// What is to be done once a backup is restored.
fn next_step(config: &Config) -> String {
    let path = config.data_dir.join(SECRET_KEY);
    let serve = format!("polity serve --data-dir {}", config.data_dir.display());
    if config.secret_key.is_some() || path.exists() {
        return serve;
    }
    format!("put the secret key of that server into {}, or set POLITY_SECRET_KEY; then {serve}", path.display())
}
