//! Many who ask at once, at the edge of a budget: nobody gets past it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Instant;

use polity_tests::on_postgres;
use serde_json::Value;

use crate::model::Random;
use crate::support::{CENT, acme, announced, number, recount, shown, source, start, stop_at, sums, text};

const LESSEES: usize = 64;
/// What leases hold at most, in micro-cents: a few of those that ask fit into the budget together.
const LARGEST: i64 = 100_000;
/// Two cents.
const BUDGET: i64 = 2 * CENT;

/// How many calls: on PostgreSQL each costs a serializable transaction of two replicas that contend, so there are
/// fewer. `POLITY_TEST_LEASE_CALLS` says another number.
fn calls() -> usize {
    let named = std::env::var("POLITY_TEST_LEASE_CALLS").ok();
    named.map_or(if on_postgres() { 20_000 } else { 100_000 }, |text| text.parse().expect("a number of calls"))
}

/// What is known for certain, from replies alone.
#[derive(Default)]
struct Known {
    /// Granted, and nobody has asked yet to end it.
    held: i64,
    /// Of leases that somebody commits: this much is held or spent, whatever has come of it.
    committed: i64,
    highest: i64,
}

#[derive(Default)]
struct Shared {
    known: Mutex<Known>,
    calls: AtomicUsize,
    granted: AtomicUsize,
    refused: AtomicUsize,
    /// Calls that were made once more because a server said so.
    again: AtomicUsize,
    committed: AtomicI64,
}

impl Shared {
    fn change(&self, held: i64, committed: i64) {
        let mut known = self.known.lock().expect("no lessee has failed");
        known.held += held;
        known.committed += committed;
        known.highest = known.highest.max(known.held + known.committed);
        assert!(known.held + known.committed <= BUDGET, "{} of {BUDGET}", known.held + known.committed);
    }

    /// Whether another call may be made.
    fn next(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) < calls()
    }
}

struct Lessee {
    http: reqwest::Client,
    url: String,
    key: String,
    organization: String,
    random: Random,
    shared: Arc<Shared>,
}

impl Lessee {
    async fn send(&self, method: &str, path: &str, body: String) -> (u16, Value) {
        loop {
            let url = format!("{}{path}", self.url);
            let request = self.http.request(method.parse().expect("a method"), url);
            let reply = request.bearer_auth(&self.key).body(body.clone()).send().await.expect("a reply");
            let (status, text) = (reply.status().as_u16(), reply.text().await.expect("a body"));
            // Replicas that contend for the same row may give up; then nothing happened.
            if status == 503 && text.contains("try again") {
                let again = self.shared.again.fetch_add(1, Ordering::Relaxed);
                assert!(again < 1_000, "the server does not get on: {text}");
                continue;
            }
            return (status, serde_json::from_str(&text).expect("JSON"));
        }
    }

    /// Asks for leases, keeps some of them for a while, and ends them all.
    async fn run(mut self) {
        let mut held: Vec<(String, i64)> = Vec::new();
        while self.shared.next() {
            let full = held.len() == 3;
            let granted = if full { None } else { self.ask().await };
            let end = full || granted.is_none();
            held.extend(granted);
            if end && !held.is_empty() {
                let (id, amount) = held.swap_remove(self.random.below(held.len()));
                self.end(&id, amount, full).await;
            }
        }
        for (id, amount) in held {
            self.end(&id, amount, false).await;
        }
    }

    async fn ask(&mut self) -> Option<(String, i64)> {
        let amount = 1 + self.random.amount(LARGEST - 1);
        let body = format!(r#"{{"organization_id":"{}","amount_microcents":"{amount}"}}"#, self.organization);
        let (status, reply) = self.send("POST", "/metering/v1/leases", body).await;
        if status == 400 {
            assert!(text(&reply["message"]).contains("budget exhausted"), "{reply}");
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        assert_eq!(status, 200, "{reply}");
        assert!(number(&reply["lease"]["remaining_microcents"]) >= 0, "{reply}");
        self.shared.change(amount, 0);
        self.shared.granted.fetch_add(1, Ordering::Relaxed);
        Some((text(&reply["lease"]["id"]), amount))
    }

    /// Gives a lease back, or commits a little of it, so that the budget lasts for the whole test.
    async fn end(&mut self, id: &str, amount: i64, counted: bool) {
        if !counted {
            self.shared.calls.fetch_add(1, Ordering::Relaxed);
        }
        if self.random.one_in(2) {
            self.shared.change(-amount, 0);
            let (status, reply) = self.send("DELETE", &format!("/metering/v1/leases/{id}"), String::new()).await;
            assert_eq!(status, 200, "{reply}");
            return;
        }
        let spent = self.random.amount(amount.min(150));
        self.shared.change(-amount, spent);
        let body = format!(r#"{{"amount_microcents":"{spent}"}}"#);
        let (status, reply) = self.send("POST", &format!("/metering/v1/leases/{id}/commit"), body).await;
        assert_eq!(status, 200, "{reply}");
        self.shared.committed.fetch_add(spent, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_lessees_at_the_edge_of_a_budget_never_pass_it() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "lessees", 0).await);
    stop_at(&server, &acme, BUDGET / CENT).await;
    let (shared, began) = (Arc::new(Shared::default()), Instant::now());
    let lessees = (0..LESSEES).map(|n| {
        let lessee = Lessee {
            http: server.http.clone(),
            url: server.url(),
            key: source.token.clone(),
            organization: acme.id.clone(),
            random: Random(n as u64),
            shared: Arc::clone(&shared),
        };
        tokio::spawn(lessee.run())
    });
    for lessee in lessees.collect::<Vec<_>>() {
        lessee.await.expect("a lessee");
    }
    let took = began.elapsed().as_secs_f64();
    let committed = shared.committed.load(Ordering::Relaxed);
    assert_eq!(sums(&server, &acme).await, (committed, 0), "spent and leased");
    let (granted, refused) = (shared.granted.load(Ordering::Relaxed), shared.refused.load(Ordering::Relaxed));
    let made = 2 * granted + refused;
    let highest = shared.known.lock().expect("no lessee has failed").highest;
    println!(
        "{made} calls by {LESSEES} lessees: {granted} granted, {refused} refused, {committed} of {BUDGET} micro-cents \
         committed, {highest} at most at once, {} made again, in {took:.1} s: {:.0} calls/s, overshoot 0",
        shared.again.load(Ordering::Relaxed),
        made as f64 / took
    );
    assert!(made >= calls() && granted > 0 && refused > 0, "the budget admits some and refuses some");
    assert!(highest > BUDGET / 10 * 9, "the lessees were never at the edge: {highest}");

    // What is left is admitted to the last unit, and then nothing is.
    let left = BUDGET - committed;
    assert!(left > 0, "the test spends too much to prove this");
    source.lease(&acme, left + 1).await.field("amount_microcents");
    let lease = source.leased(&acme, left).await;
    source.lease(&acme, 1).await.field("amount_microcents");
    source.commit(&lease, left).await.ok();
    let shown = shown(&server, &acme).await;
    assert_eq!(shown["spend"]["remaining_microcents"], "0");
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100", "stopped"]);
    let period = (crate::support::micros(&shown["spend"]["period_start"]), server.clock.now_micros());
    assert_eq!(recount(&server, &acme.id, period.0, period.1).await.0, BUDGET);
}
