//! The mails of a server that hands them to no mail server.

use std::os::unix::fs::PermissionsExt as _;

use polity_tests::TestServer;

#[tokio::test]
async fn a_mail_is_in_a_file_that_only_the_owner_reads() {
    let server = TestServer::start().await;
    server.person("ann").await;
    let mails = server.mails_to("ann@example.com").await;
    let path = server.data_dir().join("outbox").join(&mails[0].file);
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}
