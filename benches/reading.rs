//! Reading large stores, each step beside the same work done by plain SQLite in the same run.
//!
//! `cargo bench --bench reading`; with `BENCH_5M=1` also five million messages (about 2 GB on disk). The databases are
//! made once, in `target/bench-data`. After divan's table come the ratios: above 1, plain SQLite is faster.

// A benchmark that cannot go on should say so and stop.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use divan::Bencher;
use rusqlite::{Connection, OpenFlags};
use sessionscope::core::{Flow, Query, ReadStore, RowIndex, RowKey, Selection, Table};
use sessionscope::stores::sqlite::SqliteStore;
use sessionscope::stores::{Options, open};

/// Seed 001's schema, filled by one statement; three messages share a second, and one in five has tool calls.
const SCHEMA: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;
CREATE TABLE messages (id TEXT PRIMARY KEY, role TEXT NOT NULL, content TEXT NOT NULL, parts TEXT, created_at INTEGER NOT NULL);
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'pending',
  mode TEXT DEFAULT 'build', created_at INTEGER NOT NULL, completed_at INTEGER);
CREATE TABLE session_meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO session_meta VALUES ('title', 'A long session'), ('repoOwner', 'acme'), ('repoName', 'app');
";
const MESSAGES: &str = "
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
INSERT INTO messages SELECT printf('%08x-%08x', (i * 2654435761) & 4294967295, i),
  CASE i % 4 WHEN 0 THEN 'user' ELSE 'assistant' END,
  '#' || i || ' the session token refresh failed because of a clock skew error; retry the worker, then look at the storage migration again',
  CASE WHEN i % 5 = 1 THEN '[{\"type\":\"tool-call\",\"toolCallId\":\"c' || i || '\",\"toolName\":\"bash\",\"toolInput\":{\"command\":\"ls -la\"},\"state\":\"complete\"}]' END,
  1769972640 + i / 3 FROM n
";
const INDEXES: &str = "
CREATE INDEX idx_messages_created ON messages(created_at);
CREATE INDEX idx_tasks_status ON tasks(status, created_at);
";
const PAGE: usize = 100;
const FIRST_KEYS: usize = 1000;
const COLUMNS: &str = "id, role, content, parts, created_at";

fn main() {
    for rows in sizes() {
        let start = Instant::now();
        let path = data(rows);
        println!("{rows} messages: {} ({:.1} s)", path.display(), start.elapsed().as_secs_f64());
    }
    divan::main();
    ratios();
}

fn sizes() -> Vec<u64> {
    let mut sizes = vec![100_000, 1_000_000];
    if std::env::var_os("BENCH_5M").is_some() {
        sizes.push(5_000_000);
    }
    sizes
}

/// Opens a store and reads its first keys and its first page of messages.
mod first_page {
    use super::*;

    #[divan::bench(args = sizes())]
    fn sessionscope(bencher: Bencher, rows: u64) {
        let path = data(rows);
        bencher.bench(|| ours::first_page(&path));
    }

    #[divan::bench(args = sizes())]
    fn plain_sqlite(bencher: Bencher, rows: u64) {
        let path = data(rows);
        bencher.bench(|| plain::first_page(&path));
    }
}

/// Shows the page at nine tenths of the table, as after a drag of the scroll bar.
mod jump {
    use super::*;

    #[divan::bench(args = sizes())]
    fn sessionscope(bencher: Bencher, rows: u64) {
        let store = ours::store(&data(rows));
        let index = ours::index(&store);
        bencher.bench_local(|| ours::page(&store, &index, rows * 9 / 10));
    }

    #[divan::bench(args = sizes())]
    fn plain_sqlite(bencher: Bencher, rows: u64) {
        let connection = plain::connection(&data(rows));
        bencher.bench_local(|| plain::page(&connection, rows * 9 / 10));
    }
}

/// Reads the keys of all messages in their order.
mod key_index {
    use super::*;

    #[divan::bench(args = sizes(), sample_count = 10)]
    fn sessionscope(bencher: Bencher, rows: u64) {
        let store = ours::store(&data(rows));
        bencher.bench_local(|| ours::index(&store));
    }

    #[divan::bench(args = sizes(), sample_count = 10)]
    fn plain_sqlite(bencher: Bencher, rows: u64) {
        let connection = plain::connection(&data(rows));
        bencher.bench_local(|| plain::index(&connection));
    }
}

mod ours {
    use super::*;

    pub fn store(path: &Path) -> SqliteStore {
        open(path, &Options::default()).expect("the store opens").store
    }

    pub fn first_page(path: &Path) -> usize {
        let store = store(path);
        let mut keys = RowIndex::default();
        store
            .index(&Query::all(Table::Messages), None, &mut |piece| {
                keys.append(piece);
                if keys.len() < FIRST_KEYS { Flow::Continue } else { Flow::Stop }
            })
            .expect("keys");
        page(&store, &keys, 0)
    }

    pub fn index(store: &SqliteStore) -> RowIndex {
        let mut keys = RowIndex::default();
        store
            .index(&Query::all(Table::Messages), None, &mut |piece| {
                keys.append(piece);
                Flow::Continue
            })
            .expect("keys");
        keys
    }

    pub fn page(store: &SqliteStore, index: &RowIndex, at: u64) -> usize {
        let at = at as usize;
        let keys: Vec<RowKey> = (at..at + PAGE).filter_map(|i| index.get(i)).collect();
        let selection = Selection { cut: Some(512), ..Selection::default() };
        let rows = store.rows(&Table::Messages, &keys, &selection).expect("rows");
        assert_eq!(rows.len(), PAGE);
        black_box(rows).len()
    }
}

mod plain {
    use super::*;

    pub fn connection(path: &Path) -> Connection {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .expect("the database opens")
    }

    pub fn first_page(path: &Path) -> usize {
        let connection = connection(path);
        let sql = format!("SELECT rowid FROM messages ORDER BY created_at, rowid LIMIT {FIRST_KEYS}");
        black_box(keys(&connection, &sql));
        page(&connection, 0)
    }

    pub fn index(connection: &Connection) -> Vec<i64> {
        keys(connection, "SELECT rowid FROM messages ORDER BY created_at, rowid")
    }

    pub fn page(connection: &Connection, at: u64) -> usize {
        let sql =
            format!("SELECT {COLUMNS} FROM messages ORDER BY created_at, rowid LIMIT {PAGE} OFFSET {at}");
        let mut statement = connection.prepare(&sql).expect("a statement");
        let rows: Vec<(String, String, String, Option<String>, i64)> = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
            .and_then(Iterator::collect)
            .expect("rows");
        assert_eq!(rows.len(), PAGE);
        black_box(rows).len()
    }

    fn keys(connection: &Connection, sql: &str) -> Vec<i64> {
        let mut statement = connection.prepare(sql).expect("a statement");
        statement.query_map([], |r| r.get(0)).and_then(Iterator::collect).expect("keys")
    }
}

/// The median times of both sides, one after the other in turn, and their quotient.
fn ratios() {
    println!("\n{:<28}{:>14}{:>14}{:>8}", "work", "sessionscope", "plain SQLite", "ratio");
    for rows in sizes() {
        let path = data(rows);
        let (store, connection) = (ours::store(&path), plain::connection(&path));
        let index = ours::index(&store);
        let at = rows * 9 / 10;
        let line = |work: &str, ours: &mut dyn FnMut(), plain: &mut dyn FnMut()| {
            let mut times: [Vec<Duration>; 2] = Default::default();
            for _ in 0..7 {
                times[0].push(timed(ours));
                times[1].push(timed(plain));
            }
            let [ours, plain] = times.map(median);
            let ratio = ours.as_secs_f64() / plain.as_secs_f64();
            println!("{:<28}{ours:>14.2?}{plain:>14.2?}{ratio:>8.2}", format!("{work}, {rows}"));
        };
        line(
            "first page",
            &mut || {
                black_box(ours::first_page(&path));
            },
            &mut || {
                black_box(plain::first_page(&path));
            },
        );
        line(
            "jump",
            &mut || {
                black_box(ours::page(&store, &index, at));
            },
            &mut || {
                black_box(plain::page(&connection, at));
            },
        );
        line("key index", &mut || drop(black_box(ours::index(&store))), &mut || {
            black_box(plain::index(&connection));
        });
    }
}

fn timed(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The database of that many messages, made where it is not there yet.
fn data(rows: u64) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    let path = folder.join(format!("session-do-{rows}.sqlite"));
    if !path.exists() {
        fs::create_dir_all(&folder).expect("a folder");
        // Under another name until it is whole.
        let unfinished = path.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        let connection = Connection::open(&unfinished).expect("a database");
        connection.execute_batch(SCHEMA).expect("the schema");
        connection.execute_batch("BEGIN").expect("a transaction");
        connection.execute(MESSAGES, [rows as i64]).expect("the messages");
        connection.execute_batch("COMMIT").expect("a commit");
        connection.execute_batch(INDEXES).expect("the indexes");
        drop(connection);
        fs::rename(&unfinished, &path).expect("the database under its name");
    }
    path
}
