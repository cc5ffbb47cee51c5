//! Delete sessions: the chosen ones, with every row that belongs to them; never a file.

use super::{Action, Item, Planner, RepairError};

pub(super) fn plan(planner: &mut Planner<'_>, ids: &[String]) -> Result<(), RepairError> {
    let store = planner.store;
    let mut seen = std::collections::HashSet::new();
    for id in ids.iter().filter(|id| seen.insert(id.as_str())) {
        planner.next_group();
        // All of them first: that they refer to each other keeps none of them.
        let mut going = std::collections::HashSet::new();
        let found = store.session_rows(id, &mut |row| {
            going.insert((row.edit.table, row.edit.id));
            Ok(())
        })?;
        let any = !going.is_empty();
        planner.going = going;
        store.session_rows(id, &mut |row| {
            planner.add(Item::change(Action::Delete, "to delete", &row.key, row.reason, row.edit))
        })?;
        if !found {
            return Err(RepairError::unsupported(
                store,
                "Sessions of this store cannot be deleted one by one",
            ));
        }
        if !any {
            let table = std::sync::Arc::from("sessions");
            planner.add(Item::line(Action::Reject, "not found", &table, id, "there is no such session"))?;
        }
    }
    Ok(())
}
