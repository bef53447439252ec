//! Leases that are to be ended by the ten thousand, and an organization for
//! which nothing can be done.

use std::time::Duration;

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{DAY, HOUR, MINUTE, acme, named, source, start, start_with, sums, to, wanted, with};

/// Far more than the time limit of these units allows for.
const MANY: i64 = 40_000;

#[tokio::test]
async fn many_leases_that_are_over_are_ended_in_parts_and_hold_up_nobody() {
    let server = start_with(|config| config.unit_timeout = Duration::from_secs(1)).await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    source.ask(with(wanted(&acme, 1), &json!({"ttl": "30s"}))).await.ok();
    let copies = |id: &str| {
        format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {MANY})
             insert into leases select {id}, organization_id, period_starts_at, metering_key_id, token_id, project_id,
                 credential_id, amount_microcents, committed_microcents, status, expires_at, ended_at, created_at
             from leases, n"
        )
    };
    server.change(&copies("randomblob(16)"), &copies("gen_random_uuid()")).await;
    let held = format!("update spends set leased_microcents = leased_microcents + {MANY}");
    server.change(&held, &held).await;
    assert_eq!(sums(&server, &acme).await, (0, MANY + 1));
    source.leased(&globex, 5).await;

    server.advance(2 * MINUTE);
    source.leased(&acme, 3).await;
    server.until("those of the other are ended", async || (sums(&server, &globex).await == (0, 0)).then_some(())).await;
    server.until("all are ended", async || (sums(&server, &acme).await == (0, 3)).then_some(())).await;
}

#[tokio::test]
async fn an_organization_whose_leases_cannot_be_ended_holds_up_no_other() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    source.ask(with(wanted(&acme, 1), &json!({"ttl": "30s"}))).await.ok();
    // No period begins in the year 11476.
    let spoil = |at: &str| format!("update leases set period_starts_at = {at}");
    server.change(&spoil("300000000000000000"), &spoil("timestamptz '11476-08-15 00:00:00Z'")).await;
    source.leased(&globex, 5).await;

    server.advance(2 * MINUTE);
    server.until("those of the other are ended", async || (sums(&server, &globex).await == (0, 0)).then_some(())).await;
    assert_eq!(sums(&server, &acme).await, (0, 1));
}

async fn access_tokens(server: &TestServer) -> i64 {
    let text = "select count(*) from tokens where kind = 'ACCESS'";
    if let Some(client) = server.sql().await {
        return client.query_one(text, &[]).await.unwrap().get(0);
    }
    let conn = rusqlite::Connection::open(server.data_dir().join("polity.db")).unwrap();
    conn.query_row(text, (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn where_old_leases_cannot_be_forgotten_everything_else_is() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 1).await;
    source.release(&lease).await.ok();
    to(&server, &acme, "POST", "/access_token").json(&json!({"validity": "60s"})).send().await.ok();
    let lite = "create trigger refuse before delete on leases begin select raise(abort, 'refused'); end";
    let pg = "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
              create trigger refuse before delete on leases for each row execute function refuse()";
    server.change(lite, pg).await;
    assert_eq!(access_tokens(&server).await, 1);

    server.advance(2 * DAY);
    server
        .until("tokens that have expired are swept", async || {
            server.advance(HOUR);
            (access_tokens(&server).await == 0).then_some(())
        })
        .await;
    source.get(&lease).await.ok();
}
