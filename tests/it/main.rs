//! The one test binary, grouped by boundary.

mod cli;
mod stores;
mod support;
mod tidy;
