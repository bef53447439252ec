//! `PUT` and `PATCH /v1/organizations/{id}`: what may be written.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, activities, events, globex, path, read, to, within};

#[tokio::test]
async fn every_writable_field_is_written_and_read_back() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({
        "address1": "1 rue de la Paix", "address2": "2e étage", "city": "Paris", "postal_code": "75002",
        "state": "Île-de-France", "country": "FR", "company": true, "vat_number": "FR123", "billing_name": "Acme SA",
        "billing_email": "billing@acme.example", "email_domain_allowlist": ["acme.example"], "name": "acme-2",
    });
    let reply = to(&server, &acme, "PATCH", "").json(&body).send().await.ok();
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&reply["organization"][name], value, "{name}");
    }
    assert_eq!(read(&server, &acme).await, reply["organization"]);
}

#[tokio::test]
async fn what_only_the_server_writes_is_ignored_whatever_a_client_sends() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = read(&server, &acme).await;
    let body = json!({
        "billing_name": "Acme", "id": NOBODY, "external_id": "org_x", "provisioning": true, "plan": "enterprise",
        "plan_updated_at": "2020-01-01T00:00:00Z", "has_payment_method": true, "subscription_id": "x",
        "current_subscription_id": "x", "latest_subscription_id": "x", "signup_qualification": {"a": 1},
        "status": "WARNING", "status_message": "NEW", "deactivation_reason": "INVALID", "verified": false,
        "qualifies_for_hobby23": true, "reprocess_after": "never", "trialing": true, "trial_starts_at": 5,
        "trial_ends_at": [], "default_project_id": NOBODY,
    });
    let mut after = to(&server, &acme, "PATCH", "").json(&body).send().await.ok()["organization"].clone();
    assert_eq!(after["billing_name"], "Acme");
    after["billing_name"] = json!("");
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_defaults_that_client_libraries_add_change_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = read(&server, &acme).await;
    let body = json!({"name": "acme", "plan": "hobby", "status": "WARNING", "status_message": "NEW", "deactivation_reason": "INVALID"});
    for method in ["PUT", "PATCH"] {
        let after = to(&server, &acme, method, "").json(&body).send().await.ok();
        assert_eq!(after["organization"], before, "{method}");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"colour": "red", "city": "Lyon"});
    assert_eq!(to(&server, &acme, "PATCH", "").json(&body).send().await.ok()["organization"]["city"], "Lyon");
}

#[tokio::test]
async fn texts_are_trimmed_and_the_country_is_in_capitals() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"city": "  Paris ", "country": "fr", "billing_email": " Billing@Acme.Example "});
    let organization = to(&server, &acme, "PATCH", "").json(&body).send().await.ok()["organization"].clone();
    assert_eq!((&organization["city"], &organization["country"]), (&json!("Paris"), &json!("FR")));
    assert_eq!(organization["billing_email"], "billing@acme.example");
}

#[tokio::test]
async fn allowed_domains_are_lowercase_without_an_at_and_each_once() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"email_domain_allowlist": ["@Acme.Example", "acme.example", "b.example"]});
    let reply = to(&server, &acme, "PATCH", "").json(&body).send().await.ok();
    assert_eq!(reply["organization"]["email_domain_allowlist"], json!(["acme.example", "b.example"]));
}

#[tokio::test]
async fn allowed_domains_restrict_invitations() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"email_domain_allowlist": ["acme.example"]});
    to(&server, &acme, "PATCH", "").json(&body).send().await.ok();
    let invite =
        |email: &str| within(&server, &acme, "POST", "/v1/organization_invitations").json(&json!({"email": email}));
    invite("bob@other.example").send().await.field("email");
    invite("bob@acme.example").send().await.ok();
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_by_the_name_of_its_field() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = read(&server, &acme).await;
    let long = "x".repeat(257);
    for (field, value) in [
        ("billing_email", json!("not an address")),
        ("billing_email", json!("a@b@c")),
        ("country", json!("FRA")),
        ("country", json!("F1")),
        ("country", json!("é")),
        ("email_domain_allowlist", json!(["not a domain"])),
        ("email_domain_allowlist", json!([""])),
        ("address1", json!(long)),
        ("city", json!("a\u{7}b")),
        ("name", json!("Not A Name")),
        ("name", json!("")),
    ] {
        let mut body = json!({"billing_name": "written"});
        body[field] = value.clone();
        for method in ["PUT", "PATCH"] {
            let reply = to(&server, &acme, method, "").json(&body).send().await;
            reply.field(field);
            reply.error(400, "invalid_argument");
        }
    }
    assert_eq!(read(&server, &acme).await, before, "nothing was written");
}

#[tokio::test]
async fn a_wrong_type_is_refused_by_the_name_of_its_field() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (field, value) in [
        ("name", json!(5)),
        ("company", json!("yes")),
        ("city", json!({})),
        ("city", json!(["Paris"])),
        ("email_domain_allowlist", json!("acme.example")),
        ("email_domain_allowlist", json!([1])),
    ] {
        let reply = to(&server, &acme, "PATCH", "").json(&json!({field: value})).send().await;
        reply.field(field);
        reply.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_and_nothing_else_is_written() {
    let server = TestServer::start().await;
    let (acme, _globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"name": "globex", "city": "Paris"});
    let reply = to(&server, &acme, "PATCH", "").json(&body).send().await;
    reply.field("name");
    assert!(reply.text.contains("already exists"), "{}", reply.text);
    assert_eq!(read(&server, &acme).await["city"], "");
}

#[tokio::test]
async fn a_credential_and_an_access_token_of_the_organization_may_write() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for (token, city) in [(credential, "Paris"), (ann.access_token(&acme).await, "Lyon")] {
        let call = server.call("PATCH", &path(&acme, "")).token(&token).json(&json!({"city": city}));
        assert_eq!(call.send().await.ok()["organization"]["city"], city);
    }
}

#[tokio::test]
async fn a_foreign_organization_is_not_written() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    for method in ["PUT", "PATCH"] {
        let call = within(&server, &globex, method, &path(&acme, "")).json(&json!({"city": "Paris"}));
        call.send().await.error(403, "authorization_error");
    }
    assert_eq!(read(&server, &acme).await["city"], "");
}

#[tokio::test]
async fn an_unknown_organization_is_not_found_and_a_bad_id_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for method in ["PUT", "PATCH"] {
        let body = json!({"city": "Paris"});
        let unknown = within(&server, &acme, method, &format!("/v1/organizations/{NOBODY}")).json(&body);
        unknown.send().await.error(404, "not_found");
        within(&server, &acme, method, "/v1/organizations/x").json(&body).send().await.field("id");
        server.call(method, &path(&acme, "")).json(&body).send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn a_change_is_an_activity_and_no_change_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = activities(&server, &acme).await.len();
    to(&server, &acme, "PATCH", "").json(&json!({"city": ""})).send().await.ok();
    assert_eq!(activities(&server, &acme).await.len(), before);
    to(&server, &acme, "PATCH", "").json(&json!({"city": "Paris"})).send().await.ok();
    let after = activities(&server, &acme).await;
    assert_eq!(after.len(), before + 1);
    assert_eq!(after[0]["verb"], "updated");
    assert!(events(&server, &acme).await.is_empty(), "it has no event that clients would take for another");
}
