//! Undo in every order, and beside others who changed the same rows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sessionscope::core::repair::{Action, DeleteIssue, PruneOptions, Repair};

use super::inside::Inside;
use super::rows;
use crate::support::NOW_MS;

const TABLE: &str = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);";

fn key(issue: u8, agent: u8) -> String {
    format!("forgejo:agent{agent}:o/r:{issue}")
}

/// A database with a session for each issue and agent, used so many hours ago.
fn store(hours: &[Vec<u8>]) -> Inside {
    let inside = Inside::new(TABLE);
    let connection = inside.connection();
    for (issue, agents) in hours.iter().enumerate() {
        for (agent, hours) in agents.iter().enumerate() {
            let key = key(u8::try_from(issue).expect("few"), u8::try_from(agent).expect("few"));
            let used = NOW_MS - i64::from(*hours) * 3_600_000;
            let insert = "INSERT INTO claude_sdk_sessions VALUES (?1, 'first', ?2, 1)";
            connection.execute(insert, rusqlite::params![key, used]).expect("inserted");
        }
    }
    inside
}

fn delete_issue(issue: u8) -> Repair {
    let text = |text: &str| text.to_owned();
    Repair::DeleteIssue(DeleteIssue {
        forge: Some(text("forgejo")),
        agent: None,
        repo: text("o/r"),
        issue: issue.to_string(),
    })
}

fn prune(hours: u8) -> Repair {
    Repair::Prune(PruneOptions {
        older_than_ms: Some(i64::from(hours) * 3_600_000),
        ..PruneOptions::default()
    })
}

/// The sessions by their key.
fn sessions(inside: &Inside) -> BTreeMap<String, (String, i64)> {
    let connection = inside.connection();
    let mut select =
        connection.prepare("SELECT key, session_id, last_used_at FROM claude_sdk_sessions").expect("a table");
    let rows = select.query_map([], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?)))).expect("rows");
    rows.map(|r| r.expect("a row")).collect()
}

#[derive(Debug, Clone)]
enum Deed {
    Prune(u8),
    DeleteIssue(u8),
    Import(Vec<(u8, u8)>),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0_u8..60).prop_map(Deed::Prune),
        (0_u8..4).prop_map(Deed::DeleteIssue),
        proptest::collection::vec((0_u8..5, 0_u8..4), 1..5).prop_map(Deed::Import),
    ]
}

fn hours() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(0_u8..60, 0..4), 4)
}

/// What another program does with a row that a repair has taken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Other {
    Nothing,
    PutsBackTheSame,
    PutsBackAnother,
    /// Adds one of its own, which gets the number that is free.
    AddsItsOwn,
}

fn any_other() -> impl Strategy<Value = Other> {
    proptest::sample::select(vec![
        Other::Nothing,
        Other::PutsBackTheSame,
        Other::PutsBackAnother,
        Other::AddsItsOwn,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_back_the_last_first_gives_back_everything(
        hours in hours(), deeds in proptest::collection::vec(any_deed(), 1..5)
    ) {
        let inside = store(&hours);
        let before = rows(&inside.path());
        let mut ids = Vec::new();
        for (turn, deed) in deeds.iter().enumerate() {
            let repair = match deed {
                Deed::Prune(hours) => prune(*hours),
                Deed::DeleteIssue(issue) => delete_issue(*issue),
                Deed::Import(entries) => {
                    let entries: Vec<String> = entries.iter().map(|(i, a)| format!("\"{}\": \"of-turn-{turn}\"", key(*i, *a))).collect();
                    let from = inside.file(&format!("sessions-{turn}.json"), &format!("{{{}}}", entries.join(",")));
                    Repair::Import { from, forge: "forgejo".to_owned(), compare: false }
                }
            };
            let was = sessions(&inside);
            let done = inside.repair(&repair).expect("done");
            let is = sessions(&inside);
            prop_assert_eq!(was.len() as u64 - done.deletes + done.inserts, is.len() as u64, "{:?}", deed);
            ids.extend(done.operation.map(|o| o.id));
        }
        for id in ids.iter().rev() {
            let done = inside.undo(id).expect("undone");
            prop_assert!(done.lines.iter().all(|(action, ..)| *action != Action::Keep), "{:?}", done.lines);
        }
        prop_assert_eq!(rows(&inside.path()), before);
    }

    #[test]
    fn operations_on_other_rows_can_be_taken_back_in_any_order(
        hours in hours(), order in Just(vec![0_u8, 1, 2, 3]).prop_shuffle(), undone in Just(vec![0_usize, 1, 2, 3]).prop_shuffle()
    ) {
        let inside = store(&hours);
        let before = rows(&inside.path());
        let done: Vec<Option<String>> = order.iter().map(|issue| {
            inside.repair(&delete_issue(*issue)).expect("done").operation.map(|o| o.id)
        }).collect();
        prop_assert!(sessions(&inside).is_empty());
        for at in undone {
            if let Some(id) = &done[at] {
                inside.undo(id).expect("undone");
            }
        }
        prop_assert_eq!(rows(&inside.path()), before);
        prop_assert!(inside.operations().iter().all(|o| o.undoes.is_some() || o.undone_by.is_some()));
    }

    #[test]
    fn what_others_did_since_stays_and_is_listed(
        hours in hours(), others in proptest::collection::vec(any_other(), 16), vacuum in any::<bool>()
    ) {
        let inside = store(&hours);
        let before = sessions(&inside);
        let Some(operation) = inside.repair(&prune(24)).expect("pruned").operation else { return Ok(()) };
        let kept = sessions(&inside);
        let gone: Vec<&String> = before.keys().filter(|k| !kept.contains_key(*k)).collect();
        let mut expected = before.clone();
        let mut theirs = 0;
        let connection = inside.connection();
        for (key, other) in gone.iter().zip(&others) {
            let (id, used) = &before[*key];
            let (name, id) = match other {
                Other::Nothing => continue,
                Other::PutsBackTheSame => ((*key).clone(), id.clone()),
                Other::PutsBackAnother => ((*key).clone(), "theirs".to_owned()),
                Other::AddsItsOwn => (format!("own of {key}"), "theirs".to_owned()),
            };
            theirs += u64::from(*other == Other::PutsBackAnother);
            let insert = "INSERT INTO claude_sdk_sessions VALUES (?1, ?2, ?3, 1)";
            connection.execute(insert, rusqlite::params![name, id, used]).expect("inserted");
            expected.insert(name, (id, *used));
        }
        if vacuum {
            connection.execute_batch("VACUUM").expect("vacuumed");
        }
        drop(connection);
        let done = inside.undo(&operation.id).expect("undone");
        prop_assert_eq!(sessions(&inside), expected);
        let listed = done.lines.iter().filter(|(action, _, reason)| *action == Action::Keep && reason.starts_with("changed since"));
        prop_assert_eq!(listed.count() as u64, theirs, "{:?}", done.lines);
    }
}
