//! Tenants cannot reach each other: every operation of the table is attacked
//! by nobody, by garbage, and by every kind of token of another organization.

mod attack;
mod carried_out;
mod fingerprint;
mod victim;
