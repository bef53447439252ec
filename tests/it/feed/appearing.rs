//! On PostgreSQL numbers do not become visible in their order: a follower
//! passes over nothing all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use polity_store::Statement;
use polity_tests::{Organization, TestServer};
use serde_json::Value;

use crate::support::{LONG, PATIENT, cursor, events, get, operator, project, roomy, text, told};

const APPEND: &str = "polity_store::events::APPEND";

fn append() -> &'static Statement {
    polity_store::statements().find(|statement| statement.name == APPEND).expect("the statement")
}

/// The statement with values instead of parameters.
fn append_text(organization: &str, name: &str) -> String {
    let values = [
        "gen_random_uuid()".to_owned(),
        format!("'{organization}'::uuid"),
        "'system'".to_owned(),
        "null::uuid".to_owned(),
        "'system'".to_owned(),
        "'project'".to_owned(),
        "gen_random_uuid()".to_owned(),
        format!("'{name}'"),
        "'created'".to_owned(),
        "'{}'".to_owned(),
        "now()".to_owned(),
    ];
    let numbered = values.iter().enumerate().rev();
    numbered.fold(append().pg.to_owned(), |text, (n, value)| text.replace(&format!("${}", n + 1), value))
}

#[tokio::test]
async fn a_transaction_has_its_id_before_it_draws_a_number() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let client = server.sql().await.expect("a database");
    let plan = client.query(&format!("explain (costs off, verbose) {}", append_text(NOBODY, "x")), &[]).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let drawn = plan.iter().position(|line| line.contains("nextval")).unwrap_or_else(|| panic!("{plan:#?}"));
    let filter = plan.iter().position(|line| line.contains("One-Time Filter")).unwrap_or_else(|| panic!("{plan:#?}"));
    assert!(plan[filter].contains("pg_current_xact_id"), "{plan:#?}");
    // The filter belongs to the node that forms the row, or to one below it.
    assert!(filter > drawn, "{plan:#?}");

    // A number is stolen from the row by a default that tells whether there was an id when it was drawn.
    client
        .batch_execute(
            "create table witness (had_id boolean);
             create function draw() returns bigint language plpgsql as $$
             declare had boolean := pg_current_xact_id_if_assigned() is not null;
             begin insert into witness values (had); return nextval('stolen'); end $$;
             create sequence stolen start 1000000;
             alter table events alter column seq drop identity;
             alter table events alter column seq set default draw();",
        )
        .await
        .unwrap();
    client.batch_execute(&append_text(NOBODY, "x")).await.unwrap();
    let had: bool = client.query_one("select had_id from witness", &[]).await.unwrap().get(0);
    assert!(had);
}

const NOBODY: &str = "0b7d9a52-5a6c-4a55-9d3c-3a9c5b1f7e21";

#[tokio::test]
async fn an_event_that_is_committed_after_a_later_one_is_not_passed_over() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let acme = server.person("ann").await.organization("acme").await;
    let globex = server.person("bob").await.organization("globex").await;
    let (before, own) =
        (cursor(&operator(&server, &[("after", "latest")]).await), cursor(&get(&server, &acme, &[]).await));

    // One draws a number and takes its time.
    let slow = server.sql().await.expect("a database");
    slow.batch_execute("begin").await.unwrap();
    slow.batch_execute(&append_text(&globex.id, "slow")).await.unwrap();
    project(&server, &acme, "fast").await;

    // What is committed behind it is in the feed of its own organization, and not yet in that of all.
    assert_eq!(told(&get(&server, &acme, &[("after", &own)]).await), ["project.created fast"]);
    let page = operator(&server, &[("after", &before)]).await;
    assert!(told(&page).is_empty(), "the slow one would be passed over: {page}");
    let after = cursor(&page);
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(
        told(&operator(&server, &[("after", &after), PATIENT]).await),
        ["project.created slow", "project.created fast"]
    );
}

#[tokio::test]
async fn a_number_that_was_drawn_for_nothing_holds_up_nobody() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let acme = server.person("ann").await.organization("acme").await;
    let before = cursor(&operator(&server, &[("after", "latest")]).await);
    let slow = server.sql().await.expect("a database");
    slow.batch_execute("begin").await.unwrap();
    slow.batch_execute(&append_text(NOBODY, "slow")).await.unwrap();
    project(&server, &acme, "fast").await;
    slow.batch_execute("rollback").await.unwrap();
    assert_eq!(told(&operator(&server, &[("after", &before), PATIENT]).await), ["project.created fast"]);
}

/// Follows a feed through one replica until it has told of so many ends.
async fn follow(server: &TestServer, replica: usize, token: &str, path: &str, ends: usize) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    let is_end = |event: &&Value| event["object"]["name"] == THE_END;
    while all.iter().filter(is_end).count() < ends {
        let query = [("after", after.as_str()), ("wait", "1s"), ("limit", "10")];
        let page = server.call_at(replica, "GET", path).token(token).query(&query).send().await.ok();
        all.extend(events(&page));
        after = cursor(&page);
    }
    all
}

/// What is written last.
const THE_END: &str = "the end";

#[tokio::test]
async fn with_many_writers_every_follower_sees_every_event_once_and_in_order() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    let ann = server.person("ann").await;
    let mut organizations = Vec::new();
    for name in ["one", "two", "three"] {
        let organization = ann.organization(name).await;
        roomy(&server, &organization).await;
        organizations.push(organization);
    }
    let write = async |organization: &Organization, writer: usize| {
        for n in 0..25 {
            project(&server, organization, &format!("w{writer}-{n}")).await;
        }
    };
    // A transaction now and then that takes longer than the others.
    let disturb = async {
        let slow = server.sql().await.expect("a database");
        for n in 0..15 {
            slow.batch_execute("begin").await.unwrap();
            slow.batch_execute(&append_text(NOBODY, "slow")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30 + 7 * n)).await;
            slow.batch_execute(if n % 3 == 0 { "rollback" } else { "commit" }).await.unwrap();
        }
    };
    let writers = async {
        let writers = organizations.iter().flat_map(|organization| (0..3).map(move |n| (organization, n)));
        tokio::join!(join_all(writers.map(|(organization, n)| write(organization, n))), disturb);
        for organization in &organizations {
            project(&server, organization, THE_END).await;
        }
    };
    let key = server.operator_key();
    let of_all = join_all((0..4).map(|n| follow(&server, n % 2, key, "/operator/v1/events", 3)));
    let followed = organizations.iter().flat_map(|organization| (0..2).map(move |replica| (organization, replica)));
    let of_one = join_all(followed.map(async |(organization, replica)| {
        (organization, follow(&server, replica, &organization.token, "/v1/events", 1).await)
    }));
    let everybody = async { tokio::join!(of_all, of_one, writers) };
    let (of_all, of_one, ()) = tokio::time::timeout(2 * LONG, everybody).await.expect("every follower sees the end");

    // What there is, past everything that is tested here.
    let client = server.sql().await.expect("a database");
    let stored = client.query("select id::text, organization_id::text from events order by seq", &[]).await.unwrap();
    let all: Vec<String> = stored.iter().map(|row| row.get(0)).collect();
    let mut own: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rows = client
        .query(
            "select organization_id::text, id::text from events where organization_id is not null
                order by organization_id, organization_seq",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        own.entry(row.get(0)).or_default().push(row.get(1));
    }
    let ids = |events: &[Value]| events.iter().map(|event| text(&event["id"])).collect::<Vec<_>>();
    for followed in &of_all {
        assert_eq!(ids(followed), all);
    }
    for (organization, followed) in &of_one {
        assert_eq!(ids(followed), own[&organization.id]);
        assert_eq!(followed.iter().filter(|event| event["type"] == "project.created").count(), 76);
    }
}
