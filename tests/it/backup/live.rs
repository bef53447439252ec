//! A backup of a server that is written to, and a server made of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use polity_tests::{PASSWORD, TestServer};
use rusqlite::Connection;
use serde_json::json;

use crate::support::{Taken, backup, restore, server_on, verify};

const WRITERS: usize = 4;

/// An organization whose creation was acknowledged, with a credential of it.
#[derive(Clone)]
struct Made {
    id: String,
    name: String,
    credential: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_all_that_was_acknowledged_and_nothing_half() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 0).await;
    let directory = tempfile::tempdir().unwrap();
    let (to, restored) = (directory.path().join("backup"), directory.path().join("restored"));
    let (made, stop) = (Arc::new(Mutex::new(Vec::<Made>::new())), AtomicBool::new(false));
    let mut people = Vec::new();
    for n in 0..WRITERS {
        people.push(server.person(&format!("writer-{n}")).await);
    }

    let writers = join_all(people.iter().enumerate().map(|(n, person)| {
        let (made, stop) = (made.clone(), &stop);
        async move {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let organization = person.organization(&format!("w{n}-{round}")).await;
                let (_, credential) = person.credential(&organization, "ORGANIZATION").await;
                made.lock().unwrap().push(Made { id: organization.id, name: organization.name, credential });
            }
        }
    }));
    let taking = async {
        let count = || made.lock().unwrap().len();
        server.until("there is something to lose", async || (count() >= 40).then_some(())).await;
        let before = made.lock().unwrap().clone();
        let said = backup(&server.data_dir(), &to, &[]).await.ok();
        assert!(said.starts_with(&format!("backup written to {}\n", to.display())), "{said}");
        let written = count() - before.len();
        server.until("writers go on", async || (count() > before.len() + written).then_some(())).await;
        stop.store(true, Ordering::Relaxed);
        println!("{} organizations before the backup, {written} during it", before.len());
        (before, written)
    };
    let (_, (before, written)) = tokio::join!(writers, taking);
    assert!(written > 0, "nothing was written during the backup: the test proves little");

    nothing_half(&to.join("polity.db"));
    verify(&to).await.ok();
    restore(&to, &restored).await.ok();
    let again = server_on(&restored).await;
    for organization in &before {
        let call = again.call("GET", &format!("/v1/organizations/{}", organization.id)).token(&organization.credential);
        assert_eq!(call.send().await.ok()["organization"]["name"], organization.name.as_str());
    }
    let credentials = json!({"email": people[0].email, "password": PASSWORD});
    again.call("POST", "/v1/account/login").json(&credentials).send().await.ok();
    again.call("GET", "/v1/account/profile").token(&people[0].token).send().await.ok();
    again.stop().await;
    server.stop().await;
}

fn nothing_half(path: &std::path::Path) {
    let conn = Connection::open(path).unwrap();
    let count = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    for (what, sql) in [
        ("member", "select 1 from members m where m.organization_id = o.id and m.status = 'ACTIVE'"),
        ("project", "select 1 from projects p where p.id = o.default_project_id and p.organization_id = o.id"),
        ("event", "select 1 from events e where e.organization_id = o.id and e.organization_seq = 1"),
    ] {
        let without = format!("select count(*) from organizations o where not exists ({sql})");
        assert_eq!(count(&without), 0, "organizations without a {what}");
    }
    assert_eq!(count("select count(*) from members"), count("select count(*) from organizations"));
}

#[tokio::test]
async fn only_their_owner_reads_a_backup_and_what_is_restored_of_it() {
    let taken = Taken::new(&[]).await;
    let restored = taken.path("restored");
    restore(&taken.backup(), &restored).await.ok();
    let names = |path: &std::path::Path| {
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&taken.backup()), ["manifest.json", "operator.key", "polity.db", "secret.key"]);
    assert_eq!(names(&restored), ["operator.key", "polity.db", "polity.lock", "secret.key"]);
    #[cfg(unix)]
    for directory in [taken.backup(), restored] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        names(&directory).iter().for_each(|name| assert_eq!(mode(&directory.join(name)), 0o600, "{name:?}"));
    }
}

#[tokio::test]
async fn a_backup_without_keys_needs_the_secret_key_from_elsewhere() {
    let taken = Taken::new(&["--without-keys"]).await;
    let restored = taken.path("restored");
    for key in ["secret.key", "operator.key"] {
        assert!(!taken.backup().join(key).exists(), "{key}");
    }
    let said = restore(&taken.backup(), &restored).await.ok();
    assert!(said.contains("put the secret key of that server into"), "{said}");
    std::fs::copy(taken.server.data_dir().join("secret.key"), restored.join("secret.key")).unwrap();
    let again = server_on(&restored).await;
    taken.check_credential(&again).await;
    again.stop().await;
}

#[tokio::test]
async fn a_backup_into_an_empty_directory_of_a_server_that_is_stopped() {
    let taken = Taken::new(&[]).await;
    let (copy, to) = (taken.path("copy"), taken.path("empty"));
    std::fs::create_dir(&copy).unwrap();
    std::fs::create_dir(&to).unwrap();
    // As a crash leaves it: all that was written is in the log only.
    for name in ["polity.db", "polity.db-wal", "secret.key"] {
        std::fs::copy(taken.server.data_dir().join(name), copy.join(name)).unwrap();
    }
    let log = std::fs::metadata(copy.join("polity.db-wal")).unwrap();
    assert!(log.len() > 0, "nothing is in the log: the test proves little");
    backup(&copy, &to, &[]).await.ok();
    restore(&to, &taken.path("restored")).await.ok();
    let again = server_on(&taken.path("restored")).await;
    taken.check_credential(&again).await;
    again.stop().await;
}

/// Makes projects with a credential, and tells where the feed ends then.
async fn make_projects(server: &TestServer, credential: &str, names: &[&str]) -> String {
    for name in names {
        let project = server.call("POST", "/v1/projects").token(credential).json(&json!({ "name": name }));
        project.send().await.ok();
    }
    let end = server.call("GET", "/v1/events").token(credential).query(&[("after", "latest")]).send().await.ok();
    end["next_cursor"].as_str().expect("a cursor").to_owned()
}

#[tokio::test]
async fn who_follows_a_restored_log_misses_nothing() {
    let taken = Taken::new(&[]).await;
    let (original, credential) = (&taken.server, taken.credential.as_str());
    let kept = make_projects(original, credential, &[]).await;
    let lost = make_projects(original, credential, &["x", "y"]).await;
    let of_all = original.operator("GET", "/operator/v1/events").query(&[("after", "latest")]).send().await.ok();
    restore(&taken.backup(), &taken.path("restored")).await.ok();
    let restored = server_on(&taken.path("restored")).await;
    let after = |cursor: &str| restored.call("GET", "/v1/events").token(credential).query(&[("after", cursor)]).send();
    after(&lost).await.field("after");
    make_projects(&restored, credential, &["a", "b", "c"]).await;
    after(&lost).await.field("after");
    let of_all = [("after", of_all["next_cursor"].as_str().expect("a cursor"))];
    restored.operator("GET", "/operator/v1/events").query(&of_all).send().await.field("after");
    let found = after(&kept).await.ok();
    let names: Vec<_> =
        found["events"].as_array().expect("events").iter().map(|event| &event["object"]["name"]).collect();
    assert_eq!(names, ["a", "b", "c"]);
    restored.stop().await;
}
