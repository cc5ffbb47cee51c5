use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection;
use sessionscope::core::search::Mode;
use sessionscope::core::{Flow, StoreError};
use sessionscope::stores::search::{Request, search};
use sessionscope::stores::sqlite::Cancel;

use super::parsed;
use crate::stores::session_do::SHIP;
use crate::support::{database, opened};

const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
  INSERT INTO messages SELECT 'n' || i, 'user', 'a needle ' || hex(zeroblob(50)), NULL, i FROM n;";

#[test]
fn a_writer_goes_on_and_can_clear_its_log_while_a_search_runs() {
    let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = WAL; {SHIP}{MANY}"));
    let opened = opened(&path);
    let (running, stop) = (AtomicBool::new(true), AtomicBool::new(false));
    let cleared = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let writer = Connection::open(&path).expect("a writer");
            writer.execute_batch("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL;").expect("a log");
            let mut cleared = 0;
            while running.load(Ordering::Relaxed) {
                writer
                    .execute("UPDATE messages SET created_at = created_at + 1 WHERE rowid < 50", [])
                    .expect("it writes");
                let busy: i64 = writer
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))
                    .expect("a checkpoint");
                cleared += i32::from(busy == 0);
                if cleared >= 3 {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            cleared
        });
        let wanted = parsed("needle", Mode::default());
        // Again and again, until the log was cleared in the middle of a search.
        while !stop.load(Ordering::Relaxed) {
            let request = Request { search: &wanted, most_hits: Some(10), cancel: &Cancel::default() };
            let mut matches = 0;
            search(&opened, &request, &mut |found| {
                matches += found.matches;
                Flow::Continue
            })
            .unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(matches, 60_000);
        }
        running.store(false, Ordering::Relaxed);
        writer.join().expect("the writer")
    });
    assert!(cleared >= 3);
}

#[test]
fn a_search_that_is_cancelled_stops_within_its_slice() {
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{MANY}"));
    let opened = opened(&path);
    let (wanted, cancel) = (parsed("needle", Mode::default()), Cancel::default());
    let request = Request { search: &wanted, most_hits: Some(10), cancel: &cancel };
    let mut rows = 0;
    let ended = search(&opened, &request, &mut |found| {
        rows += found.rows;
        if rows > 1_000 {
            cancel.cancel();
        }
        Flow::Continue
    });
    assert!(matches!(ended, Err(StoreError::Cancelled)), "{ended:?}");
    assert!(rows < 60_000, "{rows}");
    // Nothing is found in a store that is searched once more: the wish stays until it is taken back.
    assert!(search(&opened, &request, &mut |_| Flow::Continue).is_err());
    cancel.reset();
    let mut first = 0;
    search(&opened, &request, &mut |found| {
        first += found.hits.len();
        if first > 0 { Flow::Stop } else { Flow::Continue }
    })
    .unwrap_or_else(|e| panic!("{e}"));
    assert!((1..=10).contains(&first));
}
