//! Rows from SQLite for each request, by prepared statements, read where the
//! request is served: nothing is handed to another thread.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::known::{self, Token};
use crate::members;
use crate::organization::{Organization, Qualification};

/// The database, open for the only thread there is.
pub(crate) type Database = Arc<Mutex<Connection>>;

/// Bytes of the database that are mapped.
const MAPPED_BYTES: i64 = 64 << 30;

const SCHEMA: &str = "
create table tokens (
    hash blob primary key, organization_id blob not null, expires_at integer not null
) strict, without rowid;
create table organizations (
    id blob primary key, external_id text not null, provisioning integer not null, address1 text not null,
    address2 text not null, city text not null, postal_code text not null, state text not null,
    country text not null, company integer not null, vat_number text not null, billing_name text not null,
    billing_email text not null, name text not null, plan text not null, plan_updated_at integer,
    has_payment_method integer not null, subscription_id text not null, current_subscription_id text not null,
    latest_subscription_id text not null, signup_qualification text not null, status text not null,
    status_message text not null, deactivation_reason text not null, verified integer not null,
    qualifies_for_hobby23 integer not null, reprocess_after integer, trialing integer not null,
    trial_starts_at integer, trial_ends_at integer, email_domain_allowlist text not null,
    default_project_id text not null
) strict;
";

const TOKEN: &str = "select organization_id from tokens where hash = ?1 and expires_at > ?2";
const ORGANIZATION: &str = "select * from organizations where id = ?1";

/// The floor of operations that write nothing, when nothing they need is remembered.
pub(crate) fn router(directory: &Path, tokens: &[Token], organizations: u64) -> Result<Router> {
    let database = directory.join("rows.db");
    let mut conn = Connection::open(database)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
    conn.set_prepared_statement_cache_capacity(32);
    fill(&mut conn, tokens, organizations)?;
    let database: Database = Arc::new(Mutex::new(conn));
    Ok(Router::new()
        .route("/v1/organizations/{id}", get(organization))
        .route("/v1/organization_members", get(members::list))
        .with_state(database))
}

async fn organization(State(database): State<Database>, headers: HeaderMap) -> Response {
    let conn = database.lock().unwrap_or_else(PoisonError::into_inner);
    match read(&conn, &headers) {
        Ok(Some(organization)) => organization.reply(),
        Ok(None) => known::refused(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The id of the organization whose token the bearer has.
pub(crate) fn caller(conn: &Connection, headers: &HeaderMap) -> rusqlite::Result<Option<Vec<u8>>> {
    let Some(token) = known::bearer(headers) else { return Ok(None) };
    let mut select = conn.prepare_cached(TOKEN)?;
    select.query_row((known::hash(token), 1_700_000_000), |row| row.get(0)).optional()
}

fn read(conn: &Connection, headers: &HeaderMap) -> rusqlite::Result<Option<Organization>> {
    let Some(id) = caller(conn, headers)? else { return Ok(None) };
    conn.prepare_cached(ORGANIZATION)?.query_row([id], from_row).optional()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Organization> {
    Ok(Organization {
        id: with_hyphens(row.get_ref(0)?.as_blob()?),
        external_id: row.get(1)?,
        provisioning: row.get(2)?,
        address1: row.get(3)?,
        address2: row.get(4)?,
        city: row.get(5)?,
        postal_code: row.get(6)?,
        state: row.get(7)?,
        country: row.get(8)?,
        company: row.get(9)?,
        vat_number: row.get(10)?,
        billing_name: row.get(11)?,
        billing_email: row.get(12)?,
        name: row.get(13)?,
        plan: row.get(14)?,
        plan_updated_at: row.get(15)?,
        has_payment_method: row.get(16)?,
        subscription_id: row.get(17)?,
        current_subscription_id: row.get(18)?,
        latest_subscription_id: row.get(19)?,
        signup_qualification: Qualification {},
        status: row.get(21)?,
        status_message: row.get(22)?,
        deactivation_reason: row.get(23)?,
        verified: row.get(24)?,
        qualifies_for_hobby23: row.get(25)?,
        reprocess_after: row.get(26)?,
        trialing: row.get(27)?,
        trial_starts_at: row.get(28)?,
        trial_ends_at: row.get(29)?,
        email_domain_allowlist: Vec::new(),
        default_project_id: row.get(31)?,
    })
}

/// A UUID as it is written.
pub(crate) fn with_hyphens(id: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in id.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
    text
}

/// A UUID as it is stored.
pub(crate) fn without_hyphens(id: &str) -> Vec<u8> {
    let digits: Vec<u8> = id.chars().filter_map(|c| c.to_digit(16)).filter_map(|n| u8::try_from(n).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

/// The organizations of the tokens, and others so that there are as many as wanted; members for those of the tokens.
fn fill(conn: &mut Connection, tokens: &[Token], organizations: u64) -> Result<()> {
    conn.execute_batch(SCHEMA)?;
    conn.execute_batch(members::SCHEMA)?;
    let unit = conn.transaction()?;
    let insert = format!("insert or ignore into organizations values (?1, ?2{})", ", ?".repeat(30));
    let mut add = unit.prepare(&insert)?;
    let mut organization = |id: &str, name: &str| -> rusqlite::Result<bool> {
        let of = Organization::new(id, name);
        let (none, no) = (String::new(), 0);
        let text = |text: &str| text.to_owned();
        Ok(add.execute(rusqlite::params![
            without_hyphens(id),
            of.external_id,
            no,
            none,
            none,
            none,
            none,
            none,
            none,
            no,
            none,
            none,
            none,
            of.name,
            of.plan,
            None::<i64>,
            no,
            none,
            none,
            none,
            text("{}"),
            of.status,
            of.status_message,
            of.deactivation_reason,
            1,
            no,
            None::<i64>,
            no,
            None::<i64>,
            None::<i64>,
            text("[]"),
            of.default_project_id
        ])? == 1)
    };
    let mut token = unit.prepare("insert or ignore into tokens values (?1, ?2, ?3)")?;
    let mut made = 0;
    for of in tokens {
        if organization(&of.organization, &format!("org-{made:06}"))? {
            members::fill(&unit, &of.organization)?;
            made += 1;
        }
        token.execute((known::hash(&of.token), without_hyphens(&of.organization), 2_000_000_000))?;
    }
    for n in made..organizations {
        let id: [u8; 16] = known::hash(&n.to_string()).first_chunk().copied().unwrap_or_default();
        organization(&with_hyphens(&id), &format!("org-{n:06}"))?;
    }
    drop((add, token));
    unit.commit()?;
    conn.execute_batch("pragma wal_checkpoint(truncate)")?;
    Ok(())
}
