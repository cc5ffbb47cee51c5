//! How much room an operation takes in the log, about.
//!
//! The log is made of pages, as a database is: what a row takes is not its bytes alone, and an empty log has pages too.

use super::{Edit, Item, Record, Repair};
use crate::core::KeyId;

const PAGE: u64 = 4_096;
/// The pages of a log with nothing in it: its schema, and the first page of each table.
const EMPTY_PAGES: u64 = 5;
/// What a page holds of rows, and the most that a row keeps in its own page.
const ROOM: u64 = PAGE - 8;
const MOST_LOCAL: u64 = PAGE - 35;
const LEAST_LOCAL: u64 = (PAGE - 12) * 32 / 255 - 23;
/// What a page that a long row goes on in holds of it.
const FURTHER: u64 = PAGE - 4;
/// What a row has besides its texts and records: its number, its place in the page, lengths and types.
const OVERHEAD: u64 = 28;
/// So many pages of rows need one more page to find them by.
const FANOUT: u64 = 400;
/// From so many bytes on, what says which repair it is needs pages of its own.
const MOST_FACT: u64 = 1_000;

/// Counts the pages that the edits of a plan will fill.
#[derive(Debug, Default)]
pub struct Room {
    /// Full pages, and those that long rows go on in.
    pages: u64,
    /// Bytes of the page that is being filled.
    used: u64,
}

impl Room {
    pub fn add(&mut self, item: &Item, edit: &Edit) {
        let record = |r: &Option<Record>| r.as_ref().map_or(0, |r| r.0.len() as u64);
        let texts = item.action.as_str().len() + item.key.len() + item.reason.len() + item.table.len();
        let id = match &edit.id {
            KeyId::Row(_) => 4,
            KeyId::Values(values) => values.len() as u64,
        };
        let bytes = texts as u64 + id + record(&edit.before) + record(&edit.after) + OVERHEAD;
        let local = if bytes <= MOST_LOCAL { bytes } else { local_of(bytes) };
        self.pages += (bytes - local).div_ceil(FURTHER);
        if self.used + local > ROOM {
            self.pages += 1;
            self.used = 0;
        }
        self.used += local;
    }

    /// What all of it takes, with what says which repair it is.
    pub fn bytes(&self, repair: &Repair) -> u64 {
        let repair = serde_json::to_string(repair).map_or(0, |text| text.len() as u64);
        let fact = if repair > MOST_FACT { repair.div_ceil(FURTHER) } else { 0 };
        (EMPTY_PAGES + self.pages + self.pages / FANOUT + fact).saturating_mul(PAGE)
    }
}

/// How much of a long row stays in its own page, by the rule of SQLite's file format.
fn local_of(bytes: u64) -> u64 {
    let local = LEAST_LOCAL + (bytes - LEAST_LOCAL) % FURTHER;
    if local <= MOST_LOCAL { local } else { LEAST_LOCAL }
}
