//! The test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit;
use crate::process::{self, Process};
use crate::writer::{Ledger, Writer};

const KILLS: u32 = 50;
const WRITERS: u32 = 4;

/// xorshift64*: the moments of the kills, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

#[tokio::test]
async fn fifty_kills_lose_nothing_and_leave_nothing_half_done() {
    let binary = polity_tests::binary();
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, port) = (directory.path().join("data"), process::free_port());
    // A connection for each request: one that died with the server is never used again.
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(10));
    let (http, url) = (http.build().unwrap(), format!("http://127.0.0.1:{port}"));
    let mut server = Process::start(&binary, &data_dir, port, &http).await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let body = json!({"email": format!("writer-{n}@example.com"), "password": polity_tests::PASSWORD});
        let reply = http.post(format!("{url}/v1/account/signup")).body(body.to_string()).send().await.unwrap();
        let reply: Value = serde_json::from_str(&reply.text().await.unwrap()).unwrap();
        let ledger = Ledger { token: reply["token"]["id"].as_str().unwrap().to_owned(), ..Ledger::default() };
        let (http, url, name) = (http.clone(), url.clone(), format!("w{n}"));
        writers.push(tokio::spawn(Writer { http, url, name, ledger, stop: stop.clone() }.run()));
    }

    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(20 + random.below(180))).await;
        server.kill();
        server = Process::start(&binary, &data_dir, port, &http).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut ledgers = Vec::new();
    for writer in writers {
        ledgers.push(writer.await.unwrap());
    }

    settled(&http, &url).await;
    for ledger in &ledgers {
        audit::acknowledged(&http, &url, ledger).await;
    }
    let total = |count: fn(&Ledger) -> usize| ledgers.iter().map(count).sum::<usize>();
    for (what, found) in [
        ("organizations", total(|l| l.organizations.len())),
        ("deactivations", total(|l| l.deactivated.len())),
        ("deletions", total(|l| l.deleted.len())),
        ("invitations", total(|l| l.invited.len())),
    ] {
        assert!(found >= 5, "only {found} {what} were acknowledged: the test proves little");
        println!("{found} {what} acknowledged");
    }
    server.kill();
    audit::mails(&data_dir.join("outbox"), &ledgers);
    audit::database(&data_dir.join("polity.db"));
}

/// Waits until no work and no mail is left, for 30 seconds at most.
async fn settled(http: &reqwest::Client, url: &str) {
    for _ in 0..600 {
        let text = http.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        let is = |line: &str| text.lines().any(|found| found == line);
        if is("polity_jobs 0") && is("polity_mails{state=\"waiting\"} 0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the work left by the kills is not done");
}
