//! The page GitHub sends people back to who have no panel.

use polity_tests::github::{GitHub, Redirect};
use polity_tests::{Call, TestServer};

use crate::setup::{MINUTE, servers};
use crate::support::{account, count_events, has_none, installation, installed};

fn page(server: &TestServer, method: &str, back: &Redirect) -> Call {
    let id = back.installation_id.map(|id| id.to_string()).unwrap_or_default();
    let mut query = vec![("code", back.code.as_str()), ("setup_action", back.setup_action.as_deref().unwrap_or(""))];
    query.extend(back.state.as_deref().map(|state| ("state", state)));
    query.extend((!id.is_empty()).then_some(("installation_id", id.as_str())));
    server.call(method, "/account/oauth/github/callback").query(&query)
}

#[tokio::test]
async fn the_page_shows_who_started_and_its_button_connects() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    for _ in 0..2 {
        let shown = page(&server, "GET", &back).send().await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        assert!(shown.text.contains("ann started this for acme"), "{}", shown.text);
    }
    assert_eq!(github.count("access_token"), 0, "opening the page does nothing");
    has_none(&server, &acme).await;
    let done = page(&server, "POST", &back).form(&[]).send().await;
    assert!(done.status == 200 && done.text.contains("Connected with GitHub"), "{}", done.text);
    assert_eq!(installation(&server, &acme).await.ok()["status"], "INSTALLED");
    assert_eq!(count_events(&server, &acme, "created").await, 1);
    let again = page(&server, "POST", &back).form(&[]).send().await;
    assert!(again.status == 400 && again.text.contains("used already"), "{}", again.text);
}

#[tokio::test]
async fn a_form_of_another_site_connects_nothing() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let refused = page(&server, "POST", &back).header("sec-fetch-site", "cross-site").form(&[]).send().await;
    assert_eq!(refused.status, 403);
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn an_owner_approves_on_the_page() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let member = github.world(|world| {
        let user = world.user("ann", "ann@example.com");
        world.account_mut(account).members.insert(user);
        user
    });
    let asked = installed(&server, &github, &acme, member, account).await;
    let waits = page(&server, "POST", &asked).form(&[]).send().await;
    assert!(waits.status == 200 && waits.text.contains("Waiting for an approval"), "{}", waits.text);
    let approved = github.approve(owner, account);
    assert_eq!(page(&server, "GET", &approved).send().await.status, 200);
    has_none(&server, &acme).await;
    assert_eq!(page(&server, "POST", &approved).form(&[]).send().await.status, 200);
    assert_eq!(installation(&server, &acme).await.ok()["status"], "INSTALLED");
}

#[tokio::test]
async fn what_does_not_work_is_said_in_words_and_never_as_markup() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let query = [("error", "access_denied"), ("error_description", "<script>alert(1)</script>")];
    let denied = server.call("GET", "/account/oauth/github/callback").query(&query).send().await;
    assert!(denied.status == 400 && denied.text.contains("&lt;script&gt;"), "{}", denied.text);
    assert!(!denied.text.contains("<script"));
    for wrong in [
        Redirect { state: Some("forged".into()), ..back.clone() },
        Redirect { setup_action: None, ..back.clone() },
        Redirect { setup_action: Some("more".into()), ..back.clone() },
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(page(&server, method, &wrong).send().await.status, 400, "{wrong:?}");
        }
    }
    server.advance(11 * MINUTE);
    let late = page(&server, "GET", &back).send().await;
    assert!(late.status == 400 && late.text.contains("expired"), "{}", late.text);
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn who_changed_what_an_installation_reaches_is_told_that_it_is_seen_to() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let changed = Redirect { setup_action: Some("update".into()), state: None, ..back };
    for method in ["GET", "POST"] {
        let reply = page(&server, method, &changed).form(&[]).send().await;
        assert!(reply.status == 200 && reply.text.contains("is being read"), "{}", reply.text);
    }
    has_none(&server, &acme).await;
}

#[tokio::test]
async fn without_an_app_the_page_says_so() {
    let server = TestServer::start().await;
    let github = GitHub::start().await;
    let back = Redirect {
        code: github.web_url(),
        state: Some("x".into()),
        setup_action: Some("install".into()),
        installation_id: Some(7),
    };
    for method in ["GET", "POST"] {
        let reply = page(&server, method, &back).send().await;
        assert!(reply.status == 400 && reply.text.contains("not configured"), "{}", reply.text);
    }
}
