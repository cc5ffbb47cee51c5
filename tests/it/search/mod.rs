//! Searching, from what is typed to the hits.

mod damage;
mod matcher;
mod stores;
mod typed;
mod writer;

use std::path::Path;

use sessionscope::core::search::{Hit, Mode, Search};
use sessionscope::core::{Flow, StoreError};
use sessionscope::stores::Opened;
use sessionscope::stores::search::{Request, search};
use sessionscope::stores::sqlite::Cancel;

use crate::support::opened;

pub fn parsed(typed: &str, mode: Mode) -> Search {
    Search::parse(typed, mode).unwrap_or_else(|e| panic!("{e}")).expect("something is typed")
}

/// All hits of a search, and how it ended.
pub fn hits_of(opened: &Opened, wanted: &Search, cancel: &Cancel) -> (Vec<Hit>, Result<(), StoreError>) {
    let mut hits = Vec::new();
    let request = Request { search: wanted, most_hits: None, cancel };
    let ended = search(opened, &request, &mut |found| {
        assert_eq!(found.hits.len() as u64, found.matches);
        hits.extend(found.hits);
        Flow::Continue
    });
    (hits, ended)
}

/// The tables and keys in which a text is found.
pub fn found(path: &Path, typed: &str) -> Vec<String> {
    found_as(path, typed, Mode::default())
}

pub fn found_as(path: &Path, typed: &str, mode: Mode) -> Vec<String> {
    let (hits, ended) = hits_of(&opened(path), &parsed(typed, mode), &Cancel::default());
    ended.unwrap_or_else(|e| panic!("{e}"));
    hits.iter().map(|hit| format!("{} {}", hit.table.name(), hit.key)).collect()
}

/// The lines that show where a text is, with `[` and `]` around the matches.
pub fn lines(path: &Path, typed: &str) -> Vec<String> {
    let (hits, ended) = hits_of(&opened(path), &parsed(typed, Mode::default()), &Cancel::default());
    ended.unwrap_or_else(|e| panic!("{e}"));
    hits.iter().map(|hit| marked(&hit.snippet)).collect()
}

pub fn marked(snippet: &sessionscope::core::search::Snippet) -> String {
    let mut out = snippet.text.clone();
    for mark in snippet.marks.iter().rev() {
        out.insert(mark.end, ']');
        out.insert(mark.start, '[');
    }
    out
}
