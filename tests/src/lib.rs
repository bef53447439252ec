//! The harness of the black-box tests: a real server for each test, on a port
//! and a directory of its own, with a clock the test moves.
//!
//! Arrange with [`TestServer::person`] and [`Person::organization`], act with
//! [`TestServer::call`], assert on the [`Reply`].
//!
//! What stands around a server in production is here as well: a PostgreSQL
//! [`Cluster`], a [`TcpProxy`] before it that fails on demand, and a [`Balancer`]
//! before several servers. [`github`] is a stand-in for GitHub that fails on demand.
//! [`load`] is for tests that break things while clients write.

mod balancer;
mod binary;
mod call;
mod clock;
pub mod github;
pub mod load;
mod mail;
mod metering;
mod people;
mod postgres;
pub mod programs;
mod server;
mod tcp_proxy;

pub use balancer::Balancer;
pub use binary::{Ended, binary, command, run};
pub use call::{Call, Reply};
pub use clock::TestClock;
pub use mail::Mail;
pub use metering::MeteringKey;
pub use people::{Organization, PASSWORD, Person};
pub use postgres::{Cluster, Database, Options, Stop, Template, Tls};
pub use server::{TestServer, on_postgres};
pub use tcp_proxy::{Cut, Flow, TcpProxy};
