//! What must be true of the database and of both replicas in the end.

use std::time::Duration;

use polity_tests::load::{Ledger, audit};
use tokio_postgres::Client;

use crate::replicas::Pair;

/// Waits until all work is done, and compares everything with what was acknowledged. Returns how many mails both
/// replicas delivered, under the same name.
pub async fn everything(pair: &Pair, database: &Client, ledgers: &[Ledger]) -> usize {
    settled(database).await;
    for url in pair.urls() {
        for ledger in ledgers {
            audit::acknowledged(&pair.http, &url, ledger).await;
        }
    }
    flawless(database).await;
    let written_again = audit::mails(&pair.outboxes(), ledgers);
    println!("{written_again} mails were delivered by both replicas");
    for (what, found) in Ledger::totals(ledgers) {
        println!("{found} {what} acknowledged");
        assert!(found >= 5, "only {found} {what} were acknowledged: the test proves little");
    }
    written_again
}

/// Nothing is half done, and nothing twice.
pub async fn flawless(database: &Client) {
    for (what, sql) in audit::FLAWS {
        assert_eq!(count(database, sql).await, 0, "{what}");
    }
}

/// What a statement counts.
pub async fn count(database: &Client, sql: &str) -> i64 {
    database.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// Waits until no work and no mail is left, for a minute at most: that of a dead replica is taken over when its
/// lease ends.
async fn settled(database: &Client) {
    for _ in 0..1200 {
        let left = "select (select count(*) from jobs) + (select count(*) from mails)";
        if count(database, left).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let jobs = database.query("select kind, attempts::text, last_error, run_at::text from jobs", &[]).await.unwrap();
    let jobs: Vec<[String; 4]> = jobs.iter().map(|row| [row.get(0), row.get(1), row.get(2), row.get(3)]).collect();
    panic!("work is left: {jobs:?}");
}
