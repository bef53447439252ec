//! Signing in and signing up with GitHub.

use polity_ops::settings::Signup;
use polity_tests::github::{GitHub, Redirect};
use polity_tests::{PASSWORD, Reply, TestServer};
use serde_json::{Value, json};

use crate::setup::{MINUTE, servers, servers_with};
use crate::support::{account, claims, come_back, installed, text};

/// The one provider there is.
async fn provider(server: &TestServer, action: &str) -> Value {
    let query = [("action", action), ("metadata", "/back")];
    let reply = server.call("GET", "/v1/account/oauth").query(&query).send().await.ok();
    let providers = reply["oauth_providers"].as_array().expect("a list");
    assert_eq!((providers.len(), providers[0]["id"].as_str()), (1, Some("github")));
    providers[0].clone()
}

/// Goes to GitHub and comes back.
async fn visit(server: &TestServer, github: &GitHub, action: &str, user: i64) -> Reply {
    let url = text(&provider(server, action).await["url"]);
    come_back(server, None, &github.authorize(user, &url).json()).await
}

async fn profile(server: &TestServer, reply: Value) -> Value {
    let token = text(&reply["token"]["id"]);
    server.call("GET", "/v1/account/profile").token(&token).send().await.ok()["user"].clone()
}

/// Checks that it is a 400 about the address, which is not known.
fn not_found(reply: &Reply) {
    reply.field("email");
    assert_eq!(reply.json["fields"][0]["description"], "not found", "{}", reply.text);
}

fn person(github: &GitHub, login: &str, email: &str) -> i64 {
    github.world(|world| world.user(login, email))
}

#[tokio::test]
async fn a_person_signs_up_and_signs_in_with_github() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann-at-github", "Ann@Example.com");
    for action in ["signup", "signin", "register"] {
        let reply = visit(&server, &github, action, ann).await.ok();
        let me = profile(&server, reply).await;
        assert_eq!((me["email"].as_str(), &me["email_validated"]), (Some("ann@example.com"), &json!(true)));
        assert_eq!((&me["github_id"], &me["github_user"]), (&json!(ann.to_string()), &json!("ann-at-github")));
        assert_eq!(me["name"], "ANN-AT-GITHUB");
    }
}

#[tokio::test]
async fn the_state_of_a_sign_in_says_what_panels_read() {
    let (server, _github) = servers().await;
    let state = claims(&text(&provider(&server, "signup").await["state"]));
    assert_eq!((&state["action"], &state["metadata"]), (&json!("signup"), &json!("/back")));
    assert!(state.get("organization_id").is_none() && state.get("sub").is_none(), "{state}");
    let long = [("metadata", "x".repeat(401))];
    let long: Vec<_> = long.iter().map(|(name, value)| (*name, value.as_str())).collect();
    server.call("GET", "/v1/account/oauth").query(&long).send().await.field("metadata");
}

#[tokio::test]
async fn who_has_no_account_here_cannot_sign_in() {
    let (server, github) = servers().await;
    not_found(&visit(&server, &github, "signin", person(&github, "ann", "ann@example.com")).await);
}

#[tokio::test]
async fn an_account_with_a_proven_address_is_linked_when_its_owner_signs_in() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let at_github = person(&github, "octo-ann", "ann@example.com");
    let reply = visit(&server, &github, "signin", at_github).await.ok();
    assert_eq!(reply["token"]["user_id"], ann.id);
    let members = server.call("GET", "/v1/organization_members").token(&acme.token).send().await.ok();
    let seen = &members["members"][0]["user"];
    assert_eq!((&seen["github_id"], &seen["github_user"]), (&json!(at_github.to_string()), &json!("octo-ann")));
    // Her password goes on working.
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    server.call("POST", "/v1/account/login").json(&body).send().await.ok();
}

#[tokio::test]
async fn an_account_whose_address_is_not_proven_is_not_linked() {
    let (server, github) = servers().await;
    let squatter = server.signup("ann").await;
    let owner = person(&github, "ann", "ann@example.com");
    not_found(&visit(&server, &github, "signin", owner).await);
    let reply = visit(&server, &github, "signup", owner).await;
    reply.field("email");
    let me = squatter.call("GET", "/v1/account/profile").send().await.ok();
    assert_eq!(me["user"]["github_id"], "");
}

#[tokio::test]
async fn who_linked_an_account_and_then_claimed_an_address_is_out_when_its_owner_proves_it() {
    let (mut server, github) = servers().await;
    let squatter = server.person("eve").await.id;
    let eve = person(&github, "eve", "eve@example.com");
    visit(&server, &github, "signin", eve).await.ok();
    // As it was where a new address took the place of a proven one at once.
    let claim = "update users set email = 'ann@example.com', email_validated = false where email = 'eve@example.com'";
    server.change(claim, claim).await;
    server.restart().await;
    let address = json!({"email": "ann@example.com"});
    server.call("POST", "/v1/account/reset_password").json(&address).send().await.ok();
    let secret = server.mails_to("ann@example.com").await.pop().expect("a mail").secret().to_owned();
    let chosen = json!({"id": secret, "password": "another battery staple"});
    let ann = server.call("POST", "/v1/account/update_password").json(&chosen).send().await.ok();
    let me = profile(&server, ann).await;
    assert_eq!((&me["id"], &me["github_id"], &me["github_user"]), (&json!(squatter), &json!(""), &json!("")));
    not_found(&visit(&server, &github, "signin", eve).await);
}

#[tokio::test]
async fn an_address_that_is_taken_cannot_sign_up() {
    let (server, github) = servers().await;
    server.person("ann").await;
    let reply = visit(&server, &github, "signup", person(&github, "ann", "ann@example.com")).await;
    reply.field("email");
    assert_eq!(reply.json["fields"][0]["description"], "Email: 'ann@example.com' already used");
}

#[tokio::test]
async fn only_the_primary_address_counts_and_only_when_it_is_verified() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    for emails in [
        vec![("ann@example.com", true, false)],
        vec![("ann@example.com", false, true)],
        vec![("other@example.com", true, false), ("ann@example.com", false, true)],
        vec![],
    ] {
        let user = person(&github, "eve", "unused@example.com");
        let emails =
            emails.into_iter().map(|(email, primary, verified)| (email.to_owned(), primary, verified)).collect();
        github.world(|world| world.account_mut(user).emails = emails);
        for action in ["signin", "signup"] {
            let reply = visit(&server, &github, action, user).await;
            reply.field("email");
            assert!(reply.text.contains("not verified"), "{}", reply.text);
        }
    }
    let me = ann.call("GET", "/v1/account/profile").send().await.ok();
    assert_eq!(me["user"]["github_id"], "");
}

#[tokio::test]
async fn a_person_is_known_by_her_account_at_github_and_not_by_its_address() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann", "ann@example.com");
    let first = visit(&server, &github, "signup", ann).await.ok();
    github.world(|world| {
        let account = world.account_mut(ann);
        account.emails = vec![("new@example.com".to_owned(), true, true)];
        account.login = "ann-renamed".to_owned();
    });
    let second = visit(&server, &github, "signin", ann).await.ok();
    assert_eq!(first["token"]["user_id"], second["token"]["user_id"]);
    let me = profile(&server, second).await;
    assert_eq!((me["email"].as_str(), me["github_user"].as_str()), (Some("ann@example.com"), Some("ann-renamed")));
    // Whoever gets the address at GitHub later is somebody else.
    let eve = person(&github, "eve", "ann@example.com");
    not_found(&visit(&server, &github, "signin", eve).await);
}

#[tokio::test]
async fn where_signup_is_closed_it_is_closed_to_github_as_well() {
    for signup in [Signup::Closed, Signup::Invited] {
        let (server, github) = servers_with(|config| {
            config.signup = signup;
            config.signup_domains = vec!["friends.example".into()];
        })
        .await;
        let ann = person(&github, "ann", "ann@example.com");
        let refused = visit(&server, &github, "signup", ann).await;
        assert_eq!(refused.error(403, "authorization_error"), "This OAuth2 account is not authorized to sign up");
        not_found(&visit(&server, &github, "signin", ann).await);
        let friend = person(&github, "bob", "bob@friends.example");
        visit(&server, &github, "signup", friend).await.ok();
    }
}

#[tokio::test]
async fn a_state_signs_in_once_and_for_ten_minutes() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann", "ann@example.com");
    let url = text(&provider(&server, "signup").await["url"]);
    let back = github.authorize(ann, &url);
    come_back(&server, None, &back.json()).await.ok();
    let again = github.authorize(ann, &url);
    come_back(&server, None, &again.json()).await.field("state");
    let late = github.authorize(ann, &text(&provider(&server, "signin").await["url"]));
    server.advance(10 * MINUTE);
    come_back(&server, None, &late.json()).await.field("state");
}

#[tokio::test]
async fn a_code_works_only_with_the_state_it_was_asked_for_with() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann", "ann@example.com");
    let hers = github.authorize(ann, &text(&provider(&server, "signup").await["url"]));
    let other = text(&provider(&server, "signup").await["state"]);
    let injected = Redirect { state: Some(other), ..hers };
    come_back(&server, None, &injected.json()).await.field("code");
}

#[tokio::test]
async fn a_state_of_an_installation_signs_nobody_in() {
    let (server, github) = servers().await;
    let acme = server.person("ann").await.organization("acme").await;
    let (owner, account) = account(&github, "acme");
    let back = installed(&server, &github, &acme, owner, account).await;
    let body = json!({"state": back.state, "code": back.code});
    come_back(&server, Some(&acme.token), &body).await.field("state");
}

#[tokio::test]
async fn who_signed_up_with_github_has_no_password_until_she_chooses_one() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann", "ann@example.com");
    visit(&server, &github, "signup", ann).await.ok();
    for password in ["", "password", PASSWORD] {
        let body = json!({"email": "ann@example.com", "password": password});
        server.call("POST", "/v1/account/login").json(&body).send().await.error(401, "authentication_error");
    }
    let body = json!({"email": "ann@example.com"});
    server.call("POST", "/v1/account/reset_password").json(&body).send().await.ok();
    let secret = server.mails_to("ann@example.com").await.last().expect("a mail").secret().to_owned();
    let body = json!({"id": secret, "password": PASSWORD});
    server.call("POST", "/v1/account/update_password").json(&body).send().await.ok();
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    server.call("POST", "/v1/account/login").json(&body).send().await.ok();
    visit(&server, &github, "signin", ann).await.ok();
}

#[tokio::test]
async fn many_sign_ups_with_one_state_make_one_account() {
    let (server, github) = servers().await;
    let ann = person(&github, "ann", "ann@example.com");
    let url = text(&provider(&server, "signup").await["url"]);
    let bodies: Vec<_> = (0..20).map(|_| github.authorize(ann, &url).json()).collect();
    let calls = bodies.iter().map(|body| come_back(&server, None, body));
    let replies = futures_util::future::join_all(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        lost.field("state");
    }
}
