//! What belongs to an organization.

use polity_tests::TestServer;
use serde_json::json;

use crate::terminal::Terminal;

#[tokio::test]
async fn a_budget_is_written_in_dollars_and_kept_in_cents() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("budget get").await;
    for amount in ["49.99", "50", "0.1", "-5", "1e3", "5.001"] {
        terminal.run(&format!("budget set {amount}")).await;
    }
    terminal.run("budget set --cents 1234 -o json").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn a_budget_that_stops_shows_what_is_left_of_it() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("budget set 10 --enforcement stop --thresholds 50,100 --forecast-thresholds 120").await;
    let organization = terminal.read("org get -q").await;
    let source = server.metering_key("source").await;
    for (id, microcents) in [("1", "250000001"), ("2", "749999999")] {
        let event = json!({"source": "x", "id": id, "organization_id": organization, "amount_microcents": microcents});
        let call = server.call("POST", "/metering/v1/events").token(&source.token);
        call.json(&json!({"events": [event]})).send().await.ok();
        terminal.run("budget get").await;
    }
    terminal.run("budget set 20").await;
    for refused in ["--enforcement ask", "--thresholds 0", "--thresholds x", "--forecast-thresholds 1001", ""] {
        terminal.run(&format!("budget set {refused}")).await;
    }
    terminal.read("org token create --spend-limit 5 -q").await;
    terminal.run("org token create --spend-limit 5.001").await;
    terminal.run("org token create --spend-limit 0").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn what_was_used_is_added_up_and_listed() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("billing usage").await;
    terminal.run("billing details").await;
    terminal.run("billing next-invoice").await;
    let organization = terminal.read("org get -q").await;
    let project = terminal.read("project create web -q").await;
    let source = server.metering_key("source").await;
    let report = async |event: serde_json::Value| {
        let call = server.call("POST", "/metering/v1/events").token(&source.token);
        call.json(&json!({ "events": [event] })).send().await.ok();
    };
    report(json!({"source": "x", "id": "1", "organization_id": organization, "amount_microcents": "4000000",
        "project_id": project}))
    .await;
    terminal.run("billing details").await;
    report(json!({"source": "x", "id": "2", "organization_id": organization, "amount_microcents": "2000000"})).await;
    for command in [
        "billing usage",
        "billing usage --by project -q",
        "billing usage --by credential",
        "billing next-invoice",
        "billing usage --from yesterday",
        "billing usage --from 2020-02-01T00:00:00Z --until 2020-01-01T00:00:00Z",
    ] {
        terminal.run(command).await;
    }
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn credentials_show_their_token_once() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("credential create ci --type organization --description 'deploys from main'").await;
    terminal.run("credential create laptop --type user").await;
    terminal.run("credential list").await;
    terminal.run("credential list -o json").await;
    let token = terminal.read("credential create script -q").await;
    assert_eq!(token.len(), 64, "what nobody can read again is printed, and not its id: {token}");
    terminal.run("credential delete laptop --yes").await;
    terminal.run("credential delete laptop --yes").await;
    terminal.read("credential create ci -q").await;
    terminal.run("credential delete ci --yes").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn projects_are_created_renamed_and_deleted() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let project = terminal.read("project create web --description site -q").await;
    terminal.run(&format!("project get {project}")).await;
    terminal.run(&format!("project update {project} --name website")).await;
    terminal.run("project create website").await;
    terminal.run(&format!("project delete {project} --yes")).await;
    terminal.run("project list").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn activities_quotas_and_github() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("activity list --limit 3").await;
    terminal.run("quota get -o json").await;
    terminal.run("github status").await;
    terminal.run("github install").await;
    terminal.run("github repositories").await;
    terminal.run("github branches acme/website").await;
    terminal.run("github sync").await;
    terminal.run("github token --permission contents").await;
    terminal.run("github token --permission contents=read").await;
    terminal.run("coupon check NOTHING").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn events_are_listed_from_a_cursor_on() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.read("project create web -q").await;
    terminal.read("org rename acme globex").await;
    terminal.read("org plan starter").await;
    terminal.run("event list").await;
    terminal.run("activity list").await;
    terminal.run("event list --type project.* --limit 1 -o json").await;
    terminal.run("event list --limit 0").await;
    terminal.run("event list --type project").await;
    terminal.run("event list --after nowhere").await;
    insta::assert_snapshot!(terminal.transcript());
}
