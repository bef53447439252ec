//! API credentials.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, activities, assert_uuid_v4, each, lock, profile_status, scope, text, time};

const PATH: &str = "/v1/credentials";

async fn create(server: &TestServer, token: &str, body: Value) -> Reply {
    server.call("POST", PATH).token(token).json(&body).send().await
}

async fn list(server: &TestServer, token: &str, query: &[(&str, &str)]) -> Value {
    server.call("GET", PATH).token(token).query(query).send().await.ok()
}

async fn on(server: &TestServer, token: &str, method: &str, id: &str) -> Reply {
    server.call(method, &format!("{PATH}/{id}")).token(token).send().await
}

#[tokio::test]
async fn a_credential_is_64_alphanumeric_characters() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (_, token) = ann.credential(&acme, kind).await;
        assert_eq!(token.len(), 64);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric()), "{token}");
    }
}

#[tokio::test]
async fn a_credential_of_a_person_acts_for_her() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let body = json!({"name": "laptop", "description": "mine", "type": "USER"});
    let credential = create(&server, &acme.token, body).await.ok()["credential"].clone();
    assert_uuid_v4(&credential["id"]);
    assert_eq!((&credential["type"], &credential["user_id"]), (&json!("USER"), &json!(ann.id)));
    assert_eq!((&credential["name"], &credential["description"]), (&json!("laptop"), &json!("mine")));
    assert_eq!((&credential["organization_id"], &credential["expires_at"]), (&json!(acme.id), &Value::Null));
    assert_eq!(time(&credential["created_at"]), time(&credential["updated_at"]));
    assert_eq!(profile_status(&server, &text(&credential["token"])).await, 200);
}

#[tokio::test]
async fn a_credential_of_an_organization_acts_for_it_and_for_nobody() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let body = json!({"name": "ci", "type": "ORGANIZATION", "organization_id": acme.id});
    let credential = create(&server, &ann.token, body).await.ok()["credential"].clone();
    assert_eq!((&credential["type"], &credential["user_id"]), (&json!("ORGANIZATION"), &json!("")));
    let token = text(&credential["token"]);
    assert_eq!((profile_status(&server, &token).await, scope(&server, &token).await), (403, Ok(acme.id)));
}

#[tokio::test]
async fn a_person_without_an_organization_makes_her_own_credential() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let credential = create(&server, &ann.token, json!({"name": "x", "type": "USER"})).await.ok()["credential"].clone();
    assert_eq!(credential["organization_id"], "");
    let token = text(&credential["token"]);
    create(&server, &token, json!({"name": "y", "type": "USER"})).await.ok();
    server.call("POST", "/v1/organizations").token(&token).json(&json!({"name": "acme"})).send().await.ok();
}

#[tokio::test]
async fn without_a_type_it_is_one_of_the_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for body in [json!({"name": "x"}), json!({"name": "x", "type": "INVALID"}), json!({"name": "x", "type": 0})] {
        assert_eq!(create(&server, &acme.token, body).await.ok()["credential"]["type"], "ORGANIZATION");
    }
    create(&server, &ann.token, json!({"name": "x"})).await.field("type");
}

#[tokio::test]
async fn bad_fields_are_refused_and_nothing_is_written() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let before = activities(&server).await;
    for (field, body) in [
        ("name", json!({"type": "USER"})),
        ("name", json!({"name": " ", "type": "USER"})),
        ("name", json!({"name": "x".repeat(129), "type": "USER"})),
        ("description", json!({"name": "x", "type": "USER", "description": "x".repeat(1025)})),
        ("type", json!({"name": "x", "type": "ROBOT"})),
        ("organization_id", json!({"name": "x", "organization_id": "acme"})),
    ] {
        create(&server, &acme.token, body).await.field(field);
    }
    create(&server, &ann.token, json!({"name": "x", "type": "ORGANIZATION"})).await.field("organization_id");
    assert_eq!((list(&server, &acme.token, &[]).await["count"].clone(), activities(&server).await), (json!(0), before));
}

#[tokio::test]
async fn a_foreign_organization_is_forbidden() {
    let server = TestServer::start().await;
    let (ann, eve) = (server.person("ann").await, server.person("eve").await);
    let (acme, evil) = (ann.organization("acme").await, eve.organization("evil").await);
    for kind in ["USER", "ORGANIZATION"] {
        let body = |id: &str| json!({"name": "x", "type": kind, "organization_id": id});
        create(&server, &evil.token, body(&acme.id)).await.error(403, "authorization_error");
        create(&server, &evil.token, body(NOBODY)).await.error(404, "not_found");
    }
    let (_, token) = eve.credential(&evil, "ORGANIZATION").await;
    let body = json!({"name": "x", "organization_id": acme.id});
    create(&server, &token, body).await.error(403, "authorization_error");
    assert_eq!(list(&server, &acme.token, &[]).await["count"], 0);
}

#[tokio::test]
async fn an_access_token_makes_no_credential() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    for kind in ["USER", "ORGANIZATION"] {
        let reply = create(&server, &token, json!({"name": "x", "type": kind})).await;
        reply.error(403, "authorization_error");
    }
    assert_eq!(list(&server, &acme.token, &[]).await["count"], 0);
}

#[tokio::test]
async fn a_credential_of_an_organization_makes_others_of_it_but_none_of_a_person() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    let made = create(&server, &token, json!({"name": "x"})).await.ok()["credential"].clone();
    assert_eq!((&made["type"], &made["organization_id"]), (&json!("ORGANIZATION"), &json!(acme.id)));
    create(&server, &token, json!({"name": "x", "type": "USER"})).await.error(403, "authorization_error");
}

#[tokio::test]
async fn the_token_is_shown_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let body = json!({"name": "renamed"});
    let update = server.call("PATCH", &format!("{PATH}/{id}")).token(&acme.token).json(&body).send().await;
    let replies =
        [on(&server, &acme.token, "GET", &id).await, server.call("GET", PATH).token(&acme.token).send().await, update];
    for reply in replies {
        assert!(!reply.text.contains(&token), "{}", reply.text);
        assert!(reply.text.contains(r#""token":"""#), "{}", reply.text);
        reply.ok();
    }
}

#[tokio::test]
async fn the_list_has_those_of_the_organization_and_ones_own() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (shared, _) = ann.credential(&acme, "ORGANIZATION").await;
    let (hers, _) = ann.credential(&acme, "USER").await;
    let (own, _) = bob.credential(&his, "USER").await;
    assert_eq!(each(&list(&server, &acme.token, &[]).await["credentials"], "id"), [hers.clone(), shared.clone()]);
    assert_eq!(each(&list(&server, &his.token, &[]).await["credentials"], "id"), [own.clone(), shared.clone()]);
    assert_eq!(each(&list(&server, &bob.token, &[]).await["credentials"], "id"), [own]);
    on(&server, &his.token, "GET", &hers).await.error(404, "not_found");
}

#[tokio::test]
async fn a_token_of_an_organization_lists_its_credentials() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    ann.credential(&acme, "USER").await;
    ann.credential(&bolt, "ORGANIZATION").await;
    for token in [token, ann.access_token(&acme).await] {
        let reply = list(&server, &token, &[]).await;
        assert_eq!((each(&reply["credentials"], "id"), &reply["count"]), (vec![id.clone()], &json!(1)));
    }
}

#[tokio::test]
async fn filters_select() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (user, _) = ann.credential(&acme, "USER").await;
    let (organization, _) = ann.credential(&acme, "ORGANIZATION").await;
    let (other, _) = ann.credential(&bolt, "ORGANIZATION").await;
    let named = create(&server, &acme.token, json!({"name": "named"})).await.ok()["credential"].clone();
    let named = text(&named["id"]);
    let ids = async |query: &[(&str, &str)]| each(&list(&server, &acme.token, query).await["credentials"], "id");
    assert_eq!(ids(&[("type", "USER")]).await, [user.clone()]);
    assert_eq!(ids(&[("type", "ORGANIZATION"), ("limit", "100")]).await, [named.clone(), organization.clone()]);
    assert_eq!(ids(&[("type", "INVALID")]).await.len(), 3);
    assert_eq!(ids(&[("name", "named")]).await, [named]);
    assert_eq!(ids(&[("organization_id", &bolt.id)]).await, [other]);
    assert_eq!(ids(&[("user_id", &ann.id)]).await, [user]);
    assert!(ids(&[("user_id", &bob.id)]).await.is_empty());
    let page = list(&server, &acme.token, &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!((each(&page["credentials"], "id"), &page["count"]), (vec![organization], &json!(3)));
}

#[tokio::test]
async fn bad_filters_are_refused() {
    let server = TestServer::start().await;
    let (ann, eve) = (server.person("ann").await, server.person("eve").await);
    let acme = ann.organization("acme").await;
    for (field, value) in [("type", "ROBOT"), ("organization_id", "acme"), ("user_id", "ann"), ("limit", "-1")] {
        ann.call("GET", PATH).query(&[(field, value)]).send().await.field(field);
    }
    let call = eve.call("GET", PATH).query(&[("organization_id", &acme.id)]);
    call.send().await.error(403, "authorization_error");
    server.call("GET", PATH).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn name_and_description_change_and_nothing_else() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let before = on(&server, &acme.token, "GET", &id).await.ok()["credential"].clone();
    for (method, name) in [("PUT", "one"), ("PATCH", "two")] {
        let body = json!({
            "name": name, "type": "USER", "token": "x", "id": NOBODY, "organization_id": "", "user_id": ann.id,
            "expires_at": "2020-01-01T00:00:00Z",
        });
        let call = server.call(method, &format!("{PATH}/{id}")).token(&acme.token).json(&body);
        let after = call.send().await.ok()["credential"].clone();
        let mut expected = before.clone();
        expected["name"] = json!(name);
        expected["updated_at"] = after["updated_at"].clone();
        assert_eq!(after, expected, "{method}");
        assert!(time(&after["updated_at"]) > time(&before["updated_at"]));
    }
    assert_eq!(scope(&server, &token).await, Ok(acme.id), "the token stays");
}

#[tokio::test]
async fn an_update_takes_a_mask() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, _) = ann.credential(&acme, "USER").await;
    let update = async |mask: &str, body: Value| {
        let call = server.call("PATCH", &format!("{PATH}/{id}")).token(&acme.token);
        call.query(&[("update_mask", mask)]).json(&body).send().await
    };
    let credential =
        update("description", json!({"name": "no", "description": "yes"})).await.ok()["credential"].clone();
    assert_eq!((&credential["name"], &credential["description"]), (&json!("a credential"), &json!("yes")));
    assert_eq!(update("description", json!({})).await.ok()["credential"]["description"], "");
    assert_eq!(update("token,expiresAt", json!({"name": "no"})).await.ok()["credential"]["name"], "a credential");
    update("name", json!({})).await.field("name");
    update("", json!({"name": ""})).await.field("name");
    update("colour", json!({"name": "x"})).await.field("update_mask");
}

#[tokio::test]
async fn a_deleted_credential_stops_working_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (id, token) = ann.credential(&acme, kind).await;
        assert_eq!(scope(&server, &token).await.as_deref(), Ok(acme.id.as_str()));
        assert_eq!(on(&server, &acme.token, "DELETE", &id).await.ok(), json!({}));
        assert_eq!(scope(&server, &token).await, Err(401), "{kind}");
        on(&server, &acme.token, "GET", &id).await.error(404, "not_found");
        on(&server, &acme.token, "DELETE", &id).await.error(404, "not_found");
    }
}

#[tokio::test]
async fn the_access_tokens_a_credential_made_end_with_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&Organization { token, ..acme.clone() }).await;
    assert_eq!(scope(&server, &access).await, Ok(acme.id));
    on(&server, &acme.token, "DELETE", &id).await.ok();
    assert_eq!(scope(&server, &access).await, Err(401));
}

#[tokio::test]
async fn a_credential_may_delete_itself() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "USER").await;
    on(&server, &token, "DELETE", &id).await.ok();
    on(&server, &token, "DELETE", &id).await.error(401, "authentication_error");
}

#[tokio::test]
async fn a_foreign_credential_is_not_found_and_stays() {
    let server = TestServer::start().await;
    let (ann, eve) = (server.person("ann").await, server.person("eve").await);
    let (acme, evil) = (ann.organization("acme").await, eve.organization("evil").await);
    for kind in ["USER", "ORGANIZATION"] {
        let (id, token) = ann.credential(&acme, kind).await;
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            for stranger in [&eve.token, &evil.token, &eve.credential(&evil, "ORGANIZATION").await.1] {
                on(&server, stranger, method, &id).await.error(404, "not_found");
            }
            on(&server, &acme.token, method, NOBODY).await.error(404, "not_found");
            on(&server, &acme.token, method, "x").await.field("id");
        }
        assert_eq!(scope(&server, &token).await.as_deref(), Ok(acme.id.as_str()));
    }
}

#[tokio::test]
async fn a_token_of_the_organization_does_not_reach_credentials_of_its_people() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, _) = ann.credential(&acme, "USER").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        for method in ["GET", "DELETE"] {
            on(&server, &token, method, &id).await.error(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_locked_organization_makes_no_credentials() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    lock(&server, &acme.id).await;
    let message = create(&server, &acme.token, json!({"name": "x"})).await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
}

#[tokio::test]
async fn what_a_credential_did_names_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let body = json!({"name": "renamed"});
    server.call("PUT", &format!("/v1/organizations/{}/name", acme.id)).token(&token).json(&body).send().await.ok();
    let reply = server.call("GET", "/v1/activities").token(&acme.token).send().await.ok();
    assert_eq!(reply["activities"][0]["metadata"]["auth_token_ref"], format!("credential:{id}"));
}

#[tokio::test]
async fn a_deactivated_organization_leaves_its_people_their_credentials() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, user) = ann.credential(&acme, "USER").await;
    let (organization, access) = (ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await);
    crate::support::deactivate(&server, &acme).await;
    assert_eq!(profile_status(&server, &user).await, 200);
    assert_eq!((scope(&server, &organization).await, scope(&server, &access).await), (Err(401), Err(401)));
}
