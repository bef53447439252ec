//! GitHub fails in every way at every step of reading: what is shown in the
//! meantime is true, and in the end everything is there.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use polity_tests::TestServer;
use polity_tests::github::{Fault, GitHub};

use crate::index::repositories;
use crate::setup::{Installed, MINUTE, names_at, servers};

/// The calls of a reading of 105 repositories: what the path contains, and how
/// many of the kind come before. The first call about the installation is that of installing.
const CALLS: &[(&str, usize)] = &[
    ("/app/installations/", 1),
    ("access_tokens", 0),
    ("/installation/repositories", 0),
    ("/installation/repositories", 1),
    ("/branches", 0),
    ("/branches", 104),
];

/// Waits until everything is read, moving the clock while GitHub is left alone; checks that no earlier answer said so.
async fn read_whole(server: &TestServer, github: &GitHub, acme: &Installed, what: &str) {
    let expected = names_at(github, acme.account);
    let (mut asked, mut known, mut idle) = (0, BTreeSet::new(), 0);
    for _ in 0..4000 {
        let found = acme.get(server).await;
        let (names, now) = (acme.names(server).await, github.recorded().len());
        assert!(known.is_subset(&names), "{what}: repositories were lost");
        known = names;
        if found["indexing_status"] == "COMPLETED" {
            assert!(known == expected, "{what}: said to be complete with {} repositories", known.len());
            let path = "/v1/git/branches?limit=1";
            let reply = server.call("GET", path).token(&acme.organization.token).send().await.ok();
            assert_eq!(reply["count"], expected.len(), "{what}: branches are missing");
            return;
        }
        // Long enough that nobody is merely slow: time that passes ends leases.
        idle = if now == asked { idle + 1 } else { 0 };
        if idle == 10 {
            server.advance(5 * MINUTE);
            idle = 0;
        }
        asked = now;
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    }
    panic!("{what}: it is never read");
}

#[tokio::test]
async fn whatever_fails_at_any_call_everything_is_read_in_the_end() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let mut count = 0;
    for (path, skip) in CALLS {
        for fault in Fault::QUICK {
            let (what, name) = (format!("{fault:?} at {path} after {skip}"), format!("org-{count}"));
            count += 1;
            let acme = Installed::new(&github, &ann, &name, |github, account| {
                repositories(github, account, 105);
                github.fail(path, *skip, *fault);
            })
            .await;
            read_whole(&server, &github, &acme, &what).await;
            assert!(!github.has_faults(), "{what}: it never happened");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let each = CALLS.iter().map(|(path, skip)| async move {
        let (server, github) = servers().await;
        let ann = server.person("ann").await;
        let acme = Installed::new(&github, &ann, "acme", |github, account| {
            repositories(github, account, 105);
            github.fail(path, *skip, Fault::Hang);
        })
        .await;
        read_whole(&server, &github, &acme, &format!("no answer at {path} after {skip}")).await;
        assert!(!github.has_faults());
        server.stop().await;
    });
    join_all(each).await;
}

#[tokio::test]
async fn a_github_that_fails_most_of_the_time_is_read_nevertheless() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| {
        repositories(github, account, 120);
        for n in 0..12 {
            github.fail("/branches", 7 * n, Fault::QUICK[n % Fault::QUICK.len()]);
        }
        for n in 0..4 {
            github.fail("/installation/repositories", n, Fault::Status(502));
        }
    })
    .await;
    read_whole(&server, &github, &acme, "many faults").await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_goes_on_where_it_was() {
    let (mut server, github) = servers().await;
    let (organization, account, installation) = {
        let ann = server.person("ann").await;
        let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 350)).await;
        (acme.organization, acme.account, acme.installation)
    };
    let acme = Installed { organization, account, installation };
    for stop in [2, 4, 150, 300] {
        server.until("it is that far", async || (github.recorded().len() > stop).then_some(())).await;
        server.restart().await;
        let found = acme.get(&server).await;
        if found["indexing_status"] == "COMPLETED" {
            break;
        }
        server.advance(2 * MINUTE);
    }
    read_whole(&server, &github, &acme, "restarts").await;
    let pages = github.count("/installation/repositories");
    assert!(pages <= 8, "pages that were read are not read again: {pages}");
    server.stop().await;
}

#[tokio::test]
async fn suspended_or_removed_in_the_middle_is_seen_at_once() {
    for (path, skip) in [("/installation/repositories", 1), ("/branches", 20)] {
        let (server, github) = servers().await;
        let ann = server.person("ann").await;
        let acme = Installed::new(&github, &ann, "acme", |github, account| {
            repositories(github, account, 105);
            github.before(path, skip, move |world| {
                let id = world.installation_of(account);
                world.suspend(id);
            });
        })
        .await;
        acme.has_status(&server, "SUSPENDED").await;
        assert_ne!(acme.get(&server).await["indexing_status"], "COMPLETED");
        github.world(|world| world.unsuspend(acme.installation));
        github.deliver(&server).await;
        read_whole(&server, &github, &acme, "suspended").await;

        github.before("/branches", 5, move |world| world.uninstall(world.installation_of(acme.account)));
        acme.resync(&server).await;
        acme.has_status(&server, "DELETED").await;
        acme.forgotten(&server).await;
        server.stop().await;
    }
}
