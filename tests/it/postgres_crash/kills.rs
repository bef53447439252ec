//! Replicas that are killed.

use std::time::Duration;

use polity_tests::load::{Load, Servers};
use polity_tests::{Cluster, Options};

use crate::replicas::Pair;
use crate::{Random, alone, audit};

const KILLS: u32 = 50;
const WRITERS: u32 = 4;

#[tokio::test]
async fn fifty_kills_of_two_replicas_lose_nothing_and_leave_nothing_half_done() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let mut pair = Pair::start([database.url(), database.url()]).await;
    let load = Load::start("w", WRITERS, &pair.urls(), Servers::Mortal).await;

    let mut random = Random::new();
    for n in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(20 + random.below(180))).await;
        let dead = if random.below(2) == 0 { &mut pair.a } else { &mut pair.b };
        dead.kill();
        // Now and then the other is alone for a while.
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        dead.start(&pair.http).await;
    }
    println!("{:?}", load.seen().numbers());
    let ledgers = load.stop().await;
    audit::everything(&pair, &database.client().await, &ledgers).await;
}
