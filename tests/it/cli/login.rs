//! Logging in and out, and the file that remembers it.

use polity_tests::{PASSWORD, TestServer};

use crate::terminal::Terminal;

#[tokio::test]
async fn logging_in_with_a_password_and_out_again() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut terminal = Terminal::new(&server);
    terminal.run("whoami").await;
    terminal.enter(&format!("login --email {} --password-stdin", ann.email), "wrong password").await;
    terminal.enter(&format!("login --email {} --password-stdin", ann.email), PASSWORD).await;
    terminal.run("whoami").await;
    terminal.run("whoami -o json").await;
    terminal.run("logout").await;
    terminal.run("whoami").await;
    terminal.run("logout").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn a_token_of_an_organization_can_log_in_too() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    let mut terminal = Terminal::new(&server);
    terminal.enter("login --token -", &token).await;
    terminal.run("whoami").await;
    terminal.run("org get").await;
    terminal.enter("login --token - --profile other", "nonsense").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn without_a_token_on_standard_input_nobody_else_acts() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    for input in ["", "\n", "  \n"] {
        let ended = terminal.enter("whoami --token -", input).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{input:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_login_into_an_organization_that_is_not_there_leaves_no_session() {
    let server = TestServer::start_alone().await;
    server.person("ann").await;
    let mut terminal = Terminal::new(&server);
    let ended = terminal.enter("login --email ann@example.com --password-stdin -O typo", PASSWORD).await;
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    let metrics = server.call("GET", "/metrics").send().await.text;
    let ended = r#"polity_http_requests_total{operation="Logout",method="DELETE",status="2xx"} 1"#;
    assert!(metrics.contains(ended), "{metrics}");
    assert_eq!(terminal.run("whoami").await.code, 3, "no token is kept");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_profiles() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = TestServer::start().await;
    let terminal = Terminal::of(&server, "ann").await;
    let directory = terminal.home().join("polity");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("profiles.toml")), 0o600);
}

#[tokio::test]
async fn profiles_are_kept_apart_and_a_flag_counts_before_the_environment() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    let bob = server.person("bob").await;
    terminal.enter(&format!("login --profile work --email {} --password-stdin", bob.email), PASSWORD).await;
    terminal.run("whoami --profile work -o json").await;
    terminal.run("whoami --profile default -o json").await;
    terminal.set("POLITY_TOKEN", "nonsense");
    terminal.run("whoami --profile default").await;
    let ended = terminal.run(&format!("whoami --token {} -o json", bob.token)).await;
    assert!(ended.stdout.contains("bob@example.com"));
}

#[tokio::test]
async fn logging_out_says_whether_anything_was_ended() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "USER").await;
    for (token, code) in [(&credential, 1), (&ann.access_token(&acme).await, 1), (&ann.token, 0), (&ann.token, 3)] {
        let mut terminal = Terminal::new(&server);
        terminal.set("POLITY_TOKEN", token);
        let ended = terminal.run("logout").await;
        assert_eq!((ended.code, ended.stderr.contains("logged out")), (code, code == 0), "{}", ended.stderr);
    }
    let mut terminal = Terminal::new(&server);
    terminal.enter("login --token -", &credential).await;
    terminal.run("logout").await;
    terminal.run("whoami").await;
    terminal.set("POLITY_TOKEN", &credential);
    terminal.run("logout").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn a_token_of_a_locked_organization_still_tells_which_one_it_is() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let tokens = [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await];
    let mut operator = Terminal::new(&server);
    operator.set("POLITY_TOKEN", server.operator_key());
    operator.read("operator org lock acme --reason fraud --yes").await;
    for token in tokens {
        let mut terminal = Terminal::new(&server);
        terminal.set("POLITY_TOKEN", &token);
        assert_eq!(terminal.read("whoami -q").await, acme.id);
        assert!(terminal.read("org get").await.contains("LOCKED"));
        assert_eq!(terminal.run("budget get").await.code, 4);
    }
}

#[tokio::test]
async fn signing_up_and_asking_for_another_mail() {
    let server = TestServer::start_with(|config| {
        config.signup = polity_ops::settings::Signup::Closed;
        config.signup_domains = vec!["example.com".to_owned()];
    })
    .await;
    let mut terminal = Terminal::new(&server);
    terminal.run("signup --email ada@example.com").await;
    terminal.enter("signup --email ada@elsewhere.example --password-stdin", PASSWORD).await;
    terminal.enter("signup --email ada@example.com --password-stdin", "short").await;
    terminal.enter("signup --email ada@example.com --name 'Ada Lovelace' --password-stdin", PASSWORD).await;
    terminal.run("whoami").await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut inviter = Terminal::new(&server);
    inviter.set("POLITY_TOKEN", &acme.token);
    let invitation = inviter.read("invite create ada@example.com -q").await;
    terminal.run(&format!("invite accept {invitation}")).await;
    terminal.run("account resend-validation").await;
    let mails = server.mails_to("ada@example.com").await;
    let link = mails.iter().rev().find(|mail| mail.subject.contains("onfirm")).expect("a mail to prove the address");
    server.call("POST", &format!("/v1/account/validate/{}", link.secret())).send().await.ok();
    terminal.run(&format!("invite accept {invitation} -q")).await;
    terminal.run("account resend-validation").await;
    insta::assert_snapshot!(terminal.transcript());
}
