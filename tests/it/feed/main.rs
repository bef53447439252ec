//! The event feed: order, completeness, cursors, waiting, streams; and on
//! PostgreSQL that nothing is passed over whatever the order of the commits.

mod appearing;
mod catalogue;
mod list;
mod stream;
mod support;
mod wait;
