//! What must be true once everything that was broken works again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use crate::load::Ledger;

/// Asks the server about everything that was acknowledged.
///
/// # Panics
/// When it is not so.
pub async fn acknowledged(http: &reqwest::Client, url: &str, ledger: &Ledger) {
    let get = async |path: String, token: &str| {
        let reply = http.get(format!("{url}{path}")).bearer_auth(token).send().await.expect("a reply");
        let status = reply.status().as_u16();
        (status, serde_json::from_str::<Value>(&reply.text().await.expect("a body")).unwrap())
    };
    for (id, name) in &ledger.organizations {
        let (status, read) = get(format!("/v1/organizations/{id}"), &ledger.token).await;
        assert_eq!((status, read["organization"]["name"].as_str()), (200, Some(name.as_str())), "{name} is lost");
        assert_eq!(read["organization"]["status"], "ACTIVE", "{name}");
    }
    for (id, token) in &ledger.credentials {
        let (status, _) = get(format!("/v1/organizations/{id}"), token).await;
        assert_eq!(status, 200, "a credential of {id} is lost");
    }
    for (id, credential) in &ledger.deactivated {
        let (status, read) = get(format!("/v1/organizations/{id}"), &ledger.token).await;
        assert_eq!((status, read["organization"]["status"].as_str()), (200, Some("DEACTIVATED")), "{id}");
        let (status, read) = get(format!("/v1/organizations/{id}"), credential).await;
        assert_eq!((status, read["message"].as_str()), (401, Some("Token rejected")), "{id}");
    }
    for id in &ledger.deleted {
        assert_eq!(get(format!("/v1/organizations/{id}"), &ledger.token).await.0, 404, "{id} was deleted");
    }
    for session in &ledger.logged_out {
        assert_eq!(get("/v1/account/profile".to_owned(), session).await.0, 401, "a session came back");
    }
    let (acknowledged, asked) = ledger.budget;
    let (_, read) = get(format!("/v1/organizations/{}/budget", ledger.budget_of), &ledger.token).await;
    let amount: i64 = read["budget"]["amount"].as_str().expect("an amount").parse().unwrap();
    assert!((acknowledged..=asked).contains(&amount), "budget {amount}, acknowledged {acknowledged}, asked {asked}");
}

/// Each acknowledged invitation was mailed once, and no address twice: the outboxes of several servers may both
/// have a mail that one wrote and could not tell that it did, but then it is the same mail. Returns how often that
/// happened.
///
/// # Panics
/// When it is not so.
#[must_use]
pub fn mails(outboxes: &[PathBuf], ledgers: &[Ledger]) -> usize {
    let mut mails = BTreeMap::<String, BTreeMap<OsString, String>>::new();
    let mut written_again = 0;
    for outbox in outboxes {
        for entry in std::fs::read_dir(outbox).expect("an outbox").map(Result::unwrap) {
            if entry.path().extension().is_some_and(|e| e == "eml") {
                let mail = std::fs::read_to_string(entry.path()).unwrap();
                let to =
                    mail.lines().find_map(|line| line.strip_prefix("To: ")).expect("a recipient").trim().to_owned();
                if let Some(other) = mails.entry(to).or_default().insert(entry.file_name(), mail.clone()) {
                    assert_eq!(mail, other, "two mails have the same name");
                    written_again += 1;
                }
            }
        }
    }
    for address in ledgers.iter().flat_map(|ledger| &ledger.invited) {
        assert!(mails.contains_key(address), "no mail to {address}");
    }
    for (address, mails) in mails {
        assert_eq!(mails.len(), 1, "mails to {address}: {:?}", mails.keys());
    }
    written_again
}

/// What there must be none of once all work is done, each with the statement that counts it.
pub const FLAWS: &[(&str, &str)] = &[
    (
        "event logs with gaps",
        "select count(*) from (select 1 from events where organization_id is not null group by organization_id
         having count(*) <> max(organization_seq) or min(organization_seq) <> 1) as gaps",
    ),
    ("pieces of work that were not done", "select count(*) from jobs"),
    ("mails that were not sent", "select count(*) from mails"),
    ("organizations that are stuck", "select count(*) from organizations where status in ('DEACTIVATING', 'DELETING')"),
    (
        "organizations without a member",
        "select count(*) from organizations o where o.status <> 'DELETED' and not exists
         (select 1 from members m where m.organization_id = o.id and m.status = 'ACTIVE')",
    ),
    (
        "organizations without their default project",
        "select count(*) from organizations o where o.status <> 'DELETED' and not exists
         (select 1 from projects p where p.id = o.default_project_id)",
    ),
    (
        "organizations without the event of their creation",
        "select count(*) from organizations o where 1 <> (select count(*) from events e
         where e.organization_id = o.id and e.object_id = o.id and e.verb = 'created')",
    ),
    (
        "organizations that were not deactivated exactly once",
        "select count(*) from organizations o where o.status in ('DEACTIVATED', 'DELETED') and 1 <>
         (select count(*) from events e where e.organization_id = o.id and e.metadata like '%\"deactivated\"%')",
    ),
    (
        "organizations that were not deleted exactly once",
        "select count(*) from organizations o where o.status = 'DELETED' and 1 <> (select count(*) from events e
         where e.organization_id = o.id and e.object_id = o.id and e.verb = 'deleted')",
    ),
    (
        "memberships of deleted organizations",
        "select count(*) from organizations o join members m on m.organization_id = o.id
         where o.status = 'DELETED' and m.status = 'ACTIVE'",
    ),
];
