//! Carries out commands.

use std::path::{Path, PathBuf};
use std::thread;

use egui::{Context, Theme, ViewportCommand};

use super::events::narrowed;
use super::job::{Event, Job};
use super::worker::{Worker, label};
use super::{App, walk};
use crate::core::{Query, RowKey, Table};
use crate::stores::Options;
use crate::ui::Command;
use crate::ui::model::{Dialog, Folder, Remote, SourceId, SourceView, Tab};

/// A file dialog that answers sooner than this was never shown.
pub(super) const NO_DIALOG: std::time::Duration = std::time::Duration::from_millis(400);

impl App {
    /// Carries out one command.
    pub fn perform(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::OpenFile => self.pick(false),
            Command::OpenFolder => self.pick(true),
            Command::TypePath => {
                self.screen.dialog =
                    Some(Dialog::OpenPath { typed: String::new(), folder: false, note: None });
            }
            Command::Open(path) => self.open(ctx, path),
            Command::OpenSamples => {
                if let Some(path) = self.screen.samples.clone() {
                    self.open(ctx, path);
                }
            }
            Command::OpenMember(folder, at) => self.open_member(folder, at),
            Command::OpenCopy(id) => self.reopen(id, true),
            Command::Retry(id) => self.reopen(id, false),
            Command::Close(id) => self.close(id),
            Command::CloseCurrent => self.screen.current.into_iter().for_each(|id| self.close(id)),
            Command::CancelWalk(id) => self.walks.get(&id).into_iter().for_each(|cancel| cancel.cancel()),
            Command::CancelScan => self.current_worker().into_iter().for_each(Worker::cancel_scan),
            Command::Select(id) => self.screen.current = Some(id),
            Command::SelectSession(id, session, title) => self.select_session(id, session, title),
            Command::ShowDetails(table, key) => self.show_details(table, key, false),
            Command::Reveal => {
                if let Some((table, key)) = self.screen.current().and_then(|s| s.details_for.clone()) {
                    self.show_details(table, key, true);
                }
            }
            Command::ShowNamed(table, name) => self.show_named(table, name),
            Command::StopExamining => {
                self.current_worker().into_iter().for_each(|worker| worker.send(Job::StopExamining));
            }
            Command::CopyRows => self.copy_rows(),
            Command::CopyText(text) => {
                ctx.copy_text(text);
                self.say(ctx, "Copied".to_owned());
            }
            Command::CopyPath => {
                if let Some(path) = self.screen.current().map(|s| s.path.display().to_string()) {
                    self.perform(ctx, Command::CopyText(path));
                }
            }
            Command::Export => self.ask_export(),
            Command::ExportTo { path, format, selected_only } => self.export(path, format, selected_only),
            Command::FindTranscripts(session) => self.find_transcripts(session),
            Command::ChooseTranscripts => self.choose_transcripts(),
            Command::LookForTranscripts(folder) => self.look_for_transcripts(&folder),
            command @ (Command::ExportSession(_) | Command::ExportSessionTo(_) | Command::CancelExport) => {
                self.perform_session_export(ctx, command);
            }
            command @ (Command::Step(..) | Command::FoldAll(_) | Command::GoToMessage(_)) => {
                self.perform_step(ctx, command)
            }
            Command::LoadMessage(at) => self.load_message(at),
            command => self.perform_repair(ctx, command),
        }
    }

    /// The commands that change only how things are shown.
    pub(super) fn perform_view(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Show(tab) => self.show_tab(tab),
            Command::NextTab => self.show_neighbour(1),
            Command::PreviousTab => self.show_neighbour(-1),
            Command::ShowNative(name) => {
                if let Some(source) = self.screen.current_mut() {
                    source.native = Some(name);
                }
                self.follow_selection();
            }
            Command::ShowTable(name) => {
                self.show_tab(Tab::Tables);
                self.perform_view(ctx, Command::ShowNative(name));
            }
            Command::ToggleFollow => self.toggle_follow(),
            Command::LookAgain(id) => self.look_again(id),
            Command::ToggleTranscript => {
                if let Some(source) = self.screen.current_mut() {
                    source.transcript = !source.transcript;
                    source.tab = Tab::Messages;
                    self.settings.transcript = source.transcript;
                }
            }
            Command::ToggleOutline => self.screen.outline = !self.screen.outline,
            Command::ToggleDetails => self.screen.details_open = !self.screen.details_open,
            Command::ToggleTheme => {
                let dark = ctx.theme() == Theme::Light;
                ctx.set_theme(if dark { Theme::Dark } else { Theme::Light });
                self.settings.dark = Some(dark);
            }
            Command::ToggleZone => self.screen.zone = self.screen.zone.other(),
            Command::ZoomIn => ctx.set_zoom_factor((ctx.zoom_factor() + 0.1).min(3.0)),
            Command::ZoomOut => ctx.set_zoom_factor((ctx.zoom_factor() - 0.1).max(0.5)),
            Command::ZoomReset => ctx.set_zoom_factor(1.0),
            Command::Palette => {
                self.screen.dialog = Some(Dialog::Palette { typed: String::new(), chosen: 0 })
            }
            Command::Keys => self.screen.dialog = Some(Dialog::Keys),
            Command::Filter => self.open_filter(),
            Command::FilterSessions => self.screen.focus_sessions_filter = true,
            Command::ClearFilters => self.clear_filters(),
            Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            command => self.perform_search(ctx, command),
        }
    }

    /// Opens a file or a folder, or shows it where it is open already.
    pub(super) fn open(&mut self, ctx: &Context, path: PathBuf) {
        let path = std::path::absolute(&path).unwrap_or(path);
        if let Some(source) = self.screen.sources.iter().find(|s| s.path == path) {
            self.screen.current = Some(source.id);
            return;
        }
        self.settings.opened(&path);
        self.screen.recent.clone_from(&self.settings.recent);
        let id = self.add_source(path.clone(), None);
        self.start_worker(id, &path, self.options());
        self.screen.current = Some(id);
        ctx.request_repaint();
    }

    /// Looks through a source that turned out to be a folder.
    pub(super) fn start_walk(&mut self, id: SourceId) {
        self.workers.remove(&id);
        let (options, outbox) = (self.options(), self.outbox.clone());
        let Some(source) = self.screen.source_mut(id) else { return };
        source.about = Remote::Absent;
        source.folder = Some(Folder::default());
        let cancel = walk::start(id, source.path.clone(), options, outbox);
        self.walks.insert(id, cancel);
    }

    pub(super) fn add_source(&mut self, path: PathBuf, parent: Option<SourceId>) -> SourceId {
        self.next_id += 1;
        let id = SourceId(self.next_id);
        let mut source = SourceView::new(id, path.clone(), label(&path));
        source.parent = parent;
        source.transcript = self.settings.transcript;
        self.screen.sources.push(source);
        id
    }

    pub(super) fn start_worker(&mut self, id: SourceId, path: &Path, options: Options) {
        if let Some(source) = self.screen.source_mut(id) {
            source.about.ask();
            source.opens_again();
        }
        let worker = Worker::open(id, path.to_owned(), options, self.outbox.clone());
        self.workers.insert(id, worker);
    }

    fn open_member(&mut self, folder: SourceId, at: usize) {
        let member = self.screen.source(folder).and_then(|s| s.folder.as_ref()?.members.get(at)).cloned();
        let Some(member) = member else { return };
        if let Some(id) = member.opened {
            // A second click folds its sessions away.
            if self.screen.current == Some(id)
                && let Some(source) = self.screen.source_mut(id)
            {
                source.expanded = !source.expanded;
            }
            self.screen.current = Some(id);
            return;
        }
        let id = self.add_source(member.path.clone(), Some(folder));
        if let Some(source) = self.screen.source_mut(id) {
            source.label.clone_from(&member.name);
            // One session in the file: its messages are what is looked for.
            if member.messages > 0 || !member.counted {
                source.tab = Tab::Messages;
            }
        }
        if let Some(member) =
            self.screen.source_mut(folder).and_then(|s| s.folder.as_mut()?.members.get_mut(at))
        {
            member.opened = Some(id);
        }
        self.start_worker(id, &member.path, self.options());
        self.screen.current = Some(id);
    }

    /// Opens a source anew, as a private copy or in place.
    pub(super) fn reopen(&mut self, id: SourceId, copy: bool) {
        let Some(path) = self.screen.source(id).map(|s| s.path.clone()) else { return };
        let options = Options { copy, ..self.options() };
        self.start_worker(id, &path, options);
    }

    /// Closes a source, and with a folder all that was opened from it.
    pub(super) fn close(&mut self, id: SourceId) {
        if let Some(cancel) = self.walks.remove(&id) {
            cancel.cancel();
        }
        let gone: Vec<SourceId> =
            self.screen.sources.iter().filter(|s| s.id == id || s.parent == Some(id)).map(|s| s.id).collect();
        for source in &mut self.screen.sources {
            let members = source.folder.iter_mut().flat_map(|f| &mut f.members);
            members.filter(|m| m.opened == Some(id)).for_each(|m| m.opened = None);
        }
        self.screen.sources.retain(|s| !gone.contains(&s.id));
        for id in &gone {
            self.watcher.forget(*id);
            self.workers.remove(id);
        }
        if self.screen.current.is_some_and(|c| gone.contains(&c)) {
            self.screen.current = self.screen.sources.first().map(|s| s.id);
        }
    }

    fn select_session(&mut self, id: SourceId, session: Option<String>, title: Option<String>) {
        self.screen.current = Some(id);
        let Some(source) = self.screen.source_mut(id) else { return };
        if session.is_some() && source.tab == Tab::Overview {
            let about = source.about.shown();
            let has = |t: Table| about.is_some_and(|a| a.keeps.contains(&t) && !a.unscoped.contains(&t));
            let named = about.is_some_and(|a| a.names_transcripts);
            source.tab = if has(Table::Messages) || named { Tab::Messages } else { Tab::Heartbeats };
        }
        if source.session == session {
            return;
        }
        // It may have grown since it was looked at.
        session.iter().for_each(|s| drop(source.transcripts.remove(s)));
        source.session = session;
        source.session_title = title;
        let mut queries = Vec::new();
        for (table, view) in &source.tables {
            let narrowed = narrowed(source, table);
            queries.push((table.clone(), Query { session: narrowed.session, ..view.query.clone() }));
        }
        for (table, query) in queries {
            let view = source.table(&table);
            if view.query != query {
                view.ask(query);
            }
        }
    }

    fn show_tab(&mut self, tab: Tab) {
        let Some(source) = self.screen.current_mut().filter(|s| s.folder.is_none()) else { return };
        source.tab = tab;
        if tab == Tab::Tables && source.native.is_none() {
            let first = source.about.shown().and_then(|a| a.native.iter().find(|t| t.kind.is_readable()));
            source.native = first.map(|t| t.name.clone());
        }
        self.follow_selection();
    }

    /// Shows the details of the row that is chosen in the table that shows now.
    fn follow_selection(&mut self) {
        let Some(source) = self.screen.current_mut() else { return };
        let Some(table) = source.current_table() else { return };
        match source.table(&table).focus.clone() {
            Some((_, key)) => self.show_details(table, key, false),
            None => {
                source.details = Remote::Absent;
                source.details_for = None;
            }
        }
    }

    fn show_neighbour(&mut self, by: isize) {
        if let Some(tab) = self.screen.current().map(|s| s.tab) {
            self.show_tab(Self::neighbour(tab, by));
        }
    }

    fn show_details(&mut self, table: Table, key: RowKey, reveal: bool) {
        let Some(source) = self.screen.current_mut() else { return };
        let wanted = Some((table.clone(), key.clone()));
        if source.details_for == wanted && !reveal && matches!(source.details, Remote::Ready(_)) {
            return;
        }
        source.details_for = wanted;
        source.details.ask();
        let near = source.table(&table).around(&key);
        if let Some(worker) = self.current_worker() {
            worker.send(Job::Details { table, key, near, reveal });
        }
    }

    fn load_message(&mut self, at: usize) {
        if let Some(view) = self.screen.current_mut().map(|s| s.table(&Table::Messages)) {
            view.show_whole(at);
        }
    }

    /// Goes to the row that people know by this name; to its table where there is no name.
    fn show_named(&mut self, table: Table, name: String) {
        if !name.is_empty() {
            if let Some(worker) = self.current_worker() {
                worker.send(Job::Find { table, name });
            }
            return;
        }
        match table {
            Table::Sessions => self.show_tab(Tab::Overview),
            Table::Native(native) => {
                if let Some(source) = self.screen.current_mut() {
                    source.native = Some(native);
                }
                self.show_tab(Tab::Tables);
            }
            table => {
                let tab = Tab::ALL.into_iter().find(|tab| tab.table().as_ref() == Some(&table));
                tab.into_iter().for_each(|tab| self.show_tab(tab));
            }
        }
    }

    fn copy_rows(&mut self) {
        let Some(source) = self.screen.current() else { return };
        let Some(view) = source.current_table().and_then(|t| source.tables.get(&t)) else { return };
        let keys = view.chosen();
        let table = view.query.table.clone();
        if let (Some(worker), false) = (self.current_worker(), keys.is_empty()) {
            worker.send(Job::Copy { table, keys });
        }
    }

    fn ask_export(&mut self) {
        let Some(source) = self.screen.current() else { return };
        let Some(table) = source.current_table() else { return };
        let selected = source.tables.get(&table).map_or(0, |v| v.selected.len());
        let folder = source.path.parent().map(Path::to_owned).unwrap_or_default();
        let name = format!("{}-{}.csv", label(&source.path), table.name().replace(':', "-"));
        let typed = std::env::home_dir().unwrap_or(folder).join(name).display().to_string();
        self.screen.dialog =
            Some(Dialog::Export { format: "csv".into(), selected_only: selected > 1, typed, fresh: true });
    }

    fn export(&mut self, path: PathBuf, format: String, selected_only: bool) {
        // The plan is in front of what is behind it.
        let (source, table) = match &self.screen.repair {
            Some(repair) => (&repair.lines, Some(Table::Plan)),
            None => match self.screen.current() {
                Some(source) => (source, source.current_table()),
                None => return,
            },
        };
        let Some(view) = table.and_then(|t| source.tables.get(&t)) else { return };
        let keys = selected_only.then(|| view.chosen());
        let job = Job::Export { path, format, query: view.query.clone(), keys };
        if let Some(worker) = self.workers.get(&source.id) {
            worker.send(job);
        }
    }

    fn open_filter(&mut self) {
        let Some(source) = self.screen.current_mut() else { return };
        source.transcript = source.transcript && source.tab != Tab::Messages;
        let Some(table) = source.current_table() else { return };
        let view = source.table(&table);
        view.filter_open.get_or_insert_default();
        self.screen.focus_filter = true;
    }

    fn clear_filters(&mut self) {
        let Some(source) = self.screen.current_mut() else { return };
        let Some(table) = source.current_table() else { return };
        let query = narrowed(source, &table);
        let view = source.table(&table);
        view.typed.clear();
        let sort = view.query.sort.clone();
        view.ask(Query { sort, ..query });
    }

    pub(super) fn current_worker(&self) -> Option<&Worker> {
        self.workers.get(&self.screen.current?)
    }

    /// Asks for a path with the platform's own dialog, on a thread of its own.
    fn pick(&self, folder: bool) {
        let outbox = self.outbox.clone();
        thread::spawn(move || {
            let started = std::time::Instant::now();
            let dialog = rfd::FileDialog::new();
            let paths = if folder { dialog.pick_folders() } else { dialog.pick_files() };
            // Without a dialog service the answer is none, at once, as if it had been cancelled.
            match paths {
                None if started.elapsed() > NO_DIALOG => {}
                paths => outbox.send(Event::Picked { paths, folder }),
            }
        });
    }
}
