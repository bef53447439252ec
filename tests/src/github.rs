//! A GitHub for black-box tests: an HTTP server on this machine that answers
//! like the REST API and the pages an app needs, and fails where a test wants.
//!
//! It checks what GitHub checks: the signature and the times of the tokens an
//! app makes for itself, that tokens of installations have not ended and are
//! used for what they were narrowed to, that a code is used once and by whoever
//! began (PKCE). The shapes are those of the published REST description.
//!
//! What people do in a browser is a method here ([`GitHub::install`],
//! [`GitHub::authorize`]); what the server is told afterwards waits in
//! [`GitHub::deliveries`] until a test sends it, in the order it likes.

mod api;
mod app;
mod fault;
mod hooks;
mod http;
mod oauth;
mod world;

use std::sync::{Arc, Mutex, MutexGuard};

use polity_server::Config;
use polity_server::config::github::Github;
use polity_server::config::value::Secret;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use app::AppKey;
pub use fault::Fault;
pub use hooks::{Delivery, signature};
pub use oauth::Redirect;
pub use world::{Account, Repo, World};

use crate::TestClock;
use fault::Rules;

/// The identifier of the app.
pub const APP_ID: u64 = 4711;
/// The name of the app in URLs.
pub const APP_NAME: &str = "polity-test";
/// The client id of the app.
pub const CLIENT_ID: &str = "Iv1.0123456789abcdef";
/// The client secret of the app.
pub const CLIENT_SECRET: &str = "client-secret-7f3a9c1e5b2d4680";
/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "webhook-secret-0d9e8c7b6a5f4321";

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// The token, as it was sent.
    pub token: String,
    /// The status it was answered with; 0 for none.
    pub status: u16,
}

/// A GitHub; it ends with the test.
#[derive(Clone)]
pub struct GitHub {
    url: String,
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    let_through: Notify,
}

pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) rules: Rules,
    pub(crate) recorded: Vec<Recorded>,
}

impl State {
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.world.now()
    }
}

impl GitHub {
    /// One without accounts.
    pub async fn start() -> GitHub {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { world: World::new(&url), rules: Rules::default(), recorded: Vec::new() };
        let github = GitHub { url, shared: Arc::new(Shared { state: Mutex::new(state), let_through: Notify::new() }) };
        let shared = github.shared.clone();
        tokio::spawn(http::serve(listener, shared));
        github
    }

    /// Has the times of a test, instead of the real ones.
    pub fn set_clock(&self, clock: &TestClock) {
        self.state().world.clock = clock.clone();
    }

    /// Where people are sent.
    #[must_use]
    pub fn web_url(&self) -> String {
        self.url.clone()
    }

    /// Where the API is: under a path, as that of an Enterprise Server.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.url)
    }

    /// Has a server be this app.
    pub fn configure(&self, config: &mut Config) {
        config.github = Github {
            app_id: Some(APP_ID),
            app_name: Some(APP_NAME.to_owned()),
            private_key: Some(Secret(self.private_key())),
            client_id: Some(CLIENT_ID.to_owned()),
            client_secret: Some(Secret(CLIENT_SECRET.to_owned())),
            webhook_secret: Some(Secret(WEBHOOK_SECRET.to_owned())),
            api_url: self.api_url(),
            web_url: self.web_url(),
            ..Github::default()
        };
    }

    /// The same for a server that is a process: the names and values of its environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("POLITY_GITHUB_APP_ID", APP_ID.to_string()),
            ("POLITY_GITHUB_APP_NAME", APP_NAME.to_owned()),
            ("POLITY_GITHUB_PRIVATE_KEY", self.private_key()),
            ("POLITY_GITHUB_CLIENT_ID", CLIENT_ID.to_owned()),
            ("POLITY_GITHUB_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("POLITY_GITHUB_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("POLITY_GITHUB_API_URL", self.api_url()),
            ("POLITY_GITHUB_WEB_URL", self.web_url()),
        ]
    }

    /// The private key of the app in PEM, PKCS#1 as GitHub hands it out.
    #[must_use]
    pub fn private_key(&self) -> String {
        AppKey::shared().pkcs1_pem()
    }

    /// Changes or reads what there is at GitHub, without anybody being told.
    pub fn world<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        f(&mut self.state().world)
    }

    /// What came in so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.state().recorded.clone()
    }

    /// How many requests came in so far whose path contains a text.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.state().recorded.iter().filter(|one| one.path.contains(path)).count()
    }

    /// Fails the next request whose path contains a text, after `skip` others of the kind.
    pub fn fail(&self, path: &str, skip: usize, fault: Fault) {
        self.state().rules.fail(path, skip, fault);
    }

    /// Fails every request whose path contains a text, until [`GitHub::recover`].
    pub fn fail_always(&self, path: &str, fault: Fault) {
        self.state().rules.fail_always(path, fault);
    }

    /// Has an answer that is late ([`Fault::Late`]) come now.
    pub fn let_through(&self) {
        self.shared.let_through.notify_one();
    }

    /// Fails nothing any more.
    pub fn recover(&self) {
        self.state().rules = Rules::default();
    }

    /// Whether a fault that was set has not happened yet.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.state().rules.is_waiting()
    }

    /// Changes the world right before the next request whose path contains a
    /// text, after `skip` others of the kind.
    pub fn before(&self, path: &str, skip: usize, change: impl FnOnce(&mut World) + Send + 'static) {
        self.state().rules.before(path, skip, Box::new(change));
    }

    /// Answers so many requests of installations, and no more until an hour has passed.
    pub fn limit(&self, requests: i64) {
        let mut state = self.state();
        let reset_at = state.now() + 3600;
        state.rules.limit = Some(fault::Limit { requests, remaining: requests, reset_at });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}
