//! Long polls.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use polity_ops::feed::MAX_WAITING_EACH;
use polity_tests::TestServer;
use serde_json::json;

use crate::support::{LONG, ask, cursor, end, get, operator, project, told};

#[tokio::test]
async fn a_request_that_waits_is_answered_by_the_next_event() {
    let server = TestServer::start_with(|config| config.request_timeout = 4 * LONG).await;
    let acme = server.person("ann").await.organization("acme").await;
    let (own, all) = (end(&server, &acme).await, cursor(&operator(&server, &[("after", "latest")]).await));
    // Several, so that each replica has some of them.
    let (own, all) = ([("after", own.as_str()), ("wait", "60s")], [("after", all.as_str()), ("wait", "60s")]);
    let own = join_all((0..4).map(|_| get(&server, &acme, &own)));
    let all = join_all((0..4).map(|_| operator(&server, &all)));
    let happens = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        project(&server, &acme, "web").await;
    };
    let started = Instant::now();
    let (own, all, ()) = tokio::join!(own, all, happens);
    for page in own.iter().chain(&all) {
        assert_eq!(told(page), ["project.created web"]);
    }
    assert!(started.elapsed() < LONG, "nobody waited for the end of the minute");
}

#[tokio::test]
async fn what_a_filter_passes_over_ends_no_waiting() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = end(&server, &acme).await;
    let query = [("after", after.as_str()), ("wait", "20s"), ("types", "credential.*")];
    let happens = async {
        project(&server, &acme, "web").await;
        let body = json!({"name": "ci", "type": "ORGANIZATION"});
        server.call("POST", "/v1/credentials").token(&acme.token).json(&body).send().await.ok();
    };
    let (page, ()) = tokio::join!(get(&server, &acme, &query), happens);
    assert_eq!(told(&page), ["credential.created ci"]);
}

#[tokio::test]
async fn the_time_to_wait_ends_and_leaves_a_cursor() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = end(&server, &acme).await;
    let started = Instant::now();
    let page = get(&server, &acme, &[("after", &after), ("wait", "0.3s")]).await;
    assert!(told(&page).is_empty() && cursor(&page) == after);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_request_that_waits_is_never_cut_off_by_the_server_itself() {
    let server = TestServer::start_with(|config| config.request_timeout = Duration::from_secs(1)).await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = end(&server, &acme).await;
    let page = get(&server, &acme, &[("after", &after), ("wait", "60s")]).await;
    assert!(told(&page).is_empty());
}

#[tokio::test]
async fn a_token_that_is_revoked_waits_no_more() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let after = end(&server, &acme).await;
    let wait = server.call("GET", "/v1/events").token(&token).query(&[("after", &after), ("wait", "20s")]);
    let revoke = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    };
    let (reply, ()) = tokio::join!(wait.send(), revoke);
    // A look that began before the deletion was known may still show it, and nothing that came later.
    let is_last_event = reply.status == 200 && told(&reply.json) == ["credential.deleted credential"];
    assert!(reply.status == 401 || is_last_event, "{}", reply.text);
}

#[tokio::test]
async fn only_so_many_may_wait_and_those_who_do_not_are_answered() {
    let server = TestServer::start_alone().await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = end(&server, &acme).await;
    let query = [("after", after.as_str()), ("wait", "20s")];
    let waiting = join_all((0..MAX_WAITING_EACH + 1).map(|_| ask(&server, &acme, &query).send()));
    let happens = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        get(&server, &acme, &[("after", &after)]).await;
        project(&server, &acme, "web").await;
    };
    let (replies, ()) = tokio::join!(waiting, happens);
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    refused[0].error(429, "rate_limit_error");
    assert_eq!(refused[0].header("retry-after"), "1");
    assert!(told(&get(&server, &acme, &query).await).len() == 1, "there is room again");
}
