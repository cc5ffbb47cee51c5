//! Writes a database, for `core::repair::apply` alone.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::guard::{self, Identity};
use super::rows::Shapes;
use super::steps;
use crate::core::repair::{Commit, Edit, EditKind, Held, Performed, Permit, RepairError, Watch, WriteStore};
use crate::stores::gate;
use crate::stores::sqlite::{Clock, beside, sqlite_error, writer_waits};

/// How long a commit waits for readers, who cannot begin meanwhile, before the batch is given up and tried anew.
const COMMIT_TIMEOUT: Duration = Duration::from_millis(60);
/// How long others go first after such a commit.
const PAUSE: Duration = Duration::from_millis(100);
/// The place that [`WriteStore::save`] marks.
const PLACE: &str = "sessionscope_group";
/// A batch ends after this, at the next boundary between what belongs together.
const DUE: Duration = Duration::from_millis(35);
/// And after this wherever it is.
const OVERDUE: Duration = Duration::from_millis(60);

/// A connection that may write; the file is neither created nor checkpointed by it.
///
/// Foreign keys are enforced by the connection, at every statement and at the commit: a check of whole tables would hold
/// the lock for as long as they are large.
pub struct DatabaseWriter {
    connection: Connection,
    path: PathBuf,
    /// The file that is open.
    identity: Option<Identity>,
    shapes: Shapes,
    clock: Clock,
    locked_at: Option<Instant>,
    gate: Option<gate::Writing>,
    changes_before: u64,
    /// Rows that no plan counts: those that a step of the schema changes, and those that were taken back.
    uncounted: Cell<u64>,
    /// The changes up to the place that was marked.
    saved: u64,
    locks_us: Vec<u64>,
}

impl DatabaseWriter {
    /// Opens the file that was looked at, and no other.
    pub fn open(
        _permit: &Permit,
        path: &Path,
        known: Option<Identity>,
        clock: &Clock,
    ) -> Result<Self, RepairError> {
        Self::open_file(path, known, clock)
    }

    fn open_file(path: &Path, known: Option<Identity>, clock: &Clock) -> Result<Self, RepairError> {
        guard::ensure_plain(path, known)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| failure(e, path))?;
        if Identity::read(path) != known {
            return Err(RepairError::Replaced { path: path.to_owned() });
        }
        Self::with(connection, path, clock)
    }

    pub(super) fn with(mut connection: Connection, path: &Path, clock: &Clock) -> Result<Self, RepairError> {
        prepare(&mut connection).map_err(|e| failure(e, path))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity: Identity::read(path),
            shapes: Shapes::default(),
            clock: clock.clone(),
            locked_at: None,
            gate: None,
            changes_before: 0,
            uncounted: Cell::new(0),
            saved: 0,
            locks_us: Vec::new(),
        })
    }

    fn fail(&self, error: rusqlite::Error) -> RepairError {
        failure(error, &self.path)
    }

    fn released(&mut self) {
        self.gate = None;
        if let Some(at) = self.locked_at.take() {
            self.locks_us.push(u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
    }
}

/// Has SQLite roll back what a killed program left in a journal, as the next program that writes would.
///
/// Without it a read-only connection cannot open the database at all.
pub fn roll_back_left(path: &Path, clock: &Clock) -> Result<(), RepairError> {
    if !beside(path, "-journal").exists() {
        return Ok(());
    }
    let mut writer = DatabaseWriter::open_file(path, Identity::read(path), clock)?;
    writer.begin()?;
    writer.rollback();
    Ok(())
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // A store's own triggers and foreign keys hold for a repair as for its program.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.busy_handler(Some(writer_waits))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection
        .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON")
}

impl WriteStore for DatabaseWriter {
    fn begin(&mut self) -> Result<(), RepairError> {
        self.gate = Some(gate::write());
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| self.fail(e));
        if begun.is_err() {
            self.gate = None;
        }
        begun?;
        self.locked_at = Some(Instant::now());
        self.changes_before = self.connection.total_changes();
        self.uncounted.set(0);
        // A file that was moved away meanwhile would go on being written where it went.
        if Identity::read(&self.path) != self.identity {
            self.rollback();
            return Err(RepairError::Replaced { path: self.path.clone() });
        }
        Ok(())
    }

    fn perform(&mut self, edit: &Edit) -> Result<Performed, RepairError> {
        match edit.kind {
            EditKind::Row => match self.shapes.get(&self.connection, &edit.table) {
                Ok(Some(shape)) => {
                    let performed = shape.perform(&self.connection, edit).map_err(|e| self.fail(e))?;
                    // A trigger may have rolled everything back: what came now would be done at once, and unlogged.
                    match self.connection.is_autocommit() {
                        false => Ok(performed),
                        true => Err(RepairError::BreaksRule {
                            what: format!("a trigger of {} rolled the transaction back", edit.table),
                            path: self.path.clone(),
                        }),
                    }
                }
                Ok(None) => Ok(Performed::Left(format!("the table {} is gone", edit.table))),
                Err(error) => Err(self.fail(error)),
            },
            EditKind::Step => {
                let before = self.connection.total_changes();
                let performed = steps::perform(&self.connection, edit, &self.clock, &self.path)?;
                self.shapes = Shapes::default();
                self.uncounted.set(self.uncounted.get() + self.connection.total_changes() - before);
                Ok(performed)
            }
            EditKind::Move => super::moves::perform(edit),
        }
    }

    fn changes(&self) -> u64 {
        self.connection.total_changes() - self.changes_before - self.uncounted.get()
    }

    fn held(&self) -> Held {
        match self.locked_at.map(|at| at.elapsed()) {
            Some(held) if held >= OVERDUE => Held::Overdue,
            Some(held) if held >= DUE => Held::Due,
            _ => Held::Fresh,
        }
    }

    fn save(&mut self) -> Result<(), RepairError> {
        self.saved = self.connection.total_changes();
        self.connection.execute_batch(&format!("SAVEPOINT {PLACE}")).map_err(|e| self.fail(e))
    }

    fn take_back(&mut self) -> Result<(), RepairError> {
        let sql = format!("ROLLBACK TO {PLACE}; RELEASE {PLACE}");
        self.connection.execute_batch(&sql).map_err(|e| self.fail(e))?;
        // SQLite goes on counting what it took back.
        self.uncounted.set(self.uncounted.get() + self.connection.total_changes() - self.saved);
        Ok(())
    }

    fn keep(&mut self) -> Result<(), RepairError> {
        self.connection.execute_batch(&format!("RELEASE {PLACE}")).map_err(|e| self.fail(e))
    }

    fn commit(&mut self, _watch: &mut Watch<'_>) -> Commit {
        let committed = self
            .connection
            .busy_timeout(COMMIT_TIMEOUT)
            .and_then(|()| self.connection.execute_batch("COMMIT"));
        let open = !self.connection.is_autocommit();
        let outcome = match committed {
            Ok(()) => Commit::Done,
            Err(error) => match self.fail(error) {
                why @ RepairError::Locked { .. } if open => Commit::Busy(why),
                // It breaks a rule that is checked at the end.
                why @ RepairError::BreaksRule { .. } if open => Commit::Failed(why),
                why => Commit::Unsure(why),
            },
        };
        if open {
            self.rollback();
        }
        let _ = self.connection.busy_handler(Some(writer_waits));
        self.released();
        outcome
    }

    fn pause(&self) {
        std::thread::sleep(PAUSE);
    }

    fn rollback(&mut self) {
        // SQLite may have rolled back by itself already.
        let _ = self.connection.execute_batch("ROLLBACK");
        self.released();
    }

    fn locks_us(&self) -> &[u64] {
        &self.locks_us
    }
}

/// Says in this program's terms why SQLite did not write.
pub fn failure(error: rusqlite::Error, path: &Path) -> RepairError {
    let path = path.to_owned();
    let rusqlite::Error::SqliteFailure(code, message) = &error else {
        return RepairError::Store(sqlite_error(error, &path));
    };
    let may_not =
        |reason: &str, hint| RepairError::MayNotWrite { reason: reason.to_owned(), hint, path: path.clone() };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => RepairError::Locked { path },
        ErrorCode::DiskFull => RepairError::DiskFull { path },
        ErrorCode::ReadOnly => may_not(
            "SQLite may not write the database",
            "Check the permissions of the file and of its folder.",
        ),
        ErrorCode::CannotOpen => may_not(
            "SQLite cannot open the database for writing",
            "Check that it is still there, and that you may write it.",
        ),
        ErrorCode::ConstraintViolation => RepairError::BreaksRule {
            what: message.clone().unwrap_or_else(|| "a constraint of the schema".into()),
            path,
        },
        ErrorCode::SystemIoFailure => RepairError::Failed {
            reason: format!(
                "The disk did not take the change (input or output error {})",
                code.extended_code
            ),
            hint: "Check the disk and the space on it.",
            path,
        },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => RepairError::Damaged {
            reason: message.clone().unwrap_or_else(|| "SQLite found it malformed".into()),
            path,
        },
        _ => RepairError::Store(sqlite_error(error, &path)),
    }
}
