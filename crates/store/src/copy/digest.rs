//! The checksum of a table: the same for the same rows, whatever the engine.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::copy::{Cell, Layout, rows_after};

/// Rows read at a time.
const BATCH: u32 = 1000;

/// How many rows a table has, and the checksum of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 in hexadecimal, see [`Digest`].
    pub sha256: String,
}

/// The checksum of a table in the making: the names of the table and of its
/// columns, then every cell of every row in the order of the key. Each is a
/// byte for its kind and, but for null, its content: an integer in 8 bytes, the
/// highest first; anything else after its length, written likewise.
pub struct Digest {
    context: Context,
    rows: u64,
}

impl Digest {
    /// Of a table without rows.
    #[must_use]
    pub fn new(layout: &Layout) -> Digest {
        let mut digest = Digest { context: Context::new(&SHA256), rows: 0 };
        digest.sized(3, layout.name.as_bytes());
        digest.integer(i64::try_from(layout.columns.len()).unwrap_or(i64::MAX));
        layout.columns.iter().for_each(|name| digest.sized(3, name.as_bytes()));
        digest
    }

    /// Takes the next row.
    pub fn add(&mut self, row: &[Cell]) {
        self.rows += 1;
        for cell in row {
            match cell {
                Cell::Null => self.context.update(&[0]),
                Cell::Integer(number) => self.integer(*number),
                Cell::Bytes(bytes) => self.sized(2, bytes),
                Cell::Text(text) => self.sized(3, text.as_bytes()),
            }
        }
    }

    /// The number of rows and the checksum.
    #[must_use]
    pub fn finish(self) -> TableDigest {
        TableDigest { rows: self.rows, sha256: hex(self.context.finish().as_ref()) }
    }

    fn integer(&mut self, number: i64) {
        self.context.update(&[1]);
        self.context.update(&number.to_be_bytes());
    }

    fn sized(&mut self, kind: u8, bytes: &[u8]) {
        self.context.update(&[kind]);
        self.context.update(&(bytes.len() as u64).to_be_bytes());
        self.context.update(bytes);
    }
}

/// The number of rows of a table and their checksum.
///
/// # Errors
/// As [`rows_after`].
pub fn table_digest(conn: &Connection, layout: &Layout) -> Result<TableDigest, Error> {
    let mut digest = Digest::new(layout);
    let mut rows = rows_after(conn, layout, None, BATCH)?;
    while let Some(last) = rows.last() {
        rows.iter().for_each(|row| digest.add(row));
        let after = layout.key_of(last);
        rows = rows_after(conn, layout, Some(&after), BATCH)?;
    }
    Ok(digest.finish())
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout { name: "t".into(), columns: vec!["id".into(), "x".into()], key: vec!["id".into()] }
    }

    fn of(rows: &[[Cell; 2]]) -> String {
        let mut digest = Digest::new(&layout());
        rows.iter().for_each(|row| digest.add(row));
        digest.finish().sha256
    }

    #[test]
    fn the_encoding_is_fixed() {
        let found = of(&[[Cell::Integer(1), Cell::Text("é".into())], [Cell::Bytes(vec![0, 255]), Cell::Null]]);
        let mut wanted = Context::new(&SHA256);
        wanted.update(b"\x03\0\0\0\0\0\0\0\x01t\x01\0\0\0\0\0\0\0\x02");
        wanted.update(b"\x03\0\0\0\0\0\0\0\x02id\x03\0\0\0\0\0\0\0\x01x");
        wanted.update(b"\x01\0\0\0\0\0\0\0\x01\x03\0\0\0\0\0\0\0\x02\xc3\xa9");
        wanted.update(b"\x02\0\0\0\0\0\0\0\x02\0\xff\0");
        assert_eq!(found, hex(wanted.finish().as_ref()));
    }

    #[test]
    fn rows_that_differ_have_another_checksum() {
        let (one, x) = (Cell::Integer(1), |text: &str| Cell::Text(text.into()));
        let rows = [
            of(&[]),
            of(&[[one.clone(), Cell::Null]]),
            of(&[[one.clone(), x("")]]),
            of(&[[one.clone(), Cell::Bytes(vec![])]]),
            of(&[[x("ab"), x("c")]]),
            of(&[[x("a"), x("bc")]]),
            of(&[[one.clone(), x("")], [one, x("")]]),
        ];
        let distinct: std::collections::BTreeSet<_> = rows.iter().collect();
        assert_eq!(distinct.len(), rows.len());
    }

    #[test]
    fn a_table_of_many_batches_is_read_to_its_end() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "create table t (id integer primary key, x text not null) strict;
             insert into t select value, 'row ' || value from (
                with recursive n(value) as (select 1 union all select value + 1 from n where value < 2000)
                select value from n)",
        )
        .unwrap();
        let rows: Vec<_> = (1..=2000).map(|n| [Cell::Integer(n), Cell::Text(format!("row {n}"))]).collect();
        assert_eq!(table_digest(&conn, &layout()).unwrap(), TableDigest { rows: 2000, sha256: of(&rows) });
    }
}
