//! What a backup says of itself: enough to tell, later and elsewhere, whether
//! it is still what was taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use polity_api::scalar::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::copy::digest::hex;
use crate::copy::{Contents, TableDigest};

/// The form of a manifest this release writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// Name of the database in a backup.
pub const DATABASE_FILE: &str = "polity.db";

/// The content of a backup, table by table and file by file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this manifest.
    pub format: u32,
    /// The release that took the backup.
    pub polity_version: String,
    /// The schema of the database.
    pub schema_version: i64,
    /// When the backup was begun.
    pub created_at: Timestamp,
    /// The other files of the backup by name.
    pub files: BTreeMap<String, FileDigest>,
    /// The tables by name.
    pub tables: BTreeMap<String, TableDigest>,
}

/// The size of a file, and its checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none, or one of a newer form.
    pub fn from_json(text: &str) -> Result<Manifest, Error> {
        let damaged = |error: serde_json::Error| Error::Damaged(format!("manifest.json: {error}"));
        let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format > u64::from(FORMAT) => Err(Error::Damaged(format!(
                "manifest.json has form {format}, this release reads up to {FORMAT}: use a newer release"
            ))),
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }

    /// The manifest as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers under strings: there is nothing that could not be written.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    /// How many rows there are in all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// Compares with what a database holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first table that differs.
    pub fn compare(&self, contents: &Contents) -> Result<(), Error> {
        let damaged = |why: String| Err(Error::Damaged(why));
        if self.schema_version != contents.schema_version {
            let (found, noted) = (contents.schema_version, self.schema_version);
            return damaged(format!("the database has schema {found}, manifest.json says {noted}"));
        }
        for (name, noted) in &self.tables {
            let Some(found) = contents.tables.get(name) else {
                return damaged(format!("table {name} is missing from the database"));
            };
            if found.rows != noted.rows {
                return damaged(format!("table {name} has {} rows, manifest.json says {}", found.rows, noted.rows));
            }
            if found.sha256 != noted.sha256 {
                return damaged(format!("table {name} has other rows than manifest.json says"));
            }
        }
        match contents.tables.keys().find(|name| !self.tables.contains_key(*name)) {
            Some(name) => damaged(format!("table {name} is missing from manifest.json")),
            None => Ok(()),
        }
    }
}

/// The size and the checksum of a file.
///
/// # Errors
/// When it cannot be read.
pub fn file_digest(path: &Path) -> std::io::Result<FileDigest> {
    let mut file = File::open(path)?;
    let (mut context, mut size_bytes) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        context.update(bytes);
        size_bytes += bytes.len() as u64;
    }
    Ok(FileDigest { size_bytes, sha256: hex(context.finish().as_ref()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u64, sha256: &str) -> TableDigest {
        TableDigest { rows, sha256: sha256.into() }
    }

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            polity_version: "0.1.0".into(),
            schema_version: 1,
            created_at: Timestamp(1_700_000_000_000_000),
            files: [(DATABASE_FILE.into(), FileDigest { size_bytes: 7, sha256: "ab".into() })].into(),
            tables: [("a".into(), table(1, "x")), ("b".into(), table(2, "y"))].into(),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let text = manifest().to_json();
        assert_eq!(Manifest::from_json(&text).unwrap(), manifest());
        assert_eq!(manifest().rows(), 3);
        let newer = text.replace("\"format\": 1", "\"format\": 2, \"more\": 1");
        assert!(Manifest::from_json(&newer).unwrap_err().to_string().contains("use a newer release"));
        assert!(Manifest::from_json("{").unwrap_err().to_string().starts_with("manifest.json: "));
    }

    #[test]
    fn what_differs_is_named() {
        let contents = |schema_version, tables: &[(&str, TableDigest)]| Contents {
            schema_version,
            tables: tables.iter().map(|(name, table)| ((*name).to_owned(), table.clone())).collect(),
        };
        let (a, b) = (("a", table(1, "x")), ("b", table(2, "y")));
        assert!(manifest().compare(&contents(1, &[a.clone(), b.clone()])).is_ok());
        for (found, wanted) in [
            (contents(2, &[a.clone(), b.clone()]), "the database has schema 2, manifest.json says 1"),
            (contents(1, std::slice::from_ref(&a)), "table b is missing from the database"),
            (contents(1, &[a.clone(), ("b", table(3, "y"))]), "table b has 3 rows, manifest.json says 2"),
            (contents(1, &[("a", table(1, "z")), b.clone()]), "table a has other rows than manifest.json says"),
            (contents(1, &[a.clone(), b.clone(), ("c", table(0, ""))]), "table c is missing from manifest.json"),
        ] {
            assert_eq!(manifest().compare(&found).unwrap_err().to_string(), wanted);
        }
    }

    #[test]
    fn a_file_has_the_checksum_other_programs_see() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        let found = file_digest(&path).unwrap();
        assert_eq!(found.size_bytes, 3);
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
