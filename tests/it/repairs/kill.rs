//! Killed at any moment: the store is before or after, the log says which, and the same command finishes the work.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Home;
use super::stores::{self, State, progress, state};

/// A repair that is killed again and again.
pub struct Scenario {
    pub home: Home,
    pub command: Vec<String>,
    start: BTreeMap<PathBuf, Vec<u8>>,
    pub before: State,
    pub after: State,
    earlier: usize,
}

/// A step to halt at, as `SESSIONSCOPE_HALT_AT` takes it. With a first one where the lock is held too long, so that one row
/// makes a batch.
const POINTS: &[&str] = &[
    "start",
    "logged",
    "backed-up",
    "locked",
    "changed",
    "intended",
    "prepared",
    "exchanged",
    "committed",
    "noted",
    "published",
    "moved",
    "moved:2",
    "read-back",
    "finished",
    "locked,noted",
    "locked,locked:2",
    "locked,changed:2",
    "locked,intended:2",
    "locked,committed:2",
    "locked,noted:2",
];

impl Scenario {
    fn new(home: Home, command: &[&str]) -> Self {
        let command: Vec<String> =
            command.iter().map(|s| (*s).to_owned()).chain(["--apply".into()]).collect();
        let before = state(&home);
        let start = home.files();
        let earlier = home.operations().len();
        let mut scenario = Self { home, command, start, before, after: State::new(), earlier };
        scenario.finish();
        scenario.after = state(&scenario.home);
        assert_ne!(scenario.before, scenario.after);
        scenario.reset();
        scenario
    }

    pub fn arguments(&self) -> Vec<&str> {
        self.command.iter().map(String::as_str).collect()
    }

    pub fn reset(&self) {
        self.home.restore(&self.start);
        for transcript in self.start.keys().filter(|p| p.extension().is_some_and(|e| e == "jsonl")) {
            stores::set_time(transcript, 1_700_000_000_000);
        }
    }

    pub fn finish(&self) {
        self.home.text(&self.arguments());
    }

    /// Checks all that must hold after a kill; gives how many edits were done.
    pub fn check(&self, when: &str) -> u64 {
        let operations = self.home.operations();
        assert_eq!(self.home.leftovers(), [""; 0], "{when}: in the way");
        let now = state(&self.home);
        let done = progress(&self.before, &self.after, &now);
        let (word, noted) = match operations.len() - self.earlier {
            0 => ("not applied", 0),
            1 => (
                operations[0]["state"].as_str().expect("a word"),
                operations[0]["done"].as_u64().expect("a number"),
            ),
            more => panic!("{when}: {more} operations"),
        };
        assert_eq!(noted, done, "{when}: {word}, and the log says {noted} where the store shows {done}");
        match word {
            "applied" => assert_eq!(now, self.after, "{when}"),
            "not applied" => assert_eq!(now, self.before, "{when}"),
            "partly applied" => assert!(done > 0, "{when}"),
            other => panic!("{when}: {other}"),
        }
        // A file that was imported is not there to be imported again, and what is undone is not undone twice.
        if now != self.after || !["import", "undo"].contains(&self.command[0].as_str()) {
            self.finish();
        }
        assert_eq!(state(&self.home), self.after, "{when}: finished by the same command");
        self.undo_all();
        let undone = state(&self.home);
        // Tables stay when an import is undone, and the undo of an undo is another repair.
        if self.earlier == 0 {
            let rows = |all: &State| -> State {
                let row =
                    |place: &str| !place.starts_with("schema") && !place.contains("sessionscope_migrations");
                all.iter().filter(|(place, _)| row(place)).map(|(p, r)| (p.clone(), r.clone())).collect()
            };
            assert_eq!(rows(&undone), rows(&self.before), "{when}: undone");
        }
        done
    }

    pub fn undo_all(&self) {
        for operation in self.home.operations() {
            let id = operation["operation"].as_str().expect("an id");
            if operation["undoes"].is_null() && operation["undone_by"].is_null() && operation["done"] != 0 {
                self.home.text(&["undo", id, "--apply"]);
            }
        }
    }

    /// Kills it at every step; gives where it came by, and whether some edits were done there.
    fn at_every_step(&self) -> String {
        let mut seen = Vec::new();
        for point in POINTS {
            self.reset();
            let Ok(mut halted) = self.home.halted(point, &self.arguments()) else { continue };
            if point.contains(',') {
                super::overdue();
                halted.go_on();
                if !halted.wait() {
                    continue;
                }
            }
            halted.kill();
            seen.push(format!("{point} {}", if self.check(point) > 0 { "some" } else { "none" }));
        }
        seen.join(", ")
    }
}

/// All repairs, by their names.
pub fn scenario(name: &str) -> Scenario {
    let home = Home::new();
    let command: Vec<String> = match name {
        "import into a new database" | "import into a database" => {
            home.file("sessions.json", stores::session_file(3, 2));
            if name == "import into a database" {
                home.database("store.db", &stores::hooks(1, 1));
            }
            vec!["import".into(), "sessions.json".into(), "--into".into(), "store.db".into()]
        }
        "prune" | "prune with a log" => {
            let journal = if name == "prune" { "" } else { "PRAGMA journal_mode = WAL;" };
            home.database("store.db", &format!("{journal}{}", stores::hooks(5, 2)));
            vec!["prune".into(), "store.db".into()]
        }
        "prune of a session file" => {
            home.file("store.json", stores::session_file(3, 2));
            vec!["prune".into(), "store.json".into()]
        }
        "prune of agents" | "prune of agents with a log" => {
            let journal = if name == "prune of agents" { "" } else { "PRAGMA journal_mode = WAL;" };
            home.database("store.db", &format!("{journal}{}", stores::agent_mcp(2, 2)));
            vec!["prune".into(), "store.db".into()]
        }
        "prune of transcripts" => {
            home.database("store.db", &stores::hooks(1, 1));
            for uuid in ["aaaaaaaa", "bbbbbbbb"] {
                stores::transcript(&home, &format!("{uuid}-0000-4000-8000-000000000000"), 40);
            }
            ["prune", "store.db", "--transcripts", "projects"].map(str::to_owned).into()
        }
        "delete-issue" => {
            let sql = stores::hooks(5, 2)
                .replace("|| i, printf", "|| (i % 2), printf")
                .replace("coder", "' || i || '");
            home.database("store.db", &sql);
            ["delete-issue", "store.db", "--forge", "forgejo", "--repo", "acme/app", "--issue", "1"]
                .map(str::to_owned)
                .into()
        }
        "delete-session" => {
            home.database("store.db", &stores::agent_mcp(2, 1));
            ["delete-session", "store.db", "s1", "s3"].map(str::to_owned).into()
        }
        "migrate" => {
            home.database("store.db", crate::stores::session_do::SHIP);
            ["migrate", "store.db"].map(str::to_owned).into()
        }
        "migrate a configuration" => {
            home.fixture("wrangler/1-key-value.jsonc", "wrangler.jsonc");
            ["migrate", "wrangler.jsonc"].map(str::to_owned).into()
        }
        "undo" | "undo of an import" => {
            let done = scenario(if name == "undo" { "prune" } else { "import into a database" });
            let id = done.home.apply(&done.arguments()[..done.command.len() - 1]);
            return Scenario::new(done.home, &["undo", &id]);
        }
        other => panic!("no scenario {other}"),
    };
    Scenario::new(home, &command.iter().map(String::as_str).collect::<Vec<_>>())
}

fn is_killed_at_every_step(name: &str, expected: &str) {
    let seen = scenario(name).at_every_step();
    assert_eq!(seen, expected, "{name}: the steps that it comes by, and whether changes are made there");
}

#[test]
fn an_import_into_a_new_database_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "import into a new database",
        "start none, logged none, locked none, changed none, intended none, prepared none, committed none, noted none, published some, moved some, read-back some, finished some, locked,noted none, locked,locked:2 none, locked,changed:2 none, locked,intended:2 none, locked,committed:2 none, locked,noted:2 none",
    );
}

#[test]
fn an_import_into_a_database_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "import into a database",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, moved some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_prune_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "prune",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_prune_of_a_database_with_a_write_ahead_log_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "prune with a log",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_prune_of_a_session_file_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "prune of a session file",
        "start none, logged none, locked none, changed none, intended none, prepared none, exchanged some, committed some, noted some, read-back some, finished some, locked,noted some",
    );
}

#[test]
fn a_prune_of_agents_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "prune of agents",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_prune_of_transcripts_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "prune of transcripts",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, moved some, moved:2 some, read-back some, finished some, locked,noted some, locked,noted:2 some",
    );
}

#[test]
fn a_deletion_by_issue_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "delete-issue",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_deletion_of_sessions_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "delete-session",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn a_migration_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "migrate",
        "start none, logged none, backed-up none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some",
    );
}

#[test]
fn a_transaction_that_was_spilled_to_the_disk_is_rolled_back_at_the_next_start() {
    let scenario = scenario("prune");
    let home = &scenario.home;
    // The operation is pending; its transaction was killed when pages of the database were written already.
    home.halted("logged", &scenario.arguments()).expect("it stands still").kill();
    let writer = rusqlite::Connection::open(home.at("store.db")).expect("a database");
    let spill = "PRAGMA cache_size = 1; BEGIN; UPDATE claude_sdk_sessions SET session_id = hex(zeroblob(9000)); DELETE FROM claude_sdk_sessions";
    writer.execute_batch(spill).expect("a change");
    let copies =
        ["store.db", "store.db-journal"].map(|name| (name, std::fs::read(home.at(name)).expect("bytes")));
    writer.execute_batch("ROLLBACK").expect("rolled back");
    drop(writer);
    for (name, bytes) in copies {
        home.file(name, bytes);
    }
    assert_eq!(scenario.check("spilled"), 0);
}

#[test]
fn a_migration_of_a_configuration_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "migrate a configuration",
        "start none, logged none, locked none, changed none, intended none, prepared none, exchanged some, committed some, noted some, read-back some, finished some, locked,noted some",
    );
}

#[test]
fn an_undo_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "undo",
        "start none, logged none, locked none, changed none, intended none, committed some, noted some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}

#[test]
fn an_undo_of_an_import_that_is_killed_at_any_step_is_before_or_after() {
    is_killed_at_every_step(
        "undo of an import",
        "start none, logged none, locked some, changed some, intended some, committed some, noted some, moved some, read-back some, finished some, locked,noted some, locked,locked:2 some, locked,changed:2 some, locked,intended:2 some, locked,committed:2 some, locked,noted:2 some",
    );
}
