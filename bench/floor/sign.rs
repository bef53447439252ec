//! Signing a token and storing its hash: a JWT with the claims that Polity's have.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_lc_rs::signature::Ed25519KeyPair;
use axum::extract::{Path as Segment, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::durable::{failed, id};
use crate::known::{self, Known, Token};
use crate::sqlite::{with_hyphens, without_hyphens};
use crate::writer::{Write, Writer};

/// Signs tokens.
pub(crate) struct Signer {
    key: Ed25519KeyPair,
    header: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
    org_id: &'a str,
    aud: &'a str,
    client_id: &'a str,
}

impl Signer {
    /// With a new key.
    pub(crate) fn new() -> Result<Signer> {
        let key = Ed25519KeyPair::generate().ok().context("no key could be made")?;
        let header = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"b9c01495-a20e-4a1e-98f4-8c9cbca2419d"}"#;
        Ok(Signer { key, header: URL_SAFE_NO_PAD.encode(header) })
    }

    /// A new token of an organization.
    pub(crate) fn sign(&self, organization: &str) -> String {
        let claims = Claims {
            iss: "http://polity.example",
            sub: organization,
            jti: &with_hyphens(&id()),
            iat: 1_795_893_264,
            exp: 1_798_485_265,
            org_id: organization,
            aud: "http://polity.example",
            client_id: "polity",
        };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// What is needed to issue a token.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) signer: Arc<Signer>,
    pub(crate) writer: Writer,
}

#[derive(Serialize)]
struct Body {
    token: String,
}

impl Issuer {
    /// With a new key, and a database in this directory.
    pub(crate) fn new(directory: &Path) -> Result<Issuer> {
        Ok(Issuer { signer: Arc::new(Signer::new()?), writer: Writer::start(directory)? })
    }

    /// Issues a token of an organization and replies with it.
    pub(crate) async fn issue(&self, organization: &str) -> Response {
        let token = self.signer.sign(organization);
        let write = Write::Token { hash: known::hash(&token), organization: without_hyphens(organization) };
        if self.writer.write(write).await { Json(Body { token }).into_response() } else { failed() }
    }
}

#[derive(Clone)]
struct Floor {
    known: Known,
    issuer: Issuer,
}

/// The floor of operations that issue a token.
pub(crate) fn router(directory: &Path, tokens: Vec<Token>) -> Result<Router> {
    let floor = Floor { known: known::remember(&tokens), issuer: Issuer::new(directory)? };
    drop(tokens);
    Ok(Router::new()
        .route("/v1/organizations/{id}/access_token", post(issue))
        .route("/v1/organizations/{id}/switch", post(issue))
        .with_state(floor))
}

async fn issue(State(floor): State<Floor>, Segment(id): Segment<String>, headers: HeaderMap) -> Response {
    match known::caller(&floor.known, &headers) {
        Some(_) => floor.issuer.issue(&id).await,
        None => known::refused(),
    }
}
