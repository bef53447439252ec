//! Tokens of an installation for callers of its organization.

use polity_tests::github::{Fault, GitHub};
use polity_tests::{Reply, TestServer};
use serde_json::{Value, json};

use crate::index::repositories;
use crate::setup::{Installed, servers};

async fn ask(server: &TestServer, token: &str, body: &Value) -> Reply {
    server.call("POST", "/v1/github/installation/token").token(token).json(body).send().await
}

/// What GitHub answers to a token.
async fn github_says(github: &GitHub, path: &str, token: &str) -> (u16, Value) {
    let url = format!("{}{path}", github.api_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = client.get(url).bearer_auth(token).send().await.unwrap();
    (reply.status().as_u16(), serde_json::from_str(&reply.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_token_is_good_for_what_was_asked_and_is_written_down() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 3)).await;
    acme.indexed(&server).await;
    let body = json!({"repositories": ["repo-00001", "ACME/repo-00001"], "permissions": {"contents": "read"}});
    let (_, credential) = ann.credential(&acme.organization, "ORGANIZATION").await;
    let access_token = ann.access_token(&acme.organization).await;
    for caller in [&acme.organization.token, &credential, &access_token] {
        let reply = ask(&server, caller, &body).await.ok();
        let token = reply["token"].as_str().unwrap();
        assert_eq!(
            (&reply["permissions"], &reply["repositories"]),
            (&json!({"contents": "read"}), &json!(["acme/repo-00001"]))
        );
        assert!(reply["expires_at"].is_string());
        let (status, list) = github_says(&github, "/installation/repositories", token).await;
        assert_eq!((status, &list["total_count"]), (200, &json!(1)));
        assert_eq!(github_says(&github, "/repos/acme/repo-00002/branches", token).await.0, 404);
    }
    // Without a wish it is good for everything, and not the one the server uses itself.
    let whole = ask(&server, &acme.organization.token, &json!({})).await.ok();
    assert_eq!((&whole["repositories"], whole["permissions"]["contents"].as_str()), (&json!([]), Some("write")));
    let used: Vec<_> = github.recorded().into_iter().filter(|one| one.path.contains("/branches")).collect();
    assert!(used.iter().all(|one| one.token != whole["token"]));

    let reply = server.call("GET", "/v1/events?limit=100").token(&acme.organization.token).send().await.ok();
    let events = reply["events"].as_array().unwrap();
    let written: Vec<_> = events.iter().filter(|one| one["type"] == "github_installation.token_created").collect();
    assert_eq!(written.len(), 4);
    assert_eq!(written[0]["metadata"]["repositories"], "acme/repo-00001");
    assert_eq!(written[0]["metadata"]["permissions"], "contents:read");
    assert_eq!(written[0]["actor"]["id"], json!(ann.id));
    assert!(written[1]["metadata"]["auth_token_ref"].as_str().unwrap().starts_with("credential:"));
    assert!(!reply.to_string().contains(whole["token"].as_str().unwrap()));
    server.stop().await;
}

#[tokio::test]
async fn what_may_not_be_given_is_refused_and_nobody_is_asked() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let plain = ann.organization("plain").await;
    let why = ask(&server, &plain.token, &json!({})).await.error(400, "failed_precondition");
    assert_eq!(why, "No GitHub Installation");
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 2)).await;
    let other = Installed::new(&github, &ann, "other", |github, account| repositories(github, account, 1)).await;
    acme.indexed(&server).await;
    other.indexed(&server).await;
    let asked = github.count("access_tokens");
    let token = &acme.organization.token;
    for names in [json!(["none"]), json!(["other/repo-00000"]), json!([""]), json!(["repo-00000", "none"])] {
        ask(&server, token, &json!({"repositories": names})).await.field("repositories");
    }
    ask(&server, token, &json!({"repositories": vec!["repo-00000"; 501]})).await.field("repositories");
    ask(&server, token, &json!({"repositories": {"a": 1}})).await.field("repositories");
    for permissions in [json!({"contents": "admin"}), json!({"actions": "read"}), json!({"contents": "all"})] {
        ask(&server, token, &json!({"permissions": permissions})).await.field("permissions");
    }
    ask(&server, &ann.token, &json!({})).await.error(404, "not_found");
    assert_eq!(server.call("POST", "/v1/github/installation/token").send().await.status, 401);
    let bob = server.person("bob").await;
    ask(&server, &bob.token, &json!({})).await.error(404, "not_found");
    assert_eq!(github.count("access_tokens"), asked);

    github.world(|world| world.suspend(acme.installation));
    // Before anybody here knows, it is GitHub that refuses.
    let why = ask(&server, token, &json!({})).await.error(400, "failed_precondition");
    assert!(why.starts_with("GitHub gives no token"), "{why}");
    github.deliver(&server).await;
    acme.has_status(&server, "SUSPENDED").await;
    let asked = github.count("access_tokens");
    let why = ask(&server, token, &json!({})).await.error(400, "failed_precondition");
    assert_eq!((why.as_str(), github.count("access_tokens")), ("the GitHub installation is suspended", asked));
    github.world(|world| world.uninstall(acme.installation));
    github.deliver(&server).await;
    acme.has_status(&server, "DELETED").await;
    ask(&server, token, &json!({})).await.error(400, "failed_precondition");
    assert_eq!(github.count("access_tokens"), asked);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_not_handed_out_does_not_work() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 1)).await;
    acme.indexed(&server).await;
    let (id, credential) = ann.credential(&acme.organization, "ORGANIZATION").await;
    let before = github.world(|world| world.issued_tokens().len());
    // The credential goes while GitHub is asked.
    let (url, token) = (server.url(), acme.organization.token.clone());
    github.before("access_tokens", 0, move |_| {
        let delete = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let reply =
                    client.delete(format!("{url}/v1/credentials/{id}")).bearer_auth(token).send().await.unwrap();
                assert_eq!(reply.status().as_u16(), 200);
            });
        };
        // What this thread of the runtime had still to do is done by another meanwhile.
        tokio::task::block_in_place(|| std::thread::spawn(delete).join().unwrap());
    });
    assert_eq!(ask(&server, &credential, &json!({})).await.status, 401);
    assert_eq!(github.world(|world| world.issued_tokens().len()), before, "it was taken back");
    server.stop().await;
}

#[tokio::test]
async fn trouble_at_github_is_told_as_such() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 1)).await;
    acme.indexed(&server).await;
    for fault in Fault::QUICK {
        github.fail("access_tokens", 0, *fault);
        let reply = ask(&server, &acme.organization.token, &json!({})).await;
        reply.error(503, "api_error");
        assert!(!reply.header("retry-after").is_empty());
    }
    assert!(ask(&server, &acme.organization.token, &json!({})).await.ok()["token"].is_string());
    server.stop().await;
}
