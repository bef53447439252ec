//! Rules of the house: documents that follow the code, crates that know only
//! what they may know.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper is a failed test")]

mod generated;
mod graph;
