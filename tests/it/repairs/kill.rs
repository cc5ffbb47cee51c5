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
    before: State,
    after: State,
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
    "prepared",
    "exchanged",
    "committed",
    "noted",
    "published",
    "moved",
    "noted:2",
    "read-back",
    "finished",
    "locked,noted",
    "locked,locked:2",
    "locked,changed:2",
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

    fn finish(&self) {
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
        self.finish();
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

    fn undo_all(&self) {
        for operation in self.home.operations() {
            let id = operation["operation"].as_str().expect("an id");
            if operation["undoes"].is_null() && operation["undone_by"].is_null() && operation["done"] != 0 {
                self.home.text(&["undo", id, "--apply"]);
            }
        }
    }

    /// Kills it at every step; gives where it came by, and how many edits were done there.
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
            seen.push(format!("{point} {}", self.check(point)));
        }
        seen.join(", ")
    }
}

fn home_with(database: &str) -> Home {
    let home = Home::new();
    home.database("store.db", database);
    home
}

/// The repairs, each with the steps that it comes by and the edits that are done there.
#[test]
fn a_prune_that_is_killed_at_any_step_is_before_or_after() {
    let scenario = Scenario::new(home_with(&stores::hooks(5, 2)), &["prune", "store.db"]);
    assert_eq!(scenario.at_every_step(), "");
}
