//! What becomes of an installation when its organization ends.

use polity_tests::github::{Fault, GitHub};
use polity_tests::{Organization, TestServer};
use serde_json::json;

use crate::setup::{HOUR, servers, servers_with};
use crate::support::{account, come_back, count_events, has_none, installation, installed};

async fn connected(server: &TestServer, github: &GitHub, organization: &Organization, name: &str) -> i64 {
    let (owner, account) = account(github, name);
    github.world(|world| world.repo(account, "website"));
    let back = installed(server, github, organization, owner, account).await;
    come_back(server, Some(&organization.token), &back.json()).await.ok();
    server
        .until("everything is read", async || {
            (installation(server, organization).await.ok()["indexing_status"] == "COMPLETED").then_some(())
        })
        .await;
    back.installation_id.expect("an installation")
}

async fn deactivate(server: &TestServer, organization: &Organization) {
    let path = format!("/v1/organizations/{}/deactivate", organization.id);
    let body = json!({"skip_confirmation": true});
    server.call("POST", &path).token(&organization.token).json(&body).send().await.ok();
    server.organization_in(&organization.id, "DEACTIVATED").await;
}

async fn reactivate(server: &TestServer, organization: &Organization) {
    let path = format!("/v1/organizations/{}/reactivate", organization.id);
    server.call("POST", &path).token(&organization.token).send().await.ok();
}

#[tokio::test]
async fn a_deactivated_organization_has_no_installation_and_github_keeps_it() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let id = connected(&server, &github, &acme, "acme").await;
    deactivate(&server, &acme).await;
    reactivate(&server, &acme).await;
    has_none(&server, &acme).await;
    let listed = server.call("GET", "/v1/git/repositories").token(&acme.token).send().await.ok();
    assert_eq!(listed["count"], 0);
    assert_eq!(count_events(&server, &acme, "deleted").await, 1);
    server.advance(HOUR);
    assert!(github.world(|world| world.is_installed(id)), "nobody said that it should be removed");
    let again = connected(&server, &github, &acme, "acme-again").await;
    assert_ne!(again, id);
}

#[tokio::test]
async fn an_installation_is_removed_at_github_where_that_is_configured_however_long_it_takes() {
    let (server, github) = servers_with(|config| config.github.uninstall_on_deactivation = true).await;
    let acme = server.person("ann").await.organization("acme").await;
    let id = connected(&server, &github, &acme, "acme").await;
    github.fail_always(&format!("/app/installations/{id}"), Fault::Status(502));
    // Nobody waits for GitHub.
    deactivate(&server, &acme).await;
    assert!(github.world(|world| world.is_installed(id)));
    github.recover();
    server
        .until("it is removed", async || {
            server.advance(HOUR);
            (!github.world(|world| world.is_installed(id))).then_some(())
        })
        .await;
    reactivate(&server, &acme).await;
    connected(&server, &github, &acme, "acme-again").await;
}

#[tokio::test]
async fn what_was_to_be_removed_is_removed_after_a_restart() {
    let (mut server, github) = servers_with(|config| config.github.uninstall_on_deactivation = true).await;
    let acme = server.person("ann").await.organization("acme").await;
    let id = connected(&server, &github, &acme, "acme").await;
    github.fail_always(&format!("/app/installations/{id}"), Fault::Closed);
    deactivate(&server, &acme).await;
    server.restart().await;
    github.recover();
    server
        .until("it is removed", async || {
            server.advance(HOUR);
            (!github.world(|world| world.is_installed(id))).then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_installation_of_a_deactivated_organization_is_free_for_another() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
    deactivate(&server, &acme).await;
    let back = installed(&server, &github, &globex, owner, account).await;
    come_back(&server, Some(&globex.token), &back.json()).await.ok();
}

#[tokio::test]
async fn nothing_can_be_connected_while_an_organization_is_deactivated() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    deactivate(&server, &acme).await;
    come_back(&server, Some(&ann.token), &back.json()).await.error(400, "failed_precondition");
    come_back(&server, Some(&acme.token), &back.json()).await.error(401, "authentication_error");
    reactivate(&server, &acme).await;
    come_back(&server, Some(&ann.token), &back.json()).await.ok();
}
