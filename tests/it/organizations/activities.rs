//! `GET /v1/activities` and `GET /v1/account/activities`.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{acme, activities, globex, keys, list, path, pluck, text, to, within};

fn of_type(activities: &[Value], kind: &str) -> Vec<String> {
    activities.iter().filter(|a| a["object"]["type"] == kind).map(|a| text(&a["verb"])).collect()
}

#[tokio::test]
async fn an_activity_has_every_field() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = within(&server, &acme, "GET", "/v1/activities").send().await.ok();
    assert_eq!(keys(&reply), ["activities", "has_next", "limit", "next_cursor", "offset"]);
    let activity = list(&reply["activities"]).pop().unwrap();
    let expected = json!({
        "id": activity["id"],
        "actor": {"id": ann.id, "name": "ann", "type": "user", "metadata": {}, "deleted": false},
        "object": {"id": acme.id, "name": "acme", "type": "organization", "metadata": {}, "deleted": false},
        "verb": "created", "metadata": {}, "created_at": activity["created_at"],
    });
    assert_eq!(activity, expected);
    assert!(text(&activity["created_at"]).ends_with('Z'));
}

#[tokio::test]
async fn the_newest_comes_first() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for name in ["one", "two"] {
        within(&server, &acme, "POST", "/v1/projects").json(&json!({"name": name})).send().await.ok();
    }
    let names: Vec<String> = activities(&server, &acme).await.iter().map(|a| text(&a["object"]["name"])).collect();
    assert_eq!(names, ["two", "one", "acme"]);
}

#[tokio::test]
async fn types_filter_by_the_object() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    within(&server, &acme, "POST", "/v1/projects").json(&json!({"name": "one"})).send().await.ok();
    let body = json!({"name": "a credential", "type": "ORGANIZATION"});
    within(&server, &acme, "POST", "/v1/credentials").json(&body).send().await.ok();
    let ask = async |query: &[(&str, &str)]| {
        let reply = within(&server, &acme, "GET", "/v1/activities").query(query).send().await.ok();
        list(&reply["activities"]).iter().map(|a| text(&a["object"]["type"])).collect::<Vec<_>>()
    };
    assert_eq!(ask(&[("types", "credential")]).await, ["credential"]);
    assert_eq!(ask(&[("types", "credential"), ("types", "organization")]).await, ["credential", "organization"]);
    assert!(ask(&[("types", "app")]).await.is_empty());
    assert!(ask(&[("types", "%")]).await.is_empty(), "a type is no pattern");
}

#[tokio::test]
async fn has_next_tells_whether_there_is_more() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    within(&server, &acme, "POST", "/v1/projects").json(&json!({"name": "one"})).send().await.ok();
    for (limit, offset, length, has_next) in
        [("1", "0", 1, true), ("1", "1", 1, false), ("2", "0", 2, false), ("5", "2", 0, false)]
    {
        let query = [("limit", limit), ("offset", offset)];
        let reply = within(&server, &acme, "GET", "/v1/activities").query(&query).send().await.ok();
        assert_eq!((list(&reply["activities"]).len(), &reply["has_next"]), (length, &json!(has_next)), "{query:?}");
        assert_eq!((reply["limit"].to_string(), reply["offset"].to_string()), (limit.to_owned(), offset.to_owned()));
    }
}

#[tokio::test]
async fn a_credential_that_did_it_is_referred_to() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (id, token) = ann.credential(&acme, kind).await;
        let call = server.call("POST", "/v1/projects").token(&token).json(&json!({"name": kind}));
        call.send().await.ok();
        let activity = activities(&server, &acme).await.remove(0);
        assert_eq!(activity["metadata"]["auth_token_ref"], format!("credential:{id}"), "{kind}");
    }
}

#[tokio::test]
async fn a_person_with_her_credential_is_the_actor_and_the_organization_itself_is_a_system_user() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for (kind, actor) in [("USER", "user"), ("ORGANIZATION", "system_user")] {
        let (_, token) = ann.credential(&acme, kind).await;
        let call = server.call("POST", "/v1/projects").token(&token).json(&json!({"name": kind}));
        call.send().await.ok();
        assert_eq!(activities(&server, &acme).await[0]["actor"]["type"], actor, "{kind}");
    }
}

#[tokio::test]
async fn a_session_is_not_referred_to() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert!(activities(&server, &acme).await.iter().all(|a| a["metadata"].get("auth_token_ref").is_none()));
}

#[tokio::test]
async fn members_and_invitations_have_the_verbs_that_dashboards_know() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let query = [("organization_id", acme.id.as_str()), ("user_id", bob.id.as_str())];
    let members = within(&server, &acme, "GET", "/v1/organization_members").query(&query).send().await.ok();
    let member = format!("/v1/organization_members/{}", text(&members["members"][0]["id"]));
    server.call("DELETE", &member).token(&bob.switch(&acme.id).await).send().await.ok();
    let activities = activities(&server, &acme).await;
    assert_eq!(of_type(&activities, "organization_member"), ["left", "joined"]);
    assert_eq!(of_type(&activities, "organization_invitation"), ["accepted", "created"]);
    let invitation = activities.iter().find(|a| a["object"]["type"] == "organization_invitation").expect("one");
    assert_eq!(invitation["object"]["metadata"], json!({"email": bob.email}));
}

#[tokio::test]
async fn credentials_have_the_verbs_that_dashboards_know() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, _) = ann.credential(&acme, "ORGANIZATION").await;
    let path = format!("/v1/credentials/{id}");
    within(&server, &acme, "PATCH", &path).json(&json!({"name": "renamed"})).send().await.ok();
    within(&server, &acme, "DELETE", &path).send().await.ok();
    assert_eq!(of_type(&activities(&server, &acme).await, "credential"), ["deleted", "updated", "created"]);
}

#[tokio::test]
async fn what_was_deleted_since_says_so() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "POST", "/v1/projects").json(&json!({"name": "one"})).send().await.ok();
    let path = format!("/v1/projects/{}", text(&reply["project"]["id"]));
    within(&server, &acme, "DELETE", &path).send().await.ok();
    let activities = activities(&server, &acme).await;
    let created = activities.iter().find(|a| a["object"]["name"] == "one" && a["verb"] == "created").unwrap();
    assert_eq!(created["object"]["deleted"], true);
}

#[tokio::test]
async fn names_are_those_of_the_time() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PUT", "/name").json(&json!({"name": "renamed"})).send().await.ok();
    let names: Vec<String> = activities(&server, &acme).await.iter().map(|a| text(&a["object"]["name"])).collect();
    assert_eq!(names, ["renamed", "acme"]);
}

#[tokio::test]
async fn one_organizations_activities_are_not_anothers() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    within(&server, &acme, "POST", "/v1/projects").json(&json!({"name": "secret plan"})).send().await.ok();
    let reply = within(&server, &globex, "GET", "/v1/activities").send().await;
    assert!(!reply.text.contains("secret plan"), "{}", reply.text);
}

#[tokio::test]
async fn no_activity_holds_a_secret() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    let reply = within(&server, &acme, "GET", "/v1/activities").send().await;
    for secret in [&credential, &access, &acme.token] {
        assert!(!reply.text.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn without_an_organization_there_are_none() {
    let server = TestServer::start().await;
    server.person("ann").await.call("GET", "/v1/activities").send().await.error(404, "not_found");
}

#[tokio::test]
async fn the_persons_activities_are_what_she_did_anywhere() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    ann.invite(&acme, &bob).await;
    let reply = ann.call("GET", "/v1/account/activities").query(&[("limit", "100")]).send().await.ok();
    assert_eq!(keys(&reply), ["activities", "has_next", "limit", "next_cursor", "offset"]);
    let objects: Vec<String> = list(&reply["activities"]).iter().map(|a| text(&a["object"]["id"])).collect();
    assert!(objects.contains(&acme.id) && objects.contains(&other.id), "{objects:?}");
    assert!(list(&reply["activities"]).iter().all(|a| a["actor"]["id"] == ann.id));
}

#[tokio::test]
async fn logging_in_and_out_are_the_persons_activities() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"email": ann.email, "password": polity_tests::PASSWORD});
    let reply = server.call("POST", "/v1/account/login").json(&body).send().await.ok();
    let session = text(&reply["token"]["id"]);
    server.call("DELETE", "/v1/account/logout").token(&session).send().await.ok();
    let reply = ann.call("GET", "/v1/account/activities").query(&[("limit", "2")]).send().await.ok();
    assert_eq!(pluck(&reply["activities"], "verb"), ["deleted", "created"]);
    assert!(list(&reply["activities"]).iter().all(|a| a["object"]["type"] == "session"));
}

#[tokio::test]
async fn the_persons_activities_are_for_persons() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    let reply = server.call("GET", "/v1/account/activities").token(&token).send().await;
    reply.error(403, "authorization_error");
    server.call("GET", "/v1/account/activities").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_access_token_reads_the_activities_of_its_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    server.call("PATCH", &path(&acme, "")).token(&token).json(&json!({"city": "Paris"})).send().await.ok();
    let reply = server.call("GET", "/v1/activities").token(&token).send().await.ok();
    let reference = text(&reply["activities"][0]["metadata"]["auth_token_ref"]);
    assert!(reference.starts_with("access_token:"), "{reference}");
}
