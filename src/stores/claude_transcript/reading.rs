//! A transcript on its way into its database: read from where the last reading ended.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::line::{self, BROKEN, Line, Said, UNFINISHED};
use super::session::{self, Session};
use super::tallies::{Calls, count, print, unnamed};
use crate::core::{StoreError, Table, Tally};
use crate::stores::document::{Contents, part};
use crate::stores::lines::{Begun, Grows, Place, Walk};
use crate::stores::sqlite::{Cancel, Part, sqlite_error};

/// The table in which lines are kept, without their texts.
const LINES: &str = "CREATE TABLE lines (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, length INTEGER NOT NULL, id TEXT, role TEXT, kind TEXT NOT NULL,
    created_at INTEGER, sorted_at INTEGER)";

/// So many unknown kinds are told apart; a hostile file has one for each line.
const MOST_KINDS: usize = 20;

/// What is known of a transcript, as far as it was read.
pub struct Reading {
    path: PathBuf,
    file: Arc<File>,
    /// Where the next line begins; an unfinished one is read again.
    offset: u64,
    /// How many lines there are before it.
    lines: i64,
    /// What was read is not in the database, since a reading failed: all is read again.
    is_ahead: bool,
    /// The last line is whole, though no line feed ends it yet.
    unended: bool,
    /// The last line is not finished: its row goes when it is read again.
    unfinished: Option<Place>,
    /// The time of the last line that has one.
    newest_so_far: Option<i64>,
    pub(super) session: Session,
    pub(super) seen: Seen,
}

/// What the lines have in common, or lack.
#[derive(Default)]
pub(super) struct Seen {
    uuids: HashSet<u128>,
    /// Lines that follow one that was not seen yet, by what it is called.
    pub(super) parents: HashMap<u128, i64>,
    pub(super) duplicates: Tally,
    pub(super) broken: Tally,
    pub(super) marked: Tally,
    pub(super) nul: Tally,
    pub(super) errors: Tally,
    pub(super) calls: Calls,
    /// Kinds of lines that are not known, in the order in which they were first met.
    pub(super) unknown: Vec<(String, Tally)>,
    pub(super) torn: Option<(i64, u64)>,
}

/// Reads a whole transcript into an empty database.
pub fn read(
    path: &Path,
    file: &Arc<File>,
    connection: &Connection,
    cancel: &Cancel,
) -> Result<Begun, StoreError> {
    connection.execute_batch(LINES).map_err(|e| sqlite_error(e, path))?;
    let mut reading = Reading::of(path.to_owned(), Arc::clone(file));
    reading.go_on(connection, cancel)?;
    Ok((reading.contents(), Box::new(reading)))
}

impl Grows for Reading {
    fn read_on(&mut self, connection: &Connection, cancel: &Cancel) -> Result<Option<Contents>, StoreError> {
        let length = self.file.metadata().map_err(|e| self.unreadable(&e))?.len();
        let read = self.offset + self.unfinished.map_or(0, |place| place.length);
        if length == read && !self.is_ahead {
            return Ok(None);
        }
        let path = self.path.clone();
        let fail = |e| sqlite_error(e, &path);
        // Taken before anything is read: where another one writes, nothing has happened yet.
        let transaction =
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(fail)?;
        if std::mem::replace(&mut self.is_ahead, true) {
            *self = Self::of(self.path.clone(), Arc::clone(&self.file));
            self.is_ahead = true;
            connection.execute("DELETE FROM lines", []).map_err(fail)?;
        }
        self.go_on(connection, cancel)?;
        transaction.commit().map_err(fail)?;
        self.is_ahead = false;
        Ok(Some(self.contents()))
    }
}

impl Reading {
    fn of(path: PathBuf, file: Arc<File>) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            path,
            file,
            offset: 0,
            lines: 0,
            is_ahead: false,
            unended: false,
            unfinished: None,
            newest_so_far: None,
            session: Session::of(stem),
            seen: Seen::default(),
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unreadable { reason: error.to_string(), path: self.path.clone() }
    }

    /// Reads from where the last reading ended to the end of the file.
    fn go_on(&mut self, connection: &Connection, cancel: &Cancel) -> Result<(), StoreError> {
        let path = self.path.clone();
        let fail = |e| sqlite_error(e, &path);
        if self.unfinished.take().is_some() {
            let again = [self.lines + 1];
            connection.execute("DELETE FROM lines WHERE number = ?", again).map_err(fail)?;
            self.session.rows -= 1;
        }
        self.seen.torn = None;
        let mut insert =
            connection.prepare("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)").map_err(fail)?;
        let file = Arc::clone(&self.file);
        let mut walk = Walk::from(&file, self.offset);
        loop {
            if cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let (mut place, mut bytes) = match walk.next() {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) => return Err(self.unreadable(&error)),
            };
            if place.at == 0
                && let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf")
            {
                bytes = rest;
                place = Place { at: 3, length: place.length - 3, ..place };
            }
            if let Some(row) = self.line(place, bytes) {
                let Row { number, id, role, kind, time, sorted } = row;
                let (at, length) = (place.at.cast_signed(), place.length.cast_signed());
                insert.execute(params![number, at, length, id, role, kind, time, sorted]).map_err(fail)?;
                self.session.rows += 1;
            }
            if self.unfinished.is_none() {
                // The line feed that was missing makes no line of its own.
                self.lines += i64::from(!(self.unended && place.length == 0));
                self.unended = !place.ended;
                self.offset = walk.offset;
            }
        }
        session::write(self, connection).map_err(fail)
    }

    /// Takes note of a line; none where it is blank.
    fn line(&mut self, place: Place, bytes: &[u8]) -> Option<Row> {
        let number = self.lines + 1;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let text = line::text(bytes);
        let here = (number, place.at);
        let unnamed = unnamed(number);
        let Some(line) = Line::read(&text) else {
            let kind = self.broken(here, place, bytes, &unnamed).to_owned();
            return Some(Row {
                number,
                id: unnamed,
                role: None,
                kind,
                time: None,
                sorted: self.newest_so_far,
            });
        };
        let id = line.string("uuid").filter(|id| !id.is_empty()).map_or(unnamed, |id| id.into_owned());
        if std::str::from_utf8(bytes).is_err() {
            count(&mut self.seen.marked, here, &id);
        }
        let said = line.said();
        let kind = line.kind(&said);
        let time = line.time();
        self.newest_so_far = time.or(self.newest_so_far);
        self.seen.note(here, &id, &line, &said, &kind);
        self.session.note(&line, &said, &kind, time);
        let role = line.role().map(|r| r.into_owned());
        Some(Row { number, id, role, kind, time, sorted: self.newest_so_far })
    }

    /// Takes note of a line that is no JSON object; of the last one, that it may be one when it is finished.
    fn broken(&mut self, here: (i64, u64), place: Place, bytes: &[u8], id: &str) -> &'static str {
        if !place.ended {
            self.unfinished = Some(place);
            self.seen.torn = Some(here);
            return UNFINISHED;
        }
        count(&mut self.seen.broken, here, id);
        if bytes.contains(&0) {
            count(&mut self.seen.nul, here, id);
        }
        BROKEN
    }

    fn contents(&self) -> Contents {
        let lines = || Part::by_rowid("main.lines AS t", "t.number");
        let session = "(SELECT s.id FROM main.sessions AS s)";
        let messages = lines()
            .set("id", "t.id")
            .set("session_id", session)
            .set("role", "t.role")
            .set("kind", "t.kind")
            .set("text", "line_text(t.at, t.length)")
            .set("created_at", "t.created_at")
            .set("detail", "line_detail(t.at, t.length, t.number)")
            .body("coalesce(t.role, '')", "line_content(t.at, t.length)", "line_parts(t.at, t.length)")
            // Every line says where and in which version it was written: that is looked for in the session.
            .search_in(&[("id", "t.id"), ("text", "line_said(t.at, t.length)")])
            .order("t.sorted_at");
        Contents {
            keeps: vec![Table::Sessions, Table::Messages],
            parts: vec![(Table::Sessions, part(&Table::Sessions, &[])), (Table::Messages, messages)],
            findings: super::findings::of(&self.seen),
            name: self.session.title(),
            facts: self.session.facts(self.lines, &self.seen),
            damaged: self.seen.broken.count() > 0,
            ..Contents::default()
        }
    }
}

impl Seen {
    /// Looks at how a line fits to the others.
    fn note(&mut self, here: (i64, u64), id: &str, line: &Line<'_>, said: &Said<'_>, kind: &str) {
        if let Some(uuid) = line.string("uuid") {
            let uuid = print(&uuid);
            self.parents.remove(&uuid);
            if !self.uuids.insert(uuid) {
                count(&mut self.duplicates, here, id);
            }
        }
        if let Some(parent) = line.string("parentUuid").map(|p| print(&p))
            && !self.uuids.contains(&parent)
        {
            self.parents.entry(parent).or_insert(here.0);
        }
        if kind == "error" {
            count(&mut self.errors, here, id);
        }
        if !line.is_known() {
            let kind = line.string("type").unwrap_or_default();
            if !self.unknown.iter().any(|(known, _)| *known == kind) && self.unknown.len() < MOST_KINDS {
                self.unknown.push((kind.clone().into_owned(), Tally::default()));
            }
            if let Some((_, lines)) = self.unknown.iter_mut().find(|(known, _)| *known == kind) {
                count(lines, here, id);
            }
        }
        self.calls.note(here.0, said);
    }
}

/// What is kept of a line.
struct Row {
    number: i64,
    id: String,
    role: Option<String>,
    kind: String,
    time: Option<i64>,
    /// Its own time, or that of the line before it.
    sorted: Option<i64>,
}
