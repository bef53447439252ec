//! What was used, at the edges of what can be asked and counted.

use polity_tests::{Organization, Reply, TestServer};

use crate::support::{acme, start};

async fn usage(server: &TestServer, acme: &Organization, path: &str, query: &[(&str, &str)]) -> Reply {
    server.call("GET", path).token(&acme.token).query(query).send().await
}

#[tokio::test]
async fn times_before_1970_are_refused_and_named() {
    let server = start().await;
    let acme = acme(&server).await;
    for path in ["/v1/usages", "/v1/usages/details"] {
        for early in ["-005000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"] {
            for field in ["starting_time", "ending_time"] {
                usage(&server, &acme, path, &[(field, early)]).await.field(field);
            }
        }
        let year = [("starting_time", "1970-01-01T00:00:00Z"), ("ending_time", "1970-12-31T00:00:00Z")];
        usage(&server, &acme, path, &year).await.ok();
    }
}
