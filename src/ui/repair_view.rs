//! A repair on its way, as it is shown: what is asked for, what was planned, what came of it.

use std::path::PathBuf;

use super::model::{SourceId, SourceView};
use crate::core::repair::{Action, DEFAULT_FORGE, DeleteIssue, PruneOptions, Repair, Summary, parse_age};
use crate::core::{Failure, Table};

/// So many lines are sorted before anybody asked for it.
const MOST_SORTED: u64 = 100_000;

/// A repair that is being prepared; there is one at a time.
#[derive(Debug)]
pub struct RepairView {
    /// The store that it is for; of an import, the database.
    pub target: PathBuf,
    /// The source from which it was started.
    pub of: Option<SourceId>,
    pub form: Form,
    /// What was chosen when the plan was made: with other choices it is not carried out.
    pub planned_of: Option<Form>,
    /// What is wrong with what was filled in, in a sentence.
    pub wrong: Option<String>,
    /// The operation of a repair that ended before its end.
    pub broken_off: Option<String>,
    pub stage: Stage,
    /// The plan's lines, read like a source of its own.
    pub lines: SourceView,
    /// The class of lines that shows; all of them where there is none.
    pub segment: Option<String>,
    pub typed: String,
    /// Cancel shall take the keyboard when it is drawn.
    pub focus_cancel: bool,
}

/// What a person chooses of a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Import { from: String, into: String, forge: String },
    Prune { older_than: String, include_unknown: bool, transcripts: String },
    DeleteIssue { forge: String, agent: String, repo: String, issue: String },
    DeleteSessions { ids: Vec<String> },
    Migrate { to: Option<&'static str>, of_text: bool },
    Undo { operation: String },
}

/// A field of a form that is a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    From,
    Into,
    Transcripts,
}

/// How far it has come.
#[derive(Debug)]
pub enum Stage {
    /// Something must be filled in first.
    Asking,
    Planning,
    Ready(Box<Planned>),
    Applying {
        planned: Box<Planned>,
        done: u64,
    },
    Failed(Failure),
}

/// A plan, as far as the dialog tells of it besides its lines.
#[derive(Debug, Clone)]
pub struct Planned {
    pub made_at_ms: i64,
    /// For the button, as `Delete 12 sessions`.
    pub deed: String,
    pub destroys: bool,
    pub summary: Summary,
    pub classes: Vec<(String, u64)>,
    pub warnings: Vec<String>,
    pub needs_backup: bool,
    /// Which rows pruning removes, in words that follow "Removes"; empty for other repairs.
    pub rule: String,
}

impl RepairView {
    pub fn new(id: SourceId, target: PathBuf, of: Option<SourceId>, form: Form) -> Self {
        let label = form.title().to_owned();
        Self {
            lines: SourceView::new(id, target.clone(), label),
            target,
            of,
            form,
            planned_of: None,
            wrong: None,
            broken_off: None,
            stage: Stage::Asking,
            segment: None,
            typed: String::new(),
            focus_cancel: true,
        }
    }

    pub fn planned(&self) -> Option<&Planned> {
        match &self.stage {
            Stage::Ready(planned) | Stage::Applying { planned, .. } => Some(planned),
            _ => None,
        }
    }

    /// Whether something else is chosen than what the plan was made of.
    pub fn is_stale(&self) -> bool {
        self.planned().is_some() && self.planned_of.as_ref() != Some(&self.form)
    }

    /// Whether fewer lines show than the plan has.
    pub fn is_narrowed(&self) -> bool {
        self.segment.is_some() || !self.typed.trim().is_empty()
    }

    pub fn is_applying(&self) -> bool {
        matches!(self.stage, Stage::Applying { .. })
    }

    /// Sorts the lines so that what changes comes first, unless they are so many that this takes its time.
    pub fn show_changes_first(&mut self, planned: &Planned) {
        use crate::core::{Query, Sort};
        let lines: u64 = planned.classes.iter().map(|(_, n)| *n).sum();
        let is_about_them = matches!(self.form, Form::Prune { .. } | Form::DeleteIssue { .. });
        if is_about_them && lines <= MOST_SORTED {
            // Their classes are "to …" where something is done, which no other class comes after.
            let sort = Some(Sort { column: "class".into(), descending: true });
            self.lines.table(&Table::Plan).ask(Query { sort, ..Query::all(Table::Plan) });
        }
    }

    /// Shows the lines of a class, and of them those that contain what is typed.
    pub fn narrow(&mut self) {
        use crate::core::{Condition, Filter, Query};
        let mut query = Query::all(Table::Plan);
        if let Some(class) = &self.segment {
            let condition = Condition::Is(class.clone());
            query.filters.push(Filter { column: "class".into(), condition });
        }
        let typed = self.typed.trim();
        query.search = (!typed.is_empty()).then(|| typed.to_owned());
        let view = self.lines.table(&Table::Plan);
        query.sort.clone_from(&view.query.sort);
        if view.query != query {
            view.ask(query);
        }
    }
}

impl Form {
    /// Fills in a path that was chosen.
    pub fn fill(&mut self, field: Field, path: &std::path::Path) {
        let path = path.display().to_string();
        match (self, field) {
            (Form::Import { from, .. }, Field::From) => *from = path,
            (Form::Import { into, .. }, Field::Into) => *into = path,
            (Form::Prune { transcripts, .. }, Field::Transcripts) => *transcripts = path,
            _ => {}
        }
    }

    /// What asks for a repair again that was begun before.
    pub fn of(repair: &Repair, target: &std::path::Path) -> Self {
        let path = |path: &std::path::Path| path.display().to_string();
        match repair.clone() {
            Repair::Import { from, forge, .. } => {
                Form::Import { from: path(&from), into: path(target), forge }
            }
            Repair::Prune(options) => Form::Prune {
                older_than: options.older_than_ms.map(age).unwrap_or_default(),
                include_unknown: options.include_unknown,
                transcripts: options.transcripts.as_deref().map(path).unwrap_or_default(),
            },
            Repair::DeleteIssue(wanted) => Form::DeleteIssue {
                forge: wanted.forge.unwrap_or_else(|| "none".into()),
                agent: wanted.agent.unwrap_or_default(),
                repo: wanted.repo,
                issue: wanted.issue,
            },
            Repair::DeleteSessions { ids } => Form::DeleteSessions { ids },
            Repair::Migrate { to } => {
                Form::Migrate { of_text: to.is_some(), to: to.map(|_| "delete-unbound") }
            }
            Repair::Undo { operation } => Form::Undo { operation },
        }
    }

    pub fn title(&self) -> &'static str {
        match self {
            Form::Import { .. } => "Import",
            Form::Prune { .. } => "Prune",
            Form::DeleteIssue { .. } => "Delete by issue",
            Form::DeleteSessions { .. } => "Delete sessions",
            Form::Migrate { .. } => "Migrate",
            Form::Undo { .. } => "Undo",
        }
    }

    /// Whether a plan can be made of it as it is.
    pub fn is_complete(&self) -> bool {
        let filled = |texts: &[&String]| texts.iter().all(|t| !t.trim().is_empty());
        match self {
            Form::Import { from, into, forge } => filled(&[from, into, forge]),
            Form::DeleteIssue { forge, repo, issue, .. } => filled(&[forge, repo, issue]),
            Form::Prune { .. } | Form::DeleteSessions { .. } | Form::Migrate { .. } | Form::Undo { .. } => {
                true
            }
        }
    }

    /// The repair that is asked for.
    ///
    /// # Errors
    /// What is wrong with what was filled in, in a sentence.
    pub fn repair(&self) -> Result<Repair, String> {
        let text = |text: &str| text.trim().to_owned();
        Ok(match self {
            Form::Import { from, forge, .. } => {
                let forge = if forge.trim().is_empty() { DEFAULT_FORGE.to_owned() } else { text(forge) };
                Repair::Import { from: text(from).into(), forge, compare: true }
            }
            Form::Prune { older_than, include_unknown, transcripts } => Repair::Prune(PruneOptions {
                older_than_ms: match older_than.trim() {
                    "" => None,
                    age => Some(parse_age(age)?),
                },
                include_unknown: *include_unknown,
                transcripts: Some(text(transcripts)).filter(|t| !t.is_empty()).map(PathBuf::from),
                transcripts_older_than_ms: None,
            }),
            Form::DeleteIssue { forge, agent, repo, issue } => Repair::DeleteIssue(DeleteIssue {
                forge: Some(text(forge)).filter(|f| f != "none"),
                agent: Some(text(agent)).filter(|a| !a.is_empty()),
                repo: text(repo),
                issue: text(issue),
            }),
            Form::DeleteSessions { ids } => Repair::DeleteSessions { ids: ids.clone() },
            Form::Migrate { to, .. } => Repair::Migrate { to: to.map(str::to_owned) },
            Form::Undo { operation } => Repair::Undo { operation: operation.clone() },
        })
    }
}

/// An age as it is typed.
fn age(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m")];
    let (size, unit) = units.into_iter().find(|(size, _)| ms % size == 0).unwrap_or((1_000, "s"));
    format!("{}{unit}", ms / size)
}

impl Planned {
    /// How many lines have one of these actions.
    pub fn of(&self, actions: &[Action]) -> u64 {
        actions.iter().map(|action| self.summary.of(*action)).sum()
    }
}
