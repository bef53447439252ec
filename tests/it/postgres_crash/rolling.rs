//! Two releases on one database.

use std::time::Duration;

use polity_tests::load::{Load, Servers};
use polity_tests::{Cluster, Options};

use crate::replicas::{Pair, SECRET_KEY, run};
use crate::{alone, audit};

/// What the next release may do to the schema while this one runs: it only adds.
const EXPANSION: &str = "
begin;
lock table schema_lock;
create table next_release (id uuid primary key, organization_id uuid not null references organizations (id));
do $$
declare
    name text;
begin
    for name in select tablename from pg_tables where schemaname = 'public' and tablename not like 'schema%' loop
        execute format('alter table %I add column next_release text', name);
    end loop;
end $$;
insert into schema_migrations (version, name, checksum, applied_at) values (999, 'next_release', 'abc', now());
commit;
";

#[tokio::test]
async fn a_running_replica_works_on_while_the_next_release_expands_the_schema() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let pair = Pair::start([database.url(), database.url()]).await;
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;
    load.seen().recovered().await;

    let client = database.client().await;
    // As migrations do: it gives up soon, lets through who waited behind it and tries again. It wants all tables at
    // once, each of which is locked by somebody for longer on a slow machine: so it becomes more patient.
    let mut tries = 0;
    loop {
        let patience = Duration::from_millis(100 + 2 * tries);
        client.batch_execute(&format!("set lock_timeout = {}", patience.as_millis())).await.unwrap();
        let Err(error) = client.batch_execute(EXPANSION).await else { break };
        client.batch_execute("rollback").await.unwrap();
        tries += 1;
        assert!(tries < 300, "{error:?}");
        tokio::time::sleep(patience).await;
    }
    load.seen().recovered().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let numbers = load.seen().numbers();
    println!("expanded after {tries} tries: {numbers:?}");
    let ledgers = load.stop().await;
    audit::everything(&pair, &client, &ledgers).await;
    assert_eq!((numbers.refused, numbers.unknown), (0, 0), "requests were refused");
}

/// Takes back a step of this release, on a table that is always in use and that no later step changes.
const UNDO: &str = "
begin;
delete from schema_migrations where version = 8;
drop index tokens_user;
create index tokens_user on tokens (user_id) where user_id is not null;
drop index tokens_organization;
create index tokens_organization on tokens (organization_id) where organization_id is not null;
commit;
";

#[tokio::test]
async fn a_migration_that_waits_for_a_long_transaction_holds_up_nobody() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let pair = Pair::start([database.url(), database.url()]).await;
    let client = database.client().await;
    client.batch_execute(UNDO).await.unwrap();
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;
    load.seen().recovered().await;

    // As a backup does, which holds it until it ends.
    let backup = database.client().await;
    backup.batch_execute("begin isolation level repeatable read; select from tokens limit 1").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let migrating = run(&["migrate"], directory.path(), database.url(), SECRET_KEY);
    let backing_up = async {
        // For longer than a unit of work may take.
        tokio::time::sleep(Duration::from_secs(6)).await;
        load.seen().recovered().await;
        let applied = client.query_one("select count(*) from schema_migrations where version = 8", &[]).await.unwrap();
        assert_eq!(applied.get::<_, i64>(0), 0, "it is not applied in the middle of a transaction that reads");
        backup.batch_execute("commit").await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrating, backing_up);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let applied = client.query_one("select count(*) from schema_migrations where version = 8", &[]).await.unwrap();
    assert_eq!(applied.get::<_, i64>(0), 1);
    load.seen().recovered().await;
    let numbers = load.seen().numbers();
    let ledgers = load.stop().await;
    audit::everything(&pair, &client, &ledgers).await;
    assert_eq!((numbers.refused, numbers.unknown), (0, 0), "requests were refused");
}

#[tokio::test]
async fn this_release_does_not_start_on_the_schema_of_the_next() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let directory = tempfile::tempdir().unwrap();
    let migrated = run(&["migrate"], directory.path(), database.url(), SECRET_KEY).await;
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    database.client().await.batch_execute(EXPANSION).await.unwrap();
    for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let ended = run(arguments, directory.path(), database.url(), SECRET_KEY).await;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("the database has schema 999, this release knows up to"), "{said}");
        assert!(said.contains("run a newer release"), "{said}");
    }
}
