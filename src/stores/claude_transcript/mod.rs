//! `claude-transcript`: what was said in a session of Claude, a JSON object a line.
//!
//! Source: stores.md §8. `<session uuid>.jsonl` is appended to while the session runs, so its last line may be unfinished. A reply
//! is spread over several lines with the same `message.id`, and `usage` repeated; new kinds of lines appear with every
//! version. No line is left out: one that is broken or of an unknown kind is a row like every other.

mod findings;
mod line;
mod reading;
mod session;
mod tallies;
mod texts;

use super::lines::LinesAdapter;
use line::Line;

pub const ADAPTER: LinesAdapter =
    LinesAdapter { id: "claude-transcript", recognises, read: reading::read, install: texts::install };

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
