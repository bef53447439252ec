//! Webhooks, against receivers over real TCP: what is refused, what is
//! delivered, signed, tried again and in which order, and where nothing is
//! ever delivered to.

mod crud;
mod delivery;
mod disabled;
mod kills;
mod network;
mod order;
mod receiver;
mod secrets;
mod support;
