//! Reading repositories and branches: what is shown when, what is asked of
//! GitHub, and what happens when things change meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use polity_tests::TestServer;
use polity_tests::github::{Fault, GitHub};
use serde_json::json;

use crate::setup::{HOUR, Installed, MINUTE, SECOND, names_at, servers};
use crate::support::{come_back, installed};

/// Makes so many repositories.
pub fn repositories(github: &GitHub, account: i64, count: usize) {
    github.world(|world| {
        for number in 0..count {
            world.repo(account, &format!("repo-{number:05}"));
        }
    });
}

#[tokio::test]
async fn repositories_and_branches_are_shown_once_they_are_read() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| {
        github.world(|world| {
            let id = world.repo(account, "website");
            let website = world.repo_mut(id);
            website.description = "what people see".to_owned();
            website.branches.insert("release".to_owned(), true);
            let id = world.repo(account, "Web_tools");
            (world.repo_mut(id).private, world.repo_mut(id).archived, world.repo_mut(id).pushed_at) = (false, true, 0);
            world.repo(account, "api");
        });
    })
    .await;
    let found = acme.indexed(&server).await;
    assert_eq!((&found["indexed_repositories"], &found["total_repositories"]), (&json!(3), &json!(3)));
    assert_eq!((&found["status"], &found["name"]), (&json!("INSTALLED"), &json!("acme")));

    let all = acme.repositories(&server).await;
    let names: Vec<_> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["acme/api", "acme/Web_tools", "acme/website"], "by name, in any case");
    let website = &all[2];
    let id = github.world(|world| world.repo_named("acme/website").unwrap());
    assert_eq!(website["github"], json!({"github_id": id.to_string()}));
    assert_eq!((&website["provider"], &website["organization_id"]), (&json!("GITHUB"), &json!(acme.organization.id)));
    assert_eq!((&website["description"], &website["default_branch"]), (&json!("what people see"), &json!("main")));
    assert_eq!(website["url"], format!("{}/acme/website", github.web_url()));
    assert_eq!((&website["is_private"], &website["is_disabled"]), (&json!(true), &json!(false)));
    assert!(website["last_push_date"].is_string());
    assert_eq!((&all[1]["is_private"], &all[1]["is_disabled"]), (&json!(false), &json!(true)));
    assert_eq!(all[1]["last_push_date"], json!(null));

    let token = &acme.organization.token;
    let list = async |query: &[(&str, &str)]| {
        let reply = server.call("GET", "/v1/git/repositories").token(token).query(query).send().await.ok();
        let names = reply["repositories"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (names, reply["count"].clone())
    };
    let both = || (vec!["acme/Web_tools".to_owned(), "acme/website".to_owned()], json!(2));
    assert_eq!(list(&[("name", "WEB")]).await, both());
    assert_eq!(list(&[("name", "web"), ("name_search_op", "fuzzy")]).await, both());
    assert_eq!(list(&[("name", "web"), ("name_search_op", "equality")]).await, (vec![], json!(0)));
    let equal = list(&[("name", "ACME/website"), ("name_search_op", "equality")]).await;
    assert_eq!(equal, (vec!["acme/website".to_owned()], json!(1)));
    assert_eq!(list(&[("name", "b_t")]).await, (vec!["acme/Web_tools".to_owned()], json!(1)));
    assert_eq!(list(&[("limit", "1"), ("offset", "1")]).await, (vec!["acme/Web_tools".to_owned()], json!(3)));
    let wrong = [("name_search_op", "similar")];
    server.call("GET", "/v1/git/repositories").token(token).query(&wrong).send().await.field("name_search_op");
    let long = "x".repeat(256);
    server.call("GET", "/v1/git/repositories").token(token).query(&[("name", &long)]).send().await.field("name");

    let id = website["id"].as_str().unwrap();
    assert_eq!(acme.branches(&server, website).await, ["main", "release"]);
    let branches =
        async |query: &[(&str, &str)]| server.call("GET", "/v1/git/branches").token(token).query(query).send().await;
    let reply = branches(&[("repository_id", id), ("name", "REL")]).await.ok();
    assert_eq!((&reply["count"], &reply["branches"][0]["name"]), (&json!(1), &json!("release")));
    let release = &reply["branches"][0];
    assert_eq!((&release["is_protected"], &release["is_default"]), (&json!(true), &json!(false)));
    assert_eq!((&release["repository_id"], &release["provider"]), (&json!(id), &json!("GITHUB")));
    let reply = branches(&[("limit", "2")]).await.ok();
    assert_eq!((reply["branches"].as_array().unwrap().len(), &reply["count"]), (2, &json!(4)));
    branches(&[("name", "main")]).await.field("repository_id");
    branches(&[("repository_id", "x")]).await.field("repository_id");
    server.stop().await;
}

#[tokio::test]
async fn without_an_installation_there_is_nothing_to_list() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for path in ["/v1/git/repositories", "/v1/git/branches"] {
        let reply = server.call("GET", path).token(&acme.token).send().await.ok();
        let list = reply.get("repositories").or(reply.get("branches")).unwrap();
        assert_eq!((list, &reply["count"]), (&json!([]), &json!(0)));
    }
    let path = format!("/v1/git/sync/organization/{}", acme.id);
    let why = server.call("POST", &path).token(&acme.token).send().await.error(400, "failed_precondition");
    assert_eq!(why, "No GitHub Installation");

    // Of another organization nothing is listed, and nothing is started.
    let other = Installed::new(&github, &ann, "other", |github, account| repositories(github, account, 1)).await;
    other.indexed(&server).await;
    let foreign = &other.repositories(&server).await[0];
    let query = [("repository_id", foreign["id"].as_str().unwrap())];
    let reply = server.call("GET", "/v1/git/branches").token(&acme.token).query(&query).send().await.ok();
    assert_eq!(reply["count"], 0);
    let bob = server.person("bob").await;
    let path = format!("/v1/git/sync/organization/{}", other.organization.id);
    assert_eq!(bob.call("POST", &path).send().await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn reading_everything_again_asks_only_for_what_changed() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 130)).await;
    acme.indexed(&server).await;
    let first = github.recorded().len();
    let new = github.world(|world| {
        let id = world.repo_named("acme/repo-00007").unwrap();
        // Nobody hears of it.
        world.repo_mut(id).branches.insert("new".to_owned(), false);
        id
    });
    let _ = github.deliveries();
    acme.resync(&server).await;
    assert_eq!(acme.get(&server).await["indexing_status"], "IN_PROGRESS");
    acme.indexed(&server).await;
    let again = &github.recorded()[first..];
    let changed: Vec<_> = again
        .iter()
        .filter(|one| one.status == 200 && !one.path.contains("/app/"))
        .map(|one| one.path.rsplit("/repos/").next().unwrap())
        .collect();
    assert_eq!(changed, ["acme/repo-00007/branches"], "{new}");
    assert!(again.iter().filter(|one| one.status == 304).count() >= 131);
    let one = acme.repositories(&server).await.remove(7);
    assert_eq!(acme.branches(&server, &one).await, ["main", "new"]);
    server.stop().await;
}

/// How many requests counted against the limit.
fn paid(github: &GitHub) -> usize {
    let is_paid = |path: &str| path.contains("/installation/repositories") || path.ends_with("/branches");
    github.recorded().iter().filter(|one| one.status == 200 && is_paid(&one.path)).count()
}

/// How many requests were refused.
fn refused(github: &GitHub) -> usize {
    github.recorded().iter().filter(|one| one.status == 403 && !one.path.contains("/memberships/")).count()
}

/// Waits until GitHub is left alone.
async fn quiet(server: &TestServer, github: &GitHub) {
    let (mut asked, mut since) = (0, 0);
    server
        .until("GitHub is left alone", async || {
            let now = github.recorded().len();
            since = if now == asked { since + 1 } else { 0 };
            asked = now;
            (since > 50).then_some(())
        })
        .await;
}

#[tokio::test]
async fn the_limit_of_requests_is_obeyed() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    // A replica knows of a limit that another has used up once it was refused.
    let may_be_refused = if polity_tests::on_postgres() { 2 } else { 0 };
    github.limit(20);
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 45)).await;
    for round in 1..=2 {
        server.until("the limit is used up", async || (paid(&github) == 20 * round).then_some(())).await;
        let found = acme.is(&server, "IN_PROGRESS").await;
        assert_eq!(found["total_repositories"], 45);
        let indexed = found["indexed_repositories"].as_u64().unwrap();
        assert!(indexed > 0 && indexed < 45, "{found}");
        quiet(&server, &github).await;
        server.advance(30 * MINUTE);
        // A webhook does not shorten the wait, nor does somebody who wants everything read again.
        acme.resync(&server).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(refused(&github) <= may_be_refused);
        server.advance(31 * MINUTE);
    }
    for _ in 0..20 {
        if acme.get(&server).await["indexing_status"] == "COMPLETED" {
            break;
        }
        quiet(&server, &github).await;
        server.advance(20 * MINUTE);
    }
    acme.indexed(&server).await;
    assert_eq!(acme.names(&server).await.len(), 45);
    assert!(refused(&github) <= may_be_refused, "nothing was asked in vain");
    server.stop().await;
}

#[tokio::test]
async fn what_comes_and_goes_between_two_pages_is_neither_lost_nor_kept() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    // On the way to the second page one of the first goes and one of the last comes: as many as before, and the first
    // of the second page has moved to the first, behind the back of who lists them.
    let acme = Installed::new(&github, &ann, "acme", |github, account| {
        repositories(github, account, 150);
        github.before("/installation/repositories", 1, move |world| {
            let first = world.repos_of(account)[0];
            world.remove_repo(first);
            world.repo(account, "new");
            world.deliveries.clear();
        });
    })
    .await;
    acme.indexed(&server).await;
    // No webhook told; the next look does.
    server.advance(HOUR + MINUTE);
    server
        .until("the list is that of GitHub", async || {
            (acme.names(&server).await == names_at(&github, acme.account)).then_some(())
        })
        .await;

    // The other way round: known repositories that a listing misses are not forgotten.
    github.before("/installation/repositories", 1, move |world| {
        let first = world.repos_of(world.account_named("acme"))[0];
        world.remove_repo(first);
        world.repo(world.account_named("acme"), "newer");
        world.deliveries.clear();
    });
    let before = acme.names(&server).await;
    acme.resync(&server).await;
    server
        .until("it is read again", async || {
            let now = acme.names(&server).await;
            // A page that begins after one was removed leaves one out: what is missing is looked up by its name.
            for name in before.difference(&now).filter(|name| names_at(&github, acme.account).contains(*name)) {
                let query = [("name", name.as_str()), ("name_search_op", "equality")];
                let call = server.call("GET", "/v1/git/repositories").token(&acme.organization.token).query(&query);
                assert_eq!(call.send().await.ok()["count"], 1, "{name} is forgotten and still there");
            }
            (now.contains("acme/newer") && now == names_at(&github, acme.account)).then_some(())
        })
        .await;
    acme.indexed(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_list_that_never_adds_up_is_read_nevertheless() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    github.world(|world| world.counted_too_much = 3);
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 5)).await;
    for _ in 0..100 {
        if acme.get(&server).await["indexing_status"] == "COMPLETED" {
            break;
        }
        server.advance(30 * SECOND);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acme.indexed(&server).await;
    assert_eq!(acme.names(&server).await.len(), 5);
    server.stop().await;
}

#[tokio::test]
async fn branches_come_in_pages_and_go_when_they_are_gone() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| {
        github.world(|world| {
            let id = world.repo(account, "many");
            for number in 0..230 {
                world.repo_mut(id).branches.insert(format!("b-{number:03}"), false);
            }
        });
    })
    .await;
    acme.indexed(&server).await;
    let token = &acme.organization.token;
    let count = async || server.call("GET", "/v1/git/branches").token(token).send().await.ok()["count"].clone();
    assert_eq!(count().await, 231);
    github.world(|world| {
        let id = world.repo_named("acme/many").unwrap();
        world.repo_mut(id).branches.retain(|name, _| name == "main" || name.ends_with('7'));
        world.repo_mut(id).default_branch = "b-007".to_owned();
    });
    acme.resync(&server).await;
    acme.indexed(&server).await;
    assert_eq!(count().await, 24);
    let many = &acme.repositories(&server).await[0];
    assert_eq!(many["default_branch"], "b-007");
    let query = [("repository_id", many["id"].as_str().unwrap()), ("name", "b-007")];
    let reply = server.call("GET", "/v1/git/branches").token(token).query(&query).send().await.ok();
    assert_eq!(reply["branches"][0]["is_default"], true);
    server.stop().await;
}

#[tokio::test]
async fn a_push_in_the_middle_of_many_branches_loses_none_of_them() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| {
        let many = github.world(|world| {
            let id = world.repo(account, "many");
            for number in 0..230 {
                world.repo_mut(id).branches.insert(format!("b-{number:03}"), false);
            }
            id
        });
        // Two of three pages are read when somebody pushes, and GitHub has enough for a while.
        github.before("/many/branches", 2, move |world| world.repo_mut(many).pushed_at += 60);
        github.fail("/many/branches", 2, Fault::Secondary(120));
    })
    .await;
    server.until("it is read in part", async || (!github.has_faults()).then_some(())).await;
    // What is listed next says that there was a push.
    github.world(|world| world.repo(acme.account, "other"));
    github.deliver(&server).await;
    server.advance(3 * MINUTE);
    acme.indexed(&server).await;
    let reply = server.call("GET", "/v1/git/branches").token(&acme.organization.token).send().await.ok();
    assert_eq!(reply["count"], 232);
    server.stop().await;
}

#[tokio::test]
async fn an_app_that_may_not_read_contents_lists_repositories_without_branches() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    github.world(|world| world.permissions = [("metadata".to_owned(), "read".to_owned())].into());
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 3)).await;
    acme.indexed(&server).await;
    assert_eq!((acme.names(&server).await.len(), github.count("/branches")), (3, 0));
    // Its owner gives it more.
    github.world(|world| world.permit(acme.installation, &[("metadata", "read"), ("contents", "read")]));
    github.deliver(&server).await;
    server
        .until("branches are read", async || {
            let reply = server.call("GET", "/v1/git/branches").token(&acme.organization.token).send().await.ok();
            (reply["count"] == 3).then_some(())
        })
        .await;
    server.stop().await;
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_does_not_hold_up_the_others() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    github.fail_always("/repo-00002/branches", Fault::Status(451));
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 5)).await;
    acme.indexed(&server).await;
    let reply = server.call("GET", "/v1/git/branches").token(&acme.organization.token).send().await.ok();
    assert_eq!((acme.names(&server).await.len(), &reply["count"]), (5, &json!(4)));
    server.stop().await;
}

/// A repository of five whose branches GitHub does not give for a while, for this reason.
async fn is_tried_again_and_the_others_are_read(server: &TestServer, github: &GitHub, fault: Fault) {
    let ann = server.person("ann").await;
    github.fail_always("/repo-00003/branches", fault);
    let acme = Installed::new(github, &ann, "acme", |github, account| repositories(github, account, 5)).await;
    let branches = async || {
        let call = server.call("GET", "/v1/git/branches").token(&acme.organization.token);
        call.send().await.ok()["count"].clone()
    };
    server.until("the others are read", async || (branches().await == 4).then_some(())).await;
    let found = acme.is(server, "IN_PROGRESS").await;
    assert_eq!(found["total_repositories"], 5);
    // It is tried again, and less often as time goes by.
    for _ in 0..6 {
        quiet(server, github).await;
        server.advance(10 * MINUTE);
    }
    let tried = github.count("/repo-00003/branches");
    assert!((4..=30).contains(&tried), "{tried}");
    github.recover();
    quiet(server, github).await;
    server.advance(11 * MINUTE);
    acme.indexed(server).await;
    assert_eq!(branches().await, 5);
}

#[tokio::test]
async fn a_repository_that_is_listed_and_not_found_is_looked_for_again() {
    let (server, github) = servers().await;
    // Another one is not found just once.
    github.fail("/repo-00002/branches", 0, Fault::Status(404));
    is_tried_again_and_the_others_are_read(&server, &github, Fault::Status(404)).await;
    server.stop().await;
}

#[tokio::test]
async fn a_repository_github_fails_to_tell_of_is_tried_again_and_the_others_are_read() {
    let (server, github) = servers().await;
    is_tried_again_and_the_others_are_read(&server, &github, Fault::Status(500)).await;
    server.stop().await;
}

#[tokio::test]
async fn ten_thousand_repositories_are_read_a_page_at_a_time() {
    const MANY: usize = 10_000;
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, MANY)).await;
    let (mut shown, mut before) = (BTreeSet::new(), 0);
    loop {
        let found = acme.get(&server).await;
        let indexed = found["indexed_repositories"].as_u64().unwrap();
        shown.insert(indexed);
        if found["indexing_status"] == "COMPLETED" {
            assert_eq!((indexed, &found["total_repositories"]), (MANY as u64, &json!(MANY)));
            break;
        }
        let asked = github.recorded().len();
        assert!(asked < 3 * MANY, "it goes in circles");
        if asked == before {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        before = asked;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(shown.len() > 5, "progress is shown: {shown:?}");
    assert_eq!(acme.names(&server).await, names_at(&github, acme.account));
    let reply = server.call("GET", "/v1/git/branches").token(&acme.organization.token).send().await.ok();
    assert_eq!(reply["count"], MANY);
    server.stop().await;
}

#[tokio::test]
async fn what_was_forgotten_in_part_is_read_again_for_another_installation() {
    let (server, github) = servers().await;
    let ann = server.person("ann").await;
    let acme = Installed::new(&github, &ann, "acme", |github, account| repositories(github, account, 3)).await;
    acme.indexed(&server).await;
    let count = async || {
        let call = server.call("GET", "/v1/git/branches").token(&acme.organization.token);
        call.send().await.ok()["count"].clone()
    };
    let before = count().await;
    // It was removed, and the branches are forgotten: the repositories are not yet.
    let owner = github.world(|world| {
        world.uninstall(acme.installation);
        world.deliveries.clear();
        *world.account_mut(acme.account).owners.first().unwrap()
    });
    let forgotten = "update github_installations set status = 'DELETED'; delete from git_branches";
    server.change(forgotten, forgotten).await;
    assert_eq!(count().await, 0);
    let back = installed(&server, &github, &acme.organization, owner, acme.account).await;
    come_back(&server, Some(&acme.organization.token), &back.json()).await.ok();
    let found = acme.indexed(&server).await;
    assert_eq!((&found["status"], &found["indexed_repositories"]), (&json!("INSTALLED"), &json!(3)));
    assert_eq!(count().await, before);
    server.stop().await;
}
