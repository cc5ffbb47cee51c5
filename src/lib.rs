#![doc = include_str!("ARCHITECTURE.md")]

#[cfg(feature = "gui")]
pub mod app;
pub mod cli;
pub mod core;
pub mod stores;
#[cfg(feature = "gui")]
pub mod ui;
