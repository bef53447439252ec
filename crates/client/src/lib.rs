//! The client of Polity: start at [`Client`].
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod error;
pub mod groups;
mod hook;
mod methods;
mod page;
mod retry;
pub mod types;

pub use client::{Client, ClientBuilder};
pub use error::{Error, Refusal, Result};
pub use hook::{Hook, Outcome};
pub use page::Paged;
pub use polity_api::error::FieldError;
pub use polity_api::operation::{Meta, Operation};
pub use retry::Retry;
