//! GitHub, against a stand-in that checks what GitHub checks: installing,
//! signing in, webhooks, indexing and tokens, and all that can go wrong there.

mod check;
mod client;
mod faults;
mod hooks;
mod index;
mod setup;
mod token;
