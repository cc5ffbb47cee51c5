//! The canonical tables, their columns, and the rows that fill them.

use std::borrow::Cow;
use std::fmt;

/// What is shown in place of a secret until the user reveals it.
pub const MASK: &str = "••••••••";

/// A table that a store can be asked for: one of the canonical ones, or one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Table {
    Sessions,
    Messages,
    Tasks,
    Heartbeats,
    State,
    Migrations,
    Findings,
    /// The lines of a plan, while it is previewed.
    Plan,
    /// A table of the store itself, by its name.
    Native(String),
}

impl Table {
    /// The six tables that every store is mapped to.
    pub const CANONICAL: [Table; 6] =
        [Table::Sessions, Table::Messages, Table::Tasks, Table::Heartbeats, Table::State, Table::Migrations];

    /// The name that the headless commands use (`native:NAME` for a store's own table).
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Table::Sessions => "sessions".into(),
            Table::Messages => "messages".into(),
            Table::Tasks => "tasks".into(),
            Table::Heartbeats => "heartbeats".into(),
            Table::State => "state".into(),
            Table::Migrations => "migrations".into(),
            Table::Findings => "findings".into(),
            Table::Plan => "plan".into(),
            Table::Native(name) => format!("native:{name}").into(),
        }
    }

    /// Reads a name as [`Table::name`] writes it.
    pub fn parse(name: &str) -> Option<Table> {
        if let Some(native) = name.strip_prefix("native:") {
            return Some(Table::Native(native.to_owned()));
        }
        let mut known = Table::CANONICAL.to_vec();
        known.push(Table::Findings);
        known.into_iter().find(|t| t.name() == name)
    }
}

/// What a column holds, and so how it is shown and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    /// Milliseconds since 1970, as [`Value::Integer`]; shown as RFC 3339.
    Time,
    Number,
    /// True or false, as [`Value::Integer`] 1 or 0.
    Flag,
    /// JSON as text.
    Json,
    /// Whatever the store's own table holds.
    Native,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: Cow<'static, str>,
    pub kind: ColumnKind,
}

impl Column {
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self { name: Cow::Borrowed(name), kind }
    }
}

macro_rules! columns {
    ($($name:literal: $kind:ident),* $(,)?) => {
        &[$(Column::new($name, ColumnKind::$kind)),*]
    };
}

/// The columns of a canonical table, in the order in which they are printed; empty for a native one.
pub fn table_columns(table: &Table) -> &'static [Column] {
    const SESSIONS: &[Column] = columns![
        "id": Text, "title": Text, "status": Text, "forge": Text, "agent": Text, "repo": Text, "issue": Text,
        "created_at": Time, "last_active_at": Time, "messages": Number, "tasks": Number,
        "working_directory": Text, "detail": Json,
    ];
    const MESSAGES: &[Column] = columns![
        "id": Text, "session_id": Text, "role": Text, "kind": Text, "text": Text, "created_at": Time, "detail": Json,
    ];
    const TASKS: &[Column] = columns![
        "id": Text, "session_id": Text, "title": Text, "status": Text, "mode": Text, "priority": Text,
        "assigned_to": Text, "created_at": Time, "updated_at": Time, "completed_at": Time, "detail": Json,
    ];
    const HEARTBEATS: &[Column] = columns![
        "session_id": Text, "status": Text, "last_heartbeat_at": Time, "age_seconds": Number, "missed": Number,
        "grace_expires_at": Time, "disconnected_at": Time, "recovery_attempts": Number, "liveness": Text,
        "recoverable": Flag, "reason": Text,
    ];
    const STATE: &[Column] = columns![
        "session_id": Text, "owner": Text, "key": Text, "value": Json, "updated_at": Time, "expires_at": Time,
    ];
    const MIGRATIONS: &[Column] = columns![
        "ordinal": Number, "version": Text, "name": Text, "status": Text, "applied_at": Time, "source": Text,
        "detail": Json,
    ];
    const FINDINGS: &[Column] = columns![
        "severity": Text, "code": Text, "table": Text, "key": Text, "message": Text, "suggestion": Text,
    ];
    const PLAN: &[Column] = columns![
        "action": Text, "key": Text, "at": Time, "reason": Text, "table": Text, "class": Text,
    ];
    match table {
        Table::Plan => PLAN,
        Table::Sessions => SESSIONS,
        Table::Messages => MESSAGES,
        Table::Tasks => TASKS,
        Table::Heartbeats => HEARTBEATS,
        Table::State => STATE,
        Table::Migrations => MIGRATIONS,
        Table::Findings => FINDINGS,
        Table::Native(_) => &[],
    }
}

/// What the window shows of a table's rows besides its columns; no output has them.
///
/// Of a heartbeat: when the session began, and its `vitals::Recovery` as JSON.
pub fn aside_columns(table: &Table) -> &'static [Column] {
    const HEARTBEATS: &[Column] = columns!["since": Time, "recovery": Json];
    match table {
        Table::Heartbeats => HEARTBEATS,
        _ => &[],
    }
}

/// A value as a store holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// TEXT whose bytes are not UTF-8.
    BadText(Vec<u8>),
    Blob(Vec<u8>),
}

impl Value {
    /// The text of a text value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Integer(n)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One value of a row, perhaps cut to what is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub value: Value,
    /// The whole value's size in bytes, where `value` is only its beginning.
    pub cut_from_bytes: Option<u64>,
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, cut_from_bytes: None }
    }
}

/// The identity of a row: the part of the table it comes from, and its key there.
///
/// A table is often made of several of the store's own tables; `part` says which of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    pub part: u16,
    pub id: KeyId,
}

/// A rowid, or the primary key of a table without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyId {
    Row(i64),
    /// The key's values, written as a JSON array.
    Values(Box<str>),
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            KeyId::Row(id) => write!(f, "{}:{id}", self.part),
            KeyId::Values(values) => write!(f, "{}:{values}", self.part),
        }
    }
}

/// A row: its identity, and a cell for every column that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub key: RowKey,
    pub cells: Vec<Cell>,
}

/// Identity and order of every matching row, and no row data.
///
/// Costs 8 bytes a row for a table that is one rowid table of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum RowIndex {
    Rowids(Vec<i64>),
    Keys(Vec<RowKey>),
}

impl Default for RowIndex {
    fn default() -> Self {
        RowIndex::Rowids(Vec::new())
    }
}

impl RowIndex {
    pub fn len(&self) -> usize {
        match self {
            RowIndex::Rowids(ids) => ids.len(),
            RowIndex::Keys(keys) => keys.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, at: usize) -> Option<RowKey> {
        match self {
            RowIndex::Rowids(ids) => ids.get(at).map(|id| RowKey { part: 0, id: KeyId::Row(*id) }),
            RowIndex::Keys(keys) => keys.get(at).cloned(),
        }
    }

    /// The place of a row; looks through all of them.
    pub fn position(&self, key: &RowKey) -> Option<usize> {
        match (self, key) {
            (RowIndex::Rowids(ids), RowKey { part: 0, id: KeyId::Row(id) }) => {
                ids.iter().position(|i| i == id)
            }
            (RowIndex::Rowids(_), _) => None,
            (RowIndex::Keys(keys), _) => keys.iter().position(|k| k == key),
        }
    }

    pub fn push(&mut self, key: RowKey) {
        match (&mut *self, key) {
            (RowIndex::Rowids(ids), RowKey { part: 0, id: KeyId::Row(id) }) => ids.push(id),
            (RowIndex::Keys(keys), key) => keys.push(key),
            (RowIndex::Rowids(ids), key) => {
                let mut keys: Vec<RowKey> = std::mem::take(ids)
                    .into_iter()
                    .map(|id| RowKey { part: 0, id: KeyId::Row(id) })
                    .collect();
                keys.push(key);
                *self = RowIndex::Keys(keys);
            }
        }
    }

    /// Puts another index's rows behind this one's.
    pub fn append(&mut self, other: RowIndex) {
        match (&mut *self, other) {
            (RowIndex::Rowids(ids), RowIndex::Rowids(more)) => ids.extend(more),
            (_, other) => (0..other.len()).filter_map(|i| other.get(i)).for_each(|k| self.push(k)),
        }
    }

    /// How many rows at the beginning, and how many others at the end, are the same as another index's.
    pub fn common_ends(&self, other: &RowIndex) -> (usize, usize) {
        fn ends<T: PartialEq>(a: &[T], b: &[T]) -> (usize, usize) {
            let most = a.len().min(b.len());
            let first = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let last = a.iter().rev().zip(b.iter().rev()).take(most - first).take_while(|(a, b)| a == b);
            (first, last.count())
        }
        match (self, other) {
            (RowIndex::Rowids(a), RowIndex::Rowids(b)) => ends(a, b),
            (RowIndex::Keys(a), RowIndex::Keys(b)) => ends(a, b),
            _ => (0, 0),
        }
    }

    pub fn reverse(&mut self) {
        match self {
            RowIndex::Rowids(ids) => ids.reverse(),
            RowIndex::Keys(keys) => keys.reverse(),
        }
    }
}
