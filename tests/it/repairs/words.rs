//! What repairs say: what is refused and why, what goes, and how much room an undo takes.

use std::fs;

use sessionscope::core::repair::{Action, Deeds, Repair};

use super::stores::{agent_mcp, hooks, session_file, set_time, transcript};
use super::{Ended, Home};
use crate::stores::session_do::SHIP;
use crate::support::NOW_MS;

/// A session document of two messages.
const DOCUMENT: &str = r#"{"messages": [{"role": "user", "content": "When does it leave?", "timestamp": 1769972640},
  {"role": "assistant", "content": "At noon.", "timestamp": 1769972641}],
  "metadata": {"title": "Departures"}, "created_at": 1769972640, "last_updated": 1769972641}"#;

fn refused(home: &Home, arguments: &[&str], words: &str) {
    let Ended { out, err, status } = home.run(arguments);
    assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}: {err}");
    assert!(err.contains(words) && err.lines().count() == 1, "{arguments:?}: {err}");
}

#[test]
fn nothing_is_imported_into_a_store_of_another_kind() {
    let home = Home::new();
    home.file("document.json", DOCUMENT);
    home.file("sessions.json", session_file(1, 1));
    home.database("hooks.db", &hooks(1, 1));
    home.database("agent.db", &agent_mcp(1, 1));
    home.database("do.db", SHIP);
    home.database("other.db", "CREATE TABLE stops (id INTEGER PRIMARY KEY, name TEXT)");
    let before = home.files();
    for (into, kind) in
        [("hooks.db", "claude-hooks-db"), ("agent.db", "agent-mcp"), ("other.db", "no known kind")]
    {
        let words = format!("{kind}: {into}. Import into a new file, or into a session-do database.");
        refused(&home, &["import", "document.json", "--into", into, "--apply"], &words);
    }
    for (into, kind) in [("do.db", "session-do"), ("agent.db", "agent-mcp"), ("other.db", "no known kind")] {
        let words = format!("{kind}: {into}. Import into a new file, or into a claude-hooks-db database.");
        refused(&home, &["import", "sessions.json", "--into", into, "--apply"], &words);
    }
    refused(&home, &["import", "document.json", "--into", "sessions.json"], "Nothing can be imported into");
    assert_eq!(home.files(), before);
    for into in ["do.db", "new.db"] {
        assert!(!home.apply(&["import", "document.json", "--into", into]).is_empty());
    }
}

#[test]
fn a_refusal_names_what_a_store_is_and_its_repairs() {
    let home = Home::new();
    home.database("other.db", "CREATE TABLE stops (id INTEGER PRIMARY KEY, name TEXT)");
    home.database("do.db", SHIP);
    refused(&home, &["prune", "other.db"], "It is a SQLite database of no known kind, and has no repairs.");
    let words =
        "It is of the kind session-do, and has these repairs: delete sessions, import into it, migrate.";
    refused(&home, &["prune", "do.db"], words);
}

#[test]
fn what_is_not_there_is_said_in_a_sentence() {
    let home = Home::new();
    home.database("hooks.db", &hooks(1, 1));
    let out = home.text(&["delete-session", "hooks.db", "nosuch"]);
    assert!(out.ends_with("\nThere is no session nosuch.\n"), "{out}");
    let issue = ["delete-issue", "hooks.db", "--forge", "github", "--repo", "acme/none", "--issue", "9"];
    assert_eq!(home.text(&issue), "There is no session of issue 9 of acme/none.\n");
}

#[test]
fn files_that_are_no_transcripts_are_counted() {
    let home = Home::new();
    home.database("hooks.db", &hooks(1, 1));
    transcript(&home, "5e000000-0000-4000-8000-000000000001", 40);
    for name in ["notes", "more"] {
        let path = home.file(&format!("projects/-srv-app/{name}.jsonl"), "{\"line\": 1}\n");
        set_time(&path, NOW_MS - 40 * 86_400_000);
    }
    let out = home.text(&["prune", "hooks.db", "--transcripts", "projects"]);
    let words = "note: 2 files ending in .jsonl look like no transcript, and are left alone.";
    assert!(out.contains(words), "{out}");
}

#[test]
fn a_copy_is_not_put_over_a_file() {
    let home = Home::new();
    home.database("do.db", SHIP);
    home.sql("do.db", "DROP TABLE tasks");
    let id = home.apply(&["migrate", "do.db"]);
    home.file("there.db", "mine");
    refused(
        &home,
        &["undo", &id, "--restore-to", "there.db"],
        "There is a file of that name already: there.db. Choose another name.",
    );
    assert_eq!(fs::read(home.at("there.db")).expect("it is there"), b"mine");
}

/// What a plan says that its undo will take, and what it takes.
fn room(home: &Home, arguments: &[&str]) -> (u64, u64) {
    let out = home.text(&[arguments, &["--summary"]].concat());
    let said = out.split("about ").nth(1).and_then(|rest| rest.split(" byte").next());
    let said: u64 = said.and_then(|n| n.replace(',', "").parse().ok()).unwrap_or_else(|| panic!("{out}"));
    home.apply(arguments);
    (said, home.operations()[0]["size_bytes"].as_u64().expect("a size"))
}

#[test]
fn the_room_that_an_undo_takes_is_told_before() {
    let home = Home::new();
    home.file("document.json", DOCUMENT);
    home.file(
        "move.jsonc",
        fs::read(crate::support::fixture("wrangler/1-key-value.jsonc")).expect("a fixture"),
    );
    home.database("few.db", &hooks(3, 1));
    home.database("many.db", &hooks(20_000, 1));
    home.database("agent.db", &agent_mcp(400, 50));
    home.database("do.db", SHIP);
    home.sql("do.db", "DROP TABLE tasks");
    home.database("long.db", &format!("{SHIP} UPDATE messages SET content = hex(zeroblob(9000))"));
    for arguments in [
        &["prune", "few.db"][..],
        &["prune", "many.db"],
        &["prune", "agent.db"],
        &["migrate", "do.db"],
        &["migrate", "move.jsonc"],
        &["import", "document.json", "--into", "new.db"],
        &["delete-session", "long.db", "long"],
    ] {
        let (said, took) = room(&home, arguments);
        assert!(said.abs_diff(took) * 4 <= took, "{arguments:?}: {said} said, {took} taken");
    }
}

#[test]
fn forgetting_frees_what_it_promises_and_counts_no_more() {
    let home = Home::new();
    home.database("hooks.db", &hooks(500, 1));
    let id = home.apply(&["prune", "hooks.db"]);
    let plan = home.text(&["forget", &id]);
    let size = |home: &Home| fs::metadata(home.data().join("operations/1.sqlite")).expect("a log").len();
    let before = size(&home);
    let json = home.json(&["forget", &id, "--apply"]);
    let freed = before - size(&home);
    assert!(before - freed < 5_000, "{before} - {freed}");
    assert_eq!(json["freed_bytes"], freed);
    let digits: String = plan.split(" byte").next().unwrap_or_default().replace(',', "");
    assert!(digits.ends_with(&format!("frees {freed}")), "{plan}");
    assert_eq!(json["summary"]["delete"], 1);
    assert_eq!(json["applied"], true);
    assert_eq!(home.operations()[0]["size_bytes"], 0);
    assert_eq!(home.json(&["forget", &id, "--apply"])["applied"], false);
}

#[test]
fn a_deed_names_every_kind_that_goes() {
    let issue = Repair::DeleteSessions { ids: Vec::new() };
    let words = |repair: &Repair, counts: &[(Action, &'static str, u32)], done| {
        let mut deeds = Deeds::default();
        for (action, noun, count) in counts {
            (0..*count).for_each(|_| deeds.count(*action, noun));
        }
        deeds.words(repair, done)
    };
    let agent =
        [(Action::Delete, "state entry", 7), (Action::Update, "session", 3), (Action::Delete, "session", 1)];
    assert_eq!(words(&issue, &agent, false), "Mark 3 sessions, delete 1 session and 7 state entries");
    assert_eq!(words(&issue, &agent, true), "Marked 3 sessions, deleted 1 session and 7 state entries");
    let object = [(Action::Delete, "message", 2), (Action::Delete, "task", 1), (Action::Delete, "fact", 4)];
    assert_eq!(words(&issue, &object, false), "Delete 2 messages, 1 task and 4 facts");
    let migrate = Repair::Migrate { to: None };
    assert_eq!(words(&migrate, &[(Action::Create, "step", 1)], false), "Run 1 step");
    let both = [(Action::Insert, "session", 1), (Action::Rename, "file", 1), (Action::Create, "step", 2)];
    assert_eq!(words(&migrate, &both, true), "Ran 2 steps, imported 1 session, put aside 1 file");
    assert_eq!(words(&migrate, &[(Action::Update, "configuration", 1)], true), "Changed 1 configuration");
    assert_eq!(words(&issue, &[], false), "Nothing to do");
}

#[test]
fn only_a_change_of_a_configuration_warns_of_what_is_deployed() {
    let home = Home::new();
    home.file(
        "move.jsonc",
        fs::read(crate::support::fixture("wrangler/1-key-value.jsonc")).expect("a fixture"),
    );
    let warns = |arguments: &[&str]| home.text(arguments).contains("what has been deployed stays deployed");
    assert!(warns(&["migrate", "move.jsonc"]));
    assert!(
        home.text(&["migrate", "move.jsonc"]).contains(", as 1 change of the whole. Nothing has changed")
    );
    let id = home.apply(&["migrate", "move.jsonc"]);
    assert!(!warns(&["migrate", "move.jsonc"]), "nothing is left to move");
    assert_eq!((&home.operations()[0]["planned"], &home.operations()[0]["done"]), (&1.into(), &1.into()));
    assert!(warns(&["undo", &id]));
}
