//! Stores that are one document: read whole into an in-memory database of the canonical shape.

use std::path::Path;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};

use super::examine::Scan;
use super::lines::Lines;
use super::sqlite::{Context, Expr, Mapping, Part};
use crate::core::vitals::Pace;
use crate::core::{ColumnKind, Finding, StoreError, Table, Value, table_columns};

/// A JSON, JSONL or configuration file with what is known of it before it is parsed.
pub struct Document<'a> {
    pub path: &'a Path,
    /// The file's name without its last extension.
    pub stem: &'a str,
    pub bytes: &'a [u8],
    /// The document's own database, for [`Rows`]; none where it is only to be recognised.
    pub database: Option<&'a Connection>,
}

/// A kind of document: the one thing that a new one adds.
pub struct DocumentAdapter {
    pub id: &'static str,
    /// Reads the document; none where its content is not of this kind.
    pub read: fn(&Document<'_>) -> Option<Result<Contents, StoreError>>,
    /// What looks its rows over in the background, besides what every store is looked over for; `r` is a row.
    pub examine: fn(&Context<'_>) -> Vec<Scan>,
}

/// Of a document whose reading tells all there is.
pub fn nothing_more(_: &Context<'_>) -> Vec<Scan> {
    Vec::new()
}

/// What a document holds, as rows of the canonical tables.
#[derive(Debug, Default)]
pub struct Contents {
    /// Rows, with a value for every column of the table; a message has two more: content and parts.
    ///
    /// A document of very many writes them with [`Rows`] instead.
    pub rows: Vec<(Table, Vec<Value>)>,
    /// The canonical tables that this format has.
    pub keeps: Vec<Table>,
    /// How a table is read that is not read as it was written.
    pub parts: Vec<(Table, Part)>,
    pub findings: Vec<Finding>,
    pub name: Option<String>,
    pub facts: Vec<(String, String)>,
    /// The rule of its heartbeats.
    pub pace: Option<&'static Pace>,
    /// Part of the file is broken; `rows` is what could be read.
    pub damaged: bool,
    /// Sessions name transcripts, which are looked for where that is wanted.
    pub names_transcripts: bool,
    /// The file itself, where texts are read from it when they are asked for.
    pub lines: Option<Lines>,
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

/// Rows of one table on their way into the document's database, none of which is kept in memory besides.
pub struct Rows<'a>(Statement<'a>);

impl<'a> Rows<'a> {
    pub fn of(connection: &'a Connection, table: &Table) -> rusqlite::Result<Self> {
        let places = vec!["?"; columns(table).len()].join(", ");
        Ok(Self(connection.prepare(&format!("INSERT INTO {} VALUES ({places})", table.name()))?))
    }

    /// Adds a row: a value for every column, in their order.
    pub fn add(&mut self, values: &[Value]) -> rusqlite::Result<()> {
        self.0.execute(params_from_iter(values.iter().map(Bound))).map(|_| ())
    }
}

/// Makes the empty canonical tables.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    for table in Table::CANONICAL {
        let columns = columns(&table).iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!("CREATE TABLE {} ({columns})", table.name()))?;
    }
    Ok(())
}

/// Moves the rows that a document holds into its database.
pub fn fill(connection: &Connection, contents: &mut Contents) -> rusqlite::Result<()> {
    let mut into: Vec<(Table, Rows<'_>)> = Vec::new();
    for (table, values) in std::mem::take(&mut contents.rows) {
        let at = match into.iter().position(|(t, _)| *t == table) {
            Some(at) => at,
            None => {
                into.push((table.clone(), Rows::of(connection, &table)?));
                into.len() - 1
            }
        };
        into[at].1.add(&values)?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(n) => ValueRef::Integer(*n),
            Value::Real(n) => ValueRef::Real(*n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::BadText(bytes) | Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The mapping of a database that a document was read into.
pub fn mapping(contents: &Contents) -> Mapping {
    let mut mapping = Mapping {
        findings: contents.findings.clone(),
        name: contents.name.clone(),
        facts: contents.facts.clone(),
        names_transcripts: contents.names_transcripts,
        pace: contents.pace,
        ..Mapping::default()
    };
    for table in &contents.keeps {
        let mut own = contents.parts.iter().filter(|(t, _)| t == table).peekable();
        if own.peek().is_none() {
            mapping.add(table.clone(), part(table, &[]));
        }
        own.for_each(|(_, part)| mapping.add(table.clone(), part.clone()));
    }
    mapping
}

/// Reads a table `t` as it was written, except for the columns that are given as SQL.
pub fn part(table: &Table, instead: &[(&str, String)]) -> Part {
    let mut part = Part::by_rowid(format!("main.{} AS t", table.name()), "t.rowid");
    for column in table_columns(table) {
        let written = format!("t.\"{}\"", column.name);
        let mut expr = match instead.iter().find(|(name, _)| *name == column.name) {
            Some((_, sql)) => Expr::from(sql),
            None => Expr::from(&written),
        };
        if column.kind == ColumnKind::Time {
            expr.stored = Some(expr.sql.clone());
            expr = expr.sorted_by(written);
        }
        part = part.set(&column.name, expr);
    }
    if *table == Table::Messages {
        part = part.body("t.role", "t.content", "t.parts").order("t.created_at");
    }
    part
}
