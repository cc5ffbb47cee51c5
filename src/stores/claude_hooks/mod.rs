//! `claude-hooks`: which Claude session to resume for which issue, as a JSON file and later as a table.
//!
//! Source: seed 004 (`charles/claude-hooks`, pull request 825 and the ones before it). A session's key is
//! `<agent>:<repo>:<issue>`, with `<forge>:` before it since forges are told apart. The program resumes no session that was
//! last used more than 24 hours ago, and deletes it when it comes across it.

mod beside;
mod database;
mod entries;
mod file;
mod keys;
mod repairs;
mod session_file;

pub use beside::{compare as compare_beside, concerns as is_of_claude_hooks};
pub use database::ADAPTER as DATABASE;
pub use file::ADAPTER as FILE;
pub use repairs::DatabaseRepairs;
pub use session_file::{SessionFile, SessionFileSource};

use crate::core::repair::Offer;
use crate::core::vitals::{Liveness, Pace, Rhythm};
use crate::core::{Defect, Finding, KNOWN_FORGES, RENAMED_AGENT, ResumeKey, Severity, Tally, span};
use crate::stores::sqlite::Part;

/// The name that the program gives its file.
pub const FILE_NAME: &str = "sessions.json";

/// What can be done with the file.
pub const FILE_OFFERS: &[Offer] =
    &[Offer::ImportFrom, Offer::Prune, Offer::DeleteIssue, Offer::DeleteSessions];

/// Whether a text is a whole session file.
pub fn is_session_file(text: &str) -> bool {
    file::object_in(text).is_some()
}

/// How old a session may be to be resumed, in milliseconds: the program's default, 24 hours.
const MOST_AGE: i64 = 86_400_000;

/// A key is used when its session is resumed or begun; that it is not tells nothing of the session.
const PACE: Pace = Pace {
    rhythm: Rhythm { noun: "use", every_ms: None, fresh_ms: 0, silent_ms: Some(MOST_AGE) },
    grace: Some((MOST_AGE, "can be resumed for 24 h")),
    words: &["resumed within 24 h of its last use", "keeps no beat"],
};

/// Which sessions pruning removes.
fn prune_rule(older_than_ms: Option<i64>) -> String {
    format!("sessions not used for longer than {}", span(older_than_ms.unwrap_or(MOST_AGE)))
}

/// SQL for a session's status by the time of its last use.
fn status(last: &str) -> String {
    format!(
        "CASE WHEN {last} IS NULL THEN 'unknown' WHEN now_ms() - {last} <= {MOST_AGE} THEN 'fresh' ELSE 'stale' END"
    )
}

/// A session's heartbeat: the last use of its key, by which the program resumes it or does not.
///
/// `created` is SQL for when the key was first kept. A use is no beat: whether the session lives is not told by it.
fn heartbeat(part: Part, id: &str, status: &str, last: &str, created: &str) -> Part {
    let fresh = format!("({status} = 'fresh')");
    let answer = format!("json(iif({fresh}, 'true', 'false'))");
    let otherwise = format!(
        "CASE {status} WHEN 'malformed' THEN 'no session' WHEN 'unknown' THEN 'no last use' ELSE 'past 24 h' END"
    );
    let condition = format!(
        "json_object('words', 'Used within 24 h: ' || {}, 'holds', {answer}, 'otherwise', {otherwise})",
        used(last)
    );
    part.set("session_id", id)
        .set("status", status)
        .set("age_seconds", format!("(now_ms() - {last}) / 1000"))
        .set("grace_expires_at", format!("{last} + {MOST_AGE}"))
        .set("liveness", format!("'{}'", Liveness::Unknown.word()))
        .set("recoverable", fresh)
        .set("reason", reason(status, last))
        .set("since", created)
        .set("recovery", format!("json_object('conditions', json_array({condition}))"))
}

/// SQL for when a session was last used, in words.
fn used(last: &str) -> String {
    format!(
        "CASE WHEN {last} IS NULL THEN 'no last use is recorded' WHEN {last} > now_ms() THEN 'last used in the future'
           WHEN now_ms() - {last} < 7200000 THEN 'last used ' || ((now_ms() - {last}) / 60000) || ' min ago'
           WHEN now_ms() - {last} < 172800000 THEN 'last used ' || ((now_ms() - {last}) / 3600000) || ' h ago'
           ELSE 'last used ' || ((now_ms() - {last}) / 86400000) || ' days ago' END"
    )
}

/// SQL for what that status means.
fn reason(status: &str, last: &str) -> String {
    format!(
        "CASE {status} WHEN 'malformed' THEN 'the entry names no session'
           WHEN 'unknown' THEN 'no last use is recorded; claude-hooks takes such a session for expired'
           WHEN 'fresh' THEN {used} || '; claude-hooks resumes it until 24 h have passed'
           ELSE {used} || '; claude-hooks does not resume it after 24 h' END",
        used = used(last)
    )
}

/// The keys and entries that are out of the ordinary, as far as reading them tells.
#[derive(Debug, Default)]
struct Counts {
    malformed: Tally,
    unread_times: Tally,
    odd_units: Tally,
    legacy: Tally,
    ambiguous: Tally,
    foreman: Tally,
}

impl Counts {
    fn key(&mut self, text: &str, key: Option<&ResumeKey<'_>>) {
        match key {
            None => self.ambiguous.add(|| (text.to_owned(), keys::why_ambiguous(text).to_owned())),
            Some(key) if key.agent == RENAMED_AGENT.0 => {
                self.foreman.add(|| (text.to_owned(), String::new()))
            }
            Some(_) => {}
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let defect = Defect::new;
        let all = [
            (
                &self.malformed,
                defect(Severity::Warning, "malformed-entry", "entry names no session", "entries name no session")
                    .suggest("They are shown with the status malformed; what they hold is in their details."),
            ),
            (
                &self.unread_times,
                defect(
                    Severity::Warning,
                    "time-unreadable",
                    "entry has a time that is none",
                    "entries have a time that is none",
                )
                .suggest("It is left empty, and kept in the details as it is written."),
            ),
            (
                &self.odd_units,
                defect(
                    Severity::Warning,
                    "time-unit",
                    "entry has a time that is not in milliseconds",
                    "entries have a time that is not in milliseconds",
                )
                .suggest("It is shown as the moment that it means. claude-hooks reads milliseconds, and takes such a session for expired."),
            ),
            (
                &self.legacy,
                defect(
                    Severity::Info,
                    "legacy-entry",
                    "entry is of the first format, a bare session id without a time",
                    "entries are of the first format, a bare session id without a time",
                )
                .suggest("claude-hooks takes them for expired and starts these sessions anew."),
            ),
            (
                &self.ambiguous,
                defect(
                    Severity::Info,
                    "ambiguous-key",
                    "key cannot be told apart into forge, agent, repository and issue for certain",
                    "keys cannot be told apart into forge, agent, repository and issue for certain",
                )
                .suggest(format!(
                    "Those columns are left empty. The forges that are known are {}.",
                    KNOWN_FORGES.join(", ")
                )),
            ),
            (
                &self.foreman,
                defect(
                    Severity::Info,
                    "foreman-key",
                    "key is of the agent foreman, which is called architect again since",
                    "keys are of the agent foreman, which is called architect again since",
                )
                .suggest("claude-hooks finds them only after it has renamed them to architect.")
                .fix(Offer::ImportFrom),
            ),
        ];
        all.into_iter().flat_map(|(tally, defect)| tally.findings(&defect, "sessions")).collect()
    }
}
