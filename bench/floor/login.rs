//! Logging in: the password is verified on a thread of its own, one at a time
//! on each core, and a token is issued.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::known;
use crate::sign::Issuer;

/// Memory of a hash, in KiB, as Polity has it.
const MEMORY_KIB: u32 = 19_456;
/// Passes over that memory, as Polity has them.
const PASSES: u32 = 2;
/// The password of everybody.
const PASSWORD: &[u8] = b"made-up password";

#[derive(Clone)]
struct Floor {
    hash: Arc<argon2::password_hash::phc::PasswordHash>,
    turns: Arc<Semaphore>,
    issuer: Issuer,
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok().context("Argon2id refuses its parameters")?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The floor of a login.
pub(crate) fn router(directory: &Path) -> Result<Router> {
    let hash = argon2()?.hash_password_with_salt(PASSWORD, b"salt of a bench!").ok().context("no hash")?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Arc::new(Semaphore::new(cores));
    let floor = Floor { hash: Arc::new(hash), turns, issuer: Issuer::new(directory)? };
    Ok(Router::new().route("/v1/account/login", post(login)).with_state(floor))
}

#[derive(Deserialize)]
struct Credentials {
    password: String,
}

async fn login(State(floor): State<Floor>, Json(given): Json<Credentials>) -> Response {
    let Ok(turn) = floor.turns.clone().acquire_owned().await else { return known::refused() };
    let hash = Arc::clone(&floor.hash);
    let verified = tokio::task::spawn_blocking(move || {
        let verified = argon2().is_ok_and(|argon2| argon2.verify_password(given.password.as_bytes(), &*hash).is_ok());
        drop(turn);
        verified
    });
    if verified.await.unwrap_or(false) {
        floor.issuer.issue("d5159b73-432a-4795-95f4-880de4fe8640").await
    } else {
        known::refused()
    }
}
