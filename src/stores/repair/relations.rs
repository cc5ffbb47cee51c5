//! Which rows refer to which, by foreign keys, and by a store's own rule where it declares none.

use rusqlite::Connection;

use super::Owned;
use super::db::Db;
use super::rows::Shape;
use crate::core::KeyId;
use crate::core::repair::{Dependant, Edit, Record, RepairError, Stored};
use crate::stores::sqlite::quote;

/// What a table does when a row that it refers to goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDelete {
    Goes,
    Empties,
    /// It refuses.
    Blocks,
}

/// A table whose rows refer to rows of another.
#[derive(Debug, Clone)]
pub struct Relation {
    pub child: String,
    /// The child's columns, and the parent's that they repeat.
    columns: Vec<(String, String)>,
    on_delete: OnDelete,
    why: String,
}

impl Relation {
    pub fn blocks(&self) -> bool {
        self.on_delete == OnDelete::Blocks
    }
}

/// Whether any table has a foreign key.
pub fn any(connection: &Connection) -> rusqlite::Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM pragma_table_list AS l, pragma_foreign_key_list(l.name, 'main') AS f
         WHERE l.schema = 'main' AND l.type = 'table')";
    connection.query_row(sql, [], |r| r.get(0))
}

/// The foreign keys that refer to a table.
pub fn of(connection: &Connection, parent: &str) -> rusqlite::Result<Vec<Relation>> {
    let mut select = connection.prepare(
        "SELECT l.name, f.id, f.\"from\", coalesce(f.\"to\", ''), f.on_delete
         FROM pragma_table_list AS l, pragma_foreign_key_list(l.name, 'main') AS f
         WHERE l.schema = 'main' AND l.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE ORDER BY l.name, f.id, f.seq",
    )?;
    let keys: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk")?
        .query_map([parent], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    let mut found: Vec<(i64, Relation)> = Vec::new();
    let mut rows = select.query([parent])?;
    while let Some(row) = rows.next()? {
        let (child, id, from): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let action: String = row.get(4)?;
        let at = match found.iter().position(|(i, r)| *i == id && r.child == child) {
            Some(at) => at,
            None => {
                let on_delete = match action.as_str() {
                    "CASCADE" => OnDelete::Goes,
                    "SET NULL" => OnDelete::Empties,
                    _ => OnDelete::Blocks,
                };
                let why = match on_delete {
                    OnDelete::Empties => "it refers to a row that goes, and is emptied by its foreign key",
                    _ => "it refers to a row that goes, and goes with it by its foreign key",
                };
                found.push((id, Relation { child, columns: Vec::new(), on_delete, why: why.into() }));
                found.len() - 1
            }
        };
        let relation = &mut found[at].1;
        let to: String = row.get(3)?;
        // A foreign key that names no columns means the primary key.
        let to =
            if to.is_empty() { keys.get(relation.columns.len()).cloned().unwrap_or_default() } else { to };
        relation.columns.push((from, to));
    }
    Ok(found.into_iter().map(|(_, relation)| relation).collect())
}

/// Says that rows of a table belong to the parent's, whatever the foreign key says.
pub fn own(relations: &mut Vec<Relation>, owned: &Owned) {
    let known = relations.iter_mut().find(|r| r.child.eq_ignore_ascii_case(owned.child));
    match known {
        Some(relation) => {
            relation.on_delete = OnDelete::Goes;
            relation.why = owned.why.to_owned();
        }
        None => relations.push(Relation {
            child: owned.child.to_owned(),
            columns: vec![(owned.column.to_owned(), owned.refers_to.to_owned())],
            on_delete: OnDelete::Goes,
            why: owned.why.to_owned(),
        }),
    }
}

/// The rows that refer to a row, each with what becomes of it.
pub fn rows(
    db: &Db<'_>,
    relation: &Relation,
    parent: &Shape,
    child: &Shape,
    row: &Record,
) -> Result<Vec<Dependant>, RepairError> {
    let values: Vec<Stored<'_>> = row.values().collect();
    let place = |shape: &Shape, name: &str| shape.columns.iter().position(|c| c.eq_ignore_ascii_case(name));
    let mut wanted = Vec::new();
    let mut conditions = Vec::new();
    for (from, to) in &relation.columns {
        let value = place(parent, to).and_then(|at| values.get(at)).copied().unwrap_or(Stored::Null);
        if value == Stored::Null {
            // A null refers to nothing.
            return Ok(Vec::new());
        }
        conditions.push(format!("{} = ?", quote(from)));
        wanted.push(value);
    }
    let mut found = Vec::new();
    db.each(child, &format!("WHERE {}", conditions.join(" AND ")), &wanted, &mut |row| {
        let mut edit = db.deletion(child, row)?;
        if relation.on_delete == OnDelete::Empties {
            edit.after = edit.before.as_ref().map(|before| {
                let emptied =
                    |name: &String| relation.columns.iter().any(|(c, _)| c.eq_ignore_ascii_case(name));
                let columns = child.columns.iter().zip(before.values());
                Record::of(columns.map(|(name, value)| if emptied(name) { Stored::Null } else { value }))
            });
        }
        found.push(Dependant { key: name_of(child, &edit), reason: relation.why.clone(), edit });
        Ok(())
    })?;
    Ok(found)
}

/// A row as people know it: its primary key, or its number.
pub fn name_of(shape: &Shape, edit: &Edit) -> String {
    let record = edit.before.as_ref().or(edit.after.as_ref());
    let key = record.and_then(|r| shape.key_in(r)).unwrap_or_else(|| edit.id.clone());
    match key {
        KeyId::Row(id) => id.to_string(),
        KeyId::Values(values) => {
            let parts: Vec<serde_json::Value> = serde_json::from_str(&values).unwrap_or_default();
            let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            parts.iter().map(text).collect::<Vec<_>>().join(" · ")
        }
    }
}
