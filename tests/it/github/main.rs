//! GitHub: a server against a GitHub that fails on demand.

mod check;
