//! Quotas, the summary and capacity.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, globex, keys, path, to, within};

const TEXTS: [&str; 11] = [
    "apps",
    "archive_max_size_mb",
    "archives",
    "custom_domains",
    "domains",
    "max_organization_members",
    "max_projects",
    "memory_mb",
    "service_provisioning_concurrency",
    "services",
    "services_by_app",
];

#[tokio::test]
async fn every_quota_is_there_and_none_is_null() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = to(&server, &acme, "GET", "/quotas").send().await.ok();
    assert_eq!(keys(&reply), ["quotas"]);
    let mut expected: Vec<&str> = TEXTS.to_vec();
    expected.extend([
        "instance_types",
        "regions",
        "max_instances_by_type",
        "persistent_volumes_by_region",
        "domains_load_balancer",
        "metrics_retention",
        "logs_retention",
        "access_reserved_subdomains",
        "proxy_ports",
        "scale_to_zero",
        "lifecycle",
        "instance_snapshots",
    ]);
    expected.sort_unstable();
    assert_eq!(keys(&reply["quotas"]), expected);
    assert!(reply["quotas"].as_object().unwrap().values().all(|quota| !quota.is_null()));
}

#[tokio::test]
async fn large_numbers_are_texts_and_small_ones_numbers() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let quotas = to(&server, &acme, "GET", "/quotas").send().await.ok()["quotas"].clone();
    for name in TEXTS {
        assert!(quotas[name].as_str().is_some_and(|text| text.parse::<i64>().is_ok()), "{name}: {}", quotas[name]);
    }
    for number in [
        &quotas["metrics_retention"],
        &quotas["logs_retention"],
        &quotas["proxy_ports"],
        &quotas["domains_load_balancer"]["max_koyeb"],
        &quotas["scale_to_zero"]["deep_sleep_idle_delay_min"],
        &quotas["lifecycle"]["delete_after_sleep_max"],
    ] {
        assert!(number.is_u64(), "{number}");
    }
}

#[tokio::test]
async fn lists_are_empty_for_unrestricted_and_maps_are_there() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let quotas = to(&server, &acme, "GET", "/quotas").send().await.ok()["quotas"].clone();
    assert_eq!((&quotas["instance_types"], &quotas["regions"]), (&json!([]), &json!([])));
    assert!(quotas["max_instances_by_type"].is_object() && quotas["persistent_volumes_by_region"].is_object());
}

#[tokio::test]
async fn the_summary_has_every_group_with_its_map() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let summary = to(&server, &acme, "GET", "/summary").send().await.ok()["summary"].clone();
    let expected =
        ["apps", "domains", "instances", "members", "neon_postgres", "organization_id", "secrets", "services"];
    assert_eq!(keys(&summary), expected);
    assert_eq!(summary["organization_id"], acme.id);
    assert_eq!(summary["services"], json!({}));
    for (group, map) in [
        ("instances", "by_type"),
        ("apps", "by_status"),
        ("domains", "by_status"),
        ("secrets", "by_type"),
        ("neon_postgres", "by_instance_type"),
    ] {
        assert_eq!(summary[group], json!({"total": "0", map: {}}), "{group}");
    }
}

#[tokio::test]
async fn the_summary_counts_members_and_invitations() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    for email in ["cleo@example.com", "dora@example.com"] {
        let call = within(&server, &acme, "POST", "/v1/organization_invitations").json(&json!({"email": email}));
        call.send().await.ok();
    }
    let members = to(&server, &acme, "GET", "/summary").send().await.ok()["summary"]["members"].clone();
    assert_eq!(members["total"], "2");
    let expected = json!({"PENDING": "2", "ACCEPTED": "1", "REFUSED": "0", "EXPIRED": "0"});
    assert_eq!(members["invitations_by_status"], expected);
}

#[tokio::test]
async fn an_invitation_whose_time_is_over_counts_as_expired() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"email": "bob@example.com"});
    within(&server, &acme, "POST", "/v1/organization_invitations").json(&body).send().await.ok();
    server.advance(8 * crate::support::DAY);
    let summary = to(&server, &acme, "GET", "/summary").send().await.ok()["summary"].clone();
    let by_status = &summary["members"]["invitations_by_status"];
    assert_eq!((&by_status["PENDING"], &by_status["EXPIRED"]), (&json!("0"), &json!("1")));
}

#[tokio::test]
async fn every_kind_of_token_of_the_organization_reads_both() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [&credential, &ann.access_token(&acme).await, &ann.token] {
        for rest in ["/quotas", "/summary"] {
            server.call("GET", &path(&acme, rest)).token(token).send().await.ok();
        }
    }
}

#[tokio::test]
async fn strangers_read_neither() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    for rest in ["/quotas", "/summary"] {
        within(&server, &globex, "GET", &path(&acme, rest)).send().await.error(403, "authorization_error");
        let unknown = format!("/v1/organizations/{NOBODY}{rest}");
        within(&server, &globex, "GET", &unknown).send().await.error(404, "not_found");
        within(&server, &globex, "GET", &format!("/v1/organizations/x{rest}")).send().await.field("organization_id");
        server.call("GET", &path(&acme, rest)).send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn there_is_capacity() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [json!({"plan": "pro", "trialing": true}), json!({})] {
        let reply: Value = within(&server, &acme, "POST", "/v1/quotas/capacity").json(&body).send().await.ok();
        assert_eq!(reply, json!({"has_capacity": true}));
    }
    server.call("POST", "/v1/quotas/capacity").send().await.error(401, "authentication_error");
}
