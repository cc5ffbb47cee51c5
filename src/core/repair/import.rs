//! Import: the sessions of a document into a database. A row that the database has already wins.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    Action, Class, DocumentMessage, Edit, EntryOrder, ImportSource, Item, Needs, NewSession, Planner,
    RepairError, SessionStore, SourceEntry, SourceKind, Standing,
};
use crate::core::{KNOWN_FORGES, RENAMED_AGENT, ResumeKey, hex, span};

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
            let forges = KNOWN_FORGES.iter().copied().chain([forge]).collect();
            let table = Arc::from("sessions");
            Sessions { source: source.as_ref(), forge, forges, compare, table }.plan(planner)?;
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
    forge: &'a str,
    /// Those that are known, and that one.
    forges: Vec<&'a str>,
    compare: bool,
    table: Arc<str>,
}

/// By the hash of the key that entries get: the entry that counts.
///
/// Hashes of 64 bits, since a million keys as text would take a hundred times the room.
#[derive(Default)]
struct Winners {
    hasher: RandomState,
    newest: HashMap<u64, Winner>,
}

/// The newest entry of a key.
struct Winner {
    last_used_ms: i64,
    number: u64,
    /// The database has a session under that key, or under another of the same hash.
    is_there: bool,
}

impl Winners {
    fn offer(&mut self, key: &str, last_used_ms: i64, number: u64) {
        let offered = Winner { last_used_ms, number, is_there: false };
        let newest = self.newest.entry(self.hasher.hash_one(key)).or_insert(offered);
        // Of two as new as each other the last counts, as in the file itself.
        if last_used_ms >= newest.last_used_ms {
            (newest.last_used_ms, newest.number) = (last_used_ms, number);
        }
    }

    fn of(&self, key: &str) -> Option<&Winner> {
        self.newest.get(&self.hasher.hash_one(key))
    }

    /// Marks what the database has: in one pass, since asking it for each of a million keys takes longer than all else.
    fn mark(&mut self, store: &dyn SessionStore) -> Result<(), RepairError> {
        store
            .resume_keys(&mut |key, _, _| {
                if let Some(winner) = self.newest.get_mut(&self.hasher.hash_one(key)) {
                    winner.is_there = true;
                }
                Ok(())
            })
            .map(|_| ())
    }
}

impl Sessions<'_> {
    fn plan(&self, planner: &mut Planner<'_>) -> Result<(), RepairError> {
        let mut winners = self.winners()?;
        if winners.newest.is_empty() {
            // A database with nothing in it would be no use, and the file is better where it is.
            return self.reject_all(planner, &winners);
        }
        winners.mark(planner.store)?;
        prepare(planner, Needs::Sessions)?;
        self.source.entries(EntryOrder::Index, &mut |entry| {
            let item = self.entry(planner, &entry, &winners)?;
            planner.next_group();
            planner.add(item.at(entry.last_used_ms))
        })?;
        if self.compare {
            let store = planner.store;
            store.resume_keys(&mut |key, table, _| match winners.of(key) {
                Some(_) => Ok(()),
                None => planner.add(Item::line(Action::Beside, OTHERS, table, key, "stays as it is")),
            })?;
        }
        Ok(())
    }

    fn reject_all(&self, planner: &mut Planner<'_>, winners: &Winners) -> Result<(), RepairError> {
        self.source.entries(EntryOrder::File, &mut |entry| {
            let item = self.entry(planner, &entry, winners)?;
            planner.add(item.at(entry.last_used_ms))
        })
    }

    /// Finds for every key that entries get the one that counts.
    fn winners(&self) -> Result<Winners, RepairError> {
        let mut winners = Winners::default();
        self.source.entries(EntryOrder::File, &mut |entry| {
            if let (Ok(key), Some(_)) = (self.normal(entry.key), entry.session_id) {
                winners.offer(&key, entry.last_used_ms.unwrap_or(0), entry.number);
            }
            Ok(())
        })?;
        Ok(winners)
    }

    /// What becomes of an entry.
    fn entry(
        &self,
        planner: &Planner<'_>,
        entry: &SourceEntry<'_>,
        winners: &Winners,
    ) -> Result<Item, RepairError> {
        let line = |action, class, key: &str, reason: String| {
            Ok(Item::line(action, class, &self.table, key, reason))
        };
        let reject = |reason: &str| line(Action::Reject, REJECTED, entry.key, reason.to_owned());
        let key = match self.normal(entry.key) {
            Ok(key) => key,
            Err(why) => return reject(why),
        };
        let Some(session_id) = entry.session_id else { return reject("the entry names no session") };
        let winner = winners.of(&key);
        if winner.is_some_and(|winner| winner.number != entry.number) {
            return reject(&format!("another entry becomes {key} too, and is newer or comes later"));
        }
        let last_used_ms = entry.last_used_ms.unwrap_or(0);
        if winner.is_none_or(|winner| winner.is_there)
            && let Some(known) = planner.store.session_of_key(&key)?
        {
            let (class, reason) = match known.session_id == session_id {
                true if known.last_used_ms.unwrap_or(0) == last_used_ms => {
                    (EQUAL, "already there".to_owned())
                }
                true => (EQUAL, "already there, with another time; the database wins".to_owned()),
                false => (
                    DIFFERENT,
                    format!("conflict: the database has session {} under it, and wins", known.session_id),
                ),
            };
            return line(Action::Keep, class, &key, reason);
        }
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

    /// The key under which an entry goes into the database: with its forge, and foreman's as architect's.
    fn normal<'k>(&self, key: &'k str) -> Result<std::borrow::Cow<'k, str>, &'static str> {
        let Some(parsed) = ResumeKey::parse(key, &self.forges) else {
            return Err("its key cannot be told apart into forge, agent, repository and issue for certain");
        };
        if parsed.forge.is_some() && parsed.agent != RENAMED_AGENT.0 {
            return Ok(key.into());
        }
        let agent = if parsed.agent == RENAMED_AGENT.0 { RENAMED_AGENT.1 } else { parsed.agent };
        let forge = parsed.forge.unwrap_or(self.forge);
        Ok(format!("{forge}:{agent}:{}:{}", parsed.repo, parsed.issue).into())
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
