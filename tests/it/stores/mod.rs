//! Each store, from its files to the canonical tables.

mod durable;
mod folder;
mod session_do;
