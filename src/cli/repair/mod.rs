//! The repairs, headless: each prints its plan, and changes nothing unless `--apply` is given.

mod operations;
mod print;

pub use operations::{ForgetArguments, OperationsArguments, UndoArguments, forget, operations, undo};

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::{Status, say};
use crate::core::repair::{
    DEFAULT_FORGE, DeleteIssue, Plan, PruneOptions, Repair, RepairError, SessionStore, Step, apply, counted,
    parse_age, plan,
};
use crate::core::{Flow, Timestamp};
use crate::stores::Options;
use crate::stores::repair::{Around, Log, open_for_import, open_for_repair, settle};
use crate::stores::sqlite::{Cancel, Clock};

/// What every repair can be told.
#[derive(Debug, clap::Args)]
pub struct Ways {
    /// Do it; without this only the plan is printed
    #[arg(long)]
    apply: bool,
    /// One object of JSON
    #[arg(long)]
    json: bool,
    /// Leave the lines of the plan out
    #[arg(long)]
    summary: bool,
}

/// What `import` was asked for.
#[derive(Debug, clap::Args)]
pub struct ImportArguments {
    /// A sessions.json, a session document, or a key-value Durable Object
    file: PathBuf,
    /// The database that it goes into; made where there is none
    #[arg(long, value_name = "DATABASE")]
    into: PathBuf,
    /// The forge of keys that name none
    #[arg(long, default_value = DEFAULT_FORGE, value_name = "NAME")]
    forge: String,
    #[command(flatten)]
    ways: Ways,
}

/// What `prune` was asked for.
#[derive(Debug, clap::Args)]
pub struct PruneArguments {
    path: PathBuf,
    /// Instead of the store's own age: 90m, 24h, 30d, 2w
    #[arg(long, value_parser = parse_age, value_name = "AGE", allow_hyphen_values = true)]
    older_than: Option<i64>,
    /// Also take what has no time recorded
    #[arg(long)]
    include_unknown: bool,
    /// Also move away the transcripts below this folder that no session names
    #[arg(long, value_name = "FOLDER")]
    transcripts: Option<PathBuf>,
    /// How old a transcript must be for that, instead of 30d
    #[arg(long, value_parser = parse_age, value_name = "AGE", requires = "transcripts", allow_hyphen_values = true)]
    transcripts_older_than: Option<i64>,
    #[command(flatten)]
    ways: Ways,
}

/// What `delete-issue` was asked for.
#[derive(Debug, clap::Args)]
pub struct DeleteIssueArguments {
    path: PathBuf,
    /// The forge's name; `none` for keys of three parts
    #[arg(long)]
    forge: String,
    /// Only this agent's sessions
    #[arg(long)]
    agent: Option<String>,
    #[arg(long)]
    repo: String,
    #[arg(long)]
    issue: String,
    #[command(flatten)]
    ways: Ways,
}

/// What `delete-session` was asked for.
#[derive(Debug, clap::Args)]
pub struct DeleteSessionArguments {
    path: PathBuf,
    /// The sessions' ids, as `rows PATH sessions` prints them
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    ways: Ways,
}

/// What `migrate` was asked for.
#[derive(Debug, clap::Args)]
pub struct MigrateArguments {
    path: PathBuf,
    /// A version instead of the newest; of a configuration `move`, or `delete-unbound` in a later deploy
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    ways: Ways,
}

pub fn import(arguments: ImportArguments) -> Status {
    let ImportArguments { file, into, forge, ways } = arguments;
    let repair = Repair::Import { from: file, forge, compare: false };
    run(&into, &repair, &ways, open_for_import)
}

pub fn prune(arguments: PruneArguments) -> Status {
    let PruneArguments { path, older_than, include_unknown, transcripts, transcripts_older_than, ways } =
        arguments;
    let options = PruneOptions {
        older_than_ms: older_than,
        include_unknown,
        transcripts,
        transcripts_older_than_ms: transcripts_older_than,
    };
    run(&path, &Repair::Prune(options), &ways, open_for_repair)
}

pub fn delete_issue(arguments: DeleteIssueArguments) -> Status {
    let DeleteIssueArguments { path, forge, agent, repo, issue, ways } = arguments;
    let forge = (forge != "none").then_some(forge);
    run(&path, &Repair::DeleteIssue(DeleteIssue { forge, agent, repo, issue }), &ways, open_for_repair)
}

pub fn delete_session(arguments: DeleteSessionArguments) -> Status {
    let DeleteSessionArguments { path, ids, ways } = arguments;
    run(&path, &Repair::DeleteSessions { ids }, &ways, open_for_repair)
}

pub fn migrate(arguments: MigrateArguments) -> Status {
    let MigrateArguments { path, to, ways } = arguments;
    run(&path, &Repair::Migrate { to }, &ways, open_for_repair)
}

type Open = fn(&Path, &Options) -> Result<Box<dyn SessionStore>, RepairError>;

/// Says an error in one line: what is wrong, and what to do.
fn complain(error: &RepairError) -> Status {
    say(&format!("{error}. {}", error.hint()));
    match error {
        RepairError::Store(error) => Status::of(error),
        error if error.is_usage() => Status::USAGE,
        error if error.is_refusal() => Status::DAMAGED,
        _ => Status::FAILED,
    }
}

fn options() -> Options {
    Options { clock: Clock::from_environment(), ..Options::default() }
}

/// Opens the log, and says what became of operations that were interrupted.
fn log(options: &Options) -> Result<Log, RepairError> {
    let log = Log::open()?;
    for settled in settle(&log, options) {
        say(&settled.words());
    }
    Ok(log)
}

/// Plans a repair, prints the plan, and applies it where that was asked for.
fn run(path: &Path, repair: &Repair, ways: &Ways, open: Open) -> Status {
    attempt(path, repair, ways, open).unwrap_or_else(|error| complain(&error))
}

fn attempt(path: &Path, repair: &Repair, ways: &Ways, open: Open) -> Result<Status, RepairError> {
    let options = options();
    let mut log = log(&options)?;
    let store = open(path, &options)?;
    let now = Timestamp(options.clock.now_ms());
    let around = Around { log: &log, options: &options, cancel: Cancel::default() };
    let plan = plan(store.as_ref(), repair, now, &around)?;
    // Said before anybody decides by the plan; applying looks again.
    store.check()?;
    let shown = print::Shown { path, ways };
    // A reader that has gone, such as `head`, is no reason not to do what was asked for.
    let mut written = shown.plan(&plan);
    let summary = plan.summary;
    let wanted = ways.apply && !plan.is_empty();
    let applied = wanted.then(|| apply_to(store.as_ref(), &mut log, plan, now)).transpose();
    let operation = match &applied {
        Ok(operation) => operation.as_ref(),
        Err(RepairError::Partly { operation, .. }) => Some(operation.as_ref()),
        Err(_) => None,
    };
    if written.is_ok() {
        written = shown.end(repair, &summary, operation);
    }
    if let Some(operation) = operation {
        for (key, how) in log.left_alone(&operation.id, print::MOST_LEFT) {
            say(&format!("Left alone, since {how}: {key}"));
        }
        let more = operation.left.saturating_sub(print::MOST_LEFT as u64);
        if more > 0 {
            say(&format!("Left alone besides: {}; another plan shows them", counted(more, "row")));
        }
    }
    applied.map(|_| super::finish(written, Status::DONE))
}

fn apply_to(
    store: &dyn SessionStore,
    log: &mut Log,
    plan: Plan,
    now: Timestamp,
) -> Result<crate::core::Operation, RepairError> {
    apply(store, log, plan, now, &mut |step| {
        if cfg!(debug_assertions) {
            halt_at(step);
        }
        Flow::Continue
    })
}

/// Stops at steps, so that a test can kill the program there, in debug builds: `SESSIONSCOPE_HALT_AT=NAME,NAME:N`, the N-th time.
///
/// It goes on when there is a file of the name that `SESSIONSCOPE_HALT_UNTIL` has, and takes the file away.
fn halt_at(step: Step) {
    static HALT: OnceLock<Mutex<Vec<(String, u64)>>> = OnceLock::new();
    let wanted = HALT.get_or_init(|| {
        let wanted = std::env::var("SESSIONSCOPE_HALT_AT").unwrap_or_default();
        let one = |point: &str| {
            let (name, time) = point.split_once(':').unwrap_or((point, "1"));
            (name.to_owned(), time.parse().unwrap_or(1))
        };
        Mutex::new(wanted.split(',').map(one).collect())
    });
    let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
    let mut halts = false;
    for (_, times) in wanted.iter_mut().filter(|(name, times)| name == step.name() && *times > 0) {
        *times -= 1;
        halts |= *times == 0;
    }
    if !halts {
        return;
    }
    say(&format!("halted at {}", step.name()));
    let until = std::env::var_os("SESSIONSCOPE_HALT_UNTIL").map(PathBuf::from);
    while until.as_ref().is_none_or(|path| std::fs::remove_file(path).is_err()) {
        std::thread::sleep(Duration::from_millis(2));
    }
}
