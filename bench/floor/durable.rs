//! Durable writes: a token that is remembered, and rows that are on the disk
//! before the reply.

use std::path::Path;

use anyhow::Result;
use aws_lc_rs::rand;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::known::{self, BudgetBody, Known, Token};
use crate::organization::Organization;
use crate::sqlite::{with_hyphens, without_hyphens};
use crate::writer::{Write, Writer};

#[derive(Clone)]
struct Floor {
    known: Known,
    writer: Writer,
}

/// The floor of operations that write.
pub(crate) fn router(directory: &Path, tokens: Vec<Token>) -> Result<Router> {
    let floor = Floor { known: known::remember(&tokens), writer: Writer::start(directory)? };
    drop(tokens);
    Ok(Router::new()
        .route("/v1/organizations", post(create))
        .route("/v1/organizations/{id}/budget", put(budget))
        .route("/metering/v1/leases", post(lease))
        .with_state(floor))
}

/// A random identifier.
pub(crate) fn id() -> [u8; 16] {
    let mut id = [0; 16];
    // It fails only when the system has no randomness: then the next insertion does as well.
    let _ = rand::fill(&mut id);
    id
}

/// What is said when nothing was written.
pub(crate) fn failed() -> Response {
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

#[derive(Deserialize)]
struct NewOrganization {
    name: String,
}

async fn create(State(floor): State<Floor>, headers: HeaderMap, Json(new): Json<NewOrganization>) -> Response {
    let Some(caller) = known::caller(&floor.known, &headers) else { return known::refused() };
    let id = id();
    let organization = Organization::new(&with_hyphens(&id), &new.name);
    let user = without_hyphens(&caller.id);
    if floor.writer.write(Write::Organization { id, name: new.name, user }).await {
        organization.reply()
    } else {
        failed()
    }
}

#[derive(Deserialize)]
struct NewBudget {
    amount: String,
}

async fn budget(
    State(floor): State<Floor>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Json(new): Json<NewBudget>,
) -> Response {
    if known::caller(&floor.known, &headers).is_none() {
        return known::refused();
    }
    let amount_cents = new.amount.parse().unwrap_or_default();
    let write = Write::Budget { organization: without_hyphens(&id), amount_cents };
    if floor.writer.write(write).await { Json(BudgetBody::default()).into_response() } else { failed() }
}

#[derive(Deserialize)]
struct NewLease {
    organization_id: String,
    amount_microcents: String,
}

#[derive(Serialize)]
struct LeaseBody<'a> {
    lease: Lease<'a>,
}

#[derive(Serialize)]
struct Lease<'a> {
    id: String,
    organization_id: &'a str,
    amount_microcents: &'a str,
    committed_microcents: &'a str,
    status: &'a str,
    created_at: &'a str,
    expires_at: &'a str,
    period_start: &'a str,
    remaining_microcents: &'a str,
    max_overshoot_microcents: &'a str,
}

/// The token of a source is the same for all, and is hashed like any other.
async fn lease(State(floor): State<Floor>, headers: HeaderMap, Json(new): Json<NewLease>) -> Response {
    let Some(token) = known::bearer(&headers) else { return known::refused() };
    std::hint::black_box(floor.known.get(&known::hash(token)));
    let id = id();
    let write = Write::Lease {
        id,
        organization: without_hyphens(&new.organization_id),
        amount_microcents: new.amount_microcents.parse().unwrap_or_default(),
    };
    if !floor.writer.write(write).await {
        return failed();
    }
    let (now, end) = ("2026-11-28T19:14:24.154332Z", "2026-11-28T19:15:24.154332Z");
    let lease = Lease {
        id: with_hyphens(&id),
        organization_id: &new.organization_id,
        amount_microcents: &new.amount_microcents,
        committed_microcents: "0",
        status: "held",
        created_at: now,
        expires_at: end,
        period_start: now,
        remaining_microcents: "1000000000",
        max_overshoot_microcents: "0",
    };
    Json(LeaseBody { lease }).into_response()
}
