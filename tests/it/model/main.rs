//! Random sequences of operations from several people against the server and
//! against a small model: they must agree after every step.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed helper is a failed test"
)]

mod model;
mod run;
mod step;
