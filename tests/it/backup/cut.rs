//! A backup that is cut leaves nothing that could be taken for one.

use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Taken, backup, command, verify};

/// So many that a backup is not over before it can be killed.
const EVENTS: &str = "insert into events (id, actor_kind, actor_name, object_kind, object_id, object_name, verb,
    metadata, created_at) select randomblob(16), 'USER', 'ann', 'USER', randomblob(16), 'ann', 'seen', '{}', 0 from
    (with recursive n(value) as (select 1 union all select value + 1 from n where value < 60000) select value from n)";

#[tokio::test]
async fn a_killed_backup_leaves_no_backup_and_the_next_one_works() {
    let taken = Taken::new(&[]).await;
    let (data_dir, to, partial) = (taken.server.data_dir(), taken.path("new"), taken.path("new.partial"));
    let conn = Connection::open(data_dir.join("polity.db")).unwrap();
    conn.busy_timeout(Duration::from_secs(10)).unwrap();
    conn.execute_batch(EVENTS).unwrap();

    for (moment, size) in [("polity.lock", 0), ("polity.db", 0), ("polity.db", 1)] {
        let mut child = command(&["backup"], &[("--data-dir", &data_dir), ("--to", &to)]).spawn().unwrap();
        while !std::fs::metadata(partial.join(moment)).is_ok_and(|file| file.len() >= size) {
            assert!(child.try_wait().unwrap().is_none(), "the backup ended by itself before {moment}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().await.unwrap();
        assert!(!to.exists() && partial.exists(), "{moment}");
        verify(&to).await.refused("it has no manifest.json");
        std::fs::rename(&partial, taken.path(&format!("cut at {moment} {size}"))).unwrap();
    }
    std::fs::rename(taken.path("cut at polity.db 1"), &partial).unwrap();

    backup(&data_dir, &to, &[]).await.ok();
    assert!(!partial.exists(), "the next backup with the name clears up");
    assert!(verify(&to).await.ok().contains(" is whole\n"));
}

#[tokio::test]
async fn two_backups_do_not_share_a_name() {
    let taken = Taken::new(&[]).await;
    let (data_dir, to, partial) = (taken.server.data_dir(), taken.path("new"), taken.path("new.partial"));
    std::fs::create_dir(&partial).unwrap();
    let lock = std::fs::File::create(partial.join("polity.lock")).unwrap();
    lock.lock().unwrap();
    backup(&data_dir, &to, &[]).await.refused("another backup with this name is being taken");
    drop(lock);
    backup(&data_dir, &to, &[]).await.ok();
}
