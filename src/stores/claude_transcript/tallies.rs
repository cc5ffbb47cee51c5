//! What is counted while a transcript is read, in little memory.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::line::Said;
use crate::core::Tally;

/// A name such as a UUID as a number, so that a million of them take little room.
pub fn print(name: &str) -> u128 {
    let digits = name.bytes().filter(|b| *b != b'-').collect::<Vec<_>>();
    let plain = digits.len() == 32 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let hex = std::str::from_utf8(&digits).ok().filter(|_| plain && name.len() == 36);
    hex.and_then(|h| u128::from_str_radix(h, 16).ok()).unwrap_or_else(|| {
        // FNV-1a.
        name.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |sum: u128, byte| {
            (sum ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        })
    })
}

/// Counts a line among those of which something is to be said, with where it stands: its number and its first byte.
pub fn count(lines: &mut Tally, (number, at): (i64, u64), id: &str) {
    lines.add(|| {
        let unnamed = id == unnamed(number);
        let place = if unnamed { format!("byte {at}") } else { format!("line {number}, byte {at}") };
        (id.to_owned(), place)
    });
}

/// What a line is called that has no id of its own.
pub fn unnamed(number: i64) -> String {
    format!("line-{number}")
}

/// The tools that were called and not answered yet.
#[derive(Debug, Default)]
pub struct Calls {
    open: HashMap<u128, (i64, String)>,
}

impl Calls {
    pub fn note(&mut self, number: i64, said: &Said<'_>) {
        for (id, name) in &said.calls {
            self.open.insert(print(id), (number, name.clone().into_owned()));
        }
        for id in &said.results {
            self.open.remove(&print(id));
        }
    }

    /// Line and tool of each, in their order.
    pub fn open(&self) -> Vec<(i64, &str)> {
        let mut open: Vec<_> = self.open.values().map(|(number, name)| (*number, name.as_str())).collect();
        open.sort_unstable();
        open
    }
}

/// Tokens, each reply counted once though it is spread over several lines, which repeat it.
#[derive(Debug, Default)]
pub struct Tokens {
    replies: HashMap<u128, [u64; 4]>,
    total: [u64; 4],
}

impl Tokens {
    /// The names of the counts, as the API writes them.
    const COUNTS: [&str; 4] =
        ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];

    /// Counts a reply by its id; a later line of it has the final counts, which are no less.
    pub fn note(&mut self, reply: u128, usage: &Json) {
        let known = self.replies.entry(reply).or_default();
        for ((name, count), total) in Self::COUNTS.iter().zip(known.iter_mut()).zip(&mut self.total) {
            let now = usage.get(name).and_then(Json::as_u64).unwrap_or_default();
            *total = total.saturating_add(now.saturating_sub(*count));
            *count = now.max(*count);
        }
    }

    pub fn replies(&self) -> usize {
        self.replies.len()
    }

    /// Input, output, cache creation and cache read.
    pub fn total(&self) -> [u64; 4] {
        self.total
    }
}
