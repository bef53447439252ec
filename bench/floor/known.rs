//! Tokens in memory, by their SHA-256.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use quick_cache::sync::Cache;
use serde::Serialize;

use crate::organization::Organization;

/// The hash of a token.
pub(crate) type Hash = [u8; 32];

/// A token and the organization it is of.
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) organization: String,
}

/// The tokens that work.
pub(crate) type Known = Arc<Cache<Hash, Arc<Organization>>>;

/// Reads the file of the tokens.
pub(crate) fn read(file: &Path) -> Result<Vec<Token>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(pairs.map(|(token, id)| Token { token: token.to_owned(), organization: id.to_owned() }).collect())
}

/// What a token is stored as.
pub(crate) fn hash(token: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Keeps all the tokens in memory.
pub(crate) fn remember(tokens: &[Token]) -> Known {
    let known = Cache::new(tokens.len() * 2 + 1_000);
    for (n, token) in tokens.iter().enumerate() {
        let organization = Organization::new(&token.organization, &format!("org-{n:06}"));
        known.insert(hash(&token.token), Arc::new(organization));
    }
    Arc::new(known)
}

/// The organization of the bearer.
pub(crate) fn caller(known: &Known, headers: &HeaderMap) -> Option<Arc<Organization>> {
    known.get(&hash(bearer(headers)?))
}

/// The floor of operations that write nothing, when all they need is remembered.
pub(crate) fn router(tokens: Vec<Token>) -> Router {
    let known = remember(&tokens);
    drop(tokens);
    Router::new()
        .route("/v1/organizations/{id}", get(organization))
        .route("/v1/account/organization", get(organization))
        .route("/v1/organizations/{id}/budget", get(budget))
        .route("/oauth2/introspect", post(introspect))
        .with_state(known)
}

/// What is said to somebody whose token is not known.
pub(crate) fn refused() -> Response {
    StatusCode::UNAUTHORIZED.into_response()
}

async fn organization(State(known): State<Known>, headers: HeaderMap) -> Response {
    caller(&known, &headers).map_or_else(refused, |organization| organization.reply())
}

async fn budget(State(known): State<Known>, headers: HeaderMap) -> Response {
    caller(&known, &headers).map_or_else(refused, |_| Json(BudgetBody::default()).into_response())
}

#[derive(Serialize)]
struct Answer<'a> {
    active: bool,
    iss: &'a str,
    sub: &'a str,
    username: &'a str,
    jti: &'a str,
    client_id: &'a str,
    token_type: &'a str,
    org_id: &'a str,
    iat: i64,
    exp: i64,
}

async fn introspect(State(known): State<Known>, headers: HeaderMap, form: String) -> Response {
    let Some(service) = bearer(&headers) else { return refused() };
    // Who asks is known by a secret of its own.
    std::hint::black_box(hash(service));
    let token = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "token");
    let organization = token.and_then(|(_, token)| known.get(&hash(&token)));
    let Some(organization) = organization else { return refused() };
    let id = organization.id.as_str();
    let (iss, client_id, token_type) = ("http://polity.example", "polity", "Bearer");
    let (iat, exp) = (1_795_893_264, 1_798_485_265);
    let answer =
        Answer { active: true, iss, sub: id, username: id, jti: id, client_id, token_type, org_id: id, iat, exp };
    Json(answer).into_response()
}

/// What is replied about a budget.
#[derive(Serialize, Default)]
pub(crate) struct BudgetBody {
    budget: Budget,
    spend: Spend,
}

#[derive(Serialize)]
struct Budget {
    amount: String,
    thresholds: [&'static str; 2],
    forecast_thresholds: [&'static str; 0],
    enforcement: &'static str,
    max_overshoot_microcents: Option<i64>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            amount: "5000".to_owned(),
            thresholds: ["80", "100"],
            forecast_thresholds: [],
            enforcement: "alert",
            max_overshoot_microcents: None,
        }
    }
}

#[derive(Serialize)]
struct Spend {
    period_start: &'static str,
    period_end: &'static str,
    spent_microcents: String,
    leased_microcents: String,
    remaining_microcents: String,
    projected_microcents: String,
    stopped: bool,
}

impl Default for Spend {
    fn default() -> Spend {
        Spend {
            period_start: "2026-11-01T00:00:00Z",
            period_end: "2026-12-01T00:00:00Z",
            spent_microcents: "0".to_owned(),
            leased_microcents: "0".to_owned(),
            remaining_microcents: "5000000000".to_owned(),
            projected_microcents: "0".to_owned(),
            stopped: false,
        }
    }
}
