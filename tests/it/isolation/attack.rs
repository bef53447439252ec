//! Every operation, attacked by every kind of stranger.

use polity_api::operation::{Meta, Who};
use polity_api::table::ALL;
use polity_tests::{Reply, TestServer};
use serde_json::Value;

use crate::fingerprint;
use crate::victim::{self, Attack, Expect, Stranger, Victim};

async fn send(server: &TestServer, meta: &Meta, attack: &Attack, token: Option<&str>) -> Reply {
    let query: Vec<_> = attack.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut call = server.call(meta.method, &attack.path).query(&query);
    if attack.body != Value::Null {
        call = call.json(&attack.body);
    }
    if let Some(token) = token {
        call = call.token(token);
    }
    call.send().await
}

fn check(meta: &Meta, attack: &Attack, who: &str, reply: &Reply, victim: &Victim) {
    let refused = matches!(reply.status, 401 | 403 | 404);
    let allowed = match attack.expect {
        Expect::Refused => refused,
        Expect::OperatorOnly | Expect::MeteringOnly => matches!(reply.status, 401 | 403),
        Expect::OwnThings => refused || matches!(reply.status, 200 | 400),
        Expect::Public(_) => true,
    };
    assert!(allowed, "{} by {who}: {} {}", meta.id, reply.status, reply.text);
    for secret in &victim.secrets {
        assert!(!reply.text.contains(secret.as_str()), "{} by {who} tells {secret}: {}", meta.id, reply.text);
    }
}

#[tokio::test]
async fn no_operation_lets_a_stranger_read_or_change_anything() {
    let (server, github) = victim::server().await;
    let ann = server.person("ann").await;
    let victim = Victim::make(&server, &github, &ann).await;
    let eve = Stranger::make(&server).await;
    let removed = server.metering_key("removed").await;
    server.operator("DELETE", &format!("/operator/v1/metering_keys/{}", removed.id)).send().await.ok();
    let before = fingerprint::of(&server, &victim.organization.id, &victim.user_id).await;
    assert!(before.len() > 20, "the victim has something to lose: {before:#?}");

    let (mut attacked, mut public) = (0, Vec::new());
    for (n, meta) in ALL.iter().enumerate() {
        let first = victim.attack(meta, &format!("{n}"));
        if let Expect::Public(why) = first.expect {
            assert_eq!(meta.who, Who::Anyone, "{} is called public ({why}) and is not", meta.id);
            public.push(meta.id);
            continue;
        }
        assert_ne!(meta.who, Who::Anyone, "{} needs no token: say why", meta.id);
        for (who, token) in [
            ("nobody", None),
            ("garbage", Some("garbage")),
            ("a forgery", Some("a.b.c")),
            ("a metering key that was removed", Some(removed.token.as_str())),
        ] {
            let reply = send(&server, meta, &first, token).await;
            assert_eq!(reply.status, 401, "{} by {who}: {}", meta.id, reply.text);
            check(meta, &first, who, &reply, &victim);
        }
        for (k, (who, token)) in eve.tokens().await.into_iter().enumerate() {
            let attack = victim.attack(meta, &format!("{n}-{k}"));
            // The unscoped session is used again and again: it must not be used up.
            if k == 0 && meta.id == "Logout" {
                continue;
            }
            check(meta, &attack, who, &send(&server, meta, &attack, Some(&token)).await, &victim);
            attacked += 1;
        }
        // Each of these opens one door, and no other.
        let (member, operator, source) =
            (victim.organization.token.as_str(), server.operator_key(), victim.metering.token.as_str());
        let wrong = match first.expect {
            Expect::OperatorOnly => [("a member", member), ("a source of the platform", source)],
            Expect::MeteringOnly => [("a member", member), ("the operator", operator)],
            _ => [("the operator", operator), ("a source of the platform", source)],
        };
        for (who, token) in wrong {
            let reply = send(&server, meta, &first, Some(token)).await;
            assert_eq!(reply.status, 403, "{} by {who}: {}", meta.id, reply.text);
            check(meta, &first, who, &reply, &victim);
        }
        let after = fingerprint::of(&server, &victim.organization.id, &victim.user_id).await;
        assert_eq!(after, before, "{} changed something", meta.id);
    }
    assert_eq!(attacked + 1, (ALL.len() - public.len()) * 5, "every operation was attacked with every token");
    server.stop().await;
}

#[tokio::test]
async fn a_removed_member_is_a_stranger_with_every_token_she_has() {
    let (server, github) = victim::server().await;
    let ann = server.person("ann").await;
    let victim = Victim::make(&server, &github, &ann).await;
    let organization = victim.organization.clone();
    let bob = server.person("bob").await;
    ann.invite(&organization, &bob).await;
    let inside = bob.switch(&organization.id).await;
    let of_bob = polity_tests::Organization { token: inside.clone(), ..organization.clone() };
    let tokens = [
        ("her session", inside),
        ("her access token", bob.access_token(&of_bob).await),
        ("her credential", bob.credential(&of_bob, "USER").await.1),
        ("her session elsewhere", bob.token.clone()),
    ];
    let members = server.call("GET", "/v1/organization_members").token(&organization.token).send().await.ok();
    let member = members["members"].as_array().unwrap().iter().find(|m| m["user_id"] == bob.id.as_str()).unwrap();
    let path = format!("/v1/organization_members/{}", member["id"].as_str().unwrap());
    server.call("DELETE", &path).token(&organization.token).send().await.ok();

    for (n, meta) in ALL.iter().enumerate() {
        let attack = victim.attack(meta, &format!("{n}"));
        if attack.expect != Expect::Refused {
            continue;
        }
        for (who, token) in &tokens {
            let reply = send(&server, meta, &attack, Some(token)).await;
            assert!(matches!(reply.status, 401 | 403 | 404), "{} by {who}: {}", meta.id, reply.text);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn plain_routes_tell_a_stranger_nothing_of_a_tenant() {
    let (server, github) = victim::server().await;
    let ann = server.person("ann").await;
    let victim = Victim::make(&server, &github, &ann).await;
    for route in polity_server::routes::PLAIN_ROUTES {
        let reply = server.call(route.method, route.path).token(&victim.organization.token).send().await;
        let expected = match route.path {
            _ if route.who == Who::Platform => 403,
            // GitHub did not sign it.
            "/webhooks/github" => 401,
            _ => 200,
        };
        assert_eq!(reply.status, expected, "{} {}: {}", route.method, route.path, reply.text);
        for secret in &victim.secrets {
            assert!(!reply.text.contains(secret.as_str()), "{} tells {secret}", route.path);
        }
        let reply = server.call(route.method, route.path).token(&victim.metering.token).send().await;
        // A source may ask, and has asked about nothing.
        let expected = if route.who == Who::Platform { 400 } else { expected };
        assert_eq!(reply.status, expected, "{} {} by a source: {}", route.method, route.path, reply.text);
    }
    for (method, path) in polity_console::ROUTES.iter().filter(|(_, path)| path.contains("{secret}")) {
        let path = path.replace("{secret}", &"x".repeat(64));
        let reply = server.call(method, &path).send().await;
        assert!(matches!(reply.status, 400 | 404), "{method} {path}: {}", reply.status);
    }
    server.stop().await;
}
