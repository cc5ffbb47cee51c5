//! What is counted while a transcript is read, in little memory.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::line::Said;

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

/// Lines of which something is to be said: how many, and where the first of them are.
#[derive(Debug, Default)]
pub struct Places {
    pub count: u64,
    /// The id of the first of them.
    pub key: String,
    /// Line number and byte offset.
    first: Vec<(i64, u64)>,
}

impl Places {
    /// So many are named.
    const MOST: usize = 10;

    pub fn add(&mut self, (number, at): (i64, u64), id: &str) {
        self.count += 1;
        if self.count == 1 {
            id.clone_into(&mut self.key);
        }
        if self.first.len() < Self::MOST {
            self.first.push((number, at));
        }
    }

    /// Where they are, in words: `line 3 (byte 120), line 7 (byte 900) and 4 more`.
    pub fn words(&self) -> String {
        let named: Vec<String> =
            self.first.iter().map(|(number, at)| format!("line {number} (byte {at})")).collect();
        let named = named.join(", ");
        match self.count - self.first.len() as u64 {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
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
