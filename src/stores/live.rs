//! Keeping up with a store that another program writes.
//!
//! A database is asked for its `data_version`, which SQLite changes for a connection when another one commits
//! (sqlite.org/pragma.html#pragma_data_version): it costs a microsecond, and holds no lock afterwards. A document is read
//! again when its file is another one than before, into the database in which its rows already are. A file of lines is read
//! on ([`super::lines`]). All of it is asked from outside, after a notice of the system: nothing here waits or polls.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::claude_transcript::Link;
use super::document::{self, Contents};
use super::open::{open_database, read_text, size};
use super::sqlite::{Mapping, SqliteStore, lossy, sqlite_error};
use super::{Options, gate};
use crate::core::{Change, Finding, Size, StoreError, Table, table_columns};

/// A document that cannot be read is taken to be in the midst of being written for so long.
const SETTLES: Duration = Duration::from_millis(1500);
/// What opening tells of a database is found out anew no sooner than this, and in no more than this part of the time.
const LEAST_EXAMINED: Duration = Duration::from_secs(1);
const EXAMINING_PART: u32 = 20;

/// What was last seen of an open store's file.
#[derive(Clone)]
pub struct Live {
    seen: Print,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Database(Database),
    Document {
        id: &'static str,
        shared: Arc<Mutex<Reading>>,
        /// Which of the readings this connection knows of.
        reading: u64,
    },
    /// A file of JSON lines.
    Lines,
}

#[derive(Clone)]
struct Database {
    options: Options,
    data_version: i64,
    schema_version: i64,
    /// When what opening tells was found out, and how long that took.
    examined: Instant,
    took: Duration,
    /// Rows were changed since.
    behind: bool,
}

/// What the connections of a document have in common.
struct Reading {
    seen: Print,
    contents: Arc<Contents>,
    readings: u64,
    /// Since when the file cannot be read.
    unsettled: Option<Instant>,
}

/// By what a file is known to be the same, and unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    device: u64,
    inode: u64,
    length: u64,
    changed_ns: i128,
}

impl Print {
    /// # Errors
    /// Where the file is gone, or may not be looked at.
    pub fn of(path: &Path) -> Result<Print, StoreError> {
        let meta = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => StoreError::NotFound { path: path.to_owned() },
            _ => StoreError::Unreadable { reason: error.to_string(), path: path.to_owned() },
        })?;
        Ok(Print {
            device: meta.dev(),
            inode: meta.ino(),
            length: meta.len(),
            changed_ns: i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec()),
        })
    }

    fn is_file_of(&self, other: &Print) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Live {
    /// A database that is about to be read; none where it cannot be followed.
    pub fn of_database(path: &Path, connection: &Connection, options: &Options) -> Option<Live> {
        let database = Database {
            options: options.clone(),
            data_version: version(connection, "data_version").ok()?,
            schema_version: version(connection, "schema_version").ok()?,
            examined: Instant::now(),
            took: Duration::ZERO,
            behind: false,
        };
        Some(Live { seen: Print::of(path).ok()?, kind: Kind::Database(database) })
    }

    /// Opening it took so long.
    pub fn opened(mut self, took: Duration) -> Live {
        if let Kind::Database(database) = &mut self.kind {
            database.took = took;
        }
        self
    }

    /// A document that was read when its file was like this.
    pub fn of_document(seen: Print, contents: &Arc<Contents>, id: &'static str) -> Live {
        if contents.lines.is_some() {
            return Live { seen, kind: Kind::Lines };
        }
        let reading = Reading { seen, contents: Arc::clone(contents), readings: 0, unsettled: None };
        Live { seen, kind: Kind::Document { id, shared: Arc::new(Mutex::new(reading)), reading: 0 } }
    }
}

fn version(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

impl Database {
    /// For how long what opening tells is not yet found out anew.
    fn pause(&self) -> Duration {
        let pause = LEAST_EXAMINED.max(self.took.saturating_mul(EXAMINING_PART));
        pause.saturating_sub(self.examined.elapsed())
    }
}

impl SqliteStore {
    /// After how long another refresh finds out what opening tells, where rows were changed since it was last found out.
    pub fn is_behind(&self) -> Option<Duration> {
        match &self.live {
            Some(Live { kind: Kind::Database(database), .. }) => database.behind.then(|| database.pause()),
            _ => None,
        }
    }

    /// Whether it can be followed: a private copy and a plan cannot.
    pub fn is_followed(&self) -> bool {
        self.live.is_some()
    }

    /// Sizes of its file and write-ahead log, now.
    pub fn size(&self) -> Size {
        size(&self.path)
    }

    /// Finds out what has become of the store since it was opened or last refreshed, and reads it again where it must be.
    ///
    /// Every reader of a store is refreshed for itself. Rows keep their keys: also those of a document that is written
    /// anew, as far as their order stays. What is shown stays readable after a loss ([`Change::is_loss`]): the file that
    /// is open, not the one in its place. Nothing is locked or held when it returns.
    ///
    /// What opening tells of a database, such as its findings, is found out anew once in a while: see
    /// [`SqliteStore::is_behind`]; where `whole`, at once.
    ///
    /// # Errors
    /// Where the file cannot be read now; what was read before stays, and another refresh may succeed.
    pub fn refresh(&mut self, whole: bool) -> Result<Change, StoreError> {
        let Some(live) = self.live.clone() else { return Ok(Change::Same) };
        let now = match Print::of(&self.path) {
            Ok(now) => now,
            Err(StoreError::NotFound { .. }) => return Ok(Change::Gone),
            Err(error) => return Err(error),
        };
        let change = match live.kind {
            Kind::Database(database) => self.refresh_database(&live.seen, now, database, whole),
            Kind::Document { id, shared, reading } => self.refresh_document(now, id, &shared, reading),
            Kind::Lines if !now.is_file_of(&live.seen) => Ok(Change::Replaced),
            Kind::Lines if now.length < live.seen.length => Ok(Change::Truncated),
            Kind::Lines => {
                let grown = self.read_on()?;
                self.live = Some(Live { seen: now, kind: Kind::Lines });
                Ok(if grown { Change::Rows } else { Change::Same })
            }
        };
        match (change, &self.link) {
            // The messages of its sessions are in files of their own.
            (Ok(Change::Same), Some(link)) if link.has_changed() => Ok(Change::Rows),
            (change, _) => change,
        }
    }

    fn refresh_database(
        &mut self,
        seen: &Print,
        now: Print,
        mut database: Database,
        whole: bool,
    ) -> Result<Change, StoreError> {
        if !now.is_file_of(seen) {
            return Ok(Change::Replaced);
        }
        if now.length == 0 && seen.length > 0 {
            return Ok(Change::Truncated);
        }
        let asked = version(&self.connection, "data_version")
            .and_then(|data| Ok((data, version(&self.connection, "schema_version")?)));
        let (data, schema) = match asked.map_err(|e| sqlite_error(e, &self.path)) {
            Err(error) if now.length < seen.length && !matches!(error, StoreError::Locked { .. }) => {
                return Ok(Change::Truncated);
            }
            asked => asked?,
        };
        if now.length < seen.length && self.is_cut(&now)? {
            return Ok(Change::Truncated);
        }
        let rows = data != database.data_version;
        if schema != database.schema_version {
            self.learn_again(&database.options)?;
            return Ok(Change::Schema);
        }
        database.behind |= rows;
        if database.behind && (whole || database.pause().is_zero()) {
            self.learn_again(&database.options)?;
            return Ok(Change::Rows);
        }
        database.data_version = data;
        self.live = Some(Live { seen: now, kind: Kind::Database(database) });
        Ok(if rows { Change::Rows } else { Change::Same })
    }

    /// Whether the file ends before its last page does: with a log, the pages that it lacks are in it.
    fn is_cut(&self, now: &Print) -> Result<bool, StoreError> {
        let pages = version(&self.connection, "page_count").map_err(|e| sqlite_error(e, &self.path))?;
        let whole = (pages * self.schema.page_size).unsigned_abs();
        Ok(size(&self.path).wal_bytes == 0 && now.length < whole)
    }

    /// Finds out anew all that opening tells, on another connection.
    fn learn_again(&mut self, options: &Options) -> Result<(), StoreError> {
        let path = self.path.clone();
        let mut store = open_database(&path, &path, None, options, &self.cancel)?;
        store.keep_link(self.link.take());
        store.about.findings.extend(self.noted());
        store.about.damaged |= self.about.damaged;
        *self = store;
        Ok(())
    }

    /// Tells anew what opening told, of a document that was read again.
    pub(super) fn is_read_again(&mut self, mapping: Mapping, damaged: bool) {
        let noted = self.noted();
        self.mapping = mapping;
        let (about, mapping) = (&mut self.about, &self.mapping);
        about.name.clone_from(&mapping.name);
        about.findings.clone_from(&mapping.findings);
        about.findings.extend(noted);
        about.facts.clone_from(&mapping.facts);
        about.keeps.clone_from(&mapping.keeps);
        about.unscoped = mapping.unscoped();
        about.pace = mapping.pace;
        about.damaged = damaged;
        let link = self.link.take();
        self.keep_link(link);
    }

    /// What was found since it was opened, behind what opening tells.
    pub(super) fn noted(&mut self) -> Vec<Finding> {
        let told = self.mapping.findings.len().min(self.about.findings.len());
        self.about.findings.split_off(told)
    }

    /// Has it read its sessions' messages from transcripts, as before.
    fn keep_link(&mut self, link: Option<Link>) {
        if link.is_some() {
            self.about.unscoped.retain(|table| *table != Table::Messages);
        }
        self.about.names_transcripts = link.is_some();
        self.link = link;
    }

    fn refresh_document(
        &mut self,
        now: Print,
        id: &'static str,
        shared: &Arc<Mutex<Reading>>,
        known: u64,
    ) -> Result<Change, StoreError> {
        let mut reading = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if now != reading.seen {
            let settled = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() >= SETTLES);
            let read = read_again(&self.path, &self.connection, id, |contents| {
                // A file that was whole and is not may be half written.
                !contents.damaged || reading.contents.damaged || settled(reading.unsettled)
            });
            match read {
                Ok(Some(contents)) => {
                    reading.seen = now;
                    reading.contents = Arc::new(contents);
                    reading.readings += 1;
                    reading.unsettled = None;
                }
                Err(error) if settled(reading.unsettled) => return Err(error),
                Ok(None) | Err(_) => {
                    reading.unsettled.get_or_insert_with(Instant::now);
                    return Ok(Change::Unsettled);
                }
            }
        } else {
            reading.unsettled = None;
        }
        if reading.readings == known {
            return Ok(Change::Same);
        }
        self.is_read_again(document::mapping(&reading.contents), reading.contents.damaged);
        let kind = Kind::Document { id, shared: Arc::clone(shared), reading: reading.readings };
        self.live = Some(Live { seen: now, kind });
        Ok(Change::Rows)
    }
}

/// Reads a document into the database in which its rows were before; none, and all as it was, where it is not `wanted`.
fn read_again(
    path: &Path,
    connection: &Connection,
    id: &'static str,
    wanted: impl Fn(&Contents) -> bool,
) -> Result<Option<Contents>, StoreError> {
    let fail = |e| sqlite_error(e, path);
    let transaction = connection.unchecked_transaction().map_err(fail)?;
    let mut before = Vec::new();
    for table in Table::CANONICAL {
        before.push(rows_of(connection, &table).map_err(fail)?);
        connection.execute_batch(&format!("DELETE FROM main.{}", table.name())).map_err(fail)?;
    }
    let _looking = gate::look();
    let (contents, read_by) = read_text(path, connection)?;
    if read_by != id {
        let reason = "another kind of document is in its place".into();
        return Err(StoreError::NotRecognised { reason, path: path.to_owned() });
    }
    if !wanted(&contents) {
        return Ok(None);
    }
    for (table, before) in Table::CANONICAL.into_iter().zip(before) {
        keep_keys(connection, &table, before).map_err(fail)?;
    }
    transaction.commit().map_err(fail)?;
    Ok(Some(contents))
}

/// The rows of a table in their order: rowid, and a print of what names it.
fn rows_of(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<(i64, u64)>> {
    let names = ["session_id", "id", "key", "name", "source"];
    let columns: Vec<String> = table_columns(table)
        .iter()
        .filter(|c| names.contains(&c.name.as_ref()))
        .map(|c| format!("\"{}\"", c.name))
        .collect();
    let columns = if columns.is_empty() { "NULL".to_owned() } else { columns.join(", ") };
    let sql = format!("SELECT rowid, {columns} FROM main.{} ORDER BY rowid", table.name());
    let mut statement = connection.prepare(&sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut print = DefaultHasher::new();
        for at in 1..width {
            lossy(row.get_ref(at)?).hash(&mut print);
        }
        all.push((row.get(0)?, print.finish()));
    }
    Ok(all)
}

/// Gives rows that were there before the rowids that they had, as far as the order of the rows allows.
fn keep_keys(connection: &Connection, table: &Table, before: Vec<(i64, u64)>) -> rusqlite::Result<()> {
    let mut next_free = before.last().map_or(1, |(rowid, _)| rowid + 1);
    // Of rows that are named alike, the first is the first.
    let mut known: HashMap<u64, Vec<i64>> = HashMap::new();
    for (rowid, print) in before.into_iter().rev() {
        known.entry(print).or_default().push(rowid);
    }
    let now = rows_of(connection, table)?;
    let mut last = 0;
    let mut moved = Vec::new();
    let rest: Vec<Option<i64>> =
        now.iter().map(|(_, print)| known.get_mut(print).and_then(Vec::pop)).collect();
    // The least rowid that a row behind this one had: what is new may be put before it.
    let mut least_behind = vec![i64::MAX; now.len() + 1];
    for at in (0..now.len()).rev() {
        least_behind[at] = least_behind[at + 1].min(rest[at].unwrap_or(i64::MAX));
    }
    for (at, (rowid, _)) in now.iter().enumerate() {
        let wanted = match rest[at] {
            Some(had) if had > last => had,
            // Nothing that is known is behind it: it gets a number that no row had, so that none is taken for another.
            None if least_behind[at] == i64::MAX => next_free.max(last + 1),
            _ => last + 1,
        };
        last = wanted;
        next_free = next_free.max(last + 1);
        if wanted != *rowid {
            moved.push((*rowid, wanted));
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let sql = format!("UPDATE main.{} SET rowid = ?2 WHERE rowid = ?1", table.name());
    let mut statement = connection.prepare(&sql)?;
    // By way of numbers that no row has, since a row may go where another still is.
    for (from, to) in &moved {
        statement.execute([from, &-to])?;
    }
    for (_, to) in &moved {
        statement.execute([&-to, to])?;
    }
    Ok(())
}
