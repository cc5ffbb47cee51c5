//! Repairs within this process, as the window does them: for tests that make very many.

use std::path::{Path, PathBuf};

use sessionscope::core::repair::{Action, Plan, PruneOptions, Repair, RepairError, apply, plan};
use sessionscope::core::{Flow, Operation, Timestamp};
use sessionscope::stores::repair::{Around, Log, open_for_import, open_for_repair};
use sessionscope::stores::sqlite::Cancel;

use crate::support::{NOW_MS, options};

/// A store in a folder of its own, with its log.
pub struct Inside {
    folder: tempfile::TempDir,
}

/// What a plan says, and what became of it.
pub struct Done {
    pub operation: Option<Operation>,
    pub deletes: u64,
    pub inserts: u64,
    /// Every line: action, key and reason.
    pub lines: Vec<(Action, String, String)>,
}

impl Inside {
    pub fn new(sql: &str) -> Self {
        let made = Self { folder: super::folder() };
        made.connection().execute_batch(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
        made
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("object.db")
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).expect("a database")
    }

    fn log(&self) -> Log {
        Log::in_folder(&self.folder.path().join("data"))
    }

    pub fn operations(&self) -> Vec<Operation> {
        self.log().operations()
    }

    fn plan_in(&self, log: &Log, path: &Path, repair: &Repair) -> Result<Plan, RepairError> {
        let options = options();
        let store = open_for_repair(path, &options)?;
        plan(
            store.as_ref(),
            repair,
            Timestamp(NOW_MS),
            &Around { log, options: &options, cancel: Cancel::default() },
        )
    }

    /// Plans a repair, applies it where there is anything to do, and gives both.
    pub fn repair(&self, repair: &Repair) -> Result<Done, RepairError> {
        let mut log = self.log();
        let planned = self.plan_in(&log, &self.path(), repair)?;
        let of = |action| planned.summary.of(action);
        let mut done = Done {
            operation: None,
            deletes: of(Action::Delete),
            inserts: of(Action::Insert),
            lines: Vec::new(),
        };
        let mut add = |line: sessionscope::core::repair::PlanLine<'_>| {
            done.lines.push((line.action, line.key.to_owned(), line.reason.to_owned()));
            Flow::Continue
        };
        planned.items.lines(&mut add).expect("the lines");
        if !planned.is_empty() {
            let store = open_for_import(&self.path(), &options())?;
            let applied =
                apply(store.as_ref(), &mut log, planned, Timestamp(NOW_MS), &mut |_| Flow::Continue)?;
            done.operation = Some(applied);
        }
        Ok(done)
    }

    pub fn undo(&self, id: &str) -> Result<Done, RepairError> {
        self.repair(&Repair::Undo { operation: id.to_owned() })
    }
}

/// The deletion of the whole object.
pub fn delete_object() -> Repair {
    Repair::DeleteSessions { ids: vec!["object".to_owned()] }
}

pub fn prune() -> Repair {
    Repair::Prune(PruneOptions::default())
}
