use sessionscope::core::vitals::{Liveness, Pace};
use sessionscope::core::{Flow, Query, ReadStore, Row, RowIndex, Selection, Table};
use sessionscope::stores::sqlite::Clock;
use sessionscope::stores::{Options, open};
use sessionscope::ui::pulse::{Lane, Mark, Pulse, Reading};

use super::{click, has, names, sized, wait, wait_gone, window};
use crate::stores::agent_mcp::{PYTHON, SCHEMA, SESSIONS};
use crate::support::{NOW_MS, database};

fn agent_mcp() -> (tempfile::TempDir, std::path::PathBuf) {
    database("mcp_state.db", &format!("{SCHEMA}{PYTHON}{SESSIONS}"))
}

#[test]
fn a_timeline_shows_the_sessions_and_says_what_it_shows() {
    let (_folder, path) = agent_mcp();
    let mut window = window(&[&path]);
    click(&mut window, "Heartbeats");
    wait(&mut window, "Timeline: 13 sessions, 3 alive, 6 unknown, 4 dead");
    for rule in ["beat every 30 s", "grace 10 min", "3 attempts", "Time shown: Last 30 min"] {
        wait(&mut window, rule);
    }
    // The sessions that beat last are at the top, in the timeline as in the table.
    wait(&mut window, "beats: alive, last beat 10 s ago; ");
    wait(&mut window, "Prune…");
    click(&mut window, "Hide the timeline");
    wait_gone(&mut window, "Timeline:");
    click(&mut window, "Show the timeline");
    wait(&mut window, "Timeline:");
}

#[test]
fn the_time_that_is_shown_is_a_choice() {
    let (_folder, path) = agent_mcp();
    let mut window = window(&[&path]);
    click(&mut window, "Heartbeats");
    click(&mut window, "Time shown: Last 30 min");
    click(&mut window, "All");
    wait(&mut window, "Time shown: All");
}

#[test]
fn what_stands_against_taking_a_session_up_again_is_shown_one_by_one() {
    let (_folder, path) = agent_mcp();
    let mut window = window(&[&path]);
    click(&mut window, "Heartbeats");
    for answer in
        ["yes", "no: recovered", "no: expired", "no: past grace", "no: 3 attempts", "yes, but fails"]
    {
        wait(&mut window, answer);
    }
    let lane = names(&window).into_iter().find(|name| name.starts_with("quiet: unknown, ")).expect("a lane");
    click(&mut window, &lane);
    for condition in [
        "Status is disconnected or active: active (holds)",
        "Grace period is not over: ended 1 s ago (does not hold)",
        "Fewer than 3 recoveries: 0 (holds)",
    ] {
        wait(&mut window, condition);
    }
    wait(&mut window, "Not all hold: the program does not take it up again.");
    // What of the store's own account is not so, and where recovery fails.
    wait(&mut window, "long: the program calls it expired all the same");
    wait(
        &mut window,
        "broken: recovering it fails: the program changes its row before it parses transport_state",
    );
    click(&mut window, "Show the findings");
    wait(&mut window, "broken-transport-state");
}

#[test]
fn the_sessions_on_the_left_say_whether_they_live() {
    let (_folder, path) = agent_mcp();
    let mut window = window(&[&path]);
    click(&mut window, "beats");
    click(&mut window, "Heartbeats");
    // Of one session the timeline shows one.
    wait(&mut window, "Timeline: 1 session, ");
    wait(&mut window, "beats: alive, ");
    assert!(!has(&window, "gone: dead"));
}

#[test]
fn a_small_window_has_room_for_the_table_beneath_the_timeline() {
    let (_folder, path) = agent_mcp();
    let mut window = sized(&[&path], 1000.0, 640.0);
    click(&mut window, "Heartbeats");
    wait(&mut window, "Timeline: 13 sessions");
    wait(&mut window, "Rows");
    wait(&mut window, "Scroll rows");
}

/// A store with one session, and its heartbeats at a time with what stands aside.
struct Store {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Store {
    fn new() -> Self {
        let (folder, path) = database("a.db", SCHEMA);
        let store = Self { _folder: folder, path };
        store.sql(
            "INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires)
             VALUES ('s', '{}', '2026-11-21T09:59:00.000Z', '2026-11-21T09:59:50.000Z', 'active', '2026-11-21T10:09:00.000Z')",
        );
        store
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(&self.path).and_then(|c| c.execute_batch(sql)).expect("written");
    }

    fn rows(&self, now_ms: i64) -> (Vec<Row>, &'static Pace) {
        let options = Options { clock: Clock::fixed(now_ms), ..Options::default() };
        let store = open(&self.path, &options).unwrap_or_else(|e| panic!("{e}")).store;
        let mut index = RowIndex::default();
        let mut sink = |piece| {
            index.append(piece);
            Flow::Continue
        };
        store.index(&Query::all(Table::Heartbeats), None, &mut sink).expect("an index");
        let keys: Vec<_> = (0..index.len()).filter_map(|at| index.get(at)).collect();
        let selection = Selection { aside: true, cut: Some(64), ..Selection::default() };
        let rows = store.rows(&Table::Heartbeats, &keys, &selection).expect("rows");
        (rows, store.about().pace.expect("a pace"))
    }

    fn beat(&self, pulse: &mut Pulse, now_ms: i64) {
        let (rows, pace) = self.rows(now_ms);
        pulse.arrived(Ok(rows), 1, pace, now_ms);
    }
}

#[test]
fn beats_are_collected_as_they_come_and_nothing_is_made_up() {
    let (store, mut pulse) = (Store::new(), Pulse::default());
    store.beat(&mut pulse, NOW_MS);
    store.beat(&mut pulse, NOW_MS + 1_000);
    assert_eq!(pulse.seen["s"].beats, [NOW_MS - 10_000], "one beat, though it was read twice");
    store.sql("UPDATE mcp_session_persistence SET last_heartbeat = '2026-11-21T10:00:20.000Z'");
    store.beat(&mut pulse, NOW_MS + 21_000);
    assert_eq!(pulse.seen["s"].beats, [NOW_MS - 10_000, NOW_MS + 20_000]);
    store.sql("UPDATE mcp_session_persistence SET disconnected_at = '2026-11-21T10:00:30.000Z', status = 'disconnected'");
    store.beat(&mut pulse, NOW_MS + 31_000);
    store.sql("UPDATE mcp_session_persistence SET last_heartbeat = '2026-11-21T10:00:40.000Z', status = 'recovered', recovery_attempts = 1");
    store.beat(&mut pulse, NOW_MS + 41_000);
    let expected = [(NOW_MS + 30_000, Mark::Disconnected), (NOW_MS + 40_000, Mark::Recovered(1))];
    assert_eq!(pulse.seen["s"].marks, expected);
}

#[test]
fn only_so_many_beats_are_kept() {
    let (store, mut pulse) = (Store::new(), Pulse::default());
    let (rows, pace) = store.rows(NOW_MS);
    let columns = sessionscope::core::table_columns(&Table::Heartbeats);
    let at = columns.iter().position(|c| c.name == "last_heartbeat_at").expect("a column");
    for beat in 0..10_000_i64 {
        let mut rows = rows.clone();
        rows[0].cells[at].value = (NOW_MS + beat).into();
        pulse.arrived(Ok(rows), 0, pace, NOW_MS);
    }
    let beats = &pulse.seen["s"].beats;
    assert!(beats.len() < 3_000, "{}", beats.len());
    assert_eq!(beats.last(), Some(&(NOW_MS + 9_999)), "the newest are kept");
}

#[test]
fn what_stands_aside_is_whole_however_the_cells_are_cut() {
    let store = Store::new();
    let (rows, _) = store.rows(NOW_MS);
    let lane = Lane::of(&rows[0]).expect("a lane");
    assert_eq!(lane.recovery.expect("a rule").conditions.len(), 3);
    assert_eq!(lane.since_ms, Some(NOW_MS - 60_000));
}

#[test]
fn signs_are_read_again_when_something_will_have_changed_and_else_never() {
    let (store, mut pulse) = (Store::new(), Pulse::default());
    store.beat(&mut pulse, NOW_MS);
    assert_eq!(pulse.lanes[0].liveness, Liveness::Alive);
    // A beat of ten seconds ago is missed in twenty.
    assert_eq!(pulse.due_ms, Some(NOW_MS + 20_000));
    let minute = 60_000;
    store.beat(&mut pulse, NOW_MS + 4 * minute);
    assert_eq!(pulse.lanes[0].liveness, Liveness::Unknown);
    assert!(pulse.due_ms.is_some_and(|due| due <= NOW_MS + 5 * minute), "its age is told in minutes");
    store.beat(&mut pulse, NOW_MS + 60 * minute);
    assert_eq!((pulse.lanes[0].liveness, pulse.due_ms), (Liveness::Dead, None));
    assert_eq!(pulse.reading, Reading::Idle);
}
