//! Migrate: the schema to a version, step by step; a configuration's class in the way that deploys.

use std::path::PathBuf;

use super::{Action, Class, DEFAULT_FORGE, Edit, Item, Needs, Planner, RepairError, import};

/// What bringing a store to a version takes.
#[derive(Debug, Clone, Default)]
pub struct StepPlan {
    pub lines: Vec<StepLine>,
    pub warnings: Vec<String>,
    /// The whole store is copied before, since its rows are not in the log.
    pub needs_backup: bool,
}

/// One step, or one piece of a text that changes.
#[derive(Debug, Clone)]
pub struct StepLine {
    pub item: Item,
    /// The file that this step, which is code, imports first.
    pub imports: Option<PathBuf>,
}

impl StepLine {
    /// A step that is not run.
    pub fn kept(table: &str, key: &str, reason: impl Into<String>) -> Self {
        Self { item: Item::line(Action::Keep, IN_PLACE, &table.into(), key, reason), imports: None }
    }

    /// A step that is run, or a piece that changes.
    pub fn change(action: Action, key: &str, reason: impl Into<String>, edit: Edit) -> Self {
        Self { item: Item::change(action, STEP, key, reason, edit), imports: None }
    }
}

const STEP: Class = "step";
const IN_PLACE: Class = "in place";

pub(super) fn plan(planner: &mut Planner<'_>, to: Option<&str>) -> Result<(), RepairError> {
    let steps = planner.store.migration(Needs::Version(to))?;
    planner.needs_backup |= steps.needs_backup;
    steps.warnings.into_iter().for_each(|text| planner.warn(text));
    for line in steps.lines {
        planner.next_group();
        if let Some(from) = &line.imports {
            import::plan(planner, from, DEFAULT_FORGE, false)?;
            planner.next_group();
        }
        planner.add(line.item)?;
    }
    Ok(())
}
