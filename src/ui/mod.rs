//! View functions over core types.
//!
//! A view draws what has arrived, notes what it misses, and returns commands; it never acts.

pub mod bars;
pub mod command;
pub mod details;
pub mod export_session;
pub mod format;
pub mod glance;
pub mod heartbeats;
pub mod live;
pub mod marks;
pub mod model;
pub mod operations_tab;
pub mod overflow;
pub mod overview;
pub mod palette;
pub mod pulse;
pub mod remote;
pub mod repair_dialog;
pub mod repair_form;
pub mod repair_view;
pub mod scroll;
pub mod search_box;
pub mod search_list;
pub mod search_view;
pub mod sources;
pub mod start;
pub mod table;
pub mod table_view;
pub mod tables_tab;
pub mod tabs;
pub mod theme;
pub mod timeline;
pub mod toolbar;
pub mod top_bar;
pub mod transcript;
mod transcript_file;
pub mod widgets;

pub use command::Command;
