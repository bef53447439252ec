//! Every statement of the program against a real PostgreSQL: it prepares, its
//! types are those of the schema, it reads no table from end to end; and the
//! schema is that of the embedded database.

use std::collections::BTreeMap;

use polity_store::copy::TABLES;
use polity_store::{Kind, Statement, statements};
use polity_tests::TestServer;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::filled;

/// Tables that only PostgreSQL has: numbering, and what replicas tell each other.
const OWN: [&str; 4] = ["changes", "event_counters", "schema_lock", "schema_migrations"];

/// Statements that read all rows of a table, and why that is no harm.
const MAY_SCAN: &[(&str, &str)] = &[
    ("metered_events::CLEAR", "takes every row, and only where the database is embedded"),
    ("metered_events::run::ALL", "few rows, from a move to PostgreSQL"),
    ("metering_keys::CAPS", "one row for each source of the platform"),
    ("signing_keys::ALL", "one row for each rotation"),
    ("signing_keys::DELETE_BEFORE", "one row for each rotation"),
];

/// Columns that may be null in the schema and are not where a statement reads them.
const NOT_NULL_HERE: &[(&str, &str)] = &[
    ("events::SKIP_OF_ORGANIZATION", "an event of an organization has its place there"),
    ("events::OF_ORGANIZATION", "an event of an organization has its place there"),
];

/// A connection set up as those of a server are.
async fn client(server: &TestServer) -> Client {
    let client = server.sql().await.expect("a PostgreSQL database");
    client.batch_execute(&polity_store::PLANNING.join(";")).await.expect("settings");
    client
}

fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Uuid => Type::UUID,
        Kind::Bytes => Type::BYTEA,
        Kind::Text => Type::TEXT,
        Kind::Integer => Type::INT8,
        Kind::Boolean => Type::BOOL,
        Kind::Time => Type::TIMESTAMPTZ,
    }
}

fn short(statement: &Statement) -> &'static str {
    statement.name.trim_start_matches("polity_store::")
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = client(&server).await;
    for statement in statements() {
        let name = short(statement);
        let types: Vec<Type> = statement.params.iter().map(|kind| type_of(*kind)).collect();
        let prepared = client.prepare_typed(statement.pg, &types).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(prepared.params(), types, "{name}: parameters");
        assert_eq!(prepared.columns().len(), statement.columns.len(), "{name}: number of columns");
        for (found, declared) in prepared.columns().iter().zip(statement.columns) {
            assert_eq!(found.name(), declared.name, "{name}");
            assert_eq!(*found.type_(), type_of(declared.kind), "{name}: column {}", declared.name);
            let (Some(table), Some(column)) = (found.table_oid(), found.column_id()) else { continue };
            let sql = "select attnotnull from pg_attribute where attrelid = $1 and attnum = $2";
            let not_null: bool = client.query_one(sql, &[&table, &column]).await.expect("a column").get(0);
            let known = NOT_NULL_HERE.iter().any(|(known, _)| *known == name);
            assert!(not_null || declared.nullable || known, "{name}: column {} may be null", declared.name);
        }
    }
}

/// The lines of the plan of a statement whose parameters are not known.
async fn plan(client: &Client, statement: &Statement) -> Vec<String> {
    let types: Vec<String> = statement.params.iter().map(|kind| type_of(*kind).name().to_owned()).collect();
    let list = |items: &[String]| if items.is_empty() { String::new() } else { format!("({})", items.join(", ")) };
    let nulls = vec!["null".to_owned(); types.len()];
    client.batch_execute(&format!("prepare s{} as {}", list(&types), statement.pg)).await.expect("a statement");
    let rows = client.query(&format!("explain (costs off) execute s{}", list(&nulls)), &[]).await.expect("a plan");
    client.batch_execute("deallocate s").await.expect("deallocate");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn no_statement_reads_a_table_from_end_to_end() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = client(&server).await;
    filled::fill(&client).await;
    let mut scanning = BTreeMap::new();
    for statement in statements() {
        let plan = plan(&client, statement).await;
        if plan.iter().any(|line| line.contains("Seq Scan on ")) {
            scanning.insert(short(statement), plan);
        }
    }
    let listed: Vec<&str> = MAY_SCAN.iter().map(|(name, _)| *name).collect();
    assert_eq!(scanning.keys().copied().collect::<Vec<_>>(), listed, "{scanning:#?}");
}

/// A join that reads both of its sides from end to end pays off where much is expected of a limit that is not known.
#[tokio::test]
async fn every_join_looks_up_what_belongs_to_each_row() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = client(&server).await;
    filled::fill(&client).await;
    for statement in statements() {
        let plan = plan(&client, statement).await;
        let is_whole = |line: &String| ["Hash Cond", "Merge Cond"].iter().any(|join| line.contains(join));
        assert!(!plan.iter().any(is_whole), "{}: {plan:#?}", short(statement));
    }
}

#[tokio::test]
async fn what_a_page_skips_is_skipped_on_index_entries() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = client(&server).await;
    filled::fill(&client).await;
    let (mut lists, mut wrong) = (0, BTreeMap::new());
    for statement in statements().filter(|statement| statement.pg.contains("offset $")) {
        let plan = plan(&client, statement).await;
        let from = plan.iter().position(|line| line.contains("Limit")).unwrap_or_else(|| panic!("{plan:#?}"));
        let depth = |line: &str| line.len() - line.trim_start().len();
        let inner = plan[from + 1..].iter().take_while(|line| depth(line) > depth(&plan[from]));
        let reads = inner.filter(|line| line.contains(" Scan"));
        let covered = |line: &String| line.contains("Index Only Scan") || line.contains("Subquery Scan");
        if !reads.clone().all(covered) {
            wrong.insert(short(statement), plan.clone());
        }
        lists += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(lists > 8, "the lists are found by their text");
}

#[tokio::test]
async fn both_engines_have_the_same_tables() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = client(&server).await;
    let sql = "select table_name::text, column_name::text, data_type::text, is_nullable = 'YES'
        from information_schema.columns where table_schema = 'public'";
    let mut found: BTreeMap<String, BTreeMap<String, (String, bool)>> = BTreeMap::new();
    for row in client.query(sql, &[]).await.expect("the schema") {
        found.entry(row.get(0)).or_default().insert(row.get(1), (row.get(2), row.get(3)));
    }
    let mut wanted: BTreeMap<String, BTreeMap<String, (String, bool)>> = BTreeMap::new();
    for table in TABLES {
        for column in table.columns {
            let kind = match column.holds {
                Kind::Uuid => "uuid",
                Kind::Bytes => "bytea",
                Kind::Text => "text",
                Kind::Integer => "bigint",
                Kind::Boolean => "boolean",
                Kind::Time => "timestamp with time zone",
            };
            wanted.entry(table.name.into()).or_default().insert(column.name.into(), (kind.into(), column.nullable));
        }
    }
    found.retain(|table, _| !OWN.contains(&table.as_str()));
    wanted.retain(|table, _| !OWN.contains(&table.as_str()));
    assert_eq!(found, wanted);
}
