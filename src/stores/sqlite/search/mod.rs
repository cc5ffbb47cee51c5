//! Looks through a table for a text, in slices of a few milliseconds between which nothing is locked.

mod row;
mod scan;
mod target;

pub(in crate::stores) use scan::{End, Kept, Scan, Slice};
pub(in crate::stores) use target::Target;
