//! Moving to PostgreSQL by the real binary: while the server runs, cut, caught
//! up, refused; and databases filled for trials.

mod cut;
mod moved;
mod refused;
mod schema;
mod seeded;
mod support;
