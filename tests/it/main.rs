//! The one test binary, grouped by boundary.

mod samples;
mod stores;
mod support;
mod theme;
