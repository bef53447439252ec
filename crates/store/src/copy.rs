//! The content of a database, apart from the engine that holds it: which
//! tables there are, their rows in the order of their keys, and a checksum of
//! each. Backups are verified with it.
//!
//! [`TABLES`] is the one list of tables and columns, compared with the migrated
//! schema by a test. A [`Layout`] is what is needed to read a table: of this
//! release, made from a [`Table`], or of the database at hand, however old,
//! from [`Layout::all_of`]. [`snapshot()`] takes a consistent copy of a database
//! that is in use, [`inspect`] says whether one is whole and what is in it.
//! [`transfer()`] brings a PostgreSQL database to the content of an embedded one,
//! [`Bulk`] writes many rows into either.

mod binary;
mod bulk;
mod digest;
mod layout;
mod manifest;
mod remote;
mod rows;
mod snapshot;
mod tables;
mod transfer;

pub use bulk::Bulk;
pub use digest::{Digest, TableDigest, table_digest};
pub use layout::{Cell, Layout, Row, rows_after};
pub use manifest::{DATABASE_FILE, FORMAT, FileDigest, Manifest, file_digest};
pub use snapshot::{Contents, inspect, snapshot};
pub use tables::{Column, TABLES, Table};
pub(crate) use transfer::is_unfinished;
pub use transfer::{Pass, Progress, TransferredTable, transfer};
