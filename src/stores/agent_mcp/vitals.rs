//! Whether a session of Agent-MCP lives, and whether the program would take it up again.
//!
//! Source: seed 002 and stores.md §3.3, §3.4. A beat comes every 30 s and does not move `grace_period_expires`, which is
//! 10 min after the session's beginning, or after `markSessionDisconnected`: a session that lives is `expired` between a
//! clean-up and its next beat. The process that a session names is the server's, which serves other sessions too: that it
//! runs says of one session only that it may live. Of a Claude session it is the session's own.

use std::path::Path;

use rusqlite::types::ValueRef;

use crate::core::shorten_middle;
use crate::core::vitals::{
    Liveness, Pace, Process, Recovery, Rhythm, Says, Sign, Verdict, judge, reason, rough,
};
use crate::stores::machine;
use crate::stores::sqlite::{lossy, time_ms};
use crate::stores::vitals::Weigh;

/// The beat of a session, in milliseconds: a sign younger than four beats is one of life, and with the grace that the
/// program gives, 20 beats, it is silent.
pub const BEAT: Rhythm =
    Rhythm { noun: "beat", every_ms: Some(30_000), fresh_ms: 120_000, silent_ms: Some(600_000) };

/// Of a session that was cut off: a beat makes it active again, so that this was after its last one, which tells nothing.
const CUT_OFF: Rhythm = Rhythm { fresh_ms: 0, ..BEAT };

/// The program's rule in short.
pub const PACE: Pace = Pace {
    rhythm: BEAT,
    grace: Some((600_000, "grace 10 min")),
    words: &["beat every 30 s", "grace 10 min", "3 attempts"],
};

/// What a Claude session is known to have done, where its process is gone.
const GONE: Rhythm = Rhythm { noun: "activity", every_ms: None, fresh_ms: 120_000, silent_ms: Some(600_000) };

/// The same where its process may run: that it does nothing tells nothing.
const QUIET: Rhythm = Rhythm { silent_ms: None, ..GONE };

/// The program takes a session up again only so often.
const MOST_ATTEMPTS: i64 = 3;

pub const EXPIRED: &str = "expired";

/// Statuses in which the program lets a session be taken up again.
const RECOVERABLE: [&str; 2] = ["disconnected", "active"];

/// What the store has on a session's life.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pub status: Option<String>,
    pub beat_ms: Option<i64>,
    pub began_ms: Option<i64>,
    pub grace_ms: Option<i64>,
    pub attempts: i64,
    /// The number of the server's process.
    pub process: Option<u32>,
    /// The columns that recovery would fail to parse.
    pub unreadable: Option<String>,
}

impl Session {
    /// The columns that decide, as [`Session::of`] asks for them.
    pub const COLUMNS: [&str; 6] =
        ["status", "last_heartbeat", "created_at", "grace_period_expires", "recovery_attempts", "metadata"];

    /// Reads a session's columns, as the store has them; null where the file lacks one.
    pub fn of<'a>(column: impl Fn(&str) -> ValueRef<'a>) -> Self {
        Self {
            status: text(column("status")),
            beat_ms: time_ms(column("last_heartbeat")),
            began_ms: time_ms(column("created_at")),
            grace_ms: time_ms(column("grace_period_expires")),
            attempts: lossy(column("recovery_attempts")).trim().parse().unwrap_or_default(),
            process: process_in(column("metadata")),
            unreadable: None,
        }
    }

    fn is(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }

    /// Whether its grace period is over; what the program marked expired had one that ended.
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.is(EXPIRED) || self.grace_ms.is_some_and(|grace| grace < now_ms)
    }

    /// Hands on what of it is evidence, in the order of telling; what only makes words is left out where none are wanted.
    fn weigh<T>(&self, now_ms: i64, path: &Path, words: bool, then: impl FnOnce(&[Sign<'_>]) -> T) -> T {
        let age_ms = self.beat_ms.map(|beat| now_ms.saturating_sub(beat));
        let cut_off = self.is("disconnected");
        let last = Sign::Last { age_ms, rhythm: if cut_off { &CUT_OFF } else { &BEAT } };
        let lives = last.says() == Says::Lives;
        // A fresh beat protects it all the same.
        let fresh = Sign::Last { age_ms, rhythm: &BEAT }.says() == Says::Lives;
        let of_status = if cut_off && fresh { Says::Remains } else { Says::Nothing };
        let process = machine::process(self.process, self.began_ms.or(self.beat_ms));
        let opens = match process {
            Process::Runs { id, .. } => machine::opens(id, path),
            _ => None,
        };
        // A server that has the store open and a session in it that it calls active: only the beat is late.
        let active = self.is("active") || self.is("recovered");
        let late = match age_ms {
            Some(age) => age > 0 && last.says() == Says::TooEarly,
            None => self.began_ms.is_some(),
        };
        let vouches = opens == Some(true) && active && late;
        let runs = if vouches { Says::Lives } else { Says::Remains };
        let left_ms = self.grace_ms.map(|grace| grace.saturating_sub(now_ms));
        let says = if self.is_over(now_ms) { Says::Nothing } else { Says::TooEarly };
        let grace = Sign::Grace { left_ms, says };
        let process = Sign::Process { process, opens, runs };
        if !words {
            return then(&[last, process, grace, Sign::Said { words: "", says: of_status }]);
        }
        let mut signs = vec![last, process];
        let openers = if opens == Some(true) || lives { None } else { machine::openers(path) };
        if let Some(openers) = &openers {
            signs.push(Sign::OpenedBy { openers, noun: "the database", says: Says::Nothing });
        }
        signs.push(grace);
        let status = format!("status {}", self.status.as_deref().unwrap_or("not recorded"));
        signs.push(Sign::Said { words: &status, says: of_status });
        let attempts = format!("{} recoveries, of {MOST_ATTEMPTS} at most", self.attempts);
        if self.attempts >= MOST_ATTEMPTS {
            signs.push(Sign::Said { words: &attempts, says: Says::Nothing });
        }
        then(&signs)
    }

    pub fn verdict(&self, now_ms: i64, path: &Path) -> Verdict {
        self.weigh(now_ms, path, false, judge)
    }

    /// The evidence for the verdict, what of the store's own account is not so, and where recovery fails.
    pub fn reason(&self, now_ms: i64, path: &Path) -> String {
        let mut text = self.weigh(now_ms, path, true, reason);
        let recovery = self.recovery(now_ms, path);
        for more in [recovery.lie, recovery.fails].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(&more);
        }
        text
    }

    /// `canRecoverSession`, condition by condition, and what comes of it.
    pub fn recovery(&self, now_ms: i64, path: &Path) -> Recovery {
        let status = self.status.as_deref().unwrap_or_default();
        let shown = if status.is_empty() { "not recorded" } else { status };
        let shown = shorten_middle(shown, 40);
        let left = self.grace_ms.map(|grace| grace.saturating_sub(now_ms));
        let grace = match left {
            None => "no end of the grace is recorded".to_owned(),
            Some(left) if left > 0 => format!("ends in {}", rough(left)),
            Some(left) => format!("ended {} ago", rough(left)),
        };
        let attempts = self.attempts;
        let past = if left.is_some() { "past grace" } else { "no grace recorded" };
        let mut recovery = Recovery::default()
            .ask(format!("Status is disconnected or active: {shown}"), RECOVERABLE.contains(&status), &shown)
            .ask(format!("Grace period is not over: {grace}"), left > Some(0), past)
            .ask(
                format!("Fewer than {MOST_ATTEMPTS} recoveries: {attempts}"),
                attempts < MOST_ATTEMPTS,
                &format!("{attempts} attempts"),
            );
        recovery.fails = self.unreadable.as_ref().map(|columns| {
            format!("recovering it fails: the program changes its row before it parses {columns}, which is not valid JSON")
        });
        recovery.lie = self.lie(now_ms, path);
        recovery
    }

    /// A beat does not extend the grace, so the clean-up calls a session expired that lives.
    fn lie(&self, now_ms: i64, path: &Path) -> Option<String> {
        let alive = || self.verdict(now_ms, path).liveness == Liveness::Alive;
        (self.is(EXPIRED) && alive()).then(|| {
            "the program calls it expired all the same, since a beat does not extend the grace".to_owned()
        })
    }
}

/// What the store has on the life of a Claude session that was seen on this machine.
#[derive(Debug, Clone, Default)]
pub struct ClaudeSession {
    pub status: Option<String>,
    pub active_ms: Option<i64>,
    pub began_ms: Option<i64>,
    pub process: Option<u32>,
}

impl ClaudeSession {
    /// The columns that decide, as [`ClaudeSession::of`] asks for them.
    pub const COLUMNS: [&str; 4] = ["status", "last_activity", "first_detected", "pid"];

    /// Reads a session's columns, as the store has them; null where the file lacks one.
    pub fn of<'a>(column: impl Fn(&str) -> ValueRef<'a>) -> Self {
        Self {
            status: text(column("status")),
            active_ms: time_ms(column("last_activity")),
            began_ms: time_ms(column("first_detected")),
            process: process_id(column("pid").as_i64_or_null().ok().flatten()),
        }
    }

    /// Hands on the signs of it.
    pub fn weigh(&self, now_ms: i64, weigh: Weigh<'_>) {
        let process = machine::process(self.process, self.began_ms.or(self.active_ms));
        let rhythm = match process {
            Process::Absent(_) | Process::Another { .. } => &GONE,
            _ => &QUIET,
        };
        let age_ms = self.active_ms.map(|active| now_ms.saturating_sub(active));
        let status = format!("status {}", self.status.as_deref().unwrap_or("not recorded"));
        weigh(&[
            Sign::Last { age_ms, rhythm },
            Sign::Process { process, opens: None, runs: Says::Lives },
            Sign::Said { words: &status, says: Says::Nothing },
        ]);
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    (value != ValueRef::Null).then(|| lossy(value))
}

fn process_id(number: Option<i64>) -> Option<u32> {
    number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

/// The process that a session's `metadata` names: `{"node_process_pid": 4121}`.
fn process_in(metadata: ValueRef<'_>) -> Option<u32> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        node_process_pid: Option<i64>,
    }
    process_id(serde_json::from_str::<Metadata>(metadata.as_str().ok()?).ok()?.node_process_pid)
}
