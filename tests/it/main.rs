//! The one test binary, grouped by boundary.

mod stores;
mod support;
mod theme;
