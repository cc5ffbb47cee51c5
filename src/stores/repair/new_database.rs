//! A database that an import makes: beside its place under another name, and shown only when it is complete.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::db::Db;
use super::guard::Identity;
use super::log::Log;
use super::rows::Shapes;
use super::writer::{DatabaseWriter, failure};
use super::{all_repairs, guard, moves, steps, swap};
use crate::core::KeyId;
use crate::core::repair::{
    Commit, DocumentMessage, Edit, EditKind, Held, Needs, NewSession, Performed, Permit, RepairError,
    SessionStore, Standing, Step, StepPlan, Target, Watch, WriteStore,
};
use crate::stores::sqlite::{Clock, Schema, beside};

/// A database that is not there yet.
pub struct NewDatabase {
    target: Target,
    clock: Clock,
    /// Empty, as the database will be.
    empty: Connection,
    schema: Schema,
    shapes: Shapes,
    /// The database once it is there, to read back.
    shown: OnceCell<Box<dyn SessionStore>>,
}

/// The fact by which the log knows the file that was made.
const MADE: &str = "made";

/// Whether the file at a place is the one that an interrupted import made.
pub fn is_shown(path: &Path, log: &Log, id: &str) -> bool {
    let there = Identity::read(path).map(Identity::words);
    there.is_some() && there == log.fact(id, MADE)
}

/// Where it is made.
pub fn prepared(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.sessionscope-new"))
}

impl NewDatabase {
    pub fn at(path: &Path, clock: &Clock) -> Result<Self, RepairError> {
        let empty = Connection::open_in_memory().map_err(|e| failure(e, path))?;
        let target = Target { path: path.to_owned(), stores: Vec::new(), exists: false };
        Ok(Self {
            target,
            clock: clock.clone(),
            empty,
            schema: Schema::default(),
            shapes: Shapes::none(),
            shown: OnceCell::new(),
        })
    }

    fn db(&self) -> Db<'_> {
        Db::over(&self.empty, &self.schema, &self.target.path, self.clock.now_ms(), &self.shapes)
    }

    fn is_there(&self) -> bool {
        self.target.path.symlink_metadata().is_ok()
    }
}

impl SessionStore for NewDatabase {
    fn target(&self) -> &Target {
        &self.target
    }

    fn noun(&self, table: &str) -> &'static str {
        super::noun(table)
    }

    fn ensure_writable(&self) -> Result<(), RepairError> {
        guard::ensure_findable(&self.target.path)?;
        let folder = guard::folder_of(&self.target.path);
        let may_not = |reason: &str, hint| {
            Err(RepairError::MayNotWrite { reason: reason.into(), hint, path: self.target.path.clone() })
        };
        if self.is_there() {
            return Err(RepairError::Replaced { path: self.target.path.clone() });
        }
        match fs::metadata(folder) {
            Ok(meta) if !meta.is_dir() => {
                may_not("Its folder is no folder", "Name a file in a folder that is there.")
            }
            Ok(meta) if meta.permissions().readonly() => {
                may_not("Its folder is read only", "Allow writing the folder, or name another.")
            }
            Ok(_) => Ok(()),
            Err(error) => may_not(
                &format!("Its folder cannot be used ({error})"),
                "Name a file in a folder that is there.",
            ),
        }
    }

    fn check(&self) -> Result<(), RepairError> {
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn standing(&self, edit: &Edit) -> Result<Standing, RepairError> {
        if edit.kind == EditKind::Move {
            return Ok(moves::standing(edit));
        }
        if !self.is_there() {
            return Ok(Standing::Before);
        }
        // Read back: as a database like every other.
        if let Some(shown) = self.shown.get() {
            return shown.standing(edit);
        }
        let options = crate::stores::Options { clock: self.clock.clone(), ..Default::default() };
        let shown = super::open_for_repair(&self.target.path, &options)?;
        self.shown.get_or_init(|| shown).standing(edit)
    }

    fn deletion(&self, _table: &Arc<str>, _id: &KeyId) -> Result<Option<Edit>, RepairError> {
        Ok(None)
    }

    fn insert_session(&self, session: &NewSession<'_>) -> Option<Edit> {
        all_repairs().find_map(|r| r.insert_session(&self.db(), session))
    }

    fn insert_message(&self, message: &DocumentMessage) -> Option<Edit> {
        all_repairs().find_map(|r| r.insert_message(&self.db(), message))
    }

    fn insert_meta(&self, key: &str, value: &str) -> Option<Edit> {
        all_repairs().find_map(|r| r.insert_meta(&self.db(), key, value))
    }

    fn migration(&self, needs: Needs<'_>) -> Result<StepPlan, RepairError> {
        steps::plan(self, &self.empty, needs)
    }

    fn writer(&self, _permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        self.ensure_writable()?;
        let path = prepared(&self.target.path);
        fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| swap::failure(&error, "The database cannot be made beside its place", &path))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|e| failure(e, &path))?;
        // Nobody sees it before it is whole: it is synced once, when it gets its name, and thrown away if that does not come.
        connection.execute_batch("PRAGMA synchronous = OFF").map_err(|e| failure(e, &path))?;
        let inner = DatabaseWriter::with(connection, &path, &self.clock)?;
        Ok(Box::new(Aside { inner: Some(inner), path, target: self.target.path.clone(), locks: Vec::new() }))
    }

    fn backup(&self, _to: &Path) -> Result<(), RepairError> {
        Ok(())
    }
}

/// Writes the database where nobody looks, and gives it its name in the end.
struct Aside {
    inner: Option<DatabaseWriter>,
    path: PathBuf,
    target: PathBuf,
    locks: Vec<u64>,
}

impl Aside {
    fn inner(&mut self) -> Result<&mut DatabaseWriter, RepairError> {
        let path = self.path.clone();
        self.inner.as_mut().ok_or(RepairError::Replaced { path })
    }
}

impl WriteStore for Aside {
    fn begin(&mut self) -> Result<(), RepairError> {
        self.inner()?.begin()
    }

    fn perform(&mut self, edit: &Edit) -> Result<Performed, RepairError> {
        match edit.kind {
            EditKind::Move => moves::perform(edit),
            _ => self.inner()?.perform(edit),
        }
    }

    fn intent(&mut self) -> Vec<(&'static str, String)> {
        // By it the file is known when it has its name: another may have been made there meanwhile.
        Identity::read(&self.path).map(|made| (MADE, made.words())).into_iter().collect()
    }

    fn changes(&self) -> u64 {
        self.inner.as_ref().map_or(0, WriteStore::changes)
    }

    fn held(&self) -> Held {
        // Nobody waits for it.
        Held::Fresh
    }

    fn save(&mut self) -> Result<(), RepairError> {
        self.inner()?.save()
    }

    fn take_back(&mut self) -> Result<(), RepairError> {
        self.inner()?.take_back()
    }

    fn keep(&mut self) -> Result<(), RepairError> {
        self.inner()?.keep()
    }

    fn commit(&mut self, watch: &mut Watch<'_>) -> Commit {
        match self.inner().map(|inner| inner.commit(watch)) {
            Ok(commit) => commit,
            Err(why) => Commit::Failed(why),
        }
    }

    fn publish(&mut self, watch: &mut Watch<'_>) -> Result<(), RepairError> {
        // Closed first, so that the file is all there is.
        self.inner = None;
        let _ = watch(Step::Prepared);
        let shown = || -> std::io::Result<()> {
            fs::File::open(&self.path)?.sync_all()?;
            moves::move_new(&self.path, &self.target)
        };
        shown().map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => RepairError::Replaced { path: self.target.clone() },
            _ => swap::failure(&error, "The database cannot be given its name", &self.target),
        })?;
        // It has its name now; a folder that cannot be synced takes it away no more.
        let _ = moves::sync_folder(guard::folder_of(&self.target));
        Ok(())
    }

    fn rollback(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.rollback();
        }
    }

    fn locks_us(&self) -> &[u64] {
        &self.locks
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Where it got its name, nothing is here any more.
        self.inner = None;
        for path in [beside(&self.path, "-journal"), self.path.clone()] {
            let _ = fs::remove_file(path);
        }
    }
}
