//! What GitHub tells: in any order, twice, never, and by somebody who is not GitHub.

use polity_tests::github::{Delivery, Fault, GitHub, WEBHOOK_SECRET, signature};
use polity_tests::{Reply, TestServer};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::index::repositories;
use crate::setup::{HOUR, Installed, MINUTE, SECOND, names_at, servers};

/// A server with an installation of three repositories, all read.
async fn three(server: &TestServer, github: &GitHub) -> Installed {
    let ann = server.person("ann").await;
    let acme = Installed::new(github, &ann, "acme", |github, account| repositories(github, account, 3)).await;
    acme.indexed(server).await;
    acme
}

#[tokio::test]
async fn a_push_is_seen() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    let before = acme.repositories(&server).await.remove(1);
    let asked = github.recorded().len();
    server.advance(5 * SECOND);
    github.world(|world| {
        let id = world.repo_named("acme/repo-00001").unwrap();
        world.push(id, "feature");
        world.repo_mut(id).description = "what it is now".to_owned();
    });
    github.deliver(&server).await;
    acme.indexed(&server).await;
    let after = acme.repositories(&server).await.remove(1);
    assert_eq!((&after["id"], &after["description"]), (&before["id"], &json!("what it is now")));
    assert!(after["last_push_date"].as_str() > before["last_push_date"].as_str(), "{before} {after}");
    assert_eq!(acme.branches(&server, &after).await, ["feature", "main"]);
    // Of the others nobody asked.
    let about: Vec<_> = github.recorded()[asked..].iter().map(|one| one.path.clone()).collect();
    assert!(about.iter().all(|path| !path.contains("/installation/repositories")), "{about:#?}");
    assert!(about.iter().filter(|path| path.ends_with("/branches")).all(|path| path.contains("repo-00001")));

    github.world(|world| world.remove_branch(world.repo_named("acme/repo-00001").unwrap(), "feature"));
    github.deliver(&server).await;
    acme.indexed(&server).await;
    assert_eq!(acme.branches(&server, &after).await, ["main"]);
    server.stop().await;
}

#[tokio::test]
async fn repositories_that_come_go_and_change_their_name_are_seen() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    let id = acme.repositories(&server).await[1]["id"].clone();
    github.world(|world| {
        world.rename(world.repo_named("acme/repo-00001").unwrap(), "renamed");
        world.remove_repo(world.repo_named("acme/repo-00002").unwrap());
        world.repo(acme.account, "new");
    });
    github.deliver(&server).await;
    acme.indexed(&server).await;
    assert_eq!(acme.names(&server).await, names_at(&github, acme.account));
    let renamed = acme.repositories(&server).await.into_iter().find(|one| one["name"] == "acme/renamed").unwrap();
    assert_eq!((&renamed["id"], acme.branches(&server, &renamed).await), (&id, vec!["main".to_owned()]));
    let found = acme.get(&server).await;
    assert_eq!((&found["indexed_repositories"], &found["total_repositories"]), (&json!(3), &json!(3)));

    let chosen = github.world(|world| world.repo_named("acme/new").unwrap());
    github.world(|world| world.select(acme.installation, &[chosen]));
    github.deliver(&server).await;
    acme.indexed(&server).await;
    assert_eq!(acme.names(&server).await, ["acme/new".to_owned()].into());
    server.stop().await;
}

#[tokio::test]
async fn an_installation_is_suspended_works_again_and_is_removed() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    github.world(|world| world.suspend(acme.installation));
    github.deliver(&server).await;
    let found = acme.has_status(&server, "SUSPENDED").await;
    assert!(found["suspended_at"].is_string());
    assert_eq!(acme.names(&server).await.len(), 3, "what was read stays");
    // What happens now is not told, and found when it works again.
    server.advance(5 * SECOND);
    github.world(|world| {
        world.push(world.repo_named("acme/repo-00000").unwrap(), "unseen");
        world.deliveries.clear();
        world.unsuspend(acme.installation);
    });
    github.deliver(&server).await;
    let found = acme.has_status(&server, "INSTALLED").await;
    assert_eq!(found["suspended_at"], Value::Null);
    acme.indexed(&server).await;
    let first = acme.repositories(&server).await.remove(0);
    assert_eq!(acme.branches(&server, &first).await, ["main", "unseen"]);

    github.world(|world| world.uninstall(acme.installation));
    github.deliver(&server).await;
    acme.has_status(&server, "DELETED").await;
    acme.forgotten(&server).await;
    let found = acme.indexed(&server).await;
    assert_eq!((&found["indexed_repositories"], &found["total_repositories"]), (&json!(0), &json!(0)));
    // Nobody asks about it any more.
    let asked = github.recorded().len();
    server.advance(3 * HOUR);
    let call = server.call("POST", &format!("/v1/git/sync/organization/{}", acme.organization.id));
    call.token(&acme.organization.token).send().await.error(400, "failed_precondition");
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(github.recorded().len(), asked);

    let reply = server.call("GET", "/v1/events?limit=100").token(&acme.organization.token).send().await.ok();
    let kinds: Vec<_> = reply["events"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    let about: Vec<_> = kinds.iter().filter_map(|kind| kind.strip_prefix("github_installation.")).collect();
    assert_eq!(about, ["created", "suspended", "unsuspended", "deleted"]);
    server.stop().await;
}

#[tokio::test]
async fn deliveries_in_any_order_and_twice_end_in_what_is_true() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    for (round, name) in ["one", "two", "three", "four"].into_iter().enumerate() {
        let acme = Installed::new(&github, &ann, name, |github, account| repositories(github, account, 2)).await;
        acme.indexed(&server).await;
        github.world(|world| {
            world.suspend(acme.installation);
            world.repo(acme.account, "new");
            world.unsuspend(acme.installation);
            let first = world.repos_of(acme.account)[0];
            world.push(first, "a");
            world.remove_branch(first, "a");
            world.push(first, "b");
            world.rename(first, "renamed");
        });
        let mut deliveries = github.deliveries();
        match round {
            0 => {}
            1 => deliveries.reverse(),
            2 => deliveries.rotate_left(3),
            _ => deliveries.sort_by(|a, b| a.event.cmp(&b.event).then(b.id.cmp(&a.id))),
        }
        for delivery in deliveries.iter().chain(deliveries.iter().rev()) {
            assert_eq!(delivery.send(&server).await.status, 202);
        }
        acme.has_status(&server, "INSTALLED").await;
        acme.indexed(&server).await;
        assert_eq!(acme.names(&server).await, names_at(&github, acme.account), "{name}");
        let all = acme.repositories(&server).await;
        let renamed = all.iter().find(|one| one["name"] == format!("{name}/renamed")).unwrap();
        assert_eq!(acme.branches(&server, renamed).await, ["b", "main"], "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_told_while_github_is_asked_is_looked_at_whatever_the_clocks_say() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    github.fail("/app/installations/", 0, Fault::Late);
    github.world(|world| world.unsuspend(acme.installation));
    github.deliver(&server).await;
    server.until("GitHub is asked", async || (!github.has_faults()).then_some(())).await;
    github.world(|world| world.uninstall(acme.installation));
    // Who is told has a clock that is ahead of that of who asks.
    server.clock.advance(2 * SECOND);
    github.deliver(&server).await;
    server.clock.advance(-2 * SECOND);
    github.let_through();
    acme.has_status(&server, "DELETED").await;
    server.stop().await;
}

#[tokio::test]
async fn a_delivery_that_comes_again_has_nothing_asked() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    github.world(|world| world.push(world.repo_named("acme/repo-00001").unwrap(), "main"));
    let push = github.deliveries().pop().unwrap();
    assert_eq!(push.send(&server).await.status, 202);
    acme.indexed(&server).await;
    let asked = github.recorded().len();
    for _ in 0..5 {
        assert_eq!(push.send(&server).await.status, 202);
        assert_eq!(acme.get(&server).await["indexing_status"], "COMPLETED");
    }
    assert_eq!(github.recorded().len(), asked);
    // It is forgotten after a week, when GitHub has long given up.
    server.advance(8 * 24 * HOUR);
    server
        .until("the delivery is forgotten", async || {
            server.advance(MINUTE);
            push.send(&server).await;
            (acme.get(&server).await["indexing_status"] == "IN_PROGRESS").then_some(())
        })
        .await;
    server.stop().await;
}

#[tokio::test]
async fn what_no_webhook_told_is_found_after_a_while() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    server.advance(5 * SECOND);
    github.world(|world| {
        world.push(world.repo_named("acme/repo-00001").unwrap(), "lost");
        world.repo(acme.account, "lost");
        world.remove_repo(world.repo_named("acme/repo-00002").unwrap());
    });
    let _ = github.deliveries();
    server.advance(HOUR + MINUTE);
    server
        .until("it is found", async || (acme.names(&server).await == names_at(&github, acme.account)).then_some(()))
        .await;
    acme.indexed(&server).await;
    let all = acme.repositories(&server).await;
    let pushed = all.iter().find(|one| one["name"] == "acme/repo-00001").unwrap();
    assert_eq!(acme.branches(&server, pushed).await, ["lost", "main"]);
    github.world(|world| world.suspend(acme.installation));
    let _ = github.deliveries();
    server.advance(HOUR + MINUTE);
    acme.has_status(&server, "SUSPENDED").await;
    github.world(|world| world.uninstall(acme.installation));
    let _ = github.deliveries();
    server.advance(HOUR + MINUTE);
    acme.has_status(&server, "DELETED").await;
    server.stop().await;
}

#[tokio::test]
async fn only_github_is_listened_to() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    github.world(|world| world.uninstall(acme.installation));
    let told = github.deliveries().pop().unwrap();
    let asked = github.recorded().len();
    let wrong = [
        String::new(),
        "sha256=".to_owned(),
        format!("sha256={}", "0".repeat(64)),
        signature(told.body.as_bytes(), "another secret"),
        signature(b"another body", WEBHOOK_SECRET),
        signature(told.body.as_bytes(), WEBHOOK_SECRET).replace("sha256=", "sha1="),
    ];
    for signature in &wrong {
        told.send_signed(&server, signature).await.error(401, "authentication_error");
    }
    assert_eq!((acme.get(&server).await["status"].as_str(), github.recorded().len()), (Some("INSTALLED"), asked));
    // A refused delivery is not taken for one that was seen.
    assert_eq!(told.send(&server).await.status, 202);
    acme.has_status(&server, "DELETED").await;
    server.stop().await;
}

/// A delivery with a good signature, and whatever headers and body.
async fn deliver(server: &TestServer, id: &str, event: &str, body: &[u8]) -> Reply {
    let call = server.call("POST", "/webhooks/github").header("x-hub-signature-256", &signature(body, WEBHOOK_SECRET));
    let call = if id.is_empty() { call } else { call.header("x-github-delivery", id) };
    let call = if event.is_empty() { call } else { call.header("x-github-event", event) };
    call.body(body).send().await
}

const ID: &str = "0b989ba4-242f-11e5-81e1-c7b6966d2516";

#[tokio::test]
async fn what_is_malformed_is_refused_with_its_reason() {
    let (server, github) = servers().await;
    three(&server, &github).await;
    deliver(&server, "", "push", b"{}").await.field("X-GitHub-Delivery");
    deliver(&server, "1", "push", b"{}").await.field("X-GitHub-Delivery");
    deliver(&server, ID, "", b"{}").await.field("X-GitHub-Event");
    deliver(&server, ID, "Push!", b"{}").await.field("X-GitHub-Event");
    for body in ["", "payload=%7B%7D", "[", "\u{0}"] {
        deliver(&server, ID, "push", body.as_bytes()).await.field("body");
        deliver(&server, ID, "star", body.as_bytes()).await.field("body");
    }
    for body in ["[]", "7", r#"{"installation": 7}"#, r#"{"installation": {"id": "x"}}"#, r#"{"repository": []}"#] {
        deliver(&server, ID, "push", body.as_bytes()).await.field("body");
    }
    // What is of no concern, or about nobody here, is taken.
    for (event, body) in [
        ("ping", r#"{"zen": "x", "hook_id": 1}"#),
        ("star", r#"{"action": "created", "installation": {"id": "x"}}"#),
        ("push", "{}"),
        ("push", r#"{"installation": {"id": 7}, "repository": {"id": 8}}"#),
        ("installation", r#"{"action": "created", "installation": {"id": 7, "account": {"id": 9}}}"#),
        ("installation", r#"{"action": "deleted", "installation": {"id": 9223372036854775807}}"#),
    ] {
        let id = Delivery::new(event, body).id;
        assert_eq!(deliver(&server, &id, event, body.as_bytes()).await.status, 202, "{event} {body}");
    }
    let large = vec![b' '; (25 << 20) + 1];
    assert_eq!(deliver(&server, ID, "push", &large).await.status, 400);
    server.stop().await;

    let server = TestServer::start().await;
    deliver(&server, ID, "push", b"{}").await.error(400, "failed_precondition");
    server.stop().await;
}

/// Any JSON, of the size of a small payload.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(
                prop_oneof![
                    Just("action".to_owned()),
                    Just("installation".to_owned()),
                    Just("repository".to_owned()),
                    Just("id".to_owned()),
                    Just("account".to_owned()),
                    ".{0,6}"
                ],
                inner,
                0..5
            )
            .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Changes one place of a payload.
fn mutated(payload: Value, path: &[usize], with: Value) -> Value {
    let Some((step, rest)) = path.split_first() else { return with };
    match payload {
        Value::Object(mut map) if !map.is_empty() => {
            let key = map.keys().nth(step % map.len()).cloned().expect("a key");
            let inner = map.remove(&key).expect("a value");
            map.insert(key, mutated(inner, rest, with));
            map.into()
        }
        Value::Array(mut list) if !list.is_empty() => {
            let place = step % list.len();
            let inner = list[place].take();
            list[place] = mutated(inner, rest, with);
            list.into()
        }
        _ => with,
    }
}

#[tokio::test]
async fn whatever_is_sent_is_never_an_error_of_ours_and_changes_nothing_unsigned() {
    let (server, github) = servers().await;
    let acme = three(&server, &github).await;
    github.world(|world| {
        let first = world.repos_of(acme.account)[0];
        world.push(first, "x");
        world.rename(first, "y");
        world.suspend(acme.installation);
        world.unsuspend(acme.installation);
        world.uninstall(acme.installation);
    });
    let real = github.deliveries();
    let before = acme.get(&server).await;
    let asked = github.recorded().len();
    let mut runner = TestRunner::new(Config { cases: 1, failure_persistence: None, ..Config::default() });
    let bodies = (any_json(), prop::collection::vec(any::<usize>(), 0..4), ".{0,40}", any::<[u8; 32]>());
    let mut samples = Vec::new();
    for _ in 0..300 {
        samples.push(bodies.new_tree(&mut runner).unwrap().current());
    }
    for (n, (json, path, text, tag)) in samples.iter().enumerate() {
        let one = &real[n % real.len()];
        let payload = mutated(serde_json::from_str(&one.body).unwrap(), path, json.clone());
        let body = if n % 5 == 0 { text.clone() } else { payload.to_string() };
        let delivery = Delivery::new(&one.event, &body);
        // Without a signature of GitHub: nothing happens.
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        let visible: String = text.chars().filter(char::is_ascii_graphic).collect();
        for wrong in [format!("sha256={hex}"), signature(b"another", WEBHOOK_SECRET), visible] {
            let reply = delivery.send_signed(&server, &wrong).await;
            assert_eq!(reply.status, 401, "{}", reply.text);
        }
    }
    assert_eq!((acme.get(&server).await, github.recorded().len()), (before, asked));
    assert!(!acme.names(&server).await.is_empty());
    // With one: taken or refused as what it is.
    for (n, (json, path, text, _)) in samples.iter().enumerate() {
        let one = &real[n % real.len()];
        let payload = mutated(serde_json::from_str(&one.body).unwrap(), path, json.clone());
        let body = if n % 5 == 0 { text.clone() } else { payload.to_string() };
        let reply = Delivery::new(&one.event, &body).send(&server).await;
        assert!(matches!(reply.status, 202 | 400), "{body}: {} {}", reply.status, reply.text);
    }
    // None of it was believed, and the truth was asked for: the app is gone.
    acme.has_status(&server, "DELETED").await;
    server.stop().await;
}

#[tokio::test]
async fn an_approval_nobody_told_of_is_found_after_a_while() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let mut waiting = Vec::new();
    for name in ["told", "lost", "unreachable"] {
        let organization = ann.organization(name).await;
        let (owner, member, account) = github.world(|world| {
            let owner = world.user(&format!("{name}-owner"), "owner@example.com");
            let member = world.user(&format!("{name}-member"), "member@example.com");
            let account = world.organization(name, owner);
            world.account_mut(account).members.insert(member);
            (owner, member, account)
        });
        let call = server.call("POST", "/v1/github/installation").token(&organization.token);
        let started = call.send().await.ok();
        let back = github.install(member, started["url"].as_str().unwrap(), account);
        let call = server.call("POST", "/v1/account/oauth").token(&organization.token).json(&back.json());
        call.send().await.ok();
        waiting.push((organization, owner, account));
    }
    let is_bound = async |n: usize| {
        let call = server.call("GET", "/v1/github/installation").token(&waiting[n].0.token);
        call.send().await.status == 200
    };
    let approve = |n: usize| github.approve(waiting[n].1, waiting[n].2);
    let _ = approve(0);
    github.deliver(&server).await;
    server.until("it is bound", async || is_bound(0).await.then_some(())).await;
    // GitHub is away when it is to be asked: the delivery is not taken, and can come again.
    let approved = approve(2).installation_id.unwrap();
    let told = github.deliveries().pop().unwrap();
    github.fail(&format!("/app/installations/{approved}"), 0, Fault::Status(502));
    told.send(&server).await.error(503, "api_error");
    assert_eq!(told.send(&server).await.status, 202);
    server.until("it is bound", async || is_bound(2).await.then_some(())).await;
    assert!(!is_bound(1).await);
    let _ = approve(1);
    let _ = github.deliveries();
    server.advance(HOUR + MINUTE);
    server.until("it is bound", async || is_bound(1).await.then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn few_large_deliveries_are_read_at_a_time() {
    let github = GitHub::start().await;
    let server = TestServer::start_alone_with(|config| github.configure(config)).await;
    let large = Delivery::new("ping", &json!({"zen": "x".repeat(3 << 20)}).to_string());
    assert_eq!(large.send(&server).await.status, 202);
    // Somebody who is not GitHub begins large ones and does not end them.
    let mut begun = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\nx-hub-signature-256: sha256={}\r\n\r\nand",
            "0".repeat(64)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        begun.push(stream);
    }
    server
        .until("there is no room for another", async || {
            let reply = large.send(&server).await;
            (reply.status == 503).then(|| assert!(reply.headers.contains_key("retry-after")))
        })
        .await;
    assert_eq!(Delivery::new("ping", "{}").send(&server).await.status, 202, "others are as small as any request");
    drop(begun);
    server.until("there is room", async || (large.send(&server).await.status == 202).then_some(())).await;
    server.stop().await;
}
