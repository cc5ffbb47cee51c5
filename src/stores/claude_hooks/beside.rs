//! The session file and the database that took its place, where one lies beside the other: whether they agree.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::database::{self, TABLE};
use super::{FILE_NAME, MOST_AGE, SessionFileSource, file};
use crate::core::repair::{
    DEFAULT_FORGE, EntryOrder, Fate, ImportSource as _, Known, KnownSession, Merge, Offer, RepairError,
    SourceEntry,
};
use crate::core::{Defect, Finding, KNOWN_FORGES, ResumeKey, Severity, StoreError, Tally, span};
use crate::stores::gate;
use crate::stores::sqlite::{Cancel, SqliteStore, connect, lossy, time_ms};

/// A larger file is left to the import's own comparison.
const MOST_BYTES: u64 = 8 << 20;
/// A database with more sessions, too.
const MOST_SESSIONS: usize = 100_000;
/// Of a folder with the file in it so many files may be the database.
const MOST_FILES: usize = 200;

/// Whether a store is one of the two.
pub fn concerns(store: &SqliteStore) -> bool {
    let stores = &store.about.stores;
    stores.contains(&file::ADAPTER.id) || stores.contains(&database::ADAPTER.id)
}

/// Compares a session file with the database beside it, or a database with the file beside it, as an import would.
///
/// Nothing is said where there is no other, where it cannot be read, or where the database has all that the file has.
///
/// # Errors
/// Where it was cancelled.
pub fn compare(store: &SqliteStore) -> Result<Vec<Finding>, StoreError> {
    let is_file = store.about.stores.contains(&file::ADAPTER.id);
    let found = match is_file {
        true => database_beside(&store.path, &store.cancel).map(|sessions| (store.path.clone(), sessions)),
        false => file_beside(&store.path).and_then(|file| Some((file, sessions_of(&store.connection)?))),
    };
    if store.cancel.is_cancelled() {
        return Err(StoreError::Cancelled);
    }
    let Some((file, sessions)) = found else { return Ok(Vec::new()) };
    let mut differences = Differences { is_file, now_ms: store.clock.now_ms(), ..Differences::default() };
    // It may be a database under that name.
    let looking = gate::look();
    let source = SessionFileSource::open(&file, &store.clock);
    drop(looking);
    let compared =
        source.and_then(|source| differences.compare(&source, &|key| Ok(sessions.get(key).cloned())));
    Ok(compared.map_or_else(|_| Vec::new(), |()| differences.findings()))
}

/// The session file in a database's folder; one that is larger than what is compared is none.
fn file_beside(database: &Path) -> Option<PathBuf> {
    let file = database.parent()?.join(FILE_NAME);
    fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES).then_some(file)
}

/// The sessions of the first database in a file's folder that has the table; a file of another name is a copy of one.
///
/// Which are databases is left to SQLite: looking into one that is open by other means drops this process's locks on it.
fn database_beside(file: &Path, cancel: &Cancel) -> Option<HashMap<String, KnownSession>> {
    if file.file_name()? != FILE_NAME || fs::metadata(file).ok()?.len() > MOST_BYTES {
        return None;
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(file.parent()?).ok()?.flatten().take(MOST_FILES).map(|entry| entry.path()).collect();
    files.sort();
    let may_be = |path: &PathBuf| {
        let name = path.to_string_lossy();
        path != file && path.is_file() && !["-wal", "-shm", "-journal"].iter().any(|end| name.ends_with(end))
    };
    let mut opened = files.into_iter().filter(may_be).filter_map(|path| connect(&path, cancel).ok());
    opened.find_map(|connection| sessions_of(&connection))
}

/// The sessions by their keys; none where there is no such table, it cannot be read, or has too many.
fn sessions_of(connection: &Connection) -> Option<HashMap<String, KnownSession>> {
    let last = ["last_used_at", "NULL"];
    let sql =
        |last: &str| format!("SELECT key, session_id, {last} FROM main.{TABLE} LIMIT {}", MOST_SESSIONS + 1);
    let mut statement = last.iter().find_map(|last| connection.prepare(&sql(last)).ok())?;
    let session = |row: &rusqlite::Row<'_>| {
        let session_id = lossy(row.get_ref(1)?);
        Ok((lossy(row.get_ref(0)?), KnownSession { session_id, last_used_ms: time_ms(row.get_ref(2)?) }))
    };
    let sessions: HashMap<String, KnownSession> =
        statement.query_map([], session).ok()?.collect::<Result<_, _>>().ok()?;
    (sessions.len() <= MOST_SESSIONS).then_some(sessions)
}

/// Whether the database has a key that names no forge in the file under one that the default is not.
fn is_under_another_forge(key: &str, in_file: &str, known: &Known<'_>) -> Result<bool, RepairError> {
    let named = ResumeKey::parse(in_file, KNOWN_FORGES).is_some_and(|key| key.forge.is_some());
    let Some((_, rest)) = key.split_once(':').filter(|_| !named) else { return Ok(false) };
    for forge in KNOWN_FORGES {
        if known(&format!("{forge}:{rest}"))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the file has and the database has not, or not so.
#[derive(Default)]
struct Differences {
    /// They are told of the file, whose rows are its entries.
    is_file: bool,
    now_ms: i64,
    /// Only in the file: to be resumed still, and past that.
    lost: Tally,
    past: Tally,
    /// With another session in each: used later in the file, and in the database.
    newer: Tally,
    older: Tally,
}

impl Differences {
    fn compare(&mut self, source: &SessionFileSource, known: &Known<'_>) -> Result<(), RepairError> {
        let merge = Merge::of(source, DEFAULT_FORGE)?;
        source.entries(EntryOrder::File, &mut |entry| {
            match merge.fate(&entry, known)? {
                Fate::New { key, .. } if !is_under_another_forge(&key, entry.key, known)? => {
                    self.only_in_file(&entry, &key);
                }
                Fate::Different { key, known } => self.different(&entry, &key, &known),
                Fate::New { .. } | Fate::Rejected(_) | Fate::Equal { .. } => {}
            }
            Ok(())
        })
    }

    fn only_in_file(&mut self, entry: &SourceEntry<'_>, key: &str) {
        let age = entry.last_used_ms.map(|used| self.now_ms.saturating_sub(used));
        let tally = if age.is_some_and(|age| age <= MOST_AGE) { &mut self.lost } else { &mut self.past };
        let used = || age.map_or("no last use".to_owned(), |age| format!("used {} ago", span(age.max(0))));
        match self.is_file {
            true => tally.add(|| (entry.key.to_owned(), used())),
            // The database has no row of that key.
            false => tally.add(|| (String::new(), format!("{key} ({})", used()))),
        }
    }

    fn different(&mut self, entry: &SourceEntry<'_>, key: &str, known: &KnownSession) {
        let (in_file, in_database) = (entry.last_used_ms.unwrap_or(0), known.last_used_ms.unwrap_or(0));
        let tally = if in_file > in_database { &mut self.newer } else { &mut self.older };
        let row = if self.is_file { entry.key } else { key };
        let evidence = || {
            let short = |id: &str| id.chars().take(8).collect::<String>();
            let ids = (short(entry.session_id.unwrap_or_default()), short(&known.session_id));
            format!("{} in the file, {} in the database", ids.0, ids.1)
        };
        tally.add(|| (row.to_owned(), evidence()));
    }

    fn findings(&self) -> Vec<Finding> {
        let repair = if self.is_file { Offer::ImportFrom } else { Offer::ImportInto };
        let defect = |severity, one: &'static str, many: &'static str| {
            Defect::new(severity, "file-database-differ", one, many)
        };
        let missing = "Whichever of the two claude-hooks reads, it misses what only the other has: since it keeps its sessions in a database, the file is read no more. Importing the file adds what the database lacks and changes nothing of what it has.";
        let wins = "An import leaves the database as it is. Look at both, and delete the session whose conversation is not to be resumed.";
        let all = [
            (
                &self.lost,
                defect(
                    Severity::Warning,
                    "session of sessions.json that would still be resumed is not in the database beside it",
                    "sessions of sessions.json that would still be resumed are not in the database beside it",
                )
                .suggest(missing)
                .fix(repair),
            ),
            (
                &self.newer,
                defect(
                    Severity::Warning,
                    "resume key names a session in sessions.json that was used later than the one in the database beside it",
                    "resume keys name sessions in sessions.json that were used later than those in the database beside it",
                )
                .suggest(format!("Some program still writes the file, or the import came first. {wins}")),
            ),
            (
                &self.past,
                defect(
                    Severity::Info,
                    "session of sessions.json that would not be resumed any more is not in the database beside it",
                    "sessions of sessions.json that would not be resumed any more are not in the database beside it",
                )
                .suggest("They were left behind, or the program has removed them from the database since. Nothing needs them, unless their history is wanted.")
                .fix(repair),
            ),
            (
                &self.older,
                defect(
                    Severity::Info,
                    "resume key names an older session in sessions.json than in the database beside it",
                    "resume keys name older sessions in sessions.json than in the database beside it",
                )
                .suggest(format!("The database has moved on, as it should. {wins}")),
            ),
        ];
        all.into_iter().flat_map(|(tally, defect)| tally.findings(&defect, "sessions")).collect()
    }
}
