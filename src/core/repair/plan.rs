//! From a repair to the exact rows that it would change.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::deed::counted;
use super::planned::Planned;
use super::room::Room;
use super::{
    Action, Class, Deeds, Draft, Edit, EditKind, ImportSource, Item, LeftOut, PlanItems, Repair, RepairError,
    SessionStore, Summary, Target, Transcript, delete_issue, delete_sessions, import, migrate, prune, undo,
};
use crate::core::{KeyId, Operation, StoreError, Timestamp};

/// Takes what an operation did, one edit after the other: its key, its reason, its group, and itself.
pub type EachDone<'a> = dyn FnMut(&str, &str, u64, Edit) -> Result<(), RepairError> + 'a;

/// What planning may ask besides the store.
pub trait Surroundings {
    /// A new, empty draft.
    fn draft(&self) -> Result<Box<dyn Draft>, RepairError>;

    /// Whether somebody called it off.
    fn is_cancelled(&self) -> bool;

    fn import_source(&self, path: &Path) -> Result<Box<dyn ImportSource>, RepairError>;

    /// Hands out every transcript below a folder; says what was none.
    fn transcripts(
        &self,
        folder: &Path,
        store: &dyn SessionStore,
        each: &mut dyn FnMut(Transcript<'_>) -> Result<(), RepairError>,
    ) -> Result<LeftOut, RepairError>;

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
    pub deeds: Deeds,
    /// How many lines of each class there are, in the order in which they come.
    pub classes: Vec<(Class, u64)>,
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

/// So many changes are made in one batch, about, before the lock has been held for long enough.
const ONE_BATCH: u64 = 5_000;

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
        room: Room::default(),
        deeds: Deeds::default(),
        classes: Vec::new(),
        warnings: store.warnings(),
        needs_backup: false,
        undoes: None,
        group: 0,
        planned: store.is_related().then(Planned::default),
        going: HashSet::new(),
    };
    match repair {
        Repair::Import { from, forge, compare } => import::plan(&mut planner, from, forge, *compare)?,
        Repair::Prune(options) => prune::plan(&mut planner, options)?,
        Repair::DeleteIssue(wanted) => delete_issue::plan(&mut planner, wanted)?,
        Repair::DeleteSessions { ids } => delete_sessions::plan(&mut planner, ids)?,
        Repair::Migrate { to } => migrate::plan(&mut planner, to.as_deref())?,
        Repair::Undo { operation } => undo::plan(&mut planner, operation)?,
    }
    if store.is_locked_while_written() && planner.summary.edits > ONE_BATCH {
        let text = format!(
            "{} are too many for one short transaction, so they are made in batches: should it be broken off, each batch is done or not, the log knows how far it came, and it can be finished or taken back.",
            counted(planner.summary.edits, "change")
        );
        planner.warn(text);
    }
    if planner.summary.edits > 0 {
        planner.warnings.extend(store.caution().map(str::to_owned));
        let copy = if planner.needs_backup { store.copy_bytes() } else { 0 };
        planner.summary.undo_bytes = planner.room.bytes(repair).saturating_add(copy);
    }
    let Planner { draft, summary, deeds, classes, warnings, needs_backup, undoes, .. } = planner;
    Ok(Plan {
        repair: repair.clone(),
        target: store.target().clone(),
        made_at: now,
        items: draft.finish()?,
        summary,
        deeds,
        classes,
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
    room: Room,
    deeds: Deeds,
    classes: Vec<(Class, u64)>,
    warnings: Vec<String>,
    pub(super) needs_backup: bool,
    pub(super) undoes: Option<String>,
    pub(super) group: u64,
    /// Rows that are planned, where rows of the store refer to each other or are found in more than one way.
    pub(super) planned: Option<Planned>,
    /// Rows of what is being deleted as a whole: that they refer to each other blocks nothing.
    pub(super) going: HashSet<Place>,
}

/// A table and a row of it.
pub type Place = (Arc<str>, KeyId);

impl Planner<'_> {
    /// What comes now need not be done together with what came before.
    pub(super) fn next_group(&mut self) {
        self.group += 1;
    }

    /// Whether some line does that.
    pub(super) fn has(&self, action: Action) -> bool {
        self.summary.of(action) > 0
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Adds a line; before a deletion all that must go with it. A row that goes already is not told again.
    pub(super) fn add(&mut self, mut item: Item) -> Result<(), RepairError> {
        let row = item.edit.take_if(|e| e.kind == EditKind::Row && self.planned.is_some());
        let Some(edit) = row else { return self.add_alone(item) };
        let Some(mut edit) = self.on_top(edit) else { return Ok(()) };
        if edit.after.is_none() {
            let goes = |(table, id): &Place| {
                self.going.contains(&(table.clone(), id.clone()))
                    || self.planned.as_ref().is_some_and(|p| p.goes(table, id))
            };
            let dependants = self.store.dependants(&edit, &goes)?;
            if let Some(why) = dependants.blocked {
                (item.action, item.class, item.reason) = (Action::Keep, "referred to", why);
                return self.add_alone(item);
            }
            for row in dependants.rows {
                let Some(edit) = self.on_top(row.edit) else { continue };
                if let Some(planned) = &mut self.planned {
                    planned.add_whole(&edit);
                }
                let action = if edit.after.is_some() { Action::Update } else { Action::Delete };
                self.add_alone(Item::change(action, "goes with it", &row.key, row.reason, edit))?;
            }
            // What went with it may have emptied it.
            let Some(left) = self.on_top(edit) else { return Ok(()) };
            edit = left;
        }
        if let Some(planned) = &mut self.planned {
            planned.add(&edit);
        }
        item.edit = Some(edit);
        self.add_alone(item)
    }

    /// An edit on top of what is planned; none where that leaves nothing to do.
    fn on_top(&self, edit: Edit) -> Option<Edit> {
        match &self.planned {
            Some(planned) => planned.on_top(edit),
            None => Some(edit),
        }
    }

    /// Adds a line, whatever may depend on its row.
    pub(super) fn add_alone(&mut self, mut item: Item) -> Result<(), RepairError> {
        if self.with.is_cancelled() {
            return Err(RepairError::Store(StoreError::Cancelled));
        }
        item.group = self.group;
        self.summary.count(&item);
        match self.classes.iter_mut().find(|(class, _)| *class == item.class) {
            Some((_, count)) => *count += 1,
            None => self.classes.push((item.class, 1)),
        }
        if let Some(edit) = &item.edit {
            self.room.add(&item, edit);
            let (action, noun) = match (edit.kind, &edit.before, &edit.after) {
                (EditKind::Step, _, _) => (item.action, "step"),
                // A line may say of a piece that it is new, where the whole of it changes.
                (EditKind::Row, Some(_), Some(_)) => (Action::Update, self.store.noun(&item.table)),
                _ => (item.action, self.store.noun(&item.table)),
            };
            self.deeds.count(action, noun);
        }
        self.draft.add(&item)
    }
}
