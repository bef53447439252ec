//! Connections to the database that break, stall and are refused.

use std::time::Duration;

use polity_tests::load::{Load, Servers};
use polity_tests::{Cluster, Cut, Flow, Options, TcpProxy};

use crate::replicas::Pair;
use crate::{Random, alone, audit};

const CUTS: u32 = 100;

#[tokio::test]
async fn replicas_survive_connections_that_break_at_any_moment() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let (to_a, to_b) = (TcpProxy::start(cluster.address()).await, TcpProxy::start(cluster.address()).await);
    let pair = Pair::start([&database.url_at(to_a.address()), &database.url_at(to_b.address())]).await;
    let load = Load::start("w", 4, &pair.urls(), Servers::Immortal).await;

    let mut random = Random::new();
    for n in 0..CUTS {
        tokio::time::sleep(Duration::from_millis(20 + random.below(130))).await;
        let proxy = if random.below(2) == 0 { &to_a } else { &to_b };
        let how = if random.below(2) == 0 { Cut::Reset } else { Cut::Close };
        match random.below(8) {
            0..=2 => proxy.cut(how),
            kind @ 3..=5 => {
                let flow = if kind == 3 { Flow::ToServer } else { Flow::ToClient };
                let bytes = usize::try_from(random.below(6000)).unwrap();
                proxy.cut_after(flow, bytes, how);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            6 => {
                proxy.pause();
                tokio::time::sleep(Duration::from_millis(50 + random.below(400))).await;
            }
            _ => {
                proxy.refuse().await;
                proxy.cut(how);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        proxy.resume().await;
        // Once in a while for longer than a unit of work may take.
        if n % 40 == 20 {
            proxy.pause();
            tokio::time::sleep(Duration::from_secs(7)).await;
            proxy.resume().await;
        }
        if n % 10 == 0 {
            load.seen().recovered().await;
        }
    }
    load.seen().recovered().await;
    println!("{:?}", load.seen().numbers());
    let ledgers = load.stop().await;
    audit::everything(&pair, &database.client().await, &ledgers).await;
}
