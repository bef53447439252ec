//! Calls in the order in which known clients make them.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{text, within};

/// What the command-line client makes of a profile: a person, or a token of an organization.
async fn whoami(server: &TestServer, token: &str) -> (Option<Value>, Option<String>) {
    let profile = server.call("GET", "/v1/account/profile").token(token).send().await;
    if profile.status == 200 {
        let organization = server.call("GET", "/v1/account/organization").token(token).send().await;
        let id = (organization.status == 200).then(|| text(&organization.json["organization"]["id"]));
        return (Some(profile.json["user"].clone()), id);
    }
    assert!([401, 403].contains(&profile.status), "{}", profile.text);
    let apps = server.call("GET", "/v1/apps").query(&[("limit", "1")]).token(token).send().await.ok();
    assert_eq!(apps["apps"], json!([]));
    (None, None)
}

#[tokio::test]
async fn the_third_party_builder_makes_uses_and_removes_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (_, pat) = ann.credential(&ann.organization("home").await, "USER").await;
    let create = || server.call("POST", "/v1/organizations").token(&pat).json(&json!({"name": "app-1234"}));
    let id = text(&create().send().await.ok()["organization"]["id"]);
    let again = create().send().await;
    assert!(again.status == 400 && again.text.contains("already exists"), "{}", again.text);

    let switch = server.call("POST", &format!("/v1/organizations/{id}/switch")).token(&pat).send().await.ok();
    let token = text(&switch["token"]["id"]);
    server.call("GET", "/v1/projects").token(&token).send().await.ok();

    let path = format!("/v1/organizations/{id}");
    let body = json!({"skip_confirmation": true});
    server.call("POST", &format!("{path}/deactivate")).token(&token).json(&body).send().await.ok();
    server
        .until("the organization is deactivated", async || {
            let reply = server.call("GET", &path).token(&token).send().await.ok();
            (reply["organization"]["status"] == "DEACTIVATED").then_some(())
        })
        .await;
    server.call("DELETE", &path).token(&token).send().await.ok();
    server.call("DELETE", &path).token(&pat).send().await.error(404, "not_found");
    server.organization_gone(&id).await;
    create().send().await.ok();
}

#[tokio::test]
async fn the_command_line_learns_who_a_person_is_and_where() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, pat) = ann.credential(&acme, "USER").await;
    for (token, organization) in [(&ann.token, None), (&acme.token, Some(&acme.id)), (&pat, Some(&acme.id))] {
        let (user, current) = whoami(&server, token).await;
        assert_eq!((&user.unwrap()["id"], current.as_ref()), (&json!(ann.id), organization));
    }
}

#[tokio::test]
async fn the_command_line_recognises_a_token_of_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [credential, ann.access_token(&acme).await] {
        assert_eq!(whoami(&server, &token).await, (None, None));
    }
}

#[tokio::test]
async fn the_command_line_is_told_that_a_token_is_invalid() {
    let server = TestServer::start().await;
    let token = "x".repeat(64);
    for path in ["/v1/account/profile", "/v1/apps?limit=1"] {
        let reply = server.call("GET", path).token(&token).send().await;
        reply.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn the_command_line_lists_organizations_to_the_last_page() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for n in 0..5 {
        ann.organization(&format!("acme-{n}")).await;
    }
    let profile = ann.call("GET", "/v1/account/profile").send().await.ok();
    let user = text(&profile["user"]["id"]);
    let mut names = Vec::new();
    loop {
        let offset = names.len().to_string();
        let query = [("user_id", user.as_str()), ("limit", "2"), ("offset", offset.as_str())];
        let reply = ann.call("GET", "/v1/organization_members").query(&query).send().await.ok();
        for member in crate::support::list(&reply["members"]) {
            assert_eq!(member["organization"]["status"], "ACTIVE");
            assert_eq!(member["organization"]["id"], member["organization_id"]);
            names.push(text(&member["organization"]["name"]));
        }
        if names.len() as u64 >= reply["count"].as_u64().unwrap() {
            break;
        }
    }
    names.sort();
    assert_eq!(names, ["acme-0", "acme-1", "acme-2", "acme-3", "acme-4"]);
    ann.call("GET", "/v1/account/organization").send().await.error(404, "not_found");
}

#[tokio::test]
async fn the_command_line_lists_organizations_with_a_session_inside_one() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, _other) = (ann.organization("acme").await, ann.organization("other").await);
    let query = [("user_id", ann.id.as_str()), ("limit", "100")];
    let reply = within(&server, &acme, "GET", "/v1/organization_members").query(&query).send().await.ok();
    assert_eq!((&reply["count"], &reply["limit"]), (&json!(2), &json!(100)));
}

#[tokio::test]
async fn the_command_line_switches_before_every_command() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, pat) = ann.credential(&ann.organization("home").await, "USER").await;
    for _ in 0..3 {
        let path = format!("/v1/organizations/{}/switch", acme.id);
        let reply = server.call("POST", &path).token(&pat).body("{}\n").send().await.ok();
        let token = text(&reply["token"]["id"]);
        let (user, current) = whoami(&server, &token).await;
        assert_eq!((&user.unwrap()["id"], current), (&json!(ann.id), Some(acme.id.clone())));
        server.call("GET", "/v1/projects").token(&token).send().await.ok();
    }
}

#[tokio::test]
async fn the_command_line_cannot_switch_with_a_token_of_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    let path = format!("/v1/organizations/{}/switch", other.id);
    let message =
        server.call("POST", &path).token(&token).json(&json!({})).send().await.error(403, "authorization_error");
    assert!(message.contains("requires a user token"), "{message}");
}

#[tokio::test]
async fn a_credential_has_the_64_characters_that_the_command_line_insists_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (_, token) = ann.credential(&acme, kind).await;
        assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_alphanumeric()), "{kind}");
    }
}

#[tokio::test]
async fn a_dashboard_starts_in_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let organization =
        within(&server, &acme, "GET", "/v1/account/organization").send().await.ok()["organization"].clone();
    let project = format!("/v1/projects/{}", text(&organization["default_project_id"]));
    let listed = "/v1/account/organizations?limit=10&statuses=ACTIVE&statuses=WARNING&statuses=LOCKED\
                  &statuses=DEACTIVATING&statuses=DEACTIVATED";
    for path in [
        "/v1/account/profile",
        &project,
        &format!("/v1/organizations/{}/summary", acme.id),
        &format!("/v1/organizations/{}/quotas", acme.id),
        listed,
        "/v1/organization_members?limit=10",
        "/v1/projects?limit=10",
        "/v1/account/organization_invitations?statuses=PENDING",
        "/v1/notifications?unseen=true&limit=10",
    ] {
        let call = within(&server, &acme, "GET", path)
            .header("seon-fp", "print")
            .header("x-koyeb-project-id", &acme.default_project_id);
        let reply = call.send().await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    }
    let reply = within(&server, &acme, "GET", listed).send().await.ok();
    assert_eq!((&reply["organizations"][0]["id"], &reply["has_next"]), (&json!(acme.id), &json!(false)));
}

#[tokio::test]
async fn a_dashboard_starts_without_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let profile = ann.call("GET", "/v1/account/profile").send().await.ok();
    assert_eq!((&profile["user"]["email_validated"], &profile["user"]["name"]), (&json!(true), &json!("ann")));
    ann.call("GET", "/v1/account/organization").send().await.error(404, "not_found");
    let query = [("statuses", "PENDING")];
    let reply = ann.call("GET", "/v1/account/organization_invitations").query(&query).send().await.ok();
    assert_eq!((&reply["invitations"], &reply["count"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_dashboard_deletes_with_the_old_token_after_it_has_a_new_one() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    crate::support::deactivate(&server, &acme).await;
    let reply = within(&server, &acme, "POST", "/v1/account/session").send().await.ok();
    let new = text(&reply["token"]["id"]);
    crate::support::to(&server, &acme, "DELETE", "").send().await.ok();
    server.call("GET", "/v1/account/profile").token(&new).send().await.ok();
}
