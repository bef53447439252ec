//! The operator's interface: looking at organizations, locking them, and who may.

use polity_api::operation::Who;
use polity_api::table::ALL;
use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{
    NOBODY, acme, activities, deactivate, delete, globex, list, lock, operator_path, pluck, read, text, to,
};

async fn search(server: &TestServer, query: &[(&str, &str)]) -> Value {
    server.operator("GET", "/operator/v1/organizations").query(query).send().await.ok()
}

#[tokio::test]
async fn every_operation_of_the_operator_refuses_everybody_else() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, of_user) = ann.credential(&acme, "USER").await;
    let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    let source = server.metering_key("source").await.token;
    let rows: Vec<_> = ALL.iter().filter(|meta| meta.who == Who::Operator).collect();
    assert!(rows.len() >= 11);
    for meta in rows {
        let path = meta.path.replace("{id}", &acme.id).replace("{event_id}", &acme.id);
        let body = json!({
            "reason": "x", "plan": "pro", "code": "X", "percent_off": 10, "url": "https://example.com/", "name": "x",
            "anchor_day": 1,
        });
        let anonymous = server.call(meta.method, &path).json(&body).send().await;
        anonymous.error(401, "authentication_error");
        for token in [&acme.token, &ann.token, &of_user, &of_organization, &access, &source] {
            let reply = server.call(meta.method, &path).token(token).json(&body).send().await;
            assert_eq!(reply.status, 403, "{}: {}", meta.id, reply.text);
            reply.error(403, "authorization_error");
        }
    }
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn a_key_that_is_nearly_right_is_refused() {
    let server = TestServer::start().await;
    let key = server.operator_key().to_owned();
    let shorter = &key[..key.len() - 1];
    for token in [format!("{key}x"), shorter.to_owned(), key.to_uppercase() + "x"] {
        let reply = server.call("GET", "/operator/v1/organizations").token(&token).send().await;
        reply.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn the_operator_key_is_no_token_of_the_api() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for path in ["/v1/account/profile".to_owned(), "/v1/apps".to_owned(), format!("/v1/organizations/{}", acme.id)] {
        server.operator("GET", &path).send().await.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn the_list_has_every_organization_newest_first() {
    let server = TestServer::start().await;
    acme(&server).await;
    server.advance(1_000_000);
    globex(&server).await;
    let reply = search(&server, &[]).await;
    assert_eq!(pluck(&reply["organizations"], "name"), ["globex", "acme"]);
    assert_eq!((&reply["limit"], &reply["offset"], &reply["has_next"]), (&json!(20), &json!(0), &json!(false)));
}

#[tokio::test]
async fn the_list_is_searched_by_name_and_by_the_beginning_of_the_id() {
    let server = TestServer::start().await;
    let (acme, _globex) = (acme(&server).await, globex(&server).await);
    for text in ["cm", "ACME", &acme.id, &acme.id[..8], &acme.id[..7]] {
        let reply = search(&server, &[("search", text)]).await;
        assert_eq!(pluck(&reply["organizations"], "name"), ["acme"], "{text}");
    }
    for text in ["%", "_", "nobody"] {
        assert!(list(&search(&server, &[("search", text)]).await["organizations"]).is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_search_longer_than_any_name_is_refused() {
    let server = TestServer::start().await;
    search(&server, &[("search", &"x".repeat(256))]).await;
    let long = "x".repeat(50_000);
    server.operator("GET", "/operator/v1/organizations").query(&[("search", &long)]).send().await.field("search");
}

#[tokio::test]
async fn the_list_is_filtered_by_status() {
    let server = TestServer::start().await;
    let (acme, _globex) = (acme(&server).await, globex(&server).await);
    lock(&server, &acme).await;
    let names = async |query: &[(&str, &str)]| pluck(&search(&server, query).await["organizations"], "name");
    assert_eq!(names(&[("statuses", "LOCKED")]).await, ["acme"]);
    assert_eq!(names(&[("statuses", "ACTIVE")]).await, ["globex"]);
    assert_eq!(names(&[("statuses", "ACTIVE"), ("statuses", "LOCKED")]).await.len(), 2);
    let reply = server.operator("GET", "/operator/v1/organizations").query(&[("statuses", "ASLEEP")]).send().await;
    reply.field("statuses");
}

#[tokio::test]
async fn the_list_pages() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for n in 0..3 {
        ann.organization(&format!("acme-{n}")).await;
        server.advance(1_000_000);
    }
    let reply = search(&server, &[("limit", "2"), ("offset", "1")]).await;
    assert_eq!(pluck(&reply["organizations"], "name"), ["acme-1", "acme-0"]);
    assert_eq!(reply["has_next"], false);
}

#[tokio::test]
async fn the_operator_sees_more_than_members_do() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = server.operator("GET", &operator_path(&acme, "")).send().await.ok();
    assert_eq!(reply["organization"], read(&server, &acme).await);
    let operator = &reply["operator"];
    assert_eq!((&operator["lock_reason"], &operator["members"]), (&json!(""), &json!(1)));
    assert_eq!(operator["quota_overrides"], json!({}));
    assert!(text(&operator["created_at"]).ends_with('Z') && text(&operator["updated_at"]).ends_with('Z'));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    delete(&server, &acme).await;
    for id in [NOBODY, &acme.id] {
        for (method, rest) in [
            ("GET", ""),
            ("POST", "/lock"),
            ("POST", "/unlock"),
            ("POST", "/verify"),
            ("POST", "/plan"),
            ("PUT", "/quotas"),
        ] {
            let path = format!("/operator/v1/organizations/{id}{rest}");
            let reply = server.operator(method, &path).json(&json!({"reason": "x", "plan": "pro"})).send().await;
            reply.error(404, "not_found");
        }
    }
    server.operator("GET", "/operator/v1/organizations/x").send().await.field("id");
}

#[tokio::test]
async fn locking_needs_a_reason_and_keeps_it() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = operator_path(&acme, "/lock");
    for body in [json!({}), json!({"reason": " "}), json!({"reason": "x".repeat(501)}), json!({"reason": 5})] {
        server.operator("POST", &path).json(&body).send().await.field("reason");
    }
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
    let reply = server.operator("POST", &path).json(&json!({"reason": "spam\nsee ticket 17"})).send().await.ok();
    assert_eq!(
        (&reply["organization"]["status"], &reply["operator"]["lock_reason"]),
        (&json!("LOCKED"), &json!("spam\nsee ticket 17"))
    );
    assert_eq!(reply["organization"]["status_message"], "LOCKED");
}

#[tokio::test]
async fn a_second_lock_changes_the_reason_and_nothing_else() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    let path = operator_path(&acme, "/lock");
    let reply = server.operator("POST", &path).json(&json!({"reason": "fraud"})).send().await.ok();
    assert_eq!(
        (&reply["organization"]["status"], &reply["operator"]["lock_reason"]),
        (&json!("LOCKED"), &json!("fraud"))
    );
}

#[tokio::test]
async fn unlocking_makes_it_active_and_forgets_the_reason() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    let reply = server.operator("POST", &operator_path(&acme, "/unlock")).send().await.ok();
    assert_eq!(
        (&reply["organization"]["status"], &reply["organization"]["status_message"]),
        (&json!("ACTIVE"), &json!("VALID"))
    );
    assert_eq!(reply["operator"]["lock_reason"], "");
}

#[tokio::test]
async fn what_is_not_locked_is_not_unlocked() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = operator_path(&acme, "/unlock");
    server.operator("POST", &path).send().await.error(400, "failed_precondition");
    deactivate(&server, &acme).await;
    server.operator("POST", &path).send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn a_lock_while_it_is_being_deactivated_outlasts_the_deactivation() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "POST", "/deactivate").json(&json!({"skip_confirmation": true})).send().await.ok();
    lock(&server, &acme).await;
    let organization = server.organization_in(&acme.id, "DEACTIVATED").await;
    assert_eq!(organization["deactivation_reason"], "LOCKED_BY_ADMIN");
    to(&server, &acme, "POST", "/reactivate").send().await.error(403, "authorization_error");
}

#[tokio::test]
async fn verifying_marks_it() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = server.operator("POST", &operator_path(&acme, "/verify")).send().await.ok();
    assert_eq!(reply["organization"]["verified"], true);
}

#[tokio::test]
async fn locking_is_an_activity_of_a_system_user() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    server.operator("POST", &operator_path(&acme, "/unlock")).send().await.ok();
    let activities = activities(&server, &acme).await;
    for (activity, event) in activities.iter().zip(["unlocked", "locked"]) {
        assert_eq!(
            (&activity["metadata"]["event"], &activity["actor"]["type"]),
            (&json!(event), &json!("system_user"))
        );
    }
    assert!(!json!(activities).to_string().contains("abuse"), "the reason is the operator's");
}

#[tokio::test]
async fn the_operator_lists_activities_of_all_and_of_one() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let ask = async |query: &[(&str, &str)]| {
        let reply = server.operator("GET", "/operator/v1/activities").query(query).send().await.ok();
        list(&reply["activities"]).iter().map(|a| text(&a["object"]["id"])).collect::<Vec<_>>()
    };
    assert_eq!(ask(&[("types", "organization")]).await, [globex.id.as_str(), acme.id.as_str()]);
    assert_eq!(ask(&[("organization_id", &acme.id)]).await, [acme.id.as_str()]);
    assert!(ask(&[("organization_id", NOBODY)]).await.is_empty());
    let reply = server.operator("GET", "/operator/v1/activities").query(&[("organization_id", "x")]).send().await;
    reply.field("organization_id");
}

#[tokio::test]
async fn the_key_is_in_a_file_that_only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = TestServer::start().await;
    let path = server.data_dir().join("operator.key");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), server.operator_key());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
