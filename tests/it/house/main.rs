//! Rules of the house: documents that follow the code, crates that know only
//! what they may know.

mod generated;
mod graph;
