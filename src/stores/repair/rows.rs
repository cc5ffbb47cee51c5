//! Rows of any table, read and written whole, whatever their types.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};

use super::keys::{Bound, Either, bound, key_of, stored};
use crate::core::KeyId;
use crate::core::repair::{Edit, Performed, Record, Standing, Stored};
use crate::stores::sqlite::quote;

/// The columns of a table that are stored, and what makes up its keys.
#[derive(Debug)]
pub struct Shape {
    pub table: Arc<str>,
    pub columns: Vec<String>,
    pub primary_key: Vec<String>,
    /// The places of the primary key's columns among all.
    key_places: Vec<usize>,
    rowid: Option<&'static str>,
    /// The primary key is the rowid itself.
    pub key_is_rowid: bool,
    by_rowid: Option<Texts>,
    by_key: Option<Texts>,
    /// With every column, and with the row's number too, where that is none of them.
    inserts: (String, Option<String>),
}

/// SQL about one row, made once: a repair can be about a million of them.
#[derive(Debug)]
struct Texts {
    place: String,
    select: String,
    delete: String,
}

/// The shapes of tables, each read once.
#[derive(Debug, Default)]
pub struct Shapes {
    read: RefCell<HashMap<String, Rc<Shape>>>,
    none: bool,
}

impl Shapes {
    /// Those of a database that has no table, and gets none while it is planned for: nothing is asked of it.
    pub fn none() -> Self {
        Self { none: true, ..Self::default() }
    }

    /// The shape of a table; none where there is no real table of that name.
    pub fn get(&self, connection: &Connection, table: &str) -> rusqlite::Result<Option<Rc<Shape>>> {
        if self.none {
            return Ok(None);
        }
        if let Some(known) = self.read.borrow().get(table) {
            return Ok(Some(known.clone()));
        }
        // One that is not there may be made by a step of the same plan: that is not kept.
        let shape = Shape::read(connection, table)?.map(Rc::new);
        if let Some(shape) = &shape {
            self.read.borrow_mut().insert(table.to_owned(), shape.clone());
        }
        Ok(shape)
    }
}

impl Shape {
    fn read(connection: &Connection, table: &str) -> rusqlite::Result<Option<Self>> {
        let without_rowid: Option<bool> = connection
            .query_row(
                "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?1",
                [table],
                |r| r.get(0),
            )
            .optional()?;
        let Some(without_rowid) = without_rowid else { return Ok(None) };
        let mut statement = connection.prepare(
            "SELECT name, pk, type FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0 ORDER BY cid",
        )?;
        let found: Vec<(String, usize, String)> = statement
            .query_map([table], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs() as usize, r.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut keys: Vec<(usize, usize)> =
            found.iter().enumerate().filter(|(_, c)| c.1 > 0).map(|(at, c)| (c.1, at)).collect();
        keys.sort_unstable();
        let key_places: Vec<usize> = keys.into_iter().map(|(_, at)| at).collect();
        let columns: Vec<String> = found.iter().map(|c| c.0.clone()).collect();
        let free = |name: &&str| !columns.iter().any(|c| c.eq_ignore_ascii_case(name));
        let rowid = if without_rowid { None } else { ["rowid", "_rowid_", "oid"].into_iter().find(free) };
        // A key that has an index of its own is not the rowid: INTEGER PRIMARY KEY DESC has one.
        let indexed = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')";
        let key_is_rowid = matches!(key_places[..], [at] if found[at].2.eq_ignore_ascii_case("INTEGER"))
            && !connection.query_row(indexed, [table], |r| r.get::<_, bool>(0))?;
        let primary_key: Vec<String> = key_places.iter().map(|at| columns[*at].clone()).collect();
        let list = columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        let name = quote(table);
        let texts = |place: String| Texts {
            select: format!("SELECT {list} FROM main.{name} WHERE {place}"),
            delete: format!("DELETE FROM main.{name} WHERE {place}"),
            place,
        };
        let key = primary_key.iter().map(|c| format!("{} IS ?", quote(c))).collect::<Vec<_>>().join(" AND ");
        // Whatever the schema says of conflicts, a row that is there is neither replaced nor passed over.
        let insert = |list: &str, count: usize| {
            let places = vec!["?"; count].join(", ");
            format!("INSERT OR ABORT INTO main.{name} ({list}) VALUES ({places})")
        };
        let numbered = rowid.filter(|_| !key_is_rowid);
        Ok(Some(Self {
            by_rowid: rowid.map(|rowid| texts(format!("{rowid} = ?"))),
            by_key: (!primary_key.is_empty()).then(|| texts(key)),
            inserts: (
                insert(&list, columns.len()),
                numbered.map(|rowid| insert(&format!("{list}, {rowid}"), columns.len() + 1)),
            ),
            primary_key,
            table: table.into(),
            key_places,
            rowid,
            key_is_rowid,
            columns,
        }))
    }

    /// Whether rows have numbers that the table itself does not keep.
    pub fn has_free_rowid(&self) -> bool {
        self.rowid.is_some() && !self.key_is_rowid
    }

    /// The name by which a row's number is reached; none where rows have none.
    pub fn rowid(&self) -> Option<&'static str> {
        self.rowid
    }

    /// A number that no row has.
    pub fn next_rowid(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let rowid = self.rowid.unwrap_or("rowid");
        let sql = format!("SELECT coalesce(max({rowid}), 0) + 1 FROM main.{}", quote(&self.table));
        connection.query_row(&sql, [], |r| r.get(0))
    }

    /// The SQL for a key of this table; none where it has no such key.
    fn texts(&self, id: &KeyId) -> Option<&Texts> {
        match id {
            KeyId::Row(_) => self.by_rowid.as_ref(),
            KeyId::Values(_) => self.by_key.as_ref(),
        }
    }

    /// SQL that selects the rowid (null without one) and then every column, of what follows.
    pub fn select_with_rowid(&self, rest: &str) -> String {
        let list = self.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        format!("SELECT {}, {list} FROM main.{} {rest}", self.rowid.unwrap_or("NULL"), quote(&self.table))
    }

    /// The place of a column in what [`Shape::select_with_rowid`] selects.
    pub fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.eq_ignore_ascii_case(column)).map(|at| at + 1)
    }

    /// The key of a row that [`Shape::select_with_rowid`] selected.
    pub fn id(&self, row: &Row<'_>) -> rusqlite::Result<KeyId> {
        match row.get_ref(0)? {
            ValueRef::Integer(id) => Ok(KeyId::Row(id)),
            _ => {
                let values: Vec<Stored<'_>> = self
                    .key_places
                    .iter()
                    .map(|at| row.get_ref(at + 1).map(stored))
                    .collect::<Result<_, _>>()?;
                Ok(key_of(&values))
            }
        }
    }

    /// The values of a row from a column of the statement on.
    pub fn record(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<Record> {
        let mut record = Record::default();
        for at in 0..self.columns.len() {
            record.push(stored(row.get_ref(first + at)?));
        }
        Ok(record)
    }

    /// The primary key of a record; none in a table without one, and none where a part is null, since such keys repeat.
    pub fn key_in(&self, record: &Record) -> Option<KeyId> {
        let values: Vec<Stored<'_>> = record.values().collect();
        let key: Vec<Stored<'_>> =
            self.key_places.iter().map(|at| values.get(*at).copied()).collect::<Option<_>>()?;
        (!key.is_empty() && !key.contains(&Stored::Null)).then(|| key_of(&key))
    }

    /// A record with these columns, in whatever order they are named; the others are null.
    pub fn record_of(&self, values: &[(&str, Stored<'_>)]) -> Record {
        let value = |column: &String| {
            values
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(column))
                .map_or(Stored::Null, |(_, v)| *v)
        };
        Record::of(self.columns.iter().map(value))
    }

    /// The row of a key as it is now.
    pub fn read_row(&self, connection: &Connection, id: &KeyId) -> rusqlite::Result<Option<Record>> {
        let Some(texts) = self.texts(id) else { return Ok(None) };
        let mut statement = connection.prepare_cached(&texts.select)?;
        let mut rows = statement.query(params_from_iter(bound(id)))?;
        rows.next()?.map(|row| self.record(row, 0)).transpose()
    }

    /// Whether the row of a key is exactly that record now.
    fn is(&self, connection: &Connection, id: &KeyId, known: &Record) -> rusqlite::Result<bool> {
        let Some(texts) = self.texts(id) else { return Ok(false) };
        let mut statement = connection.prepare_cached(&texts.select)?;
        let mut rows = statement.query(params_from_iter(bound(id)))?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let mut values = known.values();
        for at in 0..self.columns.len() {
            let now = stored(row.get_ref(at)?);
            if !values.next().is_some_and(|known| known.is(now)) {
                return Ok(false);
            }
        }
        Ok(values.next().is_none())
    }

    /// How the table stands to an edit.
    pub fn standing(&self, connection: &Connection, edit: &Edit) -> rusqlite::Result<Standing> {
        let now = self.read_row(connection, &edit.id)?;
        if now == edit.before {
            // A rowid that is free says nothing of the key: the row may be there again under another.
            let taken = match (&edit.before, &edit.after) {
                (None, Some(after)) if !self.key_is_rowid => self.key_in(after),
                _ => None,
            };
            if let Some(key) = taken.filter(|key| *key != edit.id)
                && let Some(there) = self.read_row(connection, &key)?
            {
                return Ok(match Some(&there) == edit.after.as_ref() {
                    true => Standing::After,
                    false => Standing::Changed("another row has its key".into()),
                });
            }
            return Ok(Standing::Before);
        }
        if now == edit.after {
            return Ok(Standing::After);
        }
        Ok(Standing::Changed(match (&now, edit.before.as_ref().or(edit.after.as_ref())) {
            (None, _) => "it is gone".into(),
            (Some(now), Some(known)) if edit.before.is_some() => self.differs(known, now),
            _ => "another row has its key".into(),
        }))
    }

    /// Which columns of two records differ, by name: what is in them may be secret.
    fn differs(&self, known: &Record, now: &Record) -> String {
        let names: Vec<&str> = (self.columns.iter().zip(known.values().zip(now.values())))
            .filter(|(_, (a, b))| !a.is(*b))
            .map(|(name, _)| name.as_str())
            .collect();
        match names[..] {
            [] => "its columns are others now".into(),
            [one] => format!("its {one} is another now"),
            _ => format!("its {} are others now", names.join(", ")),
        }
    }

    /// Does an edit whose row is as it should be.
    pub fn perform(&self, connection: &Connection, edit: &Edit) -> rusqlite::Result<Performed> {
        // Most rows are as they should be, and that is seen in passing; how the others stand takes a second look.
        let as_planned = match (&edit.before, &edit.after) {
            (Some(before), _) => self.is(connection, &edit.id, before)?,
            // The insertion itself looks whether the key is free, unless a null in it is equal to no other.
            (None, Some(after)) => self.is_unique(after),
            (None, None) => false,
        };
        if !as_planned && let Some(left) = self.left(connection, edit)? {
            return Ok(left);
        }
        let done = match (&edit.before, &edit.after) {
            (None, Some(after)) => self.insert(connection, &edit.id, after),
            (Some(_), None) => self.delete(connection, &edit.id),
            (Some(before), Some(after)) => self.update(connection, &edit.id, before, after),
            (None, None) => Ok(()),
        };
        match done {
            Ok(()) => Ok(Performed::Done(1)),
            Err(rusqlite::Error::SqliteFailure(code, message))
                if code.code == rusqlite::ErrorCode::ConstraintViolation =>
            {
                // Another key of the row is taken, or other rows have come to refer to it: it has to stay as it is.
                let rule =
                    || format!("a rule of the schema stands against it: {}", message.unwrap_or_default());
                Ok(self.left(connection, edit)?.unwrap_or_else(|| Performed::Left(rule())))
            }
            Err(error) => Err(error),
        }
    }

    /// That an edit is left alone, where its row is not as it should be.
    fn left(&self, connection: &Connection, edit: &Edit) -> rusqlite::Result<Option<Performed>> {
        Ok(match self.standing(connection, edit)? {
            Standing::Before => None,
            Standing::After => Some(Performed::Left("it is done already".into())),
            Standing::Changed(how) => Some(Performed::Left(how)),
        })
    }

    /// Whether the table itself keeps a second row of a record's key out.
    fn is_unique(&self, record: &Record) -> bool {
        let null = |(at, value)| value == Stored::Null && self.key_places.contains(&at);
        !record.values().enumerate().any(null)
    }

    fn insert(&self, connection: &Connection, id: &KeyId, after: &Record) -> rusqlite::Result<()> {
        let (plain, numbered) = &self.inserts;
        let (insert, rowid) = match (id, numbered) {
            (KeyId::Row(rowid), Some(numbered)) => (numbered, Some(Bound(Stored::Integer(*rowid)))),
            _ => (plain, None),
        };
        let values = after.values().map(Bound).chain(rowid);
        connection.prepare_cached(insert)?.execute(params_from_iter(values)).map(|_| ())
    }

    fn delete(&self, connection: &Connection, id: &KeyId) -> rusqlite::Result<()> {
        let Some(texts) = self.texts(id) else { return Ok(()) };
        connection.prepare_cached(&texts.delete)?.execute(params_from_iter(bound(id))).map(|_| ())
    }

    fn update(
        &self,
        connection: &Connection,
        id: &KeyId,
        before: &Record,
        after: &Record,
    ) -> rusqlite::Result<()> {
        let Some(texts) = self.texts(id) else { return Ok(()) };
        let changed: Vec<(&String, Stored<'_>)> = self
            .columns
            .iter()
            .zip(before.values().zip(after.values()))
            .filter(|(_, (a, b))| !a.is(*b))
            .map(|(name, (_, new))| (name, new))
            .collect();
        let sets =
            changed.iter().map(|(name, _)| format!("{} = ?", quote(name))).collect::<Vec<_>>().join(", ");
        let sql = format!("UPDATE OR ABORT main.{} SET {sets} WHERE {}", quote(&self.table), texts.place);
        let keys = bound(id);
        let values = changed.iter().map(|(_, v)| Bound(*v)).map(Either::Value);
        connection
            .prepare_cached(&sql)?
            .execute(params_from_iter(values.chain(keys.iter().map(Either::Key))))
            .map(|_| ())
    }
}
