//! Checks of how lists are read: what they skip, they skip on index entries.

use rusqlite::Connection;

use crate::migrate::migrate_file;
use crate::{Statement, statements};

fn migrated() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db");
    migrate_file(&path);
    let conn = Connection::open(path).unwrap();
    (dir, conn)
}

/// Tables that are their own index, by what statements call them. A day of usage is hardly larger than the entry of one,
/// which would have to be kept with every event that is metered. The organization (`c`) of a thing that is listed is
/// found by its key, one for each thing, as soon as its entry in an index would be.
const OWN_INDEX: &[&str] = &["usage_days", "c"];

fn on_entries(step: &str) -> bool {
    step.contains("USING COVERING INDEX")
        || OWN_INDEX.iter().any(|table| step.starts_with(&format!("SEARCH {table} USING PRIMARY KEY")))
}

/// The steps of a plan: how deep each is, and what it does.
fn plan(conn: &Connection, text: &str) -> Vec<(usize, String)> {
    let mut depths = std::collections::HashMap::from([(0, 0)]);
    let mut steps = conn.prepare(&format!("explain query plan {text}")).unwrap();
    let nulls = vec![rusqlite::types::Null; steps.parameter_count()];
    let rows = steps.query_map(rusqlite::params_from_iter(nulls), |r| {
        Ok((r.get::<_, i64>("id")?, r.get::<_, i64>("parent")?, r.get::<_, String>("detail")?))
    });
    let mut plan = Vec::new();
    for (id, parent, detail) in rows.unwrap().map(Result::unwrap) {
        let depth = depths[&parent] + 1;
        depths.insert(id, depth);
        plan.push((depth, detail));
    }
    plan
}

/// The steps of the inner select of a deferred join, which decides what is on
/// the page; all of a statement that has none. Left out is what is looked up
/// once for the whole list.
fn inner(plan: &[(usize, String)]) -> Vec<&str> {
    let begins = ["LIST SUBQUERY", "MATERIALIZE m", "CO-ROUTINE m"];
    let start = plan.iter().position(|(_, step)| begins.iter().any(|begin| step.starts_with(begin)));
    let (depth, rest) = match start {
        Some(at) => (plan[at].0, &plan[at + 1..]),
        None => (0, plan),
    };
    let mut once = None;
    let inner = rest.iter().take_while(|(d, _)| *d > depth).filter(|(d, step)| {
        if once.is_some_and(|level| *d <= level) {
            once = None;
        }
        if step.starts_with("SCALAR SUBQUERY") {
            once = Some(*d);
        }
        once.is_none()
    });
    inner.map(|(_, step)| step.as_str()).collect()
}

fn reads(step: &str) -> bool {
    step.starts_with("SEARCH") || step.starts_with("SCAN")
}

/// Whether a statement is a deferred join: rows are read by the keys that an inner select finds, or joined to what it
/// finds.
fn deferred(statement: &Statement) -> bool {
    let text = statement.lite.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
    text.contains(" in (select ") || text.contains(" from (select ")
}

#[test]
fn what_a_list_skips_it_skips_on_index_entries() {
    let (_dir, conn) = migrated();
    let mut checked = 0;
    for statement in statements().filter(|statement| statement.lite.contains(" offset ?")) {
        let (name, text) = (statement.name, statement.lite);
        let finds_a_key = text.contains(" limit 1 offset ?");
        assert!(deferred(statement) || finds_a_key, "{name}: an offset belongs into an inner select");
        let plan = plan(&conn, text);
        let inner = inner(&plan);
        let reading: Vec<_> = inner.iter().filter(|step| reads(step) && **step != "SCAN v").collect();
        assert!(!reading.is_empty(), "{name}: {plan:#?}");
        assert!(reading.iter().all(|step| on_entries(step)), "{name}: {plan:#?}");
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn the_inner_select_is_in_the_order_of_its_index() {
    // Ordered by what is another table's, the reason is with the statement; or by sums over a stretch of days.
    const SORTS: &[&str] = &[
        "organizations::OF_USER_ASC",
        "organizations::OF_USER_DESC",
        "usage_days::BY_PROJECT",
        "usage_days::BY_CREDENTIAL",
        "usage_days::BY_UNIT",
    ];
    let (_dir, conn) = migrated();
    for statement in statements().filter(|statement| statement.lite.contains(" limit ?")) {
        let name = statement.name.trim_start_matches("polity_store::");
        let plan = plan(&conn, statement.lite);
        let sorts = inner(&plan).iter().any(|step| step.starts_with("USE TEMP B-TREE"));
        assert_eq!(sorts, SORTS.contains(&name), "{name}: {plan:#?}");
    }
}

#[test]
fn what_is_counted_is_counted_on_index_entries() {
    let (_dir, conn) = migrated();
    for statement in statements().filter(|statement| statement.lite.contains("count(*)")) {
        let plan = plan(&conn, statement.lite);
        // What is looked up once for the whole count is a row of its own.
        let counting = |step: &&String| reads(step) && !step.contains("autoindex") && *step != "SCAN CONSTANT ROW";
        let mut reading = plan.iter().map(|(_, step)| step).filter(counting).peekable();
        assert!(reading.peek().is_some(), "{}", statement.name);
        assert!(reading.all(|step| on_entries(step)), "{}: {plan:#?}", statement.name);
    }
}

#[test]
fn the_two_engines_have_the_same_indexes_for_lists() {
    let names = |text: &str| -> Vec<String> {
        let words: Vec<_> =
            text.lines().filter(|line| !line.starts_with("--")).flat_map(str::split_whitespace).collect();
        let pairs = words.windows(2).filter(|pair| pair[0] == "index");
        pairs.map(|pair| pair[1].trim_end_matches(';').to_owned()).collect()
    };
    let lite = names(include_str!("../migrations/0002_lists.sqlite.sql"));
    assert_eq!(lite, names(include_str!("../migrations/0002_lists.postgres.sql")));
    assert!(lite.len() > 10, "{lite:?}");
}
