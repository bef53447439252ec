//! The attacks of the isolation test are worth something: each is a request
//! that the server carries out for those who may, so what refuses it to a
//! stranger is who she is and not what she sent.

use std::collections::BTreeSet;

use polity_api::operation::Meta;
use polity_api::table::ALL;
use polity_tests::{Reply, TestServer};

use crate::victim::{self, Attack, Expect, Victim};

/// What those who may are told other than 200, and why.
const OTHER_REPLIES: &[(&str, u16, &str)] = &[
    ("DeleteOrganization", 400, "it is not deactivated"),
    ("CreateBudget", 400, "there is a budget"),
    ("RemoveOrganizationMember", 400, "she is the last member"),
    ("DeleteUser", 400, "she is a member"),
    ("DeleteUserV2", 400, "she is a member"),
    ("GetSubscription", 404, "there is none without a provider"),
    ("GetPaymentMethod", 404, "there is none without a provider"),
    ("DeletePaymentMethod", 404, "there is none without a provider"),
    ("ConfirmPaymentAuthorization", 404, "there is none without a provider"),
    ("OperatorUnlockOrganization", 400, "it is not locked"),
    ("OperatorGetWebhook", 404, "it is of an organization"),
    ("OperatorUpdateWebhook", 404, "it is of an organization"),
    ("OperatorDeleteWebhook", 404, "it is of an organization"),
    ("OperatorRotateWebhookSecret", 404, "it is of an organization"),
    ("OperatorTestWebhook", 404, "it is of an organization"),
    ("OperatorListWebhookDeliveries", 404, "it is of an organization"),
    ("OperatorReplayWebhookDelivery", 404, "it is of an organization"),
];

/// These take away what the others need: each gets a server of its own.
const TAKES_AWAY: &[&str] = &[
    "DeactivateOrganization",
    "ConfirmOrganizationAction",
    "AcceptOrganizationInvitation",
    "DeclineOrganizationInvitation",
    "DeleteOrganizationInvitation",
    "DeleteCredential",
    "DeleteProject",
    "ReplayWebhookDelivery",
    "UpdateWebhook",
    "DeleteWebhook",
    "DeleteBudget",
    "CommitLease",
    "ReleaseLease",
    "OperatorLockOrganization",
    "OperatorDeleteCoupon",
    "OperatorDeleteMeteringKey",
];

async fn send(server: &TestServer, meta: &Meta, attack: &Attack, token: &str) -> Reply {
    let query: Vec<_> = attack.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = server.call(meta.method, &attack.path).query(&query).token(token);
    if attack.body.is_null() { call.send().await } else { call.json(&attack.body).send().await }
}

/// Sends the attacks on these operations with tokens of those who may.
async fn carry_out(operations: &[&Meta]) -> usize {
    let (server, github) = victim::server().await;
    let ann = server.person("ann").await;
    let victim = Victim::make(&server, &github, &ann).await;
    let guest = server.person("guest-of-ann").await;
    let mut sent = 0;
    for (n, meta) in operations.iter().enumerate() {
        let attack = victim.attack(meta, &n.to_string());
        let token = match attack.expect {
            Expect::Refused if meta.path.starts_with("/v1/account/organization_invitations/") => &guest.token,
            Expect::Refused => &victim.organization.token,
            Expect::OperatorOnly => server.operator_key(),
            Expect::MeteringOnly => &victim.metering.token,
            Expect::OwnThings | Expect::Public(_) => continue,
        };
        let reply = send(&server, meta, &attack, token).await;
        let other = OTHER_REPLIES.iter().find(|(id, ..)| *id == meta.id);
        let (expected, why) = other.map_or((200, "she may"), |(_, status, why)| (*status, *why));
        assert_eq!(reply.status, expected, "{} ({why}): {}", meta.id, reply.text);
        sent += 1;
    }
    server.stop().await;
    sent
}

#[tokio::test]
async fn what_is_refused_to_a_stranger_is_done_for_those_who_may() {
    let (alone, together): (Vec<&Meta>, Vec<&Meta>) = ALL.iter().partition(|meta| TAKES_AWAY.contains(&meta.id));
    assert_eq!(alone.len(), TAKES_AWAY.len(), "an operation that is listed is not in the table");
    let mut sent = carry_out(&together).await;
    for meta in alone {
        sent += carry_out(&[meta]).await;
    }
    println!("{sent} attacks");
    assert!(sent > ALL.len() / 2, "only {sent} operations are refused to strangers");
    let known: BTreeSet<_> = ALL.iter().map(|meta| meta.id).collect();
    assert!(OTHER_REPLIES.iter().all(|(id, ..)| known.contains(id)));
}
