//! Everything the database holds about an organization and its person.

use std::collections::BTreeMap;
use std::path::Path;

use polity_tests::TestServer;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The rows of every table that belong to the organization or the person, as text.
pub async fn of(server: &TestServer, organization: &str, user: &str) -> Vec<String> {
    match server.sql().await {
        Some(client) => of_postgres(&client, organization, user).await,
        None => of_sqlite(&server.data_dir().join("polity.db"), organization, user),
    }
}

async fn of_postgres(client: &tokio_postgres::Client, organization: &str, user: &str) -> Vec<String> {
    let columns = "select table_name::text, column_name::text from information_schema.columns
        where table_schema = 'public' order by table_name, ordinal_position";
    let mut conditions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in client.query(columns, &[]).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let owner = match (table.as_str(), column.as_str()) {
            (_, "organization_id") | ("organizations", "id") => organization,
            (_, "user_id") | ("users", "id") => user,
            _ => continue,
        };
        conditions.entry(table).or_default().push(format!("t.{column} = '{owner}'"));
    }
    let mut rows = Vec::new();
    for (table, conditions) in conditions {
        let sql = format!("select row_to_json(t)::text from {table} t where {} order by 1", conditions.join(" or "));
        let found = client.query(&sql, &[]).await.unwrap();
        rows.extend(found.iter().map(|row| format!("{table}: {}", row.get::<_, String>(0))));
    }
    rows
}

fn of_sqlite(database: &Path, organization: &str, user: &str) -> Vec<String> {
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let bytes = |id: &str| id.chars().filter(|c| *c != '-').collect::<String>();
    let (organization, user) = (bytes(organization), bytes(user));
    let tables = strings(&conn, "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'");
    let mut rows = Vec::new();
    for table in tables {
        let columns = strings(&conn, &format!("select name from pragma_table_info('{table}')"));
        let owner = |column: &str| match column {
            "organization_id" => Some(format!("lower(hex(organization_id)) = '{organization}'")),
            "user_id" => Some(format!("lower(hex(user_id)) = '{user}'")),
            "id" if table == "organizations" => Some(format!("lower(hex(id)) = '{organization}'")),
            "id" if table == "users" => Some(format!("lower(hex(id)) = '{user}'")),
            _ => None,
        };
        let conditions: Vec<_> = columns.iter().filter_map(|column| owner(column)).collect();
        if conditions.is_empty() {
            continue;
        }
        let mut statement =
            conn.prepare(&format!("select * from {table} where {} order by 1, 2", conditions.join(" or "))).unwrap();
        let width = statement.column_count();
        let found = statement.query_map((), |row| {
            let cells: Vec<String> = (0..width).map(|i| cell(row.get_ref(i).unwrap())).collect();
            Ok(format!("{table}: {}", cells.join(" | ")))
        });
        rows.extend(found.unwrap().map(Result::unwrap));
    }
    rows
}

fn strings(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map((), |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
    }
}
