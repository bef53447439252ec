//! A server, a GitHub, and an organization with an installation.

use std::collections::BTreeSet;

use polity_server::Config;
use polity_tests::github::GitHub;
use polity_tests::{Organization, Person, TestServer};
use serde_json::{Value, json};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// A server that is an app at a GitHub.
pub async fn servers() -> (TestServer, GitHub) {
    servers_with(|_| {}).await
}

/// The same with a changed configuration.
pub async fn servers_with(change: impl FnOnce(&mut Config)) -> (TestServer, GitHub) {
    let github = GitHub::start().await;
    let server = TestServer::start_with(|config| {
        github.configure(config);
        change(config);
    })
    .await;
    github.set_clock(&server.clock);
    (server, github)
}

/// An organization with an installation on an account at GitHub of the same name.
pub struct Installed {
    pub organization: Organization,
    pub account: i64,
    pub installation: i64,
}

impl Installed {
    /// Installs the app for a new organization; what is on the account is made before by `fill`.
    pub async fn new(github: &GitHub, person: &Person<'_>, name: &str, fill: impl FnOnce(&GitHub, i64)) -> Installed {
        let organization = person.organization(name).await;
        let (owner, account) = github.world(|world| {
            let owner = world.user(&format!("{name}-owner"), &format!("{name}-owner@example.com"));
            (owner, world.organization(name, owner))
        });
        fill(github, account);
        let installation = bind(person.server, github, &organization, owner, account).await;
        Installed { organization, account, installation }
    }

    /// The installation as the API shows it.
    pub async fn get(&self, server: &TestServer) -> Value {
        server.call("GET", "/v1/github/installation").token(&self.organization.token).send().await.ok()
    }

    /// Waits until everything is read.
    pub async fn indexed(&self, server: &TestServer) -> Value {
        self.is(server, "COMPLETED").await
    }

    /// Waits for an indexing status.
    pub async fn is(&self, server: &TestServer, indexing: &str) -> Value {
        server
            .until(&format!("indexing is {indexing}"), async || {
                Some(self.get(server).await).filter(|found| found["indexing_status"] == indexing)
            })
            .await
    }

    /// Waits for a status.
    pub async fn has_status(&self, server: &TestServer, status: &str) -> Value {
        server.until(status, async || Some(self.get(server).await).filter(|found| found["status"] == status)).await
    }

    /// The repositories as the API lists them, all pages.
    pub async fn repositories(&self, server: &TestServer) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let path = format!("/v1/git/repositories?limit=100&offset={}", all.len());
            let reply = server.call("GET", &path).token(&self.organization.token).send().await.ok();
            let page = reply["repositories"].as_array().expect("a list").clone();
            let is_last = page.len() < 100;
            all.extend(page);
            if is_last {
                assert_eq!(reply["count"], all.len(), "{reply}");
                return all;
            }
        }
    }

    /// Their names.
    pub async fn names(&self, server: &TestServer) -> BTreeSet<String> {
        let all = self.repositories(server).await;
        all.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Waits until no repository and no branch is listed any more.
    pub async fn forgotten(&self, server: &TestServer) {
        let is_empty = async |path| {
            let reply = server.call("GET", path).token(&self.organization.token).send().await.ok();
            reply["count"] == 0
        };
        server
            .until("all is forgotten", async || {
                (is_empty("/v1/git/repositories").await && is_empty("/v1/git/branches").await).then_some(())
            })
            .await;
    }

    /// The branches of a repository, as far as a page goes.
    pub async fn branches(&self, server: &TestServer, repository: &Value) -> Vec<String> {
        let id = repository["id"].as_str().expect("an id");
        let path = format!("/v1/git/branches?limit=100&repository_id={id}");
        let reply = server.call("GET", &path).token(&self.organization.token).send().await.ok();
        let names = reply["branches"].as_array().expect("a list").iter();
        names.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Everything is read anew.
    pub async fn resync(&self, server: &TestServer) {
        let path = format!("/v1/git/sync/organization/{}", self.organization.id);
        let reply = server.call("POST", &path).token(&self.organization.token).send().await;
        assert_eq!(reply.ok(), json!({}));
    }
}

/// The names of the repositories an account has at GitHub.
pub fn names_at(github: &GitHub, account: i64) -> BTreeSet<String> {
    github.world(|world| world.repos_of(account).into_iter().map(|id| world.full_name(id)).collect())
}

/// Installs the app, as a person does: she starts, goes to GitHub, and comes back.
async fn bind(server: &TestServer, github: &GitHub, organization: &Organization, owner: i64, account: i64) -> i64 {
    let call = |method, path| server.call(method, path).token(&organization.token);
    let started = call("POST", "/v1/github/installation").send().await.ok();
    let back = github.install(owner, started["url"].as_str().expect("a URL"), account);
    call("POST", "/v1/account/oauth").json(&back.json()).send().await.ok();
    // What GitHub tells of it meanwhile changes nothing.
    let _ = github.deliveries();
    back.installation_id.expect("an installation")
}
