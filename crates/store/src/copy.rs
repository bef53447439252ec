//! The content of a database, apart from the engine that holds it: which
//! tables there are, their rows in the order of their keys, and a checksum of
//! each. Backups are verified with it.
//!
//! [`TABLES`] is the one list of tables and columns, compared with the migrated
//! schema by a test. A [`Layout`] is what is needed to read a table: of this
//! release, made from a [`Table`], or of the database at hand, however old,
//! from [`Layout::all_of`]. [`snapshot`] takes a consistent copy of a database
//! that is in use, [`inspect`] says whether one is whole and what is in it.

mod digest;
mod layout;
mod manifest;
mod snapshot;
mod tables;

pub use digest::{Digest, TableDigest, table_digest};
pub use layout::{Cell, Layout, Row, rows_after};
pub use manifest::{DATABASE_FILE, FORMAT, FileDigest, Manifest, file_digest};
pub use snapshot::{Contents, inspect, snapshot};
pub use tables::{Column, Holds, TABLES, Table};
