//! The shortest way through everything.

use polity_tests::TestServer;
use serde_json::json;

#[tokio::test]
async fn a_person_signs_up_creates_an_organization_and_reads_it_back() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&acme.token).send().await.ok();
    let organization = &reply["organization"];
    assert_eq!(organization["name"], "acme");
    assert_eq!((&organization["status"], &organization["status_message"]), (&json!("ACTIVE"), &json!("VALID")));
    server.stop().await;
}
