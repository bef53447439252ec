//! The hot paths. The names here are those of `recorded.json`.

use std::fs;
use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use polity_api::ids::{OrganizationId, TokenId};
use polity_api::input;
use polity_api::scalar::Timestamp;
use polity_api::types::organization::{MaskQuery, OrganizationPatch};
use polity_ops::token::{self, Given, NewToken, Presented};
use polity_store::tokens::TokenKind;
use serde_json::{Value, json};

use crate::client::{Client, request};
use crate::counted::{count, count_cold};
use crate::server::Server;

/// Requests that read.
const READS: usize = 500;
/// Requests that write: so few that the log of the database is not yet copied back, which would happen at any time.
const WRITES: usize = 40;
/// Requests that write many rows, for the same reason fewer still.
const ROWS: usize = 20;
/// Requests by credentials that are new, each of which has to be made.
const CREDENTIALS: usize = 25;
/// Bytes of the log from which on it is copied back, as `store/src/engine/sqlite/log.rs` has it.
const COPIED_BYTES: u64 = 4 << 20;
/// Checks of a signature, each the cost of many requests.
const SIGNATURES: usize = 50;
/// Everything shorter.
const CALLS: usize = 2000;
/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// Runs every path.
pub fn run_all() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path())?;
    let mut client = Client::connect(server.address)?;
    let (organization, session) = client.sign_in()?;

    let get = request("GET", &format!("/v1/organizations/{organization}"), &session, "");
    answered("get_organization", READS, &mut client, &get)?;
    unseen(&mut client, &organization, &session)?;
    let create = request("POST", &format!("/v1/organizations/{organization}/access_token"), &session, "{}");
    answered("create_access_token", WRITES, &mut client, &create)?;
    created(&mut client, &session)?;
    let log_bytes = fs::metadata(directory.path().join("data/polity.db-wal"))?.len();
    ensure!(log_bytes < COPIED_BYTES, "the log has {log_bytes} bytes: it was copied back meanwhile, which counted");
    verified(&server, organization.parse()?)?;
    count("update_mask", CALLS, merged)
}

/// A request, from the socket to the reply.
fn answered(name: &str, iterations: usize, client: &mut Client, request: &[u8]) -> Result<()> {
    let (_, reply_bytes) = client.ask(request)?;
    count(name, iterations, || client.repeat(request, reply_bytes))
}

/// A request by tokens that are new to the server: nothing of them is remembered.
fn unseen(client: &mut Client, organization: &str, session: &str) -> Result<()> {
    let mut requests = Vec::new();
    for number in 0..=CREDENTIALS {
        let body = json!({"name": format!("unseen-{number}"), "type": "ORGANIZATION"}).to_string();
        let (reply, _) = client.ask(&request("POST", "/v1/credentials", session, &body))?;
        let token =
            reply.pointer("/credential/token").and_then(Value::as_str).context("a credential without a token")?;
        requests.push(request("GET", &format!("/v1/organizations/{organization}"), token, ""));
    }
    let mut requests = requests.iter();
    let (_, reply_bytes) = client.ask(requests.next().context("no request")?)?;
    let mut next = || client.repeat(requests.next().context("too few requests")?, reply_bytes);
    count_cold("get_organization_unseen", CREDENTIALS, &mut next)
}

/// Creating an organization: the write with the most rows.
fn created(client: &mut Client, session: &str) -> Result<()> {
    let mut number = 100;
    let mut next = || {
        number += 1;
        request("POST", "/v1/organizations", session, &format!(r#"{{"name":"made-{number}"}}"#))
    };
    let (_, reply_bytes) = client.ask(&next())?;
    count("create_organization", ROWS, || client.repeat(&next(), reply_bytes))
}

/// Reading a token whose signature is remembered, and tokens that were never seen.
fn verified(server: &Server, organization: OrganizationId) -> Result<()> {
    let ctx = &server.ctx;
    let sign = |number: u8| {
        let created_at = Timestamp(1_700_000_000_000_000);
        token::sign(
            ctx,
            &NewToken {
                id: TokenId::from_random([number; 16]),
                kind: TokenKind::Access,
                user_id: None,
                organization_id: Some(organization),
                created_at,
                expires_at: created_at.plus(DAY),
            },
        )
    };
    let read = |token: &str| {
        ensure!(
            matches!(token::read(ctx, &Given::of(black_box(token))), Presented::Signed { .. }),
            "a token is refused"
        );
        Ok(())
    };
    let known = sign(0)?;
    count("verify_known_token", CALLS, || read(&known))?;
    let tokens = (1..=u8::MAX).take(SIGNATURES + 1).map(sign).collect::<Result<Vec<_>, _>>()?;
    let mut unknown = tokens.iter();
    read(unknown.next().context("no token")?)?;
    count_cold("verify_new_token", SIGNATURES, || read(unknown.next().context("too few tokens")?))
}

/// Which fields of an organization a request changes, from its query and its body.
fn merged() -> Result<()> {
    const QUERY: &str = "update_mask=name,address1,city,postalCode,country,billingEmail,vat_number";
    const BODY: &[u8] =
        br#"{"name":"acme","address1":"1 Main Street","city":"Paris","postal_code":"75001","country":"FR",
        "billingEmail":"billing@example.com","company":true,"plan":"hobby","status":"ACTIVE"}"#;
    let refused = |error| anyhow::anyhow!("refused: {error:?}");
    let query: MaskQuery = input::query(black_box(QUERY)).map_err(refused)?;
    let body: OrganizationPatch = input::body(black_box(BODY)).map_err(refused)?;
    let patch = body.masked(&query.update_mask).map_err(refused)?;
    ensure!(black_box(&patch).vat_number.as_deref() == Some("") && patch.company.is_none(), "the mask is not followed");
    Ok(())
}
