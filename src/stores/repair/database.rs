//! A SQLite store as planning sees it, through a read-only connection.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::guard::{self, Identity};
use super::keys::Bound;
use super::relations::{self, Relation};
use super::rows::{Shape, Shapes};
use super::writer::DatabaseWriter;
use super::{Repairs, moves, repairs_of, steps};
use crate::core::repair::{
    Candidate, Dependant, Dependants, DocumentMessage, Each, EachKey, Edit, EditKind, KnownSession,
    NewSession, Permit, PruneOptions, RepairError, SessionStore, Standing, StepPlan, Stored, Target,
    WriteStore,
};
use crate::core::{KeyId, ReadStore as _, Severity};
use crate::stores::sqlite::{Clock, Schema, SqliteStore, sqlite_error};

/// So many pages are copied at a time, with a rest between for whoever waits for the database.
const BACKUP_PAGES: i32 = 2_000;

/// What an adapter's repairs work with: the database, read only.
pub struct Db<'a> {
    pub connection: &'a Connection,
    pub schema: &'a Schema,
    pub path: &'a Path,
    /// The file's name without its last extension.
    pub stem: &'a str,
    pub now_ms: i64,
    shapes: &'a Shapes,
}

impl<'a> Db<'a> {
    /// A database that is of no kind yet.
    pub(super) fn over(
        connection: &'a Connection,
        schema: &'a Schema,
        path: &'a Path,
        now_ms: i64,
        shapes: &'a Shapes,
    ) -> Self {
        Db { connection, schema, path, stem: "", now_ms, shapes }
    }

    /// The shape of a table; none where there is no such table.
    pub fn shape(&self, table: &str) -> Result<Option<Rc<Shape>>, RepairError> {
        self.shapes.get(self.connection, table).map_err(|e| self.fail(e))
    }

    /// Hands out the rows of a table that `rest` (what follows FROM) selects: the rowid, then every column.
    pub fn each(
        &self,
        shape: &Shape,
        rest: &str,
        values: &[Stored<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), RepairError>,
    ) -> Result<(), RepairError> {
        let mut select =
            self.connection.prepare_cached(&shape.select_with_rowid(rest)).map_err(|e| self.fail(e))?;
        let values = values.iter().map(|v| Bound(*v));
        let mut rows = select.query(params_from_iter(values)).map_err(|e| self.fail(e))?;
        while let Some(row) = rows.next().map_err(|e| self.fail(e))? {
            each(row)?;
        }
        Ok(())
    }

    /// The edit that deletes a row that [`Db::each`] handed out.
    pub fn deletion(&self, shape: &Shape, row: &Row<'_>) -> Result<Edit, RepairError> {
        let read = || Ok(Edit::delete(&shape.table, shape.id(row)?, shape.record(row, 1)?));
        read().map_err(|e| self.fail(e))
    }

    pub fn fail(&self, error: rusqlite::Error) -> RepairError {
        RepairError::Store(sqlite_error(error, self.path))
    }
}

/// A database that is there, and can be repaired where its adapters know how.
pub struct Database {
    store: SqliteStore,
    target: Target,
    identity: Option<Identity>,
    stem: String,
    clock: Clock,
    shapes: Shapes,
    relations: RefCell<HashMap<String, Rc<Vec<Relation>>>>,
}

impl Database {
    pub fn new(path: &Path, store: SqliteStore, clock: &Clock) -> Self {
        let target = Target { path: path.to_owned(), stores: store.about().stores.clone(), exists: true };
        Self {
            identity: Identity::read(path),
            stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            clock: clock.clone(),
            shapes: Shapes::default(),
            relations: RefCell::default(),
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

    /// Adds what must go before a row, the deepest first.
    fn children(
        &self,
        edit: &Edit,
        seen: &mut HashSet<(Arc<str>, KeyId)>,
        found: &mut Dependants,
    ) -> Result<(), RepairError> {
        let db = self.db();
        for relation in self.relations(&edit.table)?.iter() {
            let (Some(parent), Some(child)) = (db.shape(&edit.table)?, db.shape(&relation.child)?) else {
                continue;
            };
            let Some(before) = &edit.before else { continue };
            for row in relations::rows(&db, relation, &parent, &child, before)? {
                if !seen.insert((row.edit.table.clone(), row.edit.id.clone())) {
                    continue;
                }
                if relation.blocks() {
                    found.blocked =
                        Some(format!("rows of {} refer to it, and may not go with it", relation.child));
                    return Ok(());
                }
                if row.edit.after.is_none() {
                    self.children(&row.edit, seen, found)?;
                }
                found.rows.push(row);
            }
        }
        Ok(())
    }
}

impl SessionStore for Database {
    fn target(&self) -> &Target {
        &self.target
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

    fn dependants(&self, edit: &Edit) -> Result<Dependants, RepairError> {
        let mut found = Dependants::default();
        self.children(edit, &mut HashSet::new(), &mut found)?;
        Ok(found)
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

    fn migration(&self, store: Option<&str>, to: Option<&str>) -> Result<StepPlan, RepairError> {
        steps::plan(self, &self.store.connection, store, to)
    }

    fn irreversible(&self, edit: &Edit) -> Result<Option<String>, RepairError> {
        steps::irreversible(&self.store.connection, edit).map_err(|e| self.fail(e))
    }

    fn placed(&self, edit: Edit) -> Result<Edit, RepairError> {
        let (None, Some(after), KeyId::Row(_)) = (&edit.before, &edit.after, &edit.id) else {
            return Ok(edit);
        };
        let Some(shape) = self.db().shape(&edit.table)?.filter(|s| !s.key_is_rowid) else { return Ok(edit) };
        let there = shape.read_row(&self.store.connection, &edit.id).map_err(|e| self.fail(e))?;
        match (there, shape.key_in(after)) {
            // The number was given to another row since; by its key the row can be there all the same.
            (Some(there), Some(key)) if there != *after => Ok(Edit { id: key, ..edit }),
            _ => Ok(edit),
        }
    }

    fn writer(&self, _permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        Ok(Box::new(DatabaseWriter::open(&self.target.path, self.identity, &self.clock)?))
    }

    fn backup(&self, to: &Path) -> Result<(), RepairError> {
        backup(&self.target.path, to)
    }
}

/// Copies a database, consistent as of one moment, to a new file that only its owner may read.
///
/// Through a read-only connection of its own: through one that writes it would be refused.
pub fn backup(path: &Path, to: &Path) -> Result<(), RepairError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let fail = |error: rusqlite::Error| super::writer::failure(error, to);
    let from = crate::stores::sqlite::connect(path, &crate::stores::sqlite::Cancel::default())?;
    let count = |pragma: &str| from.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0));
    let bytes = count("page_count").and_then(|pages| Ok(pages * count("page_size")?)).map_err(fail)?;
    guard::ensure_space(guard::folder_of(to), bytes.unsigned_abs())?;
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(to);
    file.map_err(|error| RepairError::MayNotWrite {
        reason: format!("The copy cannot be written ({error})"),
        hint: "Choose another folder, or make room.",
        path: to.to_owned(),
    })?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fail)?;
    {
        let backup = Backup::new(&from, &mut copy).map_err(fail)?;
        backup.run_to_completion(BACKUP_PAGES, Duration::ZERO, None).map_err(fail)?;
    }
    // One file, with nothing beside it.
    copy.execute_batch("PRAGMA journal_mode = DELETE").map_err(fail)?;
    drop(copy);
    std::fs::File::open(to).and_then(|f| f.sync_all()).map_err(|error| RepairError::MayNotWrite {
        reason: format!("The copy cannot be kept ({error})"),
        hint: "Check the disk.",
        path: to.to_owned(),
    })
}

/// How long something took, in milliseconds, told as at least one.
pub fn took_ms(start: Instant) -> u128 {
    start.elapsed().as_millis().max(1)
}
