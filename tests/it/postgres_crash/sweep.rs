//! One write, cut at every place of what is said for it.

use std::time::Duration;

use polity_tests::load;
use polity_tests::{Cluster, Cut, Database, Flow, Options, TcpProxy};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::replicas::Pair;
use crate::{alone, audit};

/// A replica behind a proxy, and who writes to it.
struct Sweep {
    pair: Pair,
    proxy: TcpProxy,
    database: Client,
    token: String,
    organization: String,
    tries: u32,
    counts: [u32; 3],
}

/// What is written.
#[derive(Clone, Copy, Debug)]
enum Write {
    Credential,
    Organization,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done,
    NotDone,
    Unknown,
}

impl Sweep {
    async fn start(cluster: &Cluster, database: &Database) -> Sweep {
        let proxy = TcpProxy::start(cluster.address()).await;
        // The other replica sees to it that work and mails are done while this one cannot.
        let pair = Pair::start([&database.url_at(proxy.address()), database.url()]).await;
        let token = load::sign_up(&pair.http, &pair.a.url(), "sweep").await;
        let database = database.client().await;
        let mut sweep = Sweep { pair, proxy, database, token, organization: String::new(), tries: 0, counts: [0; 3] };
        let (told, reply) = sweep.post("/v1/organizations", &json!({"name": "home"})).await;
        assert_eq!(told, Told::Done, "{reply}");
        reply["organization"]["id"].as_str().expect("an id").clone_into(&mut sweep.organization);
        sweep
    }

    async fn post(&self, path: &str, body: &Value) -> (Told, Value) {
        let request = self.pair.http.post(format!("{}{path}", self.pair.a.url())).bearer_auth(&self.token);
        let reply = request.body(body.to_string()).send().await.expect("a reply");
        let (status, text) = (reply.status().as_u16(), reply.text().await.expect("a body"));
        let told = match status {
            200 => Told::Done,
            503 if text.contains("look whether it happened") => Told::Unknown,
            503 => Told::NotDone,
            _ => panic!("{path} {body}: {status} {text}"),
        };
        (told, serde_json::from_str(&text).expect("JSON"))
    }

    /// Writes while connections end after so many bytes, and looks whether what the client was told is true.
    async fn attempt(&mut self, write: Write, flow: Flow, bytes: usize, cut: Cut) -> Told {
        self.tries += 1;
        let name = format!("try-{}", self.tries);
        let (path, table, body) = match write {
            // Nothing is unique about it: done twice, there would be two.
            Write::Credential => ("/v1/credentials", "credentials", self.credential(&name)),
            Write::Organization => ("/v1/organizations", "organizations", json!({"name": name})),
        };
        let told = self.cut_in(path, &body, flow, bytes, cut).await;
        let found = self.count(&format!("select count(*) from {table} where name = '{name}'")).await;
        let expected = match told {
            Told::Done => 1..=1,
            Told::NotDone => 0..=0,
            Told::Unknown => 0..=1,
        };
        let attempt = format!("{write:?}, {flow:?} cut after {bytes} ({cut:?})");
        assert!(expected.contains(&found), "{attempt}: {told:?}, but it is there {found} times");
        told
    }

    fn credential(&self, name: &str) -> Value {
        json!({"name": name, "type": "ORGANIZATION", "organization_id": self.organization})
    }

    /// What the client of one write is told; the connection is there, warm and idle before.
    async fn cut_in(&mut self, path: &str, body: &Value, flow: Flow, bytes: usize, cut: Cut) -> Told {
        let (told, reply) = self.post("/v1/credentials", &self.credential("warm")).await;
        assert_eq!(told, Told::Done, "nothing is broken: {reply}");
        self.proxy.cut_after(flow, bytes, cut);
        let (told, _) = self.post(path, body).await;
        self.proxy.resume().await;
        self.counts[told as usize] += 1;
        told
    }

    /// What a statement counts once the database has done all it was asked for: what it has read it does.
    async fn count(&self, sql: &str) -> i64 {
        let busy = "select count(*) from pg_stat_activity where application_name = 'polity' and state <> 'idle'";
        for _ in 0..2000 {
            if audit::count(&self.database, busy).await == 0 {
                return audit::count(&self.database, sql).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the database has been busy for ten seconds");
    }
}

#[tokio::test]
async fn a_write_cut_at_any_byte_happened_as_the_client_is_told() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let mut sweep = Sweep::start(&cluster, &database).await;
    for write in [Write::Credential, Write::Organization] {
        for (flow, cut) in [
            (Flow::ToServer, Cut::Close),
            (Flow::ToServer, Cut::Reset),
            (Flow::ToClient, Cut::Close),
            (Flow::ToClient, Cut::Reset),
        ] {
            // As far as the write needs: there the commit is, or its answer.
            let mut end = 0;
            while sweep.attempt(write, flow, end, cut).await != Told::Done {
                end += 97;
                assert!(end < 20_000, "a write says less than that");
            }
            for bytes in end.saturating_sub(150)..end {
                sweep.attempt(write, flow, bytes, cut).await;
            }
        }
    }
    println!("done, not done, unknown: {:?}", sweep.counts);
    audit::flawless(&sweep.database).await;
}
