//! Organizations and what belongs to them, over HTTP.

mod smoke;
