//! GitHub, against a stand-in that checks what GitHub checks: installing,
//! signing in, webhooks, indexing and tokens, and all that can go wrong there.

mod check;
mod client;
mod ending;
mod faults;
mod flow;
mod hooks;
mod index;
mod page;
mod requests;
mod secrets;
mod setup;
mod signin;
mod support;
mod token;
