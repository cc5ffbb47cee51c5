//! Searching a million messages of 500 bytes, beside `LIKE` and beside one thread with a plain substring finder.
//!
//! `cargo bench --bench searching`. All three answer the same question, in turn, in one run: how many messages hold the
//! text. The database (about 600 MB) is made once, in `target/bench-data`; it is in the page cache when the clock runs.

// A benchmark that cannot go on should say so and stop.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memchr::memmem;
use rusqlite::{Connection, OpenFlags};
use sessionscope::core::Flow;
use sessionscope::core::search::{Mode, Search};
use sessionscope::stores::search::{Request, search};
use sessionscope::stores::sqlite::Cancel;
use sessionscope::stores::{Options, open};

const ROWS: u64 = 1_000_000;

/// Prose of 500 bytes with a number in it; one message in twenty is JSON with escapes.
const MESSAGES: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;
CREATE TABLE messages (id TEXT PRIMARY KEY, role TEXT NOT NULL, content TEXT NOT NULL, parts TEXT, created_at INTEGER NOT NULL);
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'pending',
  mode TEXT DEFAULT 'build', created_at INTEGER NOT NULL, completed_at INTEGER);
CREATE TABLE session_meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO session_meta VALUES ('title', 'A long session');
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 1000000)
INSERT INTO messages SELECT printf('m-%08x', i), CASE i % 4 WHEN 0 THEN 'user' ELSE 'assistant' END,
  CASE WHEN i % 20 = 7 THEN '[{\"type\":\"text\",\"text\":\"' ELSE '' END
  || substr('Step ' || i || ': the worker reads the queue, writes what it did, and tells the planner how far it came. '
  || 'Nothing is lost when it stops between two steps, since each of them is kept before the next one begins.'
  || CASE WHEN i % 20 = 7 THEN '\\nIts log says \\\"caf\\u00e9 closed\\\". ' ELSE ' Its log says nothing of that. ' END
  || CASE i % 50 WHEN 3 THEN 'The Deadlock was found in the second queue.' ELSE 'The second queue was empty at that time.' END
  || ' A change of the table is planned first and shown, and only then is it made, row by row, and each row is compared with '
  || 'what was shown; where one differs it is left alone and told. ', 1, 500)
  || CASE WHEN i % 20 = 7 THEN '\"}]' ELSE '' END,
  NULL, 1769972640 + i FROM n;
COMMIT;
";

fn main() {
    let path = data();
    println!(
        "{ROWS} messages of 500 bytes, {} threads can run",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!(
        "{:<34}{:>10}{:>12}{:>12}{:>12}{:>8}{:>8}",
        "text", "found", "search", "LIKE", "one thread", "×LIKE", "×one"
    );
    for text in ["quixotic zebra", "deadlock", "the planner", "Step 77", "café closed"] {
        let mut times: [Vec<Duration>; 3] = Default::default();
        let mut found = [0; 3];
        for _ in 0..5 {
            for (at, count) in [ours as fn(&Path, &str) -> u64, like, one_thread].into_iter().enumerate() {
                let start = Instant::now();
                found[at] = count(&path, text);
                times[at].push(start.elapsed());
            }
        }
        let [ours, like, one] = times.map(median);
        let times = |other: Duration| other.as_secs_f64() / ours.as_secs_f64();
        // LIKE and the finder look at what is written: text behind escapes they do not find.
        println!(
            "{text:<34}{:>10}{ours:>12.1?}{like:>12.1?}{one:>12.1?}{:>8.1}{:>8.1}",
            found[0],
            times(like),
            times(one)
        );
        assert!(found[0] >= found[1], "{text}: {found:?}");
    }
}

/// Opens the store and searches all its tables; hits are counted, and the first of them kept.
fn ours(path: &Path, text: &str) -> u64 {
    let opened = open(path, &Options::default()).expect("the store opens");
    let wanted = Search::parse(text, Mode::default()).expect("a search").expect("a text");
    let mut found = 0;
    let request = Request { search: &wanted, most_hits: Some(10_000), cancel: &Cancel::default() };
    let mut sink = |piece: sessionscope::stores::search::Found| {
        found += piece.matches;
        Flow::Continue
    };
    search(&opened, &request, &mut sink).expect("it is searched");
    found
}

fn like(path: &Path, text: &str) -> u64 {
    let sql = "SELECT count(*) FROM messages WHERE content LIKE '%' || ?1 || '%'";
    connection(path).query_row(sql, [text], |r| r.get::<_, i64>(0)).expect("a count").unsigned_abs()
}

/// One thread, one statement over the table, and the fastest finder there is for text in one case.
fn one_thread(path: &Path, text: &str) -> u64 {
    let connection = connection(path);
    let finder = memmem::Finder::new(text);
    let mut statement = connection.prepare("SELECT content FROM messages NOT INDEXED").expect("a statement");
    let mut rows = statement.query([]).expect("rows");
    let mut found = 0;
    while let Some(row) = rows.next().expect("a row") {
        let content = row.get_ref(0).expect("a value").as_bytes().expect("text");
        found += u64::from(finder.find(content).is_some());
    }
    found
}

fn connection(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a connection")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The database, made where it is not there yet.
fn data() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    let path = folder.join("searching.sqlite");
    if !path.exists() {
        fs::create_dir_all(&folder).expect("a folder");
        // Under another name until it is whole.
        let unfinished = path.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        Connection::open(&unfinished).and_then(|c| c.execute_batch(MESSAGES)).expect("the messages");
        fs::rename(&unfinished, &path).expect("the database under its name");
    }
    path
}
