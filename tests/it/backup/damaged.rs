//! A backup that is no longer what was taken is refused, and the message says
//! where.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Taken, restore, verify};

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn change_manifest(dir: &Path, change: impl FnOnce(&mut Value)) {
    let path = dir.join("manifest.json");
    let mut manifest = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(path, manifest.to_string()).unwrap();
}

/// Changes the database, and the manifest so that the file is the right one.
fn change_database(dir: &Path, sql: &str) {
    let path = dir.join("polity.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let bytes = fs::read(&path).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    change_manifest(dir, |manifest| {
        manifest["files"]["polity.db"] = serde_json::json!({"size_bytes": bytes.len(), "sha256": digest});
    });
}

type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: &[Damage] = &[
    ("a flipped bit", |dir| flip(&dir.join("polity.db")), "polity.db is damaged: its checksum"),
    ("a flipped bit in a key", |dir| flip(&dir.join("secret.key")), "secret.key is damaged"),
    ("a database cut short", |dir| cut(&dir.join("polity.db")), "polity.db has 4096 bytes, manifest.json says"),
    ("no database", |dir| fs::remove_file(dir.join("polity.db")).unwrap(), "polity.db is missing"),
    ("no key", |dir| fs::remove_file(dir.join("operator.key")).unwrap(), "operator.key is missing"),
    ("no manifest", |dir| fs::remove_file(dir.join("manifest.json")).unwrap(), "it has no manifest.json"),
    ("no JSON", |dir| fs::write(dir.join("manifest.json"), "{").unwrap(), "manifest.json: EOF"),
    (
        "another number of rows",
        |dir| change_manifest(dir, |m| m["tables"]["users"]["rows"] = 7.into()),
        "table users has 1 rows, manifest.json says 7",
    ),
    (
        "a table the manifest does not know",
        |dir| change_manifest(dir, |m| drop(m["tables"].as_object_mut().unwrap().remove("users"))),
        "table users is missing from manifest.json",
    ),
    (
        "a name that leads elsewhere",
        |dir| change_manifest(dir, |m| m["files"]["../x"] = m["files"]["polity.db"].clone()),
        "manifest.json names \"../x\"",
    ),
    (
        "a manifest of the future",
        |dir| change_manifest(dir, |m| m["format"] = 2.into()),
        "manifest.json has form 2, this release reads up to 1",
    ),
    (
        "another row",
        |dir| change_database(dir, "update users set name = 'eve'"),
        "table users has other rows than manifest.json says",
    ),
    (
        "a lost reference",
        |dir| change_database(dir, "pragma foreign_keys = off; delete from users"),
        "a row of table members refers to one of users that is missing",
    ),
    (
        "a schema of the future",
        |dir| change_database(dir, "insert into schema_migrations values (99, 'later', '', 0)"),
        "the database has schema 99",
    ),
];

fn cut(path: &Path) {
    fs::File::options().write(true).open(path).unwrap().set_len(4096).unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_backup_is_named() {
    let taken = Taken::new(&[]).await;
    for (what, damage, why) in DAMAGES {
        let (dir, restored) = (taken.path(what), taken.path("restored"));
        fs::create_dir(&dir).unwrap();
        for file in fs::read_dir(taken.backup()).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), dir.join(file.file_name())).unwrap();
        }
        damage(&dir);
        verify(&dir).await.refused(why);
        restore(&dir, &restored).await.refused(why);
        assert!(!restored.exists(), "{what}: nothing is made of it");
    }
    verify(&taken.backup()).await.ok();
}
