//! The commands that go on until they are interrupted.

use polity_tests::{Cut, PASSWORD, TcpProxy, TestServer};

use crate::terminal::Terminal;

#[tokio::test]
async fn following_shows_what_is_there_and_then_what_happens() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let mut follower = terminal.start("activity list --follow --limit 1");
    assert!(follower.line().await.ends_with("created  organization  -  acme"));
    for name in ["web", "api"] {
        terminal.read(&format!("project create {name} -q")).await;
    }
    assert!(follower.line().await.ends_with("created  project  -  web"));
    assert!(follower.line().await.ends_with("created  project  -  api"));
}

#[tokio::test]
async fn following_without_what_is_there_begins_with_what_happens() {
    let server = TestServer::start_alone().await;
    let mut terminal = Terminal::inside(&server).await;
    let mut follower = terminal.start("activity list --follow --limit 0");
    let listed = r#"polity_http_requests_total{operation="ListActivities",method="GET",status="2xx"}"#;
    until_metrics(&server, &[listed]).await;
    terminal.read("project create web -q").await;
    assert!(follower.line().await.ends_with("created  project  -  web"));
}

#[cfg(unix)]
#[tokio::test]
async fn following_that_is_asked_to_end_tells_where_to_go_on_and_ends_its_session() {
    let server = TestServer::start_alone().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.read("org create acme -q").await;
    let mut follower = terminal.start("event follow --after= --type organization.created -O acme");
    assert!(follower.line().await.ends_with("acme"));
    assert_eq!(follower.signal("TERM").await, Some(0));
    assert!(follower.complaint().await.starts_with("go on with --after "));
    let ended = r#"polity_http_requests_total{operation="Logout",method="DELETE",status="2xx"} 1"#;
    until_metrics(&server, &[ended]).await;
}

/// Waits until the metrics of the server hold all of this.
async fn until_metrics(server: &TestServer, wanted: &[&str]) {
    server
        .until("the metrics tell", async || {
            let metrics = server.call("GET", "/metrics").send().await.text;
            wanted.iter().all(|line| metrics.contains(line)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn following_prints_each_event_once() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let mut from_the_start = terminal.start("event follow --after= --type organization.created --type project.*");
    for name in ["web", "api"] {
        terminal.read(&format!("project create {name} -q")).await;
    }
    terminal.read("project create last -q").await;
    let mut seen = Vec::new();
    while !seen.iter().any(|line: &String| line.ends_with("last")) {
        seen.push(from_the_start.line().await);
    }
    let objects: Vec<_> = seen.iter().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(objects, ["acme", "web", "api", "last"]);
}

#[tokio::test]
async fn following_that_is_interrupted_at_once_tells_where_to_go_on() {
    let server = TestServer::start_alone().await;
    let mut terminal = Terminal::inside(&server).await;
    let mut follower = terminal.start("event follow");
    let answered = r#"polity_http_requests_total{operation="ListEvents",method="GET",status="2xx"} 1"#;
    // The second request waits; the one that asks for the metrics is another.
    until_metrics(&server, &[answered, "polity_http_requests_in_flight 2"]).await;
    terminal.read("project create web -q").await;
    assert_eq!(follower.interrupt().await, Some(0));
    let told = follower.complaint().await;
    let cursor = told.strip_prefix("go on with --after ").expect("a cursor");
    let missed = terminal.read(&format!("event list --after {cursor}")).await;
    assert!(!told.ends_with("latest"), "{told}");
    assert!(missed.is_empty() || missed.contains("web"), "{missed}");
}

#[tokio::test]
async fn following_outlives_a_server_that_is_away_for_a_while() {
    let server = TestServer::start().await;
    Terminal::inside(&server).await;
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    let proxy = TcpProxy::start(address).await;
    let mut away = Terminal::new(&server);
    away.at(&format!("http://{}", proxy.address()));
    away.enter("login --email ann@example.com --password-stdin -O acme", PASSWORD).await;
    let mut near = Terminal::new(&server);
    near.enter("login --email ann@example.com --password-stdin -O acme", PASSWORD).await;
    let mut events = away.start("event follow --after= --type organization.created --type project.*");
    let mut activities = away.start("activity list --follow --limit 1 --type project --type organization");
    assert!(events.line().await.ends_with("acme"));
    assert!(activities.line().await.ends_with("acme"));
    proxy.refuse().await;
    proxy.cut(Cut::Reset);
    for follower in [&mut events, &mut activities] {
        let told = follower.complaint().await;
        assert!(told.ends_with(": asking again until there is an answer"), "{told}");
    }
    near.read("project create web -q").await;
    proxy.resume().await;
    assert!(events.line().await.ends_with("web"));
    assert!(activities.line().await.ends_with("web"));
    assert_eq!(events.interrupt().await, Some(0));
    assert!(events.complaint().await.starts_with("go on with --after "), "that it is away is told once");
}
