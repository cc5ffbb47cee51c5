//! Running the steps, and taking them back.

use sessionscope::core::migration::{Object, Step, StepState};
use sessionscope::core::{Severity, Table};
use sessionscope::stores::migrations::{
    LEDGER, Reversed, added, checksum, objects, reverse_blockers, run, run_reverse, steps, stores,
};

use super::{SHIP, clock, differences, ledger, memory, migrate, read, said, schema, states, whole};
use crate::support::{NOW_MS, database, opened, table};

#[test]
fn an_empty_database_is_brought_to_the_newest_schema() {
    for store in stores() {
        let connection = memory("");
        assert!(read(&connection, store).steps.iter().all(|s| s.state == StepState::Pending), "{store}");
        assert_eq!(read(&connection, store).pending().count(), steps(store).len());
        migrate(&connection, store);
        let now = read(&connection, store);
        assert!(now.steps.iter().all(|s| s.state == StepState::Applied), "{store}: {now:?}");
        assert!(
            now.steps.iter().all(|s| s.applied_at_ms == Some(NOW_MS) && s.recorded_checksum == s.checksum)
        );
        assert_eq!((now.differences.as_slice(), now.refusal()), (&[][..], None));
        assert_eq!(now.newest_recorded, steps(store).last().map(|s| s.version));
        // Once more: every step is there, and is recorded once.
        assert!(run(&connection, &steps(store)[0], NOW_MS, &clock()).is_err(), "{store}");
    }
}

#[test]
fn the_record_can_be_read_without_this_program() {
    let connection = memory("");
    migrate(&connection, "claude-hooks-db");
    let sql =
        format!("SELECT version, name, checksum, applied_at, duration_ms FROM {LEDGER} ORDER BY version");
    let mut select = connection.prepare(&sql).expect("the ledger");
    let row = |r: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, String, String, String, i64)> {
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
    };
    let rows: Vec<_> = select.query_map([], row).expect("rows").collect::<Result<_, _>>().expect("rows");
    let time = "2026-11-21T10:00:00.000Z".to_owned();
    let [one, two] = [&steps("claude-hooks-db")[0], &steps("claude-hooks-db")[1]];
    assert_eq!(
        rows,
        [
            (1, "claude-hooks-db/0001_create_claude_sdk_sessions".to_owned(), checksum(one), time.clone(), 0),
            (2, "claude-hooks-db/0002_import_sessions_json".to_owned(), checksum(two), time, 7),
        ]
    );
}

#[test]
fn a_half_made_schema_is_completed_and_only_what_was_added_is_taken_back() {
    let half = SHIP.replace("CREATE INDEX idx_tasks_status ON tasks(status, created_at);", "");
    let connection = memory(&half);
    assert_eq!(states(&connection, "session-do"), "pending, pending");
    assert_eq!(differences(&connection, "session-do"), ["tasks lacks the index idx_tasks_status"]);
    assert_eq!(read(&connection, "session-do").refusal(), None);
    let findings = said(&half);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].severity, findings[0].code, findings[0].table.as_ref(), findings[0].message.as_str()),
        (
            Severity::Info,
            "schema-drift",
            "tasks",
            "tasks differs from the known session-do schema: it lacks the index idx_tasks_status"
        )
    );
    let before = schema(&connection);
    let step = &steps("session-do")[0];
    let added = run(&connection, step, NOW_MS, &clock()).expect("it runs");
    let names: Vec<&str> = added.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["idx_tasks_status", LEDGER]);
    assert_eq!(states(&connection, "session-do"), "applied, pending");
    assert_eq!(differences(&connection, "session-do"), [""; 0]);
    // The tables were there and hold rows: they neither hinder the reverse nor are touched by it.
    assert_eq!(reverse_blockers(&connection, step, &added).expect("blockers"), [""; 0]);
    assert!(matches!(run_reverse(&connection, step, &added), Ok(Reversed::Done { .. })));
    assert_eq!(schema(&connection), before);
}

#[test]
fn a_missing_table_is_made() {
    let connection = memory("CREATE TABLE session_meta (key TEXT PRIMARY KEY, value TEXT);");
    assert_eq!(differences(&connection, "session-do"), ["messages is missing", "tasks is missing"]);
    migrate(&connection, "session-do");
    assert_eq!(differences(&connection, "session-do"), [""; 0]);
}

#[test]
fn a_step_taken_back_leaves_the_schema_as_it_was() {
    for store in stores() {
        for made in 0..=steps(store).len() {
            let before_sql: String = steps(store)[..made].iter().filter_map(Step::sql).collect();
            let connection = memory(&format!(
                "CREATE TABLE other (a); CREATE VIEW seen AS SELECT a FROM other; {before_sql}"
            ));
            let before = schema(&connection);
            let added = migrate(&connection, store);
            for (step, added) in steps(store).iter().zip(added).rev() {
                let reversed = run_reverse(&connection, step, &added).expect("a reverse");
                assert!(matches!(reversed, Reversed::Done { .. }), "{store}: {reversed:?}");
            }
            assert_eq!(schema(&connection), before, "{store} {made}");
            assert_eq!(read(&connection, store).newest_recorded, None);
        }
    }
}

#[test]
fn a_step_is_not_taken_back_where_that_loses_rows_or_the_ground_under_another() {
    let connection = memory("");
    let added = migrate(&connection, "session-do");
    let [first, second] = [&steps("session-do")[0], &steps("session-do")[1]];
    connection
        .execute_batch("INSERT INTO session_events(type, payload, occurred_at) VALUES ('x', '{}', 1)")
        .expect("a row");
    let before = (schema(&connection), states(&connection, "session-do"));
    let expected = ["the table session_events is not empty any more".to_owned()];
    assert_eq!(reverse_blockers(&connection, second, &added[1]).expect("blockers"), expected);
    assert_eq!(
        run_reverse(&connection, second, &added[1]),
        Ok(Reversed::Refused { blockers: expected.to_vec() })
    );
    assert_eq!(
        reverse_blockers(&connection, first, &added[0]).expect("blockers"),
        ["session-do/0002_add_turns_and_session_events was applied after it"]
    );
    assert!(matches!(run_reverse(&connection, first, &added[0]), Ok(Reversed::Refused { .. })));
    assert_eq!((schema(&connection), states(&connection, "session-do")), before);
    connection.execute_batch("DELETE FROM session_events").expect("deleted");
    assert!(
        matches!(run_reverse(&connection, second, &added[1]), Ok(Reversed::Done { dropped }) if dropped.len() == 3)
    );
    assert_eq!(states(&connection, "session-do"), "applied, pending");
}

#[test]
fn a_step_that_fails_or_is_rolled_back_leaves_nothing() {
    // The index names a column that this table does not have.
    let connection = memory("CREATE TABLE tasks (id TEXT); CREATE TABLE messages (id TEXT);");
    let before = schema(&connection);
    let transaction = connection.unchecked_transaction().expect("a transaction");
    assert!(run(&transaction, &steps("session-do")[0], NOW_MS, &clock()).is_err());
    drop(transaction);
    assert_eq!(schema(&connection), before);
    let transaction = connection.unchecked_transaction().expect("a transaction");
    run(&transaction, &steps("agent-mcp")[0], NOW_MS, &clock()).expect("it runs");
    drop(transaction);
    assert_eq!(schema(&connection), before);
    let code = &steps("claude-hooks-db")[1];
    assert!(run(&connection, code, NOW_MS, &clock()).is_err_and(|e| e.to_string().contains("no SQL")));
}

#[test]
fn two_stores_of_one_file_have_a_history_each() {
    let connection = memory("");
    migrate(&connection, "agent-mcp");
    let hooks = migrate(&connection, "claude-hooks-db");
    for store in ["agent-mcp", "claude-hooks-db"] {
        assert_eq!(read(&connection, store).newest_recorded, Some(steps(store).len() as i64));
        assert_eq!(read(&connection, store).refusal(), None);
    }
    for (step, added) in steps("claude-hooks-db").iter().zip(&hooks).rev() {
        assert!(matches!(run_reverse(&connection, step, added), Ok(Reversed::Done { .. })));
    }
    assert_eq!(states(&connection, "claude-hooks-db"), "pending, pending");
    assert_eq!(states(&connection, "agent-mcp"), "applied");
    // What is nobody's is shown once, and makes neither store one that is understood.
    let sql = format!(
        "{}{}{}",
        whole("agent-mcp"),
        whole("claude-hooks-db"),
        ledger("(9, 'goose/0009_x', 'c', NULL, NULL)")
    );
    let (_folder, path) = database("both.db", &sql);
    let shown = table(&opened(&path).store, Table::Migrations, &["name"]);
    assert_eq!(shown.matches("goose/0009_x").count(), 1, "{shown}");
    assert_eq!(said(&sql).iter().filter(|f| f.code == "schema-too-new").count(), 2);
}

#[test]
fn what_was_added_is_told_whatever_the_case_of_its_name() {
    let object = |kind: &str, name: &str| Object { kind: kind.into(), name: name.into() };
    let before = objects(&memory("CREATE TABLE Turns (a); CREATE INDEX i ON Turns(a);")).expect("objects");
    assert_eq!(before, [object("index", "i"), object("table", "Turns")]);
    let after = [object("table", "turns"), object("index", "i"), object("view", "i2")];
    assert_eq!(added(&before, &after), [object("view", "i2")]);
}
