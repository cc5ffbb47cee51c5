//! What the overview counts of a store.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sessionscope::core::glance::{Glance, OverTimeCounter};
use sessionscope::core::{Flow, Timestamp};

use super::{agent_mcp, session_do};
use crate::support::{NOW_MS, database, opened};

fn glance(sql: &str) -> Glance {
    let (_folder, path) = database("store.db", sql);
    let mut last = Glance::default();
    let store = opened(&path).store;
    store
        .glance(&mut |known| {
            last = known.clone();
            Flow::Continue
        })
        .expect("it can be counted");
    last
}

/// A store of one session with so many messages, a minute apart.
fn messages(count: i64) -> String {
    format!(
        "{} DELETE FROM messages; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1)
         INSERT INTO messages SELECT 'm' || i, 'user', 'text ' || i, NULL, 1795000000 + i * 60 FROM n;",
        session_do::SHIP
    )
}

#[test]
fn messages_are_counted_over_time_page_by_page() {
    // More than two pages of them, so that one that was left out or read twice would show.
    let glance = glance(&messages(20_000));
    let messages = glance.messages.expect("they have times");
    assert_eq!(messages.total(), 20_000);
    assert_eq!(messages.untimed, 0);
    assert!(messages.counts.len() <= 120, "{} bars", messages.counts.len());
    assert!(
        messages.from_ms <= 1_795_000_000_000 && messages.until_ms() > 1_795_000_000_000 + 19_999 * 60_000
    );
}

#[test]
fn tables_are_measured_with_their_indexes() {
    let glance = glance(&format!("{}; DELETE FROM messages WHERE rowid > 2000;", messages(20_000)));
    let sizes: BTreeMap<&str, u64> = glance.tables.iter().map(|t| (t.name.as_str(), t.bytes)).collect();
    assert_eq!(glance.tables[0].name, "messages");
    assert!(sizes["messages"] > sizes["tasks"]);
    assert!(glance.free_bytes.expect("a database") > 500_000, "{:?}", glance.free_bytes);
    assert!(glance.tables.iter().all(|t| !t.at_least));
}

#[test]
fn a_table_of_that_name_is_not_taken_for_what_measures() {
    let glance = glance(&format!(
        "{}; CREATE TABLE dbstat(schema, name, pgsize); INSERT INTO dbstat VALUES ('main', 'messages', 999999999);",
        messages(3)
    ));
    assert!(glance.tables.iter().all(|t| t.bytes < 100_000), "{:?}", glance.tables);
}

#[test]
fn sessions_are_counted_by_status_and_size() {
    let glance = glance(&format!(
        "{}; INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status) VALUES
         ('a', '{{}}', '2026-11-20T10:00:00.000Z', '2026-11-20T10:00:00.000Z', 'active'),
         ('b', '{{}}', '2026-11-19T10:00:00.000Z', '2026-11-20T10:00:00.000Z', 'expired'),
         ('c', '{{}}', 'never', '2026-11-20T10:00:00.000Z', 'expired');",
        agent_mcp::SCHEMA
    ));
    assert_eq!(glance.statuses, [("expired".to_owned(), 2), ("active".to_owned(), 1)]);
    let sessions = glance.sessions.expect("two have a time");
    assert_eq!(sessions.total(), 3, "one without a beginning is put where it was last active");
    assert!(glance.largest_sessions.is_empty(), "its messages belong to no session");
}

#[test]
fn the_sessions_with_most_messages_come_first() {
    let glance = glance(
        "CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, created_at INTEGER);
         CREATE TABLE session_meta (session_id TEXT, key TEXT, value TEXT, PRIMARY KEY (session_id, key));
         INSERT INTO session_meta VALUES ('one', 'title', 'The first'), ('two', 'title', 'The second');
         INSERT INTO messages VALUES ('1', 'one', 'user', 'a', 1795000000), ('2', 'two', 'user', 'b', 1795000001),
           ('3', 'two', 'user', 'c', 1795000002), ('4', 'three', 'user', 'd', 1795000003);",
    );
    let named: Vec<_> =
        glance.largest_sessions.iter().map(|s| (s.id.as_str(), s.title.as_deref(), s.messages)).collect();
    assert_eq!(named, [("two", Some("The second"), 2), ("one", Some("The first"), 1), ("three", None, 1)]);
}

#[test]
fn times_that_cannot_be_meant_do_not_stretch_the_picture() {
    let mut counter = OverTimeCounter::new(Timestamp(NOW_MS));
    [Some(NOW_MS), Some(NOW_MS - 60_000), Some(1), Some(253_402_300_000_000), None]
        .into_iter()
        .for_each(|time| counter.add(time));
    let counted = counter.finish().expect("two times");
    assert_eq!((counted.total(), counted.untimed, counted.counts.len()), (2, 3, 2));
}

proptest! {
    /// Every row is in exactly one span, and the one that its time says, however many and far apart they are.
    #[test]
    fn every_time_is_in_its_span(times in prop::collection::vec(946_684_800_000_i64..NOW_MS, 1..6_000)) {
        let mut counter = OverTimeCounter::new(Timestamp(NOW_MS));
        times.iter().for_each(|ms| counter.add(Some(*ms)));
        let counted = counter.finish().expect("there are times");
        prop_assert!(counted.counts.len() <= 120);
        let mut expected = vec![0; counted.counts.len()];
        for ms in &times {
            expected[usize::try_from((ms - counted.from_ms) / counted.step_ms).expect("not before the first")] += 1;
        }
        prop_assert_eq!(counted.counts, expected);
    }
}
