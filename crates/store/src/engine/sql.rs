//! Statements: SQL text with the types that go in and come out.

use std::marker::PhantomData;

use uuid::Uuid;

use crate::engine::row::{ColumnInfo, FromRow};
use crate::engine::value::{Datum, Kind, Params};

/// A statement: parameters `P`, rows `R` (`()` when it returns none).
pub struct Query<P, R> {
    /// Its name in the code, for messages.
    pub name: &'static str,
    /// The text with `?1`, `?2`, … as SQLite wants it.
    pub lite: &'static str,
    /// The text with `$1`, `$2`, … as PostgreSQL wants it.
    pub pg: &'static str,
    /// Which parameter, from 0, names the subject whose remembered rows it changes.
    pub touches: Option<usize>,
    #[doc(hidden)]
    pub types: PhantomData<fn(P) -> R>,
}

/// A statement without its types, for the checks.
pub trait Statement: Sync {
    /// Its name in the code.
    fn name(&self) -> &'static str;
    /// Its text for SQLite.
    fn lite(&self) -> &'static str;
    /// Its text for PostgreSQL.
    fn pg(&self) -> &'static str;
    /// Which parameter names the subject whose remembered rows it changes.
    fn touches(&self) -> Option<usize>;
    /// What the parameters hold that it binds.
    fn params(&self) -> &'static [Kind];
    /// The columns it returns.
    fn columns(&self) -> &'static [ColumnInfo];
}

impl<P: Params, R> Query<P, R> {
    /// The subject whose remembered rows it changes when run with `params`.
    pub(crate) fn subject(&self, params: &P) -> Option<Uuid> {
        let refs = params.refs();
        match refs.get(self.touches?)?.datum() {
            Datum::Uuid(bytes) => Some(Uuid::from_bytes(*bytes)),
            _ => None,
        }
    }
}

impl<P: Params, R: FromRow> Statement for Query<P, R> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn lite(&self) -> &'static str {
        self.lite
    }
    fn pg(&self) -> &'static str {
        self.pg
    }
    fn touches(&self) -> Option<usize> {
        self.touches
    }
    fn params(&self) -> &'static [Kind] {
        P::KINDS
    }
    fn columns(&self) -> &'static [ColumnInfo] {
        R::COLUMNS
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
                $crate::engine::sql::Query {
                    name: concat!(module_path!(), "::", stringify!($name)),
                    lite: LITE,
                    pg: $crate::engine::sql::pg_text!(TEXT $(, $pg)?),
                    touches: $crate::engine::sql::touched!($($touches)?),
                    types: std::marker::PhantomData,
                }
            };
        )+
        /// Every statement of this file.
        pub(crate) static STATEMENTS: &[&dyn $crate::engine::sql::Statement] = &[ $( &$name ),+ ];
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
pub(crate) use {params_of, pg_text, queries, touched};

#[cfg(test)]
mod tests {
    #[test]
    fn placeholders_are_translated_and_nothing_else() {
        let lite: [u8; 17] = super::to_lite("a = $1 and '$' $2");
        assert_eq!(std::str::from_utf8(&lite), Ok("a = ?1 and '$' ?2"));
    }
}
