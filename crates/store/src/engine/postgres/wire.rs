//! Values and rows in the binary format of PostgreSQL, and what its errors mean.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polity_api::scalar::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::Error;
use crate::engine::row::Source;
use crate::engine::value::{Datum, Kind, Param};

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The first time PostgreSQL knows, in the year 4714 BC, in microseconds from 2000. The last is beyond all that 64 bits
/// hold from 1970 on.
const FIRST_MICROS: i64 = -211_813_488_000_000_000;

/// A time as PostgreSQL counts it. What is before the first it knows is that: whoever asks for it is answered.
fn since_2000(time: Timestamp) -> i64 {
    time.0.saturating_sub(EPOCH_MICROS).max(FIRST_MICROS)
}

/// The type of PostgreSQL that holds a kind of value.
pub(crate) const fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Uuid => Type::UUID,
        Kind::Bytes => Type::BYTEA,
        Kind::Text => Type::TEXT,
        Kind::Integer => Type::INT8,
        Kind::Boolean => Type::BOOL,
        Kind::Time => Type::TIMESTAMPTZ,
    }
}

/// The types of the parameters of a statement.
pub(super) fn types(params: &[Kind]) -> Vec<Type> {
    params.iter().map(|kind| type_of(*kind)).collect()
}

/// Parameters whose types the statement knows.
pub(super) fn dynamic<'a>(bound: &'a [Bound<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    bound.iter().map(|param| param as _).collect()
}

/// Parameters with their types.
pub(super) fn typed<'a>(bound: &'a [Bound<'a>], params: &[Kind]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    bound.iter().map(|param| param as _).zip(types(params)).collect()
}

/// A time as the driver takes it where no [`Bound`] does it.
pub(crate) fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(time.0.max(0).cast_unsigned())
}

/// A parameter on its way to PostgreSQL.
#[derive(Debug)]
pub(crate) struct Bound<'a>(Datum<'a>);

impl<'a> Bound<'a> {
    pub(crate) fn all(params: &[&'a dyn Param]) -> Vec<Bound<'a>> {
        params.iter().map(|param| Bound(param.datum())).collect()
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match &self.0 {
            Datum::Null => return Ok(IsNull::Yes),
            Datum::Uuid(bytes) => out.extend_from_slice(bytes.as_slice()),
            Datum::Bytes(bytes) => out.extend_from_slice(bytes),
            // PostgreSQL holds no text with a null character, and what is stored has none: what is looked for
            // with one is not there.
            Datum::Text(text) if text.contains('\0') => {
                out.extend_from_slice(text.replace('\0', "\u{fffd}").as_bytes());
            }
            Datum::Text(text) => out.extend_from_slice(text.as_bytes()),
            Datum::Integer(number) => out.extend_from_slice(&number.to_be_bytes()),
            Datum::Boolean(truth) => out.extend_from_slice(&[u8::from(*truth)]),
            Datum::Time(time) => out.extend_from_slice(&since_2000(*time).to_be_bytes()),
        }
        Ok(IsNull::No)
    }

    /// Statements are prepared with the types of their parameters.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row of a result, read from left to right.
pub(crate) struct PgRow<'r> {
    row: &'r tokio_postgres::Row,
    next: usize,
}

impl<'r> PgRow<'r> {
    pub(crate) fn new(row: &'r tokio_postgres::Row) -> Self {
        PgRow { row, next: 0 }
    }
}

struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(Some(raw)))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(None))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Source for PgRow<'_> {
    fn next(&mut self, kind: Kind) -> Option<Datum<'_>> {
        if *self.row.columns().get(self.next)?.type_() != type_of(kind) {
            return None;
        }
        let Raw(raw) = self.row.try_get(self.next).ok()?;
        self.next += 1;
        let Some(raw) = raw else { return Some(Datum::Null) };
        let number = || raw.try_into().ok().map(i64::from_be_bytes);
        Some(match kind {
            Kind::Uuid => Datum::Uuid(raw.try_into().ok()?),
            Kind::Bytes => Datum::Bytes(raw),
            Kind::Text => Datum::Text(std::str::from_utf8(raw).ok()?.into()),
            Kind::Integer => Datum::Integer(number()?),
            Kind::Boolean => Datum::Boolean(*raw.first()? != 0),
            Kind::Time => Datum::Time(Timestamp(number()?.checked_add(EPOCH_MICROS)?)),
        })
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refused) = error.as_db_error() else {
            // No answer of the database: the connection is gone, or what came over it makes no sense.
            return Error::Unreachable(cause(&error));
        };
        let code = refused.code();
        if *code == SqlState::UNIQUE_VIOLATION {
            let columns = refused.detail().and_then(key_columns).unwrap_or_default();
            let table = refused.table().unwrap_or_default();
            return Error::Unique(qualified(table, columns));
        }
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
            return Error::Conflict;
        }
        if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE {
            return Error::Interrupted;
        }
        // Shutting down, starting, tired of waiting for us, out of connections or memory, or no longer the primary.
        let class = code.code().get(..2).unwrap_or_default();
        let gone = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::IDLE_SESSION_TIMEOUT,
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ];
        if matches!(class, "08" | "53") || gone.contains(code) {
            return Error::Unreachable(refused.to_string());
        }
        Error::Postgres(error)
    }
}

/// The message of an error with those below it, which hold the reason.
fn cause(error: &dyn StdError) -> String {
    let below = error.source().map(|source| format!(": {}", cause(source))).unwrap_or_default();
    if below.ends_with(&error.to_string()) { below } else { format!("{error}{below}") }
}

/// The columns of `Key (organization_id, email)=(…) already exists.`
fn key_columns(detail: &str) -> Option<&str> {
    detail.split_once('(')?.1.split_once(")=(").map(|(columns, _)| columns)
}

/// The columns as SQLite names them in its message.
fn qualified(table: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_that_postgresql_knows() {
        assert_eq!(since_2000(Timestamp(EPOCH_MICROS + 7)), 7);
        assert_eq!(since_2000(Timestamp(FIRST_MICROS + EPOCH_MICROS)), FIRST_MICROS);
        for early in [i64::MIN, i64::MIN + 1, FIRST_MICROS + EPOCH_MICROS - 1] {
            assert_eq!(since_2000(Timestamp(early)), FIRST_MICROS);
        }
        // The end of its time: the first day of the year 294277.
        assert!(since_2000(Timestamp(i64::MAX)) < 9_223_371_331_200_000_000);
    }

    #[test]
    fn a_broken_constraint_is_named_as_sqlite_names_it() {
        let detail = "Key (organization_id, email)=(1, a)=(b) already exists.";
        assert_eq!(
            qualified("invitations", key_columns(detail).unwrap()),
            "invitations.organization_id, invitations.email"
        );
    }
}
