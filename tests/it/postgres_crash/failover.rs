//! A primary that dies, and a standby that takes over.

use std::time::{Duration, Instant};

use polity_tests::load::{Load, Servers};
use polity_tests::{Cluster, Options, Stop, TcpProxy};

use crate::replicas::Pair;
use crate::{alone, audit};

/// How the primary fails.
enum Failure {
    /// Its machine refuses connections.
    Dies,
    /// It accepts connections and says nothing any more, as a machine that hangs.
    Hangs,
}

async fn fail_over(failure: Failure) {
    let _alone = alone().await;
    let primary = Cluster::start(Options::default()).await;
    let name = "polity";
    primary.client().await.batch_execute(&format!("create database {name} template template0")).await.unwrap();
    let standby = primary.standby().await;
    primary.make_synchronous().await;
    let proxy = TcpProxy::start(primary.address()).await;
    let hosts = format!("{},{}", proxy.address(), standby.address());
    let url = format!("postgres://polity@{hosts}/{name}?target_session_attrs=read-write");
    let pair = Pair::start([&url, &url]).await;
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;
    load.seen().recovered().await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    load.seen().forget_outage();
    let since = Instant::now();
    match failure {
        Failure::Dies => {
            primary.stop(Stop::Immediate).await;
            proxy.refuse().await;
        }
        Failure::Hangs => proxy.pause(),
    }
    // Whoever looks after the cluster takes a while to notice.
    tokio::time::sleep(Duration::from_secs(1)).await;
    standby.promote().await;
    let promoted = since.elapsed();
    load.seen().recovered().await;
    let outage = load.seen().numbers().longest_outage;
    println!("promoted after {promoted:?}, an outage to clients of {outage:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;

    println!("{:?}", load.seen().numbers());
    let ledgers = load.stop().await;
    let (client, connection) = tokio_postgres::connect(&standby.url(name), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    audit::everything(&pair, &client, &ledgers).await;
}

#[tokio::test]
async fn replicas_follow_a_failover_by_themselves() {
    fail_over(Failure::Dies).await;
}

#[tokio::test]
async fn replicas_follow_a_failover_from_a_machine_that_hangs() {
    fail_over(Failure::Hangs).await;
}
