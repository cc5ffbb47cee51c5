//! Connections that can look and never touch.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::core::StoreError;

/// Stops what a connection is doing, from another thread or at a deadline.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Stop>);

#[derive(Debug, Default)]
struct Stop {
    cancelled: AtomicBool,
    /// In microseconds since [`begun`]; zero where there is no deadline.
    deadline: AtomicU64,
}

/// A moment from which deadlines are counted.
fn begun() -> Instant {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    *BEGUN.get_or_init(Instant::now)
}

impl Cancel {
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn reset(&self) {
        self.0.cancelled.store(false, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Does something that is interrupted at a deadline, as where it is cancelled.
    pub fn within<T>(&self, deadline: Instant, work: impl FnOnce() -> T) -> T {
        let micros = deadline.saturating_duration_since(begun()).as_micros();
        self.0.deadline.store(u64::try_from(micros).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        let done = work();
        self.0.deadline.store(0, Ordering::Relaxed);
        done
    }

    fn shall_stop(&self) -> bool {
        let deadline = self.0.deadline.load(Ordering::Relaxed);
        self.is_cancelled() || deadline > 0 && begun().elapsed().as_micros() >= u128::from(deadline)
    }
}

/// How long a reader waits for another program's lock, and a writer.
const READER_WAITS: Duration = Duration::from_millis(1500);
const WRITER_WAITS: Duration = Duration::from_secs(5);
/// Whoever waits looks again this soon: SQLite's own pauses grow to where a program that writes without a break, and lets
/// go for microseconds, is never met without its lock.
const LOOKS_AGAIN: Duration = Duration::from_millis(2);

fn waits(times: i32, most: Duration) -> bool {
    std::thread::sleep(LOOKS_AGAIN);
    LOOKS_AGAIN.saturating_mul(times.unsigned_abs()) < most
}

/// Waits for another program's lock as long as a reader does.
fn reader_waits(times: i32) -> bool {
    waits(times, READER_WAITS)
}

/// Waits for another program's lock as long as a writer does.
pub(in crate::stores) fn writer_waits(times: i32) -> bool {
    waits(times, WRITER_WAITS)
}

/// Opens a database for reading only: `mode=ro`, never `immutable`, never read-write, no memory map.
///
/// Everything in the file is treated as hostile (SQLite's "Defense Against The Dark Arts"): no views, no triggers, no
/// extensions, an untrusted schema, lower limits.
pub fn connect(path: &Path, cancel: &Cancel) -> Result<Connection, StoreError> {
    // By plain path, so that names with `?`, `#` and `%` mean themselves.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| sqlite_error(e, path))?;
    guard(&mut connection, cancel).map_err(|e| sqlite_error(e, path))?;
    Ok(connection)
}

/// A new in-memory database, and the name under which [`memory_again`] opens it once more.
pub fn memory(cancel: &Cancel) -> Result<(Connection, String), StoreError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("file:/sessionscope-{}?vfs=memdb", NEXT.fetch_add(1, Ordering::Relaxed));
    Ok((memory_again(&name, cancel)?, name))
}

/// Another connection to an in-memory database that is still open elsewhere.
pub fn memory_again(name: &str, cancel: &Cancel) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let open = || {
        let mut connection = Connection::open_with_flags(name, flags)?;
        guard(&mut connection, cancel)?;
        Ok(connection)
    };
    open().map_err(|e| sqlite_error(e, Path::new("memory")))
}

fn guard(connection: &mut Connection, cancel: &Cancel) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, 512 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ] {
        connection.set_limit(limit, most)?;
    }
    connection.busy_handler(Some(reader_waits))?;
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;")?;
    let cancel = cancel.clone();
    connection.progress_handler(1000, Some(move || cancel.shall_stop()))?;
    Ok(())
}

/// Says in this program's terms what SQLite reported about a file.
pub fn sqlite_error(error: rusqlite::Error, path: &Path) -> StoreError {
    let path = path.to_owned();
    let rusqlite::Error::SqliteFailure(code, message) = &error else {
        return StoreError::Sqlite { message: error.to_string(), damaged: false };
    };
    let needs_copy = |reason: &str| StoreError::NeedsCopy { reason: reason.into(), path: path.clone() };
    match (code.code, code.extended_code) {
        (ErrorCode::OperationInterrupted, _) => StoreError::Cancelled,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Locked { path },
        (_, ffi::SQLITE_READONLY_DIRECTORY) => {
            needs_copy("it uses a write-ahead log, and its folder may not be written")
        }
        (_, ffi::SQLITE_READONLY_ROLLBACK) => {
            needs_copy("its last transaction was broken off and must be rolled back first")
        }
        (_, ffi::SQLITE_READONLY_RECOVERY | ffi::SQLITE_READONLY_CANTINIT) => {
            needs_copy("its write-ahead log must be recovered first")
        }
        (ErrorCode::CannotOpen, _) => {
            needs_copy("it cannot be opened, perhaps since its folder may not be written")
        }
        (ErrorCode::NotADatabase, _) => StoreError::Damaged {
            what: "it begins like a SQLite database and is none; it may be encrypted or cut off".into(),
            path,
        },
        (ErrorCode::DatabaseCorrupt, _) => StoreError::Sqlite {
            message: message.clone().unwrap_or_else(|| "the database is malformed".into()),
            damaged: true,
        },
        (ErrorCode::SystemIoFailure, _) => {
            StoreError::Unreadable { reason: format!("input or output error {}", code.extended_code), path }
        }
        _ => StoreError::Sqlite { message: error.to_string(), damaged: false },
    }
}
