//! Statements: SQL text with the types that go in and come out.

use std::marker::PhantomData;

use uuid::Uuid;

use crate::engine::row::{ColumnInfo, FromRow};
use crate::engine::value::{Datum, Kind, Param, Params};

/// A statement: parameters `P`, rows `R` (`()` when it returns none).
///
/// Only what makes parameters of values and values of rows is compiled for each
/// pair of types; everything else takes the [`Statement`].
pub struct Query<P, R> {
    /// It without its types.
    pub statement: Statement,
    types: PhantomData<fn(P) -> R>,
}

/// A statement without its types.
#[derive(Debug)]
pub struct Statement {
    /// Its name in the code, for messages.
    pub name: &'static str,
    /// The text with `?1`, `?2`, … as SQLite wants it.
    pub lite: &'static str,
    /// The text with `$1`, `$2`, … as PostgreSQL wants it.
    pub pg: &'static str,
    /// Which parameter, from 0, names the subject whose remembered rows it changes.
    pub touches: Option<usize>,
    /// What the parameters hold that it binds.
    pub params: &'static [Kind],
    /// The columns it returns.
    pub columns: &'static [ColumnInfo],
}

impl<P: Params, R: FromRow> Query<P, R> {
    /// A statement with these texts.
    pub const fn new(name: &'static str, lite: &'static str, pg: &'static str, touches: Option<usize>) -> Self {
        let statement = Statement { name, lite, pg, touches, params: P::KINDS, columns: R::COLUMNS };
        Query { statement, types: PhantomData }
    }
}

impl Statement {
    /// The subject whose remembered rows it changes when run with `params`.
    pub(crate) fn subject(&self, params: &[&dyn Param]) -> Option<Uuid> {
        match params.get(self.touches?)?.datum() {
            Datum::Uuid(bytes) => Some(Uuid::from_bytes(*bytes)),
            _ => None,
        }
    }
}

/// `$1` (the portable text) to `?1` (SQLite), same length, so it runs in a const.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs in a const: an index out of range would not compile")]
pub const fn to_lite<const N: usize>(text: &str) -> [u8; N] {
    let src = text.as_bytes();
    let mut out = [0u8; N];
    let mut i = 0;
    while i < N {
        let numbered = src[i] == b'$' && i + 1 < N && src[i + 1].is_ascii_digit();
        out[i] = if numbered { b'?' } else { src[i] };
        i += 1;
    }
    out
}

/// Declares statements, and the list `STATEMENTS` of them all for the checks.
///
/// The text uses `$1`, `$2`, … and only what SQLite and PostgreSQL share; where
/// they share too little, `, pg: "…"` after it is the text for PostgreSQL.
/// `NAME(a: A, b: B) -> Row` takes a tuple, `NAME: Row -> ()` a whole row.
///
/// A statement that changes or deletes a row that others remember (`memory` in
/// the rules) says so: `, touches: 0` names the parameter, counted from 0, that
/// is the person, organization, token or credential they remember it by.
macro_rules! queries {
    ($( $(#[$doc:meta])* $name:ident $( ( $($arg:ident : $pty:ty),* $(,)? ) )? $( : $row_param:ty )? => $row:ty = $sql:expr
        $(, pg: $pg:expr )? $(, touches: $touches:literal )? ; )+) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: $crate::engine::sql::Query<
                $crate::engine::sql::params_of!($( ( $($pty),* ) )? $( $row_param )?), $row
            > = {
                const TEXT: &str = $sql;
                const BYTES: [u8; TEXT.len()] = $crate::engine::sql::to_lite(TEXT);
                const LITE: &str = match std::str::from_utf8(&BYTES) { Ok(text) => text, Err(_) => "" };
                $crate::engine::sql::Query::new(
                    concat!(module_path!(), "::", stringify!($name)),
                    LITE,
                    $crate::engine::sql::pg_text!(TEXT $(, $pg)?),
                    $crate::engine::sql::touched!($($touches)?),
                )
            };
        )+
        /// Every statement of this file.
        pub(crate) static STATEMENTS: &[&$crate::engine::sql::Statement] = &[ $( &$name.statement ),+ ];
    };
}

macro_rules! params_of {
    (($($ty:ty),*)) => { ($($ty,)*) };
    ($ty:ty) => { $ty };
}

macro_rules! pg_text {
    ($text:expr) => {
        $text
    };
    ($text:expr, $pg:expr) => {
        $pg
    };
}

macro_rules! touched {
    () => {
        None
    };
    ($n:literal) => {
        Some($n)
    };
}

/// The text of a sum of what a column has, 0 of no row. What would not fit into 64 bits is cut off there, for a sum
/// that can no longer be counted must not make everything be refused that asks for it: neither part of it, the
/// thousand millions and the rest, leaves 64 bits.
macro_rules! sum {
    ($column:literal) => {
        concat!(
            "cast(coalesce(case when sum(",
            $column,
            " / 1000000000) >= 9000000000 then 9223372036854775807 else sum(",
            $column,
            " / 1000000000) * 1000000000 + sum(",
            $column,
            " % 1000000000) end, 0) as bigint)"
        )
    };
}
pub(crate) use {params_of, pg_text, queries, sum, touched};

#[cfg(test)]
mod tests {
    #[test]
    fn placeholders_are_translated_and_nothing_else() {
        let lite: [u8; 17] = super::to_lite("a = $1 and '$' $2");
        assert_eq!(std::str::from_utf8(&lite), Ok("a = ?1 and '$' ?2"));
    }
}
