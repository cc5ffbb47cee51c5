//! Each store, from its files to the canonical tables.

mod session_do;
