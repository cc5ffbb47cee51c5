//! The one test binary, grouped by boundary.

// Helpers of tests may fail a test; Clippy excuses only the tests themselves.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod cli;
mod export;
mod repairs;
mod samples;
mod search;
mod stores;
mod support;
mod theme;
mod tidy;
#[cfg(feature = "gui")]
mod window;
