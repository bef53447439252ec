//! What a person does with organizations.

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn an_organization_from_its_creation_to_a_token() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.run("org list").await;
    terminal.run("org create acme").await;
    terminal.run("org create globex").await;
    terminal.run("org list").await;
    terminal.run("org get acme").await;
    terminal.run("org update acme --city Oslo --billing-email billing@acme.com").await;
    terminal.run("org rename acme acme-inc").await;
    terminal.run("org plan acme-inc starter").await;
    terminal.run("org plan acme-inc gold").await;
    terminal.run("org plan acme-inc enterprise").await;
    terminal.run("org qualify acme-inc '{\"usage\":\"professional\"}'").await;
    terminal.run("org token create acme-inc --validity 2h").await;
    terminal.run("org token create acme-inc --validity 2w").await;
    terminal.run("org token create acme-inc --validity 25h").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn machines_read_json_yaml_and_ids() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.run("org create acme -o json").await;
    terminal.run("org list -o yaml").await;
    terminal.run("org list -q").await;
    terminal.run("-q org list").await;
    terminal.run("org create acme -o json").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn switching_makes_an_organization_the_current_one() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.run("org create acme -q").await;
    terminal.run("org create globex -q").await;
    terminal.run("org switch globex").await;
    terminal.run("whoami").await;
    terminal.run("project list").await;
    terminal.run("project list -O acme -q").await;
    terminal.set("POLITY_ORGANIZATION", "acme");
    terminal.run("org get -q").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn switching_with_a_token_that_is_not_kept_changes_nothing() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let bob = server.person("bob").await;
    bob.organization("globex").await;
    let profiles = terminal.home().join("polity").join("profiles.toml");
    let before = std::fs::read_to_string(&profiles).unwrap();
    terminal.set("POLITY_TOKEN", &bob.token);
    assert_eq!(terminal.run("org switch globex").await.code, 2);
    assert_eq!(std::fs::read_to_string(&profiles).unwrap(), before);
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn a_token_of_an_organization_lists_it_where_it_is_searched_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut terminal = Terminal::new(&server);
    terminal.set("POLITY_TOKEN", &ann.credential(&acme, "ORGANIZATION").await.1);
    for (filter, is_found) in [
        ("", true),
        ("--search CM", true),
        (&format!("--search {}", &acme.id[..8]), true),
        ("--search globex", false),
        ("--status active", true),
        ("--status locked", false),
        ("--status locked --status active", true),
    ] {
        assert_eq!(terminal.read(&format!("org list -q {filter}")).await == acme.id, is_found, "{filter}");
    }
}
