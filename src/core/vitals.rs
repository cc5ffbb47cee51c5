//! Whether a session lives: its signs, what each of them says, and the verdict on all.
//!
//! What is shown of a session and what a prune does to it come from the same verdict. Being alive and being dead both
//! need evidence; whatever lies between is unknown, with the reason.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What is known of a session's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Liveness {
    Alive,
    Dead,
    Unknown,
}

impl Liveness {
    /// The word in the `liveness` column.
    pub fn word(self) -> &'static str {
        match self {
            Liveness::Alive => "alive",
            Liveness::Dead => "dead",
            Liveness::Unknown => "unknown",
        }
    }

    /// Reads a word as [`Liveness::word`] writes it.
    pub fn parse(word: &str) -> Option<Self> {
        [Liveness::Alive, Liveness::Dead, Liveness::Unknown].into_iter().find(|l| l.word() == word)
    }
}

/// What one sign says of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The store itself says that it is over.
    Ended,
    /// Enough to call it alive.
    Lives,
    /// Something of it is still there: it may not be called dead.
    Remains,
    /// Too early to call it dead.
    TooEarly,
    /// Enough to call it dead, where nothing says otherwise.
    Silent,
    Nothing,
}

/// How a kind of session gives signs of life.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// What such a sign is called: `beat`, `activity`.
    pub noun: &'static str,
    /// Between two signs of a session that lives; none where they come as they come.
    pub every_ms: Option<i64>,
    /// A sign younger than this says that it lives.
    pub fresh_ms: i64,
    /// After so long without one it is silent; none where silence tells nothing.
    pub silent_ms: Option<i64>,
}

impl Rhythm {
    /// How many signs should have come since the last one.
    pub fn missed(&self, age_ms: i64) -> Option<i64> {
        self.every_ms.filter(|every| *every > 0).map(|every| (age_ms / every).max(0))
    }
}

/// A store's rule for signs of life, as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub rhythm: Rhythm,
    /// How long a session can be taken up again, in milliseconds, up to `grace_expires_at`; and what that time is called.
    pub grace: Option<(i64, &'static str)>,
    /// Its parts in a few words each: `beat every 30 s`, `grace 10 min`.
    pub words: &'static [&'static str],
}

impl Pace {
    /// Whether a sign of life ever says that a session lives; a use, say, is no such sign.
    pub fn tells(&self) -> bool {
        self.rhythm.fresh_ms > 0
    }
}

/// What this machine tells of the process that a session names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The store names none.
    Unnamed,
    /// This system does not tell which processes run.
    Untold(u32),
    /// No process of that number runs here. It may run on another machine, or in another container.
    Absent(u32),
    /// One runs that began after the session did: the number was given out again.
    Another { id: u32, since_ms: i64 },
    /// It runs, since this time where the system tells it.
    Runs { id: u32, since_ms: Option<i64> },
}

/// A process that has a store's file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    pub process: u32,
    pub name: String,
}

/// One sign of a session's life or death.
#[derive(Debug, Clone, Copy)]
pub enum Sign<'a> {
    /// The last beat, or whatever the store records in its place.
    Last { age_ms: Option<i64>, rhythm: &'a Rhythm },
    /// How long the session can still be taken up again; negative where that is over.
    Grace { left_ms: Option<i64>, says: Says },
    /// The process that it names, whether that has the store open where it is known, and what its running says.
    Process { process: Process, opens: Option<bool>, runs: Says },
    /// Who has the file open.
    OpenedBy { openers: &'a [Opener], noun: &'a str, says: Says },
    /// A moment at which the runtime shall run the session, seen from now.
    Alarm { left_ms: i64, late_ms: i64, overdue: Says },
    /// What the store or the program says of it, in words.
    Said { words: &'a str, says: Says },
}

impl Sign<'_> {
    /// What the sign says of the session.
    pub fn says(&self) -> Says {
        match *self {
            Sign::Last { age_ms, rhythm } => last_says(age_ms, rhythm),
            Sign::Process { process: Process::Runs { .. }, runs, .. } => runs,
            Sign::Process { .. } => Says::Nothing,
            Sign::OpenedBy { openers: [], .. } => Says::Nothing,
            Sign::Grace { says, .. } | Sign::OpenedBy { says, .. } | Sign::Said { says, .. } => says,
            Sign::Alarm { left_ms, late_ms, overdue } if -left_ms > late_ms => overdue,
            // The runtime has it on its list.
            Sign::Alarm { .. } => Says::TooEarly,
        }
    }
}

fn last_says(age_ms: Option<i64>, rhythm: &Rhythm) -> Says {
    match (age_ms, rhythm.silent_ms) {
        (None, _) => Says::Nothing,
        // A clock that is a little behind the writer's makes a beat seem to come.
        (Some(age), _) if age.saturating_abs() < rhythm.fresh_ms => Says::Lives,
        (Some(age), Some(silent)) if age > silent => Says::Silent,
        (Some(age), None) if age > 0 => Says::Nothing,
        _ => Says::TooEarly,
    }
}

impl fmt::Display for Sign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Sign::Last { age_ms, rhythm } => last_words(f, age_ms, rhythm),
            Sign::Grace { left_ms: None, .. } => f.write_str("no grace is recorded"),
            Sign::Grace { left_ms: Some(left), .. } if left > 0 => write!(f, "grace ends in {}", rough(left)),
            Sign::Grace { left_ms: Some(left), .. } => write!(f, "grace ended {} ago", rough(left)),
            Sign::Process { process, opens, .. } => process_words(f, process, opens),
            Sign::OpenedBy { openers, noun, .. } => opened_words(f, openers, noun),
            Sign::Alarm { left_ms, late_ms, .. } if -left_ms > late_ms => {
                write!(f, "its alarm was due {} ago and did not run", rough(left_ms))
            }
            Sign::Alarm { left_ms, .. } if left_ms <= 0 => f.write_str("its alarm is due"),
            Sign::Alarm { left_ms, .. } => write!(f, "its alarm is due in {}", rough(left_ms)),
            Sign::Said { words, .. } => f.write_str(words),
        }
    }
}

fn last_words(f: &mut fmt::Formatter<'_>, age_ms: Option<i64>, rhythm: &Rhythm) -> fmt::Result {
    let noun = rhythm.noun;
    match age_ms {
        None => write!(f, "no {noun} is recorded"),
        Some(age) if age <= -rhythm.fresh_ms => {
            write!(f, "last {noun} {} from now: the clocks differ", rough(age))
        }
        Some(age) => {
            write!(f, "last {noun} {} ago", rough(age.max(0)))?;
            match rhythm.missed(age) {
                Some(missed) if missed > 0 => write!(f, " ({missed} missed)"),
                _ => Ok(()),
            }
        }
    }
}

fn process_words(f: &mut fmt::Formatter<'_>, process: Process, opens: Option<bool>) -> fmt::Result {
    match process {
        Process::Unnamed => Ok(()),
        Process::Untold(id) => write!(f, "whether process {id} runs cannot be told here"),
        Process::Absent(id) => write!(f, "process {id} is not running on this machine"),
        Process::Another { id, since_ms } => {
            write!(f, "process {id} on this machine is another one, begun {}", minute(since_ms))
        }
        Process::Runs { id, since_ms } => {
            write!(f, "process {id} runs")?;
            if let Some(since) = since_ms {
                write!(f, " since {}", minute(since))?;
            }
            match opens {
                Some(true) => f.write_str(" and has the database open"),
                Some(false) => f.write_str(" but does not have the database open"),
                None => Ok(()),
            }
        }
    }
}

/// So many processes are named; the others are counted.
const MOST_NAMED: usize = 3;

fn opened_words(f: &mut fmt::Formatter<'_>, openers: &[Opener], noun: &str) -> fmt::Result {
    for (i, opener) in openers.iter().take(MOST_NAMED).enumerate() {
        write!(f, "{}{} ({})", if i == 0 { "" } else { ", " }, opener.name, opener.process)?;
    }
    let more = openers.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    match openers.len() {
        0 => write!(f, "no other program seen here has {noun} open"),
        1 => write!(f, " has {noun} open"),
        _ => write!(f, " have {noun} open"),
    }
}

/// What all signs of a session come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub liveness: Liveness,
    /// Something of it is still there, alive or not: no prune may touch it.
    pub protects: bool,
}

/// Weighs the signs of a session.
///
/// What the store itself calls over is dead. One sign of life is enough to be alive; to be dead, a session has to be
/// silent with nothing that says otherwise.
pub fn judge(signs: &[Sign<'_>]) -> Verdict {
    let any = |says: Says| signs.iter().any(|sign| sign.says() == says);
    let liveness = if any(Says::Ended) {
        Liveness::Dead
    } else if any(Says::Lives) {
        Liveness::Alive
    } else if any(Says::Remains) || any(Says::TooEarly) || !any(Says::Silent) {
        Liveness::Unknown
    } else {
        Liveness::Dead
    };
    Verdict { liveness, protects: liveness != Liveness::Dead && (any(Says::Lives) || any(Says::Remains)) }
}

/// The evidence in words, sign by sign.
pub fn reason(signs: &[Sign<'_>]) -> String {
    let words = signs.iter().map(ToString::to_string).filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join("; ")
}

/// One condition of a program's rule for taking a session up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What the rule asks, with the value that it is asked of.
    pub words: String,
    pub holds: bool,
    /// What is the matter where it does not hold, in a word or three.
    pub otherwise: String,
}

/// Whether the program would take a session up again, by its own rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub conditions: Vec<Condition>,
    /// Why its own recovery fails although the rule lets it begin.
    #[serde(default)]
    pub fails: Option<String>,
    /// Where the rule, or what the program recorded, says what is not so.
    #[serde(default)]
    pub lie: Option<String>,
}

impl Recovery {
    /// Adds a condition.
    pub fn ask(mut self, words: String, holds: bool, otherwise: &str) -> Self {
        self.conditions.push(Condition { words, holds, otherwise: otherwise.to_owned() });
        self
    }

    /// What the rule comes to.
    pub fn allowed(&self) -> bool {
        self.conditions.iter().all(|condition| condition.holds)
    }

    /// The answer in a few words: `yes`, `no: past grace`, `yes, but fails`.
    pub fn answer(&self) -> String {
        match (self.conditions.iter().find(|condition| !condition.holds), &self.fails) {
            (Some(condition), _) => format!("no: {}", condition.otherwise),
            (None, Some(_)) => "yes, but fails".to_owned(),
            (None, None) => "yes".to_owned(),
        }
    }
}

/// A span of milliseconds in words, in the largest unit that tells it well: `90 s`, `110 min`, `25 h`, `3 days`.
pub fn rough(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    match ms {
        0..120_000 => format!("{} s", ms / 1000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

/// A time to the minute.
fn minute(ms: i64) -> String {
    let text = Timestamp(ms).rfc3339();
    match text.get(..16) {
        Some(shown) => format!("{} UTC", shown.replace('T', " ")),
        None => text,
    }
}
