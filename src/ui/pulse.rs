//! The signs of life of a source's sessions: the newest as they were last read, and the beats seen since it was opened.

use std::collections::HashMap;

use super::scroll::RowScroll;
use crate::core::vitals::{Liveness, Pace, Recovery};
use crate::core::{Failure, Row, RowKey, Table, Value, aside_columns, table_columns};

/// So many sessions are followed: the ones with the newest beats.
pub const MOST_SESSIONS: usize = 64;
/// So many beats are kept of each: a day's, at one in 30 s.
const MOST_BEATS: usize = 2_880;
/// So many other events are kept of each.
const MOST_MARKS: usize = 100;
/// Nothing is read again sooner than this, in milliseconds.
const LEAST_MS: i64 = 1_000;
/// Ages are told in minutes for so long, in milliseconds.
const MINUTES_MS: i64 = 2 * 3_600_000;
/// What is read again takes no more than this part of the time.
const LEAST_PAUSE: f64 = 20.0;

/// A session with its signs of life, as they were last read.
#[derive(Debug, Clone)]
pub struct Lane {
    pub key: RowKey,
    pub session: String,
    pub status: String,
    pub liveness: Liveness,
    pub reason: String,
    pub beat_ms: Option<i64>,
    pub since_ms: Option<i64>,
    pub grace_ms: Option<i64>,
    pub cut_ms: Option<i64>,
    pub attempts: i64,
    pub recovery: Option<Recovery>,
}

impl Lane {
    /// Reads a row of the heartbeats, with what stands aside; none where it names no session.
    pub fn of(row: &Row) -> Option<Self> {
        let value = |name: &str| row.cells.get(place(name)?).map(|cell| &cell.value);
        let text = |name: &str| value(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| value(name).and_then(Value::as_i64);
        Some(Self {
            key: row.key.clone(),
            session: Some(text("session_id")).filter(|id| !id.is_empty())?,
            status: text("status"),
            liveness: Liveness::parse(&text("liveness")).unwrap_or(Liveness::Unknown),
            reason: text("reason"),
            beat_ms: number("last_heartbeat_at"),
            since_ms: number("since"),
            grace_ms: number("grace_expires_at"),
            cut_ms: number("disconnected_at"),
            attempts: number("recovery_attempts").unwrap_or_default(),
            recovery: recovery_of(row),
        })
    }
}

/// The conditions for taking a session up again that stand aside of its heartbeat.
pub fn recovery_of(row: &Row) -> Option<Recovery> {
    serde_json::from_str(row.cells.get(place("recovery")?)?.value.as_str()?).ok()
}

/// The place of a column, or of what stands aside, in a row of the heartbeats.
fn place(name: &str) -> Option<usize> {
    let (columns, aside) = (table_columns(&Table::Heartbeats), aside_columns(&Table::Heartbeats));
    columns.iter().chain(aside).position(|c| c.name == name)
}

/// Something that was seen to happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Disconnected,
    /// It was taken up again, for the so-and-so-many time.
    Recovered(i64),
}

/// What was seen of a session since the source was opened.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Times of beats, in milliseconds, in order.
    pub beats: Vec<i64>,
    pub marks: Vec<(i64, Mark)>,
    attempts: Option<i64>,
}

impl Seen {
    /// Takes what a session's row says now; a beat is a change of its last one.
    fn take(&mut self, lane: &Lane) {
        if let Some(beat) = lane.beat_ms
            && self.beats.last().is_none_or(|last| *last < beat)
        {
            self.beats.push(beat);
            bound(&mut self.beats, MOST_BEATS);
        }
        if let Some(cut) = lane.cut_ms
            && !self.marks.contains(&(cut, Mark::Disconnected))
        {
            self.marks.push((cut, Mark::Disconnected));
        }
        // When it was taken up again is kept nowhere; its beat was renewed with it.
        if let (Some(before), Some(at)) = (self.attempts, lane.beat_ms)
            && before < lane.attempts
        {
            self.marks.push((at, Mark::Recovered(lane.attempts)));
        }
        self.attempts = Some(lane.attempts);
        bound(&mut self.marks, MOST_MARKS);
    }
}

/// Drops the oldest of too many.
fn bound<T>(all: &mut Vec<T>, most: usize) {
    let over = all.len().saturating_sub(most);
    all.drain(..over);
}

/// How much of the time the timeline shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    HalfHour,
    TwoHours,
    All,
}

impl Span {
    pub const ALL: [Span; 3] = [Span::HalfHour, Span::TwoHours, Span::All];

    pub fn name(self) -> &'static str {
        match self {
            Span::HalfHour => "Last 30 min",
            Span::TwoHours => "Last 2 h",
            Span::All => "All",
        }
    }

    /// In milliseconds; none where it goes back to the first sign.
    pub fn ms(self) -> Option<i64> {
        match self {
            Span::HalfHour => Some(30 * 60_000),
            Span::TwoHours => Some(2 * 3_600_000),
            Span::All => None,
        }
    }
}

/// How far the reading of the signs is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// To be asked for when the last reading's share of the time is over.
    Wanted,
    /// To be asked for now.
    Due,
    Asked,
    #[default]
    Idle,
}

/// The signs of life of a source's sessions.
#[derive(Debug, Default)]
pub struct Pulse {
    pub reading: Reading,
    /// Something changed while it was read.
    again: bool,
    pub lanes: Vec<Lane>,
    pub seen: HashMap<String, Seen>,
    pub failure: Option<Failure>,
    /// What the user chose; none where the newest beat chooses.
    pub span: Option<Span>,
    pub hidden: bool,
    pub scroll: RowScroll,
    /// The row that was revealed last, so that a lane is scrolled to once.
    pub revealed: Option<RowKey>,
    /// When to read again, by the store's clock; none where nothing will change.
    pub due_ms: Option<i64>,
    /// How long the last reading took, in milliseconds.
    pub took_ms: i64,
    /// When the last reading ended, by the window's clock in seconds.
    pub read_at: f64,
}

impl Pulse {
    /// Asks for the signs once more: the store may have changed.
    pub fn want(&mut self) {
        match self.reading {
            Reading::Idle => self.reading = Reading::Wanted,
            Reading::Asked => self.again = true,
            Reading::Wanted | Reading::Due => {}
        }
    }

    /// For how long, in seconds, nothing is read yet: a store of very many sessions would be read all the time.
    pub fn rests_for(&self, time: f64) -> f64 {
        self.read_at + self.took_ms as f64 / 1000.0 * LEAST_PAUSE - time
    }

    /// Takes the newest signs, which took so long to read.
    pub fn arrived(&mut self, rows: Result<Vec<Row>, Failure>, took_ms: i64, pace: &Pace, now_ms: i64) {
        self.reading = if std::mem::take(&mut self.again) { Reading::Wanted } else { Reading::Idle };
        self.took_ms = took_ms;
        match rows {
            Ok(rows) => {
                self.lanes = rows.iter().filter_map(Lane::of).take(MOST_SESSIONS).collect();
                self.failure = None;
                for lane in &self.lanes {
                    self.seen.entry(lane.session.clone()).or_default().take(lane);
                }
                self.due_ms = self.due(pace, now_ms);
                let lanes = &self.lanes;
                // Of sessions that beat no more nothing is kept for ever.
                if self.seen.len() > 2 * MOST_SESSIONS {
                    self.seen.retain(|id, _| lanes.iter().any(|lane| lane.session == *id));
                }
            }
            // What is on the screen stays.
            Err(failure) if failure.cancelled => self.reading = Reading::Wanted,
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// What is known of a session's life; none where it is not among those that are followed.
    pub fn liveness(&self, session: &str) -> Option<Liveness> {
        self.lanes.iter().find(|lane| lane.session == session).map(|lane| lane.liveness)
    }

    pub fn count(&self, liveness: Liveness) -> usize {
        self.lanes.iter().filter(|lane| lane.liveness == liveness).count()
    }

    /// When, by the store's clock, a verdict or an age that is shown will be another; none where nothing will.
    fn due(&self, pace: &Pace, now_ms: i64) -> Option<i64> {
        let next = self.lanes.iter().filter_map(|lane| lane_due_ms(lane, pace, now_ms)).min()?;
        Some(next.max(now_ms + LEAST_MS))
    }
}

fn lane_due_ms(lane: &Lane, pace: &Pace, now_ms: i64) -> Option<i64> {
    let rhythm = pace.rhythm;
    let after = |ms: i64| lane.beat_ms.map(|beat| beat.saturating_add(ms).saturating_add(1));
    let age = lane.beat_ms.map(|beat| now_ms.saturating_sub(beat)).filter(|age| *age >= 0);
    let step = match lane.liveness {
        // Also where only its process tells, which ends without a word.
        Liveness::Alive => Some(rhythm.every_ms.unwrap_or(60_000)),
        Liveness::Unknown => age.filter(|age| *age < MINUTES_MS).map(|_| 60_000),
        Liveness::Dead => None,
    };
    let stepped = step.map(|step| now_ms.saturating_add(step - age.unwrap_or_default().rem_euclid(step)));
    let limits = [after(rhythm.fresh_ms), rhythm.silent_ms.and_then(after), lane.grace_ms.map(|ms| ms + 1)];
    limits.into_iter().flatten().chain(stepped).filter(|ms| *ms > now_ms).min()
}
