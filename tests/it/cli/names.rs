//! Organizations are named by id, by the beginning of an id, or by name.

use std::collections::BTreeMap;

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn an_id_the_beginning_of_one_and_a_name_are_the_same_organization() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    let id = terminal.read("org create acme -q").await;
    for name in [id.as_str(), &id[..8], &id[..13], "acme"] {
        assert_eq!(terminal.read(&format!("org get {name} -q")).await, id, "{name}");
    }
    terminal.run("org get acm").await;
    terminal.run("org get nothing").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn an_empty_name_is_that_of_nothing() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let mut refused = async |command: &str| {
        let ended = terminal.run(command).await;
        assert_eq!(ended.code, 2, "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains("the name is empty"), "{command}: {}", ended.stderr);
    };
    for command in [
        "org get ''",
        "org deactivate '' --yes",
        "org deactivate ' ' --yes",
        "org deactivate -O ' ' --yes",
        "org default-project acme ''",
        "project delete '' --yes",
        "credential delete '' --yes",
        "member remove '' --yes",
        "webhook delete '' --yes",
        "github branches ''",
    ] {
        refused(command).await;
    }
    assert!(terminal.read("org get").await.contains("ACTIVE"));
    terminal.set("POLITY_TOKEN", server.operator_key());
    for command in [
        "operator org lock '' --reason fraud --yes",
        "operator billing-period '' 15",
        "operator coupon delete '' --yes",
        "operator metering-key delete '' --yes",
        "operator webhook delete '' --yes",
    ] {
        assert_eq!(terminal.run(command).await.code, 2, "{command}");
    }
}

#[tokio::test]
async fn a_beginning_that_two_ids_share_is_refused_with_both_of_them() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 0).await;
    let mut terminal = Terminal::of(&server, "ann").await;
    // There are 16 first digits, so two of 17 ids share theirs.
    let mut ids: BTreeMap<char, String> = BTreeMap::new();
    let (first, second) = loop {
        let number = ids.len();
        let id = terminal.read(&format!("org create organization-{number} -q")).await;
        let digit = id.chars().next().unwrap();
        if let Some(other) = ids.insert(digit, id.clone()) {
            break (other, id);
        }
    };
    let ended = terminal.run(&format!("org get {}", &first[..1])).await;
    assert_eq!(ended.code, 8, "{}", ended.stderr);
    assert!(ended.stderr.contains(&first) && ended.stderr.contains(&second), "{}", ended.stderr);
    assert_eq!(terminal.read(&format!("org get {first} -q")).await, first);
}
