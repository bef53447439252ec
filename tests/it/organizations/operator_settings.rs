//! The operator's interface: plans, quotas and coupons.

use polity_tests::{Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, coupon, events, list, operator_path, pluck, read, text, to, within};

async fn define(server: &TestServer, body: &Value) -> Reply {
    server.operator("POST", "/operator/v1/coupons").json(body).send().await
}

#[tokio::test]
async fn any_plan_can_be_given() {
    let server = TestServer::start_with(|config| config.require_payment_method = true).await;
    let acme = acme(&server).await;
    for plan in ["enterprise", "internal", "no_plan", "partner_csp", "pro", "hobby"] {
        let path = operator_path(&acme, "/plan");
        let reply = server.operator("POST", &path).json(&json!({"plan": plan})).send().await.ok();
        assert_eq!(reply["organization"]["plan"], plan);
    }
    assert_eq!(events(&server, &acme).await[0], "plan_updated");
}

#[tokio::test]
async fn a_plan_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [json!({}), json!({"plan": "gold"})] {
        server.operator("POST", &operator_path(&acme, "/plan")).json(&body).send().await.field("plan");
    }
}

#[tokio::test]
async fn overridden_quotas_hold_for_members_to_see() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = to(&server, &acme, "GET", "/quotas").send().await.ok()["quotas"].clone();
    let overrides = json!({"apps": "7", "custom_domains": 9, "regions": ["fra"], "instance_types": ["free"]});
    let reply = server.operator("PUT", &operator_path(&acme, "/quotas")).json(&overrides).send().await.ok();
    let mut expected = before;
    for (name, value) in [
        ("apps", json!("7")),
        ("custom_domains", json!("9")),
        ("domains", json!("9")),
        ("regions", json!(["fra"])),
        ("instance_types", json!(["free"])),
    ] {
        expected[name] = value;
    }
    assert_eq!(reply["quotas"], expected);
    assert_eq!(to(&server, &acme, "GET", "/quotas").send().await.ok()["quotas"], expected);
    let reply = server.operator("GET", &operator_path(&acme, "")).send().await.ok();
    assert_eq!(reply["operator"]["quota_overrides"]["apps"], "7");
}

#[tokio::test]
async fn new_overrides_replace_the_old_ones() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = to(&server, &acme, "GET", "/quotas").send().await.ok();
    let path = operator_path(&acme, "/quotas");
    server.operator("PUT", &path).json(&json!({"apps": "7"})).send().await.ok();
    let reply = server.operator("PUT", &path).json(&json!({"max_projects": "3"})).send().await.ok();
    assert_eq!((&reply["quotas"]["apps"], &reply["quotas"]["max_projects"]), (&before["quotas"]["apps"], &json!("3")));
    assert_eq!(server.operator("PUT", &path).json(&json!({})).send().await.ok(), before);
}

#[tokio::test]
async fn overrides_outlast_a_change_of_plan() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    server.operator("PUT", &operator_path(&acme, "/quotas")).json(&json!({"max_projects": "3"})).send().await.ok();
    to(&server, &acme, "POST", "/plan").json(&json!({"plan": "scale"})).send().await.ok();
    assert_eq!(to(&server, &acme, "GET", "/quotas").send().await.ok()["quotas"]["max_projects"], "3");
}

#[tokio::test]
async fn a_quota_that_does_not_fit_is_refused_and_nothing_is_written() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = to(&server, &acme, "GET", "/quotas").send().await.ok();
    for (field, value) in
        [("apps", json!("-1")), ("max_projects", json!("many")), ("regions", json!("fra")), ("memory_mb", json!(1.5))]
    {
        let mut body = json!({"services": "1"});
        body[field] = value;
        server.operator("PUT", &operator_path(&acme, "/quotas")).json(&body).send().await.field(field);
    }
    assert_eq!(to(&server, &acme, "GET", "/quotas").send().await.ok(), before);
}

#[tokio::test]
async fn the_quota_of_members_stops_invitations() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let quotas = operator_path(&acme, "/quotas");
    server.operator("PUT", &quotas).json(&json!({"max_organization_members": "1"})).send().await.ok();
    let body = json!({"email": "bob@example.com"});
    let reply = within(&server, &acme, "POST", "/v1/organization_invitations").json(&body).send().await;
    assert!(reply.error(403, "authorization_error").contains('1'), "{}", reply.text);
}

#[tokio::test]
async fn a_new_coupon_has_every_field() {
    let server = TestServer::start().await;
    let body = json!({
        "code": "TENTH", "name": "A tenth", "percent_off": 10, "max_redemptions": 5, "expires_at": "2099-01-01T00:00:00Z",
    });
    let coupon = define(&server, &body).await.ok()["coupon"].clone();
    let expected = json!({
        "id": coupon["id"], "code": "TENTH", "name": "A tenth", "percent_off": coupon["percent_off"], "amount_off": "0",
        "currency": "USD", "max_redemptions": 5, "redemptions": 0, "expires_at": "2099-01-01T00:00:00Z",
        "created_at": coupon["created_at"],
    });
    assert_eq!(coupon, expected);
    assert_eq!(coupon["percent_off"].as_f64(), Some(10.0));
}

#[tokio::test]
async fn a_coupon_that_does_not_fit_is_refused() {
    let server = TestServer::start().await;
    coupon(&server, "TAKEN").await;
    for (field, body) in [
        ("code", json!({"percent_off": 10})),
        ("code", json!({"code": "a b", "percent_off": 10})),
        ("code", json!({"code": "x".repeat(65), "percent_off": 10})),
        ("code", json!({"code": "taken", "percent_off": 10})),
        ("percent_off", json!({"code": "A"})),
        ("percent_off", json!({"code": "A", "percent_off": 101})),
        ("percent_off", json!({"code": "A", "percent_off": -1})),
        ("percent_off", json!({"code": "A", "percent_off": 10, "amount_off": "5"})),
        ("percent_off", json!({"code": "A", "percent_off": "ten"})),
        ("amount_off", json!({"code": "A", "amount_off": "-5"})),
        ("currency", json!({"code": "A", "percent_off": 10, "currency": "EUR"})),
        ("max_redemptions", json!({"code": "A", "percent_off": 10, "max_redemptions": -1})),
        ("expires_at", json!({"code": "A", "percent_off": 10, "expires_at": "soon"})),
    ] {
        let reply = define(&server, &body).await;
        reply.field(field);
        reply.error(400, "invalid_argument");
    }
    let reply = server.operator("GET", "/operator/v1/coupons").send().await.ok();
    assert_eq!(list(&reply["coupons"]).len(), 1);
}

#[tokio::test]
async fn coupons_are_listed_newest_first_by_pages() {
    let server = TestServer::start().await;
    for code in ["ONE", "TWO", "THREE"] {
        coupon(&server, code).await;
        server.advance(1_000_000);
    }
    let reply = server.operator("GET", "/operator/v1/coupons").query(&[("limit", "2")]).send().await.ok();
    assert_eq!(pluck(&reply["coupons"], "code"), ["THREE", "TWO"]);
    assert_eq!(reply["has_next"], true);
}

#[tokio::test]
async fn a_coupon_is_withdrawn_once_and_its_code_is_free() {
    let server = TestServer::start().await;
    let id = coupon(&server, "TENTH").await;
    let path = format!("/operator/v1/coupons/{id}");
    assert_eq!(server.operator("DELETE", &path).send().await.ok(), json!({}));
    server.operator("DELETE", &path).send().await.error(404, "not_found");
    server.operator("DELETE", &format!("/operator/v1/coupons/{NOBODY}")).send().await.error(404, "not_found");
    server.operator("DELETE", "/operator/v1/coupons/x").send().await.field("id");
    coupon(&server, "TENTH").await;
}

#[tokio::test]
async fn what_the_operator_does_to_coupons_is_in_the_operators_activities_only() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let id = coupon(&server, "TENTH").await;
    let reply = server.operator("GET", "/operator/v1/activities").query(&[("types", "coupon")]).send().await.ok();
    assert_eq!(text(&reply["activities"][0]["object"]["id"]), id);
    assert!(events(&server, &acme).await.is_empty());
    assert_eq!(read(&server, &acme).await["plan"], "hobby");
}
