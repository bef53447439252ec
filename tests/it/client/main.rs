//! The Rust client against the real server: every operation, async and
//! blocking, and a network that fails.

mod every_operation;
mod faults;
mod lists;
mod proxy;
mod scenario;
mod settings;
