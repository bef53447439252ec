//! Random sequences of operations from several people against the server and
//! against a small model: they must agree after every step.

mod model;
mod run;
mod step;
