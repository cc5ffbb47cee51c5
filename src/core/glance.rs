//! A source at a glance: the counts that a picture shows better than a number.

use std::collections::{BTreeMap, HashMap};

use super::Timestamp;

/// Rows over time are drawn with so many bars at most.
const MOST_BARS: i64 = 120;
/// So many spans are told apart while counting; beyond that they are joined to longer ones.
const MOST_SPANS: usize = 4_096;
/// No store of sessions is older than this: 2000-01-01.
const EARLIEST_MS: i64 = 946_684_800_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// The lengths of a bar, each a multiple of the one before.
const STEPS_MS: [i64; 9] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    15 * MINUTE_MS,
    HOUR_MS,
    6 * HOUR_MS,
    DAY_MS,
    10 * DAY_MS,
    30 * DAY_MS,
    360 * DAY_MS,
];

/// What a source holds, as far as it was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    /// Sessions by status, the most frequent first; without those that have none.
    pub statuses: Vec<(String, u64)>,
    pub sessions: Option<OverTime>,
    pub messages: Option<OverTime>,
    /// The sessions with the most messages.
    pub largest_sessions: Vec<LargeSession>,
    /// The largest tables, their indexes included.
    pub tables: Vec<LargeTable>,
    /// Bytes of the database that are free for new rows.
    pub free_bytes: Option<u64>,
    /// Migrations by status.
    pub schema: Vec<(String, u64)>,
}

/// A session with many messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeSession {
    pub id: String,
    pub title: Option<String>,
    pub messages: u64,
}

/// How much room a table takes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeTable {
    pub name: String,
    pub bytes: u64,
    /// It is larger: not all of it was measured.
    pub at_least: bool,
}

/// Numbers of rows in spans of equal length, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverTime {
    /// When the first span begins.
    pub from_ms: i64,
    /// How long a span is.
    pub step_ms: i64,
    pub counts: Vec<u64>,
    /// Rows whose time is missing, or is none that can be meant.
    pub untimed: u64,
}

impl OverTime {
    /// The rows that are in a span.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// When the last span ends.
    pub fn until_ms(&self) -> i64 {
        self.from_ms + self.step_ms * self.counts.len() as i64
    }
}

/// Counts rows over time without knowing before from when to when they reach.
#[derive(Debug)]
pub struct OverTimeCounter {
    /// Rows by number of the span, counted from 1970.
    spans: BTreeMap<i64, u64>,
    step: usize,
    untimed: u64,
    latest_ms: i64,
}

impl OverTimeCounter {
    /// Times more than a year from now are not meant.
    pub fn new(now: Timestamp) -> Self {
        Self { spans: BTreeMap::new(), step: 0, untimed: 0, latest_ms: now.0.saturating_add(365 * DAY_MS) }
    }

    pub fn add(&mut self, time_ms: Option<i64>) {
        let Some(ms) = time_ms.filter(|ms| (EARLIEST_MS..=self.latest_ms).contains(ms)) else {
            self.untimed += 1;
            return;
        };
        *self.spans.entry(ms.div_euclid(STEPS_MS[self.step])).or_default() += 1;
        while self.spans.len() > MOST_SPANS && self.widen() {}
    }

    /// Joins spans to longer ones; says whether there are longer ones.
    fn widen(&mut self) -> bool {
        if self.step + 1 == STEPS_MS.len() {
            return false;
        }
        let times = STEPS_MS[self.step + 1] / STEPS_MS[self.step];
        self.step += 1;
        for (span, rows) in std::mem::take(&mut self.spans) {
            *self.spans.entry(span.div_euclid(times)).or_default() += rows;
        }
        true
    }

    /// What was counted so far, in spans so long that few enough are drawn; none where no row has a time.
    pub fn finish(mut self) -> Option<OverTime> {
        let width = |spans: &BTreeMap<i64, u64>| {
            let (first, last) = (spans.first_key_value()?.0, spans.last_key_value()?.0);
            Some((*first, last - first + 1))
        };
        while width(&self.spans)?.1 > MOST_BARS && self.widen() {}
        let (first, spans) = width(&self.spans)?;
        let step_ms = STEPS_MS[self.step];
        let mut counts = vec![0; usize::try_from(spans).ok()?];
        for (span, rows) in self.spans {
            counts[usize::try_from(span - first).ok()?] = rows;
        }
        Some(OverTime { from_ms: first * step_ms, step_ms, counts, untimed: self.untimed })
    }
}

/// The most frequent of some words, the most frequent first, equal ones in the order of the alphabet.
pub fn most_frequent(counted: HashMap<String, u64>, most: usize) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = counted.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(most);
    all
}
