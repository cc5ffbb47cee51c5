//! What tables and columns a database has.

use rusqlite::Connection;

use crate::core::{NativeKind, NativeTable};

/// The tables, indexes and version of a database.
#[derive(Debug, Default)]
pub struct Schema {
    pub tables: Vec<TableInfo>,
    pub user_version: i64,
    pub journal_mode: String,
    pub page_size: i64,
    /// Names of triggers.
    pub triggers: Vec<String>,
}

/// A table with its columns.
#[derive(Debug)]
pub struct TableInfo {
    pub name: String,
    pub kind: NativeKind,
    pub sql: String,
    pub without_rowid: bool,
    /// Names, in order, generated columns included.
    pub columns: Vec<String>,
    /// The declared types, as many as `columns`.
    pub types: Vec<String>,
    /// The primary key's columns in its order; empty where there is none.
    pub primary_key: Vec<String>,
    /// The first column of every index and of the primary key.
    pub index_leads: Vec<String>,
}

impl TableInfo {
    /// Whether it has a column of that name, as SQLite compares names.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c.eq_ignore_ascii_case(column))
    }

    pub fn has_all(&self, columns: &[&str]) -> bool {
        columns.iter().all(|c| self.has(c))
    }

    /// A name for the rowid that no column of the table hides; none where every one is taken.
    pub fn rowid_name(&self) -> Option<&'static str> {
        if self.without_rowid {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| !self.has(name))
    }

    /// Whether an index begins with that column, so that its first and last value are found at once.
    pub fn is_indexed(&self, column: &str) -> bool {
        self.index_leads.iter().any(|c| c.eq_ignore_ascii_case(column))
    }
}

impl Schema {
    /// Reads the schema. Fails where the schema itself is damaged.
    pub fn read(connection: &Connection) -> rusqlite::Result<Schema> {
        let mut schema = Schema {
            user_version: connection.pragma_query_value(None, "user_version", |r| r.get(0))?,
            page_size: connection.pragma_query_value(None, "page_size", |r| r.get(0))?,
            journal_mode: connection.pragma_query_value(None, "journal_mode", |r| r.get(0))?,
            ..Schema::default()
        };
        let mut triggers =
            connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY 1")?;
        schema.triggers = triggers.query_map([], |r| r.get_ref(0).map(text))?.collect::<Result<_, _>>()?;
        let modules = modules(connection)?;
        let mut list = connection.prepare(
            "SELECT l.name, l.type, l.wr, coalesce(s.sql, '') FROM pragma_table_list AS l
             LEFT JOIN main.sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view')
             WHERE l.schema = 'main' AND l.name <> 'sqlite_schema' ORDER BY l.name",
        )?;
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            let name = text(row.get_ref(0)?);
            let sql = text(row.get_ref(3)?);
            let kind = match row.get::<_, String>(1)?.as_str() {
                "view" => NativeKind::View,
                "shadow" => NativeKind::Shadow,
                "virtual" => {
                    let module = virtual_module(&sql);
                    let readable = modules.iter().any(|m| m.eq_ignore_ascii_case(&module));
                    NativeKind::Virtual { module, readable }
                }
                _ => NativeKind::Table,
            };
            schema.tables.push(table(connection, name, kind, sql, row.get::<_, i64>(2)? == 1)?);
        }
        Ok(schema)
    }

    /// The table of that name, as SQLite compares names.
    pub fn table(&self, name: &str) -> Option<&TableInfo> {
        self.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is a real table of that name with these columns.
    pub fn has(&self, table: &str, columns: &[&str]) -> bool {
        self.table(table).is_some_and(|t| t.kind == NativeKind::Table && t.has_all(columns))
    }

    /// The tables as they are listed for people.
    pub fn native(&self) -> Vec<NativeTable> {
        self.tables
            .iter()
            .map(|t| NativeTable { name: t.name.clone(), kind: t.kind.clone(), sql: t.sql.clone() })
            .collect()
    }
}

fn table(
    connection: &Connection,
    name: String,
    kind: NativeKind,
    sql: String,
    without_rowid: bool,
) -> rusqlite::Result<TableInfo> {
    let mut info = TableInfo {
        name,
        kind,
        sql,
        without_rowid,
        columns: Vec::new(),
        types: Vec::new(),
        primary_key: Vec::new(),
        index_leads: Vec::new(),
    };
    if !info.kind.is_readable() {
        return Ok(info);
    }
    let mut columns = connection.prepare_cached(
        "SELECT name, type, pk FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut keys: Vec<(i64, String)> = Vec::new();
    let mut rows = columns.query([&info.name])?;
    while let Some(row) = rows.next()? {
        let name = text(row.get_ref(0)?);
        let place: i64 = row.get(2)?;
        if place > 0 {
            keys.push((place, name.clone()));
        }
        info.columns.push(name);
        info.types.push(text(row.get_ref(1)?));
    }
    keys.sort();
    info.primary_key = keys.into_iter().map(|(_, name)| name).collect();
    let mut leads = connection.prepare_cached(
        "SELECT c.name FROM pragma_index_list(?1, 'main') AS i, pragma_index_info(i.name, 'main') AS c
         WHERE c.seqno = 0 AND i.partial = 0 AND c.name IS NOT NULL",
    )?;
    info.index_leads =
        leads.query_map([&info.name], |r| r.get_ref(0).map(text))?.collect::<Result<_, _>>()?;
    info.index_leads.extend(info.primary_key.first().cloned());
    Ok(info)
}

fn modules(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("SELECT name FROM pragma_module_list")?.query_map([], |r| r.get(0))?.collect()
}

/// The module named in a `CREATE VIRTUAL TABLE … USING module(…)`.
fn virtual_module(sql: &str) -> String {
    let upper = sql.to_ascii_uppercase();
    let rest = upper.find(" USING ").map_or("", |at| &sql[at + 7..]);
    rest.trim_start()
        .trim_start_matches(['"', '`', '['])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// A name as text, whatever bytes it has.
fn text(value: rusqlite::types::ValueRef<'_>) -> String {
    value.as_bytes().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default()
}
