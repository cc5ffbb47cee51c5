//! Each store, from its files to the canonical tables.

mod durable;
mod folder;
pub mod session_do;
mod v8;
mod wrangler;
