//! The harness of the black-box tests: a real server for each test, on a port
//! and a directory of its own, with a clock the test moves.
//!
//! Arrange with [`TestServer::person`] and [`Person::organization`], act with
//! [`TestServer::call`], assert on the [`Reply`].

mod binary;
mod call;
mod clock;
mod mail;
mod people;
mod server;

pub use binary::binary;
pub use call::{Call, Reply};
pub use clock::TestClock;
pub use mail::Mail;
pub use people::{Organization, PASSWORD, Person};
pub use server::TestServer;
