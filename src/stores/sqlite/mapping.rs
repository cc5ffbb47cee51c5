//! How a store's own tables make up the canonical ones: SQL fragments as data.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::TableInfo;
use crate::core::vitals::Pace;
use crate::core::{Finding, Table};

/// An SQL expression for a column.
#[derive(Debug, Clone, Default)]
pub struct Expr {
    pub sql: String,
    /// A cheaper expression of the same order, such as the raw column, which an index may serve.
    pub sort: Option<String>,
    /// A condition under which the value is a secret and is masked.
    pub secret: Option<String>,
    /// Of an object that is put together of columns: their names and expressions, whose texts a search looks through instead.
    pub made_of: Vec<(String, String)>,
    /// Of a time: the value as it is stored, whose unit may be looked at.
    pub stored: Option<String>,
}

impl Expr {
    pub fn sorted_by(mut self, sql: impl Into<String>) -> Self {
        self.sort = Some(sql.into());
        self
    }

    pub fn secret_if(mut self, condition: impl Into<String>) -> Self {
        self.secret = Some(condition.into());
        self
    }
}

impl<T: Into<String>> From<T> for Expr {
    fn from(sql: T) -> Self {
        Self { sql: sql.into(), ..Self::default() }
    }
}

/// One SELECT that yields rows of a canonical table; several may make up the table.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// What follows FROM.
    pub from: String,
    /// What follows WHERE, where only some of its rows belong.
    pub filter: Option<String>,
    /// Expressions for the key: one rowid, or the columns of a primary key.
    pub key: Vec<String>,
    pub key_is_rowid: bool,
    /// Columns by name; the ones that are left out are null.
    pub columns: Vec<(String, Expr)>,
    /// Expressions for the part's own order; its key where there is none.
    pub order: Vec<String>,
    /// Of messages: expressions for role, content and further parts, as `stores::blocks` reads them.
    pub body: Option<[String; 3]>,
    /// Names and expressions that a search looks through instead of the columns; of those where it is empty.
    pub searched: Vec<(String, String)>,
    /// What a search looks through besides.
    pub searched_too: Vec<(String, String)>,
}

impl Part {
    /// A part that reads a table of the store under an alias, found by rowid where the table has one.
    pub fn over(table: &TableInfo, alias: &str) -> Self {
        let from = format!("main.{} AS {alias}", quote(&table.name));
        if let Some(rowid) = table.rowid_name() {
            return Self::by_rowid(from, format!("{alias}.{rowid}"));
        }
        let keys = if table.primary_key.is_empty() { &table.columns } else { &table.primary_key };
        let key = keys.iter().map(|k| format!("{alias}.{}", quote(k))).collect();
        Self { from, key, ..Self::default() }
    }

    /// A part whose rows are found by rowid.
    pub fn by_rowid(from: impl Into<String>, rowid: impl Into<String>) -> Self {
        Self { from: from.into(), key: vec![rowid.into()], key_is_rowid: true, ..Self::default() }
    }

    /// A part whose rows are found by the values of key columns.
    pub fn by_key(from: impl Into<String>, key: &[&str]) -> Self {
        let key = key.iter().map(|k| (*k).to_owned()).collect();
        Self { from: from.into(), key, ..Self::default() }
    }

    pub fn set(mut self, column: &str, expr: impl Into<Expr>) -> Self {
        self.columns.push((column.to_owned(), expr.into()));
        self
    }

    pub fn filter(mut self, sql: impl Into<String>) -> Self {
        self.filter = Some(sql.into());
        self
    }

    /// Orders by this, and where it is equal, by the key.
    pub fn order(mut self, sql: impl Into<String>) -> Self {
        self.order = vec![sql.into()];
        self.order.extend(self.key.iter().cloned());
        self
    }

    pub fn body(mut self, role: &str, content: &str, parts: &str) -> Self {
        self.body = Some([role.into(), content.into(), parts.into()]);
        self
    }

    /// Has a search look through these instead of the columns.
    pub fn search_in(mut self, texts: &[(&str, &str)]) -> Self {
        self.searched = texts.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
        self
    }

    /// Has a search look through this too: a role that is a name, say, which of a message it leaves out.
    pub fn search_too(mut self, name: &str, sql: impl Into<String>) -> Self {
        self.searched_too.push((name.to_owned(), sql.into()));
        self
    }

    /// The expression of a column; null where the part has none.
    pub fn column(&self, name: &str) -> Expr {
        self.columns.iter().find(|(n, _)| n == name).map_or_else(|| Expr::from("NULL"), |(_, e)| e.clone())
    }
}

/// A column of a native table that holds secrets.
#[derive(Debug, Clone)]
pub struct Secret {
    pub table: &'static str,
    pub column: &'static str,
    /// The rows whose value is secret, as an SQL condition on the table's columns.
    pub condition: &'static str,
}

/// How one store's tables make up the canonical ones.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    pub parts: Vec<(Table, Part)>,
    /// The canonical tables that the store's format has, rows or not.
    pub keeps: Vec<Table>,
    pub findings: Vec<Finding>,
    pub secrets: Vec<Secret>,
    /// Sessions name transcripts, which are looked for where that is wanted.
    pub names_transcripts: bool,
    /// A name for people.
    pub name: Option<String>,
    /// Facts as label and text.
    pub facts: Vec<(String, String)>,
    /// The rule of its heartbeats.
    pub pace: Option<&'static Pace>,
}

impl Mapping {
    pub fn add(&mut self, table: Table, part: Part) {
        if !self.keeps.contains(&table) {
            self.keeps.push(table.clone());
        }
        self.parts.push((table, part));
    }

    /// Says that the format has a table, though this file may lack it.
    pub fn keep(&mut self, table: Table) {
        if !self.keeps.contains(&table) {
            self.keeps.push(table);
        }
    }

    /// Puts another store of the same file behind this one.
    pub fn extend(&mut self, other: Mapping) {
        other.keeps.into_iter().for_each(|t| self.keep(t));
        self.parts.extend(other.parts);
        self.findings.extend(other.findings);
        self.secrets.extend(other.secrets);
        self.names_transcripts |= other.names_transcripts;
        self.facts.extend(other.facts);
        self.name = self.name.take().or(other.name);
        self.pace = self.pace.or(other.pace);
    }

    /// The tables whose rows belong to no session.
    pub fn unscoped(&self) -> Vec<Table> {
        let scoped = |p: &Part| p.column("session_id").sql != "NULL";
        let tables = [Table::Messages, Table::Tasks, Table::Heartbeats, Table::State];
        tables.into_iter().filter(|t| !self.parts_of(t).into_iter().any(scoped)).collect()
    }

    pub fn parts_of(&self, table: &Table) -> Vec<&Part> {
        self.parts.iter().filter(|(t, _)| t == table).map(|(_, p)| p).collect()
    }
}

/// Text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Quotes a name from a schema for SQL.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A time column of any unit as milliseconds; sorts by the raw column where `raw_order` holds.
pub fn time(column: &str, raw_order: bool) -> Expr {
    let expr = Expr { stored: Some(column.to_owned()), ..Expr::from(format!("time_ms({column})")) };
    if raw_order { expr.sorted_by(column) } else { expr }
}

/// A JSON object of these columns, prefixed in SQL with `alias`; nulls are left out.
pub fn detail(alias: &str, columns: &[&str]) -> Expr {
    if columns.is_empty() {
        return Expr::from("'{}'");
    }
    let pairs: Vec<String> =
        columns.iter().map(|c| format!("'{}', {alias}.{}", c.replace('\'', "''"), quote(c))).collect();
    let made_of = columns.iter().map(|c| ((*c).to_owned(), format!("{alias}.{}", quote(c)))).collect();
    Expr { made_of, ..Expr::from(format!("detail({})", pairs.join(", "))) }
}

/// Whether a time column's raw values sort as the times they mean: one type and one unit from the first to the last.
///
/// False too where no index tells the first and the last at once; asking would cost a scan.
pub fn raw_order_is_time(connection: &Connection, table: &TableInfo, column: &str) -> bool {
    if !table.is_indexed(column) {
        return false;
    }
    let (table, column) = (quote(&table.name), quote(column));
    // The unit's class, as `time_ms` tells it; text is one class where it is ISO.
    let class = format!(
        "CASE typeof({column}) WHEN 'text' THEN CASE WHEN {column} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-*' THEN substr({column}, 11, 1) END
           WHEN 'null' THEN NULL WHEN 'blob' THEN NULL
           ELSE CASE WHEN {column} <= 0 THEN NULL WHEN {column} < 1e11 THEN 1 WHEN {column} < 1e14 THEN 2 WHEN {column} < 1e17 THEN 3 ELSE 4 END END"
    );
    let end = |way: &str| -> Option<Value> {
        let sql = format!("SELECT {class} FROM main.{table} ORDER BY {column} {way} LIMIT 1");
        connection.query_row(&sql, [], |r| r.get(0)).ok()
    };
    let (first, last) = (end("ASC"), end("DESC"));
    first.is_some() && first == last && first != Some(Value::Null)
}
