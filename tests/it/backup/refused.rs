//! Nothing is overwritten, and nothing is put where it does not belong.

use std::fs;

use polity_tests::run;

use crate::support::{Taken, backup, command, restore, server_on};

#[tokio::test]
async fn a_restore_never_overwrites_a_database() {
    let taken = Taken::new(&[]).await;
    let running = taken.server.data_dir();
    restore(&taken.backup(), &running).await.refused("another polity runs on");

    let stopped = taken.path("stopped");
    restore(&taken.backup(), &stopped).await.ok();
    let before = fs::read(stopped.join("polity.db")).unwrap();
    restore(&taken.backup(), &stopped).await.refused("polity.db: a database is here already");
    assert_eq!(fs::read(stopped.join("polity.db")).unwrap(), before);

    // The log of a database that is gone would be played into the restored one.
    fs::remove_file(stopped.join("polity.db")).unwrap();
    fs::write(stopped.join("polity.db-wal"), "x").unwrap();
    restore(&taken.backup(), &stopped).await.refused("polity.db-wal: a database is here already");

    // With the same keys and no database it can be repeated.
    fs::remove_file(stopped.join("polity.db-wal")).unwrap();
    restore(&taken.backup(), &stopped).await.ok();
    let again = server_on(&stopped).await;
    taken.check_credential(&again).await;
    again.stop().await;
}

#[tokio::test]
async fn a_restore_does_not_replace_another_key() {
    let taken = Taken::new(&[]).await;
    let other = taken.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("secret.key"), "ab".repeat(32)).unwrap();
    restore(&taken.backup(), &other).await.refused("secret.key: another key is here already");
    assert_eq!(fs::read_to_string(other.join("secret.key")).unwrap(), "ab".repeat(32));
    assert!(!other.join("polity.db").exists());
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_is_not_made_of_nothing() {
    let taken = Taken::new(&[]).await;
    let data_dir = taken.server.data_dir();
    backup(&data_dir, &taken.backup(), &[]).await.refused("there is something already");
    backup(&data_dir, &taken.backup().join("polity.db"), &[]).await.refused("there is something already");
    backup(&taken.path("nowhere"), &taken.path("new"), &[]).await.refused("there is no database");
    let partial = taken.path("new.partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("letter.txt"), "x").unwrap();
    backup(&data_dir, &taken.path("new"), &[]).await.refused("letter.txt: this is in the way");
    assert!(partial.join("letter.txt").exists() && !taken.path("new").exists());
}

#[tokio::test]
async fn a_backup_without_a_secret_key_has_to_be_asked_for() {
    let taken = Taken::new(&[]).await;
    let restored = taken.path("restored");
    restore(&taken.backup(), &restored).await.ok();
    fs::remove_file(restored.join("secret.key")).unwrap();
    backup(&restored, &taken.path("new"), &[]).await.refused("secret.key: the secret key is missing");
    assert!(!taken.path("new").exists() && !taken.path("new.partial").exists());
    backup(&restored, &taken.path("new"), &["--without-keys"]).await.ok();
}

#[tokio::test]
async fn a_server_makes_no_secret_key_for_a_database_that_had_one() {
    let taken = Taken::new(&["--without-keys"]).await;
    let restored = taken.path("restored");
    let said = restore(&taken.backup(), &restored).await.ok();
    let next = said.lines().find(|line| line.trim_start().starts_with("next")).expect("the next step");
    assert!(next.contains("put the secret key of that server into"), "{said}");
    let serve = async || run(command(&["serve", "--listen", "127.0.0.1:0"], &[("--data-dir", &restored)])).await;
    serve().await.refused("secret.key is missing, the secret key this database was made with");
    assert!(!restored.join("secret.key").exists() && !restored.join("operator.key").exists());

    fs::write(restored.join("secret.key"), "ab".repeat(32)).unwrap();
    serve().await.refused("secret.key is not the secret key this database was made with");
    fs::copy(taken.server.data_dir().join("secret.key"), restored.join("secret.key")).unwrap();
    let server = server_on(&restored).await;
    taken.check_credential(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_restore_is_refused_while_another_has_the_file() {
    let taken = Taken::new(&[]).await;
    let (file, elsewhere) = (taken.path("x.db"), taken.path("elsewhere"));
    let url = format!("sqlite:{}", file.display());
    let lock = fs::File::create(taken.path("x.db.lock")).unwrap();
    lock.lock().unwrap();
    let paths = [("--from", taken.backup()), ("--data-dir", elsewhere)];
    let paths = paths.each_ref().map(|(flag, path)| (*flag, path.as_path()));
    run(command(&["restore", "--database-url", &url], &paths)).await.refused("another polity uses the database");
    assert!(!file.exists());
}
