//! Installations that somebody else has to approve.

use polity_tests::github::{GitHub, Redirect};
use serde_json::json;

use crate::setup::{MINUTE, servers};
use crate::support::{account, come_back, count_events, has_none, installation, installed, text};

/// A person at GitHub who belongs to an account and does not own it.
fn member(github: &GitHub, account: i64, login: &str) -> i64 {
    github.world(|world| {
        let user = world.user(login, &format!("{login}@example.com"));
        world.account_mut(account).members.insert(user);
        user
    })
}

#[tokio::test]
async fn what_was_asked_for_is_bound_when_the_owner_approves_whoever_she_is() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let ann_at_github = member(&github, account, "ann");
    let asked = installed(&server, &github, &acme, ann_at_github, account).await;
    assert_eq!(asked.setup_action.as_deref(), Some("request"));
    assert_eq!(come_back(&server, Some(&acme.token), &asked.json()).await.ok(), json!({"token": null}));
    has_none(&server, &acme).await;
    assert_eq!(count_events(&server, &acme, "requested").await, 1);
    // Days later; the owner has no account here.
    server.advance(3 * 24 * 60 * MINUTE);
    let approved = github.approve(owner, account);
    assert_eq!(come_back(&server, None, &approved.json()).await.ok(), json!({"token": null}));
    assert_eq!(installation(&server, &acme).await.ok()["name"], "acme");
    assert_eq!(count_events(&server, &acme, "created").await, 1);
    // It comes back a second time, from a reload.
    let again = Redirect { code: github.code(owner), ..approved };
    come_back(&server, None, &again.json()).await.ok();
    assert_eq!(count_events(&server, &acme, "created").await, 1);
}

#[tokio::test]
async fn a_webhook_binds_what_was_asked_for_as_well() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let asked = installed(&server, &github, &acme, member(&github, account, "ann"), account).await;
    come_back(&server, Some(&acme.token), &asked.json()).await.ok();
    let approved = github.approve(owner, account);
    github.deliver(&server).await;
    server.until("it is bound", async || (installation(&server, &acme).await.status == 200).then_some(())).await;
    come_back(&server, None, &approved.json()).await.ok();
    assert_eq!(count_events(&server, &acme, "created").await, 1);
}

#[tokio::test]
async fn a_request_uses_its_state() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (_, account) = account(&github, "acme");
    let user = member(&github, account, "ann");
    let asked = installed(&server, &github, &acme, user, account).await;
    come_back(&server, Some(&acme.token), &asked.json()).await.ok();
    let again = Redirect { code: github.code(user), ..asked };
    come_back(&server, Some(&acme.token), &again.json()).await.field("state");
}

#[tokio::test]
async fn a_request_that_github_knows_nothing_of_is_refused() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (_, account) = account(&github, "acme");
    let (user, other) = (member(&github, account, "ann"), member(&github, account, "bob"));
    let asked = installed(&server, &github, &acme, user, account).await;
    // The code is of somebody who asked for nothing.
    let stolen = Redirect { code: github.code(other), ..asked.clone() };
    come_back(&server, Some(&acme.token), &stolen.json()).await.field("setup_action");
    come_back(&server, Some(&acme.token), &asked.json()).await.ok();
}

#[tokio::test]
async fn only_who_started_can_say_that_she_asked() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (_, account) = account(&github, "acme");
    let asked = installed(&server, &github, &acme, member(&github, account, "ann"), account).await;
    let eve = server.person("eve").await;
    come_back(&server, Some(&eve.token), &asked.json()).await.field("state");
    come_back(&server, None, &asked.json()).await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_approval_of_what_nobody_asked_for_is_refused() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let approved = github.approve(owner, account);
    let reply = come_back(&server, None, &approved.json()).await;
    reply.field("state");
    assert!(reply.text.contains("nobody here asked"), "{}", reply.text);
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn an_approval_that_two_organizations_asked_for_is_refused() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let (owner, account) = account(&github, "acme");
    for (organization, name) in [(&acme, "ann"), (&globex, "bob")] {
        let asked = installed(&server, &github, organization, member(&github, account, name), account).await;
        come_back(&server, Some(&organization.token), &asked.json()).await.ok();
    }
    let approved = github.approve(owner, account);
    let reply = come_back(&server, None, &approved.json()).await;
    reply.field("state");
    assert!(reply.text.contains("several organizations"), "{}", reply.text);
    has_none(&server, &acme).await;
    has_none(&server, &globex).await;
    // Whoever is meant says so.
    let back = installed(&server, &github, &globex, owner, account).await;
    come_back(&server, Some(&globex.token), &back.json()).await.ok();
}

#[tokio::test]
async fn a_webhook_tells_which_of_two_requests_was_approved() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let (owner, account) = account(&github, "acme");
    for (organization, name) in [(&acme, "ann"), (&globex, "bob")] {
        let asked = installed(&server, &github, organization, member(&github, account, name), account).await;
        come_back(&server, Some(&organization.token), &asked.json()).await.ok();
    }
    let _ = github.approve(owner, account);
    github.deliver(&server).await;
    assert_eq!(installation(&server, &acme).await.ok()["status"], "INSTALLED");
    has_none(&server, &globex).await;
}

#[tokio::test]
async fn what_an_owner_installs_herself_does_not_go_to_who_had_asked() {
    let (server, github) = servers().await;
    let evil = server.person("eve").await.organization("evil").await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let eve = member(&github, account, "eve");
    let asked = installed(&server, &github, &evil, eve, account).await;
    come_back(&server, Some(&evil.token), &asked.json()).await.ok();
    // The owner installs it for her own organization; the webhook is faster than she, and so is Eve.
    let back = installed(&server, &github, &acme, owner, account).await;
    github.deliver(&server).await;
    has_none(&server, &evil).await;
    let forged = Redirect { code: github.code(eve), state: None, ..back.clone() };
    come_back(&server, None, &forged.json()).await.error(403, "authorization_error");
    has_none(&server, &evil).await;
    come_back(&server, Some(&acme.token), &back.json()).await.ok();
    assert_eq!(installation(&server, &acme).await.ok()["status"], "INSTALLED");
}

#[tokio::test]
async fn what_still_waits_at_github_is_not_bound_because_there_is_an_installation() {
    let (server, github) = servers().await;
    let evil = server.person("eve").await.organization("evil").await;
    let (_, account) = account(&github, "acme");
    let eve = member(&github, account, "eve");
    let asked = installed(&server, &github, &evil, eve, account).await;
    come_back(&server, Some(&evil.token), &asked.json()).await.ok();
    // The owner installs it for others and answers nobody; no webhook comes.
    github.world(|world| {
        world.installed(account, None);
        world.ask(account, eve);
        world.deliveries.clear();
    });
    let looked = async || {
        let (before, mut asked) = (github.count("/app/installations"), 0);
        server
            .until("somebody looks", async || {
                // A look that was still under way counts the time to the next one from its end.
                if asked % 100 == 0 {
                    server.advance(61 * MINUTE);
                }
                asked += 1;
                (github.count("/app/installations") > before).then_some(())
            })
            .await;
    };
    for _ in 0..3 {
        looked().await;
        has_none(&server, &evil).await;
    }
    github.world(|world| world.answer(account));
    looked().await;
    server.until("it is bound", async || (installation(&server, &evil).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn what_was_installed_before_anybody_asked_is_no_approval() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let user = member(&github, account, "ann");
    let asked = installed(&server, &github, &acme, user, account).await;
    let old = github.world(|world| world.installed(account, None));
    github.world(|world| world.ask(account, user));
    server.advance(5 * MINUTE);
    come_back(&server, Some(&acme.token), &asked.json()).await.ok();
    let body = json!({"code": github.code(owner), "setup_action": "install", "installation_id": old.to_string()});
    come_back(&server, None, &body).await.field("state");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn the_news_of_an_approval_has_to_come_from_who_may_see_the_installation() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let asked = installed(&server, &github, &acme, member(&github, account, "ann"), account).await;
    come_back(&server, Some(&acme.token), &asked.json()).await.ok();
    let approved = github.approve(owner, account);
    let stranger = github.world(|world| world.user("eve", "eve@example.com"));
    let forged = Redirect { code: github.code(stranger), ..approved };
    come_back(&server, None, &forged.json()).await.error(403, "authorization_error");
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn who_is_no_member_any_more_gets_nothing_by_an_approval() {
    let (server, github) = servers().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let (owner, account) = account(&github, "acme");
    let his = polity_tests::Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let asked = installed(&server, &github, &his, member(&github, account, "bob"), account).await;
    come_back(&server, Some(&his.token), &asked.json()).await.ok();
    let members = server.call("GET", "/v1/organization_members").token(&acme.token).send().await.ok();
    let place = members["members"].as_array().unwrap().iter().find(|one| one["user_id"] == bob.id).unwrap();
    let path = format!("/v1/organization_members/{}", text(&place["id"]));
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    let approved = github.approve(owner, account);
    come_back(&server, None, &approved.json()).await.error(403, "authorization_error");
    github.deliver(&server).await;
    has_none(&server, &acme).await;
}
