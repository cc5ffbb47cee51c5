//! Undo: takes an operation back, row by row, where nobody changed the row since.

use std::collections::HashSet;

use super::{Action, Class, Edit, EditKind, Item, Place, Planner, Repair, RepairError, Standing};
use crate::core::{Operation, OperationState};

const TAKEN_BACK: Class = "to take back";
const CHANGED_SINCE: Class = "changed since";
const AS_BEFORE: Class = "as before";

pub(super) fn plan(planner: &mut Planner<'_>, id: &str) -> Result<(), RepairError> {
    let operation = planner.with.operation(id)?;
    let refuse = |reason: &str| {
        Err(RepairError::CannotUndo { operation: id.to_owned(), reason: reason.to_owned(), backup: None })
    };
    match operation.state {
        OperationState::Running => return refuse("it is being applied right now"),
        OperationState::Nothing => return refuse("it changed nothing"),
        OperationState::Forgotten => return refuse("it was forgotten, and what it takes to undo it is gone"),
        OperationState::Pending => {
            return refuse("it was interrupted, and it is not known yet how far it came");
        }
        OperationState::Applied | OperationState::Partly => {}
    }
    if let Some(by) = &operation.undone_by {
        return refuse(&format!("operation {by} undid it already; undo that one to have it done again"));
    }
    planner.undoes = Some(operation.id.clone());
    let with = planner.with;
    let mut gone = HashSet::new();
    with.done_edits(id, &mut |key, reason, group, edit| {
        planner.group = group;
        take_back(planner, &operation, &mut gone, key, reason, edit.reversed())
    })
}

/// Rows that the undo itself deletes, and steps that it takes back.
type Gone = HashSet<Place>;

fn take_back(
    planner: &mut Planner<'_>,
    operation: &Operation,
    gone: &mut Gone,
    key: &str,
    reason: &str,
    edit: Edit,
) -> Result<(), RepairError> {
    if edit.kind == EditKind::Step && edit.after.is_none() {
        if matches!(operation.repair, Repair::Import { .. }) {
            let why = "the tables stay, empty or not";
            return planner.add(Item::line(Action::Keep, AS_BEFORE, &edit.table, key, why));
        }
        let place = (edit.table.clone(), edit.id.clone());
        let why = planner.store.irreversible(&edit, &|place| gone.contains(place))?;
        gone.insert(place);
        if let Some(why) = why {
            let (operation, backup) = (operation.id.clone(), operation.backup.clone());
            return Err(RepairError::CannotUndo { operation, reason: why, backup });
        }
    }
    let edit = planner.store.placed(edit)?;
    let standing = match (planner.store.standing(&edit)?, refers(planner, gone, &edit)?) {
        (Standing::Before, Some(how)) => Standing::Changed(how),
        (standing, _) => standing,
    };
    planner.add_alone(match standing {
        Standing::Before => {
            let action = match (edit.kind, &edit.before, &edit.after) {
                (EditKind::Move, _, _) => Action::Rename,
                (_, None, _) => Action::Insert,
                (_, _, None) => Action::Delete,
                _ => Action::Update,
            };
            if action == Action::Delete {
                gone.insert((edit.table.clone(), edit.id.clone()));
            }
            Item::change(action, TAKEN_BACK, key, format!("takes back: {reason}"), edit)
        }
        Standing::After => {
            Item::line(Action::Keep, AS_BEFORE, &edit.table, key, "it is as it was before already")
        }
        Standing::Changed(how) => {
            Item::line(Action::Keep, CHANGED_SINCE, &edit.table, key, format!("changed since: {how}"))
        }
    })
}

/// Whether a row that would be deleted has come to be referred to by rows that the operation knows nothing of.
fn refers(planner: &Planner<'_>, gone: &Gone, edit: &Edit) -> Result<Option<String>, RepairError> {
    if edit.kind != EditKind::Row || edit.after.is_some() {
        return Ok(None);
    }
    let dependants = planner.store.dependants(edit, &|place| gone.contains(place))?;
    let others = dependants.rows.iter().find(|d| !gone.contains(&(d.edit.table.clone(), d.edit.id.clone())));
    Ok(dependants.blocked.or_else(|| others.map(|d| format!("a row of {} refers to it now", d.edit.table))))
}
