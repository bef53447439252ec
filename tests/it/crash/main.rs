//! A server that is killed again and again under load loses nothing it
//! acknowledged, leaves nothing half done, and sends no mail twice.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper is a failed test")]

mod audit;
mod kills;
mod process;
mod writer;
