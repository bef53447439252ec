//! Whether the harness does what the tests on PostgreSQL rely on. Nothing here
//! is about Polity.

mod balancer;
mod clusters;
mod databases;
mod proxy;
