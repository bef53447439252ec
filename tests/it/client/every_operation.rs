//! Every operation through the client, async and blocking.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use polity_api::table::ALL;
use polity_client::types::{OrganizationId, OrganizationStatus};
use polity_client::{Client, Hook, Outcome, blocking};
use polity_tests::TestServer;

use crate::scenario::scenario;

/// Remembers which operations were called and answered by the server.
#[derive(Clone, Default)]
struct Called(Arc<Mutex<BTreeSet<&'static str>>>);

impl Hook for Called {
    fn after(&self, outcome: &Outcome<'_>) {
        assert!(outcome.status.is_some(), "{outcome:?}");
        self.0.lock().unwrap().insert(outcome.operation.id);
    }
}

impl Called {
    fn all(&self) {
        let called = self.0.lock().unwrap();
        let missing: Vec<_> = ALL.iter().map(|meta| meta.id).filter(|id| !called.contains(id)).collect();
        assert!(missing.is_empty(), "never called: {missing:?}");
    }
}

fn client(server: &TestServer, called: &Called) -> Client {
    Client::builder(server.url()).no_proxy().hook(called.clone()).build().unwrap()
}

async fn secret(server: &TestServer, address: &str) -> String {
    server.mails_to(address).await.last().expect("a mail").secret().to_owned()
}

async fn settled(server: &TestServer, id: OrganizationId, status: Option<OrganizationStatus>) {
    match status {
        Some(status) => drop(server.organization_in(&id.to_string(), status.as_str()).await),
        None => server.organization_gone(&id.to_string()).await,
    }
}

#[tokio::test]
async fn every_operation_works_through_the_async_client() {
    let (server, called) = (TestServer::start().await, Called::default());
    let client = client(&server, &called);
    let operator = client.with_token(server.operator_key()).unwrap();
    let secret = async |address: &str| secret(&server, address).await;
    let settled = async |id, status| settled(&server, id, status).await;
    scenario!(client, operator, secret, settled, [.await]);
    called.all();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_works_through_the_blocking_client() {
    let (server, called) = (TestServer::start().await, Called::default());
    let (server, runtime) = (&server, tokio::runtime::Handle::current());
    let client = client(server, &called);
    tokio::task::block_in_place(|| {
        // A thread outside of the runtime, as in a program that has none.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let client = blocking::Client::new(client).unwrap();
                let operator = client.with_token(server.operator_key()).unwrap();
                let secret = |address: &str| runtime.block_on(secret(server, address));
                let settled = |id, status| runtime.block_on(settled(server, id, status));
                scenario!(client, operator, secret, settled, []);
            });
        });
    });
    called.all();
}
