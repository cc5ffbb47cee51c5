//! The one test binary, grouped by boundary.

// Clippy lets only functions marked as tests panic; what they share must be able to, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
mod stores;
mod support;
mod tidy;
