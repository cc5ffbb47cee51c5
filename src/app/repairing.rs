//! Repairs in the window: what starts one, what comes of it, and what is shown anew afterwards.

use std::path::{Path, PathBuf};

use egui::Context;

use super::App;
use super::job::{Applied, Event, Job};
use super::perform::NO_DIALOG;
use super::repairs::{Repairer, Wish, forget, read_log};
use super::worker::label;
use crate::core::repair::{DEFAULT_FORGE, Offer};
use crate::core::{Failure, Operation, Table};
use crate::ui::Command;
use crate::ui::model::{Dialog, SourceId, Toast};
use crate::ui::repair_view::{Field, Form, Planned, RepairView, Stage};

/// How long a repair's toast stays, in seconds: its undo is in it.
const TOAST_SECONDS: f64 = 12.0;

impl App {
    /// The commands about repairs and operations.
    pub(super) fn perform_repair(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Repair(offer) => self.prepare(offer),
            Command::Fix(Offer::DeleteSessions, session) => self.delete_these(vec![session]),
            Command::Fix(offer, _) => self.prepare(offer),
            Command::DeleteSessions(ids) => self.delete_these(ids),
            Command::Compare { from, into } => {
                let (from, into) = (from.display().to_string(), into.display().to_string());
                let form = Form::Import { from, into: into.clone(), forge: DEFAULT_FORGE.into() };
                self.start_repair(into.into(), None, form);
            }
            Command::PlanRepair => self.plan_repair(),
            Command::ApplyRepair => self.apply_repair(),
            Command::CloseRepair => self.close_repair(),
            Command::ChooseFor(field) => self.choose_for(field),
            Command::ExportPlan => self.ask_export_of_plan(),
            Command::UndoOperation(id) => self.undo(&id),
            Command::FinishOperation(id) => self.finish(&id),
            Command::UndoLast => self.undo_last(ctx),
            Command::AskForget(operation) => self.screen.dialog = Some(Dialog::Forget { operation }),
            Command::Forget(operation) => {
                self.screen.operations.ask();
                forget(operation, self.data_folder(), self.outbox.clone());
            }
            command => self.perform_view(ctx, command),
        }
    }

    /// Reads the operation log in the background.
    pub(super) fn read_operations(&mut self) {
        self.screen.operations.ask();
        read_log(self.data_folder(), self.options(), self.outbox.clone());
    }

    fn data_folder(&self) -> Option<PathBuf> {
        self.own_data.as_ref().map(|folder| folder.path().to_owned())
    }

    /// Prepares a repair of the current source, with what is selected filled in.
    fn prepare(&mut self, offer: Offer) {
        let Some(source) = self.screen.current() else { return };
        let offers = source.about.shown().map(|a| a.offers.clone()).unwrap_or_default();
        if !offers.contains(&offer) {
            return;
        }
        let (id, path) = (source.id, source.path.clone());
        let shown = |path: &Path| path.display().to_string();
        let form = match offer {
            Offer::Prune => {
                Form::Prune { older_than: String::new(), include_unknown: false, transcripts: String::new() }
            }
            Offer::Migrate => {
                let of_text = source.about.shown().is_some_and(|a| a.user_version.is_none());
                Form::Migrate { to: None, of_text }
            }
            Offer::ImportInto => {
                Form::Import { from: String::new(), into: shown(&path), forge: DEFAULT_FORGE.into() }
            }
            Offer::ImportFrom => {
                Form::Import { from: shown(&path), into: String::new(), forge: DEFAULT_FORGE.into() }
            }
            Offer::DeleteIssue => self.issue_of_selection(),
            Offer::DeleteSessions => {
                // Their ids are asked of the reader that shows them.
                let keys = source.tables.get(&Table::Sessions).map(|v| v.chosen()).unwrap_or_default();
                if let (Some(worker), false) = (self.workers.get(&id), keys.is_empty()) {
                    worker.send(Job::SessionIds { keys });
                }
                return;
            }
        };
        self.start_repair(path, Some(id), form);
    }

    /// The issue of the session that is selected, filled in as far as its key says.
    fn issue_of_selection(&self) -> Form {
        let view = self.screen.current().and_then(|s| s.tables.get(&Table::Sessions));
        let details = self.screen.current().and_then(|s| s.details.shown());
        let text = |name: &str| -> Option<String> {
            let details = details.filter(|d| d.table == Table::Sessions)?;
            let place = details.columns.iter().position(|c| c.name == name)?;
            details.row.cells.get(place)?.value.as_str().map(str::to_owned)
        };
        let has_key = view.is_some_and(|v| v.focus.is_some()) && text("repo").is_some();
        // A key without a forge is named as such.
        let none = if has_key { "none" } else { "" };
        Form::DeleteIssue {
            forge: text("forge").unwrap_or_else(|| none.to_owned()),
            agent: String::new(),
            repo: text("repo").unwrap_or_default(),
            issue: text("issue").unwrap_or_default(),
        }
    }

    fn delete_these(&mut self, ids: Vec<String>) {
        if let Some(id) = self.screen.current {
            self.delete_sessions(id, ids);
        }
    }

    pub(super) fn delete_sessions(&mut self, id: SourceId, ids: Vec<String>) {
        let Some(path) = self.screen.source(id).map(|s| s.path.clone()) else { return };
        if !ids.is_empty() && self.screen.repair.is_none() {
            self.start_repair(path, Some(id), Form::DeleteSessions { ids });
        }
    }

    fn undo(&mut self, id: &str) {
        let operations = self.screen.operations.shown();
        let Some(operation) = operations.and_then(|all| all.iter().find(|o| o.id == id)) else { return };
        let (path, operation) = (operation.path.clone(), operation.id.clone());
        let of = self.screen.sources.iter().find(|s| s.path == path).map(|s| s.id);
        self.start_repair(path, of, Form::Undo { operation });
    }

    fn finish(&mut self, id: &str) {
        let operations = self.screen.operations.shown();
        let Some(operation) = operations.and_then(|all| all.iter().find(|o| o.id == id)) else { return };
        let (path, form) = (operation.path.clone(), Form::of(&operation.repair, &operation.path));
        let of = self.screen.sources.iter().find(|s| s.path == path).map(|s| s.id);
        self.start_repair(path, of, form);
    }

    /// Undoes the last repair of the store that shows; where none shows, the last one of all.
    fn undo_last(&mut self, ctx: &Context) {
        let operations = self.screen.operations.shown();
        let path = self.screen.current().filter(|s| s.folder.is_none()).map(|s| &s.path);
        // Of undos the newest would only bring back what it took: the repair before it is meant.
        let meant = |o: &&Operation| {
            o.can_be_undone() && o.undoes.is_none() && path.is_none_or(|path| o.path == *path)
        };
        let last = operations.and_then(|all| all.iter().find(meant)).map(|o| o.id.clone());
        match last {
            Some(id) => self.undo(&id),
            None if path.is_some() => self.say(ctx, "There is no repair of this store to undo.".to_owned()),
            None => self.say(ctx, "There is no repair to undo.".to_owned()),
        }
    }

    fn start_repair(&mut self, target: PathBuf, of: Option<SourceId>, form: Form) {
        self.close_repair();
        self.next_id += 1;
        let ready = form.is_complete();
        self.screen.repair = Some(RepairView::new(SourceId(self.next_id), target, of, form));
        if ready {
            self.plan_repair();
        }
    }

    /// Asks for a path with the platform's own dialog, on a thread of its own.
    fn choose_for(&self, field: Field) {
        let outbox = self.outbox.clone();
        std::thread::spawn(move || {
            let started = std::time::Instant::now();
            let dialog = rfd::FileDialog::new();
            let path = match field {
                Field::From => dialog.pick_file(),
                // It may be a new file; nothing is overwritten by choosing it.
                Field::Into => dialog.save_file(),
                Field::Transcripts => dialog.pick_folder(),
            };
            // Without a dialog service the answer is none, at once, as if it had been cancelled.
            match path {
                None if started.elapsed() > NO_DIALOG => {}
                path => outbox.send(Event::Chosen { field, path }),
            }
        });
    }

    pub(super) fn chosen(&mut self, ctx: &Context, field: Field, path: Option<PathBuf>) {
        match (path, &mut self.screen.repair) {
            (Some(path), Some(repair)) if !repair.is_applying() => repair.form.fill(field, &path),
            (None, _) => self.say(ctx, "No file dialog is available here, so type the path.".to_owned()),
            _ => {}
        }
    }

    /// Plans what the dialog asks for; an earlier plan is dropped.
    fn plan_repair(&mut self) {
        let (options, data) = (self.options(), self.data_folder());
        let Some(repair) = self.screen.repair.as_mut().filter(|r| r.form.is_complete()) else { return };
        if repair.is_applying() {
            return;
        }
        repair.wrong = repair.form.repair().err();
        if repair.wrong.is_some() {
            return;
        }
        if let Form::Import { into, .. } = &repair.form {
            repair.target = into.trim().into();
        }
        self.workers.remove(&repair.lines.id);
        // Lines of the plan before are another source's.
        self.next_id += 1;
        let (target, of, form) = (repair.target.clone(), repair.of, repair.form.clone());
        let id = SourceId(self.next_id);
        let planned_of = Some(form.clone());
        *repair = RepairView { stage: Stage::Planning, planned_of, ..RepairView::new(id, target, of, form) };
        let wish = Wish { target: repair.target.clone(), form: repair.form.clone(), options, data };
        let (repairer, worker) = Repairer::plan(id, wish, self.outbox.clone());
        self.workers.insert(id, worker);
        self.repairer = Some(repairer);
    }

    fn apply_repair(&mut self) {
        let (Some(repair), Some(repairer)) = (self.screen.repair.as_mut(), &self.repairer) else { return };
        if let (Stage::Ready(planned), false) = (&repair.stage, repair.is_stale()) {
            repair.stage = Stage::Applying { planned: planned.clone(), done: 0 };
            repairer.apply();
        }
    }

    /// Closes the dialog. What is being applied is called off; what was done of it stays, and is in the log.
    fn close_repair(&mut self) {
        self.repairer = None;
        match &mut self.screen.repair {
            // Its end is waited for: it says how far it came.
            Some(repair) if repair.is_applying() => {}
            _ => {
                if let Some(repair) = self.screen.repair.take() {
                    self.workers.remove(&repair.lines.id);
                }
            }
        }
    }

    fn repair_of(&mut self, id: SourceId) -> Option<&mut RepairView> {
        self.screen.repair.as_mut().filter(|r| r.lines.id == id)
    }

    pub(super) fn planned(&mut self, id: SourceId, planned: Result<Box<Planned>, Failure>) {
        if let Some(repair) = self.repair_of(id) {
            repair.focus_cancel = true;
            repair.stage = match planned {
                Ok(planned) => {
                    repair.show_changes_first(&planned);
                    Stage::Ready(planned)
                }
                Err(failure) => Stage::Failed(failure),
            };
        }
    }

    pub(super) fn applying(&mut self, id: SourceId, so_far: u64) {
        if let Some(Stage::Applying { done, .. }) = self.repair_of(id).map(|r| &mut r.stage) {
            *done = so_far;
        }
    }

    pub(super) fn applied(
        &mut self,
        ctx: &Context,
        id: SourceId,
        applied: Result<Box<Applied>, (Failure, Option<String>)>,
    ) {
        self.read_operations();
        let Some(repair) = self.repair_of(id) else { return };
        let (target, of) = (repair.target.clone(), repair.of);
        let imported = match &repair.form {
            Form::Import { from, .. } => Some(PathBuf::from(from.trim())),
            _ => None,
        };
        match applied {
            Err((failure, operation)) => {
                let untouched = operation.is_none();
                repair.broken_off = operation;
                repair.stage = Stage::Failed(failure);
                repair.focus_cancel = true;
                self.repairer = None;
                if untouched {
                    return;
                }
            }
            Ok(applied) => {
                let Applied { operation, words, left, moved_to } = *applied;
                if let Some(repair) = self.screen.repair.take() {
                    self.workers.remove(&repair.lines.id);
                }
                self.repairer = None;
                let until = ctx.input(|i| i.time) + TOAST_SECONDS;
                let was_moved = moved_to.is_some();
                let mut next = vec![("Undo…", Command::UndoOperation(operation.id))];
                if let Some(from) = moved_to {
                    next.insert(0, ("Compare…", Command::Compare { from, into: target.clone() }));
                }
                self.screen.toast = Some(Toast { text: words, until, next });
                if !left.is_empty() {
                    let mut lines = vec![
                        "These rows were changed by another program meanwhile, and left alone:".to_owned(),
                    ];
                    lines.extend(left.into_iter().map(|(key, how)| format!("{key}: {how}")));
                    self.screen.dialog = Some(Dialog::Notice { lines });
                }
                if let Some(from) = imported {
                    self.open(ctx, target.clone());
                    // It was moved away: what shows of it is no file any more.
                    let from = std::path::absolute(&from).unwrap_or(from);
                    let gone = self.screen.sources.iter().find(|s| s.path == from && was_moved);
                    if let Some(id) = gone.map(|s| s.id) {
                        self.close(id);
                    }
                }
            }
        }
        let target = std::path::absolute(&target).unwrap_or(target);
        let changed: Vec<SourceId> = self
            .screen
            .sources
            .iter()
            .filter(|s| s.path == target || Some(s.id) == of)
            .map(|s| s.id)
            .collect();
        changed.into_iter().for_each(|id| self.reload(id));
        ctx.request_repaint();
    }

    /// Opens a source anew after a repair of it, which has it examined anew too; what shows stays in its place.
    fn reload(&mut self, id: SourceId) {
        if self.screen.source(id).is_some_and(|source| source.folder.is_none()) {
            self.reopen(id, false);
        }
    }

    fn ask_export_of_plan(&mut self) {
        let Some(repair) = &self.screen.repair else { return };
        let folder = std::env::home_dir().unwrap_or_default();
        let word = repair.form.title().to_lowercase().replace(' ', "-");
        let name = format!("{}-{word}-plan.csv", label(&repair.target));
        let typed = folder.join(name).display().to_string();
        self.screen.dialog =
            Some(Dialog::Export { format: "csv".into(), selected_only: false, typed, fresh: true });
    }
}
