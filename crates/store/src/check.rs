//! Checks of every statement against the migrated schema, and of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use polity_api::ids::{EventId, OrganizationId};
use polity_api::scalar::Timestamp;
use rusqlite::Connection;
use serde_json::Map;

use crate::events::{self, ActorKind, NewEvent};
use crate::migrate::migrate_file;
use crate::page::{Filter, Start};
use crate::{Db, Error, Kind, Observer, Options, Target, migrate, statements};

/// Statements on a table with `organization_id` that do not compare it first.
/// Each was reviewed: the caller authorises on the row that comes back, or the
/// statement is about a person, the operator or the clock and no tenant.
const NOT_BY_TENANT: &[(&str, &str)] = &[
    ("credentials::BY_HASH", "authentication: the row tells the organization"),
    ("credentials::BY_ID", "authorised on the row"),
    ("credentials::DELETE", "after authorisation on the row"),
    ("credentials::DELETE_OF_USER", "about a person"),
    ("credentials::UPDATE", "after authorisation on the row"),
    ("deliveries::DUE", "for the worker"),
    ("events::ALL", "for the operator"),
    ("events::BY_ID", "for deliveries, whose row tells the organization"),
    ("events::FEED", "for the operator"),
    ("events::FRONTIER", "a number, for the operator's feed"),
    ("events::LAST", "a place, for the operator's feed"),
    ("events::OF_ACTOR", "about a person"),
    ("events::PLACE_OF_ACTOR", "about a person"),
    ("events::SKIP_ALL", "for the operator"),
    ("events::SKIP_OF_ACTOR", "about a person"),
    ("github_installations::BY_INSTALLATION", "for what GitHub says, which names the installation"),
    ("github_installations::DUE", "for the worker"),
    ("github_requests::DELETE_BEFORE", "for the sweeper"),
    ("github_requests::DELETE_OF_ACCOUNT", "for what GitHub says, which names the account"),
    ("github_requests::DELETE_OF_USER", "about a person"),
    ("github_requests::OLDEST", "for the worker"),
    ("github_requests::OF_ACCOUNT", "for what GitHub says, which names the account"),
    ("github_uninstalls::BY_INSTALLATION", "for what GitHub says, which names the installation"),
    ("github_uninstalls::DUE", "for the worker"),
    ("invitations::COUNT_OF_EMAIL", "about an address"),
    ("invitations::COUNT_PENDING", "about an address"),
    ("invitations::OF_EMAIL", "about an address"),
    ("invitations::VIEW_BY_ID", "authorised on the row"),
    ("jobs::CLAIM", "for the worker"),
    ("jobs::COUNT", "for the metrics"),
    ("jobs::DUE", "for the worker"),
    ("leases::BY_ID", "for sources of the platform, which act for every organization"),
    ("leases::DELETE_ENDED", "for the sweeper"),
    ("leases::EXPIRING", "for the sweeper"),
    ("leases::EXPIRING_AFTER", "for the sweeper"),
    ("links::BY_HASH", "authentication: the row tells the organization"),
    ("links::DELETE_EXPIRED", "for the sweeper"),
    ("links::DELETE_OF_USER", "about a person"),
    ("links::UNUSED_OF_USER", "about a person"),
    ("links::USE", "after authorisation on the row"),
    ("links::USE_OF_USER", "about a person"),
    ("members::COUNT_ALL_OF_USER", "about a person"),
    ("members::COUNT_OF_USER", "about a person"),
    ("members::DELETE_OF_USER", "about a person"),
    ("members::OF_USER", "about a person"),
    ("members::VIEW_BY_ID", "authorised on the row"),
    ("notification_marks::DELETE_OF_USER", "about a person"),
    ("organizations::COUNT_OF_USER", "about a person"),
    ("organizations::NEXT_OF_USER", "about a person"),
    ("organizations::OF_USER_ASC", "about a person"),
    ("organizations::OF_USER_DESC", "about a person"),
    ("projects::BY_ID", "authorised on the row"),
    ("spends::ACCOUNT", "by the organization's own id, which leads the tables it joins"),
    ("tokens::BY_ID", "authentication: the row tells the organization"),
    ("tokens::DELETE", "after authorisation on the row"),
    ("tokens::DELETE_ACCESS_OF_USER", "about a person"),
    ("tokens::DELETE_EXPIRED", "for the sweeper"),
    ("tokens::DELETE_OF_CREDENTIAL", "after authorisation on the credential"),
    ("tokens::DELETE_SESSIONS", "about a person"),
    ("tokens::SET_SPEND", "for a lease, after authentication of the token"),
    ("webhooks::BY_ID", "authorised on the row"),
    ("webhooks::DELETE", "after authorisation on the row"),
    ("webhooks::OF_OPERATOR", "for the operator"),
];

/// Statements that may read a whole table.
const MAY_SCAN: &[(&str, &str)] = &[
    ("organizations::COUNT_BY_STATUS", "counts the entries of an index, once a minute, for the metrics"),
    ("credentials::LIST", "reads the page that its two walks make up, and no table"),
    ("jobs::COUNT", "few rows: what is waiting to be done"),
    ("mails::COUNT_WAITING", "a partial index of what waits"),
    ("mails::COUNT_BOUNCED", "a partial index of what bounced"),
    ("members::OF_ORGANIZATION", "reads the page that its walk makes up, and no table"),
    ("members::OF_USER", "reads the page that its walk makes up, and no table"),
    ("metered_events::ALL", "few rows: those of no run yet"),
    ("metered_events::NTH", "few rows: those of no run yet"),
    ("metered_events::INSERT", "goes through its own parameter"),
    ("metered_events::run::ALL", "few rows: runs are merged"),
    ("metered_events::run::FIND", "goes through its own parameter"),
    ("metering_keys::CAPS", "few rows: the sources of the platform"),
    ("signing_keys::ALL", "few rows"),
    ("signing_keys::DELETE_BEFORE", "few rows"),
];

fn migrated() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    migrate_file(&path);
    let conn = Connection::open(path).unwrap();
    (dir, conn)
}

fn short(name: &str) -> &str {
    name.trim_start_matches("polity_store::")
}

/// The columns of every table: kind, and whether null is allowed.
fn schema(conn: &Connection) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables = BTreeMap::new();
    let mut names = conn.prepare("select name from sqlite_master where type = 'table'").unwrap();
    let names: Vec<String> = names.query_map((), |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    for table in names {
        let mut info = conn.prepare("select name, type from pragma_table_info(?1)").unwrap();
        let columns = info.query_map((&table,), |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
        tables.insert(table, columns);
    }
    tables
}

#[test]
fn every_statement_fits_the_schema() {
    let (_dir, conn) = migrated();
    for statement in statements() {
        let name = statement.name;
        let prepared = conn.prepare(statement.lite).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(prepared.parameter_count(), statement.params.len(), "{name}: parameters");
        let columns = prepared.columns();
        assert_eq!(columns.len(), statement.columns.len(), "{name}: number of columns");
        for (found, declared) in columns.zip(statement.columns) {
            assert_eq!(found.name(), declared.name, "{name}");
            let Some(stored) = found.decl_type() else { continue };
            let wanted = match declared.kind {
                Kind::Uuid | Kind::Bytes => "blob",
                Kind::Text => "text",
                Kind::Integer | Kind::Boolean | Kind::Time => "integer",
            };
            assert_eq!(stored.to_lowercase(), wanted, "{name}: column {}", declared.name);
        }
    }
}

#[test]
fn a_column_that_may_be_null_is_read_as_an_option() {
    let (_dir, conn) = migrated();
    for statement in statements() {
        let text = statement.lite;
        let Some(table) = text.split(" from ").nth(1).and_then(|rest| rest.split_whitespace().next()) else { continue };
        if !text.starts_with("select") || text.contains(" join ") {
            continue;
        }
        for column in statement.columns {
            let not_null: Option<bool> = conn
                .query_row(
                    "select \"notnull\" or pk from pragma_table_info(?1) where name = ?2",
                    (table, column.name),
                    |r| r.get(0),
                )
                .ok();
            if let Some(not_null) = not_null {
                assert_eq!(!not_null, column.nullable, "{}: {}", statement.name, column.name);
            }
        }
    }
}

#[test]
fn no_statement_scans_a_table_that_grows() {
    let (_dir, conn) = migrated();
    let mut seen = BTreeSet::new();
    for statement in statements() {
        let name = short(statement.name);
        let mut plan = conn.prepare(&format!("explain query plan {}", statement.lite)).unwrap();
        let count = plan.parameter_count();
        let nulls = vec![rusqlite::types::Null; count];
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(nulls), |r| r.get("detail"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let scans = steps.iter().any(|step| step.starts_with("SCAN") && !step.contains("CONSTANT ROW"));
        if scans {
            assert!(MAY_SCAN.iter().any(|(may, _)| *may == name), "{name} scans: {steps:#?}");
            seen.insert(name);
        }
    }
    for (name, _) in MAY_SCAN {
        assert!(seen.contains(name), "{name} no longer scans: take it off the list");
    }
}

#[test]
fn every_statement_on_tenant_data_compares_the_tenant() {
    let (_dir, conn) = migrated();
    let tenant_tables: Vec<_> =
        schema(&conn).into_iter().filter(|(_, c)| c.contains_key("organization_id")).map(|(t, _)| t).collect();
    let mut seen = BTreeSet::new();
    for statement in statements() {
        let name = short(statement.name);
        let text = format!("{} ", statement.lite);
        let touches = tenant_tables.iter().any(|table| {
            ["from", "join", "update", "into"].iter().any(|word| text.contains(&format!("{word} {table} ")))
        });
        if !touches || text.starts_with("insert") {
            continue;
        }
        if !text.contains("organization_id = ?") {
            assert!(NOT_BY_TENANT.iter().any(|(ok, _)| *ok == name), "{name} does not compare organization_id");
            seen.insert(name);
        }
    }
    for (name, _) in NOT_BY_TENANT {
        assert!(seen.contains(name), "{name} compares the tenant now, or is gone: take it off the list");
    }
}

#[test]
fn whatever_changes_a_row_that_is_remembered_names_its_subject() {
    const REMEMBERED: [&str; 6] = ["users", "organizations", "members", "tokens", "credentials", "metering_keys"];
    for statement in statements() {
        let (name, text) = (short(statement.name), statement.pg);
        let changes = REMEMBERED.iter().any(|table| {
            text.contains(&format!("update {table} "))
                || text.contains(&format!("delete from {table} "))
                || (text.contains(&format!("insert into {table} ")) && text.contains("on conflict"))
        });
        // An expired row says nothing that the time in it does not say.
        let excepted = name == "tokens::DELETE_EXPIRED";
        assert_eq!(statement.touches.is_some(), changes && !excepted, "{name}");
        if let Some(n) = statement.touches {
            assert_eq!(statement.params[n], Kind::Uuid, "{name}: the subject is an identifier");
        }
    }
}

async fn target(dir: &tempfile::TempDir) -> Target {
    let target = Target::Sqlite(dir.path().join("t.db"));
    migrate(&target, Timestamp(0)).await.unwrap();
    target
}

async fn open() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let target = target(&dir).await;
    let db = Db::open(&Options { unit_budget: Duration::from_millis(200), ..Options::new(target) }).unwrap();
    (dir, db)
}

fn event(n: u8) -> NewEvent {
    NewEvent {
        id: EventId::from_random([n; 16]),
        organization_id: Some(OrganizationId::from_random([1; 16])),
        actor_kind: ActorKind::System,
        actor_id: None,
        actor_name: String::new(),
        object_kind: "test".into(),
        object_id: uuid::Uuid::nil(),
        object_name: String::new(),
        verb: "created".into(),
        metadata: Map::new(),
        created_at: Timestamp(0),
    }
}

async fn count(db: &Db) -> i64 {
    db.read("count", (), |tx, ()| Box::pin(async { events::last_seq(tx, OrganizationId::from_random([1; 16])).await }))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_refused_unit_leaves_no_trace_and_spoils_no_other() {
    let (_dir, db) = open().await;
    let tasks: Vec<_> = (0..40u8)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                db.write("append", n, |tx, n| {
                    Box::pin(async move {
                        events::append(tx, &event(*n)).await?;
                        if n % 4 == 0 { Err(Error::Closed) } else { Ok(()) }
                    })
                })
                .await
                .is_ok()
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += i64::from(task.await.unwrap());
    }
    assert_eq!((kept, count(&db).await), (30, 30));
    let rows = db
        .read("list", (), |tx, ()| {
            Box::pin(async {
                events::of_organization(
                    tx,
                    OrganizationId::from_random([1; 16]),
                    0,
                    &Filter::default(),
                    Start::First,
                    100,
                )
                .await
            })
        })
        .await
        .unwrap();
    let numbers: Vec<_> = rows.0.iter().rev().map(|row| row.organization_seq).collect();
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>(), "the log of an organization has no gap");
}

#[tokio::test]
async fn a_unit_refused_before_it_changed_anything_has_no_other_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let (runs, target) = (Arc::new(AtomicU32::new(0)), target(&dir).await);
    let seen = runs.clone();
    let observer: Observer = Arc::new(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    let db = Db::open(&Options { observer, ..Options::new(target) }).unwrap();
    let tasks: Vec<_> = (0..40u8)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let unit = db.write("append", n, |tx, n| {
                    Box::pin(async move {
                        match n % 4 {
                            0 => Err(Error::Closed),
                            // Refused by the engine: one event has the same identifier as another.
                            1 => events::append(tx, &event(1)).await,
                            _ => events::append(tx, &event(*n)).await,
                        }
                    })
                });
                unit.await.is_ok()
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += i64::from(task.await.unwrap());
    }
    assert_eq!((kept, runs.load(Ordering::Relaxed)), (21, 40));
    assert_eq!(count(&db).await, 21);
}

#[tokio::test]
async fn a_panic_in_a_unit_is_an_error_and_the_store_goes_on() {
    let (_dir, db) = open().await;
    let result = db
        .write("explode", (), |tx, ()| {
            Box::pin(async {
                events::append(tx, &event(1)).await?;
                if true {
                    panic!("on purpose");
                }
                Ok::<(), Error>(())
            })
        })
        .await;
    assert!(matches!(result, Err(Error::Panicked("explode"))));
    assert_eq!(count(&db).await, 0);
    db.write("append", (), |tx, ()| Box::pin(async { events::append(tx, &event(2)).await })).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn awaiting_something_else_is_refused() {
    let (_dir, db) = open().await;
    let result = db
        .read("sleepy", (), |_, ()| {
            Box::pin(async {
                std::future::pending::<()>().await;
                Ok::<(), Error>(())
            })
        })
        .await;
    assert!(matches!(result, Err(Error::ForeignAwait("sleepy"))));
}

#[tokio::test]
async fn a_unit_that_makes_light_of_an_error_still_gets_its_rows() {
    let (_dir, db) = open().await;
    db.write("append", (), |tx, ()| Box::pin(async { events::append(tx, &event(1)).await })).await.unwrap();
    let organization = OrganizationId::from_random([1; 16]);
    let last = db.read("light", organization, |tx, id| {
        Box::pin(async move { Ok::<_, Error>(events::last_seq(tx, *id).await.unwrap_or(-1)) })
    });
    assert_eq!(last.await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(&dir).await;
    let db = Db::open(&Options::new(target.clone())).unwrap();
    db.write("append", (), |tx, ()| Box::pin(async { events::append(tx, &event(1)).await })).await.unwrap();
    drop(db);
    assert_eq!(count(&Db::open(&Options::new(target)).unwrap()).await, 1);
}

#[tokio::test]
async fn every_unit_is_measured_under_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(&dir).await;
    let seen = Arc::new(AtomicBool::new(false));
    let flag = seen.clone();
    let observer = Arc::new(move |m: crate::Measured| {
        if m.unit == "count" && m.ok {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let db = Db::open(&Options { observer, ..Options::new(target) }).unwrap();
    count(&db).await;
    assert!(seen.load(Ordering::Relaxed));
}

#[tokio::test]
async fn the_last_handle_may_go_with_a_unit_nobody_waits_for() {
    let (_dir, db) = open().await;
    let last = db.clone();
    let abandoned = tokio::spawn(async move {
        let handle = last.clone();
        last.write("abandoned", handle, |tx, _| Box::pin(async { events::append(tx, &event(1)).await })).await
    });
    tokio::task::yield_now().await;
    abandoned.abort();
    drop(db);
    let _ = abandoned.await;
}
