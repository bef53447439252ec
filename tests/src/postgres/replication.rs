//! Standbys: a copy of a cluster that follows it, and takes over when told.

use std::time::Duration;

use tokio_postgres::Client;

use super::{Cluster, Start, blocking};

impl Cluster {
    /// A standby that streams from this cluster. Both are private to a test: the shared cluster has none.
    pub async fn standby(&self) -> Cluster {
        let source = self.address();
        blocking(move || {
            Start::prepare(|start| {
                start.run("pg_basebackup", |command| {
                    let (host, port) = (source.ip().to_string(), source.port().to_string());
                    command.args(["--host", &host, "--port", &port, "--username", super::USER]);
                    command.args(["--write-recovery-conf", "--checkpoint", "fast", "--wal-method", "stream"]);
                    command.args(["--no-sync", "--pgdata"]).arg(start.data());
                });
                // Copied along when the primary is synchronous: after the promotion nobody would follow.
                start.append("postgresql.auto.conf", "synchronous_standby_names = ''\n");
            })
        })
        .await
    }

    /// Lets every commit wait until a standby has written it to its log, from now on and after a restart. There
    /// has to be a standby, and it has to stay: a commit waits for it for ever.
    pub async fn make_synchronous(&self) {
        let client = self.client().await;
        for statement in ["alter system set synchronous_standby_names = '*'", "select pg_reload_conf()"] {
            client.batch_execute(statement).await.expect("a synchronous cluster");
        }
        let synchronous = "select exists (select from pg_stat_replication where sync_state = 'sync')";
        until_true(&client, synchronous, "a standby is synchronous").await;
    }

    /// Waits until this standby shows everything that the primary has committed before the call.
    pub async fn caught_up_with(&self, primary: &Cluster) {
        let row = primary.client().await.query_one("select pg_current_wal_lsn()::text", &[]).await.expect("a position");
        let position: &str = row.get(0);
        let reached = format!("select pg_last_wal_replay_lsn() >= '{position}'::pg_lsn");
        until_true(&self.client().await, &reached, "the standby has caught up").await;
    }

    /// Makes a primary of this standby, with all it has received; the old primary should be stopped first.
    pub async fn promote(&self) {
        let client = self.client().await;
        client.batch_execute("select pg_promote(true, 60)").await.expect("a promotion");
        until_true(&client, "select not pg_is_in_recovery()", "the standby is promoted").await;
    }
}

/// Asks again and again, for ten seconds at most.
async fn until_true(client: &Client, question: &str, what: &str) {
    for _ in 0..1000 {
        let row = client.query_one(question, &[]).await.expect(what);
        if row.get::<_, Option<bool>>(0) == Some(true) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("gave up waiting until {what}");
}
