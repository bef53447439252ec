//! `POST /v1/organizations`.

use polity_api::types::organization::Plan;
use polity_tests::{Person, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, activities, delete, globex, keys, read, text};

async fn create(person: &Person<'_>, body: &Value) -> Reply {
    person.call("POST", "/v1/organizations").json(body).send().await
}

#[tokio::test]
async fn a_new_organization_is_active_and_has_every_field_of_the_contract() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let organization = create(&ann, &json!({"name": "acme"})).await.ok()["organization"].clone();
    let id = text(&organization["id"]);
    let expected = json!({
        "id": id, "external_id": organization["external_id"], "provisioning": false,
        "address1": "", "address2": "", "city": "", "postal_code": "", "state": "", "country": "",
        "company": false, "vat_number": "", "billing_name": "", "billing_email": "",
        "name": "acme", "plan": "hobby", "plan_updated_at": null, "has_payment_method": false,
        "subscription_id": "", "current_subscription_id": "", "latest_subscription_id": "",
        "signup_qualification": {}, "status": "ACTIVE", "status_message": "VALID",
        "deactivation_reason": "INVALID", "verified": true, "qualifies_for_hobby23": false,
        "reprocess_after": null, "trialing": false, "trial_starts_at": null, "trial_ends_at": null,
        "email_domain_allowlist": [], "default_project_id": organization["default_project_id"],
    });
    assert_eq!(organization, expected);
}

#[tokio::test]
async fn the_reply_holds_the_organization_and_nothing_else() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    assert_eq!(keys(&create(&ann, &json!({"name": "acme"})).await.ok()), ["organization"]);
}

#[tokio::test]
async fn the_id_is_a_lowercase_uuid_of_version_4() {
    let server = TestServer::start().await;
    let id = acme(&server).await.id;
    let groups: Vec<&str> = id.split('-').collect();
    assert_eq!(groups.iter().map(|g| g.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']), "{id}");
}

#[tokio::test]
async fn external_ids_are_there_and_differ() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (one, two) = (ann.organization("one").await, ann.organization("two").await);
    let (one, two) =
        (read(&server, &one).await["external_id"].clone(), read(&server, &two).await["external_id"].clone());
    assert!(text(&one).starts_with("org_") && text(&one).len() > 4);
    assert_ne!(one, two);
}

#[tokio::test]
async fn the_default_project_can_be_read_from_the_first_reply_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = create(&ann, &json!({"name": "acme"})).await.ok();
    let organization = &reply["organization"];
    let project = text(&organization["default_project_id"]);
    let reply = ann.call("GET", &format!("/v1/projects/{project}")).send().await.ok();
    assert_eq!((&reply["project"]["id"], &reply["project"]["organization_id"]), (&json!(project), &organization["id"]));
}

#[tokio::test]
async fn the_creator_is_its_only_member_and_owner() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let query = [("organization_id", acme.id.as_str())];
    let reply = ann.call("GET", "/v1/organization_members").query(&query).send().await.ok();
    assert_eq!(reply["count"], 1);
    let member = &reply["members"][0];
    assert_eq!(
        (&member["user_id"], &member["role"], &member["status"]),
        (&json!(ann.id), &json!("OWNER"), &json!("ACTIVE"))
    );
}

#[tokio::test]
async fn creating_does_not_switch_the_token_of_the_caller() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    create(&ann, &json!({"name": "acme"})).await.ok();
    let reply = ann.call("POST", "/v1/test/auth").send().await.ok();
    assert_eq!(reply["organization_id"], "");
}

#[tokio::test]
async fn creating_is_an_activity_of_the_creator() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let activity = activities(&server, &acme).await.pop().unwrap();
    assert_eq!((&activity["verb"], &activity["object"]["type"]), (&json!("created"), &json!("organization")));
    assert_eq!((&activity["object"]["id"], &activity["actor"]["id"]), (&json!(acme.id), &json!(ann.id)));
}

#[tokio::test]
async fn a_missing_name_is_refused_however_it_is_missing() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.call("POST", "/v1/organizations").send().await.field("name");
    for body in [json!({}), json!({"name": ""}), json!({"name": null}), json!({"name": "  "})] {
        let reply = create(&ann, &body).await;
        reply.field("name");
        reply.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn a_name_that_breaks_a_rule_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let long = "a".repeat(65);
    for name in ["Acme", "a b", "a_b", "a.b", "-a", "a-", "a--b", "é", "a/b", "-", "a\u{0}b", &long] {
        let reply = create(&ann, &json!({"name": name})).await;
        reply.field("name");
        reply.error(400, "invalid_argument");
    }
    let list = ann.call("GET", "/v1/account/organizations").send().await.ok();
    assert_eq!(list["organizations"], json!([]), "nothing was written");
}

#[tokio::test]
async fn a_name_that_looks_like_an_identifier_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    create(&ann, &json!({"name": crate::support::NOBODY})).await.field("name");
}

#[tokio::test]
async fn names_of_1_to_64_letters_digits_and_dashes_are_accepted() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let long = "a".repeat(64);
    for name in ["a", "7", "a-b-c", "2024", &long] {
        assert_eq!(create(&ann, &json!({"name": name})).await.ok()["organization"]["name"], *name);
    }
}

#[tokio::test]
async fn a_taken_name_is_refused_with_words_that_scripts_look_for() {
    let server = TestServer::start().await;
    acme(&server).await;
    let bob = server.person("bob").await;
    let reply = create(&bob, &json!({"name": "acme"})).await;
    reply.field("name");
    assert!(reply.error(400, "invalid_argument").contains("already exists"), "{}", reply.text);
    let list = bob.call("GET", "/v1/account/organizations").send().await.ok();
    assert_eq!(list["organizations"], json!([]));
}

#[tokio::test]
async fn of_many_who_ask_for_one_name_at_once_one_gets_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let ask = || async { create(&ann, &json!({"name": "acme"})).await.status };
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let mut statuses = [a, b, c, d];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400]);
}

#[tokio::test]
async fn what_only_the_server_writes_is_ignored() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"name": "acme", "id": crate::support::NOBODY, "plan": "enterprise", "status": "LOCKED"});
    let organization = create(&ann, &body).await.ok()["organization"].clone();
    assert_ne!(organization["id"], crate::support::NOBODY);
    assert_eq!((&organization["plan"], &organization["status"]), (&json!("hobby"), &json!("ACTIVE")));
}

#[tokio::test]
async fn a_user_credential_may_create() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (_, token) = ann.credential(&ann.organization("acme").await, "USER").await;
    let call = server.call("POST", "/v1/organizations").token(&token).json(&json!({"name": "second"}));
    assert_eq!(call.send().await.ok()["organization"]["name"], "second");
}

#[tokio::test]
async fn tokens_of_an_organization_may_not_create_and_are_told_why() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [credential, ann.access_token(&acme).await] {
        let call = server.call("POST", "/v1/organizations").token(&token).json(&json!({"name": "second"}));
        let message = call.send().await.error(403, "authorization_error");
        assert!(message.contains("requires a user token"), "{message}");
    }
}

#[tokio::test]
async fn without_a_token_nobody_creates() {
    let server = TestServer::start().await;
    let call = server.call("POST", "/v1/organizations").json(&json!({"name": "acme"}));
    call.send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn beyond_the_limit_of_a_person_the_answer_names_the_limit() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 2).await;
    let ann = server.person("ann").await;
    ann.organization("one").await;
    ann.organization("two").await;
    let message = create(&ann, &json!({"name": "three"})).await.error(403, "authorization_error");
    assert!(message.contains('2'), "{message}");
}

#[tokio::test]
async fn a_deleted_organization_no_longer_counts_towards_the_limit() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 1).await;
    let ann = server.person("ann").await;
    delete(&server, &ann.organization("one").await).await;
    create(&ann, &json!({"name": "two"})).await.ok();
}

#[tokio::test]
async fn the_limit_of_one_person_is_not_that_of_another() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 1).await;
    acme(&server).await;
    globex(&server).await;
}

#[tokio::test]
async fn a_limit_of_0_is_none() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 0).await;
    let ann = server.person("ann").await;
    for n in 0..7 {
        ann.organization(&format!("acme-{n}")).await;
    }
}

#[tokio::test]
async fn the_first_plan_is_a_setting() {
    let server = TestServer::start_with(|config| config.default_plan = Plan::NoPlan).await;
    let acme = acme(&server).await;
    assert_eq!(read(&server, &acme).await["plan"], "no_plan");
}
