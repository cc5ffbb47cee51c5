//! Reads any mapped database: which rows, in which order, and what is in them.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::functions::{from_exact, lossy, owned};
use super::mapping::{Expr, Mapping, Part, quote};
use super::{Cancel, Schema, TableInfo, sqlite_error};
use crate::core::{
    About, Block, Cell, Column, ColumnKind, Condition, Flow, KeyId, MASK, Query, ReadStore, Row, RowIndex,
    RowKey, Selection, StoreError, Table, table_columns,
};
use crate::stores::blocks;

/// How many keys an index hands out at a time: few at first, for the first rows to show at once.
const FIRST_KEYS: usize = 1_000;
const MORE_KEYS: usize = 100_000;

/// A database that is open for reading, with its mapping onto the canonical tables.
pub struct SqliteStore {
    pub(in crate::stores) connection: Connection,
    pub(in crate::stores) schema: Schema,
    pub(in crate::stores) mapping: Mapping,
    pub(in crate::stores) about: About,
    pub(in crate::stores) path: PathBuf,
    pub(in crate::stores) cancel: Cancel,
    /// Kept as long as the private copy is read.
    pub(in crate::stores) copy: Option<Arc<tempfile::TempDir>>,
}

impl SqliteStore {
    /// Stops what the store is doing, from another thread.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }

    fn fail(&self, error: rusqlite::Error) -> StoreError {
        sqlite_error(error, &self.path)
    }

    /// The parts that make up a table, and its columns.
    fn resolve(&self, table: &Table) -> Result<(Vec<Part>, Vec<Column>), StoreError> {
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
        let (parts, columns) = self.resolve(table)?;
        // One snapshot for the page; ended with it, so that no writer's log is held.
        let read = self.connection.unchecked_transaction().map_err(|e| self.fail(e))?;
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(part) = parts.get(usize::from(key.part)) else { continue };
            if let Some(cells) = self.row(part, key, &columns, selection).map_err(|e| self.fail(e))? {
                rows.push(Row { key: key.clone(), cells });
            }
        }
        drop(read);
        Ok(rows)
    }

    fn blocks(&self, key: &RowKey) -> Result<Vec<Block>, StoreError> {
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
            let id = match row.get_ref(1)? {
                ValueRef::Integer(id) => KeyId::Row(id),
                other => KeyId::Values(lossy(other).into()),
            };
            let part = u16::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            if pieces.push(RowKey { part, id }) == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    fn row(
        &self,
        part: &Part,
        key: &RowKey,
        columns: &[Column],
        selection: &Selection,
    ) -> rusqlite::Result<Option<Vec<Cell>>> {
        let all: Vec<usize> = (0..columns.len()).collect();
        let wanted = if selection.columns.is_empty() { &all } else { &selection.columns };
        let exprs: Vec<String> = wanted
            .iter()
            .filter_map(|i| columns.get(*i))
            .map(|c| shown(&part.column(&c.name), selection.reveal))
            .collect();
        let sql = format!("SELECT {} FROM {} WHERE {}", exprs.join(", "), part.from, key_is(part));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query(params_from_iter(key_values(key)))?;
        let Some(row) = found.next()? else { return Ok(None) };
        (0..exprs.len())
            .map(|i| row.get_ref(i).map(|v| cell(v, selection.cut)))
            .collect::<Result<_, _>>()
            .map(Some)
    }
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

/// The conditions of a query on one part, and the values to bind.
pub(super) struct Select {
    conditions: Vec<String>,
    values: Vec<Sql>,
}

impl Select {
    pub(super) fn new(query: &Query, part: &Part, columns: &[Column]) -> Result<Self, StoreError> {
        let mut select =
            Self { conditions: part.filter.iter().map(|f| format!("({f})")).collect(), values: Vec::new() };
        if let Some(session) = &query.session {
            let column = if query.table == Table::Sessions { "id" } else { "session_id" };
            if columns.iter().any(|c| c.name == column) {
                let id = part.column(column).sql;
                select.add(format!("{id} = ?"), Sql::Text(session.clone()));
            }
        }
        if let Some(text) = &query.search {
            let any: Vec<String> =
                columns.iter().map(|c| format!("contains({}, ?)", comparable(part, c))).collect();
            select.values.extend(columns.iter().map(|_| Sql::Text(text.clone())));
            select.conditions.push(format!("({})", any.join(" OR ")));
        }
        for filter in &query.filters {
            let column =
                columns.iter().find(|c| c.name == filter.column).ok_or_else(|| StoreError::NoSuchColumn {
                    name: filter.column.clone(),
                    table: query.table.name().into_owned(),
                })?;
            select.filter_by(&comparable(part, column), column.kind, &filter.condition);
        }
        Ok(select)
    }

    fn add(&mut self, condition: String, value: Sql) {
        self.conditions.push(condition);
        self.values.push(value);
    }

    fn filter_by(&mut self, expr: &str, kind: ColumnKind, condition: &Condition) {
        let number = |text: &str| match kind {
            ColumnKind::Number | ColumnKind::Flag | ColumnKind::Native => {
                text.parse::<f64>().map_or_else(|_| Sql::Text(text.into()), Sql::Real)
            }
            _ => Sql::Text(text.into()),
        };
        let text = |text: &str| Sql::Text(text.into());
        match condition {
            Condition::Contains(t) => self.add(format!("contains({expr}, ?)"), text(t)),
            Condition::Lacks(t) => self.add(format!("NOT contains(coalesce({expr}, ''), ?)"), text(t)),
            Condition::Is(t) => self.add(format!("CAST({expr} AS TEXT) = ?"), text(t)),
            Condition::IsNot(t) => self.add(format!("CAST({expr} AS TEXT) IS NOT ?"), text(t)),
            Condition::From(t) => self.add(format!("{expr} >= ?"), number(t)),
            // Up to a day means its end: 2026-05-01T23:59 is up to 2026-05-01.
            Condition::UpTo(t) if kind == ColumnKind::Time => {
                self.add(format!("{expr} <= ?"), Sql::Text(format!("{t}\u{7f}")));
            }
            Condition::UpTo(t) => self.add(format!("{expr} <= ?"), number(t)),
            Condition::Empty => self.conditions.push(format!("coalesce({expr}, '') = ''")),
            Condition::NotEmpty => self.conditions.push(format!("coalesce({expr}, '') <> ''")),
        }
    }

    /// The values to bind for [`Select::filter`].
    pub(super) fn values(&self) -> &[Sql] {
        &self.values
    }

    pub(super) fn filter(&self) -> String {
        match self.conditions.len() {
            0 => String::new(),
            _ => format!(" WHERE {}", self.conditions.join(" AND ")),
        }
    }
}

/// The statements whose results, one after the other, are the keys in order: part number and key.
fn index_statements(
    query: &Query,
    parts: &[Part],
    columns: &[Column],
    limit: Option<u64>,
) -> Result<Vec<(String, Vec<Sql>)>, StoreError> {
    let limit = limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
    let key = |part: &Part| match part.key_is_rowid {
        true => part.key[0].clone(),
        false => format!("row_key({})", part.key.join(", ")),
    };
    if let Some(sort) = &query.sort
        && !columns.iter().any(|c| c.name == sort.column)
    {
        return Err(StoreError::NoSuchColumn {
            name: sort.column.clone(),
            table: query.table.name().into_owned(),
        });
    }
    // Rows of several parts are woven together by a sort, or, messages, by time; else one part follows the other.
    let woven = match &query.sort {
        Some(sort) => Some((sort.column.as_str(), sort.descending)),
        None if query.table == Table::Messages => Some(("created_at", false)),
        None => None,
    };
    if let (Some((column, descending)), true) = (woven, parts.len() > 1) {
        let way = if descending { " DESC" } else { "" };
        let (mut selects, mut values) = (Vec::new(), Vec::new());
        for (number, part) in parts.iter().enumerate() {
            let select = Select::new(query, part, columns)?;
            selects.push(format!(
                "SELECT {number}, {}, {} FROM {}{}",
                key(part),
                part.column(column).sql,
                part.from,
                select.filter()
            ));
            values.extend(select.values);
        }
        let sql = format!("{} ORDER BY 3{way}, 1{way}, 2{way}{limit}", selects.join(" UNION ALL "));
        return Ok(vec![(sql, values)]);
    }
    parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let select = Select::new(query, part, columns)?;
            let sql = format!(
                "SELECT {number}, {} FROM {}{} ORDER BY {}{limit}",
                key(part),
                part.from,
                select.filter(),
                order(query, part)
            );
            Ok((sql, select.values))
        })
        .collect()
}

fn order(query: &Query, part: &Part) -> String {
    match &query.sort {
        Some(sort) => {
            let expr = part.column(&sort.column);
            let way = if sort.descending { " DESC" } else { "" };
            let mut keys = vec![expr.sort.unwrap_or(expr.sql)];
            // A number there would mean a column's place; all rows are equal in it.
            keys.retain(|k| k.parse::<i64>().is_err());
            keys.extend(part.key.iter().cloned());
            keys.iter().map(|k| format!("{k}{way}")).collect::<Vec<_>>().join(", ")
        }
        None if part.order.is_empty() => part.key.join(", "),
        None => part.order.join(", "),
    }
}

/// A column as it is compared with what a person types: never a secret's text.
fn comparable(part: &Part, column: &Column) -> String {
    let sql = shown(&part.column(&column.name), false);
    if column.kind == ColumnKind::Time { format!("rfc3339({sql})") } else { sql }
}

fn shown(expr: &Expr, reveal: bool) -> String {
    match &expr.secret {
        Some(secret) if !reveal => {
            format!("CASE WHEN {secret} THEN '{MASK}' ELSE {} END", expr.sql)
        }
        _ => expr.sql.clone(),
    }
}

fn key_is(part: &Part) -> String {
    // IS finds nulls in a key too; TEXT that is not UTF-8 was bound as a blob and is cast.
    let equal = |k: &String| match part.key_is_rowid {
        true => format!("{k} = ?"),
        false => format!("{k} IS ?"),
    };
    part.key.iter().map(equal).collect::<Vec<_>>().join(" AND ")
}

fn key_values(key: &RowKey) -> Vec<Sql> {
    match &key.id {
        KeyId::Row(id) => vec![Sql::Integer(*id)],
        KeyId::Values(values) => serde_json::from_str::<Vec<serde_json::Value>>(values)
            .unwrap_or_default()
            .iter()
            .map(from_exact)
            .collect(),
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
