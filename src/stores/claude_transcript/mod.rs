//! `claude-transcript`: what was said in a session of Claude, a JSON object a line.
//!
//! Source: stores.md §8. `<session uuid>.jsonl` is appended to while the session runs, so its last line may be unfinished. A reply
//! is spread over several lines with the same `message.id`, and `usage` repeated; new kinds of lines appear with every
//! version. No line is left out: one that is broken or of an unknown kind is a row like every other.

mod ends;
mod examine;
mod finder;
mod findings;
mod line;
mod link;
mod places;
mod reading;
mod session;
mod tallies;
mod texts;

use super::lines::LinesAdapter;
use crate::core::{Flow, Query, ReadStore, RowIndex, Selection, StoreError, Table};
use line::Line;

pub use ends::Ends;
pub use finder::{Finder, modified_ms};
pub use link::Link;
pub use places::Places;

pub const ADAPTER: LinesAdapter = LinesAdapter {
    id: "claude-transcript",
    recognises,
    awaits,
    name: |path, length| Some(Ends::read(path, length).ok()?.name(path)),
    read: reading::read,
    install: texts::install,
};

/// Whether a file's first bytes are those of a transcript: one line of it is enough, since any of them may be broken.
fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head.split(|b| *b == b'\n').map(|l| l.trim_ascii()).filter(|l| !l.is_empty()).peekable();
    // A document over several lines.
    if lines.peek().is_none_or(|first| *first == b"{" || first.starts_with(b"[")) {
        return false;
    }
    lines.any(|bytes| {
        let text = line::text(bytes);
        // The last of them may be cut off where the head ends.
        Line::begun(&text).is_some_and(|l| l.is_of_transcript() || l.begins_as_of_transcript())
    })
}

/// A session's transcript is named by its UUID, a sub-agent's by `agent-` and a number in hexadecimal.
fn awaits(path: &std::path::Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_agent =
        |stem: &str| stem.strip_prefix("agent-").is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()));
    path.extension().is_some_and(|e| e == "jsonl") && (session::is_uuid(&stem) || is_agent(&stem))
}

/// A session of a store that names transcripts.
pub struct Named<'a> {
    pub id: &'a str,
    /// The name by which it calls its transcript.
    pub name: Option<&'a str>,
    pub status: Option<&'a str>,
    pub agent: Option<&'a str>,
}

/// Hands out the sessions of a store, in their order.
pub fn each_session(
    reader: &dyn ReadStore,
    query: &Query,
    each: &mut dyn FnMut(&Named<'_>),
) -> Result<(), StoreError> {
    let columns = reader.columns(&Table::Sessions);
    let place = |name: &str| columns.iter().position(|c| c.name == name).unwrap_or_default();
    let selection = Selection {
        columns: ["id", "detail", "status", "agent"].map(place).to_vec(),
        ..Selection::default()
    };
    let mut index = RowIndex::default();
    reader.index(query, None, &mut |piece| {
        index.append(piece);
        Flow::Continue
    })?;
    let keys: Vec<_> = (0..index.len()).filter_map(|at| index.get(at)).collect();
    for page in keys.chunks(1_000) {
        for row in reader.rows(&Table::Sessions, page, &selection)? {
            let text = |at: usize| row.cells.get(at).and_then(|c| c.value.as_str());
            let detail: Option<serde_json::Value> = text(1).and_then(|d| serde_json::from_str(d).ok());
            let name = detail.as_ref().and_then(|d| d.get("session_id")).and_then(|s| s.as_str());
            each(&Named {
                id: text(0).unwrap_or_default(),
                name: name.filter(|n| !n.is_empty()),
                status: text(2),
                agent: text(3),
            });
        }
    }
    Ok(())
}
