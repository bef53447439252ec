//! One's own account, and the profiles that remember whose one is in use.

use polity_tests::{PASSWORD, TestServer};

use crate::terminal::Terminal;

const NEW_PASSWORD: &str = "another horse, another battery";

#[tokio::test]
async fn a_name_an_address_and_a_password_are_changed() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::of(&server, "ann").await;
    let mut elsewhere = Terminal::new(&server);
    elsewhere.enter("login --email ann@example.com --password-stdin", PASSWORD).await;
    terminal.run("account get").await;
    terminal.run("account update --name 'Ann Lee' -q").await;
    terminal.run("account update").await;
    terminal.run("account update --email ann@lee.example").await;
    terminal.enter("account update --email ann@lee.example --password-stdin", "wrong password").await;
    terminal.enter("account update --email ann@lee.example --password-stdin", PASSWORD).await;
    let mail = server.mails_to("ann@lee.example").await.pop().expect("a mail to prove the address");
    let page = server.call("POST", &format!("/account/validate/{}", mail.secret()));
    assert_eq!(page.form(&[("password", PASSWORD)]).send().await.status, 200);
    terminal.enter("account update --email ann@lee.example --password-stdin", PASSWORD).await;
    terminal.run("account password").await;
    terminal.enter("account password --password-stdin", &format!("{PASSWORD}\nshort\n")).await;
    terminal.enter("account password --password-stdin", &format!("{PASSWORD}\n{NEW_PASSWORD}\n")).await;
    terminal.run("whoami").await;
    assert_eq!(elsewhere.run("whoami").await.code, 3, "other sessions have ended");
    terminal.enter("login --email ann@lee.example --password-stdin", PASSWORD).await;
    terminal.enter("login --email ann@lee.example --password-stdin", NEW_PASSWORD).await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn it_is_told_where_a_mail_goes_that_proves_an_address_and_where_none_does() {
    let server = TestServer::start().await;
    let mut proven = Terminal::of(&server, "ann").await;
    proven.enter("account update --email ann@lee.example --password-stdin", PASSWORD).await;
    proven.run("account resend-validation").await;
    assert_eq!(server.mails_to("ann@lee.example").await.len(), 2);
    proven.enter("account update --email Ann@example.com --password-stdin", PASSWORD).await;
    let mut unproven = Terminal::new(&server);
    unproven.enter("signup --email bob@example.com --password-stdin", PASSWORD).await;
    unproven.enter("account update --email bob@example.com --password-stdin", PASSWORD).await;
    assert_eq!(server.mails_to("bob@example.com").await.len(), 1);
    unproven.enter("account update --email bob@lee.example --password-stdin", PASSWORD).await;
    unproven.run("account resend-validation").await;
    assert_eq!(server.mails_to("bob@lee.example").await.len(), 2);
    insta::assert_snapshot!(format!("{}{}", proven.transcript(), unproven.transcript()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_interrupt_ends_the_wait_for_a_password() {
    let server = TestServer::start().await;
    let terminal = Terminal::of(&server, "ann").await;
    for command in ["login --email ann@example.com --password-stdin", "account password --password-stdin"] {
        let mut waiting = terminal.start(command);
        let status = format!("/proc/{}/status", waiting.id());
        server
            .until("it listens", async || {
                let status = std::fs::read_to_string(&status).expect("a status");
                let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
                // The second bit is that of the interrupt.
                (u64::from_str_radix(caught.trim(), 16).expect("a number") & 2 != 0).then_some(())
            })
            .await;
        assert_eq!(waiting.interrupt().await, Some(1), "{command}");
        assert_eq!(waiting.complaint().await, "error: interrupted");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail() {
    let server = TestServer::start().await;
    server.person("ann").await;
    let mut terminal = Terminal::new(&server);
    for email in ["ann@example.com", "nobody@example.com", "no address"] {
        terminal.run(&format!("account reset-password '{email}'")).await;
    }
    let mails = server.mails_to("ann@example.com").await;
    assert!(mails.iter().any(|mail| mail.subject.contains("password")), "{mails:?}");
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn an_account_ends_once_its_organizations_have() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    terminal.run("account delete").await;
    terminal.run("account delete --yes").await;
    terminal.read("org deactivate acme --yes -q").await;
    terminal.read("org delete acme --yes -q").await;
    terminal.run("account delete --yes").await;
    terminal.run("account get").await;
    terminal.enter("login --email ann@example.com --password-stdin", PASSWORD).await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn profiles_are_listed_chosen_and_forgotten() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::new(&server);
    terminal.run("profile list").await;
    for name in ["ann", "bob"] {
        let email = server.person(name).await.email;
        terminal.enter(&format!("login --profile {name} --email {email} --password-stdin"), PASSWORD).await;
    }
    terminal.run("profile list").await;
    terminal.run("profile use ann").await;
    assert!(terminal.read("whoami").await.contains("ann@example.com"));
    terminal.run("logout --profile bob").await;
    terminal.run("profile list -o json").await;
    terminal.run("profile delete ann").await;
    terminal.run("profile list").await;
    for gone in ["profile use ann", "profile delete ann", "whoami"] {
        terminal.run(gone).await;
    }
    insta::assert_snapshot!(terminal.transcript());
}
