//! Backups of the embedded database: taken while a server runs, checked, and
//! restored. What a database holds and how it is copied is the store's; here
//! are directories, keys and what is told about them.
//!
//! A backup is a directory with `polity.db`, the keys of the server unless they
//! are left out, and `manifest.json`, by which all of it can be verified.

mod restore;
mod take;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use polity_store::copy::{self, DATABASE_FILE, Manifest};

use crate::data_dir;
use crate::error::Error;

pub use restore::{RestoreArgs, restore};
pub use take::{BackupArgs, backup};

const MANIFEST: &str = "manifest.json";
const SECRET_KEY: &str = "secret.key";
const OPERATOR_KEY: &str = "operator.key";

/// What was done, in lines for the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What was done.
    pub title: String,
    /// A word and what there is to say about it.
    pub lines: Vec<(&'static str, String)>,
}

impl Summary {
    fn new(title: String, manifest: &Manifest) -> Summary {
        let size = manifest.files.get(DATABASE_FILE).map_or(0, |file| file.size_bytes);
        let (rows, tables) = (manifest.rows(), manifest.tables.len());
        let lines = vec![
            ("database", format!("{DATABASE_FILE}, {size} bytes, schema {}", manifest.schema_version)),
            ("content", format!("{rows} rows in {tables} tables")),
        ];
        Summary { title, lines }
    }

    fn with(mut self, word: &'static str, text: impl Into<String>) -> Summary {
        self.lines.push((word, text.into()));
        self
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        self.lines.iter().try_for_each(|(word, text)| write!(f, "\n  {word:<9} {text}"))
    }
}

/// Checks a backup: the files against the manifest, the database itself, and
/// every row of it against the manifest. Nothing is written.
fn verify(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(refused(dir, "this is no backup: it has no manifest.json"));
        }
        read => read.map_err(Error::io("read", &path))?,
    };
    let manifest = Manifest::from_json(&text).map_err(|error| refused(dir, error))?;
    if !manifest.files.contains_key(DATABASE_FILE) {
        return Err(refused(dir, format!("manifest.json names no {DATABASE_FILE}")));
    }
    for (name, noted) in &manifest.files {
        // A name leads to no other place.
        if ![DATABASE_FILE, SECRET_KEY, OPERATOR_KEY].contains(&name.as_str()) {
            return Err(refused(dir, format!("manifest.json names {name:?}, which belongs to no backup")));
        }
        let path = dir.join(name);
        let found = match copy::file_digest(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(refused(dir, format!("{name} is missing")));
            }
            read => read.map_err(Error::io("read", &path))?,
        };
        if found.size_bytes != noted.size_bytes {
            let (found, noted) = (found.size_bytes, noted.size_bytes);
            return Err(refused(dir, format!("{name} has {found} bytes, manifest.json says {noted}")));
        }
        if found.sha256 != noted.sha256 {
            return Err(refused(dir, format!("{name} is damaged: its checksum is not the one in manifest.json")));
        }
    }
    let contents = copy::inspect(&dir.join(DATABASE_FILE)).map_err(|error| refused(dir, error))?;
    manifest.compare(&contents).map_err(|error| refused(dir, error))?;
    Ok(manifest)
}

/// What is wrong with a file or a directory.
fn refused(path: &Path, why: impl fmt::Display) -> Error {
    Error::Backup(format!("{}: {why}", path.display()))
}

/// Writes a file that only its owner reads, whole and down to the disk.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = data_dir::private().create(true).truncate(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", path))
}

/// Flushes a file, or the names in a directory, to the disk.
fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("flush", path))
}

/// The directory a path is in.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A path with something put to its last name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
