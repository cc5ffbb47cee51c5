//! Stores that are one document: read whole into an in-memory database of the canonical shape.

use std::path::Path;

use rusqlite::{Connection, params_from_iter};

use super::sqlite::{Expr, Mapping, Part};
use crate::core::{ColumnKind, Finding, StoreError, Table, Value, table_columns};

/// A JSON, JSONL or configuration file with what is known of it before it is parsed.
pub struct Document<'a> {
    pub path: &'a Path,
    /// The file's name without its last extension.
    pub stem: &'a str,
    pub bytes: &'a [u8],
    pub now_ms: i64,
}

/// A kind of document: the one thing that a new one adds.
pub struct DocumentAdapter {
    pub id: &'static str,
    /// Reads the document; none where its content is not of this kind.
    pub read: fn(&Document<'_>) -> Option<Result<Contents, StoreError>>,
}

/// What a document holds, as rows of the canonical tables.
#[derive(Debug, Default)]
pub struct Contents {
    /// Rows, with a value for every column of the table; a message has two more: content and parts.
    pub rows: Vec<(Table, Vec<Value>)>,
    /// The canonical tables that this format has.
    pub keeps: Vec<Table>,
    pub findings: Vec<Finding>,
    pub name: Option<String>,
    pub facts: Vec<(String, String)>,
    /// Part of the file is broken; `rows` is what could be read.
    pub damaged: bool,
}

impl Contents {
    /// Adds a row given as names and values; columns that are not named are null.
    ///
    /// A message may also name `content` and `parts`: what [`super::blocks`] reads.
    pub fn add(&mut self, table: Table, values: Vec<(&str, Value)>) {
        let mut row: Vec<Value> = columns(&table).iter().map(|_| Value::Null).collect();
        for (name, value) in values {
            if let Some(at) = columns(&table).iter().position(|c| *c == name) {
                row[at] = value;
            }
        }
        self.rows.push((table, row));
    }
}

fn columns(table: &Table) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = table_columns(table)
        .iter()
        .map(|c| match &c.name {
            std::borrow::Cow::Borrowed(name) => *name,
            std::borrow::Cow::Owned(_) => "",
        })
        .collect();
    if *table == Table::Messages {
        names.extend(["content", "parts"]);
    }
    names
}

/// Fills an empty database with the rows of a document.
pub fn fill(connection: &Connection, contents: &Contents) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for table in Table::CANONICAL {
        let columns = columns(&table).iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
        transaction.execute_batch(&format!("CREATE TABLE {} ({columns})", table.name()))?;
    }
    for (table, values) in &contents.rows {
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!("INSERT INTO {} VALUES ({places})", table.name());
        transaction.prepare_cached(&sql)?.execute(params_from_iter(values.iter().map(sql_value)))?;
    }
    transaction.commit()
}

fn sql_value(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    match value {
        Value::Null => Sql::Null,
        Value::Integer(n) => Sql::Integer(*n),
        Value::Real(n) => Sql::Real(*n),
        Value::Text(text) => Sql::Text(text.clone()),
        Value::BadText(bytes) | Value::Blob(bytes) => Sql::Blob(bytes.clone()),
    }
}

/// The mapping of a database that [`fill`] made.
pub fn mapping(contents: &Contents) -> Mapping {
    let mut mapping = Mapping {
        findings: contents.findings.clone(),
        name: contents.name.clone(),
        facts: contents.facts.clone(),
        ..Mapping::default()
    };
    for table in &contents.keeps {
        let mut part = Part::by_rowid(format!("main.{} AS t", table.name()), "t.rowid");
        for column in table_columns(table) {
            let mut expr = Expr::from(format!("t.\"{}\"", column.name));
            if column.kind == ColumnKind::Time {
                expr = expr.sorted_by(format!("t.\"{}\"", column.name));
            }
            part = part.set(&column.name, expr);
        }
        if *table == Table::Messages {
            part = part.body("t.role", "t.content", "t.parts").order("t.created_at");
        }
        mapping.add(table.clone(), part);
    }
    mapping
}
