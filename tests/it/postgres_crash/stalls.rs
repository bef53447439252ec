//! What stands still: a replica in the middle of what it does, as when its
//! machine is moved, and a database that has others to serve.

use std::time::Duration;

use polity_tests::load::{self, Load, Servers};
use polity_tests::{Cluster, Options, TcpProxy};

use crate::replicas::Pair;
use crate::{alone, audit};

#[tokio::test]
async fn a_replica_that_stands_still_for_longer_than_a_transaction_may_works_on() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let pair = Pair::start([database.url(), database.url()]).await;
    let load = Load::start("w", 8, &pair.urls(), Servers::Immortal).await;
    for _ in 0..3 {
        load.seen().recovered().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        pair.a.signal("STOP");
        tokio::time::sleep(Duration::from_secs(7)).await;
        pair.a.signal("CONT");
    }
    load.seen().recovered().await;
    println!("{:?}", load.seen().numbers());
    let ledgers = load.stop().await;
    audit::everything(&pair, &database.client().await, &ledgers).await;
}

#[tokio::test]
async fn what_waits_for_a_lock_for_longer_than_the_database_allows_is_refused_with_503() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let client = database.client().await;
    client.batch_execute("alter role polity set lock_timeout = '100ms'").await.unwrap();
    let pair = Pair::start([database.url(), database.url()]).await;
    let token = load::sign_up(&pair.http, &pair.a.url(), "w").await;

    client.batch_execute("begin; lock table organizations").await.unwrap();
    let create = async || {
        let request = pair.http.post(format!("{}/v1/organizations", pair.a.url())).bearer_auth(&token);
        request.body(r#"{"name": "waits"}"#).send().await.unwrap().status().as_u16()
    };
    assert_eq!(create().await, 503);
    client.batch_execute("commit").await.unwrap();
    assert_eq!(create().await, 200);
}

/// Answers come in as many pieces as the network likes, and none of them holds up another.
#[tokio::test]
async fn answers_that_arrive_in_pieces_hold_up_nothing() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let proxy = TcpProxy::start(cluster.address()).await;
    let url = database.url_at(proxy.address());
    let pair = Pair::start([&url, &url]).await;
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;
    load.seen().recovered().await;
    // Shorter than any answer.
    proxy.trickle(8);
    for _ in 0..12 {
        load.seen().recovered().await;
    }
    proxy.resume().await;
    for _ in 0..12 {
        load.seen().recovered().await;
    }
    let numbers = load.seen().numbers();
    println!("{numbers:?}");
    let ledgers = load.stop().await;
    audit::everything(&pair, &database.client().await, &ledgers).await;
    assert_eq!((numbers.refused, numbers.unknown), (0, 0), "requests were refused");
}
