//! A thousand revocations of each kind through one replica, while the other
//! remembers that they were allowed. The bound is a promise of the product, so
//! here, and only here, a test asserts a time.

use std::io::Write as _;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use polity_tests::{Call, Organization, Person, TestServer};
use serde_json::json;

const TRIALS: usize = 1_000;
/// The bound of a server that is not told another.
const BOUND: Duration = Duration::from_secs(1);

/// Something that is allowed through the second replica until the first ends it.
struct Trial {
    /// What the second replica allows.
    path: String,
    token: String,
    /// What ends it.
    revoke: Call,
    refused: u16,
}

/// From the acknowledgement by the first replica to the start of the last
/// request that the second one still allowed.
async fn delay(server: &TestServer, trial: Trial) -> Duration {
    let ask = || server.call_at(1, "GET", &trial.path).token(&trial.token).send();
    for _ in 0..2 {
        server.until("it is allowed", async || (ask().await.status == 200).then_some(())).await;
    }
    trial.revoke.send().await.ok();
    let revoked = Instant::now();
    let mut last = Duration::ZERO;
    loop {
        let asked = revoked.elapsed();
        match ask().await.status {
            200 => last = asked,
            // A replica that cannot confirm what it remembers says so, which is no yes.
            503 => {}
            status => {
                assert_eq!(status, trial.refused, "{}", trial.path);
                return last;
            }
        }
        assert!(asked < 10 * BOUND, "{} is never refused", trial.path);
    }
}

/// Runs the trials, some at a time, and prints how long they took.
async fn measure(
    server: &TestServer,
    (what, notified): (&str, bool),
    at_once: usize,
    mut prepare: impl AsyncFnMut(usize) -> Trial,
) {
    let mut delays = Vec::with_capacity(TRIALS);
    while delays.len() < TRIALS {
        let mut trials = Vec::with_capacity(at_once);
        for _ in 0..at_once.min(TRIALS - delays.len()) {
            trials.push(prepare(delays.len() + trials.len()).await);
        }
        delays.extend(join_all(trials.into_iter().map(|trial| delay(server, trial))).await);
    }
    delays.sort_unstable();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    // Past the capture of the test's output: these figures are the point of it.
    let _ = writeln!(
        std::io::stderr(),
        "{what:<20} {} {TRIALS} trials: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        if notified { "announced,  " } else { "suppressed, " },
        at(50),
        at(90),
        at(99),
        at(100),
    );
    assert!(delays.iter().all(|delay| *delay < BOUND), "{what}: the bound is broken");
}

/// Two replicas; what they announce to each other may be lost on the way.
async fn replicas(notified: bool) -> (TestServer, polity_tests::TcpProxy) {
    let (server, proxy) = TestServer::start_behind_proxy(|config| {
        config.max_organizations_per_user = 0;
        config.postgres.connections = 6;
    })
    .await;
    proxy.suppress_notifications(!notified);
    (server, proxy)
}

async fn logouts(notified: bool, at_once: usize) {
    let (server, _proxy) = replicas(notified).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let prepare = async |_| {
        let token = ann.switch(&acme.id).await;
        let revoke = server.call_at(0, "DELETE", "/v1/account/logout").token(&token);
        Trial { path: "/v1/account/profile".into(), token, revoke, refused: 401 }
    };
    measure(&server, ("logout", notified), at_once, prepare).await;
}

async fn credentials(notified: bool, at_once: usize) {
    let (server, _proxy) = replicas(notified).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let prepare = async |_| {
        let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
        let revoke = server.call_at(0, "DELETE", &format!("/v1/credentials/{id}")).token(&acme.token);
        Trial { path: format!("/v1/organizations/{}", acme.id), token, revoke, refused: 401 }
    };
    measure(&server, ("credential deletion", notified), at_once, prepare).await;
}

async fn removals(notified: bool, at_once: usize) {
    let (server, _proxy) = replicas(notified).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut people = Vec::new();
    for n in 0..at_once {
        people.push(server.person(&format!("member-{n}")).await);
    }
    let prepare = async |n: usize| removal(&server, &ann, &acme, &people[n % at_once]).await;
    measure(&server, ("member removal", notified), at_once, prepare).await;
}

async fn removal(server: &TestServer, ann: &Person<'_>, acme: &Organization, member: &Person<'_>) -> Trial {
    ann.invite(acme, member).await;
    let token = member.switch(&acme.id).await;
    let query = [("organization_id", acme.id.as_str()), ("user_id", member.id.as_str())];
    let members = server.call("GET", "/v1/organization_members").query(&query).token(&acme.token).send().await.ok();
    let id = members["members"][0]["id"].as_str().expect("a member").to_owned();
    let revoke = server.call_at(0, "DELETE", &format!("/v1/organization_members/{id}")).token(&acme.token);
    Trial { path: format!("/v1/organizations/{}", acme.id), token, revoke, refused: 403 }
}

async fn deactivations(notified: bool, at_once: usize) {
    let (server, _proxy) = replicas(notified).await;
    let ann = server.person("ann").await;
    let prepare = async |n: usize| {
        let acme = ann.organization(&format!("acme-{n}")).await;
        let token = ann.access_token(&acme).await;
        let path = format!("/v1/organizations/{}", acme.id);
        let revoke = server.call_at(0, "POST", &format!("{path}/deactivate")).token(&acme.token);
        let revoke = revoke.json(&json!({"skip_confirmation": true}));
        Trial { path, token, revoke, refused: 401 }
    };
    measure(&server, ("deactivation", notified), at_once, prepare).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_ended_ends_on_the_other_replica_within_the_bound() {
    logouts(true, 20).await;
    logouts(false, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_credential_ends_on_the_other_replica_within_the_bound() {
    credentials(true, 20).await;
    credentials(false, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_is_out_on_the_other_replica_within_the_bound() {
    // As many as a small organization can have beside its owner.
    removals(true, 8).await;
    removals(false, 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tokens_of_a_deactivated_organization_end_on_the_other_replica_within_the_bound() {
    deactivations(true, 20).await;
    deactivations(false, 100).await;
}
