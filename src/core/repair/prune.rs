//! Prune: what is past its time goes, by the store's own rule.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deed::counted;
use super::{Action, Class, Edit, Item, Planner, RepairError};
use crate::core::{Timestamp, span};

/// What a person chooses of a prune.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneOptions {
    /// Instead of the store's own default, in milliseconds.
    pub older_than_ms: Option<i64>,
    /// Also take what has no time recorded.
    pub include_unknown: bool,
    /// Also put transcripts of this folder aside that no session names.
    pub transcripts: Option<std::path::PathBuf>,
    /// How old a transcript must be for it, instead of 30 days, in milliseconds.
    #[serde(default)]
    pub transcripts_older_than_ms: Option<i64>,
}

/// A row that a rule for pruning is about.
pub struct Candidate<'a> {
    /// The store's own table.
    pub table: &'a Arc<str>,
    pub key: &'a str,
    /// When it was last used, or ran out; none where that is not known.
    pub since_ms: Option<i64>,
    /// How long after that it may go.
    pub after_ms: i64,
    /// What is said of it when its time has come, and before: `not used` and `used`, `expired` and `expires`.
    pub words: [&'static str; 2],
    /// Why it stays whatever its age.
    pub protected: Option<&'a str>,
    /// What is done to it when its time has come, made only then.
    pub edit: &'a dyn Fn() -> Result<Edit, RepairError>,
}

/// A transcript that a prune may move away.
pub struct Transcript<'a> {
    pub name: String,
    /// The newest time in it.
    pub recorded_ms: Option<i64>,
    pub file_ms: Option<i64>,
    pub protected: Option<&'static str>,
    /// What puts it aside, made only when its time has come: the file is read whole for it.
    pub edit: &'a dyn Fn() -> Result<Edit, RepairError>,
}

/// Files among transcripts that are none, or may be none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// What is in them names no session and no time.
    pub unlike: u64,
    pub unreadable: u64,
}

/// What becomes of a row by its age alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Due,
    Young,
    Future,
    Unknown,
}

const DELETED: Class = "to delete";
const UPDATED: Class = "to change";
const ASIDE: Class = "to put aside";
const KEPT: Class = "kept";
const NOT_JUDGED: Class = "not judged";

/// How old a transcript is when it may go: 30 days, seed 004's `session_history_ttl_days`.
const TRANSCRIPT_AGE_MS: i64 = 30 * 86_400_000;

/// Reads an age in milliseconds: a number and `s`, `m`, `h`, `d` or `w`, such as `24h`.
pub fn parse_age(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let number = text.trim_end_matches(char::is_alphabetic);
    let unit: i64 = match &text[number.len()..] {
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return Err("An age is a number and s, m, h, d or w, such as 24h".into()),
    };
    let count: i64 =
        number.trim().parse().map_err(|_| "An age begins with a whole number, such as 24h".to_owned())?;
    if count < 0 {
        return Err("An age cannot be negative".into());
    }
    count.checked_mul(unit).ok_or_else(|| "That age is too large".into())
}

pub(super) fn plan(planner: &mut Planner<'_>, options: &PruneOptions) -> Result<(), RepairError> {
    let store = planner.store;
    let now = planner.now;
    let supported = store.prunable(options, &mut |candidate| {
        let (action, class, reason) = judge(&candidate, options, now);
        if action != Action::Keep {
            planner.next_group();
            let edit = (candidate.edit)()?;
            let (action, class) =
                if edit.after.is_some() { (Action::Update, UPDATED) } else { (action, class) };
            let item = Item::change(action, class, candidate.key, reason, edit);
            return planner.add(item.at(candidate.since_ms));
        }
        let item = Item::line(Action::Keep, class, candidate.table, candidate.key, reason);
        planner.add(item.at(candidate.since_ms))
    })?;
    if let Some(folder) = &options.transcripts {
        return transcripts(planner, folder, options);
    }
    if !supported {
        return Err(RepairError::unsupported(
            store,
            "This store has no rule by which anything could be pruned",
        ));
    }
    Ok(())
}

fn judge(candidate: &Candidate<'_>, options: &PruneOptions, now: Timestamp) -> (Action, Class, String) {
    if let Some(why) = candidate.protected {
        return (Action::Keep, KEPT, why.to_owned());
    }
    let ([due, young], after) = (candidate.words, candidate.after_ms);
    let ago = candidate.since_ms.map_or(0, |t| now.0.saturating_sub(t));
    match verdict(candidate.since_ms, after, now) {
        Verdict::Due if after == 0 => (Action::Delete, DELETED, format!("{due} {} ago", span(ago))),
        Verdict::Due => (Action::Delete, DELETED, format!("{due} for {} ({} ago)", span(after), span(ago))),
        Verdict::Young if after == 0 => (Action::Keep, KEPT, format!("{young} in {}", span(ago))),
        Verdict::Young => (Action::Keep, KEPT, format!("{young} within {} ({} ago)", span(after), span(ago))),
        Verdict::Future => (
            Action::Keep,
            NOT_JUDGED,
            format!("its time is {} in the future, so it is not judged", span(ago)),
        ),
        Verdict::Unknown if options.include_unknown => {
            (Action::Delete, DELETED, "no time is recorded, and such rows were asked for too".to_owned())
        }
        Verdict::Unknown => (Action::Keep, NOT_JUDGED, "no time is recorded, so it is not judged".to_owned()),
    }
}

/// With a rule of age, a time that is yet to come says nothing; with a moment of expiry, it has not come.
fn verdict(since_ms: Option<i64>, after_ms: i64, now: Timestamp) -> Verdict {
    match since_ms {
        None => Verdict::Unknown,
        Some(time) if time > now.0 && after_ms > 0 => Verdict::Future,
        Some(time) if now.0.saturating_sub(time) > after_ms => Verdict::Due,
        Some(_) => Verdict::Young,
    }
}

fn transcripts(
    planner: &mut Planner<'_>,
    folder: &std::path::Path,
    options: &PruneOptions,
) -> Result<(), RepairError> {
    let now = planner.now;
    let age = options.transcripts_older_than_ms.unwrap_or(TRANSCRIPT_AGE_MS);
    let with = planner.with;
    let table = Arc::from("files");
    let left_out = with.transcripts(folder, planner.store, &mut |file| {
        // A file that is copied gets a new time, and one that is read can too: the later of both counts.
        let newest = file.recorded_ms.max(file.file_ms);
        let times = format!(
            "last entry {}, file changed {}",
            file.recorded_ms.map_or("unknown".to_owned(), |t| Timestamp(t).rfc3339()),
            file.file_ms.map_or("unknown".to_owned(), |t| Timestamp(t).rfc3339()),
        );
        let (class, why) = match (file.protected, verdict(newest, age, now)) {
            (Some(why), _) => (KEPT, why.to_owned()),
            (None, Verdict::Due) => {
                (ASIDE, format!("no session names it, and it is older than {}", span(age)))
            }
            (None, Verdict::Young) => (KEPT, format!("newer than {}", span(age))),
            (None, Verdict::Future) => (NOT_JUDGED, "its time is in the future".to_owned()),
            (None, Verdict::Unknown) => (NOT_JUDGED, "no time is known".to_owned()),
        };
        let reason = format!("{why}; {times}");
        planner.next_group();
        let item = match class == ASIDE {
            true => Item::change(Action::Rename, class, &file.name, reason, (file.edit)()?),
            false => Item::line(Action::Keep, class, &table, &file.name, reason),
        };
        planner.add(item.at(newest))
    })?;
    let LeftOut { unlike, unreadable } = left_out;
    for (count, [one, many]) in [
        (unlike, ["looks like no transcript, and is", "look like no transcript, and are"]),
        (unreadable, ["cannot be read, and is", "cannot be read, and are"]),
    ] {
        if count > 0 {
            let how = if count == 1 { one } else { many };
            planner.warn(format!("{} ending in .jsonl {how} left alone.", counted(count, "file")));
        }
    }
    Ok(())
}
