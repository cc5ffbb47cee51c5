//! The operation log: a database for each operation, in the data folder, readable by its owner alone.
//!
//! One file each, so that forgetting one gives its space back, and a damaged one takes no other with it. While an
//! operation is applied its `.lock` is held; a pending one whose lock is free was interrupted.

mod forget;
mod recover;
mod write;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::draft::{self, EDIT, Names};
use crate::core::repair::{EachDone, Edit, EditKind, Record, RepairError};
use crate::core::{Operation, OperationState, Timestamp, parse_timestamp};
use crate::stores::data_folder;

/// `batches` are the lines that are done, or, the last, that a commit was to make last; `left_alone` those of them that
/// were left alone.
const TABLES: &str = "
    CREATE TABLE operation (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE edits (n INTEGER PRIMARY KEY, action TEXT, key TEXT, reason TEXT, grp INTEGER, tbl TEXT,
      kind INTEGER, edits TEXT, id, before BLOB, after BLOB);
    CREATE TABLE batches (first INTEGER PRIMARY KEY, last INTEGER, done INTEGER);
    CREATE TABLE left_alone (n INTEGER PRIMARY KEY, how TEXT);";

/// Takes an edit of the log: its line, then as [`EachDone`].
type EachLogged<'a> = dyn FnMut(u64, &str, &str, u64, Edit) -> Result<(), RepairError> + 'a;

/// The operation log of the data folder.
pub struct Log {
    folder: PathBuf,
    /// The operation that is being applied, with its lock.
    open: Option<Open>,
}

struct Open {
    id: String,
    connection: Connection,
    lock: File,
}

impl Log {
    /// The log of the program's data folder; nothing is made yet.
    pub fn open() -> Result<Self, RepairError> {
        match data_folder() {
            Some(folder) => Ok(Self::in_folder(&folder)),
            None => Err(RepairError::LogUnwritable {
                reason: "no data folder is known".into(),
                path: PathBuf::from("SESSIONSCOPE_DATA_DIR"),
            }),
        }
    }

    /// The log of a data folder.
    pub fn in_folder(data: &Path) -> Self {
        Self { folder: data.join("operations"), open: None }
    }

    fn unwritable(&self, reason: impl ToString) -> RepairError {
        let reason = reason.to_string();
        // SQLite names its file, which is in the folder that is named behind the sentence.
        let folder = self.folder.to_string_lossy();
        let reason = reason.split(&*folder).next().unwrap_or(&reason).trim_end_matches([':', ' ']).to_owned();
        RepairError::LogUnwritable { reason, path: self.folder.clone() }
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.sqlite"))
    }

    fn lock_file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.lock"))
    }

    fn backup_file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.backup.sqlite"))
    }

    /// The ids of all operations, the oldest first.
    fn ids(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let id = |name: &str| name.strip_suffix(".sqlite")?.parse().ok();
        let mut ids: Vec<u64> = entries.filter_map(|e| id(e.file_name().to_str()?)).collect();
        ids.sort_unstable();
        ids
    }

    /// The files of operations that cannot be read, of which `operations` says nothing.
    pub fn unreadable(&self) -> Vec<PathBuf> {
        let ids = self.ids().into_iter().map(|id| id.to_string());
        // One that is being made is locked, and will be readable once it is made.
        let broken = |id: &String| self.read(id).is_err() && !self.is_locked(id);
        ids.filter(broken).map(|id| self.file(&id)).collect()
    }

    /// All operations, the newest first. What cannot be read is left out; see `unreadable`.
    pub fn operations(&self) -> Vec<Operation> {
        let mut found: Vec<Operation> =
            self.ids().iter().rev().filter_map(|id| self.read(&id.to_string()).ok()).collect();
        // An undo that stands undoes; one that was undone itself does not.
        let undone = |of: &str, all: &[Operation]| -> Option<String> {
            let by = all.iter().find(|o| {
                // One that left something is not the end of it: the rest can be taken back by another.
                o.undoes.as_deref() == Some(of)
                    && (o.done, o.left) == (o.planned, 0)
                    && o.done > 0
                    && o.undone_by.is_none()
            })?;
            Some(by.id.clone())
        };
        // The newest first, so that whether an undo stands is known before it is asked for.
        for at in 0..found.len() {
            let by = undone(&found[at].id, &found[..at]);
            found[at].undone_by = by;
        }
        found
    }

    /// One operation by its id.
    pub fn operation(&self, id: &str) -> Result<Operation, RepairError> {
        let found = self.operations().into_iter().find(|o| o.id == id);
        found.ok_or_else(|| RepairError::NoSuchOperation { operation: id.to_owned() })
    }

    fn connect(&self, id: &str, write: bool) -> rusqlite::Result<Connection> {
        let mode = if write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let connection = Connection::open_with_flags(self.file(id), mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(connection)
    }

    fn read(&self, id: &str) -> rusqlite::Result<Operation> {
        let connection = match self.connect(id, false).and_then(|c| value(&c, "state").map(|_| c)) {
            Ok(connection) => connection,
            // Killed while it was writing its log: what it had begun must be rolled back first.
            Err(_) => self.connect(id, true)?,
        };
        let text = |name: &str| value(&connection, name).map(Option::unwrap_or_default);
        let count = |sql: &str| -> rusqlite::Result<u64> {
            connection.query_row(sql, [], |r| r.get::<_, i64>(0)).map(i64::unsigned_abs)
        };
        let planned = text("planned")?.parse().unwrap_or(0);
        let left = count(
            "SELECT count(*) FROM left_alone AS l JOIN batches AS b ON l.n BETWEEN b.first AND b.last AND b.done",
        )?;
        let seen = count(
            "SELECT coalesce(sum((SELECT count(*) FROM edits WHERE n BETWEEN b.first AND b.last)), 0) FROM batches AS b WHERE done",
        )?;
        let mut state = OperationState::parse(&text("state")?).unwrap_or(OperationState::Pending);
        if state == OperationState::Pending && self.is_locked(id) {
            state = OperationState::Running;
        }
        let done = match state {
            OperationState::Forgotten => text("done")?.parse().unwrap_or(0),
            _ => seen.saturating_sub(left),
        };
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |m| m.len());
        let broken = || rusqlite::Error::UserFunctionError("its repair cannot be read".into());
        Ok(Operation {
            id: id.to_owned(),
            repair: serde_json::from_str(&text("repair")?).map_err(|_| broken())?,
            path: text("path")?.into(),
            stores: text("stores")?.split('+').map(str::to_owned).collect(),
            state,
            started_at: parse_timestamp(&text("started_at")?).unwrap_or(Timestamp(0)),
            finished_at: parse_timestamp(&text("finished_at")?),
            planned,
            done,
            left,
            // What stays of a forgotten one undoes nothing.
            size_bytes: match state {
                OperationState::Forgotten => 0,
                _ => size(self.file(id)) + size(self.backup_file(id)),
            },
            undoes: value(&connection, "undoes")?,
            undone_by: None,
            backup: value(&connection, "backup")?.map(PathBuf::from).filter(|p| p.exists()),
            longest_lock_us: value(&connection, "longest_lock_us")?.and_then(|n| n.parse().ok()),
            locks: value(&connection, "locks")?.and_then(|json| serde_json::from_str(&json).ok()),
        })
    }

    /// Whether nobody has written down yet how far an operation came; to be asked by who holds its lock.
    pub fn is_pending(&self, id: &str) -> bool {
        self.fact(id, "state").as_deref() == Some(OperationState::Pending.as_str())
    }

    fn is_locked(&self, id: &str) -> bool {
        let Ok(file) = File::open(self.lock_file(id)) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Hands out what an operation did, the last first: key, reason, group and edit.
    pub fn done_edits(&self, id: &str, each: &mut EachDone<'_>) -> Result<(), RepairError> {
        self.edits(
            id,
            "WHERE EXISTS (SELECT 1 FROM batches WHERE n BETWEEN first AND last AND done)
               AND NOT EXISTS (SELECT 1 FROM left_alone AS l WHERE l.n = e.n) ORDER BY n DESC",
            &mut |_, key, reason, group, edit| each(key, reason, group, edit),
        )
    }

    fn edits(&self, id: &str, which: &str, each: &mut EachLogged<'_>) -> Result<(), RepairError> {
        let fail = |error: rusqlite::Error| self.unwritable(error);
        let connection = self.connect(id, false).map_err(fail)?;
        let names = Names::default();
        let sql = format!("SELECT n, key, reason, grp, tbl, {EDIT} FROM edits AS e {which}");
        let mut select = connection.prepare(&sql).map_err(fail)?;
        let mut rows = select.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            let text = |at: usize| row.get_ref(at).map(|v| v.as_str().unwrap_or_default());
            let (key, reason, table) =
                (text(1).map_err(fail)?, text(2).map_err(fail)?, text(4).map_err(fail)?);
            let edit = draft::edit(row, 5, table, &names).map_err(fail)?;
            let n = row.get::<_, i64>(0).map_err(fail)?.unsigned_abs();
            let group = row.get::<_, i64>(3).map_err(fail)?.unsigned_abs();
            each(n, key, reason, group, edit)?;
        }
        Ok(())
    }

    /// The rows that an operation left alone: key, and how they had changed.
    pub fn left_alone(&self, id: &str, most: usize) -> Vec<(String, String)> {
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            let connection = self.connect(id, false)?;
            let sql =
                "SELECT e.key, l.how FROM left_alone AS l JOIN edits AS e USING (n) ORDER BY n LIMIT ?1";
            let mut select = connection.prepare(sql)?;
            select.query_map([most as i64], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        };
        read().unwrap_or_default()
    }

    /// Where an operation moved its last file to.
    pub fn moved_to(&self, id: &str) -> Option<PathBuf> {
        let read = || -> rusqlite::Result<Vec<u8>> {
            let sql = "SELECT after FROM edits WHERE kind = ?1 ORDER BY n DESC LIMIT 1";
            self.connect(id, false)?.query_row(sql, [EditKind::Move as i64], |r| r.get(0))
        };
        Record(read().ok()?).text(0).map(PathBuf::from)
    }

    /// A fact of an operation that is kept beside its edits.
    pub fn fact(&self, id: &str, name: &str) -> Option<String> {
        self.connect(id, false).ok().and_then(|c| value(&c, name).ok().flatten())
    }
}

fn value(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare_cached("SELECT value FROM operation WHERE name = ?1")?;
    select.query_row([name], |r| r.get(0)).optional()
}

fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO operation VALUES (?1, ?2)")?
        .execute([name, value])
        .map(|_| ())
}
