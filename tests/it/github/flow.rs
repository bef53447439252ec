//! Installing: what starts here and comes back from GitHub, and what is refused of it.

use polity_tests::TestServer;
use polity_tests::github::{APP_NAME, Fault, GitHub};
use serde_json::{Value, json};

use crate::setup::{MINUTE, servers};
use crate::support::{
    account, claims, come_back, count_events, has_none, installation, installed, start, start_url, text,
};

const NOBODY: &str = "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a";

#[tokio::test]
async fn an_installation_goes_from_its_start_to_its_repositories() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    github.world(|world| world.repo(account, "website"));
    let started = start(&server, &acme.token, "/services?tab=1").await;
    assert_eq!((started["app_name"].as_str(), started["app_id"].as_str()), (Some(APP_NAME), Some("4711")));
    let back = github.install(owner, started["url"].as_str().expect("a url"), account);
    assert_eq!(back.state.as_deref(), started["state"].as_str());
    let reply = come_back(&server, Some(&acme.token), &back.json()).await;
    assert_eq!(reply.ok(), json!({"token": null}));
    let found = server
        .until("everything is read", async || {
            let found = installation(&server, &acme).await.ok();
            (found["indexing_status"] == "COMPLETED").then_some(found)
        })
        .await;
    assert_eq!((found["status"].as_str(), found["name"].as_str()), (Some("INSTALLED"), Some("acme")));
    assert_eq!(found["installation_id"], back.installation_id.expect("an id").to_string());
    assert_eq!((&found["total_repositories"], &found["suspended_at"]), (&json!(1), &Value::Null));
    assert!(text(&found["avatar_url"]).contains("/avatars/") && text(&found["installation_url"]).starts_with("http"));
    assert_eq!(count_events(&server, &acme, "created").await, 1);
}

#[tokio::test]
async fn starting_writes_nothing_and_its_state_says_what_panels_read() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let state = claims(&text(&start(&server, &acme.token, "/back").await["state"]));
    assert_eq!((&state["metadata"], &state["action"]), (&json!("/back"), &json!("install")));
    assert_eq!((&state["organization_id"], &state["sub"]), (&json!(acme.id), &json!(ann.id)));
    assert_eq!(state["exp"].as_i64().unwrap() - state["iat"].as_i64().unwrap(), 600);
    let bare = claims(&text(&start(&server, &acme.token, "").await["state"]));
    assert!(bare.get("metadata").is_none(), "absent, and not null: {bare}");
    assert_eq!(github.count("/app/installations"), 0);
    let body = json!({"metadata": "é".repeat(401)});
    server.call("POST", "/v1/github/installation").token(&acme.token).json(&body).send().await.field("metadata");
    let access = ann.access_token(&acme).await;
    let refused = server.call("POST", "/v1/github/installation").token(&access).send().await;
    let why = refused.error(403, "authorization_error");
    assert!(why.contains("an access token cannot"), "{why}");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn a_state_works_once() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
    let mut again = back.json();
    again["code"] = github.code(owner).into();
    let reply = come_back(&server, Some(&acme.token), &again).await;
    reply.field("state");
    assert!(reply.error(400, "invalid_argument").contains("used already"), "{}", reply.text);
    assert_eq!(count_events(&server, &acme, "created").await, 1);
}

#[tokio::test]
async fn a_hundred_who_come_back_at_once_with_one_state_install_once() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let bodies: Vec<_> = (0..100)
        .map(|_| {
            let mut body = back.json();
            body["code"] = github.code(owner).into();
            body
        })
        .collect();
    let calls = bodies.iter().map(|body| come_back(&server, Some(&acme.token), body));
    let replies = futures_util::future::join_all(calls).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        lost.field("state");
    }
    assert_eq!(won, 1);
    assert_eq!(count_events(&server, &acme, "created").await, 1);
    assert_eq!(installation(&server, &acme).await.ok()["status"], "INSTALLED");
}

#[tokio::test]
async fn a_state_ends_after_ten_minutes() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let mut back = installed(&server, &github, &acme, owner, account).await;
    server.advance(10 * MINUTE);
    back.code = github.code(owner);
    let reply = come_back(&server, Some(&acme.token), &back.json()).await;
    reply.field("state");
    assert!(reply.error(400, "invalid_argument").contains("expired"), "{}", reply.text);
    assert_eq!(github.count("access_token"), 0, "the code was not spent");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn a_state_that_was_not_made_here_is_refused() {
    let (server, github) = servers().await;
    let (other, _) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let state = back.state.clone().expect("a state");
    let parts: Vec<_> = state.split('.').collect();
    let other_first = if parts[2].starts_with('A') { "B" } else { "A" };
    let flipped = format!("{}.{}.{other_first}{}", parts[0], parts[1], &parts[2][1..]);
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let foreign = other.person("ann").await.organization("acme").await;
    let foreign = text(&start(&other, &foreign.token, "").await["state"]);
    let long = "x".repeat(20_000);
    for forged in [flipped.as_str(), &unsigned, &foreign, &acme.token, "x", "a.b.c", &long] {
        let mut body = back.json();
        body["state"] = json!(forged);
        let reply = come_back(&server, Some(&acme.token), &body).await;
        reply.field("state");
        assert!(reply.error(400, "invalid_argument").contains("not made by this server"), "{}", reply.text);
    }
    has_none(&server, &acme).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
}

#[tokio::test]
async fn a_state_is_no_token() {
    let (server, _github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let state = text(&start(&server, &acme.token, "").await["state"]);
    for path in ["/v1/account/profile", "/v1/account/organization", "/v1/github/installation"] {
        server.call("GET", path).token(&state).send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn only_who_started_comes_back() {
    let (server, github) = servers().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    come_back(&server, None, &back.json()).await.error(401, "authentication_error");
    let bob_inside = bob.switch(&acme.id).await;
    let eve = server.person("eve").await;
    for token in [&bob.token, &bob_inside, &eve.token] {
        let reply = come_back(&server, Some(token), &back.json()).await;
        reply.field("state");
        assert!(reply.text.contains("another person"), "{}", reply.text);
    }
    has_none(&server, &acme).await;
    come_back(&server, Some(&ann.token), &back.json()).await.ok();
}

#[tokio::test]
async fn who_is_no_member_any_more_cannot_finish() {
    let (server, github) = servers().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let inside = bob.switch(&acme.id).await;
    let (owner, account) = account(&github, "acme");
    let url = text(&start(&server, &inside, "").await["url"]);
    let back = github.install(owner, &url, account);
    let members = server.call("GET", "/v1/organization_members").token(&acme.token).send().await.ok();
    let his = members["members"].as_array().unwrap().iter().find(|one| one["user_id"] == bob.id).unwrap();
    let path = format!("/v1/organization_members/{}", text(&his["id"]));
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    come_back(&server, Some(&bob.token), &back.json()).await.error(403, "authorization_error");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn what_a_credential_of_the_organization_starts_a_member_finishes() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let (owner, account) = account(&github, "acme");
    let url = text(&start(&server, &credential, "").await["url"]);
    let back = github.install(owner, &url, account);
    let eve = server.person("eve").await;
    come_back(&server, Some(&eve.token), &back.json()).await.error(403, "authorization_error");
    come_back(&server, Some(&ann.token), &back.json()).await.ok();
}

#[tokio::test]
async fn an_installation_is_of_one_organization() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let (owner, account) = account(&github, "acme");
    let first = installed(&server, &github, &acme, owner, account).await;
    let second = installed(&server, &github, &globex, owner, account).await;
    assert_eq!(first.installation_id, second.installation_id);
    come_back(&server, Some(&acme.token), &first.json()).await.ok();
    let reply = come_back(&server, Some(&globex.token), &second.json()).await;
    reply.field("installation_id");
    assert!(reply.text.contains("belongs to another organization"), "{}", reply.text);
    has_none(&server, &globex).await;
}

#[tokio::test]
async fn an_organization_has_one_installation_until_that_is_gone() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, one) = account(&github, "acme");
    let other = github.world(|world| world.organization("other", owner));
    let first = installed(&server, &github, &acme, owner, one).await;
    come_back(&server, Some(&acme.token), &first.json()).await.ok();
    let second = installed(&server, &github, &acme, owner, other).await;
    let reply = come_back(&server, Some(&acme.token), &second.json()).await;
    assert!(reply.error(400, "failed_precondition").contains("another GitHub installation"), "{}", reply.text);
    github.world(|world| world.uninstall(first.installation_id.unwrap()));
    github.deliver(&server).await;
    server
        .until("the first is gone", async || {
            (installation(&server, &acme).await.ok()["status"] == "DELETED").then_some(())
        })
        .await;
    let third = installed(&server, &github, &acme, owner, other).await;
    come_back(&server, Some(&acme.token), &third.json()).await.ok();
    let found = installation(&server, &acme).await.ok();
    assert_eq!((found["status"].as_str(), found["name"].as_str()), (Some("INSTALLED"), Some("other")));
}

#[tokio::test]
async fn coming_back_for_what_is_installed_already_changes_nothing() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    for _ in 0..2 {
        let back = installed(&server, &github, &acme, owner, account).await;
        come_back(&server, Some(&acme.token), &back.json()).await.ok();
    }
    assert_eq!(count_events(&server, &acme, "created").await, 1);
}

#[tokio::test]
async fn an_installation_that_the_person_may_not_see_is_refused() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (_, account_of_others) = account(&github, "others");
    let theirs = github.world(|world| world.installed(account_of_others, None));
    let (owner, account) = account(&github, "acme");
    let mut back = installed(&server, &github, &acme, owner, account).await;
    back.installation_id = Some(theirs);
    let reply = come_back(&server, Some(&acme.token), &back.json()).await;
    reply.error(403, "authorization_error");
    assert_eq!(reply.json["fields"][0]["field"], "installation_id");
    has_none(&server, &acme).await;
}

/// Eve may read a repository of others, which is enough for GitHub to list the installation to her.
async fn eve_takes(server: &TestServer, github: &GitHub, kind: &str, age: i64, tells_roles: bool) -> u16 {
    let acme = server.person("eve").await.organization("evil").await;
    let (installation, eve) = github.world(|world| {
        let owner = world.user("victim", "victim@example.com");
        let account = if kind == "User" { owner } else { world.organization("victims", owner) };
        let eve = world.user("eve", "eve@example.com");
        world.account_mut(account).members.insert(eve);
        world.tells_roles = tells_roles;
        (world.installed(account, None), eve)
    });
    server.advance(age);
    let state = text(&start(server, &acme.token, "").await["state"]);
    let body = json!({
        "state": state, "code": github.code(eve), "setup_action": "install", "installation_id": installation.to_string(),
    });
    let reply = come_back(server, Some(&acme.token), &body).await;
    if reply.status != 200 {
        reply.error(403, "authorization_error");
        has_none(server, &acme).await;
    }
    reply.status
}

#[tokio::test]
async fn who_can_merely_read_a_repository_does_not_get_the_installation_of_its_owner() {
    for (kind, age, tells_roles) in [
        ("User", 0, false),
        ("User", 5 * MINUTE, false),
        ("Organization", 0, false),
        ("Organization", 5 * MINUTE, false),
        ("Organization", 0, true),
    ] {
        let (server, github) = servers().await;
        assert_eq!(eve_takes(&server, &github, kind, age, tells_roles).await, 403, "{kind} {age} {tells_roles}");
    }
}

#[tokio::test]
async fn an_owner_may_connect_an_installation_of_any_age_where_github_tells_her_role() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    github.world(|world| world.installed(account, None));
    server.advance(60 * MINUTE);
    github.world(|world| world.tells_roles = false);
    let back = installed(&server, &github, &acme, owner, account).await;
    let why = come_back(&server, Some(&acme.token), &back.json()).await.error(403, "authorization_error");
    assert!(why.contains("members: read"), "{why}");
    has_none(&server, &acme).await;
    github.world(|world| world.tells_roles = true);
    let mut again = back.json();
    again["code"] = github.code(owner).into();
    come_back(&server, Some(&acme.token), &again).await.ok();
}

#[tokio::test]
async fn a_code_that_github_does_not_know_leaves_the_state_for_another_try() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let mut wrong = back.json();
    wrong["code"] = "0123456789abcdef".into();
    come_back(&server, Some(&acme.token), &wrong).await.field("code");
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
}

#[tokio::test]
async fn what_github_does_not_answer_can_be_tried_again() {
    for path in ["/login/oauth/access_token", "/user/installations", "/app/installations/"] {
        for fault in Fault::QUICK {
            let (server, github) = servers().await;
            let acme = server.person("ann").await.organization("acme").await;
            let (owner, account) = account(&github, "acme");
            let back = installed(&server, &github, &acme, owner, account).await;
            github.fail(path, 0, *fault);
            let reply = come_back(&server, Some(&acme.token), &back.json()).await;
            assert!(reply.error(503, "api_error").contains("GitHub"), "{path}: {}", reply.text);
            has_none(&server, &acme).await;
            let mut again = back.json();
            again["code"] = github.code(owner).into();
            come_back(&server, Some(&acme.token), &again).await.ok();
        }
    }
}

#[tokio::test]
async fn each_field_that_is_missing_or_malformed_is_named() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let signin = server.call("GET", "/v1/account/oauth").query(&[("action", "signin")]).send().await.ok();
    let signin = text(&signin["oauth_providers"][0]["state"]);
    for (name, value, field) in [
        ("code", json!(""), "code"),
        ("code", json!("x".repeat(600)), "code"),
        ("code", json!("a b\n"), "code"),
        ("installation_id", json!(""), "installation_id"),
        ("installation_id", json!("seven"), "installation_id"),
        ("installation_id", json!("-7"), "installation_id"),
        ("installation_id", json!("99999999999999999999"), "installation_id"),
        ("setup_action", json!("more"), "setup_action"),
        ("setup_action", json!(""), "state"),
        ("state", json!(signin), "state"),
    ] {
        let mut body = back.json();
        body[name] = value;
        come_back(&server, Some(&acme.token), &body).await.field(field);
    }
    come_back(&server, Some(&acme.token), &json!({"setup_action": "request", "code": "x"})).await.field("state");
    come_back(&server, Some(&acme.token), &json!({})).await.field("state");
    assert_eq!(github.count("access_token"), 0, "no code was spent");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn who_changed_what_an_installation_reaches_comes_back_to_nothing_to_do() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let body = json!({"setup_action": "update", "installation_id": "7", "code": "0123456789abcdef"});
    for token in [None, Some(acme.token.as_str())] {
        assert_eq!(come_back(&server, token, &body).await.ok(), json!({"token": null}));
    }
    assert_eq!(github.count("access_token"), 0, "no code was spent");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn the_events_of_an_installation_say_who_and_what() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
    let call = server.call("GET", "/v1/events").token(&acme.token).query(&[("types", "github_installation.created")]);
    let event = call.send().await.ok()["events"][0].clone();
    assert_eq!((&event["actor"]["id"], &event["object"]["name"]), (&json!(ann.id), &json!("acme")));
    assert_eq!(event["metadata"]["installation"], back.installation_id.unwrap().to_string());
}

#[tokio::test]
async fn nobody_outside_of_the_organization_sees_the_installation() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
    let globex = server.person("bob").await.organization("globex").await;
    has_none(&server, &globex).await;
    let path = format!("/v1/git/sync/organization/{}", acme.id);
    server.call("POST", &path).token(&globex.token).send().await.error(403, "authorization_error");
    let path = format!("/v1/git/sync/organization/{NOBODY}");
    server.call("POST", &path).token(&globex.token).send().await.error(404, "not_found");
    let url = start_url(&server, &globex).await;
    assert!(!url.contains(&acme.id));
}
