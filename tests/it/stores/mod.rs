//! Each store, from its files to the canonical tables.

pub mod session_do;
