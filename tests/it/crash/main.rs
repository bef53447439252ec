//! A server that is killed again and again under load loses nothing it
//! acknowledged, leaves nothing half done, and sends no mail twice.

mod kills;
