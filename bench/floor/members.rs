//! A list of members: ten rows, each with its person, and how many there are.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use rusqlite::{Connection, Transaction};
use serde::Serialize;

use crate::known;
use crate::sqlite::{self, Database, with_hyphens, without_hyphens};

/// Members of each organization.
const MEMBERS: i64 = 10;

/// The tables.
pub(crate) const SCHEMA: &str = "
create table users (
    id blob primary key, email text not null, name text not null, avatar_url text not null,
    github_id text not null, github_user text not null
) strict, without rowid;
create table members (
    organization_id blob not null, joined_at integer not null, id blob not null, user_id blob not null,
    status text not null, primary key (organization_id, joined_at, id)
) strict, without rowid;
";

const LIST: &str = "
select members.id, user_id, joined_at, members.status, email, name, avatar_url, github_id, github_user
from members join users on users.id = user_id
where organization_id = ?1 order by joined_at desc limit 10";
const ORGANIZATION: &str = "select name, plan, status, external_id from organizations where id = ?1";
const COUNT: &str = "select count(*) from members where organization_id = ?1";

/// The people of an organization.
pub(crate) fn fill(unit: &Transaction<'_>, organization: &str) -> rusqlite::Result<()> {
    let mut user = unit.prepare_cached("insert into users values (?1, ?2, ?3, '', '', '')")?;
    let mut member = unit.prepare_cached("insert into members values (?1, ?2, ?3, ?4, 'ACTIVE')")?;
    for n in 0..MEMBERS {
        let hash = known::hash(&format!("{organization} {n}"));
        let (id, other) = hash.split_at(16);
        user.execute((id, format!("user-{n:06}@example.com"), format!("User {n:06}")))?;
        member.execute((without_hyphens(organization), 1_764_349_941_193_226_i64 + n, other, id))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Body {
    members: Vec<Member>,
    limit: i64,
    offset: i64,
    count: i64,
}

#[derive(Serialize)]
struct Member {
    id: String,
    organization_id: String,
    user_id: String,
    external_id: String,
    joined_at: String,
    role: &'static str,
    status: String,
    user: User,
    organization: Summary,
}

#[derive(Serialize)]
struct User {
    id: String,
    email: String,
    name: String,
    avatar_url: String,
    github_id: String,
    github_user: String,
}

#[derive(Clone, Serialize)]
struct Summary {
    id: String,
    name: String,
    plan: String,
    status: String,
    external_id: String,
}

/// Lists ten members of the organization of the token.
pub(crate) async fn list(State(database): State<Database>, headers: HeaderMap) -> Response {
    let conn = database.lock().unwrap_or_else(PoisonError::into_inner);
    match read(&conn, &headers) {
        Ok(Some(body)) => Json(body).into_response(),
        Ok(None) => known::refused(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn read(conn: &Connection, headers: &HeaderMap) -> rusqlite::Result<Option<Body>> {
    let Some(organization) = sqlite::caller(conn, headers)? else { return Ok(None) };
    let summary = conn.prepare_cached(ORGANIZATION)?.query_row([&organization], |row| {
        let id = with_hyphens(&organization);
        Ok(Summary { id, name: row.get(0)?, plan: row.get(1)?, status: row.get(2)?, external_id: row.get(3)? })
    })?;
    let mut select = conn.prepare_cached(LIST)?;
    let rows = select.query_map([&organization], |row| {
        let (id, user) = (with_hyphens(row.get_ref(0)?.as_blob()?), with_hyphens(row.get_ref(1)?.as_blob()?));
        Ok(Member {
            external_id: format!("om_{}", id.replace('-', "")),
            id,
            organization_id: summary.id.clone(),
            user_id: user.clone(),
            joined_at: time(row.get(2)?),
            role: "OWNER",
            status: row.get(3)?,
            user: User {
                id: user,
                email: row.get(4)?,
                name: row.get(5)?,
                avatar_url: row.get(6)?,
                github_id: row.get(7)?,
                github_user: row.get(8)?,
            },
            organization: summary.clone(),
        })
    })?;
    let members = rows.collect::<rusqlite::Result<_>>()?;
    let count = conn.prepare_cached(COUNT)?.query_row([&organization], |row| row.get(0))?;
    Ok(Some(Body { members, limit: 10, offset: 0, count }))
}

fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |time| time.to_string())
}
