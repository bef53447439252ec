//! Metering keys: made by the operator for the sources of the platform.

use polity_api::ids::MeteringKeyId;
use polity_api::operation::Empty;
use polity_api::scalar::Int64;
use polity_api::table::{
    OperatorCreateMeteringKey, OperatorDeleteMeteringKey, OperatorListMeteringKeys, OperatorUpdateMeteringKey,
};
use polity_api::types::metering::{MeteringKey, OperatorListMeteringKeysReply, OperatorMeteringKeyReply};
use polity_store::metering_keys::{self, MeteringKeyRow};
use serde_json::Map;

use crate::authz::{self, Caller};
use crate::ctx::{Ctx, Request, Work};
use crate::cursor::{self, Kind};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object};
use crate::field::{self, next_cursor};
use crate::secret;
use crate::spend::price::MAX_AMOUNT;
use crate::token::METERING_PREFIX;

const MAX_NAME: usize = 128;

fn not_found() -> Error {
    Error::not_found("metering key")
}

/// `OperatorListMeteringKeys`: newest first.
///
/// # Errors
/// 400 on `cursor` and `offset`.
pub async fn list(ctx: Ctx, req: Request<OperatorListMeteringKeys>) -> Result<OperatorListMeteringKeysReply> {
    ctx.read("list_metering_keys", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            let start = cursor::start_at(Kind::MeteringKeys, &query.cursor, query.offset)?;
            let start = start.map(|(at, id)| (at, MeteringKeyId(id)));
            let page = metering_keys::list(w.tx, start, query.limit.0.into()).await?;
            let next_cursor = next_cursor(&page, |row| cursor::write(Kind::MeteringKeys, row.created_at.0, row.id.0));
            Ok(OperatorListMeteringKeysReply {
                has_next: page.1,
                metering_keys: page.0.into_iter().map(|row| to_wire(row, String::new())).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                next_cursor,
            })
        })
    })
    .await
}

/// `OperatorCreateMeteringKey`: the only reply with the token.
///
/// # Errors
/// 400 on `name` and `unleased_cap_microcents`.
pub async fn create(ctx: Ctx, req: Request<OperatorCreateMeteringKey>) -> Result<OperatorMeteringKeyReply> {
    let name = field::required("name", &req.body.name, MAX_NAME)?;
    let cap = cap(req.body.unleased_cap_microcents)?.unwrap_or(0);
    ctx.write("create_metering_key", (req.call, name, cap), |w, (call, name, cap)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let token = format!("{METERING_PREFIX}{}", secret::generate(&w.ctx.random));
            let row = MeteringKeyRow {
                id: w.id(MeteringKeyId::from_random),
                name: name.clone(),
                token_hash: w.ctx.keys.hash(&token),
                unleased_cap_microcents: *cap,
                created_at: w.now,
            };
            metering_keys::insert(w.tx, &row).await?;
            log(w, &caller, &row, "created").await?;
            Ok(OperatorMeteringKeyReply { metering_key: to_wire(row, token) })
        })
    })
    .await
}

/// `OperatorUpdateMeteringKey`.
///
/// # Errors
/// 400 on `name` and `unleased_cap_microcents`, 404 when there is none.
pub async fn update(ctx: Ctx, req: Request<OperatorUpdateMeteringKey>) -> Result<OperatorMeteringKeyReply> {
    let name = req.body.name.map(|name| field::required("name", &name, MAX_NAME)).transpose()?;
    let cap = cap(req.body.unleased_cap_microcents)?;
    ctx.write("update_metering_key", (req.call, req.path.id, name, cap), |w, (call, id, name, cap)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let before = metering_keys::by_id(w.tx, *id).await?.ok_or_else(not_found)?;
            let mut row = before.clone();
            row.name = name.clone().unwrap_or(row.name);
            row.unleased_cap_microcents = cap.unwrap_or(row.unleased_cap_microcents);
            if row != before {
                metering_keys::update(w.tx, &row).await?;
                log(w, &caller, &row, "updated").await?;
            }
            Ok(OperatorMeteringKeyReply { metering_key: to_wire(row, String::new()) })
        })
    })
    .await
}

/// `OperatorDeleteMeteringKey`: it stops working with the commit.
///
/// # Errors
/// 404 when there is none.
pub async fn delete(ctx: Ctx, req: Request<OperatorDeleteMeteringKey>) -> Result<Empty> {
    ctx.write("delete_metering_key", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = metering_keys::by_id(w.tx, *id).await?.ok_or_else(not_found)?;
            metering_keys::delete(w.tx, row.id).await?;
            log(w, &caller, &row, "deleted").await?;
            Ok(Empty {})
        })
    })
    .await
}

fn cap(microcents: Option<Int64>) -> Result<Option<i64>> {
    match microcents {
        Some(Int64(cap)) if !(0..=MAX_AMOUNT).contains(&cap) => {
            Err(Error::field("unleased_cap_microcents", format!("must be 0 to {MAX_AMOUNT}")))
        }
        cap => Ok(cap.map(|Int64(cap)| cap)),
    }
}

async fn log(w: Work<'_>, caller: &Caller, row: &MeteringKeyRow, verb: &str) -> Result<()> {
    let object = Object { kind: "metering_key", id: row.id.0, name: &row.name };
    event::append(w, &Actor::Caller(caller), None, &object, verb, Map::new()).await
}

fn to_wire(row: MeteringKeyRow, token: String) -> MeteringKey {
    MeteringKey {
        id: row.id,
        name: row.name,
        token,
        unleased_cap_microcents: Int64(row.unleased_cap_microcents),
        created_at: Some(row.created_at),
    }
}
