//! Where people go with a browser: allowing an app to know who they are, and
//! installing it. And the exchange of what they bring back.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};

use crate::github::http::{Answer, Asked, pairs};
use crate::github::world::{Code, random};
use crate::github::{APP_NAME, CLIENT_ID, CLIENT_SECRET, GitHub, State, World};

/// How long a code is good, in seconds.
const CODE_SECONDS: i64 = 600;

/// What GitHub hands back through the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// The code to exchange.
    pub code: String,
    /// The state that was given; none when nobody gave one.
    pub state: Option<String>,
    /// `install` or `request`; none for a sign-in.
    pub setup_action: Option<String>,
    /// The installation; none for a request and for a sign-in.
    pub installation_id: Option<i64>,
}

impl Redirect {
    /// As the body of `OAuthCallback`.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut body = json!({"code": self.code});
        if let Some(state) = &self.state {
            body["state"] = state.as_str().into();
        }
        if let Some(action) = &self.setup_action {
            body["setup_action"] = action.as_str().into();
        }
        if let Some(id) = self.installation_id {
            body["installation_id"] = id.to_string().into();
        }
        body
    }
}

impl GitHub {
    /// A person opens an authorization URL and agrees.
    ///
    /// # Panics
    /// When the URL is not one of this app, or has no PKCE.
    #[must_use]
    pub fn authorize(&self, user: i64, url: &str) -> Redirect {
        let url = self.own(url, "/login/oauth/authorize");
        let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(query("client_id").as_deref(), Some(CLIENT_ID), "{url}");
        assert_eq!(query("code_challenge_method").as_deref(), Some("S256"), "{url}");
        let challenge = Some(query("code_challenge").expect("a challenge"));
        let code = self.world(|world| code(world, user, challenge, query("redirect_uri")));
        Redirect { code, state: query("state"), ..Redirect::default() }
    }

    /// A person opens an installation URL and chooses an account and all of its
    /// repositories. One who may not install there requests it.
    ///
    /// # Panics
    /// When the URL is not one of this app.
    #[must_use]
    pub fn install(&self, user: i64, url: &str, account: i64) -> Redirect {
        let url = self.own(url, &format!("/apps/{APP_NAME}/installations/new"));
        let state = url.query_pairs().find(|(key, _)| key == "state").map(|(_, value)| value.into_owned());
        self.world(|world| {
            let code = code(world, user, None, None);
            if !world.accounts[&account].owners.contains(&user) {
                world.ask(account, user);
                return Redirect { code, state, setup_action: Some("request".into()), installation_id: None };
            }
            let present = world.installations.values().find(|one| one.account == account).map(|one| one.id);
            let id = present.unwrap_or_else(|| world.installed(account, None));
            Redirect { code, state, setup_action: Some("install".into()), installation_id: Some(id) }
        })
    }

    /// An owner approves what somebody requested, from the mail GitHub sent: nobody gave a state.
    #[must_use]
    pub fn approve(&self, owner: i64, account: i64) -> Redirect {
        self.world(|world| {
            let requester = world.requests.iter().find(|one| one.account == account).map(|one| one.requester);
            let id = world.installed(account, requester);
            let code = code(world, owner, None, None);
            Redirect { code, state: None, setup_action: Some("install".into()), installation_id: Some(id) }
        })
    }

    /// A code as GitHub would give it to a person who installs.
    #[must_use]
    pub fn code(&self, user: i64) -> String {
        self.world(|world| code(world, user, None, None))
    }

    fn own(&self, url: &str, path: &str) -> Url {
        assert!(url.starts_with(&self.web_url()), "{url} is not at {}", self.web_url());
        let url = Url::parse(url).expect("a URL");
        assert_eq!(url.path(), path, "{url}");
        url
    }
}

fn code(world: &mut World, user: i64, challenge: Option<String>, redirect_uri: Option<String>) -> String {
    let (code, ends_at) = (random(""), world.now() + CODE_SECONDS);
    world.codes.insert(code.clone(), Code { user, challenge, redirect_uri, ends_at });
    code
}

pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/login/oauth/access_token") => exchange(state, &asked.body),
        _ => Answer::not_found(),
    }
}

fn exchange(state: &mut State, body: &str) -> Answer {
    let now = state.now();
    let form = pairs(body);
    let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let refuse =
        |error: &str| Answer::json(200, &json!({"error": error, "error_description": "The request was refused."}));
    if given("client_id") != Some(CLIENT_ID) || given("client_secret") != Some(CLIENT_SECRET) {
        return refuse("incorrect_client_credentials");
    }
    // Whatever comes of it, a code is used up.
    let code = given("code").and_then(|code| state.world.codes.remove(code)).filter(|code| code.ends_at > now);
    let Some(code) = code else { return refuse("bad_verification_code") };
    if let Some(challenge) = &code.challenge {
        let verifier = given("code_verifier").unwrap_or_default();
        let is_long = (43..=128).contains(&verifier.len());
        if !is_long || URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != *challenge {
            return refuse("bad_verification_code");
        }
    }
    if let (Some(began), Some(ends)) = (&code.redirect_uri, given("redirect_uri"))
        && began != ends
    {
        return refuse("redirect_uri_mismatch");
    }
    let token = random("ghu_");
    state.world.user_tokens.insert(token.clone(), code.user);
    Answer::json(200, &json!({"access_token": token, "token_type": "bearer", "scope": ""}))
}
