//! What the repairs are measured on: made once, copied for every run.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// The moment of every run, so that the same rows are always as old.
pub const NOW_MS: i64 = 1_780_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// The issue that is deleted: five rows, and near misses by prefix, forge and number.
pub const FORGE: &str = "github";
pub const REPO: &str = "acme/app-77";
pub const ISSUE: &str = "42";

/// The table as seed 004 makes it.
pub const TABLE: &str = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL,
  last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL)";

/// One session of the data: half of them are older than a day.
pub struct Session {
    pub key: String,
    pub id: String,
    pub last_used_at: i64,
}

/// The sessions in an order that is neither that of their keys nor of their times.
pub fn sessions(count: u64) -> impl Iterator<Item = Session> {
    (0..count).map(move |n| {
        // A step that shares no factor with a power of ten goes through all numbers.
        let i = n * 382_331 % count;
        let forge = ["forgejo", "github"][(i % 2) as usize];
        let agent = ["architect", "developer", "reviewer", "tester", "writer"][(i / 2 % 5) as usize];
        let (repo, issue) = (i / 10 % 200, i / 2000);
        let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let age = if hash >> 63 == 0 { 2 * DAY_MS } else { 0 } + (hash % 80_000_000) as i64;
        Session {
            key: format!("{forge}:{agent}:acme/app-{repo}:{issue}"),
            id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                hash >> 32,
                n & 0xffff,
                n >> 20,
                n & 0xfff,
                hash >> 16
            ),
            last_used_at: NOW_MS - age,
        }
    })
}

/// The time before which rows are pruned.
pub fn oldest_kept_ms() -> i64 {
    NOW_MS - DAY_MS
}

/// The folder of the data, on the disk that everything is measured on.
pub fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A WAL database of so many sessions.
pub fn database(count: u64) -> PathBuf {
    once(&format!("claude-hooks-{count}.sqlite"), |path| {
        let mut connection = Connection::open(path).expect("a database");
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").expect("WAL");
        connection.execute_batch(TABLE).expect("the table");
        let transaction = connection.transaction().expect("a transaction");
        let mut insert = transaction
            .prepare("INSERT INTO claude_sdk_sessions VALUES (?1, ?2, ?3, ?3)")
            .expect("an insert");
        for session in sessions(count) {
            insert.execute((session.key, session.id, session.last_used_at)).expect("a row");
        }
        drop(insert);
        transaction.commit().expect("a commit");
    })
}

/// A session file of so many entries.
pub fn session_file(count: u64) -> PathBuf {
    once(&format!("sessions-{count}.json"), |path| {
        let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a file"));
        let mut before = "{\n";
        for Session { key, id, last_used_at } in sessions(count) {
            write!(file, "{before}  \"{key}\": {{\"id\": \"{id}\", \"last_used_at\": {last_used_at}}}")
                .expect("an entry");
            before = ",\n";
        }
        file.write_all(b"\n}\n").and_then(|()| file.flush()).expect("the end");
    })
}

fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let path = folder().join(name);
    if !path.exists() {
        // Under another name until it is whole.
        let unfinished = folder().join(format!("unfinished-{name}"));
        let _ = fs::remove_file(&unfinished);
        make(&unfinished);
        fs::rename(&unfinished, &path).expect("the file under its name");
    }
    path
}

/// A folder for one run, in which everything is fresh and on the disk before anything is measured.
pub struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir_in(folder()).expect("a folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of a file of the data.
    pub fn copy(&self, of: &Path, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(of, &path).expect("a copy");
        fs::File::open(&path).and_then(|f| f.sync_all()).expect("the copy on the disk");
        path
    }

    /// A WAL database with the empty table.
    pub fn empty_database(&self) -> PathBuf {
        let path = self.path("sessions.sqlite");
        let connection = Connection::open(&path).expect("a database");
        connection.execute_batch("PRAGMA journal_mode = WAL").expect("WAL");
        connection.execute_batch(TABLE).expect("the table");
        path
    }
}
