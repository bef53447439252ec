//! Leases in the name of a token, and access tokens that may spend only so much.

use polity_tests::{Organization, TestServer, on_postgres};
use serde_json::json;

use crate::support::{CENT, HOUR, MINUTE, acme, budget, named, path, source, start, sums, text, to, wanted, with};

/// An access token that may spend so many cents.
async fn limited(server: &TestServer, organization: &Organization, cents: i64) -> String {
    let body = json!({"spend_limit_cents": cents.to_string()});
    text(&to(server, organization, "POST", "/access_token").json(&body).send().await.ok()["token"])
}

#[tokio::test]
async fn a_lease_is_made_in_the_name_of_every_kind_of_token() {
    let server = start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [acme.token.clone(), credential, ann.access_token(&acme).await] {
        source.ask(with(wanted(&acme, 5), &json!({"token": token}))).await.ok();
    }
    assert_eq!(sums(&server, &acme).await, (0, 15));
}

#[tokio::test]
async fn a_token_that_does_not_work_there_is_refused() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    for token in [globex.token.as_str(), "nonsense", server.operator_key(), &source.token] {
        source.ask(with(wanted(&acme, 5), &json!({"token": token}))).await.field("token");
    }
    let lock = format!("/operator/v1/organizations/{}/lock", acme.id);
    server.operator("POST", &lock).json(&json!({"reason": "abuse"})).send().await.ok();
    source.ask(with(wanted(&acme, 5), &json!({"token": acme.token}))).await.field("token");
    assert_eq!(sums(&server, &globex).await, (0, 0));
}

#[tokio::test]
async fn a_limited_token_draws_on_its_limit_and_is_refused_once_it_is_used_up() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let token = limited(&server, &acme, 1).await;
    let ask = async |amount: i64| source.ask(with(wanted(&acme, amount), &json!({"token": token}))).await;
    let first = text(&ask(600_000).await.ok()["lease"]["id"]);
    let refused = ask(400_001).await;
    refused.field("token");
    let message = refused.error(400, "failed_precondition");
    assert!(message.contains("budget exhausted: 400000 micro-cents"), "{message}");
    let second = text(&ask(400_000).await.ok()["lease"]["id"]);
    ask(1).await.field("token");
    source.release(&second).await.ok();
    source.commit(&first, 500_000).await.ok();
    let third = text(&ask(500_000).await.ok()["lease"]["id"]);
    let read = server.call("GET", &path(&acme, "")).token(&token);
    read.send().await.ok();
    source.commit(&third, 500_000).await.ok();
    ask(1).await.field("token");
    // The other replica, if there is one, knows within the bound.
    let other = if on_postgres() { 1 } else { 0 };
    let refused = server
        .until("the token is refused", async || {
            let reply = server.call_at(other, "GET", &path(&acme, "")).token(&token).send().await;
            (reply.status == 401).then_some(reply)
        })
        .await;
    assert_eq!(refused.error(401, "authentication_error"), "the spend limit of the token is used up");
    let again = server.call("GET", &path(&acme, "")).token(&token).send().await;
    assert_eq!(again.error(401, "authentication_error"), "the spend limit of the token is used up");
    assert_eq!(sums(&server, &acme).await, (CENT, 0));
}

#[tokio::test]
async fn an_expired_lease_of_a_limited_token_gives_back_and_is_committed_only_within_the_limit() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let token = limited(&server, &acme, 1).await;
    let ask = async |amount: i64| source.ask(with(wanted(&acme, amount), &json!({"token": token}))).await;
    let first = text(&ask(CENT).await.ok()["lease"]["id"]);
    server.clock.advance(61_000_000);
    let second = text(&ask(600_000).await.ok()["lease"]["id"]);
    source.commit(&first, 400_001).await.error(400, "failed_precondition");
    source.commit(&first, 400_000).await.ok();
    source.commit(&second, 600_000).await.ok();
    assert_eq!(sums(&server, &acme).await, (CENT, 0));
}

#[tokio::test]
async fn an_expired_lease_of_a_limited_token_that_was_revoked_is_committed_no_more() {
    let server = start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    let (credential, secret) = ann.credential(&acme, "ORGANIZATION").await;
    let machine = Organization { token: secret, ..acme.clone() };
    let (limited, free) = (limited(&server, &machine, 1).await, ann.access_token(&machine).await);
    let ask = async |token: &str, amount: i64, ttl: &str| {
        let reply = source.ask(with(wanted(&acme, amount), &json!({"token": token, "ttl": ttl}))).await;
        text(&reply.ok()["lease"]["id"])
    };
    let (over, held) = (ask(&limited, 600_000, "60s").await, ask(&limited, 400_000, "3600s").await);
    let unlimited = ask(&free, 600_000, "60s").await;
    let path = format!("/v1/credentials/{credential}");
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    server.clock.advance(61_000_000);
    let message = source.commit(&over, 1).await.error(400, "failed_precondition");
    assert!(message.contains("the token may not spend so much any more"), "{message}");
    source.commit(&held, 400_000).await.ok();
    source.commit(&unlimited, 600_000).await.ok();
    assert_eq!(sums(&server, &acme).await, (CENT, 0));
    // Nothing was spent, and that may be said.
    source.commit(&over, 0).await.ok();
}

#[tokio::test]
async fn an_expired_lease_of_a_limited_token_that_has_expired_is_committed_no_more() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let body = json!({"spend_limit_cents": "1", "validity": "90s"});
    let token = text(&to(&server, &acme, "POST", "/access_token").json(&body).send().await.ok()["token"]);
    let ask = async |ttl: &str| {
        let reply = source.ask(with(wanted(&acme, 300_000), &json!({"token": token, "ttl": ttl}))).await;
        text(&reply.ok()["lease"]["id"])
    };
    let (one, two, held) = (ask("60s").await, ask("60s").await, ask("86400s").await);
    server.clock.advance(MINUTE + 1_000_000);
    source.commit(&one, 300_000).await.ok();
    // Whether its row is swept yet makes no difference.
    for _ in 0..2 {
        server.advance(MINUTE);
        source.commit(&two, 1).await.error(400, "failed_precondition");
        server.advance(HOUR);
    }
    source.commit(&held, 300_000).await.ok();
    assert_eq!(sums(&server, &acme).await, (600_000, 0));
}

#[tokio::test]
async fn what_is_leased_with_a_token_is_spent_with_the_credential_behind_it() {
    let server = start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    let (of_acme, machine) = ann.credential(&acme, "ORGANIZATION").await;
    let (of_ann, person) = ann.credential(&acme, "USER").await;
    let access = ann.access_token(&Organization { token: machine.clone(), ..acme.clone() }).await;
    let session = server.call("POST", &path(&acme, "/switch")).token(&person).send().await.ok();
    let session = text(&session["token"]["id"]);
    let other = json!({"credential_id": of_acme});
    for (token, amount, more) in [
        (&machine, 1, json!({})),
        (&access, 20, json!({})),
        (&person, 300, json!({})),
        (&session, 4_000, json!({})),
        (&session, 50_000, other),
        (&acme.token, 600_000, json!({})),
    ] {
        let body = with(with(wanted(&acme, amount), &json!({"token": token})), &more);
        let lease = text(&source.ask(body).await.ok()["lease"]["id"]);
        source.commit(&lease, amount).await.ok();
    }
    let usage = server.call("GET", "/v1/usages").token(&acme.token).send().await.ok();
    let periods = usage["usage"]["periods"].as_object().unwrap();
    let found = &periods.values().next().unwrap()["spend"]["credentials"];
    let expected = json!([
        {"credential_id": "", "amount_microcents": "600000"},
        {"credential_id": of_acme, "amount_microcents": "50021"},
        {"credential_id": of_ann, "amount_microcents": "4300"},
    ]);
    assert_eq!(*found, expected);
}

#[tokio::test]
async fn the_name_of_a_credential_of_another_organization_is_told_to_nobody() {
    let server = start().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let source = source(&server, "s", 0).await;
    budget(&server, &acme, json!({"amount": "1"})).await;
    let (credential, person) = ann.credential(&globex, "USER").await;
    let session = server.call("POST", &path(&acme, "/switch")).token(&person).send().await.ok();
    let lease = source.ask(with(wanted(&acme, CENT), &json!({"token": session["token"]["id"]}))).await.ok();
    source.commit(&text(&lease["lease"]["id"]), CENT).await.ok();
    let mails = server.mails_to(&ann.email).await;
    let body = &mails.last().unwrap().body;
    assert!(body.contains(&credential) && !body.contains("a credential"), "{body}");
}

#[tokio::test]
async fn many_leases_at_once_never_pass_the_limit_of_a_token() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let token = limited(&server, &acme, 1).await;
    let asked = (0..24).map(|_| source.ask(with(wanted(&acme, 100_000), &json!({"token": token}))));
    let replies = futures_util::future::join_all(asked).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 10);
    assert_eq!(sums(&server, &acme).await, (0, CENT));
}

#[tokio::test]
async fn a_spend_limit_that_is_none_is_refused() {
    let server = start().await;
    let acme = acme(&server).await;
    for cents in ["0", "-1"] {
        let body = json!({"spend_limit_cents": cents});
        to(&server, &acme, "POST", "/access_token").json(&body).send().await.field("spend_limit_cents");
    }
}
