//! Reads a target slice by slice, and keeps what is found.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{CachedStatement, Row, params_from_iter};

use super::super::reader::key_of;
use super::super::select::{key_is, key_values};
use super::super::{SqliteStore, lossy};
use super::Target;
use super::row::{Eye, Places, names_of, said};
use crate::core::search::{Hit, Matcher, Search};
use crate::core::{KeyId, RowKey, StoreError, Table};

/// A statement is ended after this long, so that a writer may clear its log.
const SLICE: Duration = Duration::from_millis(8);
/// So many rows are read between two looks at the clock and at the wish to stop.
const ROWS_BETWEEN: u64 = 64;

/// How many hits may still be kept, of all sources together; the others are counted.
#[derive(Debug)]
pub(in crate::stores) struct Kept(AtomicU64);

impl Kept {
    pub fn at_most(hits: u64) -> Self {
        Self(AtomicU64::new(hits))
    }

    fn one_more(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// What a slice found.
#[derive(Debug, Default)]
pub(in crate::stores) struct Slice {
    pub hits: Vec<Hit>,
    /// Rows that match, those that are not kept included.
    pub matches: u64,
    pub rows: u64,
}

/// How a slice ended.
pub(in crate::stores) enum End {
    Done,
    /// The rowid behind the last one that was read.
    More(i64),
    /// The file is damaged here; what is found up to this rowid was handed out, if anything was looked at.
    Damaged(StoreError, Option<i64>),
}

/// Looks through one target with one connection.
pub(in crate::stores) struct Scan<'a> {
    store: &'a SqliteStore,
    search: &'a Search,
    target: &'a Target,
    kept: &'a Kept,
    columns: Vec<String>,
    places: Places,
    eye: Eye,
}

impl<'a> Scan<'a> {
    pub fn new(store: &'a SqliteStore, search: &'a Search, target: &'a Target, kept: &'a Kept) -> Self {
        let (columns, places) = Places::of(target);
        Self { store, search, target, kept, columns, places, eye: Eye::new(search, target) }
    }

    /// The lowest and the highest rowid; none where there is no row.
    pub fn span(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let (key, from) = (&self.target.part.key[0], &self.target.part.from);
        // Two statements in one: together they would go through all rows.
        let sql = format!("SELECT (SELECT min({key}) FROM {from}), (SELECT max({key}) FROM {from})");
        let ends = |row: &Row<'_>| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?));
        self.store.connection.query_row(&sql, [], ends).map_err(|e| self.store.fail(e))
    }

    /// Reads rows of these rowids for some milliseconds.
    ///
    /// # Errors
    /// Where the file cannot be read; damage is no error, but an end.
    pub fn slice(&mut self, rowids: RangeInclusive<i64>) -> Result<(Slice, End), StoreError> {
        let part = &self.target.part;
        let key = &part.key[0];
        let filter = part.filter.as_ref().map_or(String::new(), |f| format!(" AND ({f})"));
        let sql = format!(
            "SELECT {key}, {} FROM {} WHERE {key} BETWEEN ?1 AND ?2{filter} ORDER BY {key}",
            self.listed(),
            part.from
        );
        let values = [Sql::Integer(*rowids.start()), Sql::Integer(*rowids.end())];
        let mut slice = Slice::default();
        let mut last = None;
        let read = self.read(&sql, &values, &mut slice, true, &mut last);
        let end = match read {
            Ok(true) => End::Done,
            Ok(false) => {
                match last.and_then(|last: i64| last.checked_add(1)).filter(|next| rowids.contains(next)) {
                    Some(next) => End::More(next),
                    None => End::Done,
                }
            }
            Err(error) => match self.store.fail(error) {
                error if error.is_damage() => End::Damaged(error, last.or(rowids.start().checked_sub(1))),
                error => return Err(error),
            },
        };
        self.describe(&mut slice.hits)?;
        Ok((slice, end))
    }

    /// Reads all rows of a target that is not read in slices, in one statement.
    ///
    /// # Errors
    /// Where the file cannot be read, or is damaged.
    pub fn whole(&mut self) -> Result<Slice, StoreError> {
        let part = &self.target.part;
        let filter = part.filter.as_ref().map_or(String::new(), |f| format!(" WHERE ({f})"));
        let key = match part.key_is_rowid {
            true => part.key[0].clone(),
            false => format!("row_key({})", part.key.join(", ")),
        };
        let sql = format!("SELECT {key}, {} FROM {}{filter}", self.listed(), part.from);
        let mut slice = Slice::default();
        self.read(&sql, &[], &mut slice, false, &mut None).map_err(|e| self.store.fail(e))?;
        self.describe(&mut slice.hits)?;
        Ok(slice)
    }

    /// Reads rows by their keys; of a damaged table those that can be read.
    pub fn keys(&mut self, keys: &[RowKey]) -> Result<Slice, StoreError> {
        let part = &self.target.part;
        let key =
            if part.key_is_rowid { part.key[0].clone() } else { format!("row_key({})", part.key.join(", ")) };
        let sql = format!("SELECT {key}, {} FROM {} WHERE {}", self.listed(), part.from, key_is(part));
        let mut slice = Slice::default();
        for key in keys {
            if let Err(error) = self.read(&sql, &key_values(key), &mut slice, false, &mut None) {
                let error = self.store.fail(error);
                if !error.is_damage() {
                    return Err(error);
                }
            }
        }
        self.describe(&mut slice.hits)?;
        Ok(slice)
    }

    fn listed(&self) -> String {
        if self.columns.is_empty() { "NULL".to_owned() } else { self.columns.join(", ") }
    }

    /// Looks at the rows of a statement; says whether it came to its end. In slices it ends when the time is over.
    fn read(
        &mut self,
        sql: &str,
        values: &[Sql],
        slice: &mut Slice,
        in_slices: bool,
        last: &mut Option<i64>,
    ) -> rusqlite::Result<bool> {
        let start = Instant::now();
        let mut statement = self.store.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            slice.rows += 1;
            let found = self.eye.look(self.search, self.target, &self.places, row)?;
            let is_look = slice.rows.is_multiple_of(ROWS_BETWEEN);
            // Rows behind it are read again where the file breaks off: none of them is a hit.
            if in_slices && (found.is_some() || is_look) {
                *last = row.get(0).ok();
            }
            if let Some(found) = found {
                slice.matches += 1;
                if self.kept.one_more() {
                    let snippet = self.eye.snippet(&self.places, row, &found)?;
                    let row = RowKey { part: self.target.number, id: key_of(row.get_ref(0)?) };
                    let table = self.target.table.clone();
                    slice.hits.push(Hit {
                        table,
                        row,
                        snippet,
                        key: String::new(),
                        session_id: None,
                        word: None,
                        at_ms: None,
                    });
                }
            }
            if is_look {
                if self.store.cancel.is_cancelled() {
                    return Err(interrupted());
                }
                if in_slices && start.elapsed() >= SLICE {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Adds to hits whose row it is, which costs too much to read for every row.
    fn describe(&self, hits: &mut [Hit]) -> Result<(), StoreError> {
        if hits.is_empty() {
            return Ok(());
        }
        let part = &self.target.part;
        let mut columns: Vec<String> =
            names_of(&self.target.table).iter().map(|name| part.column(name).sql).collect();
        // What it says, where that was not read with it.
        columns.extend(part.body.iter().filter(|_| !self.target.reads_body()).flat_map(|b| b[1..].to_vec()));
        let sql = format!("SELECT {} FROM {} WHERE {}", columns.join(", "), part.from, key_is(part));
        let mut statement = self.store.connection.prepare_cached(&sql).map_err(|e| self.store.fail(e))?;
        for hit in hits {
            match fill(&mut statement, hit, self.search.matcher.as_ref()).map_err(|e| self.store.fail(e)) {
                // What is known of it is enough to show it.
                Err(error) if !error.is_damage() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn fill(
    statement: &mut CachedStatement<'_>,
    hit: &mut Hit,
    matcher: Option<&Matcher>,
) -> rusqlite::Result<()> {
    hit.key = match &hit.row.id {
        KeyId::Row(id) => id.to_string(),
        KeyId::Values(values) => values.to_string(),
    };
    let mut rows = statement.query(params_from_iter(key_values(&hit.row)))?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let text = |at: usize| -> rusqlite::Result<Option<String>> {
        Ok(Some(lossy(row.get_ref(at)?)).filter(|text| !text.is_empty()))
    };
    if let Some(key) = text(0)? {
        hit.key = key;
    }
    if hit.table == Table::Findings && text(0)?.is_none() {
        // A finding about the whole file has no key: its code says which it is.
        hit.key = text(1)?.unwrap_or_default();
    }
    hit.session_id = text(1)?.filter(|_| hit.table != Table::Findings);
    hit.word = text(2)?;
    hit.at_ms = match row.get_ref(3)? {
        ValueRef::Integer(ms) => Some(ms),
        _ => None,
    };
    if row.as_ref().column_count() > 4
        && let Some(snippet) = said(matcher, "", &lossy(row.get_ref(4)?), &lossy(row.get_ref(5)?))
    {
        hit.snippet = snippet;
    }
    Ok(())
}

fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None)
}
