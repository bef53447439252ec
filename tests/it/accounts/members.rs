//! Who is a member of what.

use polity_api::ids::OrganizationId;
use polity_api::types::organization::OrganizationStatus;
use polity_store::organizations;
use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{NOBODY, assert_uuid_v4, deactivate, each, lock, time};

async fn list(server: &TestServer, token: &str, query: &[(&str, &str)]) -> Value {
    server.call("GET", "/v1/organization_members").token(token).query(query).send().await.ok()
}

fn ids(list: &Value, field: &str) -> Vec<String> {
    let mut ids = each(&list["members"], field);
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [&str; N]) -> Vec<String> {
    let mut ids = ids.map(str::to_owned).to_vec();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_member_carries_the_person_and_the_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = list(&server, &acme.token, &[("organization_id", &acme.id)]).await;
    assert_eq!((&reply["limit"], &reply["offset"], &reply["count"]), (&json!(20), &json!(0), &json!(1)));
    let member = &reply["members"][0];
    assert_uuid_v4(&member["id"]);
    assert_eq!((&member["organization_id"], &member["user_id"]), (&json!(acme.id), &json!(ann.id)));
    assert_eq!((&member["role"], &member["status"]), (&json!("OWNER"), &json!("ACTIVE")));
    assert!(time(&member["joined_at"]) <= server.clock.now_micros());
    let user = json!({
        "id": ann.id, "email": ann.email, "name": "ann", "avatar_url": "", "github_id": "", "github_user": "",
    });
    assert_eq!(member["user"], user);
    let organization = &member["organization"];
    assert_eq!((&organization["id"], &organization["name"]), (&json!(acme.id), &json!("acme")));
    assert_eq!((&organization["plan"], &organization["status"]), (&json!("hobby"), &json!("ACTIVE")));
    assert!(!organization["external_id"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn with_ones_own_id_all_ones_memberships_are_listed() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    ann.invite(&acme, &bob).await;
    for token in [&ann.token, &acme.token, &ann.credential(&bolt, "USER").await.1] {
        let reply = list(&server, token, &[("user_id", &ann.id), ("limit", "100")]).await;
        assert_eq!(ids(&reply, "organization_id"), sorted([&acme.id, &bolt.id]));
        assert_eq!((&reply["count"], &reply["limit"]), (&json!(2), &json!(100)));
    }
}

#[tokio::test]
async fn with_an_organization_its_members_are_listed() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.organization("bolt").await;
    ann.invite(&acme, &bob).await;
    for token in [&ann.token, &bob.token, &acme.token] {
        let reply = list(&server, token, &[("organization_id", &acme.id)]).await;
        assert_eq!(ids(&reply, "user_id"), sorted([&ann.id, &bob.id]));
    }
    let reply = list(&server, &ann.token, &[("organization_id", &acme.id), ("user_id", &bob.id)]).await;
    assert_eq!(ids(&reply, "user_id"), [bob.id]);
}

#[tokio::test]
async fn with_nothing_the_members_of_the_current_organization_are_listed() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.organization("bolt").await;
    ann.invite(&acme, &bob).await;
    for token in [acme.token.clone(), ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let reply = list(&server, &token, &[]).await;
        assert_eq!(ids(&reply, "user_id"), sorted([&ann.id, &bob.id]));
    }
}

#[tokio::test]
async fn with_nothing_and_no_organization_ones_own_memberships_are_listed() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let reply = list(&server, &ann.token, &[]).await;
    assert_eq!(ids(&reply, "organization_id"), sorted([&acme.id, &bolt.id]));
}

#[tokio::test]
async fn what_is_being_deleted_is_listed_only_when_asked_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let id: OrganizationId = acme.id.parse().unwrap();
    let changed = server.ctx().write("test", id, |w, id| {
        Box::pin(async move {
            let mut row = organizations::by_id(w.tx, *id).await?.expect("an organization");
            row.status = OrganizationStatus::Deleting;
            Ok(organizations::update(w.tx, &row).await?)
        })
    });
    changed.await.expect("a change");
    let reply = list(&server, &ann.token, &[("user_id", &ann.id)]).await;
    assert_eq!(ids(&reply, "organization_id"), [bolt.id]);
    let asked = [("user_id", ann.id.as_str()), ("organization_statuses", "DELETING")];
    assert_eq!(ids(&list(&server, &ann.token, &asked).await, "organization_id"), [acme.id]);
}

#[tokio::test]
async fn one_without_memberships_gets_an_empty_list() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = list(&server, &ann.token, &[("user_id", &ann.id)]).await;
    assert_eq!(reply, json!({"members": [], "limit": 20, "offset": 0, "count": 0}));
}

#[tokio::test]
async fn a_foreign_organization_is_forbidden_and_a_missing_one_is_not_found() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, bob.organization("bolt").await);
    let (_, credential) = bob.credential(&bolt, "ORGANIZATION").await;
    for token in [&bob.token, &bolt.token, &credential] {
        let call =
            |id: &str| server.call("GET", "/v1/organization_members").token(token).query(&[("organization_id", id)]);
        call(&acme.id).send().await.error(403, "authorization_error");
        call(NOBODY).send().await.error(404, "not_found");
    }
}

#[tokio::test]
async fn memberships_of_somebody_else_are_not_told() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, bob.organization("bolt").await);
    let call = bob.call("GET", "/v1/organization_members").query(&[("user_id", &ann.id)]);
    call.send().await.error(403, "authorization_error");
    let reply = list(&server, &bolt.token, &[("user_id", &ann.id)]).await;
    assert_eq!(reply["count"], 0, "she is not in his organization");
    ann.invite(&acme, &bob).await;
    let reply = list(&server, &bob.switch(&acme.id).await, &[("user_id", &ann.id)]).await;
    assert_eq!(ids(&reply, "organization_id"), [acme.id]);
}

#[tokio::test]
async fn statuses_of_organizations_select() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    deactivate(&server, &acme).await;
    let of = async |status: &str| {
        let query = [("user_id", ann.id.as_str()), ("organization_statuses", status)];
        ids(&list(&server, &ann.token, &query).await, "organization_id")
    };
    assert_eq!(of("ACTIVE").await, [bolt.id.clone()]);
    assert_eq!(of("DEACTIVATED").await, [acme.id.clone()]);
    let both = [("organization_statuses", "ACTIVE"), ("organization_statuses", "DEACTIVATED")];
    assert_eq!(list(&server, &ann.token, &both).await["count"], 2);
    let query = [("organization_id", acme.id.as_str()), ("organization_statuses", "ACTIVE")];
    assert_eq!(list(&server, &ann.token, &query).await["count"], 0);
}

#[tokio::test]
async fn members_of_deactivated_and_locked_organizations_are_read() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    deactivate(&server, &acme).await;
    lock(&server, &bolt.id).await;
    for organization in [acme, bolt] {
        assert_eq!(list(&server, &organization.token, &[]).await["count"], 1);
    }
}

#[tokio::test]
async fn memberships_of_deleted_organizations_are_left_out() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &format!("/v1/organizations/{}", acme.id)).send().await.ok();
    server.organization_gone(&acme.id).await;
    assert_eq!(list(&server, &ann.token, &[("user_id", &ann.id)]).await["count"], 0);
}

#[tokio::test]
async fn a_page_tells_how_many_there_are() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for name in ["a1", "a2", "a3"] {
        ann.call("POST", "/v1/organizations").json(&json!({"name": name})).send().await.ok();
    }
    let mut seen = Vec::new();
    for offset in ["0", "1", "2"] {
        let page = list(&server, &ann.token, &[("limit", "1"), ("offset", offset)]).await;
        assert_eq!((&page["count"], &page["limit"]), (&json!(3), &json!(1)));
        seen.push(page["members"][0]["organization"]["name"].clone());
    }
    assert_eq!(seen, ["a3", "a2", "a1"], "the newest is first");
    let page = list(&server, &ann.token, &[("offset", "3")]).await;
    assert_eq!((&page["count"], &page["members"]), (&json!(3), &json!([])));
}

#[tokio::test]
async fn bad_parameters_are_refused_with_their_name() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for (field, value) in [
        ("organization_id", "acme"),
        ("user_id", "ann"),
        ("organization_statuses", "SLEEPING"),
        ("limit", "-1"),
        ("offset", "x"),
    ] {
        let reply = ann.call("GET", "/v1/organization_members").query(&[(field, value)]).send().await;
        reply.field(field);
    }
    ann.call("GET", "/v1/organization_members").query(&[("unknown", "x")]).send().await.ok();
}

#[tokio::test]
async fn listing_needs_a_token() {
    let server = TestServer::start().await;
    server.call("GET", "/v1/organization_members").send().await.error(401, "authentication_error");
}
