//! The rows of a table in the order of the key, one after the other, from
//! either engine; and two such sequences compared.

use std::cmp::Ordering;
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use crate::Error;
use crate::copy::{Cell, Digest, Layout, Row, Table, TableDigest, rows_after};

/// Rows read at a time.
const BATCH: u16 = 1000;
/// Batches that may wait to be taken.
const AHEAD: usize = 8;
/// Memory for the pages of a database that is read, in KiB.
const CACHE_KIB: i64 = 256 << 10;

/// A batch, or why there is none. An empty one is the end: without it somebody
/// stopped halfway, and what was not read is not to be taken for deleted.
pub(super) type Batch = Result<Vec<Row>, Error>;

/// Rows of a table, read ahead by somebody else.
pub(super) struct Rows {
    batches: mpsc::Receiver<Batch>,
    current: std::vec::IntoIter<Row>,
    has_ended: bool,
}

impl Rows {
    /// Of whoever sends batches.
    pub(super) fn channel() -> (mpsc::Sender<Batch>, Rows) {
        let (send, batches) = mpsc::channel(AHEAD);
        (send, Rows { batches, current: Vec::new().into_iter(), has_ended: false })
    }

    /// Of a table in a file of SQLite that nobody writes to.
    pub(super) fn of_file(path: PathBuf, table: &'static Table) -> Rows {
        let (send, rows) = Rows::channel();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read_file(&path, table, &send) {
                let _ = send.blocking_send(Err(error));
            }
        });
        rows
    }

    /// The next row.
    ///
    /// # Errors
    /// What the engine refused.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.current.next() {
                return Ok(Some(row));
            }
            if self.has_ended {
                return Ok(None);
            }
            let batch = self.batches.recv().await.ok_or(Error::Closed)??;
            self.has_ended = batch.is_empty();
            self.current = batch.into_iter();
        }
    }

    /// The number of rows and their checksum.
    ///
    /// # Errors
    /// What the engine refused.
    pub(super) async fn digest(mut self, table: &Table) -> Result<TableDigest, Error> {
        let mut digest = Digest::new(&Layout::from(table));
        while let Some(row) = self.next().await? {
            digest.add(&row);
        }
        Ok(digest.finish())
    }
}

/// Opens a file of SQLite to read much of it.
pub(super) fn open_file(path: &std::path::Path) -> Result<Connection, Error> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(conn)
}

fn read_file(path: &std::path::Path, table: &Table, send: &mpsc::Sender<Batch>) -> Result<(), Error> {
    let (conn, layout) = (open_file(path)?, Layout::from(table));
    let mut after: Option<Vec<Cell>> = None;
    loop {
        let rows = rows_after(&conn, &layout, after.as_deref(), BATCH.into())?;
        after = rows.last().map(|last| layout.key_of(last));
        // Either nobody wants to know any more, or that was the end.
        if send.blocking_send(Ok(rows)).is_err() || after.is_none() {
            return Ok(());
        }
    }
}

/// A row in which two sequences differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// It is in the source only.
    Missing(Row),
    /// It is in the target only.
    Extra(Row),
    /// It is in both, and this is how the source has it.
    Changed(Row),
}

/// Two sequences of rows, walked through together.
pub(super) struct Comparison {
    /// Where the columns of the key are.
    key: Vec<usize>,
    source: Rows,
    target: Rows,
    waiting: (Option<Row>, Option<Row>),
    digest: Digest,
}

impl Comparison {
    /// Of the same table.
    pub(super) fn new(table: &Table, source: Rows, target: Rows) -> Comparison {
        let place = |name: &&str| table.columns.iter().position(|column| column.name == *name);
        let key = table.key.iter().filter_map(place).collect();
        Comparison { key, source, target, waiting: (None, None), digest: Digest::new(&Layout::from(table)) }
    }

    /// The next difference, in the order of the key.
    ///
    /// # Errors
    /// What an engine refused.
    pub(super) async fn next(&mut self) -> Result<Option<Difference>, Error> {
        loop {
            if self.waiting.0.is_none() {
                self.waiting.0 = self.source.next().await?;
                if let Some(row) = &self.waiting.0 {
                    self.digest.add(row);
                }
            }
            if self.waiting.1.is_none() {
                self.waiting.1 = self.target.next().await?;
            }
            let order = match &self.waiting {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(source), Some(target)) => self.compare_keys(source, target),
            };
            match order {
                Ordering::Less => return Ok(self.waiting.0.take().map(Difference::Missing)),
                Ordering::Greater => return Ok(self.waiting.1.take().map(Difference::Extra)),
                Ordering::Equal => {
                    let (source, target) = (self.waiting.0.take(), self.waiting.1.take());
                    if source != target {
                        return Ok(source.map(Difference::Changed));
                    }
                }
            }
        }
    }

    /// The number and checksum of the rows of the source, once all have been compared.
    pub(super) fn finish(self) -> TableDigest {
        self.digest.finish()
    }

    fn compare_keys(&self, one: &Row, other: &Row) -> Ordering {
        self.key
            .iter()
            .map(|&at| one.get(at).cmp(&other.get(at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::copy::Column;

    const TABLE: Table = Table {
        name: "t",
        columns: &[
            Column { name: "x", holds: Kind::Text, nullable: false },
            Column { name: "id", holds: Kind::Integer, nullable: false },
        ],
        key: &["id"],
    };

    fn row(id: i64, x: &str) -> Row {
        vec![Cell::Text(x.into()), Cell::Integer(id)]
    }

    fn rows(batches: Vec<Vec<Row>>) -> Rows {
        let (send, rows) = Rows::channel();
        batches.into_iter().chain([vec![]]).for_each(|batch| send.try_send(Ok(batch)).unwrap());
        rows
    }

    async fn differences(source: Vec<Vec<Row>>, target: Vec<Vec<Row>>) -> Vec<Difference> {
        let mut comparison = Comparison::new(&TABLE, rows(source), rows(target));
        let mut found = Vec::new();
        while let Some(difference) = comparison.next().await.unwrap() {
            found.push(difference);
        }
        found
    }

    #[tokio::test]
    async fn every_difference_is_found_in_order() {
        use Difference::{Changed, Extra, Missing};
        let source = vec![vec![row(1, "z"), row(2, "b")], vec![row(4, "d"), row(9, "i")]];
        let target = vec![vec![row(0, "n"), row(2, "c"), row(3, "c"), row(4, "d")]];
        let found = differences(source, target).await;
        assert_eq!(
            found,
            [Extra(row(0, "n")), Missing(row(1, "z")), Changed(row(2, "b")), Extra(row(3, "c")), Missing(row(9, "i"))]
        );
    }

    #[tokio::test]
    async fn the_same_rows_do_not_differ() {
        assert_eq!(differences(vec![], vec![]).await, []);
        assert_eq!(differences(vec![vec![row(1, "a")]], vec![vec![row(1, "a")]]).await, []);
    }

    #[tokio::test]
    async fn why_a_side_cannot_be_read_is_told() {
        let (send, source) = Rows::channel();
        send.try_send(Err(Error::Damaged("torn".into()))).unwrap();
        let mut comparison = Comparison::new(&TABLE, source, rows(vec![]));
        assert_eq!(comparison.next().await.unwrap_err().to_string(), "torn");
        let (send, source) = Rows::channel();
        send.try_send(Ok(vec![row(1, "a")])).unwrap();
        drop(send);
        let mut comparison = Comparison::new(&TABLE, source, rows(vec![vec![row(1, "a"), row(2, "b")]]));
        assert!(matches!(comparison.next().await, Err(Error::Closed)), "cut is not the end");
    }
}
