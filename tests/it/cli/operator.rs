//! The operator's commands.

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn the_operator_makes_keys_for_sources_and_sets_billing_periods() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    ann.read("org create acme -q").await;
    ann.run("operator metering-key list").await;
    ann.run("operator billing-period acme 15").await;
    insta::assert_snapshot!("what_only_the_operator_may_do_about_spend", ann.transcript());
    let mut operator = Terminal::new(&server);
    operator.set("POLITY_TOKEN", server.operator_key());
    for command in [
        "operator metering-key list",
        "operator metering-key create edge",
        "operator metering-key create batch --unleased-cap 2.50",
        "operator metering-key create batch --unleased-cap=-1",
        "operator metering-key create ' '",
        "operator metering-key list",
        "operator metering-key update edge --unleased-cap 10",
        "operator metering-key update batch --name edge -o json",
        "operator metering-key update edge --name other",
        "operator metering-key update edge",
        "operator metering-key update nothing --name other",
        "operator metering-key delete edge --yes",
    ] {
        operator.run(command).await;
    }
    let token = operator.read("operator metering-key create quiet -q").await;
    assert!(token.starts_with("polity_metering_"), "{token}");
    operator.read("operator metering-key delete quiet --yes").await;
    let newest = operator.read("operator metering-key list -q").await;
    let newest = newest.lines().next().expect("a key").to_owned();
    operator.run(&format!("operator metering-key delete {newest}")).await;
    operator.run(&format!("operator metering-key delete {newest} --yes")).await;
    operator.run("operator metering-key delete edge --yes").await;
    operator.run("operator metering-key list").await;
    for command in [
        "operator billing-period acme 15",
        "operator billing-period acme 29",
        "operator billing-period acme x",
        "operator billing-period nothing 15",
    ] {
        operator.run(command).await;
    }
    insta::assert_snapshot!("what_the_operator_does_about_spend", operator.transcript());
}

#[tokio::test]
async fn the_operator_looks_locks_and_decides() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    ann.read("org create acme -q").await;
    ann.read("org switch acme -q").await;
    let mut operator = Terminal::new(&server);
    operator.set("POLITY_TOKEN", server.operator_key());
    operator.run("operator org list").await;
    operator.run("operator org lock acme --reason fraud").await;
    operator.run("operator org lock acme --reason fraud --yes").await;
    ann.run("budget get").await;
    operator.run("operator org unlock acme --reason cleared").await;
    operator.run("operator org verify acme").await;
    operator.run("operator org plan acme enterprise").await;
    operator.run("operator org get acme").await;
    operator.run("operator coupon create WELCOME --percent-off 20").await;
    operator.run("operator coupon create FIFTY --amount-off 50 --max-redemptions 3").await;
    operator.run("operator coupon list").await;
    ann.run("coupon check WELCOME").await;
    ann.run("coupon redeem WELCOME").await;
    ann.run("operator org list").await;
    insta::assert_snapshot!("what_the_operator_does", operator.transcript());
    insta::assert_snapshot!("what_a_person_sees_of_it", ann.transcript());
}

#[tokio::test]
async fn the_operator_reads_the_events_of_everybody() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    for name in ["acme", "globex"] {
        ann.read(&format!("org create {name} -q")).await;
    }
    ann.run("operator event list").await;
    ann.set("POLITY_TOKEN", server.operator_key());
    // On PostgreSQL the feed of everything is behind by the transactions of other tests.
    while ann.read("operator event list --type organization.created -q").await.lines().count() < 2 {}
    ann.run("operator event list --type organization.created").await;
    ann.run("operator event list --type nothing").await;
    insta::assert_snapshot!(ann.transcript());
    let mut following = ann.start("operator event follow --after= --type organization.* -q");
    for _ in 0..2 {
        assert_eq!(following.line().await.len(), 36, "an id");
    }
    assert_eq!(following.interrupt().await, Some(0));
}
