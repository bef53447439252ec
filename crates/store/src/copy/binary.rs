//! Rows in the binary format of PostgreSQL's `copy`: writing them and reading
//! them, byte by byte, without a connection.

use tokio_postgres::types::private::BytesMut;

use crate::copy::{Cell, Row, Table};
use crate::engine::postgres::wire::EPOCH_MICROS;
use crate::{Error, Kind};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Where a field would have its length.
const NULL: i32 = -1;
/// Where a row would have the number of its fields.
const END: i16 = -1;

/// What comes before the first row.
pub(super) fn begin(out: &mut BytesMut) {
    out.extend_from_slice(SIGNATURE);
    // No flags, no extension.
    out.extend_from_slice(&[0; 8]);
}

/// What comes after the last row.
pub(super) fn end(out: &mut BytesMut) {
    out.extend_from_slice(&END.to_be_bytes());
}

/// Writes a row.
///
/// # Errors
/// [`Error::Damaged`] for a value its column cannot hold.
pub(super) fn write(table: &Table, row: &[Cell], out: &mut BytesMut) -> Result<(), Error> {
    out.extend_from_slice(&i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
    for (column, cell) in table.columns.iter().zip(row) {
        if *cell == Cell::Null {
            out.extend_from_slice(&NULL.to_be_bytes());
            continue;
        }
        let length = match cell {
            Cell::Bytes(bytes) => bytes.len(),
            Cell::Text(text) => text.len(),
            _ if column.holds == Kind::Boolean => 1,
            _ => size_of::<i64>(),
        };
        let length = i32::try_from(length).map_err(|_| unfit(table, column.name, "is too long"))?;
        out.extend_from_slice(&length.to_be_bytes());
        value(column.holds, cell, out).map_err(|why| unfit(table, column.name, why))?;
    }
    Ok(())
}

/// Writes the bytes of a value that is not null.
pub(super) fn value(holds: Kind, cell: &Cell, out: &mut BytesMut) -> Result<(), &'static str> {
    match (holds, cell) {
        (Kind::Uuid, Cell::Bytes(bytes)) if bytes.len() == 16 => out.extend_from_slice(bytes),
        (Kind::Bytes, Cell::Bytes(bytes)) => out.extend_from_slice(bytes),
        (Kind::Text, Cell::Text(text)) if text.contains('\0') => {
            return Err("has a text with a null character, which PostgreSQL cannot hold");
        }
        (Kind::Text, Cell::Text(text)) => out.extend_from_slice(text.as_bytes()),
        (Kind::Integer, Cell::Integer(number)) => out.extend_from_slice(&number.to_be_bytes()),
        (Kind::Boolean, Cell::Integer(0)) => out.extend_from_slice(&[0]),
        (Kind::Boolean, Cell::Integer(1)) => out.extend_from_slice(&[1]),
        (Kind::Time, Cell::Integer(micros)) => {
            let since_2000 = micros.checked_sub(EPOCH_MICROS).ok_or("has a time beyond all times")?;
            out.extend_from_slice(&since_2000.to_be_bytes());
        }
        _ => return Err("holds a value of another kind"),
    }
    Ok(())
}

/// Reads rows from pieces of any length.
pub(super) struct Reader<'t> {
    table: &'t Table,
    bytes: Vec<u8>,
    /// How much of `bytes` has been read.
    at: usize,
    has_begun: bool,
}

impl<'t> Reader<'t> {
    /// At the beginning.
    pub(super) fn new(table: &'t Table) -> Reader<'t> {
        Reader { table, bytes: Vec::new(), at: 0, has_begun: false }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next row, when all of it has been fed.
    ///
    /// # Errors
    /// [`Error::Damaged`] when this is no row of the table.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Error> {
        let mut left = Left(self.bytes.get(self.at..).unwrap_or_default());
        let before = left.0.len();
        let row = if self.has_begun { self.row(&mut left) } else { self.first(&mut left) }?;
        if row.is_some() {
            self.at += before - left.0.len();
            self.has_begun = true;
        }
        Ok(row)
    }

    fn first(&self, left: &mut Left<'_>) -> Result<Option<Row>, Error> {
        let header = left.take(SIGNATURE.len()).zip(left.number(4)).zip(left.number(4));
        let Some(((signature, _), extension)) = header else { return Ok(None) };
        if signature != SIGNATURE {
            return Err(unfit(self.table, "copy", "is not in the binary format"));
        }
        match left.take(usize::try_from(extension).unwrap_or_default()) {
            Some(_) => self.row(left),
            None => Ok(None),
        }
    }

    fn row(&self, left: &mut Left<'_>) -> Result<Option<Row>, Error> {
        let Some(fields) = left.number(2) else { return Ok(None) };
        if fields == i64::from(END) {
            return Ok(None);
        }
        if usize::try_from(fields) != Ok(self.table.columns.len()) {
            return Err(unfit(self.table, "*", "has another number of columns"));
        }
        let mut row = Row::with_capacity(self.table.columns.len());
        for column in self.table.columns {
            let Some(length) = left.number(4) else { return Ok(None) };
            if length == i64::from(NULL) {
                row.push(Cell::Null);
                continue;
            }
            let Some(bytes) = left.take(usize::try_from(length).unwrap_or(usize::MAX)) else { return Ok(None) };
            let cell = cell(column.holds, bytes);
            row.push(cell.ok_or_else(|| unfit(self.table, column.name, "holds a value of another kind"))?);
        }
        Ok(Some(row))
    }
}

fn cell(holds: Kind, bytes: &[u8]) -> Option<Cell> {
    let number = || bytes.try_into().ok().map(i64::from_be_bytes);
    Some(match holds {
        Kind::Uuid | Kind::Bytes => Cell::Bytes(bytes.to_owned()),
        Kind::Text => Cell::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
        Kind::Integer => Cell::Integer(number()?),
        Kind::Boolean => Cell::Integer((*bytes.first()? != 0).into()),
        Kind::Time => Cell::Integer(number()?.checked_add(EPOCH_MICROS)?),
    })
}

/// What has not been read yet.
struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    /// A number of 2 or 4 bytes, the highest first.
    fn number(&mut self, length: usize) -> Option<i64> {
        let bytes = self.take(length)?;
        match *bytes {
            [a, b] => Some(i16::from_be_bytes([a, b]).into()),
            [a, b, c, d] => Some(i32::from_be_bytes([a, b, c, d]).into()),
            _ => None,
        }
    }
}

fn unfit(table: &Table, column: &str, why: &str) -> Error {
    Error::Damaged(format!("{}.{column} {why}", table.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::Column;

    const TABLE: Table = Table {
        name: "t",
        columns: &[
            Column { name: "id", holds: Kind::Uuid, nullable: false },
            Column { name: "text", holds: Kind::Text, nullable: true },
            Column { name: "number", holds: Kind::Integer, nullable: false },
            Column { name: "truth", holds: Kind::Boolean, nullable: false },
            Column { name: "made_at", holds: Kind::Time, nullable: false },
            Column { name: "hash", holds: Kind::Bytes, nullable: false },
        ],
        key: &["id"],
    };

    fn row(id: u8, text: Cell) -> Row {
        let (truth, micros) = (Cell::Integer(1), Cell::Integer(1_700_000_000_123_456));
        vec![Cell::Bytes(vec![id; 16]), text, Cell::Integer(-7), truth, micros, Cell::Bytes(vec![])]
    }

    #[test]
    fn what_is_written_is_read_whatever_the_pieces() {
        let rows = [row(1, Cell::Null), row(2, Cell::Text(String::new())), row(3, Cell::Text("é\n".into()))];
        let mut out = BytesMut::new();
        begin(&mut out);
        rows.iter().for_each(|row| write(&TABLE, row, &mut out).unwrap());
        end(&mut out);
        for size in [1, 2, 7, 64, out.len()] {
            let (mut reader, mut read) = (Reader::new(&TABLE), Vec::new());
            for piece in out.chunks(size) {
                reader.feed(piece);
                while let Some(row) = reader.next().unwrap() {
                    read.push(row);
                }
            }
            assert_eq!(read, rows, "in pieces of {size}");
        }
    }

    #[test]
    fn what_a_column_cannot_hold_is_named() {
        let mut out = BytesMut::new();
        for (at, cell, why) in [
            (0, Cell::Bytes(vec![1]), "t.id holds a value of another kind"),
            (1, Cell::Text("\0".into()), "t.text has a text with a null character, which PostgreSQL cannot hold"),
            (3, Cell::Integer(2), "t.truth holds a value of another kind"),
            (4, Cell::Integer(i64::MIN), "t.made_at has a time beyond all times"),
        ] {
            let mut row = row(1, Cell::Null);
            row[at] = cell;
            assert_eq!(write(&TABLE, &row, &mut out).unwrap_err().to_string(), why);
        }
    }
}
