//! Addresses that were claimed and not proven: whoever has the mail gets the
//! account, and nothing is left in it for who made it.

use polity_api::ids::{OrganizationId, TokenId, UserId};
use polity_ops::settings::Signup;
use polity_store::tokens::{self, AT_ONCE, TokenKind, TokenRow};
use polity_tests::{Mail, Organization, PASSWORD, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{login, profile_status, scope, text};

const NEW: &str = "another battery staple";

async fn invite(server: &TestServer, organization: &Organization, email: &str) -> (String, Mail) {
    let call = server.call("POST", "/v1/organization_invitations").token(&organization.token);
    let id = text(&call.json(&json!({"email": email})).send().await.ok()["invitation"]["id"]);
    (id, server.mails_to(email).await.pop().expect("a mail"))
}

async fn press(server: &TestServer, mail: &Mail, fields: &[(&str, &str)]) -> Reply {
    let path = mail.link().strip_prefix(&server.url()).expect("a link of this server");
    server.call("POST", path).form(fields).send().await
}

async fn credential(server: &TestServer, session: &str) -> String {
    let call = server.call("POST", "/v1/credentials").token(session);
    text(&call.json(&json!({"name": "kept", "type": "USER"})).send().await.ok()["credential"]["token"])
}

async fn session_with(server: &TestServer, token: &str) -> String {
    text(&server.call("POST", "/v1/account/session").token(token).send().await.ok()["token"]["id"])
}

#[tokio::test]
async fn an_invitation_takes_an_account_from_who_only_claimed_the_address() {
    let server = TestServer::start().await;
    let (ann, eve) = (server.person("ann").await, server.signup("bob").await);
    let kept = credential(&server, &eve.token).await;
    // Where she was last is not where Bob wants to be.
    eve.switch(&eve.organization("corp").await.id).await;
    let acme = ann.organization("acme").await;
    let (_, mail) = invite(&server, &acme, &eve.email).await;
    let page = server.call("GET", mail.link().strip_prefix(&server.url()).unwrap()).send().await;
    assert!(page.text.contains("type=\"password\""), "{}", page.text);
    assert_eq!(press(&server, &mail, &[("answer", "accept")]).await.status, 400, "a password is needed");
    let fields = [("answer", "accept"), ("name", "Bob"), ("password", NEW)];
    assert_eq!(press(&server, &mail, &fields).await.status, 200);
    assert_eq!((profile_status(&server, &eve.token).await, profile_status(&server, &kept).await), (401, 401));
    login(&server, &eve.email, PASSWORD).await.error(401, "authentication_error");
    let token = login(&server, &eve.email, NEW).await.ok()["token"].clone();
    assert_eq!((&token["organization_id"], &token["user_id"]), (&json!(acme.id), &json!(eve.id)));
    let profile = server.call("GET", "/v1/account/profile").token(&text(&token["id"])).send().await.ok();
    assert_eq!((&profile["user"]["name"], &profile["user"]["email_validated"]), (&json!("Bob"), &json!(true)));
}

#[tokio::test]
async fn a_new_password_takes_an_account_from_who_only_claimed_the_address() {
    let server = TestServer::start().await;
    for (name, proven) in [("bob", false), ("cid", true)] {
        let person = if proven { server.person(name).await } else { server.signup(name).await };
        let kept = credential(&server, &person.token).await;
        let own = person.organization(&format!("{name}-inc")).await;
        server.call("POST", "/v1/account/reset_password").json(&json!({"email": person.email})).send().await.ok();
        let secret = server.mails_to(&person.email).await.pop().expect("a mail").secret().to_owned();
        let body = json!({"id": secret, "password": NEW});
        let reply = server.call("POST", "/v1/account/update_password").json(&body).send().await.ok();
        let into = if proven { json!(own.id) } else { json!("") };
        assert_eq!(reply["token"]["organization_id"], into, "{name}");
        assert_eq!(profile_status(&server, &person.token).await, 401);
        // What she made after she had proven that she is who she is stays.
        assert_eq!(profile_status(&server, &kept).await, if proven { 200 } else { 401 }, "{name}");
    }
}

#[tokio::test]
async fn who_has_not_proven_the_address_answers_no_invitations_and_does_not_see_from_whom_they_are() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.signup("bob").await);
    let acme = ann.organization("acme").await;
    let (id, _) = invite(&server, &acme, &bob.email).await;
    let list = bob.call("GET", "/v1/account/organization_invitations").send().await.ok();
    let path = format!("/v1/account/organization_invitations/{id}");
    let one = bob.call("GET", &path).send().await.ok();
    for shown in [&list["invitations"][0], &one["invitation"]] {
        assert_eq!((&shown["id"], &shown["organization"]["name"]), (&json!(id), &json!("acme")));
        assert!(!shown.to_string().contains(&ann.email) && !shown.to_string().contains(&ann.id), "{shown}");
    }
    for answer in ["decline", "accept"] {
        let why = bob.call("POST", &format!("{path}/{answer}")).send().await.error(403, "authorization_error");
        assert!(why.contains("confirm your e-mail address"), "{why}");
    }
    let mail = server.mails_to(&bob.email).await.into_iter().find(|mail| mail.link().contains("/validate/")).unwrap();
    server.call("POST", &format!("/v1/account/validate/{}", mail.secret())).send().await.ok();
    let one = bob.call("GET", &path).send().await.ok();
    assert_eq!(one["invitation"]["inviter"]["email"], ann.email);
}

#[tokio::test]
async fn where_not_everybody_may_sign_up_a_claimed_address_admits_nobody() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Closed;
        config.signup_domains = vec!["example.com".into()];
    })
    .await;
    let eve = server.signup("eve").await;
    for (path, body) in
        [("/v1/organizations", json!({"name": "acme"})), ("/v1/credentials", json!({"name": "x", "type": "USER"}))]
    {
        eve.call("POST", path).json(&body).send().await.error(403, "authorization_error");
    }
    // What admitted her is the domain, and not that she has proven any address at all.
    let address = |email: &str| {
        let body = json!({"email": email, "current_password": PASSWORD});
        eve.call("PATCH", "/v1/account/profile").json(&body).send()
    };
    address("eve@elsewhere.example").await.error(403, "authorization_error");
    address("eva@example.com").await.ok();
    let ann = server.person("ann").await;
    ann.organization("acme").await;
    let body = json!({"email": "ann@elsewhere.example", "current_password": PASSWORD});
    ann.call("PATCH", "/v1/account/profile").json(&body).send().await.ok();
}

#[tokio::test]
async fn what_was_opened_with_a_credential_ends_with_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, credential) = ann.credential(&acme, "USER").await;
    let session = session_with(&server, &credential).await;
    let refreshed = server.call("PUT", "/v1/account/refresh").token(&session).send().await.ok()["token"].clone();
    let switch = format!("/v1/organizations/{}/switch", acme.id);
    let switched = server.call("POST", &switch).token(&text(&refreshed["id"])).send().await.ok()["token"].clone();
    let switched = text(&switched["id"]);
    let access = ann.access_token(&Organization { token: switched.clone(), ..acme.clone() }).await;
    let own = session_with(&server, &ann.token).await;
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    for token in [&session, &text(&refreshed["id"]), &switched] {
        assert_eq!(profile_status(&server, token).await, 401);
    }
    assert_eq!(scope(&server, &access).await, Err(401));
    assert_eq!(profile_status(&server, &own).await, 200, "hers go on");
}

#[tokio::test]
async fn an_access_token_leaves_nothing_that_outlives_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, _) = invite(&server, &acme, "bob@example.com").await;
    let body = json!({"url": "https://example.com/hooks"});
    let webhook = server.call("POST", "/v1/webhooks").token(&acme.token).json(&body).send().await.ok();
    let webhook = format!("/v1/webhooks/{}", text(&webhook["webhook"]["id"]));
    let access = ann.access_token(&acme).await;
    for (method, path, body) in [
        ("POST", "/v1/organization_invitations".to_owned(), json!({"email": "eve@example.com"})),
        ("POST", format!("/v1/organization_invitations/{id}/resend"), json!({})),
        ("POST", "/v1/webhooks".to_owned(), json!({"url": "https://eve.example/"})),
        ("PATCH", webhook.clone(), json!({"url": "https://eve.example/"})),
        ("POST", format!("{webhook}/rotate_secret"), json!({})),
        ("POST", "/v1/credentials".to_owned(), json!({"name": "x"})),
    ] {
        let why = server.call(method, &path).token(&access).json(&body).send().await.error(403, "authorization_error");
        assert!(why.contains("an access token cannot"), "{why}");
    }
    assert!(server.mails_to("eve@example.com").await.is_empty());
}

#[tokio::test]
async fn a_name_is_in_one_line() {
    let server = TestServer::start().await;
    let name = "Polity\n\nYour account is locked: https://eve.example";
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "name": name});
    server.call("POST", "/v1/account/signup").json(&body).send().await.field("name");
    let ann = server.person("ann").await;
    ann.call("PATCH", "/v1/account/profile").json(&json!({"name": name})).send().await.field("name");
    let acme = ann.organization("acme").await;
    for path in ["/v1/projects", "/v1/credentials"] {
        server.call("POST", path).token(&acme.token).json(&json!({"name": name})).send().await.field("name");
    }
}

/// Adds tokens as somebody does who makes more than one unit can revoke.
async fn flood(server: &TestServer, token: TokenRow) {
    const TOGETHER: i64 = 1_000;
    for _ in 0..2 * AT_ONCE / TOGETHER + 1 {
        let made = server.ctx().write("flood", token.clone(), |w, token| {
            Box::pin(async move {
                for _ in 0..TOGETHER {
                    tokens::insert(w.tx, &TokenRow { id: w.id(TokenId::from_random), ..token.clone() }).await?;
                }
                Ok(())
            })
        });
        made.await.expect("tokens");
    }
}

#[tokio::test]
async fn however_many_tokens_there_are_all_are_revoked() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let (id, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let last = ann.access_token(&Organization { token: credential, ..acme.clone() }).await;
    let of_bob = ann.access_token(&Organization { token: bob.switch(&acme.id).await, ..acme.clone() }).await;
    let (user, organization): (UserId, OrganizationId) = (bob.id.parse().unwrap(), acme.id.parse().unwrap());
    let now = polity_api::scalar::Timestamp(server.clock.now_micros());
    let token = TokenRow {
        id: TokenId::from_random([0; 16]),
        kind: TokenKind::Access,
        user_id: None,
        organization_id: Some(organization),
        credential_id: Some(id.parse().unwrap()),
        created_at: now,
        expires_at: now.plus(polity_api::scalar::micros::DAY),
        spend_limit_microcents: None,
    };
    flood(&server, token.clone()).await;
    flood(&server, TokenRow { credential_id: None, user_id: Some(user), ..token.clone() }).await;
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    assert_eq!(scope(&server, &last).await, Err(401));
    let members = server.call("GET", "/v1/organization_members").token(&acme.token).send().await.ok();
    let of = |member: &&Value| member["user_id"] == json!(bob.id);
    let member = text(&members["members"].as_array().unwrap().iter().find(of).unwrap()["id"]);
    server.call("DELETE", &format!("/v1/organization_members/{member}")).token(&acme.token).send().await.ok();
    assert_eq!(scope(&server, &of_bob).await, Err(401));
    // What is revoked together with the caller's own token: that goes last.
    let (id, credential) = ann.credential(&acme, "USER").await;
    let own = session_with(&server, &credential).await;
    let session = TokenRow { kind: TokenKind::Session, organization_id: None, ..token };
    let made_with =
        TokenRow { user_id: Some(ann.id.parse().unwrap()), credential_id: Some(id.parse().unwrap()), ..session };
    flood(&server, made_with.clone()).await;
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&own).send().await.ok();
    assert_eq!(profile_status(&server, &own).await, 401);
    flood(&server, TokenRow { user_id: Some(user), credential_id: None, ..made_with }).await;
    bob.call("DELETE", &format!("/v2/users/{user}")).send().await.ok();
    login(&server, &bob.email, PASSWORD).await.error(401, "authentication_error");
    let left = server.ctx().write("left", organization, |w, organization| {
        Box::pin(async move { Ok(tokens::delete_access(w.tx, *organization, 1).await?) })
    });
    assert_eq!(left.await.expect("a count"), 0);
}
