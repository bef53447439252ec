//! Members and invitations, from both sides.

use polity_tests::TestServer;

use crate::terminal::Terminal;

#[tokio::test]
async fn an_invitation_is_sent_accepted_and_the_member_removed() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    let mut bob = Terminal::of(&server, "bob").await;
    ann.run("org create acme -q").await;
    ann.run("org switch acme").await;
    ann.run("invite create bob@example.com").await;
    ann.run("invite create bob@example.com").await;
    ann.run("invite list").await;
    let invitation = bob.read("invite list --received -q").await;
    bob.run("invite list --received").await;
    bob.run(&format!("invite accept {invitation}")).await;
    bob.run(&format!("invite decline {invitation}")).await;
    bob.run("org list").await;
    ann.run("member list").await;
    ann.run("member remove bob@example.com").await;
    ann.run("member remove bob@example.com --yes").await;
    ann.run("member list -q").await;
    insta::assert_snapshot!("an_invitation_as_the_sender_sees_it", ann.transcript());
    insta::assert_snapshot!("an_invitation_as_the_invitee_sees_it", bob.transcript());
}

#[tokio::test]
async fn an_invitation_is_sent_again_and_withdrawn() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    ann.run("org create acme -q").await;
    let invitation = ann.read("invite create eve@example.com -O acme -q").await;
    ann.run(&format!("invite resend {invitation} -O acme")).await;
    ann.run(&format!("invite revoke {invitation} -O acme --yes")).await;
    ann.run("invite list -O acme").await;
    insta::assert_snapshot!(ann.transcript());
}
