//! `GET /v1/event_types`. That the catalogue is whole and true is checked by
//! every test: a debug build refuses to append what is not in it.

use polity_tests::TestServer;

use crate::support::text;

#[tokio::test]
async fn anybody_reads_the_catalogue() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/v1/event_types").send().await.ok();
    let types = reply["event_types"].as_array().unwrap();
    assert_eq!(types.len(), polity_api::event_types::ALL.len());
    for kind in types {
        assert!(text(&kind["type"]).contains('.') && text(&kind["description"]).ends_with('.'));
        assert_eq!(kind["metadata_schema"]["type"], "object");
    }
}
