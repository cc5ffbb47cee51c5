//! What a schema is, whatever its statements look like: read through SQLite's own eyes, and compared.

use rusqlite::Connection;

use super::super::sqlite::lossy;
use crate::core::migration::{Difference, DifferenceKind as Kind};

/// The tables of a database, as far as steps make them.
#[derive(Debug, Default)]
pub struct Shape(Vec<Table>);

/// One thing that a step may add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub table: String,
    pub column: Option<String>,
    index: Option<Index>,
}

#[derive(Debug)]
struct Table {
    name: String,
    /// No view and no virtual table.
    is_table: bool,
    columns: Vec<Column>,
    key: Vec<String>,
    indexes: Vec<Index>,
    /// What its UNIQUE constraints and unique indexes are on.
    unique: Vec<String>,
    references: Vec<String>,
    storage: &'static str,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: String,
    /// NOT NULL, the default, and whether it is generated.
    rest: String,
}

/// An index that a statement of its own made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Index {
    name: String,
    definition: String,
}

impl Part {
    pub fn table(table: &str) -> Self {
        Self { table: table.to_owned(), column: None, index: None }
    }

    pub fn column(table: &str, column: &str) -> Self {
        Self { column: Some(column.to_owned()), ..Self::table(table) }
    }

    fn index(table: &str, index: &Index) -> Self {
        Self { index: Some(index.clone()), ..Self::table(table) }
    }

    pub fn is_table(&self) -> bool {
        self.column.is_none() && self.index.is_none()
    }
}

impl Shape {
    /// All tables of a database but SQLite's own.
    pub fn whole(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
        let names: Vec<String> =
            connection.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
        Self::of(connection, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The tables of these names, as far as there are any.
    pub fn of(connection: &Connection, names: &[&str]) -> rusqlite::Result<Self> {
        let mut tables = Vec::new();
        for name in names {
            tables.extend(Table::read(connection, name)?);
        }
        Ok(Self(tables))
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|t| t.name.as_str()).collect()
    }

    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for table in &self.0 {
            parts.push(Part::table(&table.name));
            parts.extend(table.columns.iter().map(|c| Part::column(&table.name, &c.name)));
            parts.extend(table.indexes.iter().map(|i| Part::index(&table.name, i)));
        }
        parts
    }

    pub fn has(&self, part: &Part) -> bool {
        let Some(table) = self.get(&part.table).filter(|t| t.is_table) else { return false };
        match (&part.column, &part.index) {
            (Some(column), _) => table.column(column).is_some(),
            (_, Some(index)) => table.index(index).is_some(),
            (None, None) => true,
        }
    }

    fn get(&self, table: &str) -> Option<&Table> {
        self.0.iter().find(|t| t.name.eq_ignore_ascii_case(table))
    }

    /// How another database's tables differ from these, and in which part.
    pub fn differences(&self, actual: &Shape) -> Vec<(Part, Difference)> {
        let mut all = Vec::new();
        for table in &self.0 {
            let mut differ = |part: Part, kind: Kind| {
                all.push((part, Difference { table: table.name.clone(), kind, recorded: false }));
            };
            match actual.get(&table.name) {
                None => differ(Part::table(&table.name), Kind::MissingTable),
                Some(found) if !found.is_table => differ(Part::table(&table.name), Kind::NoTable),
                Some(found) => table.compare(found, &mut differ),
            }
        }
        all
    }
}

impl Table {
    fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        let mut list = connection.prepare_cached(
            "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
        )?;
        let mut rows = list.query([name])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut table = Table {
            name: lossy(row.get_ref(0)?),
            is_table: lossy(row.get_ref(1)?) == "table",
            columns: Vec::new(),
            key: Vec::new(),
            indexes: Vec::new(),
            unique: Vec::new(),
            references: Vec::new(),
            storage: match (row.get(2)?, row.get(3)?) {
                (false, false) => "rowids",
                (true, false) => "no rowids (WITHOUT ROWID)",
                (false, true) => "strict types (STRICT)",
                (true, true) => "no rowids and strict types (WITHOUT ROWID, STRICT)",
            },
        };
        if table.is_table {
            table.read_columns(connection)?;
            table.read_indexes(connection)?;
            table.read_references(connection)?;
        }
        Ok(Some(table))
    }

    fn read_columns(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid",
        )?;
        let mut rows = select.query([&self.name])?;
        let mut key: Vec<(i64, String)> = Vec::new();
        while let Some(row) = rows.next()? {
            let name = lossy(row.get_ref(0)?);
            let place: i64 = row.get(4)?;
            let mut rest = Vec::new();
            // Without rowids a key is never null, said or not.
            if place == 0 && row.get::<_, bool>(2)? {
                rest.push("NOT NULL".to_owned());
            }
            let default = lossy(row.get_ref(3)?);
            if !default.is_empty() {
                rest.push(format!("DEFAULT {}", plain_default(&default)));
            }
            if row.get::<_, i64>(5)? > 1 {
                rest.push("GENERATED".to_owned());
            }
            if place > 0 {
                key.push((place, name.clone()));
            }
            let kind = lossy(row.get_ref(1)?);
            let kind = kind.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
            self.columns.push(Column { name, kind, rest: rest.join(" ") });
        }
        key.sort();
        self.key = key.into_iter().map(|(_, name)| name).collect();
        Ok(())
    }

    fn read_indexes(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut list = connection.prepare_cached(
            "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1, 'main') ORDER BY name",
        )?;
        let mut columns = connection.prepare_cached(
            "SELECT cid, name, \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno",
        )?;
        let mut rows = list.query([&self.name])?;
        while let Some(row) = rows.next()? {
            let (name, origin) = (lossy(row.get_ref(0)?), lossy(row.get_ref(2)?));
            if origin == "pk" {
                continue;
            }
            let each = columns.query_map([&name], |c| {
                let mut text = match c.get::<_, i64>(0)? {
                    -2 => "an expression".to_owned(),
                    -1 => "rowid".to_owned(),
                    _ => lossy(c.get_ref(1)?),
                };
                let order = lossy(c.get_ref(3)?);
                if !order.is_empty() && !order.eq_ignore_ascii_case("BINARY") {
                    text.push_str(&format!(" COLLATE {order}"));
                }
                if c.get(2)? {
                    text.push_str(" DESC");
                }
                Ok(text)
            })?;
            let mut definition = format!("({})", each.collect::<Result<Vec<_>, _>>()?.join(", "));
            if row.get(3)? {
                definition.push_str(" of some rows");
            }
            if row.get(1)? {
                self.unique.push(definition.clone());
                definition.insert_str(0, "unique ");
            }
            if origin == "c" {
                self.indexes.push(Index { name, definition });
            }
        }
        self.unique.sort();
        Ok(())
    }

    fn read_references(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(
            "SELECT \"from\", \"table\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
        )?;
        let mut rows = select.query([&self.name])?;
        while let Some(row) = rows.next()? {
            let [from, table, to] = [0, 1, 2].map(|i| row.get_ref(i).map(lossy));
            let mut text = format!("{} → {}({})", from?, table?, to?);
            for (when, what) in [("UPDATE", lossy(row.get_ref(3)?)), ("DELETE", lossy(row.get_ref(4)?))] {
                if what != "NO ACTION" {
                    text.push_str(&format!(" ON {when} {what}"));
                }
            }
            self.references.push(text);
        }
        self.references.sort();
        Ok(())
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The index of that name, or one that is on the same under another name.
    fn index(&self, wanted: &Index) -> Option<&Index> {
        let named = self.indexes.iter().find(|i| i.name.eq_ignore_ascii_case(&wanted.name));
        named.or_else(|| self.indexes.iter().find(|i| i.definition.eq_ignore_ascii_case(&wanted.definition)))
    }

    fn compare(&self, found: &Table, differ: &mut dyn FnMut(Part, Kind)) {
        let table = || Part::table(&self.name);
        for column in &self.columns {
            let part = Part::column(&self.name, &column.name);
            let Some(other) = found.column(&column.name) else {
                differ(part, Kind::MissingColumn { column: column.name.clone() });
                continue;
            };
            let (expected, is) = (column.text(), other.text());
            let column_name = column.name.clone();
            if column.kind != other.kind {
                differ(part, Kind::OtherType { column: column_name, expected, found: is });
            } else if column.rest != other.rest {
                differ(part, Kind::OtherColumn { column: column_name, expected, found: is });
            }
        }
        for other in found.columns.iter().filter(|c| self.column(&c.name).is_none()) {
            differ(table(), Kind::ExtraColumn { column: other.name.clone() });
        }
        // A key of a column that is missing anyway needs no words of its own.
        let lacking = self.key.iter().any(|k| found.column(k).is_none());
        if !lacking && !same(&self.key, &found.key) {
            let text = |key: &[String]| key.join(", ");
            differ(table(), Kind::OtherKey { expected: text(&self.key), found: text(&found.key) });
        }
        for index in &self.indexes {
            let part = Part::index(&self.name, index);
            match found.index(index) {
                None => differ(part, Kind::MissingIndex { index: index.name.clone() }),
                Some(other) if !other.definition.eq_ignore_ascii_case(&index.definition) => differ(
                    part,
                    Kind::OtherIndex {
                        index: index.name.clone(),
                        expected: index.definition.clone(),
                        found: other.definition.clone(),
                    },
                ),
                Some(_) => {}
            }
        }
        let mut other = |expected: String, found: String| {
            if !expected.eq_ignore_ascii_case(&found) {
                differ(table(), Kind::OtherTable { expected, found });
            }
        };
        other(self.storage.to_owned(), found.storage.to_owned());
        let references = |t: &Table| match t.references.is_empty() {
            true => "no foreign key".to_owned(),
            false => format!("the foreign key {}", t.references.join(", ")),
        };
        other(references(self), references(found));
        let unique = |t: &Table| match t.unique.is_empty() {
            true => "no unique columns but its key".to_owned(),
            false => format!("the unique columns {}", t.unique.join(", ")),
        };
        other(unique(self), unique(found));
    }
}

impl Column {
    fn text(&self) -> String {
        format!("{} {}", self.kind, self.rest).trim().to_owned()
    }
}

fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A default as it is written, without the brackets, the quotes and the case that mean nothing.
fn plain_default(text: &str) -> String {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        text = inner.trim();
    }
    if let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return format!("'{inner}'");
    }
    if text.starts_with('\'') { text.to_owned() } else { text.to_ascii_uppercase() }
}
