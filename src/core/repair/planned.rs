//! What a plan has done so far to rows that it may come by again, since rows refer to each other.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::{Edit, Record, Standing};
use crate::core::KeyId;

/// Rows as a plan leaves them, by the hash of their table and key.
///
/// Hashes of 64 bits, since a million keys as text would take several times the room.
#[derive(Debug, Default)]
pub(super) struct Planned {
    hasher: RandomState,
    /// The hash of what is in the row; none where it goes.
    rows: HashMap<u64, Option<u64>>,
    /// Rows that are changed and stay, whole.
    changed: HashMap<u64, Record>,
}

impl Planned {
    fn name(&self, table: &str, id: &KeyId) -> u64 {
        self.hasher.hash_one((table, id))
    }

    fn print(&self, record: Option<&Record>) -> Option<u64> {
        record.map(|r| self.hasher.hash_one(&r.0))
    }

    /// Whether a row goes.
    pub fn goes(&self, table: &str, id: &KeyId) -> bool {
        self.rows.get(&self.name(table, id)) == Some(&None)
    }

    /// The edit on top of what is planned; none where that leaves nothing to do.
    pub fn on_top(&self, edit: Edit) -> Option<Edit> {
        let name = self.name(&edit.table, &edit.id);
        if self.rows.get(&name) == Some(&None) {
            return None;
        }
        let edit = match (self.changed.get(&name), &edit.before) {
            (Some(left), Some(before)) => Edit {
                after: edit.after.as_ref().map(|after| left.with_changes(before, after)),
                before: Some(left.clone()),
                ..edit
            },
            _ => edit,
        };
        (edit.before != edit.after).then_some(edit)
    }

    /// How a row will stand to an edit, where the plan changes it.
    pub fn standing(&self, edit: &Edit) -> Option<Standing> {
        let now = *self.rows.get(&self.name(&edit.table, &edit.id))?;
        Some(match () {
            () if now == self.print(edit.before.as_ref()) => Standing::Before,
            () if now == self.print(edit.after.as_ref()) => Standing::After,
            () => Standing::Changed("what else is taken back leaves another row there".into()),
        })
    }

    pub fn add(&mut self, edit: &Edit) {
        let name = self.name(&edit.table, &edit.id);
        self.rows.insert(name, self.print(edit.after.as_ref()));
    }

    /// Also keeps the row whole, for edits on top of this one.
    pub fn add_whole(&mut self, edit: &Edit) {
        self.add(edit);
        let name = self.name(&edit.table, &edit.id);
        match &edit.after {
            Some(after) => self.changed.insert(name, after.clone()),
            None => self.changed.remove(&name),
        };
    }
}
