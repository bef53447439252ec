//! The operator's commands.

use polity_tests::TestServer;

use crate::terminal::Terminal;

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
    operator.run("operator coupon list").await;
    ann.run("coupon check WELCOME").await;
    ann.run("coupon redeem WELCOME").await;
    ann.run("operator org list").await;
    insta::assert_snapshot!("what_the_operator_does", operator.transcript());
    insta::assert_snapshot!("what_a_person_sees_of_it", ann.transcript());
}
