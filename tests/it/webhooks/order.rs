//! The events of one organization arrive in order and complete, and nobody
//! waits for the endpoint of somebody else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use polity_tests::{Organization, TestServer};

use crate::receiver::{Answer, Received, Receiver};
use crate::support::{Endpoint, MINUTE, PROJECTS, project, text};

/// The ids of what happened in an organization, in order.
async fn logged(server: &TestServer, organization: &Organization) -> Vec<String> {
    let reply = server.call("GET", "/v1/activities?limit=100").token(&organization.token).send().await.ok();
    let mut ids: Vec<_> = reply["activities"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
    ids.reverse();
    ids
}

/// The first time each event was accepted, by organization.
fn accepted(received: &[Received]) -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in received.iter().filter(|one| one.ok) {
        let organization = one.json()["data"]["organization_id"].as_str().unwrap_or_default().to_owned();
        let ids = ids.entry(organization).or_default();
        if !ids.contains(&one.id) {
            ids.push(one.id.clone());
        }
    }
    ids
}

#[tokio::test]
async fn each_organization_is_in_order_and_complete_whatever_fails() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (everything, own) = (Receiver::start().await, Receiver::start().await);
    everything.fails_at_random(7);
    own.fails_at_random(11);
    let of_operator = Endpoint::of_operator(&server, &everything, &["organization.*", "project.*"]).await;
    let mut organizations = Vec::new();
    for n in 0..4 {
        let organization = ann.organization(&format!("acme-{n}")).await;
        Endpoint::of(&server, &organization, &own, &["project.created"]).await;
        organizations.push(organization);
    }
    join_all(organizations.iter().map(async |organization| {
        for n in 0..10 {
            project(&server, organization, &format!("p-{n}")).await;
        }
    }))
    .await;
    let mut expected = BTreeMap::new();
    for organization in &organizations {
        // The endpoint of the organization itself is in the log, and not among the types.
        let mut ids = logged(&server, organization).await;
        let path = "/v1/activities?types=webhook&limit=100";
        let reply = server.call("GET", path).token(&organization.token).send().await.ok();
        let others: Vec<_> = reply["activities"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
        ids.retain(|id| !others.contains(id));
        assert!(ids.len() > 10);
        expected.insert(organization.id.clone(), ids);
    }
    let count = |ids: &BTreeMap<String, Vec<String>>| ids.values().map(Vec::len).sum::<usize>();
    for _ in 0..400 {
        if count(&accepted(&everything.received())) == count(&expected) && count(&accepted(&own.received())) == 40 {
            break;
        }
        server.advance(7 * MINUTE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(accepted(&everything.received()), expected);
    for (organization, ids) in accepted(&own.received()) {
        let wanted: Vec<_> = expected[&organization].iter().filter(|id| ids.contains(id)).cloned().collect();
        assert_eq!((ids.len(), &ids), (10, &wanted));
    }
    let failed = everything.received().iter().filter(|one| !one.ok).count();
    assert!(failed > 5, "only {failed} attempts failed: the test proves little");
    let list = of_operator.call("GET", "/deliveries?status=FAILED").send().await.ok();
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 0);
    server.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_an_endpoint_that_hangs() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    hanging.answers(Answer::Hang);
    // As many lanes of one endpoint as there are places, and more.
    Endpoint::of_operator(&server, &hanging, &[]).await;
    let mut organizations = Vec::new();
    for n in 0..40 {
        organizations.push(ann.organization(&format!("acme-{n}")).await);
    }
    hanging.wait(8).await;
    let acme = &organizations[39];
    let endpoint = Endpoint::of(&server, acme, &healthy, PROJECTS).await;
    let started = Instant::now();
    for n in 0..5 {
        project(&server, acme, &format!("p-{n}")).await;
    }
    healthy.wait(5).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    endpoint.deliveries_in("DELIVERED", 5).await;
    let replicas = if polity_tests::on_postgres() { 2 } else { 1 };
    assert!(hanging.received().len() <= 8 * 2 * replicas, "few attempts are under way at a time");
    server.stop().await;
}

#[tokio::test]
async fn those_who_answer_do_not_wait_for_many_who_do_not() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    hanging.answers(Answer::Status(500));
    let mut dead = Vec::new();
    for n in 0..70 {
        let organization = ann.organization(&format!("dead-{n}")).await;
        dead.push(Endpoint::of(&server, &organization, &hanging, &["webhook.created"]).await);
    }
    // On a slow machine the first are tried again while the last are made.
    for endpoint in &dead {
        let tried = async || endpoint.deliveries().await.first().is_some_and(|one| one["attempts"] != 0).then_some(());
        server.until("it has failed", tried).await;
    }
    // They have all failed. From now on none of them answers, and they are all due.
    hanging.forget();
    hanging.answers(Answer::Hang);
    server.advance(7 * MINUTE);
    hanging.wait(32).await;
    let acme = ann.organization("acme").await;
    Endpoint::of(&server, &acme, &healthy, PROJECTS).await;
    let started = Instant::now();
    for n in 0..5 {
        project(&server, &acme, &format!("p-{n}")).await;
    }
    healthy.wait(5).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn what_is_new_does_not_wait_until_slow_endpoints_have_caught_up() {
    const ENDPOINTS: usize = 20;
    const EVENTS: usize = 10;
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (slow, healthy) = (Receiver::start().await, Receiver::start().await);
    slow.answers(Answer::Slow(Duration::from_secs(1)));
    // More endpoints that answer, each with a backlog, than there are places.
    let busy = [ann.organization("busy-1").await, ann.organization("busy-2").await];
    for organization in &busy {
        for _ in 0..ENDPOINTS {
            Endpoint::of(&server, organization, &slow, PROJECTS).await;
        }
    }
    let acme = ann.organization("acme").await;
    Endpoint::of(&server, &acme, &healthy, PROJECTS).await;
    for n in 0..EVENTS {
        for organization in &busy {
            project(&server, organization, &format!("p-{n}")).await;
        }
    }
    project(&server, &acme, "new").await;
    healthy.wait(1).await;
    let (all, served) = (busy.len() * ENDPOINTS * EVENTS, slow.received().len());
    assert!(served < all * 2 / 3, "{served} of {all} came before it");
    server.stop().await;
}
