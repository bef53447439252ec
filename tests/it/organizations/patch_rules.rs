//! `PUT` and `PATCH /v1/organizations/{id}`: presence, masks, spelling.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, read, to};

/// `acme` with a city, a state and a billing name.
async fn furnished(server: &TestServer) -> Organization {
    let acme = acme(server).await;
    let body = json!({"city": "Paris", "state": "IDF", "billing_name": "Acme", "company": true, "email_domain_allowlist": ["example.com"]});
    to(server, &acme, "PATCH", "").json(&body).send().await.ok();
    acme
}

async fn change(server: &TestServer, acme: &Organization, method: &str, query: &[(&str, &str)], body: &Value) -> Value {
    to(server, acme, method, "").query(query).json(body).send().await.ok()["organization"].clone()
}

#[tokio::test]
async fn without_a_mask_only_the_fields_that_are_there_change() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    for (method, city) in [("PATCH", "Lyon"), ("PUT", "Nice")] {
        let mut expected = read(&server, &acme).await;
        expected["city"] = json!(city);
        assert_eq!(change(&server, &acme, method, &[], &json!({"city": city})).await, expected, "{method}");
    }
}

#[tokio::test]
async fn an_empty_text_clears_a_field() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    for (method, field) in [("PATCH", "city"), ("PUT", "state")] {
        assert_eq!(change(&server, &acme, method, &[], &json!({field: ""})).await[field], "", "{method}");
    }
}

#[tokio::test]
async fn an_empty_list_and_false_clear_a_field() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    let after = change(&server, &acme, "PATCH", &[], &json!({"company": false, "email_domain_allowlist": []})).await;
    assert_eq!((&after["company"], &after["email_domain_allowlist"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn null_changes_nothing() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    let before = read(&server, &acme).await;
    let body = json!({"city": null, "company": null, "email_domain_allowlist": null, "name": null});
    assert_eq!(change(&server, &acme, "PATCH", &[], &body).await, before);
}

#[tokio::test]
async fn no_body_changes_nothing() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    let before = read(&server, &acme).await;
    for method in ["PUT", "PATCH"] {
        assert_eq!(to(&server, &acme, method, "").send().await.ok()["organization"], before, "{method}");
        assert_eq!(change(&server, &acme, method, &[], &json!({})).await, before, "{method}");
    }
}

#[tokio::test]
async fn with_a_mask_only_its_fields_change() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    let body = json!({"city": "Lyon", "state": "ARA", "name": "renamed"});
    for method in ["PUT", "PATCH"] {
        let after = change(&server, &acme, method, &[("update_mask", "city")], &body).await;
        assert_eq!((&after["city"], &after["state"]), (&json!("Lyon"), &json!("IDF")), "{method}");
        assert_eq!(after["name"], "acme", "{method}");
    }
}

#[tokio::test]
async fn a_field_in_the_mask_that_is_not_in_the_body_is_cleared() {
    let server = TestServer::start().await;
    let acme = furnished(&server).await;
    let after =
        change(&server, &acme, "PATCH", &[("update_mask", "city,company,email_domain_allowlist")], &json!({})).await;
    assert_eq!((&after["city"], &after["company"]), (&json!(""), &json!(false)));
    assert_eq!((&after["email_domain_allowlist"], &after["state"]), (&json!([]), &json!("IDF")));
}

#[tokio::test]
async fn the_name_cannot_be_cleared_by_a_mask() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PATCH", "").query(&[("update_mask", "name")]).json(&json!({})).send().await.field("name");
    assert_eq!(read(&server, &acme).await["name"], "acme");
}

#[tokio::test]
async fn masks_are_read_in_both_spellings_repeated_and_with_spaces() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"billing_name": "Acme", "postal_code": "75002", "city": "Paris"});
    for query in [
        &[("update_mask", "billing_name,postal_code")][..],
        &[("update_mask", "billingName,postalCode")],
        &[("update_mask", "billing_name"), ("update_mask", "postalCode")],
        &[("updateMask", "billing_name, postal_code")],
    ] {
        let cleared = json!({"billing_name": "", "postal_code": ""});
        change(&server, &acme, "PATCH", &[], &cleared).await;
        let after = change(&server, &acme, "PATCH", query, &body).await;
        assert_eq!((&after["billing_name"], &after["postal_code"]), (&json!("Acme"), &json!("75002")), "{query:?}");
        assert_eq!(after["city"], "", "{query:?}");
    }
}

#[tokio::test]
async fn an_empty_mask_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let after = change(&server, &acme, "PATCH", &[("update_mask", "")], &json!({"city": "Paris"})).await;
    assert_eq!(after["city"], "Paris");
}

#[tokio::test]
async fn an_unknown_path_in_a_mask_is_refused_and_nothing_is_written() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for mask in ["colour", "city,colour", "signup_qualification.usage", "*"] {
        for method in ["PUT", "PATCH"] {
            let call = to(&server, &acme, method, "").query(&[("update_mask", mask)]).json(&json!({"city": "Paris"}));
            let reply = call.send().await;
            reply.field("update_mask");
            reply.error(400, "invalid_argument");
        }
    }
    assert_eq!(read(&server, &acme).await["city"], "");
}

#[tokio::test]
async fn a_path_that_only_the_server_writes_is_ignored_in_a_mask() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = read(&server, &acme).await;
    let body = json!({"plan": "pro", "status": "LOCKED", "city": "Paris"});
    let mask = "id,plan,status,status_message,verified,default_project_id,signup_qualification";
    assert_eq!(change(&server, &acme, "PATCH", &[("update_mask", mask)], &body).await, before);
}

#[tokio::test]
async fn bodies_are_read_in_both_spellings() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"billingName": "Acme", "postalCode": "75002", "emailDomainAllowlist": ["example.com"]});
    let after = change(&server, &acme, "PATCH", &[], &body).await;
    assert_eq!((&after["billing_name"], &after["postal_code"]), (&json!("Acme"), &json!("75002")));
    assert_eq!(after["email_domain_allowlist"], json!(["example.com"]));
    assert!(after.get("billingName").is_none(), "replies have the one spelling");
}
