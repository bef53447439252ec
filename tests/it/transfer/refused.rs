//! What is refused, and left as it was.

use polity_server::config::database::Database;
use polity_tests::{Cluster, TestServer, run};

use crate::support::{command, embedded, moved, seed, transfer};

#[tokio::test]
async fn a_target_with_rows_of_its_own_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, database) = (directory.path().join("data"), Cluster::shared().await.database().await);
    seed(&data_dir, &["--organizations", "3"]).await.ok();
    let elsewhere = directory.path().join("elsewhere");
    seed(&elsewhere, &["--organizations", "2", "--database-url", database.url()]).await.ok();
    transfer(&data_dir, database.url(), &[])
        .await
        .refused("the target holds rows that are of no transfer, in table users");
    let client = database.client().await;
    let count = client.query_one("select count(*) from organizations", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn another_source_does_not_replace_what_was_transferred() {
    let directory = tempfile::tempdir().unwrap();
    let database = Cluster::shared().await.database().await;
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    seed(&one, &["--organizations", "3", "--seed", "1"]).await.ok();
    seed(&other, &["--organizations", "3", "--seed", "2"]).await.ok();
    transfer(&one, database.url(), &[]).await.ok();
    transfer(&other, database.url(), &[]).await.refused("the target holds rows of another source");
    transfer(&one, database.url(), &["--final"]).await.ok();
    // From now on it is a database like any other.
    transfer(&one, database.url(), &[]).await.refused("the target holds rows that are of no transfer");
}

#[tokio::test]
async fn no_server_starts_on_a_target_before_the_last_pass() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Cluster::shared().await.database().await);
    let data_dir = directory.path().join("data");
    let old = embedded(&data_dir).await;
    old.person("ann").await;
    transfer(&data_dir, database.url(), &[]).await.ok();
    let early = tempfile::tempdir().unwrap();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--database-url", database.url()], early.path());
    serve.env("POLITY_SECRET_KEY_FILE", data_dir.join("secret.key"));
    run(serve).await.refused("the database is the target of a transfer that is not finished");
    old.stop().await;
    transfer(&data_dir, database.url(), &["--final"]).await.ok();
    moved(database.url(), &data_dir).await.stop().await;
}

#[tokio::test]
async fn a_target_that_was_written_to_is_refused() {
    let (old, database) = (TestServer::start().await, Cluster::shared().await.database().await);
    let data_dir = old.data_dir();
    old.person("ann").await;
    transfer(&data_dir, database.url(), &[]).await.ok();
    let event = "insert into events (id, actor_kind, actor_name, object_kind, object_id, object_name, verb, metadata,
        created_at) values (gen_random_uuid(), 'SYSTEM', '', 'user', gen_random_uuid(), '', 'created', '{}', now())";
    let client = database.client().await;
    let last = "select setval(pg_get_serial_sequence('events', 'seq'), (select max(seq) from events))";
    client.batch_execute(&format!("{last}; {event}")).await.unwrap();
    old.person("cleo").await;
    transfer(&data_dir, database.url(), &[]).await.refused("the target has been served since the last pass");
    old.stop().await;
}

#[tokio::test]
async fn a_source_of_another_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, database) = (directory.path().join("data"), Cluster::shared().await.database().await);
    transfer(&data_dir, database.url(), &[]).await.refused("there is no database");
    seed(&data_dir, &["--organizations", "1"]).await.ok();
    let source = rusqlite::Connection::open(data_dir.join("polity.db")).unwrap();
    source.execute_batch("insert into schema_migrations values (99, 'later', '', 0)").unwrap();
    transfer(&data_dir, database.url(), &[]).await.refused("run a newer release");
    source.execute_batch("delete from schema_migrations").unwrap();
    transfer(&data_dir, database.url(), &[]).await.refused("run polity migrate on it with this release");
    let to = "sqlite:/nowhere/polity.db";
    transfer(&data_dir, to, &[]).await.refused("--to must be a PostgreSQL server");
    transfer(&data_dir, database.url(), &["--from", database.url()])
        .await
        .refused("--from must be an embedded database");
}

#[tokio::test]
async fn two_transfers_do_not_write_to_one_target() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, database) = (directory.path().join("data"), Cluster::shared().await.database().await);
    seed(&data_dir, &["--organizations", "3"]).await.ok();
    transfer(&data_dir, database.url(), &[]).await.ok();
    let mut client = database.client().await;
    let other = client.transaction().await.unwrap();
    other.execute("select 1 from transfer_progress where id = 0 for update", &[]).await.unwrap();
    transfer(&data_dir, database.url(), &[]).await.refused("another transfer to this target is going on");
    other.rollback().await.unwrap();
    transfer(&data_dir, database.url(), &[]).await.ok();
}

#[tokio::test]
async fn the_last_pass_is_refused_while_a_server_has_the_file_open_from_another_directory() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Cluster::shared().await.database().await);
    let (data_dir, file) = (directory.path().join("data"), directory.path().join("x.db"));
    let (kept, used) = (data_dir.clone(), file.clone());
    let server = TestServer::start_with(|config| {
        config.data_dir = kept;
        config.database = Database::Sqlite(Some(used));
    })
    .await;
    server.person("ann").await;
    let (elsewhere, from) = (directory.path().join("elsewhere"), format!("sqlite:{}", file.display()));
    let last = async || transfer(&elsewhere, database.url(), &["--from", &from, "--final"]).await;
    last().await.refused("another polity uses the database");
    server.stop().await;
    last().await.ok();
    moved(database.url(), &data_dir).await.stop().await;
}
