//! `operations`, `undo` and `forget`: what was done, and how it is taken back.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::print::plain;
use super::{Ways, complain, log, options, run};
use crate::cli::{Status, finish, say};
use crate::core::export::one_line;
use crate::core::repair::{Repair, RepairError, counted};
use crate::core::{Operation, OperationLog as _, OperationState};
use crate::stores::repair::{Log, backup, open_for_repair};

/// What `operations` was asked for.
#[derive(Debug, clap::Args)]
pub struct OperationsArguments {
    /// One array of JSON
    #[arg(long)]
    json: bool,
}

/// What `undo` was asked for.
#[derive(Debug, clap::Args)]
pub struct UndoArguments {
    /// The operation, as `operations` lists it
    operation: String,
    /// Put the database as it was before into a new file instead
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    restore_to: Option<PathBuf>,
    #[command(flatten)]
    ways: Ways,
}

/// What `forget` was asked for.
#[derive(Debug, clap::Args)]
pub struct ForgetArguments {
    /// The operations, as `operations` lists them
    #[arg(required = true)]
    operations: Vec<String>,
    #[command(flatten)]
    ways: Ways,
}

pub fn operations(arguments: &OperationsArguments) -> Status {
    let log = match log(&options()) {
        Ok(log) => log,
        Err(error) => return complain(&error),
    };
    let all = log.operations();
    let unreadable = log.unreadable();
    for path in &unreadable {
        say(&format!(
            "The operation in {} cannot be read, and is not listed. Keep the file: it may be all that is left of what was changed",
            plain(&path.display().to_string())
        ));
    }
    let mut out = io::stdout().lock();
    let written = match arguments.json {
        true => one_line(&Json::Array(all.iter().map(as_json).collect()).to_string(), &mut out)
            .and_then(|()| out.write_all(b"\n")),
        false => text(&all, &mut out),
    };
    finish(written, if unreadable.is_empty() { Status::DONE } else { Status::DAMAGED })
}

fn text(all: &[Operation], out: &mut dyn io::Write) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "No operations: nothing was changed from here.");
    }
    for operation in all {
        let undone = operation.undone_by.as_ref().map_or(String::new(), |by| format!(", undone by {by}"));
        writeln!(
            out,
            "{}  {}  {} ({}{undone})  {} of {}, {} left alone  {}  {}",
            operation.id,
            operation.started_at.rfc3339(),
            operation.repair.word(),
            operation.state.as_str(),
            operation.done,
            counted(operation.planned, "change"),
            operation.left,
            counted(operation.size_bytes, "byte"),
            plain(&operation.path.to_string_lossy())
        )?;
    }
    let total: u64 = all.iter().map(|o| o.size_bytes).sum();
    let kept = all.iter().filter(|o| o.state != OperationState::Forgotten).count();
    writeln!(
        out,
        "Kept for undo: {} of {}; `sessionscope forget OPERATION --apply` frees an operation's",
        counted(total, "byte"),
        counted(kept as u64, "operation")
    )
}

fn as_json(operation: &Operation) -> Json {
    json!({
        "operation": operation.id,
        "repair": operation.repair.word(),
        "path": operation.path.to_string_lossy(),
        "state": operation.state.as_str(),
        "started_at": operation.started_at.rfc3339(),
        "finished_at": operation.finished_at.map(|t| t.rfc3339()),
        "planned": operation.planned,
        "done": operation.done,
        "left": operation.left,
        "size_bytes": operation.size_bytes,
        "undoes": operation.undoes,
        "undone_by": operation.undone_by,
        "backup": operation.backup.as_ref().map(|p| p.to_string_lossy().into_owned()),
    })
}

pub fn undo(arguments: UndoArguments) -> Status {
    let UndoArguments { operation: id, restore_to, ways } = arguments;
    let found = log(&options()).and_then(|log| log.operation(&id));
    match (found, restore_to) {
        (Err(error), _) => complain(&error),
        (Ok(operation), Some(to)) => restore(&operation, &to).unwrap_or_else(|error| complain(&error)),
        (Ok(operation), None) => {
            run(&operation.path, &Repair::Undo { operation: id }, &ways, open_for_repair)
        }
    }
}

fn restore(operation: &Operation, to: &Path) -> Result<Status, RepairError> {
    let Some(from) = &operation.backup else {
        return Err(RepairError::CannotUndo {
            operation: operation.id.clone(),
            reason: "no copy of the whole database was made for it".into(),
            backup: None,
        });
    };
    backup(from, to)?;
    let said = writeln!(io::stdout().lock(), "The database as it was before is in {}", to.display());
    Ok(finish(said, Status::DONE))
}

pub fn forget(arguments: &ForgetArguments) -> Status {
    attempt(arguments).unwrap_or_else(|error| complain(&error))
}

fn attempt(arguments: &ForgetArguments) -> Result<Status, RepairError> {
    let log = log(&options())?;
    let (mut freed, mut would_free) = (0, 0);
    let mut lines: Vec<(Operation, (&str, String))> = Vec::new();
    for id in &arguments.operations {
        if lines.iter().any(|(known, _)| known.id == *id) {
            continue;
        }
        let operation = log.operation(id)?;
        let line = match operation.state {
            OperationState::Forgotten => ("keep", "it is forgotten already".to_owned()),
            _ => {
                let bytes = log.freed_by(&operation)?;
                would_free += bytes;
                ("delete", format!("frees {}, and ends its undo", counted(bytes, "byte")))
            }
        };
        lines.push((operation, line));
    }
    let forgets = lines.iter().any(|(_, (action, _))| *action == "delete");
    let applied = arguments.ways.apply && forgets;
    for (operation, _) in lines.iter().filter(|_| applied) {
        freed += log.forget(&operation.id)?;
    }
    let mut out = io::stdout().lock();
    if arguments.ways.json {
        let object = forgotten(arguments, &log, &lines, applied.then_some(freed));
        let written = one_line(&object.to_string(), &mut out).and_then(|()| out.write_all(b"\n"));
        return Ok(finish(written, Status::DONE));
    }
    let mut written = Ok(());
    for (operation, (_, reason)) in lines.iter().filter(|_| !arguments.ways.summary) {
        written = written.and_then(|()| writeln!(out, "operation {}: {reason}", operation.id));
    }
    let end = match (applied, forgets) {
        (true, _) => format!("{} are free again.", counted(freed, "byte")),
        (_, false) => "There is nothing to change.".to_owned(),
        (false, true) => {
            let bytes = counted(would_free, "byte");
            format!("Nothing has changed; add --apply to do it, and to free {bytes}.")
        }
    };
    Ok(finish(written.and_then(|()| writeln!(out, "{end}")), Status::DONE))
}

/// The same object as of every repair; no operation comes of it, and `path` is the log's.
fn forgotten(
    arguments: &ForgetArguments,
    log: &Log,
    lines: &[(Operation, (&str, String))],
    freed: Option<u64>,
) -> Json {
    let mut object = json!({ "repair": "forget", "path": log.folder().to_string_lossy() });
    if !arguments.ways.summary {
        let line = |(o, (action, reason)): &(Operation, (&str, String))| json!({ "action": action, "table": "operations", "key": o.id, "reason": reason });
        object["plan"] = lines.iter().map(line).collect();
    }
    let of = |wanted: &str| lines.iter().filter(|(_, (action, _))| *action == wanted).count();
    object["summary"] =
        json!({ "insert": 0, "update": 0, "delete": of("delete"), "keep": of("keep"), "reject": 0 });
    object["applied"] = freed.is_some().into();
    object["operation"] = Json::Null;
    object["freed_bytes"] = freed.unwrap_or(0).into();
    object
}
