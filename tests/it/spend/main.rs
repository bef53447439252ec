//! Spend: what is counted, what is announced of it, and what a budget stops,
//! to the last unit.

mod backlog;
mod bound;
mod budgets;
mod contention;
mod events;
mod late;
mod leases;
mod many_rows;
mod model;
mod support;
mod times;
mod tokens;
mod usage;
