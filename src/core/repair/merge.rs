//! How the sessions of a file stand to those of a database: for the import, and for who only compares the two.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::{EntryOrder, ImportSource, KnownSession, RepairError, SessionStore, SourceEntry};
use crate::core::{KNOWN_FORGES, RENAMED_AGENT, ResumeKey};

/// The sessions of a file on their way into a database, in which a row that is there already wins.
pub struct Merge<'a> {
    forge: &'a str,
    /// Those that are known, and that one.
    forges: Vec<&'a str>,
    winners: Winners,
}

/// What becomes of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    /// It cannot be brought in, or another entry counts in its place, for this reason.
    Rejected(String),
    /// The database has that session under its key.
    Equal { key: Cow<'a, str>, same_time: bool },
    /// The database has another session under its key.
    Different { key: Cow<'a, str>, known: KnownSession },
    /// The database has nothing under its key.
    New { key: Cow<'a, str>, session_id: &'a str },
}

/// What a database has under a resume key.
pub type Known<'a> = dyn Fn(&str) -> Result<Option<KnownSession>, RepairError> + 'a;

impl<'a> Merge<'a> {
    /// Reads the file's keys; those that name no forge get this one.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no whole one.
    pub fn of(source: &dyn ImportSource, forge: &'a str) -> Result<Self, RepairError> {
        let forges = KNOWN_FORGES.iter().copied().chain([forge]).collect();
        let mut merge = Self { forge, forges, winners: Winners::default() };
        let mut winners = Winners::default();
        source.entries(EntryOrder::File, &mut |entry| {
            if let (Ok(key), Some(_)) = (merge.normal(entry.key), entry.session_id) {
                winners.offer(&key, entry.last_used_ms.unwrap_or(0), entry.number);
            }
            Ok(())
        })?;
        merge.winners = winners;
        Ok(merge)
    }

    /// Whether the file has no entry that could be brought in.
    pub fn is_empty(&self) -> bool {
        self.winners.newest.is_empty()
    }

    /// Whether the file has an entry that gets this key, or another of the same hash.
    pub fn has(&self, key: &str) -> bool {
        self.winners.of(key).is_some()
    }

    /// Marks what a store has: in one pass, since asking it for each of a million keys takes longer than all else.
    pub(super) fn mark(&mut self, store: &dyn SessionStore) -> Result<(), RepairError> {
        self.winners.mark(store)
    }

    /// What becomes of an entry, where the database has that under its key.
    ///
    /// # Errors
    /// Where the database cannot be asked.
    pub fn fate<'e>(&self, entry: &SourceEntry<'e>, known: &Known<'_>) -> Result<Fate<'e>, RepairError> {
        let key = match self.normal(entry.key) {
            Ok(key) => key,
            Err(why) => return Ok(Fate::Rejected(why.to_owned())),
        };
        let Some(session_id) = entry.session_id else {
            return Ok(Fate::Rejected("the entry names no session".to_owned()));
        };
        let winner = self.winners.of(&key);
        if winner.is_some_and(|winner| winner.number != entry.number) {
            let why = format!("another entry becomes {key} too, and is newer or comes later");
            return Ok(Fate::Rejected(why));
        }
        if winner.is_none_or(|winner| winner.may_be_there)
            && let Some(known) = known(&key)?
        {
            let same_time = known.last_used_ms.unwrap_or(0) == entry.last_used_ms.unwrap_or(0);
            return Ok(match known.session_id == session_id {
                true => Fate::Equal { key, same_time },
                false => Fate::Different { key, known },
            });
        }
        Ok(Fate::New { key, session_id })
    }

    /// The key under which an entry goes into the database: with its forge, and foreman's as architect's.
    fn normal<'k>(&self, key: &'k str) -> Result<Cow<'k, str>, &'static str> {
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
    /// The database may have a session under that key, or under another of the same hash.
    may_be_there: bool,
}

impl Winners {
    fn offer(&mut self, key: &str, last_used_ms: i64, number: u64) {
        let offered = Winner { last_used_ms, number, may_be_there: true };
        let newest = self.newest.entry(self.hasher.hash_one(key)).or_insert(offered);
        // Of two as new as each other the last counts, as in the file itself.
        if last_used_ms >= newest.last_used_ms {
            (newest.last_used_ms, newest.number) = (last_used_ms, number);
        }
    }

    fn of(&self, key: &str) -> Option<&Winner> {
        self.newest.get(&self.hasher.hash_one(key))
    }

    fn mark(&mut self, store: &dyn SessionStore) -> Result<(), RepairError> {
        self.newest.values_mut().for_each(|winner| winner.may_be_there = false);
        store
            .resume_keys(&mut |key, _, _| {
                if let Some(winner) = self.newest.get_mut(&self.hasher.hash_one(key)) {
                    winner.may_be_there = true;
                }
                Ok(())
            })
            .map(|_| ())
    }
}
