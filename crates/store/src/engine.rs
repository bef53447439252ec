//! The engine: how statements are declared, bound, run and read.

pub(crate) mod changes;
pub(crate) mod db;
pub(crate) mod postgres;
pub(crate) mod row;
pub(crate) mod sql;
pub(crate) mod sqlite;
pub(crate) mod tx;
pub(crate) mod value;
pub(crate) mod work;
