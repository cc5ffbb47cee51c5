//! A repair on its way, as it is shown: what is asked for, what was planned, what came of it.

use std::path::PathBuf;

use super::model::{SourceId, SourceView};
use crate::core::repair::{Action, DEFAULT_FORGE, DeleteIssue, PruneOptions, Repair, Summary, parse_age};
use crate::core::{Failure, Table};

/// A repair that is being prepared; there is one at a time.
#[derive(Debug)]
pub struct RepairView {
    /// The store that it is for; of an import, the database.
    pub target: PathBuf,
    /// The source from which it was started.
    pub of: Option<SourceId>,
    pub form: Form,
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
}

impl RepairView {
    pub fn new(id: SourceId, target: PathBuf, of: Option<SourceId>, form: Form) -> Self {
        let label = form.title().to_owned();
        Self {
            lines: SourceView::new(id, target.clone(), label),
            target,
            of,
            form,
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

    pub fn is_applying(&self) -> bool {
        matches!(self.stage, Stage::Applying { .. })
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

impl Planned {
    /// How many lines have one of these actions.
    pub fn of(&self, actions: &[Action]) -> u64 {
        actions.iter().map(|action| self.summary.of(*action)).sum()
    }
}
