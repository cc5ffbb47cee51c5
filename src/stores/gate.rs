//! Keeps this process from opening a database as a plain file while it writes one.
//!
//! Closing any handle of a file drops all POSIX locks that the process has on it, SQLite's write lock too: another program
//! would take it in the midst of a transaction (sqlite.org, "How To Corrupt An SQLite Database File", 2.2). So whoever
//! reads a file that may be a database by other means than SQLite looks through here, and waits while a batch is written.

use std::cell::Cell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static GATE: RwLock<()> = RwLock::new(());

thread_local! {
    /// Whether this thread looks: a second look would wait for a batch that waits for the first one.
    static LOOKS: Cell<bool> = const { Cell::new(false) };
}

/// Held while a file is opened, read and closed.
pub struct Looking(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'static, ()>);

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKS.set(false);
    }
}

/// Held while a transaction writes.
pub struct Writing(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'static, ()>);

pub fn look() -> Looking {
    debug_assert!(!LOOKS.replace(true), "a look within a look");
    Looking(GATE.read().unwrap_or_else(PoisonError::into_inner))
}

pub fn write() -> Writing {
    Writing(GATE.write().unwrap_or_else(PoisonError::into_inner))
}
