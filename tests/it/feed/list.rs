//! `GET /v1/events` and `GET /operator/v1/events`, without waiting.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{PATIENT, ask, cursor, end, events, get, operator, project, rest, roomy, text, told};

#[tokio::test]
async fn an_event_has_every_field() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let page = get(&server, &acme, &[]).await;
    let event = events(&page).remove(0);
    let expected = json!({
        "id": event["id"], "type": "organization.created", "organization_id": acme.id,
        "created_at": event["created_at"],
        "actor": {"type": "user", "id": ann.id, "name": "ann"},
        "object": {"type": "organization", "id": acme.id, "name": "acme"},
        "metadata": {},
    });
    assert_eq!(event, expected);
    assert!(text(&event["created_at"]).ends_with('Z'));
    assert_eq!(page["has_more"], false);
}

#[tokio::test]
async fn events_come_in_order_and_each_once() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    roomy(&server, &acme).await;
    let names: Vec<String> = (0..25).map(|n| format!("p{n}")).collect();
    for name in &names {
        project(&server, &acme, name).await;
    }
    for limit in ["1", "7", "100"] {
        let page = async |after: &str| ask(&server, &acme, &[("after", after), ("limit", limit)]).send().await;
        let all = rest(String::new(), page).await;
        let projects = all.iter().filter(|event| event["type"] == "project.created");
        let found: Vec<String> = projects.map(|event| text(&event["object"]["name"])).collect();
        assert_eq!(found, names, "{limit} at a time");
    }
}

#[tokio::test]
async fn a_page_without_events_has_a_cursor_to_go_on_from() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = cursor(&get(&server, &acme, &[]).await);
    let empty = get(&server, &acme, &[("after", &after)]).await;
    assert_eq!((told(&empty).len(), empty["has_more"].clone()), (0, false.into()));
    assert_eq!(cursor(&empty), after);
    project(&server, &acme, "web").await;
    assert_eq!(told(&get(&server, &acme, &[("after", &after)]).await), ["project.created web"]);
}

#[tokio::test]
async fn latest_is_behind_everything_there_is() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let after = end(&server, &acme).await;
    let of_all = cursor(&operator(&server, &[("after", "latest")]).await);
    project(&server, &acme, "web").await;
    assert_eq!(told(&get(&server, &acme, &[("after", &after)]).await), ["project.created web"]);
    assert_eq!(told(&operator(&server, &[("after", &of_all), PATIENT]).await), ["project.created web"]);
}

#[tokio::test]
async fn types_filter_and_the_cursor_passes_over_the_others() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    project(&server, &acme, "web").await;
    let rename = json!({"name": "acme-inc"});
    let path = format!("/v1/organizations/{}/name", acme.id);
    server.call("PUT", &path).token(&acme.token).json(&rename).send().await.ok();
    let ask = async |types: &[(&str, &str)]| get(&server, &acme, types).await;
    assert_eq!(told(&ask(&[("types", "project.created")]).await), ["project.created web"]);
    assert_eq!(
        told(&ask(&[("types", "organization.*")]).await),
        ["organization.created acme", "organization.updated acme-inc"]
    );
    let both = [("types", "organization.updated"), ("types", "project.*")];
    assert_eq!(told(&ask(&both).await), ["project.created web", "organization.updated acme-inc"]);
    let none = ask(&[("types", "credential.*")]).await;
    assert!(told(&none).is_empty());
    assert_eq!(cursor(&none), end(&server, &acme).await);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field_named() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let globex = server.person("bob").await.organization("globex").await;
    let foreign = end(&server, &globex).await;
    let of_all = cursor(&operator(&server, &[PATIENT]).await);
    for (field, value) in [
        ("after", "nonsense"),
        ("after", &foreign),
        ("after", &of_all),
        ("types", "organization"),
        ("types", "%"),
        ("types", "organization.exploded"),
        ("wait", "61s"),
        ("wait", "-1s"),
        ("wait", "soon"),
    ] {
        ask(&server, &acme, &[(field, value)]).send().await.field(field);
        let stream = ask(&server, &acme, &[(field, value)]).header("accept", "text/event-stream");
        stream.send().await.field(field);
    }
    server.operator("GET", "/operator/v1/events").query(&[("after", &foreign)]).send().await.field("after");
    assert_eq!(server.call("GET", "/v1/events").token(&ann.token).send().await.status, 404, "no organization");
    assert_eq!(server.call("GET", "/v1/events").send().await.status, 401);
    assert_eq!(server.operator("GET", "/v1/events").send().await.status, 403);
    assert_eq!(server.call("GET", "/operator/v1/events").token(&acme.token).send().await.status, 403);
}

#[tokio::test]
async fn every_token_of_an_organization_reads_its_feed() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.access_token(&acme).await, ann.credential(&acme, "ORGANIZATION").await.1] {
        let page = server.call("GET", "/v1/events").token(&token).send().await.ok();
        assert_eq!(told(&page)[0], "organization.created acme");
    }
}

#[tokio::test]
async fn the_operator_reads_the_events_of_all_and_a_deleted_organization_takes_none_with_it() {
    let server = TestServer::start().await;
    let acme = server.person("ann").await.organization("acme").await;
    let page = async |after: &str| {
        server.operator("GET", "/operator/v1/events").query(&[("after", after), ("limit", "3"), PATIENT]).send().await
    };
    let before = rest(String::new(), page).await;
    let place = cursor(&operator(&server, &[("limit", "2"), PATIENT]).await);
    let path = |action: &str| format!("/v1/organizations/{}{action}", acme.id);
    let body = json!({"skip_confirmation": true});
    server.call("POST", &path("/deactivate")).token(&acme.token).json(&body).send().await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
    server.call("DELETE", &path("")).token(&acme.token).send().await.ok();
    server.organization_gone(&acme.id).await;
    let after = rest(String::new(), page).await;
    assert_eq!(after[..before.len()], before[..]);
    assert!(after.iter().any(|event| event["type"] == "organization.deleted"));
    assert_eq!(rest(place, page).await, after[2..]);
    let ids: std::collections::BTreeSet<String> = after.iter().map(|event| text(&event["id"])).collect();
    assert_eq!(ids.len(), after.len());
    assert!(after.iter().any(|event| event["organization_id"] == Value::Null));
}
