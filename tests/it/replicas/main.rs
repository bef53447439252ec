//! Two replicas on one PostgreSQL database: how soon one knows what the other
//! changed, what they do while the database cannot be reached, and what an
//! operation costs in round trips.

mod filled;
mod outage;
mod revocation;
mod round_trips;
mod statements;
mod tls;
