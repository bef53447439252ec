//! What goes wrong, and the code a script sees.

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn every_kind_of_failure_has_its_own_code_and_says_what_to_do() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let bob = server.person("bob").await;
    let mut terminal = Terminal::new(&server);
    let mut code = async |command: String| terminal.run(&command).await.code;
    assert_eq!(code("org".to_owned()).await, 2);
    assert_eq!(code("org get acme".to_owned()).await, 3);
    assert_eq!(code("org get acme -o json".to_owned()).await, 3);
    assert_eq!(code(format!("org get acme --token {}", bob.token)).await, 5);
    assert_eq!(code(format!("operator org list --token {}", ann.token)).await, 4);
    assert_eq!(code(format!("org create globex --token {}", ann.access_token(&acme).await)).await, 4);
    assert_eq!(code(format!("org create NOT_A_NAME --token {}", ann.token)).await, 6);
    assert_eq!(code(format!("org create NOT_A_NAME --token {} -o json", ann.token)).await, 6);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(code(format!("whoami --url http://127.0.0.1:{port} --token x")).await, 7);
    assert_eq!(code("whoami --url nonsense --token x".to_owned()).await, 2);
    assert_eq!(code("whoami --url ftp://nonsense --token x".to_owned()).await, 2);
    assert_eq!(code("whoami --profile other".to_owned()).await, 3);
    let transcript = terminal.transcript().replace(&port.to_string(), "<port>");
    insta::assert_snapshot!(transcript);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_written_is_a_failure_and_what_nobody_reads_is_none() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    terminal.read("org create acme -q").await;
    for command in
        ["credential create ci -O acme -q", "credential list -O acme", "org list -o json", "man --markdown", "config"]
    {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let (code, complaint) = terminal.run_into(command, full).await;
        assert_eq!(code, 1, "{command}: {complaint}");
        assert!(complaint.contains("cannot write: No space left"), "{command}: {complaint}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = terminal.run_into(command, std::os::fd::OwnedFd::from(writer).into()).await;
        assert_eq!(ended, (0, String::new()), "{command}");
    }
}

#[tokio::test]
async fn a_variable_that_means_nothing_is_told() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::new(&server);
    terminal.set("POLITY_SIGNUP", "closed");
    assert_eq!(terminal.run("config").await.stderr, "");
    terminal.set("POLITY_SIGNUP_DOMAIN", "example.com");
    let ended = terminal.run("config").await;
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.starts_with("polity: POLITY_SIGNUP_DOMAIN is set and means nothing"), "{}", ended.stderr);
}

#[tokio::test]
async fn https_at_a_server_without_it_says_so() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::new(&server);
    let https = server.url().replace("http://", "https://");
    let ended = terminal.run(&format!("whoami --url {https} --token x")).await;
    assert_eq!(ended.code, 7, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("try: --url {}, since", server.url())), "{}", ended.stderr);
}
