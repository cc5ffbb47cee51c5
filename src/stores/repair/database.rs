//! A SQLite store as planning sees it, through a read-only connection.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::db::Db;
use super::guard::{self, Identity};
use super::relations::{self, Relation};
use super::rows::Shapes;
use super::writer::DatabaseWriter;
use super::{Repairs, backup, moves, repairs_of, steps};
use crate::core::repair::{
    Candidate, Dependant, Dependants, DocumentMessage, Each, EachKey, Edit, EditKind, KnownSession, Needs,
    NewSession, Offer, Permit, Place, PruneOptions, RepairError, SessionStore, Standing, StepPlan, Target,
    WriteStore,
};
use crate::core::{KeyId, ReadStore as _, Severity};
use crate::stores::sqlite::{Clock, SqliteStore, sqlite_error};
use crate::stores::{claude_hooks, durable, session_do};

/// A database that is there, and can be repaired where its adapters know how.
pub struct Database {
    store: SqliteStore,
    target: Target,
    identity: Option<Identity>,
    stem: String,
    clock: Clock,
    shapes: Shapes,
    relations: RefCell<HashMap<String, Rc<Vec<Relation>>>>,
    /// A number that no row has, for rows that are put back without a key.
    next_rowid: Cell<i64>,
    related: OnceCell<bool>,
}

impl Database {
    /// `identity` is that of the file before it was opened.
    pub fn new(path: &Path, identity: Option<Identity>, store: SqliteStore, clock: &Clock) -> Self {
        let target = Target { path: path.to_owned(), stores: store.about().stores.clone(), exists: true };
        Self {
            identity,
            stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            clock: clock.clone(),
            shapes: Shapes::default(),
            relations: RefCell::default(),
            next_rowid: Cell::new(0),
            related: OnceCell::new(),
            target,
            store,
        }
    }

    fn db(&self) -> Db<'_> {
        Db {
            connection: &self.store.connection,
            schema: &self.store.schema,
            path: &self.target.path,
            stem: &self.stem,
            now_ms: self.clock.now_ms(),
            shapes: &self.shapes,
        }
    }

    fn repairs(&self) -> impl Iterator<Item = &'static dyn Repairs> {
        self.target.stores.iter().filter_map(|store| repairs_of(store))
    }

    /// Refuses an import into a database of another kind, whatever tables could be made in it.
    fn ensure_takes(&self, needs: Needs<'_>) -> Result<(), RepairError> {
        let (store, what) = match needs {
            Needs::Version(_) => return Ok(()),
            Needs::Sessions => (claude_hooks::DATABASE.id, "The sessions of a session file"),
            Needs::Messages => (session_do::ADAPTER.id, "A session document"),
        };
        if durable::object::is_unused(&self.store.schema) || self.target.stores.contains(&store) {
            return Ok(());
        }
        Err(RepairError::Unsupported {
            what: format!("{what} cannot be imported here, since this database is {}", self.described())
                .into(),
            hint: format!("Import into a new file, or into a {store} database.").into(),
            path: self.target.path.clone(),
        })
    }

    fn fail(&self, error: rusqlite::Error) -> RepairError {
        RepairError::Store(sqlite_error(error, &self.target.path))
    }

    /// What refers to a table's rows, by its foreign keys or by a rule of the store.
    fn relations(&self, table: &str) -> Result<Rc<Vec<Relation>>, RepairError> {
        if let Some(known) = self.relations.borrow().get(table) {
            return Ok(known.clone());
        }
        let mut found = relations::of(&self.store.connection, table).map_err(|e| self.fail(e))?;
        for owned in self.repairs().flat_map(Repairs::owned).filter(|o| o.parent.eq_ignore_ascii_case(table))
        {
            relations::own(&mut found, owned);
        }
        let found = Rc::new(found);
        self.relations.borrow_mut().insert(table.to_owned(), found.clone());
        Ok(found)
    }

    /// The rows that refer to a row, each with whether it keeps it there.
    fn direct(&self, edit: &Edit) -> Result<Vec<(Dependant, bool)>, RepairError> {
        let db = self.db();
        let mut found = Vec::new();
        let Some(before) = &edit.before else { return Ok(found) };
        for relation in self.relations(&edit.table)?.iter() {
            let (Some(parent), Some(child)) = (db.shape(&edit.table)?, db.shape(&relation.child)?) else {
                continue;
            };
            let rows = relations::rows(&db, relation, &parent, &child, before)?;
            found.extend(rows.into_iter().map(|row| (row, relation.blocks())));
        }
        Ok(found)
    }
}

impl SessionStore for Database {
    fn target(&self) -> &Target {
        &self.target
    }

    fn noun(&self, table: &str) -> &'static str {
        super::noun(table)
    }

    fn offers(&self) -> Vec<Offer> {
        super::offers_of_database(&self.target.stores)
    }

    fn described(&self) -> String {
        match self.target.stores.as_slice() {
            ["sqlite"] => "a SQLite database of no known kind".to_owned(),
            stores => format!("of the kind {}", stores.join(" and ")),
        }
    }

    fn copy_bytes(&self) -> u64 {
        let count = |pragma| self.store.connection.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0));
        let bytes = count("page_count").and_then(|pages| Ok(pages.saturating_mul(count("page_size")?)));
        // Only an estimate; making the copy looks again.
        bytes.map_or(0, i64::unsigned_abs)
    }

    fn ensure_writable(&self) -> Result<(), RepairError> {
        guard::ensure_plain(&self.target.path, self.identity)?;
        let about = self.store.about();
        let path = self.target.path.clone();
        if about.copied {
            return Err(RepairError::MayNotWrite {
                reason: "Only a private copy of it could be opened".into(),
                hint: "Make the file itself readable in its place first.",
                path,
            });
        }
        if about.damaged {
            let first = about.findings.iter().find(|f| f.severity == Severity::Error);
            let reason = first.map_or("parts of it cannot be read", |f| &f.message).to_owned();
            return Err(RepairError::Damaged { reason, path });
        }
        let encoding: String = self
            .store
            .connection
            .pragma_query_value(None, "encoding", |r| r.get(0))
            .map_err(|e| self.fail(e))?;
        if encoding != "UTF-8" {
            let reason =
                format!("its text is {encoding}, of which not every value could be put back as it was");
            return Err(RepairError::NotUnderstood { reason, path });
        }
        steps::ensure_understood(&self.store.connection, &self.target.stores, &path)
    }

    fn check(&self) -> Result<(), RepairError> {
        let complaint: String = self
            .store
            .connection
            .query_row("PRAGMA main.quick_check(1)", [], |r| r.get(0))
            .map_err(|e| super::writer::failure(e, &self.target.path))?;
        match complaint.as_str() {
            "ok" => Ok(()),
            _ => Err(RepairError::Damaged {
                reason: format!("SQLite's check says: {}", complaint.replace('\n', " ")),
                path: self.target.path.clone(),
            }),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = guard::warnings(&self.target.path);
        let triggers = &self.store.schema.triggers;
        if !triggers.is_empty() {
            warnings.push(format!(
                "The database has triggers ({}), which run with the repair; should they change more than the plan lists, nothing is changed.",
                triggers.join(", ")
            ));
        }
        warnings
    }

    fn standing(&self, edit: &Edit) -> Result<Standing, RepairError> {
        match edit.kind {
            EditKind::Row => match self.db().shape(&edit.table)? {
                Some(shape) => shape.standing(&self.store.connection, edit).map_err(|e| self.fail(e)),
                // A table that an earlier step of the same plan makes.
                None if edit.before.is_none() => Ok(Standing::Before),
                None => Ok(Standing::Changed(format!("the table {} is gone", edit.table))),
            },
            EditKind::Step => steps::standing(&self.store.connection, edit).map_err(|e| self.fail(e)),
            EditKind::Move => Ok(moves::standing(edit)),
        }
    }

    fn deletion(&self, table: &Arc<str>, id: &KeyId) -> Result<Option<Edit>, RepairError> {
        let Some(shape) = self.db().shape(table)? else { return Ok(None) };
        let row = shape.read_row(&self.store.connection, id).map_err(|e| self.fail(e))?;
        Ok(row.map(|before| Edit::delete(table, id.clone(), before)))
    }

    fn is_related(&self) -> bool {
        *self.related.get_or_init(|| {
            self.target.stores.len() > 1
                || self.repairs().any(|r| !r.owned().is_empty())
                || relations::any(&self.store.connection).unwrap_or(true)
        })
    }

    fn is_locked_while_written(&self) -> bool {
        true
    }

    fn dependants(&self, edit: &Edit, goes: &dyn Fn(&Place) -> bool) -> Result<Dependants, RepairError> {
        let mut found = Dependants::default();
        let mut seen = HashSet::from([(edit.table.clone(), edit.id.clone())]);
        let mut gone = HashSet::new();
        // What refers to a row comes before it, however deep: a row waits here until its own are done.
        let mut waiting = vec![(None::<Dependant>, self.direct(edit)?.into_iter())];
        while let Some((_, children)) = waiting.last_mut() {
            let Some((child, blocks)) = children.next() else {
                if let Some(row) = waiting.pop().and_then(|(row, _)| row) {
                    gone.insert((row.edit.table.clone(), row.edit.id.clone()));
                    found.rows.push(row);
                }
                continue;
            };
            let place = (child.edit.table.clone(), child.edit.id.clone());
            if blocks && !goes(&place) {
                let why = format!("rows of {} refer to it, and may not go with it", child.edit.table);
                found.blocked = Some(why);
                return Ok(found);
            }
            match child.edit.after {
                // Emptied as long as it is there, though it may go itself.
                Some(_) if gone.contains(&place) => {}
                None if !seen.insert(place) => {}
                None => {
                    let own = self.direct(&child.edit)?.into_iter();
                    waiting.push((Some(child), own));
                }
                Some(_) => found.rows.push(child),
            }
        }
        Ok(found)
    }

    fn prune_rule(&self, older_than_ms: Option<i64>) -> String {
        let rules: Vec<String> = self.repairs().filter_map(|r| r.prune_rule(older_than_ms)).collect();
        rules.join("; ")
    }

    fn prunable(
        &self,
        options: &PruneOptions,
        each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        let mut any = false;
        for repairs in self.repairs() {
            any |= repairs.prunable(&self.db(), options, each)?;
        }
        Ok(any)
    }

    fn resume_keys(&self, each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        let mut any = false;
        for repairs in self.repairs() {
            any |= repairs.resume_keys(&self.db(), each)?;
        }
        Ok(any)
    }

    fn session_rows(&self, id: &str, each: &mut Each<'_, Dependant>) -> Result<bool, RepairError> {
        let mut any = false;
        for repairs in self.repairs() {
            any |= repairs.session_rows(&self.db(), id, each)?;
        }
        Ok(any)
    }

    fn session_of_key(&self, key: &str) -> Result<Option<KnownSession>, RepairError> {
        for repairs in self.repairs() {
            if let Some(session) = repairs.session_of_key(&self.db(), key)? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    fn insert_session(&self, session: &NewSession<'_>) -> Option<Edit> {
        super::all_repairs().find_map(|r| r.insert_session(&self.db(), session))
    }

    fn insert_message(&self, message: &DocumentMessage) -> Option<Edit> {
        super::all_repairs().find_map(|r| r.insert_message(&self.db(), message))
    }

    fn insert_meta(&self, key: &str, value: &str) -> Option<Edit> {
        super::all_repairs().find_map(|r| r.insert_meta(&self.db(), key, value))
    }

    fn insert_value(&self, key: &str, value: &[u8]) -> Option<Edit> {
        super::all_repairs().find_map(|r| r.insert_value(&self.db(), key, value))
    }

    fn migration(&self, needs: Needs<'_>) -> Result<StepPlan, RepairError> {
        self.ensure_takes(needs)?;
        steps::plan(self, &self.store.connection, needs)
    }

    fn irreversible(
        &self,
        edit: &Edit,
        goes: &dyn Fn(&Place) -> bool,
    ) -> Result<Option<String>, RepairError> {
        steps::irreversible(&self.store.connection, edit, goes).map_err(|e| self.fail(e))
    }

    fn placed(&self, edit: Edit) -> Result<Edit, RepairError> {
        let (None, Some(after), KeyId::Row(_)) = (&edit.before, &edit.after, &edit.id) else {
            return Ok(edit);
        };
        let Some(shape) = self.db().shape(&edit.table)?.filter(|s| s.has_free_rowid()) else {
            return Ok(edit);
        };
        let connection = &self.store.connection;
        let there = shape.read_row(connection, &edit.id).map_err(|e| self.fail(e))?;
        if there.is_none_or(|there| there == *after) {
            return Ok(edit);
        }
        // The number was given to another row since; by its key, or under a new number, the row can be there all the same.
        let id = match shape.key_in(after) {
            Some(key) => key,
            None => {
                let first = shape.next_rowid(connection).map_err(|e| self.fail(e))?;
                let next = self.next_rowid.get().max(first);
                self.next_rowid.set(next.saturating_add(1));
                KeyId::Row(next)
            }
        };
        Ok(Edit { id, ..edit })
    }

    fn writer(&self, permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        Ok(Box::new(DatabaseWriter::open(permit, &self.target.path, self.identity, &self.clock)?))
    }

    fn backup(&self, to: &Path) -> Result<(), RepairError> {
        backup(&self.target.path, to)
    }
}
