//! Replies that are remembered: given again without a look at the database,
//! and never once anything they stand on has changed.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use polity_api::ids::{OrganizationId, UserId};
use polity_api::scalar::micros::HOUR;
use polity_store::members;
use polity_tests::{Call, Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{lock, text};

/// What is remembered whole, asked with the token of an organization.
fn questions(server: &TestServer, acme: &Organization) -> [Call; 3] {
    [
        server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&acme.token),
        server.call("GET", "/v1/account/organization").token(&acme.token),
        server.operator("POST", "/oauth2/introspect").form(&[("token", &acme.token)]),
    ]
}

/// Status and body of each answer, asked twice: the second time it may be remembered.
async fn answers(server: &TestServer, acme: &Organization) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    for (first, again) in questions(server, acme).into_iter().zip(questions(server, acme)) {
        let (first, again) = (first.send().await, again.send().await);
        assert_eq!((first.status, &first.json), (again.status, &again.json), "what is remembered is what is so");
        answers.push((again.status, again.json));
    }
    answers
}

/// How many units of the remembered operations were run.
async fn units(server: &TestServer) -> u64 {
    let metrics = server.call("GET", "/metrics").send().await.text;
    let names = ["get_organization", "get_current_organization", "introspect"];
    let counts = names.map(|name| {
        let start = format!("polity_store_units_total{{unit=\"{name}\"");
        metrics
            .lines()
            .filter(|line| line.starts_with(&start))
            .filter_map(|line| line.rsplit(" ").next()?.parse::<u64>().ok())
            .sum::<u64>()
    });
    counts.iter().sum()
}

#[tokio::test]
async fn the_same_question_of_the_same_token_asks_the_database_once() {
    let server = TestServer::start_alone().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let credential = Organization { token: ann.credential(&acme, "ORGANIZATION").await.1, ..acme.clone() };
    for acme in [acme, credential] {
        // A replica believes nothing before it has heard from the database.
        server
            .until("the answers are remembered", async || {
                answers(&server, &acme).await;
                let before = units(&server).await;
                answers(&server, &acme).await;
                (units(&server).await == before).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn an_answer_is_only_for_the_token_that_asked() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    answers(&server, &acme).await;
    let path = format!("/v1/organizations/{}", acme.id);
    server.call("GET", &path).token(&bob.token).send().await.error(403, "authorization_error");
    server.call("GET", &path).send().await.error(401, "authentication_error");
    server.call("GET", &path).token(server.operator_key()).send().await.error(403, "authorization_error");
    server.call("GET", "/v1/account/organization").token(&bob.token).send().await.error(404, "not_found");
    let form = [("token", acme.token.as_str())];
    server
        .call("POST", "/oauth2/introspect")
        .token(&acme.token)
        .form(&form)
        .send()
        .await
        .error(403, "authorization_error");
}

#[tokio::test]
async fn a_change_of_the_organization_is_seen_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    answers(&server, &acme).await;
    let path = format!("/v1/organizations/{}", acme.id);
    for name in ["bolt", "coil"] {
        let call = server.call("PATCH", &path).token(&acme.token).query(&[("update_mask", "name")]);
        call.json(&json!({"name": name})).send().await.ok();
        let answers = answers(&server, &acme).await;
        assert_eq!(answers[0].1["organization"]["name"], name);
        assert_eq!(answers[1].1["organization"]["name"], name);
    }
    lock(&server, &acme.id).await;
    let answers = answers(&server, &acme).await;
    assert_eq!(answers[0].1["organization"]["status"], "LOCKED");
    assert_eq!(answers[2].1, json!({"active": false}));
}

#[tokio::test]
async fn a_change_of_the_person_is_seen_at_once() {
    let server = TestServer::start().await;
    let mut ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    assert_eq!(answers(&server, &acme).await[2].1["username"], ann.email);
    ann.moves_to("new@example.com").await;
    assert_eq!(answers(&server, &acme).await[2].1["username"], "new@example.com");
}

#[tokio::test]
async fn a_token_that_ended_is_not_answered_from_memory() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let statuses =
        async |of: &Organization| answers(&server, of).await.iter().map(|(status, _)| *status).collect::<Vec<_>>();

    let session = Organization { token: ann.switch(&acme.id).await, ..acme.clone() };
    assert_eq!(statuses(&session).await, [200, 200, 200]);
    server.call("DELETE", "/v1/account/logout").token(&session.token).send().await.ok();
    assert_eq!(statuses(&session).await, [401, 401, 200]);

    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let credential = Organization { token, ..acme.clone() };
    assert_eq!(statuses(&credential).await, [200, 200, 200]);
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    assert_eq!(statuses(&credential).await, [401, 401, 200]);

    let access = Organization { token: ann.access_token(&acme).await, ..acme.clone() };
    assert_eq!(statuses(&access).await, [200, 200, 200]);
    // Nothing changes: its time is over.
    server.advance(HOUR + 1_000_000);
    assert_eq!(statuses(&access).await, [401, 401, 200]);
    assert_eq!(answers(&server, &access).await[2].1, json!({"active": false}));
}

#[tokio::test]
async fn a_member_who_was_removed_is_not_answered_from_memory() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    assert_eq!(answers(&server, &his).await[0].0, 200);
    let call = server.call("GET", "/v1/organization_members").token(&acme.token).query(&[("user_id", &bob.id)]);
    let member = text(&call.send().await.ok()["members"][0]["id"]);
    server.call("DELETE", &format!("/v1/organization_members/{member}")).token(&acme.token).send().await.ok();
    let answers = answers(&server, &his).await;
    assert_eq!((answers[0].0, answers[1].0), (403, 404));
    assert_eq!(answers[2].1.get("org_id"), None);
}

/// Headers of a reply that are the same for every request, in order.
fn headers(reply: &Reply) -> Vec<(String, String)> {
    let headers = reply.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn a_remembered_answer_looks_like_any_other_and_is_counted() {
    let server = TestServer::start_alone().await;
    let acme = server.person("ann").await.organization("acme").await;
    let path = format!("/v1/organizations/{}", acme.id);
    let ask =
        async |path: &str| server.call("GET", path).token(&acme.token).header("x-request-id", "mine").send().await;
    let counted = async || {
        let metrics = server.call("GET", "/metrics").send().await.text;
        let line = "polity_http_requests_total{operation=\"GetOrganization\",method=\"GET\",status=\"2xx\"} ";
        metrics.lines().find_map(|at| at.strip_prefix(line)).map_or(0, |count| count.parse::<u64>().unwrap())
    };
    // Neither a query nor a path that has to be put right makes another answer.
    let (first, before) = (ask(&format!("/{path}/?x=1")).await, counted().await);
    for _ in 0..3 {
        let again = ask(&path).await;
        assert_eq!((again.status, &again.text), (200, &first.text));
        assert_eq!(headers(&again), headers(&first));
        assert_eq!(again.header("x-request-id"), "mine");
    }
    assert_eq!(counted().await, before + 3);
    let head = server.call("HEAD", &path).token(&acme.token).send().await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), first.text.len().to_string());
}

#[tokio::test]
async fn a_page_of_another_origin_gets_its_headers_with_a_remembered_answer_too() {
    let origin = "https://panel.example.com";
    let server = TestServer::start_with(|config| config.cors_origins = vec![origin.to_owned()]).await;
    let acme = server.person("ann").await.organization("acme").await;
    let path = format!("/v1/organizations/{}", acme.id);
    let ask = || server.call("GET", &path).token(&acme.token);
    for _ in 0..2 {
        assert_eq!(ask().send().await.status, 200);
        let reply = ask().header("origin", origin).send().await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, origin));
    }
}

#[tokio::test]
async fn what_is_decided_with_a_revocation_in_one_commit_is_decided_after_it() {
    let server = TestServer::start().await;
    let ctx = server.ctx();
    // On PostgreSQL a unit that writes goes by nothing that is remembered.
    if !ctx.db.is_embedded() {
        return;
    }
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let session = bob.switch(&acme.id).await;
    answers(&server, &Organization { token: session.clone(), ..acme.clone() }).await;
    let create = || server.call("POST", &format!("/v1/organizations/{}/access_token", acme.id)).token(&session);
    create().send().await.ok();
    // The thread that writes is held up until both wait for it.
    let barrier = Arc::new(Barrier::new(2));
    let hold = ctx.write("hold", barrier.clone(), |_, barrier| {
        Box::pin(async {
            barrier.wait();
            Ok(())
        })
    });
    let ids: (OrganizationId, UserId) = (acme.id.parse().unwrap(), bob.id.parse().unwrap());
    let remove = ctx.write("remove", ids, |w, (organization, user)| {
        Box::pin(async { Ok(members::remove(w.tx, *organization, *user).await?) })
    });
    let go_on = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::spawn_blocking(move || barrier.wait()).await.unwrap();
    };
    let (held, removed, refused, ()) = tokio::join!(hold, remove, create().send(), go_on);
    held.unwrap();
    removed.unwrap();
    refused.error(403, "authorization_error");
}
