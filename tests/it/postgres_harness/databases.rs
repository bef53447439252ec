//! A database for each test.

use polity_tests::{Cluster, Database};
use tokio_postgres::NoTls;

/// A database with a table that has one row.
async fn prepared() -> Database {
    let template = Cluster::shared().await.template("notes", async |url: String| {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("create table note (text text); insert into note values ('first')").await.unwrap();
    });
    template.await.database().await
}

async fn notes(database: &Database) -> i64 {
    database.client().await.query_one("select count(*) from note", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_database_is_a_copy_of_its_template() {
    assert_eq!(notes(&prepared().await).await, 1);
}

#[tokio::test]
async fn a_database_does_not_see_what_happens_in_another() {
    let (one, other) = (prepared().await, prepared().await);
    one.client().await.batch_execute("insert into note values ('second')").await.unwrap();
    assert_eq!((notes(&one).await, notes(&other).await), (2, 1));
}

#[tokio::test]
async fn a_database_is_gone_after_its_test_though_connections_are_left() {
    let cluster = Cluster::shared().await;
    let database = cluster.database().await;
    let _left = database.client().await;
    let name = database.name().to_owned();
    drop(database);
    let watcher = cluster.client().await;
    for _ in 0..1000 {
        let found = watcher.query_opt("select 1 from pg_database where datname = $1", &[&name]).await.unwrap();
        if found.is_none() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{name} is still there");
}
