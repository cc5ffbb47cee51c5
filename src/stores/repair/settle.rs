//! Finds out how far interrupted operations came, by comparing the store with the log.

use std::fs;
use std::path::Path;

use super::log::Log;
use super::{new_database, open_for_repair, swap, writer};
use crate::core::repair::{Edit, EditKind, RepairError, Standing, counted};
use crate::core::{Operation, OperationState, Timestamp};
use crate::stores::sqlite::beside;
use crate::stores::{Options, scratch};

/// What became of an interrupted operation.
#[derive(Debug)]
pub enum Settled {
    /// How far it came is known now.
    Known(Operation),
    /// It cannot be told yet, with why; it is looked at again at the next start.
    Unclear(Operation, String),
}

/// Looks at every operation that was interrupted, and clears up what it left beside its store and elsewhere.
pub fn settle(log: &Log, options: &Options) -> Vec<Settled> {
    scratch::clear_up();
    log.clear_unbegun();
    let interrupted = log.interrupted();
    let settled =
        interrupted.into_iter().rev().filter_map(|operation| one(log, operation, options)).collect();
    log.clear_left();
    settled
}

/// None where another program looks at it just now, or has looked.
fn one(log: &Log, operation: Operation, options: &Options) -> Option<Settled> {
    let _held = log.hold(&operation.id)?;
    if !log.is_pending(&operation.id) {
        return None;
    }
    Some(match look(log, &operation, options) {
        Ok(known) => Settled::Known(known),
        Err(error) => Settled::Unclear(operation, error.to_string()),
    })
}

fn look(log: &Log, operation: &Operation, options: &Options) -> Result<Operation, RepairError> {
    let now = Timestamp(options.clock.now_ms());
    let path = &operation.path;
    let fact = |name: &str| log.fact(&operation.id, name);
    if let (Some(old), Some(new), Some(beside)) = (fact("old_print"), fact("new_print"), fact("prepared"))
        && swap::clear_up(path, Path::new(&beside), &old, &new)? == swap::Found::Unclear
    {
        return Err(RepairError::Failed {
            reason: format!(
                "Another program's text lies beside the file, as {beside}; compare both, and remove one"
            ),
            hint: "Compare both.",
            path: path.clone(),
        });
    }
    if log.fact(&operation.id, "makes_store").is_some() {
        let shown = new_database::is_shown(path, log, &operation.id);
        // What was made aside, and never got its name.
        let aside = new_database::prepared(path);
        for path in [beside(&aside, "-journal"), aside] {
            let _ = fs::remove_file(path);
        }
        if !shown {
            return log.settle(&operation.id, now, true, &mut |_| Ok(Standing::Before));
        }
    }
    let needs_store = log.touches_store(&operation.id)?;
    if needs_store {
        writer::roll_back_left(path, &options.clock)?;
    }
    let store = match needs_store {
        true => Some(open_for_repair(path, options)?),
        false => None,
    };
    log.settle(&operation.id, now, false, &mut |edit: &Edit| match (edit.kind, &store) {
        (EditKind::Move, _) => Ok(super::moves::standing(edit)),
        (_, Some(store)) => store.standing(edit),
        (_, None) => Ok(Standing::Before),
    })
}

impl Settled {
    /// What became of it, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Settled::Known(operation) => {
                let state = match operation.state {
                    OperationState::Applied => "it was applied whole".to_owned(),
                    OperationState::Nothing => "nothing was changed".to_owned(),
                    _ => format!(
                        "{} of {} made; run it again to finish, or undo it",
                        operation.done,
                        counted(operation.planned, "change")
                    ),
                };
                format!(
                    "Operation {} ({}) was interrupted: {state}: {}",
                    operation.id,
                    operation.repair.word(),
                    operation.path.display()
                )
            }
            Settled::Unclear(operation, why) => format!(
                "Operation {} ({}) was interrupted, and how far it came cannot be told yet: {why}",
                operation.id,
                operation.repair.word()
            ),
        }
    }
}
