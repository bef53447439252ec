//! Reading a table in the order of its key, a batch at a time.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use crate::Error;
use crate::copy::Table;

/// A value, whatever the engine: an identifier is 16 bytes, a truth value 0 or
/// 1, a time its microseconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number, a truth value or a time.
    Integer(i64),
    /// An identifier, a hash or a key.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
}

/// The cells of a row, in the order of the columns.
pub type Row = Vec<Cell>;

/// What is needed to read a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name of the table.
    pub name: String,
    /// Names of the columns, in the order of the schema.
    pub columns: Vec<String>,
    /// The columns of the primary key, by name.
    pub key: Vec<String>,
}

impl From<&Table> for Layout {
    fn from(table: &Table) -> Layout {
        Layout {
            name: table.name.to_owned(),
            columns: table.columns.iter().map(|column| column.name.to_owned()).collect(),
            key: table.key.iter().map(|&name| name.to_owned()).collect(),
        }
    }
}

impl Layout {
    /// Every table of a database by name, whichever release wrote it; without
    /// the list of migrations and what the engine keeps for itself.
    ///
    /// # Errors
    /// What the engine refused.
    pub fn all_of(conn: &Connection) -> Result<Vec<Layout>, Error> {
        let mut names = conn.prepare(
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'
             and name <> 'schema_migrations' order by name",
        )?;
        let mut columns = conn.prepare("select name, pk from pragma_table_info(?1) order by cid")?;
        let mut layouts = Vec::new();
        for name in names.query_map((), |row| row.get::<_, String>(0))? {
            let name = name?;
            let found = columns.query_map((&name,), |row| Ok((row.get(0)?, row.get(1)?)))?;
            let found: Vec<(String, i64)> = found.collect::<Result<_, _>>()?;
            let mut key: Vec<_> = found.iter().filter(|(_, place)| *place > 0).collect();
            key.sort_by_key(|(_, place)| *place);
            let key = key.into_iter().map(|(name, _)| name.clone()).collect();
            layouts.push(Layout { name, key, columns: found.into_iter().map(|(name, _)| name).collect() });
        }
        Ok(layouts)
    }

    /// The key of a row of this table.
    #[must_use]
    pub fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        let place = |name: &String| self.columns.iter().position(|column| column == name);
        let cell = |name| place(name).and_then(|at| row.get(at)).cloned().unwrap_or(Cell::Null);
        self.key.iter().map(cell).collect()
    }

    /// The statement that reads a batch, from the beginning or after a key.
    fn select(&self, after: bool) -> String {
        let list = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let (columns, key) = (list(&self.columns), list(&self.key));
        let marks = vec!["?"; self.key.len()].join(", ");
        let condition = if after { format!(" where ({key}) > ({marks})") } else { String::new() };
        format!("select {columns} from {}{condition} order by {key} limit ?", quoted(&self.name))
    }
}

/// A name as it stands in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// At most `limit` rows of a table in the order of its key: the first ones, or
/// those after the key `after`. Fewer than `limit` are the last ones. To see
/// one state of the whole table, read it inside a transaction.
///
/// # Errors
/// [`Error::Damaged`] for a value no column may hold, or what the engine refused.
pub fn rows_after(conn: &Connection, layout: &Layout, after: Option<&[Cell]>, limit: u32) -> Result<Vec<Row>, Error> {
    let mut statement = conn.prepare_cached(&layout.select(after.is_some()))?;
    let limit = Cell::Integer(limit.into());
    let parameters = after.unwrap_or_default().iter().chain([&limit]);
    let mut found = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = (0..layout.columns.len()).map(|at| cell(row.get_ref(at)?)).collect::<Result<Row, Error>>();
        rows.push(cells.map_err(|error| match error {
            Error::Damaged(why) => Error::Damaged(format!("table {}: {why}", layout.name)),
            other => other,
        })?);
    }
    Ok(rows)
}

fn cell(value: ValueRef<'_>) -> Result<Cell, Error> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Integer(number)),
        ValueRef::Blob(bytes) => Ok(Cell::Bytes(bytes.to_owned())),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Cell::Text(text.to_owned())),
            Err(_) => Err(Error::Damaged("a text is not UTF-8".into())),
        },
        ValueRef::Real(_) => Err(Error::Damaged("a number has a fraction".into())),
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Bytes(bytes) => ValueRef::Blob(bytes),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> (Connection, Layout) {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "create table \"a \"\"table\" (b blob, a blob, n integer, t text, primary key (a, b)) strict;
             insert into \"a \"\"table\" values (x'02', x'01', 1, 'x'), (x'01', x'02', 2, null), (x'01', x'01', 3, 'y');",
        )
        .unwrap();
        let layout = Layout::all_of(&conn).unwrap().remove(0);
        (conn, layout)
    }

    #[test]
    fn rows_come_by_key_and_from_a_key_on() {
        let (conn, layout) = pairs();
        assert_eq!(layout.key, ["a", "b"]);
        let all = rows_after(&conn, &layout, None, 10).unwrap();
        let numbers: Vec<&Cell> = all.iter().map(|row| &row[2]).collect();
        assert_eq!(numbers, [&Cell::Integer(3), &Cell::Integer(1), &Cell::Integer(2)]);
        assert_eq!(all[2], [Cell::Bytes(vec![1]), Cell::Bytes(vec![2]), Cell::Integer(2), Cell::Null]);

        let mut batches = Vec::new();
        let mut after: Option<Vec<Cell>> = None;
        loop {
            let rows = rows_after(&conn, &layout, after.as_deref(), 1).unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(layout.key_of(last));
            batches.extend(rows);
        }
        assert_eq!(batches, all, "one at a time, the same rows");
    }

    #[test]
    fn what_no_column_may_hold_is_named() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("create table t (id integer primary key, x); insert into t values (1, 0.5)").unwrap();
        let layout = Layout::all_of(&conn).unwrap().remove(0);
        let error = rows_after(&conn, &layout, None, 1).unwrap_err().to_string();
        assert_eq!(error, "table t: a number has a fraction");
        conn.execute_batch("update t set x = cast(x'ff' as text)").unwrap();
        let error = rows_after(&conn, &layout, None, 1).unwrap_err().to_string();
        assert_eq!(error, "table t: a text is not UTF-8");
    }
}
