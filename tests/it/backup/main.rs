//! Backups by the real binary: under load, restored, damaged, cut.

mod cut;
mod damaged;
mod live;
mod refused;
mod support;
