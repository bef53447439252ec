//! Retries and paging against a server that fails at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use polity_client::types::*;
use polity_client::{Client, Error, Hook, Outcome, Retry};
use polity_tests::TestServer;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::proxy::{Fate, Proxy};

const RETRIES: u32 = 3;
const PROJECTS: usize = 9;

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        3 => Just(Fate::Pass), 1 => Just(Fate::Delay), 2 => Just(Fate::DropBefore),
        2 => Just(Fate::DropAfter), 2 => Just(Fate::Busy), 2 => Just(Fate::Unavailable),
    ];
    proptest::collection::vec(fate, 0..24)
}

fn retry() -> Retry {
    Retry::default().retries(RETRIES).first_wait(Duration::from_millis(1))
}

/// How many attempts a call makes that may be repeated, and whether it succeeds.
fn expected(fates: &[Fate]) -> (usize, bool) {
    let attempts = RETRIES as usize + 1;
    let good = |fate: &Fate| matches!(fate, Fate::Pass | Fate::Delay);
    match fates.iter().take(attempts).position(good) {
        Some(first) => (first + 1, true),
        None if fates.len() < attempts => (fates.len() + 1, true),
        None => (attempts, false),
    }
}

/// Runs a property with a server of its own: many cases, each with a proxy of its own.
fn check(property: &impl AsyncFn(&str, &str, OrganizationId, Vec<Fate>) -> Result<(), TestCaseError>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, token, id) = runtime.block_on(async {
        let server = TestServer::start_with(|config| config.max_organizations_per_user = 0).await;
        let acme = server.person("ann").await.organization("acme").await;
        for number in 1..PROJECTS {
            let body = serde_json::json!({"name": format!("project-{number}")});
            server.call("POST", "/v1/projects").token(&acme.token).json(&body).send().await.ok();
        }
        (server, acme.token, acme.id.parse().unwrap())
    });
    let url = server.url();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&fates(), |fates| runtime.block_on(property(&url, &token, id, fates)));
    runtime.block_on(server.stop());
    outcome.unwrap();
}

#[test]
fn a_call_that_may_be_repeated_is_repeated_until_it_succeeds_or_enough_is_enough() {
    check(&async |url, token, id, fates| {
        let (attempts, succeeds) = expected(&fates);
        let proxy = Proxy::start(url, fates.clone()).await;
        let client = proxy.client(token).retry(retry()).build().unwrap();
        let cents = Cents(i64::try_from(fates.len()).unwrap() + 1);
        let outcome = client
            .budgets()
            .update_budget(id, &BudgetRequest { amount: Some(cents), ..BudgetRequest::default() })
            .await;
        prop_assert_eq!(proxy.seen().len(), attempts);
        prop_assert_eq!(outcome.is_ok(), succeeds, "{:?}", outcome);
        match outcome {
            Ok(reply) => prop_assert_eq!(reply.budget.amount, cents),
            Err(error) => prop_assert!(error.is_retryable(), "{error:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_call_that_must_not_be_repeated_is_sent_once() {
    check(&async |url, token, _, fates| {
        let proxy = Proxy::start(url, fates.clone()).await;
        let client = proxy.client(token).retry(retry()).build().unwrap();
        let fate = fates.first().copied().unwrap_or(Fate::Pass);
        let outcome = client.sessions().new_session().await;
        prop_assert_eq!(proxy.seen(), [("POST".to_owned(), fate)]);
        match (fate, outcome) {
            (Fate::Pass | Fate::Delay, Ok(_))
            | (Fate::DropBefore | Fate::DropAfter, Err(Error::Lost { .. }))
            | (Fate::Busy | Fate::Unavailable, Err(Error::Refused(_))) => Ok(()),
            (_, outcome) => Err(TestCaseError::fail(format!("{fate:?} became {outcome:?}"))),
        }
    });
}

#[tokio::test]
async fn what_counts_once_is_sent_again_and_counts_once() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (id, source) = (Some(acme.id.parse().unwrap()), server.metering_key("source").await);
    let lossy = async |fates| {
        let proxy = Proxy::start(&server.url(), fates).await;
        (proxy.client(&source.token).retry(retry()).build().unwrap(), proxy)
    };
    let amount_microcents = Some(Int64(5));
    let (client, proxy) = lossy(vec![Fate::DropAfter, Fate::Busy, Fate::Pass]).await;
    let event = MeteringEvent {
        source: "x".into(),
        id: "1".into(),
        organization_id: id,
        amount_microcents,
        ..Default::default()
    };
    let recorded = client.metering().record_events(&RecordEventsRequest { events: vec![event] }).await.unwrap();
    assert_eq!((recorded.accepted, recorded.duplicates, proxy.seen().len()), (0, 1, 3));

    let lease = CreateLeaseRequest { organization_id: id, amount_microcents, ..Default::default() };
    let (client, proxy) = lossy(vec![Fate::DropAfter]).await;
    let lost = client.metering().create_lease(&lease).await.unwrap_err();
    assert!(matches!(lost, Error::Lost { .. }), "another lease would be made: {lost:?}");
    let lease = client.metering().create_lease(&lease).await.unwrap().lease;
    assert_eq!(proxy.seen().len(), 2, "each call was sent once");
    let (client, proxy) = lossy(vec![Fate::DropAfter, Fate::Pass, Fate::DropAfter]).await;
    client.metering().extend_lease(lease.id, &ExtendLeaseRequest::default()).await.unwrap();
    let commit = CommitLeaseRequest { amount_microcents };
    assert_eq!(client.metering().commit_lease(lease.id, &commit).await.unwrap().lease.status, "COMMITTED");
    assert_eq!(proxy.seen().len(), 4);
    server.stop().await;
}

#[test]
fn a_list_read_through_faults_is_whole_or_an_error_never_short() {
    check(&async |url, token, _, fates| {
        let proxy = Proxy::start(url, fates.clone()).await;
        let client = proxy.client(token).retry(retry()).build().unwrap();
        let query = ListProjectsQuery { limit: Limit(2), ..Default::default() };
        let list: Result<Vec<_>, _> = client.projects().all_projects(&query).try_collect().await;
        match list {
            Ok(projects) => {
                let mut ids: Vec<_> = projects.iter().map(|project| project.id).collect();
                ids.dedup();
                prop_assert_eq!(ids.len(), PROJECTS);
            }
            Err(error) => {
                prop_assert!(error.is_retryable(), "{error:?}");
                let bad = |fate: &Fate| !matches!(fate, Fate::Pass | Fate::Delay);
                let attempts = RETRIES as usize + 1;
                prop_assert!(fates.windows(attempts).any(|window| window.iter().all(bad)), "{fates:?}");
            }
        }
        Ok(())
    });
}

#[derive(Clone, Default)]
struct Attempts(Arc<AtomicU32>);

impl Hook for Attempts {
    fn after(&self, outcome: &Outcome<'_>) {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst) + 1, outcome.attempt);
        assert_eq!(outcome.next_in.is_none(), outcome.attempt == RETRIES + 1, "the last one knows that it is");
    }
}

#[tokio::test]
async fn no_connection_is_tried_again_whatever_the_call_is() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let attempts = Attempts::default();
    let client = Client::builder(format!("http://127.0.0.1:{port}")).no_proxy().retry(retry()).hook(attempts.clone());
    let error = client.build().unwrap().sessions().new_session().await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }) && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains(&port.to_string()), "it says where to");
    assert_eq!(attempts.0.load(Ordering::SeqCst), RETRIES + 1);
}
