//! `POST /v1/organizations/{id}/plan`.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, activities, coupon, events, globex, operator_path, path, read, text, to, within};

async fn choose(server: &TestServer, acme: &Organization, body: &Value) -> Reply {
    to(server, acme, "POST", "/plan").json(body).send().await
}

#[tokio::test]
async fn a_plan_one_may_choose_is_in_the_reply_with_its_time() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for plan in ["starter", "startup", "pro", "scale", "business", "hobby"] {
        let organization = choose(&server, &acme, &json!({"plan": plan})).await.ok()["organization"].clone();
        assert_eq!(organization["plan"], plan);
        assert!(text(&organization["plan_updated_at"]).ends_with('Z'));
    }
}

#[tokio::test]
async fn a_plan_may_be_given_by_number() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert_eq!(choose(&server, &acme, &json!({"plan": 8})).await.ok()["organization"]["plan"], "pro");
}

#[tokio::test]
async fn a_plan_that_only_the_operator_gives_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for plan in ["enterprise", "internal", "hobby23", "no_plan", "partner_csp", "partner_csp_unit"] {
        let reply = choose(&server, &acme, &json!({"plan": plan})).await;
        reply.field("plan");
        reply.error(400, "failed_precondition");
    }
    assert_eq!(read(&server, &acme).await["plan"], "hobby");
}

#[tokio::test]
async fn a_plan_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [
        json!({}),
        json!({"plan": "gold"}),
        json!({"plan": ""}),
        json!({"plan": 99}),
        json!({"plan": {}}),
        json!({"plan": "PRO"}),
    ] {
        let reply = choose(&server, &acme, &body).await;
        reply.field("plan");
        reply.error(400, "invalid_argument");
    }
    to(&server, &acme, "POST", "/plan").send().await.field("plan");
}

#[tokio::test]
async fn the_same_plan_changes_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    choose(&server, &acme, &json!({"plan": "pro"})).await.ok();
    let (before, log) = (read(&server, &acme).await, activities(&server, &acme).await);
    assert_eq!(choose(&server, &acme, &json!({"plan": "pro"})).await.ok()["organization"], before);
    assert_eq!(activities(&server, &acme).await, log);
}

#[tokio::test]
async fn the_plan_the_operator_gave_may_be_kept() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = operator_path(&acme, "/plan");
    server.operator("POST", &path).json(&json!({"plan": "enterprise"})).send().await.ok();
    choose(&server, &acme, &json!({"plan": "enterprise"})).await.ok();
}

#[tokio::test]
async fn a_change_is_an_activity_that_dashboards_know() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    choose(&server, &acme, &json!({"plan": "pro"})).await.ok();
    let activity = activities(&server, &acme).await.remove(0);
    assert_eq!((&activity["object"]["type"], &activity["verb"]), (&json!("organization"), &json!("updated")));
    assert_eq!(activity["metadata"]["event"], "plan_updated");
}

#[tokio::test]
async fn quotas_follow_the_plan() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    choose(&server, &acme, &json!({"plan": "scale"})).await.ok();
    let reply = to(&server, &acme, "GET", "/quotas").send().await.ok();
    assert_eq!(reply["quotas"]["max_organization_members"], "50");
}

#[tokio::test]
async fn a_plan_that_is_outgrown_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    choose(&server, &acme, &json!({"plan": "pro"})).await.ok();
    let many: Vec<_> = (0..20).map(|n| json!({"name": format!("project {n}")})).collect();
    for body in &many {
        within(&server, &acme, "POST", "/v1/projects").json(body).send().await.ok();
    }
    let reply = choose(&server, &acme, &json!({"plan": "hobby"})).await;
    reply.field("plan");
    reply.error(400, "failed_precondition");
    assert_eq!(read(&server, &acme).await["plan"], "pro");
}

#[tokio::test]
async fn where_a_payment_method_is_required_a_paid_plan_needs_one() {
    let server = TestServer::start_with(|config| config.require_payment_method = true).await;
    let acme = acme(&server).await;
    let reply = choose(&server, &acme, &json!({"plan": "pro"})).await;
    reply.field("plan");
    reply.error(400, "failed_precondition");
    assert_eq!(read(&server, &acme).await["plan"], "hobby");
}

#[tokio::test]
async fn where_a_payment_method_is_required_the_free_plan_needs_none() {
    let server = TestServer::start_with(|config| config.require_payment_method = true).await;
    let acme = acme(&server).await;
    let path = operator_path(&acme, "/plan");
    server.operator("POST", &path).json(&json!({"plan": "pro"})).send().await.ok();
    choose(&server, &acme, &json!({"plan": "hobby"})).await.ok();
}

#[tokio::test]
async fn a_coupon_is_redeemed_with_the_plan() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    choose(&server, &acme, &json!({"plan": "pro", "coupon_code": "TENTH"})).await.ok();
    assert_eq!(events(&server, &acme).await, ["plan_updated", "coupon_redeemed"]);
    let reply = within(&server, &acme, "POST", "/v1/coupons").json(&json!({"code": "TENTH"})).send().await;
    reply.field("code");
}

#[tokio::test]
async fn a_coupon_is_redeemed_even_when_the_plan_stays() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    choose(&server, &acme, &json!({"plan": "hobby", "coupon_code": "TENTH"})).await.ok();
    assert_eq!(events(&server, &acme).await, ["coupon_redeemed"]);
}

#[tokio::test]
async fn a_coupon_that_does_not_work_is_refused_and_the_plan_stays() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for code in ["NOPE", "' or 1=1 --"] {
        let reply = choose(&server, &acme, &json!({"plan": "pro", "coupon_code": code})).await;
        reply.field("coupon_code");
        reply.error(400, "invalid_argument");
    }
    assert_eq!(read(&server, &acme).await["plan"], "hobby");
}

#[tokio::test]
async fn a_refused_plan_leaves_the_coupon_unredeemed() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    choose(&server, &acme, &json!({"plan": "enterprise", "coupon_code": "TENTH"})).await.field("plan");
    within(&server, &acme, "POST", "/v1/coupons").json(&json!({"code": "TENTH"})).send().await.ok();
}

#[tokio::test]
async fn an_empty_coupon_code_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    choose(&server, &acme, &json!({"plan": "pro", "coupon_code": ""})).await.ok();
}

#[tokio::test]
async fn strangers_do_not_choose() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"plan": "pro"});
    within(&server, &globex, "POST", &path(&acme, "/plan")).json(&body).send().await.error(403, "authorization_error");
    let unknown = format!("/v1/organizations/{NOBODY}/plan");
    within(&server, &globex, "POST", &unknown).json(&body).send().await.error(404, "not_found");
    server.call("POST", &path(&acme, "/plan")).json(&body).send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["plan"], "hobby");
}
