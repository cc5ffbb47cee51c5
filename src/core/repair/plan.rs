//! From a repair to the exact rows that it would change.

use std::path::Path;
use std::sync::Arc;

use super::{
    Action, Draft, Edit, EditKind, ImportSource, Item, PlanItems, Repair, RepairError, SessionStore, Summary,
    Target, Transcript, delete_issue, delete_sessions, import, migrate, prune, undo,
};
use crate::core::{Operation, StoreError, Timestamp};

/// Takes what an operation did, one edit after the other: its key, its reason, its group, and itself.
pub type EachDone<'a> = dyn FnMut(&str, &str, u64, Edit) -> Result<(), RepairError> + 'a;

/// What planning may ask besides the store.
pub trait Surroundings {
    /// A new, empty draft.
    fn draft(&self) -> Result<Box<dyn Draft>, RepairError>;

    /// Whether somebody called it off.
    fn is_cancelled(&self) -> bool;

    fn import_source(&self, path: &Path) -> Result<Box<dyn ImportSource>, RepairError>;

    /// Hands out every transcript below a folder.
    fn transcripts(
        &self,
        folder: &Path,
        store: &dyn SessionStore,
        each: &mut dyn FnMut(Transcript) -> Result<(), RepairError>,
    ) -> Result<(), RepairError>;

    /// An operation of the log.
    fn operation(&self, id: &str) -> Result<Operation, RepairError>;

    /// Hands out what an operation did, the last first: key, reason, group and edit.
    fn done_edits(&self, id: &str, each: &mut EachDone<'_>) -> Result<(), RepairError>;
}

/// The exact rows that a repair would change, those it keeps, and why.
#[must_use = "a plan changes nothing until it is applied"]
pub struct Plan {
    pub repair: Repair,
    pub target: Target,
    pub made_at: Timestamp,
    pub items: Box<dyn PlanItems>,
    pub summary: Summary,
    /// How many rows of each table are done what to, in the order in which they come.
    pub deeds: Vec<(Action, Arc<str>, u64)>,
    pub warnings: Vec<String>,
    pub needs_backup: bool,
    /// The operation that it takes back.
    pub undoes: Option<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.summary.edits == 0
    }
}

/// Makes the plan of a repair. Nothing is changed, and no lock is held when it returns.
///
/// # Errors
/// Where the store may not or cannot be repaired so; see [`RepairError`].
pub fn plan(
    store: &dyn SessionStore,
    repair: &Repair,
    now: Timestamp,
    with: &dyn Surroundings,
) -> Result<Plan, RepairError> {
    store.ensure_writable()?;
    let mut planner = Planner {
        store,
        with,
        now,
        draft: with.draft()?,
        summary: Summary::default(),
        deeds: Vec::new(),
        warnings: store.warnings(),
        needs_backup: false,
        undoes: None,
        group: 0,
    };
    match repair {
        Repair::Import { from, forge, compare } => import::plan(&mut planner, from, forge, *compare)?,
        Repair::Prune(options) => prune::plan(&mut planner, options)?,
        Repair::DeleteIssue(wanted) => delete_issue::plan(&mut planner, wanted)?,
        Repair::DeleteSessions { ids } => delete_sessions::plan(&mut planner, ids)?,
        Repair::Migrate { to } => migrate::plan(&mut planner, to.as_deref())?,
        Repair::Undo { operation } => undo::plan(&mut planner, operation)?,
    }
    let Planner { draft, summary, deeds, warnings, needs_backup, undoes, .. } = planner;
    Ok(Plan {
        repair: repair.clone(),
        target: store.target().clone(),
        made_at: now,
        items: draft.finish()?,
        summary,
        deeds,
        warnings,
        needs_backup,
        undoes,
    })
}

/// A plan while it is made: what each repair adds its lines to.
pub struct Planner<'a> {
    pub(super) store: &'a dyn SessionStore,
    pub(super) with: &'a dyn Surroundings,
    pub(super) now: Timestamp,
    draft: Box<dyn Draft>,
    summary: Summary,
    deeds: Vec<(Action, Arc<str>, u64)>,
    warnings: Vec<String>,
    pub(super) needs_backup: bool,
    pub(super) undoes: Option<String>,
    pub(super) group: u64,
}

impl Planner<'_> {
    /// What comes now need not be done together with what came before.
    pub(super) fn next_group(&mut self) {
        self.group += 1;
    }

    /// Whether nothing that was looked at is of use.
    pub(super) fn is_all_rejected(&self) -> bool {
        let of = |action| self.summary.of(action);
        of(Action::Reject) > 0 && of(Action::Insert) + of(Action::Keep) == 0
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Adds a line; before a deletion all that must go with it.
    pub(super) fn add(&mut self, mut item: Item) -> Result<(), RepairError> {
        if let Some(edit) = item.edit.as_ref().filter(|e| e.after.is_none() && e.kind == EditKind::Row) {
            let dependants = self.store.dependants(edit)?;
            if let Some(why) = dependants.blocked {
                (item.action, item.class, item.reason, item.edit) = (Action::Keep, "referred to", why, None);
                return self.add_alone(item);
            }
            for row in dependants.rows {
                let action = if row.edit.after.is_some() { Action::Update } else { Action::Delete };
                self.add_alone(Item::change(action, "goes with it", &row.key, row.reason, row.edit))?;
            }
        }
        self.add_alone(item)
    }

    /// Adds a line, whatever may depend on its row.
    pub(super) fn add_alone(&mut self, mut item: Item) -> Result<(), RepairError> {
        if self.with.is_cancelled() {
            return Err(RepairError::Store(StoreError::Cancelled));
        }
        item.group = self.group;
        self.summary.count(&item);
        if item.action.changes() {
            match self.deeds.iter_mut().find(|(a, t, _)| *a == item.action && *t == item.table) {
                Some((_, _, count)) => *count += 1,
                None => self.deeds.push((item.action, item.table.clone(), 1)),
            }
        }
        self.draft.add(&item)
    }
}
