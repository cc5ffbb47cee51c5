//! The search: from what is typed to the hits, and from a hit to its row.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::Context;

use super::App;
use super::events::narrowed;
use super::searcher::{Searched, Searcher, Wish};
use crate::core::search::{Filter, Is, Search};
use crate::core::{Query, RowKey, Table};
use crate::stores::Options;
use crate::stores::sqlite::Cancel;
use crate::ui::model::{Remote, SourceId, SourceView, Tab};
use crate::ui::search_view::{File, Phase, Scope};
use crate::ui::{Command, marks};

/// Whoever types is not searched for until a pause of this length, in seconds.
const PAUSE: f64 = 0.12;

/// A row to show as soon as its source is open.
#[derive(Debug, Clone)]
pub struct Jump {
    path: PathBuf,
    table: Table,
    row: RowKey,
    /// Its session: id and title.
    session: Option<(String, Option<String>)>,
}

impl App {
    /// Carries out the commands of the search.
    pub(super) fn perform_search(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Search => self.open_search(Scope::Everywhere),
            Command::SearchTab => {
                let scope = self.screen.current().and_then(|source| {
                    let table = source.current_table().filter(|_| source.about.shown().is_some())?;
                    let session = source.session_for(&table);
                    Some(Scope::Tab { id: source.id, table, session })
                });
                self.open_search(scope.unwrap_or_default());
            }
            Command::SearchNow => self.start_search(ctx),
            Command::CancelSearch => self.searcher.iter().for_each(Searcher::cancel),
            Command::FindNext => self.step(ctx, 1),
            Command::FindPrevious => self.step(ctx, -1),
            Command::JumpTo(hit) => self.jump_to(hit),
            _ => {}
        }
    }

    fn open_search(&mut self, scope: Scope) {
        let search = &mut self.screen.search;
        if search.scope != scope {
            search.scope = scope;
            if !search.typed.trim().is_empty() {
                search.phase = Phase::Waiting(f64::NEG_INFINITY);
            }
        }
        (search.open, search.focus, search.select) = (true, true, true);
    }

    /// Searches when the one who types has paused; also what a closed source leaves is dropped.
    pub(super) fn search_when_due(&mut self, ctx: &Context) {
        if let Phase::Waiting(since) = self.screen.search.phase {
            let left = since + PAUSE - ctx.input(|i| i.time);
            if left <= 0.0 {
                self.start_search(ctx);
            } else {
                ctx.request_repaint_after(Duration::from_secs_f64(left));
            }
        }
        if let Scope::Tab { id, .. } = self.screen.search.scope
            && self.screen.source(id).is_none()
        {
            self.screen.search.scope = Scope::Everywhere;
        }
        self.follow_jump(ctx);
        marks::set(ctx, self.marked());
    }

    /// What is marked in the table that shows.
    fn marked(&self) -> Option<Arc<crate::core::search::Matcher>> {
        let view = &self.screen.search;
        let matcher = view.search.as_ref()?.matcher.clone()?;
        let shows = match &view.scope {
            Scope::Everywhere => true,
            Scope::Tab { id, table, .. } => {
                self.screen.current == Some(*id)
                    && self.screen.current().and_then(SourceView::current_table).as_ref() == Some(table)
            }
        };
        (shows && !view.typed.trim().is_empty()).then(|| Arc::new(matcher))
    }

    fn start_search(&mut self, ctx: &Context) {
        let now = ctx.input(|i| i.time);
        let parsed = Search::parse(&self.screen.search.typed, self.screen.search.mode);
        self.searcher.iter().for_each(Searcher::cancel);
        let view = &mut self.screen.search;
        view.generation += 1;
        let mut search = match parsed {
            Ok(Some(search)) => search,
            Ok(None) => {
                view.forget();
                (view.problem, view.search, view.phase) = (None, None, Phase::Idle);
                return;
            }
            Err(error) => {
                view.forget();
                (view.problem, view.search, view.phase) = (Some(error.to_string()), None, Phase::Idle);
                return;
            }
        };
        let (files, ways) = self.files_to_search();
        let view = &mut self.screen.search;
        view.begin(search.clone(), files, now);
        if let Scope::Tab { table, session, .. } = &view.scope {
            let only = |is| Filter { negated: false, is };
            search.filters.push(only(Is::Table(table.clone())));
            search.filters.extend(session.clone().map(|session| only(Is::OneSession(session))));
        }
        let session = match &view.scope {
            Scope::Tab { table: Table::Messages, session, .. } => session.clone(),
            _ => None,
        };
        let (generation, cancel) = (view.generation, Cancel::default());
        let wish = Wish { generation, search, session, files: ways, cancel };
        let outbox = self.outbox.clone();
        self.searcher.get_or_insert_with(|| Searcher::start(outbox)).search(wish);
    }

    /// The files of the scope in the order of the list on the left, and how each is opened.
    fn files_to_search(&self) -> (Vec<File>, Vec<(PathBuf, Options)>) {
        let sources = &self.screen.sources;
        let options = |copy| Options { copy, ..self.options() };
        let way = |source: &SourceView| options(source.about.shown().is_some_and(|a| a.copied));
        let opened = |id: Option<SourceId>| id.and_then(|id| self.screen.source(id));
        let mut all = Vec::new();
        let one = |source: &SourceView| {
            let file = File { path: source.path.clone(), label: source.label.clone() };
            (file, (source.path.clone(), way(source)))
        };
        match &self.screen.search.scope {
            Scope::Tab { id, .. } => all.extend(self.screen.source(*id).map(one)),
            Scope::Everywhere => {
                for source in sources.iter().filter(|s| s.parent.is_none()) {
                    match &source.folder {
                        None => all.push(one(source)),
                        Some(folder) => all.extend(folder.members.iter().map(|member| {
                            let file = File { path: member.path.clone(), label: member.name.clone() };
                            let way = opened(member.opened).map_or_else(|| options(false), way);
                            (file, (member.path.clone(), way))
                        })),
                    }
                }
            }
        }
        all.into_iter().unzip()
    }

    /// Takes what was found; answers to an earlier search are dropped.
    pub(super) fn searched(&mut self, generation: u64, searched: Searched) {
        let view = &mut self.screen.search;
        if view.generation != generation {
            return;
        }
        match searched {
            Searched::Found { file, table, found } => view.arrive(file, &table, found),
            Searched::File(trouble) => {
                view.files_done += 1;
                view.troubles.extend(trouble);
            }
            Searched::End { cancelled } => {
                view.phase = if cancelled { Phase::Cancelled } else { Phase::Done };
            }
        }
    }

    /// Goes to the next hit, or to the one before; searches first where something else was typed since.
    fn step(&mut self, ctx: &Context, by: isize) {
        if matches!(self.screen.search.phase, Phase::Waiting(_)) {
            self.start_search(ctx);
        }
        match self.screen.search.neighbour(by) {
            Some(hit) => self.jump_to(hit),
            None if self.screen.search.typed.trim().is_empty() => self.open_search(Scope::Everywhere),
            None => {}
        }
    }

    fn jump_to(&mut self, at: usize) {
        let view = &mut self.screen.search;
        let Some(found) = view.hits.get(at) else { return };
        let Some(file) = view.files.get(found.file) else { return };
        let hit = &found.hit;
        self.jump = Some(Jump {
            path: file.path.clone(),
            table: hit.table.clone(),
            row: hit.row.clone(),
            session: hit.session_id.clone().map(|id| (id, found.session.clone())),
        });
        (view.chosen, view.reveal) = (Some(at), true);
    }

    /// Shows the row that was jumped to, once its source is open.
    fn follow_jump(&mut self, ctx: &Context) {
        let Some(jump) = self.jump.clone() else { return };
        let Some(source) = self.screen.sources.iter().find(|s| s.path == jump.path && s.folder.is_none())
        else {
            let member = self.screen.sources.iter().find_map(|source| {
                let members = &source.folder.as_ref()?.members;
                Some((source.id, members.iter().position(|m| m.path == jump.path)?))
            });
            match member {
                Some((folder, at)) => self.perform(ctx, Command::OpenMember(folder, at)),
                None => self.jump = None,
            }
            return;
        };
        let id = source.id;
        match &source.about {
            Remote::Absent | Remote::Pending { previous: None } => return,
            Remote::Failed { previous: None, .. } => self.jump = None,
            _ => {
                self.jump = None;
                self.show_row(ctx, id, jump);
            }
        }
        self.screen.current = Some(id);
    }

    /// Goes to the row that a finding is about.
    pub(super) fn found(&mut self, ctx: &Context, id: SourceId, table: Table, row: Option<RowKey>) {
        let path = self.screen.source(id).map(|source| source.path.clone());
        match (path, row) {
            (Some(path), Some(row)) => self.jump = Some(Jump { path, table, row, session: None }),
            _ => self.say(ctx, "That row is not there, or has another name here.".to_owned()),
        }
    }

    fn show_row(&mut self, ctx: &Context, id: SourceId, jump: Jump) {
        let Jump { table, row, session, .. } = jump;
        let parent = self.screen.source(id).and_then(|s| s.parent);
        let open = [Some(id), parent];
        self.screen.sources.iter_mut().filter(|s| open.contains(&Some(s.id))).for_each(|s| s.expanded = true);
        let Some(source) = self.screen.source_mut(id) else { return };
        let is_scoped = session.is_some() && ![Table::Sessions, Table::Findings].contains(&table);
        if is_scoped
            && source.session.is_some()
            && source.session.as_ref() != session.as_ref().map(|(id, _)| id)
        {
            source.session_title = None;
        }
        source.tab = match &table {
            Table::Sessions => Tab::Overview,
            Table::Native(name) => {
                source.native = Some(name.clone());
                Tab::Tables
            }
            table => Tab::ALL.into_iter().find(|t| t.table().as_ref() == Some(table)).unwrap_or_default(),
        };
        if let Some((session, title)) = session.filter(|_| is_scoped) {
            self.perform(ctx, Command::SelectSession(id, Some(session), title));
        }
        let Some(source) = self.screen.source_mut(id) else { return };
        let to_top = source.transcript && table == Table::Messages;
        let query = narrowed(source, &table);
        let is_named = table == Table::Messages && source.about.shown().is_some_and(|a| a.names_transcripts);
        let view = source.table(&table);
        let mut row = row;
        if is_named && let Some(shown) = view.key(0) {
            // Which of the transcripts that were read a row is of, each reader numbers for itself.
            row.part = shown.part;
        }
        // A filter may hide it.
        if view.query.is_filtered() {
            view.typed.clear();
            let sort = view.query.sort.clone();
            view.ask(Query { sort, ..query });
        }
        view.seek(row.clone(), to_top);
        self.screen.details_open = true;
        self.perform(ctx, Command::ShowDetails(table, row));
    }
}
