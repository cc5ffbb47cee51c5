//! Reads any mapped database: which rows, in which order, and what is in them.

use std::cell;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{CachedStatement, Connection, params_from_iter};

use super::functions::{lossy, owned};
use super::mapping::{Expr, Mapping, Part, quote};
use super::select::{Select, index_statements, key_is, key_values, shown};
use super::{Cancel, Clock, Schema, TableInfo, sqlite_error};
use crate::core::{
    About, Block, Cell, Column, ColumnKind, Flow, KeyId, Query, ReadStore, Row, RowIndex, RowKey, Selection,
    StoreError, Table, aside_columns, table_columns,
};
use crate::stores::blocks;
use crate::stores::claude_transcript::Link;
use crate::stores::lines::Lines;
use crate::stores::live::Live;
use crate::stores::scratch::Scratch;

/// How many keys an index hands out at a time: few at first, for the first rows to show at once.
const FIRST_KEYS: usize = 1_000;
const MORE_KEYS: usize = 100_000;

/// A database that is open for reading, with its mapping onto the canonical tables.
pub struct SqliteStore {
    pub(in crate::stores) connection: Connection,
    pub(in crate::stores) schema: Schema,
    pub(in crate::stores) mapping: Mapping,
    pub(in crate::stores) about: About,
    /// Of the findings, those that its temporary table of them holds.
    pub(in crate::stores) filled: cell::Cell<Option<i64>>,
    pub(in crate::stores) path: PathBuf,
    pub(in crate::stores) clock: Clock,
    pub(in crate::stores) cancel: Cancel,
    /// Where sessions name transcripts, what reads those.
    pub(in crate::stores) link: Option<Link>,
    /// Of a file of lines, the file: it is read on as it grows.
    pub(in crate::stores) lines: Option<Lines>,
    /// What was last seen of the file; none where it is not followed: a private copy, a plan.
    pub(in crate::stores) live: Option<Live>,
    /// Kept as long as the private copy is read.
    pub(in crate::stores) _copy: Option<Arc<Scratch>>,
}

impl SqliteStore {
    /// Stops what the store is doing, from another thread.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }

    pub(super) fn fail(&self, error: rusqlite::Error) -> StoreError {
        sqlite_error(error, &self.path)
    }

    /// The parts that make up a table, and its columns.
    pub(super) fn resolve(&self, table: &Table) -> Result<(Vec<Part>, Vec<Column>), StoreError> {
        if let Table::Native(name) = table {
            let info = self
                .schema
                .table(name)
                .filter(|t| t.kind.is_readable())
                .ok_or_else(|| StoreError::NoSuchTable { name: name.clone() })?;
            let columns = info
                .columns
                .iter()
                .map(|c| Column { name: c.clone().into(), kind: ColumnKind::Native })
                .collect();
            return Ok((vec![self.native_part(info)], columns));
        }
        if *table == Table::Findings {
            return self.findings_part();
        }
        let parts = self.mapping.parts_of(table).into_iter().cloned().collect();
        Ok((parts, table_columns(table).to_vec()))
    }

    fn native_part(&self, info: &TableInfo) -> Part {
        let mut part = Part::over(info, "t");
        for column in &info.columns {
            let mut expr = Expr::from(format!("t.{}", quote(column)));
            let secret =
                self.mapping.secrets.iter().find(|s| {
                    s.table.eq_ignore_ascii_case(&info.name) && s.column.eq_ignore_ascii_case(column)
                });
            expr.secret = secret.map(|s| s.condition.to_owned());
            part = part.set(column, expr);
        }
        part
    }
}

impl ReadStore for SqliteStore {
    fn about(&self) -> &About {
        &self.about
    }

    fn columns(&self, table: &Table) -> Vec<Column> {
        self.resolve(table).map(|(_, columns)| columns).unwrap_or_default()
    }

    fn count(&self, query: &Query) -> Result<u64, StoreError> {
        if let Some(count) = self.linked_count(query)? {
            return Ok(count);
        }
        let (parts, columns) = self.resolve(&query.table)?;
        let mut total = 0;
        for part in &parts {
            let select = Select::new(query, part, &columns)?;
            let sql = format!("SELECT count(*) FROM {}{}", part.from, select.filter());
            total += self
                .connection
                .prepare(&sql)
                .and_then(|mut s| s.query_row(params_from_iter(&select.values), |r| r.get::<_, i64>(0)))
                .map_err(|e| self.fail(e))?;
        }
        Ok(total.unsigned_abs())
    }

    fn index(
        &self,
        query: &Query,
        limit: Option<u64>,
        sink: &mut dyn FnMut(RowIndex) -> Flow,
    ) -> Result<(), StoreError> {
        if self.linked_index(query, limit, sink)? {
            return Ok(());
        }
        let (parts, columns) = self.resolve(&query.table)?;
        let left = limit.unwrap_or(u64::MAX);
        let mut pieces = Pieces { piece: RowIndex::default(), left, next: FIRST_KEYS, sink };
        let mut damage = None;
        let statements = index_statements(query, &parts, &columns, limit)?;
        for (number, (sql, values)) in statements.iter().enumerate() {
            let mut flow = self.read_keys(sql, values, &mut pieces).map_err(|e| self.fail(e));
            if flow.as_ref().is_err_and(StoreError::is_damage) {
                let whose = if statements.len() == parts.len() { number..number + 1 } else { 0..parts.len() };
                let salvaged = self.salvage(query, (&parts, whose), (sql, values), &mut pieces)?;
                damage = std::mem::replace(&mut flow, Ok(salvaged)).err();
            }
            match flow {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => break,
                Err(error) => {
                    damage = Some(error);
                    break;
                }
            }
        }
        // Of a damaged table too: the keys that were found.
        pieces.finish();
        damage.map_or(Ok(()), Err)
    }

    fn rows(&self, table: &Table, keys: &[RowKey], selection: &Selection) -> Result<Vec<Row>, StoreError> {
        if *table == Table::Messages
            && let Some(rows) = self.linked_rows(keys, selection)
        {
            return rows;
        }
        let (parts, mut columns) = self.resolve(table)?;
        let own = columns.len();
        if selection.aside {
            columns.extend_from_slice(aside_columns(table));
        }
        // One snapshot for the page; ended with it, so that no writer's log is held.
        let read = self.connection.unchecked_transaction().map_err(|e| self.fail(e))?;
        let rows = self.page(&parts, (&columns, own), keys, selection).map_err(|e| self.fail(e));
        drop(read);
        rows
    }

    fn blocks(&self, key: &RowKey) -> Result<Vec<Block>, StoreError> {
        if let Some(blocks) = self.linked_blocks(key) {
            return blocks;
        }
        let (parts, _) = self.resolve(&Table::Messages)?;
        let Some((part, body)) = parts.get(usize::from(key.part)).and_then(|p| Some((p, p.body.as_ref()?)))
        else {
            return Ok(Vec::new());
        };
        let sql = format!("SELECT {} FROM {} WHERE {}", body.join(", "), part.from, key_is(part));
        let mut statement = self.connection.prepare_cached(&sql).map_err(|e| self.fail(e))?;
        let mut found = statement.query(params_from_iter(key_values(key))).map_err(|e| self.fail(e))?;
        let Some(row) = found.next().map_err(|e| self.fail(e))? else { return Ok(Vec::new()) };
        let text = |i| row.get_ref(i).map(lossy).unwrap_or_default();
        Ok(blocks::parse(&text(0), &text(1), &text(2)))
    }
}

impl SqliteStore {
    fn read_keys(&self, sql: &str, values: &[Sql], pieces: &mut Pieces<'_>) -> rusqlite::Result<Flow> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query(params_from_iter(values))?;
        while let Some(row) = found.next()? {
            let id = key_of(row.get_ref(1)?);
            let part = u16::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            if pieces.push(RowKey { part, id }) == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// The rows of a page, with one statement for each part that they come from; columns behind the `own` ones are not cut.
    fn page(
        &self,
        parts: &[Part],
        (columns, own): (&[Column], usize),
        keys: &[RowKey],
        selection: &Selection,
    ) -> rusqlite::Result<Vec<Row>> {
        let all: Vec<usize> = (0..columns.len()).collect();
        let wanted = if selection.columns.is_empty() { &all } else { &selection.columns };
        let mut statements: Vec<Option<CachedStatement<'_>>> = parts.iter().map(|_| None).collect();
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let at = usize::from(key.part);
            let (Some(part), Some(slot)) = (parts.get(at), statements.get_mut(at)) else { continue };
            let statement = match slot {
                Some(statement) => statement,
                None => {
                    slot.insert(self.connection.prepare_cached(&row_sql(part, columns, wanted, selection))?)
                }
            };
            let width = statement.column_count();
            let mut found = statement.query(params_from_iter(key_values(key)))?;
            if let Some(row) = found.next()? {
                let cut = |i| selection.cut.filter(|_| wanted.get(i).is_none_or(|at| *at < own));
                let cell = |i| row.get_ref(i).map(|v| cell(v, cut(i)));
                let cells = (0..width).map(cell).collect::<Result<_, _>>()?;
                rows.push(Row { key: key.clone(), cells });
            }
        }
        Ok(rows)
    }
}

/// The key that a statement yields: a rowid, or what `row_key` wrote.
pub(super) fn key_of(value: ValueRef<'_>) -> KeyId {
    match value {
        ValueRef::Integer(id) => KeyId::Row(id),
        other => KeyId::Values(lossy(other).into()),
    }
}

fn row_sql(part: &Part, columns: &[Column], wanted: &[usize], selection: &Selection) -> String {
    let exprs: Vec<String> = wanted
        .iter()
        .filter_map(|i| columns.get(*i))
        .map(|c| shown(&part.column(&c.name), selection.reveal))
        .collect();
    format!("SELECT {} FROM {} WHERE {}", exprs.join(", "), part.from, key_is(part))
}

/// The keys that a statement yields, handed out in pieces.
pub(super) struct Pieces<'a> {
    piece: RowIndex,
    left: u64,
    next: usize,
    sink: &'a mut dyn FnMut(RowIndex) -> Flow,
}

impl Pieces<'_> {
    pub(super) fn push(&mut self, key: RowKey) -> Flow {
        self.piece.push(key);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Flow::Stop;
        }
        if self.piece.len() < self.next {
            return Flow::Continue;
        }
        self.next = MORE_KEYS;
        (self.sink)(std::mem::take(&mut self.piece))
    }

    fn finish(self) {
        if !self.piece.is_empty() {
            (self.sink)(self.piece);
        }
    }
}

fn cell(value: ValueRef<'_>, cut: Option<usize>) -> Cell {
    let (ValueRef::Text(bytes) | ValueRef::Blob(bytes), Some(most)) = (value, cut) else {
        return owned(value).into();
    };
    if bytes.len() <= most {
        return owned(value).into();
    }
    let mut end = most;
    if matches!(value, ValueRef::Text(_)) {
        // Not in the middle of a character.
        while end > most.saturating_sub(4) && bytes[end] & 0xc0 == 0x80 {
            end -= 1;
        }
    }
    let start = match value {
        ValueRef::Text(_) => ValueRef::Text(&bytes[..end]),
        _ => ValueRef::Blob(&bytes[..end]),
    };
    Cell { value: owned(start), cut_from_bytes: Some(bytes.len() as u64) }
}
