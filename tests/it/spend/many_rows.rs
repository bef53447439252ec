//! What is sent together and goes to more rows than a unit of work has the time for.

use serde_json::{Value, json};

use crate::support::{acme, event, source, start, sums, with};

/// More than one unit adds to.
const ROWS: i64 = 2_100;

/// An event of a project of its own, which has been deleted since.
fn of_its_own(acme: &polity_tests::Organization, n: i64) -> Value {
    let project = format!("3f2b8c1e-9d4a-4c6b-8a55-{n:012x}");
    with(event(acme, &format!("e{n}"), 1), &json!({"project_id": project}))
}

#[tokio::test]
async fn every_event_has_its_answer_and_counts_once() {
    let server = start().await;
    let acme = acme(&server).await;
    let source = source(&server, "s", 0).await;
    let mut events: Vec<Value> = (0..ROWS).map(|n| of_its_own(&acme, n)).collect();
    events.insert(5, json!({"id": "nothing"}));
    // The same as one that is counted in the unit before.
    events.push(of_its_own(&acme, 0));
    let reply = source.record(&events).await;
    let count = |reply: &Value| ["accepted", "duplicates", "rejected"].map(|field| reply[field].clone());
    assert_eq!(count(&reply), [json!(ROWS), json!(1), json!(1)]);
    let results = reply["results"].as_array().expect("a list");
    assert_eq!(results.len(), events.len());
    assert_eq!(
        (&results[5]["status"], &results[events.len() - 1]["status"]),
        (&json!("rejected"), &json!("duplicate"))
    );
    assert_eq!(sums(&server, &acme).await, (ROWS, 0));

    let again = source.record(&events).await;
    assert_eq!(count(&again), [json!(0), json!(ROWS + 1), json!(1)]);
    assert_eq!(sums(&server, &acme).await, (ROWS, 0));
}
