//! Projects.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, globex, keys, operator_path, pluck, text, to, within};

async fn create(server: &TestServer, acme: &Organization, body: &Value) -> Reply {
    within(server, acme, "POST", "/v1/projects").json(body).send().await
}

async fn named(server: &TestServer, acme: &Organization, name: &str) -> String {
    text(&create(server, acme, &json!({"name": name})).await.ok()["project"]["id"])
}

async fn names(server: &TestServer, acme: &Organization, query: &[(&str, &str)]) -> Vec<String> {
    pluck(&within(server, acme, "GET", "/v1/projects").query(query).send().await.ok()["projects"], "name")
}

#[tokio::test]
async fn a_new_project_has_every_field() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"name": " Web Shop ", "description": "sells things"});
    let project = create(&server, &acme, &body).await.ok()["project"].clone();
    let expected = json!({
        "id": project["id"], "name": "Web Shop", "description": "sells things", "organization_id": acme.id,
        "updated_at": project["updated_at"], "created_at": project["updated_at"], "service_count": "0",
    });
    assert_eq!(project, expected);
    let path = format!("/v1/projects/{}", text(&project["id"]));
    assert_eq!(within(&server, &acme, "GET", &path).send().await.ok()["project"], project);
}

#[tokio::test]
async fn a_name_is_required_and_of_64_characters_at_most() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let long = "x".repeat(65);
    for body in [json!({}), json!({"name": " "}), json!({"name": long}), json!({"name": 5}), json!({"name": "a\u{1}"})]
    {
        create(&server, &acme, &body).await.field("name");
    }
    create(&server, &acme, &json!({"name": "x", "description": "x".repeat(1025)})).await.field("description");
    assert_eq!(names(&server, &acme, &[]).await, ["default"]);
}

#[tokio::test]
async fn a_name_is_taken_whatever_its_case() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    named(&server, &acme, "Shop").await;
    for name in ["shop", "DEFAULT"] {
        let reply = create(&server, &acme, &json!({"name": name})).await;
        reply.field("name");
        assert!(reply.text.contains("already exists"), "{}", reply.text);
    }
}

#[tokio::test]
async fn two_organizations_may_have_projects_of_one_name() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    named(&server, &acme, "shop").await;
    named(&server, &other, "shop").await;
    assert_eq!(names(&server, &acme, &[]).await, ["default", "shop"]);
}

#[tokio::test]
async fn the_list_is_by_name_and_has_neither_count_nor_has_next() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for name in ["zoo", "Bar", "alpha"] {
        named(&server, &acme, name).await;
    }
    let reply = within(&server, &acme, "GET", "/v1/projects").send().await.ok();
    assert_eq!(keys(&reply), ["limit", "offset", "projects"]);
    assert_eq!((&reply["limit"], &reply["offset"]), (&json!(20), &json!(0)));
    assert_eq!(pluck(&reply["projects"], "name"), ["alpha", "Bar", "default", "zoo"]);
}

#[tokio::test]
async fn the_list_pages() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for name in ["a", "b", "c"] {
        named(&server, &acme, name).await;
    }
    assert_eq!(names(&server, &acme, &[("limit", "2")]).await, ["a", "b"]);
    assert_eq!(names(&server, &acme, &[("limit", "2"), ("offset", "2")]).await, ["c", "default"]);
    assert!(names(&server, &acme, &[("offset", "4")]).await.is_empty());
}

#[tokio::test]
async fn the_list_is_searched_by_a_part_of_the_name_taken_literally() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for name in ["Web Shop", "100%", "a_b"] {
        named(&server, &acme, name).await;
    }
    assert_eq!(names(&server, &acme, &[("name", "sho")]).await, ["Web Shop"]);
    assert_eq!(names(&server, &acme, &[("name", "%")]).await, ["100%"]);
    assert_eq!(names(&server, &acme, &[("name", "_")]).await, ["a_b"]);
}

#[tokio::test]
async fn name_and_description_change_and_nothing_else() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/projects/{}", named(&server, &acme, "shop").await);
    for method in ["PUT", "PATCH"] {
        let body = json!({"description": method, "id": NOBODY, "organization_id": NOBODY, "service_count": "7"});
        let project = within(&server, &acme, method, &path).json(&body).send().await.ok()["project"].clone();
        assert_eq!((&project["name"], &project["description"]), (&json!("shop"), &json!(method)));
        assert_eq!((&project["organization_id"], &project["service_count"]), (&json!(acme.id), &json!("0")));
    }
}

#[tokio::test]
async fn a_mask_chooses_what_changes() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/projects/{}", named(&server, &acme, "shop").await);
    let patch = |mask: &'static str, body: Value| {
        within(&server, &acme, "PATCH", &path).query(&[("update_mask", mask)]).json(&body)
    };
    let body = json!({"name": "renamed", "description": "x"});
    let project = patch("description", body).send().await.ok()["project"].clone();
    assert_eq!((&project["name"], &project["description"]), (&json!("shop"), &json!("x")));
    assert_eq!(patch("description", json!({})).send().await.ok()["project"]["description"], "");
    patch("name", json!({})).send().await.field("name");
    patch("colour", json!({})).send().await.field("update_mask");
}

#[tokio::test]
async fn renaming_to_a_taken_name_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/projects/{}", named(&server, &acme, "shop").await);
    within(&server, &acme, "PATCH", &path).json(&json!({"name": "Default"})).send().await.field("name");
    within(&server, &acme, "PATCH", &path).json(&json!({"name": "SHOP"})).send().await.ok();
}

#[tokio::test]
async fn a_project_is_deleted_once() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/projects/{}", named(&server, &acme, "shop").await);
    assert_eq!(within(&server, &acme, "DELETE", &path).send().await.ok(), json!({}));
    for method in ["DELETE", "GET", "PATCH"] {
        within(&server, &acme, method, &path).send().await.error(404, "not_found");
    }
    named(&server, &acme, "shop").await;
}

#[tokio::test]
async fn the_default_project_stays_until_another_is_the_default() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/projects/{}", acme.default_project_id);
    within(&server, &acme, "DELETE", &path).send().await.error(400, "failed_precondition");
    let other = named(&server, &acme, "shop").await;
    let body = json!({"default_project_id": other});
    to(&server, &acme, "PUT", "/default_project").json(&body).send().await.ok();
    within(&server, &acme, "DELETE", &path).send().await.ok();
}

#[tokio::test]
async fn a_name_to_look_for_that_is_longer_than_any_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let look = |length| within(&server, &acme, "GET", "/v1/projects").query(&[("name", &"x".repeat(length))]).send();
    look(256).await.ok();
    look(50_000).await.field("name");
}

#[tokio::test]
async fn the_quota_of_projects_holds() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let quotas = operator_path(&acme, "/quotas");
    server.operator("PUT", &quotas).json(&json!({"max_projects": "2"})).send().await.ok();
    named(&server, &acme, "shop").await;
    let message = create(&server, &acme, &json!({"name": "third"})).await.error(400, "failed_precondition");
    assert!(message.contains('2'), "{message}");
}

#[tokio::test]
async fn a_foreign_project_is_reported_like_none() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    for id in [acme.default_project_id.as_str(), NOBODY] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let reply = within(&server, &globex, method, &format!("/v1/projects/{id}")).send().await;
            assert_eq!(reply.error(404, "not_found"), "project not found", "{method}");
        }
    }
    within(&server, &globex, "GET", "/v1/projects/x").send().await.field("id");
}

#[tokio::test]
async fn without_an_organization_there_are_no_projects() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.call("GET", "/v1/projects").send().await.error(404, "not_found");
    ann.call("POST", "/v1/projects").json(&json!({"name": "x"})).send().await.error(404, "not_found");
    server.call("GET", "/v1/projects").send().await.error(401, "authentication_error");
}
