//! What happens to every request around its handler.

pub(crate) mod cors;
pub(crate) mod edge;
pub(crate) mod path;
pub(crate) mod request_id;
