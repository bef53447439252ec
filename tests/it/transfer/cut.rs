//! A transfer that is killed at any moment is gone on with.

use std::path::Path;
use std::time::Duration;

use polity_tests::{Cluster, Database};
use rusqlite::Connection;

use crate::support::{command, counts, seed, transfer};

/// Kills a transfer as soon as the target has a row of a table.
async fn cut(data_dir: &Path, database: &Database, table: &str) {
    let client = database.client().await;
    let mut child = command(&["transfer", "--to", database.url()], data_dir).spawn().unwrap();
    // Before the schema is there, this is refused.
    let text = format!("select 1 from {table} limit 1");
    while !client.query_opt(&text, &[]).await.is_ok_and(|row| row.is_some()) {
        assert!(child.try_wait().unwrap().is_none(), "the transfer ended by itself before {table}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(child.try_wait().unwrap().is_none(), "the transfer was over before it could be killed at {table}");
    child.kill().await.unwrap();
    // The server finds out by itself, and lets go of the lock.
    let running =
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..5000 {
        if client.query_one(running, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the killed transfer holds on to the target");
}

#[tokio::test]
async fn a_killed_transfer_is_gone_on_with_though_the_source_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, database) = (directory.path().join("data"), Cluster::shared().await.database().await);
    seed(&data_dir, &["--organizations", "10000"]).await.ok();
    let source = Connection::open(data_dir.join("polity.db")).unwrap();
    source.busy_timeout(Duration::from_secs(30)).unwrap();

    cut(&data_dir, &database, "transfer_progress").await;
    assert!(data_dir.join("polity.db.transfer/polity.db").exists());
    cut(&data_dir, &database, "users").await;
    source
        .execute_batch(
            "delete from members where id in (select id from members order by random() limit 100);
             update users set name = 'changed' where id in (select id from users order by random() limit 100);
             update organizations set name_key = name_key || '-x', name = name || '-x' where name < 'org-000100';
             delete from budgets where organization_id in (select id from organizations where name < 'org-000100')",
        )
        .unwrap();
    cut(&data_dir, &database, "organizations").await;
    cut(&data_dir, &database, "members").await;
    source
        .execute_batch(
            "update users set email = 'swap' where email = 'user-000001@example.com';
             update users set email = 'user-000001@example.com' where email = 'user-000002@example.com';
             update users set email = 'user-000002@example.com' where email = 'swap';
             delete from members where id in (select id from members order by random() limit 100)",
        )
        .unwrap();
    cut(&data_dir, &database, "events").await;
    // Those that were killed left much done.
    let said = transfer(&data_dir, database.url(), &["--final"]).await.ok();
    assert!(counts(&said, "users").1 <= 100 && counts(&said, "projects").1 == 0, "{said}");
    transfer(&data_dir, database.url(), &["--verify-only"]).await.ok();

    // What only the target has is right too.
    let client = database.client().await;
    let wrong = "select count(*) from (select organization_id, max(organization_seq) as last_seq from events
                 group by organization_id) e full join event_counters c using (organization_id)
                 where e.last_seq is distinct from c.last_seq";
    assert_eq!(client.query_one(wrong, &[]).await.unwrap().get::<_, i64>(0), 0);
    let next = "select nextval(pg_get_serial_sequence('events', 'seq')) - max(seq) from events";
    assert_eq!(client.query_one(next, &[]).await.unwrap().get::<_, i64>(0), 1);
}
