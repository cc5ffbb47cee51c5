//! The repairs as the window and the headless commands do them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sessionscope::core::repair::{
    DEFAULT_FORGE, DeleteIssue, Plan, PruneOptions, Repair, SessionStore, Step, apply, plan,
};
use sessionscope::core::{Flow, Operation, Timestamp};
use sessionscope::stores::Options;
use sessionscope::stores::repair::{Around, Log, open_for_import, open_for_repair};
use sessionscope::stores::sqlite::{Cancel, Clock};

use super::data;

fn options() -> Options {
    Options { clock: Clock::fixed(data::NOW_MS), ..Options::default() }
}

pub fn delete_issue() -> Repair {
    let text = |text: &str| text.to_owned();
    let (forge, repo, issue) = (Some(text(data::FORGE)), text(data::REPO), text(data::ISSUE));
    Repair::DeleteIssue(DeleteIssue { forge, agent: None, repo, issue })
}

pub fn import(file: &Path) -> Repair {
    Repair::Import { from: file.to_owned(), forge: DEFAULT_FORGE.to_owned(), compare: false }
}

pub fn prune() -> Repair {
    Repair::Prune(PruneOptions::default())
}

/// A store that is open for repairs, with a log beside it.
pub struct Ours {
    store: Box<dyn SessionStore>,
    log: Log,
    options: Options,
}

/// An operation, and how long its parts took.
pub struct Applied {
    pub operation: Operation,
    pub took: Duration,
    /// From the first to the last moment of each part: writing the log, changing rows, reading back.
    pub logging: Duration,
    pub changing: Duration,
    pub reading_back: Duration,
}

impl Ours {
    pub fn open(path: &Path) -> Self {
        let options = options();
        let open = if path.exists() { open_for_repair } else { open_for_import };
        let store = open(path, &options).expect("the store opens");
        let beside: PathBuf = path.with_file_name("data");
        Self { store, log: Log::in_folder(&beside), options }
    }

    pub fn plan(&self, repair: &Repair) -> Plan {
        let around = Around { log: &self.log, options: &self.options, cancel: Cancel::default() };
        plan(self.store.as_ref(), repair, Timestamp(data::NOW_MS), &around).expect("a plan")
    }

    pub fn apply(&mut self, plan: Plan) -> Applied {
        let planned = plan.summary.edits;
        let start = Instant::now();
        let mut marks = [start; 3];
        let operation =
            apply(self.store.as_ref(), &mut self.log, plan, Timestamp(data::NOW_MS), &mut |step| {
                match step {
                    Step::Logged => marks = [Instant::now(); 3],
                    Step::Noted { .. } => marks[1] = Instant::now(),
                    Step::ReadBack => marks[2] = Instant::now(),
                    _ => {}
                }
                Flow::Continue
            })
            .expect("an operation");
        let took = start.elapsed();
        assert_eq!((operation.done, operation.left), (planned, 0), "all is done");
        let [logged, changed, read_back] = marks;
        Applied {
            operation,
            took,
            logging: logged - start,
            changing: changed - logged,
            reading_back: read_back - changed,
        }
    }
}
