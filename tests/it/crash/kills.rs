//! The test.

use std::path::Path;
use std::time::Duration;

use polity_tests::load::{self, Ledger, Load, Process, Servers, audit};
use rusqlite::Connection;

const KILLS: u32 = 50;
const WRITERS: u32 = 4;

/// xorshift64*: the moments of the kills, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

#[tokio::test]
async fn fifty_kills_lose_nothing_and_leave_nothing_half_done() {
    let binary = polity_tests::binary();
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, port, http) = (directory.path().join("data"), load::free_port(), load::client());
    let url = format!("http://127.0.0.1:{port}");
    let start = async || Process::start(load::serve(&binary, &data_dir, port), port, &http).await;
    let mut server = start().await;

    let load = Load::start("w", WRITERS, std::slice::from_ref(&url), Servers::Mortal).await;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(20 + random.below(180))).await;
        server.kill();
        server = start().await;
    }
    let ledgers = load.stop().await;

    settled(&http, &url).await;
    for ledger in &ledgers {
        audit::acknowledged(&http, &url, ledger).await;
    }
    for (what, found) in Ledger::totals(&ledgers) {
        assert!(found >= 5, "only {found} {what} were acknowledged: the test proves little");
        println!("{found} {what} acknowledged");
    }
    server.kill();
    let written_again = audit::mails(&[data_dir.join("outbox")], &ledgers);
    assert_eq!(written_again, 0, "a file was listed twice");
    database(&data_dir.join("polity.db"));
}

/// The database is whole: its structure, its references, its event logs, and nothing half done.
fn database(path: &Path) {
    let conn = Connection::open(path).unwrap();
    let integrity: String = conn.query_row("pragma integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let count = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from pragma_foreign_key_check"), 0, "references to nothing");
    for (what, sql) in audit::FLAWS {
        assert_eq!(count(sql), 0, "{what}");
    }
}

/// Waits until no work and no mail is left, for 30 seconds at most.
async fn settled(http: &reqwest::Client, url: &str) {
    for _ in 0..600 {
        let text = http.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        let is = |line: &str| text.lines().any(|found| found == line);
        if is("polity_jobs 0") && is("polity_mails{state=\"waiting\"} 0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the work left by the kills is not done");
}
