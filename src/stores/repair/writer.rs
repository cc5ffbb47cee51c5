//! Writes a database, for `core::repair::apply` alone.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::guard::{self, Identity};
use super::rows::Shapes;
use super::steps;
use super::write_ahead::WriteAhead;
use crate::core::repair::{Commit, Edit, EditKind, Held, Performed, Permit, RepairError, Watch, WriteStore};
use crate::stores::gate;
use crate::stores::sqlite::{Clock, beside, sqlite_error, writer_waits};

/// How long a commit waits for readers, who cannot begin meanwhile, before the batch is given up and tried anew.
const COMMIT_TIMEOUT: Duration = Duration::from_millis(60);
/// How long others go first after such a commit.
const RETREAT: Duration = Duration::from_millis(100);
/// The place that [`WriteStore::save`] marks.
const PLACE: &str = "sessionscope_group";
/// A batch ends after this, the log's work and its commit included, at the next boundary between what belongs together.
const DUE: Duration = Duration::from_millis(42);
/// And after this wherever it is.
const OVERDUE: Duration = Duration::from_millis(55);
/// Where others write too, the lock is free for so long between two batches: SQLite looks for it in steps of 25 ms when it
/// has waited for a while, so that whoever waits gets in. Without it some waited for ten batches; most of the time goes
/// into what is done outside the lock anyway.
const PAUSE: Duration = Duration::from_millis(25);
/// How long the commit of a row takes, until one was measured.
const FIRST_COMMIT: Duration = Duration::from_micros(5);

/// A connection that may write; the file is not created by it.
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
    released_at: Option<Instant>,
    /// Another program has the database open, or was seen to write it.
    shared: bool,
    seen_version: Option<i64>,
    /// When the last row was done.
    done_at: Cell<Instant>,
    /// How long it took from there until the lock was given back, the last time and for each row.
    commit_takes: Duration,
    log: Option<WriteAhead>,
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
        let log = WriteAhead::of(&mut connection, path).map_err(|e| failure(e, path))?;
        Ok(Self {
            released_at: None,
            shared: !guard::holders(path).is_empty(),
            seen_version: None,
            done_at: Cell::new(Instant::now()),
            commit_takes: FIRST_COMMIT,
            log,
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

    /// A number that changes when another connection changes the database.
    fn version(&self) -> Result<i64, RepairError> {
        let mut select =
            self.connection.prepare_cached("PRAGMA main.data_version").map_err(|e| self.fail(e))?;
        select.query_row([], |r| r.get(0)).map_err(|e| self.fail(e))
    }

    fn released(&mut self) {
        self.gate = None;
        self.released_at = Some(Instant::now());
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
    // Pages of an index are come across again and again, and should not be read again for every row.
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA cache_size = -32000")
}

impl WriteStore for DatabaseWriter {
    fn begin(&mut self) -> Result<(), RepairError> {
        if let Some(at) = self.released_at.filter(|_| self.shared) {
            std::thread::sleep(PAUSE.saturating_sub(at.elapsed()));
        }
        self.gate = Some(gate::write());
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| self.fail(e));
        if begun.is_err() {
            self.gate = None;
        }
        begun?;
        self.locked_at = Some(Instant::now());
        let version = self.version().inspect_err(|_| self.rollback())?;
        self.shared |= self.seen_version.replace(version).is_some_and(|seen| seen != version);
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
        let now = Instant::now();
        self.done_at.set(now);
        // Half the time is for rows in any case: on a slow disk a commit alone may take all of it, however few they are.
        let commit = self.commit_takes.saturating_mul(rows(self.changes())).min(DUE / 2);
        match self.locked_at.map(|at| now - at + commit) {
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
        self.commit_takes = self.done_at.get().elapsed() / rows(self.changes()).max(1);
        outcome
    }

    fn sync(&mut self) -> Result<(), RepairError> {
        match &mut self.log {
            Some(log) => log.sync(&self.connection, self.shared),
            None => Ok(()),
        }
    }

    fn pause(&self) {
        std::thread::sleep(RETREAT);
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

fn rows(changes: u64) -> u32 {
    u32::try_from(changes).unwrap_or(u32::MAX)
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
