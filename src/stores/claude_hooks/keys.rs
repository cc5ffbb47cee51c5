//! What is wrong with resume keys and the sessions that they name, in the file and in the table alike.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::MOST_AGE;
use super::database::TABLE;
use crate::core::repair::{DEFAULT_FORGE, Offer};
use crate::core::{Defect, Finding, KNOWN_FORGES, RENAMED_AGENT, ResumeKey, Severity, Tally, span};
use crate::stores::document;
use crate::stores::examine::{Probe, Scan, named};
use crate::stores::sqlite::{Context, Part};

/// The rows of the table.
pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let Some(table) = context.schema.table(TABLE).filter(|t| t.has_all(&["key", "session_id"])) else {
        return Vec::new();
    };
    let last = if table.has("last_used_at") { "time_ms(r.last_used_at)" } else { "NULL" };
    let scan = Scan::over("sessions", &Part::over(table, "r"), "r.key");
    vec![scan.probe(Keys::new("r.key", "r.session_id", last, context.file.clock.now_ms()))]
}

/// The entries of a file, as they were read.
pub fn file_scans(context: &Context<'_>) -> Vec<Scan> {
    let part = document::part(&crate::core::Table::Sessions, &[]);
    let id = "CASE WHEN json_valid(t.detail) THEN json_extract(t.detail, '$.session_id') END";
    let keys = Keys::new("t.id", id, "t.last_active_at", context.file.clock.now_ms());
    vec![Scan::over("sessions", &part, "t.id").probe(keys)]
}

/// Why a key cannot be taken apart for certain.
pub fn why_ambiguous(key: &str) -> &'static str {
    let parts: Vec<&str> = key.split(':').collect();
    match parts.as_slice() {
        [] | [_] | [_, _] => "it has fewer than three parts",
        _ if parts.iter().any(|part| part.is_empty()) => "a part of it is empty",
        _ => "its first part is no forge that is known",
    }
}

/// What is odd about a key that could be taken apart; none where it is as the program writes it.
fn why_odd(key: &ResumeKey<'_>) -> Option<&'static str> {
    let plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '#'));
    if !plain(key.issue) {
        Some("its issue is none that a forge gives")
    } else if !plain(key.agent) {
        Some("its agent is none that could be called so")
    } else if !key.repo.contains('/') || key.repo.starts_with('/') || key.repo.ends_with('/') {
        Some("its repository lacks an owner or a name")
    } else if key.repo.chars().any(char::is_whitespace) {
        Some("its repository has a space in its name")
    } else {
        None
    }
}

/// Whether a text is a UUID as Claude names its sessions.
fn is_uuid(id: &str) -> bool {
    let groups: Vec<&str> = id.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Looks at keys, ids and times together.
struct Keys {
    key: &'static str,
    id: &'static str,
    last: &'static str,
    now_ms: i64,
    hasher: RandomState,
    /// Hashes of session ids, of keys, and of the keys that an import makes of them.
    ids: HashSet<u64>,
    exact: HashSet<u64>,
    normal: HashSet<u64>,
    stale: Tally,
    odd: Tally,
    no_uuid: Tally,
    shared: Tally,
    colliding: Tally,
}

impl Keys {
    fn new(key: &'static str, id: &'static str, last: &'static str, now_ms: i64) -> Self {
        Self {
            key,
            id,
            last,
            now_ms,
            hasher: RandomState::new(),
            ids: HashSet::new(),
            exact: HashSet::new(),
            normal: HashSet::new(),
            stale: Tally::default(),
            odd: Tally::default(),
            no_uuid: Tally::default(),
            shared: Tally::default(),
            colliding: Tally::default(),
        }
    }

    fn key(&mut self, name: ValueRef<'_>, text: &str) {
        let Some(key) = ResumeKey::parse(text, KNOWN_FORGES) else { return };
        if let Some(why) = why_odd(&key) {
            self.odd.add(|| (named(name), why.to_owned()));
        }
        let forge = key.forge.unwrap_or(DEFAULT_FORGE);
        let agent = if key.agent == RENAMED_AGENT.0 { RENAMED_AGENT.1 } else { key.agent };
        let hash = self.hasher.hash_one((forge, agent, key.repo, key.issue));
        // The same key twice is said of a file when it is read.
        let is_new = self.exact.insert(self.hasher.hash_one(text));
        if !self.normal.insert(hash) && is_new {
            self.colliding.add(|| (named(name), format!("as {forge}:{agent}:{}:{}", key.repo, key.issue)));
        }
    }
}

impl Probe for Keys {
    fn wants(&self) -> Vec<String> {
        [self.key, self.id, self.last].map(str::to_owned).to_vec()
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        if let Ok(key) = row.get_ref(at)?.as_str() {
            self.key(name, key);
        }
        if let Ok(id) = row.get_ref(at + 1)?.as_str()
            && !id.is_empty()
        {
            if !is_uuid(id) {
                self.no_uuid.add(|| (named(name), named(ValueRef::Text(id.as_bytes()))));
            }
            if !self.ids.insert(self.hasher.hash_one(id)) {
                self.shared.add(|| (named(name), named(ValueRef::Text(id.as_bytes()))));
            }
        }
        if let Ok(last) = row.get_ref(at + 2)?.as_i64() {
            let age = self.now_ms.saturating_sub(last);
            if last > 0 && age > MOST_AGE {
                self.stale.add(|| (named(name), format!("last used {} ago", span(age))));
            }
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        let defect = Defect::new;
        let all = [
            (
                &self.colliding,
                defect(
                    Severity::Warning,
                    "colliding-keys",
                    "key becomes the same as another before it, once it has its forge and the present name of its agent",
                    "keys become the same as others before them, once they have their forge and the present name of their agent",
                )
                .suggest("claude-hooks keeps one of them. An import keeps the newest, and says which.")
                .fix(Offer::ImportFrom),
            ),
            (
                &self.shared,
                defect(
                    Severity::Warning,
                    "session-named-twice",
                    "key names a session that another key names too",
                    "keys name sessions that other keys name too",
                )
                .suggest("Two issues resume the same conversation. Delete the key that should not; the next dispatch of its issue begins a new session."),
            ),
            (
                &self.no_uuid,
                defect(
                    Severity::Warning,
                    "session-id-malformed",
                    "key names a session whose id is no UUID",
                    "keys name sessions whose ids are no UUIDs",
                )
                .suggest("Claude names its sessions by UUIDs, and resumes no other, such as a local_ id. Delete the session; the next dispatch begins a new one."),
            ),
            (
                &self.odd,
                defect(Severity::Info, "odd-key", "key is unlike what claude-hooks writes", "keys are unlike what claude-hooks writes")
                    .suggest("No dispatch asks for such a key unless it was made by hand."),
            ),
            (
                &self.stale,
                defect(
                    Severity::Info,
                    "stale-key",
                    "session was last used more than 24 h ago: it is not resumed any more",
                    "sessions were last used more than 24 h ago: they are not resumed any more",
                )
                .suggest("claude-hooks deletes each when it comes across it. Pruning removes all of them at once.")
                .fix(Offer::Prune),
            ),
        ];
        all.into_iter().flat_map(|(tally, defect)| tally.findings(&defect, table)).collect()
    }
}
