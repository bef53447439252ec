//! What must be true after the last kill.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::writer::Ledger;

/// Asks the server about everything that was acknowledged.
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

/// Each acknowledged invitation was mailed once, and no address twice.
pub fn mails(outbox: &Path, ledgers: &[Ledger]) {
    let mut counts = BTreeMap::<String, usize>::new();
    for entry in std::fs::read_dir(outbox).expect("an outbox").map(Result::unwrap) {
        if entry.path().extension().is_some_and(|e| e == "eml") {
            let mail = std::fs::read_to_string(entry.path()).unwrap();
            let to = mail.lines().find_map(|line| line.strip_prefix("To: ")).expect("a recipient");
            *counts.entry(to.trim().to_owned()).or_default() += 1;
        }
    }
    for address in ledgers.iter().flat_map(|ledger| &ledger.invited) {
        assert_eq!(counts.get(address), Some(&1), "mails to {address}");
    }
    for (address, count) in counts {
        assert_eq!(count, 1, "mails to {address}");
    }
}

/// The database is whole: its structure, its references, its event logs, and nothing half done.
pub fn database(path: &Path) {
    let conn = Connection::open(path).unwrap();
    let integrity: String = conn.query_row("pragma integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let count = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from pragma_foreign_key_check"), 0, "references to nothing");
    let gaps = "select count(*) from (select 1 from events where organization_id is not null group by organization_id
                having count(*) <> max(organization_seq) or min(organization_seq) <> 1)";
    assert_eq!(count(gaps), 0, "event logs with gaps");
    assert_eq!(count("select count(*) from jobs"), 0, "work that was not done");
    assert_eq!(count("select count(*) from mails"), 0, "mails that were not sent");
    let stuck = "select count(*) from organizations where status in ('DEACTIVATING', 'DELETING')";
    assert_eq!(count(stuck), 0, "organizations that are stuck");
    let homeless = "select count(*) from organizations o where o.status <> 'DELETED' and not exists
                    (select 1 from members m where m.organization_id = o.id and m.status = 'ACTIVE')";
    assert_eq!(count(homeless), 0, "organizations without a member");
    let projectless = "select count(*) from organizations o where o.status <> 'DELETED' and not exists
                       (select 1 from projects p where p.id = o.default_project_id)";
    assert_eq!(count(projectless), 0, "organizations without their default project");
}
