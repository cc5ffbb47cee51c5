//! Import: the sessions of a document into a database. A row that the database has already wins.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::merge::{Fate, Merge};
use super::{
    Action, Class, DocumentMessage, Edit, EntryOrder, ImportSource, Item, Needs, NewSession, Planner,
    RepairError, SourceEntry, SourceKind, Standing,
};
use crate::core::{hex, span};

/// How old a session may be to be resumed: 24 hours, seed 004's `MAX_SESSION_AGE_MS`.
const MOST_AGE_MS: i64 = 86_400_000;

const NEW: Class = "only in the file";
const EQUAL: Class = "equal";
const DIFFERENT: Class = "different";
const REJECTED: Class = "rejected";
const OTHERS: Class = "only in the database";
const SCHEMA: Class = "schema";

pub(super) fn plan(
    planner: &mut Planner<'_>,
    from: &Path,
    forge: &str,
    compare: bool,
) -> Result<(), RepairError> {
    let source = planner.with.import_source(from)?;
    source.ensure_whole()?;
    if forge.trim().is_empty() || forge.contains(':') || forge == "none" {
        let reason = "The forge must be a name without a colon; `none` means keys that have none".into();
        return Err(RepairError::Usage { reason });
    }
    match source.kind() {
        SourceKind::Sessions => {
            let merge = Merge::of(source.as_ref(), forge)?;
            Sessions { source: source.as_ref(), merge, compare, table: Arc::from("sessions") }
                .plan(planner)?;
        }
        SourceKind::Document => document(planner, source.as_ref())?,
        SourceKind::Values => values(planner, source.as_ref(), from)?,
    }
    source.left_behind().into_iter().for_each(|text| planner.warn(text));
    let any = |action| planner.has(action);
    if let Some(edit) = source.retirement().filter(|_| any(Action::Insert) || any(Action::Keep)) {
        planner.next_group();
        let to = edit.after.as_ref().and_then(|r| r.text(0)).unwrap_or_default();
        let name = Path::new(to).file_name().unwrap_or_default().to_string_lossy();
        let reason =
            format!("once the database holds its sessions, as {name}; unless it was changed meanwhile");
        let key = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
        planner.add(Item::change(Action::Rename, "file", &key, reason, edit))?;
    }
    Ok(())
}

/// Where a table is missing, its steps come first.
fn prepare(planner: &mut Planner<'_>, needs: Needs<'_>) -> Result<(), RepairError> {
    let steps = planner.store.migration(needs)?;
    for line in steps.lines.into_iter().filter(|l| l.item.edit.is_some()) {
        planner.next_group();
        planner.add(Item { class: SCHEMA, ..line.item })?;
    }
    planner.next_group();
    Ok(())
}

/// A session file on its way into a table of sessions.
struct Sessions<'a> {
    source: &'a dyn ImportSource,
    merge: Merge<'a>,
    compare: bool,
    table: Arc<str>,
}

impl Sessions<'_> {
    fn plan(mut self, planner: &mut Planner<'_>) -> Result<(), RepairError> {
        if self.merge.is_empty() {
            // A database with nothing in it would be no use, and the file is better where it is.
            return self.reject_all(planner);
        }
        self.merge.mark(planner.store)?;
        prepare(planner, Needs::Sessions)?;
        self.source.entries(EntryOrder::Index, &mut |entry| {
            let item = self.entry(planner, &entry)?;
            planner.next_group();
            planner.add(item.at(entry.last_used_ms))
        })?;
        if self.compare {
            let store = planner.store;
            store.resume_keys(&mut |key, table, _| match self.merge.has(key) {
                true => Ok(()),
                false => planner.add(Item::line(Action::Beside, OTHERS, table, key, "stays as it is")),
            })?;
        }
        Ok(())
    }

    fn reject_all(&self, planner: &mut Planner<'_>) -> Result<(), RepairError> {
        self.source.entries(EntryOrder::File, &mut |entry| {
            let item = self.entry(planner, &entry)?;
            planner.add(item.at(entry.last_used_ms))
        })
    }

    /// What becomes of an entry.
    fn entry(&self, planner: &Planner<'_>, entry: &SourceEntry<'_>) -> Result<Item, RepairError> {
        let line = |action, class, key: &str, reason: String| {
            Ok(Item::line(action, class, &self.table, key, reason))
        };
        let known = |key: &str| planner.store.session_of_key(key);
        let (key, session_id) = match self.merge.fate(entry, &known)? {
            Fate::Rejected(why) => return line(Action::Reject, REJECTED, entry.key, why),
            Fate::Equal { key, same_time: true } => {
                return line(Action::Keep, EQUAL, &key, "already there".to_owned());
            }
            Fate::Equal { key, .. } => {
                let reason = "already there, with another time; the database wins".to_owned();
                return line(Action::Keep, EQUAL, &key, reason);
            }
            Fate::Different { key, known } => {
                let reason =
                    format!("conflict: the database has session {} under it, and wins", known.session_id);
                return line(Action::Keep, DIFFERENT, &key, reason);
            }
            Fate::New { key, session_id } => (key, session_id),
        };
        let last_used_ms = entry.last_used_ms.unwrap_or(0);
        let created_ms = match (entry.created_ms, last_used_ms) {
            (Some(created), _) => created,
            (None, 0) => planner.now.0,
            (None, used) => used,
        };
        let session = NewSession { key: &key, session_id, last_used_ms, created_ms };
        let Some(edit) = planner.store.insert_session(&session) else {
            return Err(RepairError::unsupported(
                planner.store,
                "Sessions of a session file can only be imported into a database of claude-hooks",
            ));
        };
        Ok(Item::change(Action::Insert, NEW, &key, self.words(entry, &key, planner.now.0), edit))
    }

    fn words(&self, entry: &SourceEntry<'_>, key: &str, now_ms: i64) -> String {
        let mut reason = match entry.key == key {
            true => "new".to_owned(),
            false => format!("renamed from {}", entry.key),
        };
        match entry.last_used_ms {
            None if entry.unread_time => {
                reason.push_str("; already stale: its last use cannot be read, so it counts as expired");
            }
            None => reason.push_str("; already stale: no last use is recorded, so it counts as expired"),
            Some(used) if now_ms - used > MOST_AGE_MS => {
                reason.push_str(&format!("; already stale: last used {} ago", span(now_ms - used)));
            }
            Some(_) => {}
        }
        reason
    }
}

fn document(planner: &mut Planner<'_>, source: &dyn ImportSource) -> Result<(), RepairError> {
    prepare(planner, Needs::Messages)?;
    let (session, facts) = source.facts();
    let store = planner.store;
    let unsupported = || {
        RepairError::unsupported(store, "A session document can only be imported into a session's database")
    };
    let mut at = 0_u64;
    let mut previous_ms = None;
    source.messages(&mut |message| {
        let number = at;
        at += 1;
        let mut message = match message {
            Ok(message) => message,
            Err(why) => {
                let key = format!("{session}:{number}");
                return planner.add(Item::line(Action::Reject, REJECTED, &"messages".into(), &key, why));
            }
        };
        message.id = message_id(&session, number, &message);
        // A message without a time came no earlier than the one before it.
        message.created_ms = message.created_ms.or(previous_ms);
        previous_ms = message.created_ms;
        let edit = store.insert_message(&message).ok_or_else(unsupported)?;
        let at_ms = message.created_ms;
        insert(planner, edit, &message.id, at_ms)
    })?;
    for (key, value) in facts {
        let edit = store.insert_meta(&key, &value).ok_or_else(unsupported)?;
        insert(planner, edit, &key, None)?;
    }
    Ok(())
}

/// Adds a row where there is none yet.
fn insert(planner: &mut Planner<'_>, edit: Edit, key: &str, at_ms: Option<i64>) -> Result<(), RepairError> {
    let item = match planner.store.standing(&edit)? {
        Standing::Before => Item::change(Action::Insert, NEW, key, "new", edit),
        Standing::After => Item::line(Action::Keep, EQUAL, &edit.table, key, "already there"),
        Standing::Changed(how) => Item::line(
            Action::Keep,
            DIFFERENT,
            &edit.table,
            key,
            format!("conflict: {how}; the database wins"),
        ),
    };
    planner.add(item.at(at_ms))
}

fn values(planner: &mut Planner<'_>, source: &dyn ImportSource, from: &Path) -> Result<(), RepairError> {
    let store = planner.store;
    let mut any = false;
    source.values(&mut |key, value| {
        any = true;
        let edit = store.insert_value(key, value).ok_or_else(|| RepairError::Unsupported {
            what: "Key-value entries can only be imported into another Durable Object".into(),
            hint: "Import into the file of an object that has key-value entries.".into(),
            path: store.target().path.clone(),
        })?;
        insert(planner, edit, key, None)
    })?;
    match any {
        true => Ok(()),
        false => Err(RepairError::Source {
            reason: "There is nothing in it that could be imported".into(),
            path: from.to_owned(),
        }),
    }
}

/// An id that the same message of the same document always gets.
fn message_id(session: &str, position: u64, message: &DocumentMessage) -> String {
    let mut hash = Sha256::new();
    for part in
        [message.role.as_str(), message.content.as_str(), message.parts.as_deref().unwrap_or_default()]
    {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("{session}-{position}-{}", hex(&hash.finalize()[..8]))
}
