//! A database that crashes and comes back.

use std::time::Duration;

use polity_tests::load::{Load, Servers};
use polity_tests::{Cluster, Options, Stop};

use crate::replicas::Pair;
use crate::{Random, alone, audit};

const RESTARTS: u32 = 8;

#[tokio::test]
async fn replicas_survive_restarts_of_the_database() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let pair = Pair::start([database.url(), database.url()]).await;
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;

    let mut random = Random::new();
    for n in 0..RESTARTS {
        load.seen().recovered().await;
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        load.seen().forget_outage();
        let since = std::time::Instant::now();
        // Alternately as a crash, and as an upgrade of the database does it.
        cluster.stop(if n % 2 == 0 { Stop::Immediate } else { Stop::Fast }).await;
        if n % 4 == 3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        cluster.start_again().await;
        let down = since.elapsed();
        load.seen().recovered().await;
        println!("the database was down for {down:?}, to clients for {:?}", load.seen().numbers().longest_outage);
    }
    println!("{:?}", load.seen().numbers());
    let ledgers = load.stop().await;
    let written_again = audit::everything(&pair, &database.client().await, &ledgers).await;
    assert_eq!(written_again, 0, "mails were delivered again by the other replica, though who did it was alive");
}
