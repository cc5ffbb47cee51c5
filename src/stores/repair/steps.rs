//! Steps of a schema as edits: planned by a trial on a copy, done and taken back in a transaction of the caller's.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use super::backup::took_ms;
use super::{guard, writer};
use crate::core::KeyId;
use crate::core::migration::{Body, DifferenceKind, History, Object, Refusal, Step, StepState};
use crate::core::repair::{
    Action, Edit, EditKind, Needs, Performed, Place, Record, RepairError, SessionStore, Standing, StepLine,
    StepPlan,
};
use crate::stores::migrations::{self, Reversed};
use crate::stores::scratch::Scratch;
use crate::stores::sqlite::{Clock, sqlite_error};
use crate::stores::{claude_hooks, session_do};

/// Refuses a database whose tables are nearly those of its store, or whose record is not ours.
pub fn ensure_understood(
    connection: &Connection,
    stores: &[&'static str],
    path: &Path,
) -> Result<(), RepairError> {
    for store in stores.iter().filter(|s| !migrations::steps(s).is_empty()) {
        let history = read(connection, store, path)?;
        refuse(&history, path)?;
        let foreign: Vec<String> = history
            .differences
            .iter()
            // What is missing as a whole can be made; anything else is another program's schema.
            .filter(|d| !matches!(d.kind, DifferenceKind::MissingTable | DifferenceKind::MissingIndex { .. }))
            .map(|d| format!("{} {}", d.table, d.clause()))
            .collect();
        if !foreign.is_empty() {
            return Err(RepairError::NotUnderstood { reason: foreign.join("; "), path: path.to_owned() });
        }
    }
    Ok(())
}

fn read(connection: &Connection, store: &str, path: &Path) -> Result<History, RepairError> {
    migrations::history(connection, store).map_err(|e| RepairError::Store(sqlite_error(e, path)))
}

fn refuse(history: &History, path: &Path) -> Result<(), RepairError> {
    let path = path.to_owned();
    match history.refusal() {
        None => Ok(()),
        Some(refusal) => {
            let reason = refusal.message();
            Err(match refusal {
                Refusal::Newer { .. } => RepairError::TooNew { reason, path },
                Refusal::Edited { .. } => RepairError::Edited { reason, path },
                Refusal::Differs { .. } => RepairError::NotUnderstood { reason, path },
            })
        }
    }
}

/// What bringing a database to where it is needed takes.
pub fn plan(
    store: &dyn SessionStore,
    connection: &Connection,
    needs: Needs<'_>,
) -> Result<StepPlan, RepairError> {
    let target = store.target();
    // An import needs the first version of one store; a migration is of every store that the database is.
    let (which, to) = match needs {
        Needs::Version(to) => (None, to),
        Needs::Sessions => (Some(claude_hooks::DATABASE.id), Some("1")),
        Needs::Messages => (Some(session_do::ADAPTER.id), Some("1")),
    };
    let known: Vec<&'static str> = migrations::stores()
        .filter(|id| which.map_or_else(|| target.stores.contains(id), |which| which == *id))
        .collect();
    if known.is_empty() {
        return Err(RepairError::unsupported(
            store,
            "The schema of this store is not one that can be migrated",
        ));
    }
    let mut plan = StepPlan::default();
    let mut pending: Vec<&'static Step> = Vec::new();
    for id in known {
        let history = read(connection, id, &target.path)?;
        refuse(&history, &target.path)?;
        let newest = wanted(to, &history, id, which.is_some())?;
        for (status, step) in history.steps.iter().zip(migrations::steps(id)) {
            let line = |reason: &str| StepLine::kept(id, step.name, reason);
            match &status.state {
                StepState::Pending if step.version <= newest => pending.push(step),
                StepState::Pending => plan.lines.push(line("later than the version that was asked for")),
                StepState::Applied => plan.lines.push(line("applied before")),
                _ => plan.lines.push(line("in place already, made by the store's own program")),
            }
        }
    }
    try_out(store, &pending, &mut plan)?;
    plan.needs_backup = target.exists && plan.lines.iter().any(|l| l.item.edit.is_some());
    Ok(plan)
}

/// The version to go to: the newest, or the one that was asked for; `at_least` that one is enough where it is later already.
fn wanted(to: Option<&str>, history: &History, store: &str, at_least: bool) -> Result<i64, RepairError> {
    let newest = history.steps.iter().map(|s| s.version).max().unwrap_or(0);
    let Some(to) = to else { return Ok(newest) };
    let has = history.steps.iter().filter(|s| s.state != StepState::Pending).map(|s| s.version).max();
    let usage = |reason: String| Err(RepairError::Usage { reason });
    match to.trim_start_matches('0').parse::<i64>() {
        Ok(version) if version < has.unwrap_or(0) && !at_least => usage(format!(
            "The {store} schema is at version {} already, and is not taken back by a migration; undo the operation that brought it there",
            has.unwrap_or(0)
        )),
        Ok(version) if version <= newest => Ok(version),
        _ => usage(format!("The {store} schema has no version {to}; its newest is {newest}")),
    }
}

/// Runs the pending steps on a copy, and says what they added and how long it took.
fn try_out(
    store: &dyn SessionStore,
    pending: &[&'static Step],
    plan: &mut StepPlan,
) -> Result<(), RepairError> {
    let target = store.target();
    let sql: Vec<_> = pending.iter().filter(|s| s.body != Body::Code).collect();
    let scratch = Scratch::new().map_err(|error| RepairError::MayNotWrite {
        reason: format!("There is no place for a trial on a copy ({error})"),
        hint: "Make room in the folder for temporary files, or set TMPDIR to another.",
        path: std::env::temp_dir(),
    })?;
    let copy = scratch.file("copy.sqlite");
    let trial = match (sql.is_empty(), target.exists) {
        (true, _) => None,
        (false, true) => {
            store.backup(&copy)?;
            Some(Connection::open(&copy))
        }
        (false, false) => Some(Connection::open_in_memory()),
    };
    let fail = |error| writer::failure(error, &target.path);
    let trial = trial.transpose().map_err(fail)?;
    for step in pending {
        let (added, reason, imports) = match (&trial, step.body) {
            (Some(trial), Body::Sql { .. }) => {
                let start = Instant::now();
                let added = in_transaction(trial, step).map_err(fail)?;
                let names: Vec<String> = added.iter().map(|o| format!("{} {}", o.kind, o.name)).collect();
                (added, format!("adds {}; took {} ms on a copy", names.join(", "), took_ms(start)), None)
            }
            _ => match beside(&target.path) {
                Some(file) => {
                    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    (Vec::new(), format!("imports {name}, which lies beside the database"), Some(file))
                }
                None => {
                    let reason = "no sessions.json lies beside the database; import one from where it is";
                    plan.lines.push(StepLine::kept(step.store, step.name, reason));
                    continue;
                }
            },
        };
        let line = StepLine::change(Action::Create, step.name, reason, edit(step, &added));
        plan.lines.push(StepLine { imports, ..line });
    }
    if let Some(trial) = trial.filter(|_| target.exists) {
        ensure_sound(&trial, &target.path)?;
        plan.warnings.push(
            "The steps were tried on a copy, which is sound after them (integrity and foreign keys).".into(),
        );
    }
    Ok(())
}

/// The session file beside a database, which a step that is code imports.
fn beside(path: &Path) -> Option<std::path::PathBuf> {
    let file = guard::folder_of(path).join(claude_hooks::FILE_NAME);
    let bytes = std::fs::read(&file).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    claude_hooks::is_session_file(text).then_some(file)
}

fn in_transaction(trial: &Connection, step: &Step) -> rusqlite::Result<Vec<Object>> {
    let transaction = trial.unchecked_transaction()?;
    let added = migrations::run(&transaction, step, 0, &Clock::fixed(0))?;
    transaction.commit()?;
    Ok(added)
}

fn ensure_sound(trial: &Connection, path: &Path) -> Result<(), RepairError> {
    let check = || -> rusqlite::Result<Option<String>> {
        let integrity: String = trial.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        if integrity != "ok" {
            return Ok(Some(integrity));
        }
        let mut keys = trial.prepare("PRAGMA foreign_key_check")?;
        let mut rows = keys.query([])?;
        Ok(match rows.next()? {
            Some(row) => Some(format!("a row of {} refers to nothing", row.get::<_, String>(0)?)),
            None => None,
        })
    };
    match check() {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(RepairError::BreaksRule {
            what: format!("after the steps, tried on a copy, its check says: {}", what.replace('\n', " ")),
            path: path.to_owned(),
        }),
        Err(error) => Err(writer::failure(error, path)),
    }
}

/// A step as an edit: its record holds its name, its checksum and what it added.
fn edit(step: &Step, added: &[Object]) -> Edit {
    let added: Vec<(&str, &str)> = added.iter().map(|o| (o.kind.as_str(), o.name.as_str())).collect();
    let added = serde_json::to_string(&added).unwrap_or_default();
    Edit {
        kind: EditKind::Step,
        table: step.store.into(),
        id: KeyId::Row(step.version),
        before: None,
        after: Some(Record::of_texts(&[step.name, &migrations::checksum(step), &added])),
    }
}

fn step_of(edit: &Edit) -> Option<&'static Step> {
    let KeyId::Row(version) = edit.id else { return None };
    migrations::steps(&edit.table).iter().find(|s| s.version == version)
}

fn added_by(record: &Record) -> Vec<Object> {
    let added: Vec<(String, String)> =
        record.text(2).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    added.into_iter().map(|(kind, name)| Object { kind, name }).collect()
}

/// How a database stands to a step that is done, or taken back.
pub fn standing(connection: &Connection, edit: &Edit) -> rusqlite::Result<Standing> {
    let history = migrations::history(connection, &edit.table)?;
    let KeyId::Row(version) = edit.id else {
        return Ok(Standing::Changed("its version cannot be read".into()));
    };
    let status = history.steps.iter().find(|s| s.version == version);
    let recorded = status.is_some_and(|s| s.state == StepState::Applied);
    // Done is what is recorded; taken back is what is not.
    Ok(if recorded == edit.after.is_some() { Standing::After } else { Standing::Before })
}

/// Why a step cannot be taken back, if so; later steps for which `goes` says so are taken back before it.
pub fn irreversible(
    connection: &Connection,
    edit: &Edit,
    goes: &dyn Fn(&Place) -> bool,
) -> rusqlite::Result<Option<String>> {
    let (Some(step), Some(before)) = (step_of(edit), &edit.before) else {
        return Ok(Some("the step is not known here".into()));
    };
    let history = migrations::history(connection, step.store)?;
    let later = history.steps.iter().filter(|s| s.version > step.version && s.recorded_checksum.is_some());
    let stays = |version: i64| !goes(&(edit.table.clone(), KeyId::Row(version)));
    if let Some(later) = later.clone().find(|s| stays(s.version)) {
        return Ok(Some(format!("{} was applied after it, and must be undone first", later.name)));
    }
    let mut blockers = migrations::reverse_blockers(connection, step, &added_by(before))?;
    if later.count() > 0 {
        // They stand in its way only until they are taken back.
        blockers.retain(|b| b.ends_with("is not empty any more"));
    }
    Ok((!blockers.is_empty()).then(|| blockers.join("; ")))
}

/// Does a step, or takes it back.
pub fn perform(
    connection: &Connection,
    edit: &Edit,
    clock: &Clock,
    path: &Path,
) -> Result<Performed, RepairError> {
    let fail = |error| writer::failure(error, path);
    let Some(step) = step_of(edit) else { return Ok(Performed::Left("the step is not known here".into())) };
    match standing(connection, edit).map_err(fail)? {
        Standing::Before => {}
        Standing::After => return Ok(Performed::Left("it is done already".into())),
        Standing::Changed(how) => return Ok(Performed::Left(how)),
    }
    let Some(after) = &edit.after else {
        let added = edit.before.as_ref().map(added_by).unwrap_or_default();
        return match migrations::run_reverse(connection, step, &added).map_err(fail)? {
            Reversed::Done { .. } => Ok(Performed::Done(0)),
            Reversed::Refused { blockers } => {
                Err(RepairError::BreaksRule { what: blockers.join("; "), path: path.to_owned() })
            }
        };
    };
    if step.body == Body::Code {
        migrations::record(connection, step, clock.now_ms(), 0).map_err(fail)?;
        return Ok(Performed::Done(0));
    }
    let added = migrations::run(connection, step, clock.now_ms(), clock).map_err(fail)?;
    if added != added_by(after) {
        return Err(RepairError::Replaced { path: path.to_owned() });
    }
    Ok(Performed::Done(0))
}
