//! The session file: a JSON object from resume keys to sessions.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::entries::{self, Entry};
use super::{Counts, PACE, heartbeat, keys, status};
use crate::core::{Finding, KNOWN_FORGES, ResumeKey, StoreError, Table, Value, plural, table_columns};
use crate::stores::document::{self, Contents, Document, DocumentAdapter, Rows};
use crate::stores::json::{self, Encoding, Entries, Fault, Text};
use crate::stores::sqlite::{Part, sqlite_error};

pub const ADAPTER: DocumentAdapter =
    DocumentAdapter { id: "claude-hooks-json", read, examine: keys::file_scans };

/// By so many entries a file is judged.
const SAMPLE: usize = 200;
/// So many duplicate keys are named.
const MOST_NAMED: usize = 5;
/// Where the entries are in a file that has more than them.
const WRAPPED: &str = "sessions";

fn read(document: &Document<'_>) -> Option<Result<Contents, StoreError>> {
    let text = Text::of(document.bytes);
    let outer = json::read_entries(text.as_bytes())?;
    let found = Found::of(&outer, text.as_bytes(), document)?;
    let Some(database) = document.database else { return Some(Ok(Contents::default())) };
    let mut contents = Contents {
        keeps: vec![Table::Sessions, Table::Heartbeats],
        parts: parts(),
        pace: Some(&PACE),
        names_transcripts: true,
        findings: faults(&text, &outer, &found),
        facts: found.facts,
        damaged: outer.fault.is_some() || text.encoding != Encoding::Utf8 || text.bad.places > 0,
        ..Contents::default()
    };
    let inserted = Rows::of(database, &Table::Sessions)
        .and_then(|mut rows| insert(&found.entries, found.is_array, &mut rows));
    Some(match inserted {
        Ok(findings) => {
            contents.findings.extend(findings);
            Ok(contents)
        }
        Err(error) => Err(sqlite_error(error, document.path)),
    })
}

/// Where the object with the entries is in a whole text: the text itself, or what `sessions` holds.
///
/// None for a list, for a text that is broken, and for one that is no session file.
pub fn object_in(text: &str) -> Option<std::ops::Range<usize>> {
    let outer = json::read_entries(text.as_bytes()).filter(|e| !e.is_array && e.fault.is_none())?;
    let wrapped = outer.entries.iter().rev().find(|(key, _)| key.as_deref() == Some(WRAPPED));
    let inner = wrapped.filter(|(_, raw)| raw.get().starts_with('{')).and_then(|(_, raw)| {
        let inner = json::read_entries(raw.get().as_bytes())?;
        let start = (raw.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        (inner.is_session_file() || inner.is_empty_and_whole()).then_some(start..start + raw.get().len())
    });
    match inner {
        Some(range) if !outer.is_session_file() => Some(range),
        _ => (outer.is_session_file() || outer.is_empty_and_whole()).then_some(0..text.len()),
    }
}

/// The entries of a document that is a session file.
struct Found<'a> {
    entries: Vec<(Cow<'a, str>, &'a RawValue)>,
    is_array: bool,
    /// The entry in which the text breaks off.
    broken: Option<Cow<'a, str>>,
    facts: Vec<(String, String)>,
}

impl<'a> Found<'a> {
    /// None where the document is another one.
    fn of(outer: &Entries<'a>, text: &'a [u8], document: &Document<'_>) -> Option<Self> {
        let wrapped = |key: &Option<Cow<'_, str>>| key.as_deref() == Some(WRAPPED);
        let others = || outer.entries.iter().filter(|(key, _)| !wrapped(key));
        if !outer.is_array && others().count() <= SAMPLE && !others().any(|(key, raw)| fits(key, raw)) {
            let whole = outer.entries.iter().rev().find(|(key, _)| wrapped(key));
            let inner = match (whole, &outer.broken) {
                (Some((_, raw)), _) => json::read_entries(raw.get().as_bytes()),
                (None, Some((key, rest))) if key == WRAPPED => json::read_entries(rest),
                _ => None,
            };
            if let Some(inner) = inner
                && (inner.is_session_file() || inner.is_empty_and_whole())
            {
                let facts = others().filter_map(|(key, raw)| fact(key.as_deref()?, raw)).collect();
                return Some(Self::with(&inner, facts));
            }
        }
        // Nothing but its name tells what an empty object is; in a folder, others lie about.
        let named = document.stem.to_ascii_lowercase().contains("session");
        let empty = !outer.is_array
            && outer.entries.is_empty()
            && match outer.fault {
                None | Some(Fault::Trailing(_)) => named || document.database.is_some(),
                Some(Fault::Truncated(_)) => named && (outer.broken.is_none() || !text.contains(&b':')),
                Some(Fault::Invalid(..)) => false,
            };
        (outer.is_session_file() || empty).then(|| Self::with(outer, Vec::new()))
    }

    fn with(found: &Entries<'a>, facts: Vec<(String, String)>) -> Self {
        let key = |key: &Option<Cow<'a, str>>, raw: &'a RawValue| match key {
            Some(key) => key.clone(),
            None => entries::key_of(raw).unwrap_or_default().into(),
        };
        Self {
            entries: found.entries.iter().map(|(k, raw)| (key(k, raw), *raw)).collect(),
            is_array: found.is_array,
            broken: found.broken.as_ref().map(|(key, _)| key.clone()),
            facts,
        }
    }
}

impl Entries<'_> {
    /// Whether most of the first entries are a session file's.
    fn is_session_file(&self) -> bool {
        let sample = &self.entries[..self.entries.len().min(SAMPLE)];
        if sample.is_empty() {
            return self.broken.as_ref().is_some_and(|(key, _)| entries::is_resume_key(key));
        }
        2 * sample.iter().filter(|(key, raw)| fits(key, raw)).count() > sample.len()
    }

    fn is_empty_and_whole(&self) -> bool {
        self.entries.is_empty() && self.fault.is_none()
    }
}

fn fits(key: &Option<Cow<'_, str>>, raw: &RawValue) -> bool {
    match key {
        Some(key) => entries::fits(key, raw),
        None => entries::key_of(raw).is_some_and(|key| entries::fits(&key, raw)),
    }
}

/// What stands beside the entries, such as a version.
fn fact(name: &str, raw: &RawValue) -> Option<(String, String)> {
    (name.len() <= 40 && raw.get().len() <= 80)
        .then(|| (name.to_owned(), raw.get().trim_matches('"').to_owned()))
}

/// Writes the sessions, and says what is out of the ordinary about them.
fn insert(
    entries: &[(Cow<'_, str>, &RawValue)],
    is_array: bool,
    rows: &mut Rows<'_>,
) -> rusqlite::Result<Vec<Finding>> {
    let columns = table_columns(&Table::Sessions);
    let at = |name: &str| columns.iter().position(|c| c.name == name).unwrap_or_default();
    let [id, status, last_used_at, created_at, detail] =
        ["id", "status", "last_active_at", "created_at", "detail"].map(at);
    let parts = ["forge", "agent", "repo", "issue"].map(at);
    let mut counts = Counts::default();
    let mut seen = HashSet::with_capacity(entries.len());
    let mut duplicates: Vec<&str> = Vec::new();
    let mut duplicated = 0;
    for (key, raw) in entries {
        if !seen.insert(key.as_ref()) {
            duplicated += 1;
            if duplicates.len() < MOST_NAMED && !duplicates.contains(&key.as_ref()) {
                duplicates.push(key);
            }
        }
        let mut row = vec![Value::Null; columns.len()];
        let parsed = ResumeKey::parse(key, KNOWN_FORGES);
        counts.key(key, parsed.as_ref());
        if let Some(key) = parsed {
            let texts = [key.forge, Some(key.agent), Some(key.repo), Some(key.issue)];
            parts.into_iter().zip(texts).for_each(|(at, text)| row[at] = text.into());
        }
        row[id] = key.as_ref().into();
        match entries::read(raw, is_array) {
            Entry::Session { last_used, created, detail: fields, legacy, unread_time, odd_unit } => {
                let plain = || (key.to_string(), String::new());
                if legacy {
                    counts.legacy.add(plain);
                }
                if unread_time {
                    counts.unread_times.add(plain);
                }
                if let Some(unit) = odd_unit {
                    counts.odd_units.add(|| (key.to_string(), unit.to_owned()));
                }
                row[last_used_at] = last_used.into();
                row[created_at] = created.into();
                row[detail] = fields.into();
            }
            Entry::Malformed { detail: value } => {
                counts.malformed.add(|| (key.to_string(), String::new()));
                row[status] = "malformed".into();
                row[detail] = value.into();
            }
        }
        rows.add(&row)?;
    }
    let mut findings = counts.findings();
    if duplicated > 0 {
        findings.insert(0, duplicate_keys(duplicated, &duplicates));
    }
    Ok(findings)
}

fn duplicate_keys(count: usize, names: &[&str]) -> Finding {
    let more = if count > names.len() { " and others" } else { "" };
    let what = plural(count, "entry has", "entries have");
    let message = format!("{what} a key that another has before: {}{more}", names.join(", "));
    Finding::warning("duplicate-key", message)
        .at("sessions", names.first().copied().unwrap_or_default())
        .suggest("All of them are shown; claude-hooks reads only the last of each.")
}

/// What is wrong with the text.
fn faults(text: &Text<'_>, outer: &Entries<'_>, found: &Found<'_>) -> Vec<Finding> {
    let read = plural(found.entries.len(), "entry before it is", "entries before it are");
    let within = found.broken.as_ref().map(|key| format!("the entry {key}"));
    let shown = json::Shown { before: read, within, reader: "claude-hooks" };
    let mut findings = json::faults(text, outer.fault.as_ref(), &shown);
    if found.is_array {
        let message = "The entries are a list with a key in each, and not an object by key";
        findings.push(
            Finding::error("top-level-array", message)
                .suggest("All of them are shown; claude-hooks finds none of them."),
        );
    }
    findings
}

/// Sessions as they were written but for their status, which the clock changes; heartbeats are their times again.
fn parts() -> Vec<(Table, Part)> {
    let last = "t.last_active_at";
    let status = format!("coalesce(t.status, {})", status(last));
    let part = Part::by_rowid("main.sessions AS t", "t.rowid");
    let heartbeats = heartbeat(part, "t.id", &status, last, "t.created_at").set("last_heartbeat_at", last);
    vec![
        (Table::Sessions, document::part(&Table::Sessions, &[("status", status)])),
        (Table::Heartbeats, heartbeats),
    ]
}
