//! What cannot be undone is asked for twice.

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn without_a_terminal_nothing_is_destroyed_unless_told_so() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.run("org create acme -q").await;
    terminal.run("budget set 50 -O acme").await;
    let project = terminal.read("project create web -O acme -q").await;
    terminal.read("credential create ci -O acme -q").await;
    for command in [
        "org deactivate acme",
        "org delete acme",
        "budget clear -O acme",
        &format!("project delete {project} -O acme"),
        "credential delete ci -O acme",
    ] {
        let ended = terminal.enter(command, "acme\n").await;
        assert_eq!(ended.code, 9, "{command}: {}", ended.stderr);
    }
    terminal.run("budget get -O acme").await;
    terminal.run("budget clear -O acme --yes").await;
    terminal.run("budget get -O acme -o json").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn an_organization_is_deactivated_woken_up_and_deleted() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.run("org create acme").await;
    terminal.run("org delete acme --yes").await;
    terminal.run("org deactivate acme --yes").await;
    terminal.run("budget get -O acme").await;
    terminal.run("org reactivate acme").await;
    terminal.run("org deactivate acme --yes -o json").await;
    terminal.run("org delete acme --yes").await;
    terminal.run("org get acme").await;
    insta::assert_snapshot!(terminal.transcript());
}
