//! What arrives from the background, and what is asked for next.

use egui::Context;

use super::App;
use super::job::{Done, Event, Job, List};
use super::session_export::progress;
use crate::core::{ColumnKind, Query, Table};
use crate::ui::model::{Dialog, Remote, SourceId, SourceView, Tab, Toast};
use crate::ui::pulse::{MOST_SESSIONS, Reading};
use crate::ui::table_view::{IndexState, PAGE_ROWS, TableView};

/// Of a session the list on the left shows first what costs nothing to read.
const CHEAP_SESSION_COLUMNS: [&str; 5] = ["id", "title", "status", "repo", "issue"];

impl App {
    /// Takes all that has arrived.
    pub(super) fn receive(&mut self, ctx: &Context) {
        while let Ok(event) = self.inbox.try_recv() {
            match event {
                Event::Source { id, done } => self.source_event(ctx, id, done),
                Event::Operations(read) => self.screen.operations.arrive(read),
                Event::Searched { generation, searched } => self.searched(generation, searched),
                Event::Coloured(coloured) => self.typeset.coloured(coloured),
                Event::Watched { id, how } => self.watched(id, how),
                Event::Settled(lines) => self.screen.dialog = Some(Dialog::Notice { lines }),
                Event::Chosen { field, path } => self.chosen(ctx, field, path),
                Event::TranscriptsChosen(folder) => self.transcripts_chosen(folder),
                Event::Picked { paths: Some(paths), .. } => paths.into_iter().for_each(|p| self.open(ctx, p)),
                Event::Picked { paths: None, folder } => {
                    let note = "No file dialog is available here, so type the path.".to_owned();
                    self.screen.dialog =
                        Some(Dialog::OpenPath { typed: String::new(), folder, note: Some(note) });
                }
            }
        }
    }

    fn source_event(&mut self, ctx: &Context, id: SourceId, done: Done) {
        match done {
            Done::Copied { text, rows } => {
                ctx.copy_text(text);
                self.say(ctx, format!("Copied {}", count_of(rows as u64, "row")));
            }
            Done::Exported(Ok((path, rows))) => {
                self.say(ctx, format!("Wrote {} to {}", count_of(rows, "row"), path.display()));
            }
            Done::Exported(Err(error)) => self.say(ctx, error),
            Done::Sought { generation, key, stop } => self.sought(ctx, id, generation, key, stop),
            Done::Exporting { done, of } => self.exporting_toast(ctx, progress(done, of)),
            Done::SessionExported { to, exported } => self.session_exported(ctx, to, exported),
            Done::IsFolder => self.start_walk(id),
            Done::WalkEnded => self.walk_ended(id),
            Done::FolderChanged => self.walk_again(id),
            Done::WalkedAgain(members) => self.walked_again(id, members),
            Done::Transcripts { session, found } => self.transcripts_found(id, &session, found),
            Done::Pulse { rows, took_ms } => self.pulse_arrived(ctx, id, rows, took_ms),
            Done::Found { table, row } => self.found(ctx, id, table, row),
            Done::SessionIds(ids) => self.delete_sessions(id, ids),
            Done::Planned(planned) => self.planned(id, planned),
            Done::Applying(done) => self.applying(id, done),
            Done::Applied(applied) => self.applied(ctx, id, applied),
            Done::Refreshed { change, about, size } => self.refreshed(id, change, *about, size),
            done => {
                let opened = matches!(done, Done::Opened(Ok(_)));
                let time = self.screen.time;
                if let Some(source) = self.screen.source_mut(id) {
                    arrive(source, done, time);
                }
                if opened {
                    self.watch(id);
                }
            }
        }
    }

    /// Says for a moment that something was done.
    pub(super) fn say(&mut self, ctx: &Context, text: String) {
        let until = ctx.input(|i| i.time) + 4.0;
        self.screen.toast = Some(Toast { text, until, next: Vec::new() });
        ctx.request_repaint();
    }

    /// Sends a job for everything that was drawn and was not there.
    pub(super) fn ask_for_what_is_missing(&mut self) {
        let current = self.screen.current;
        if let Some(repair) = &mut self.screen.repair
            && let Some(worker) = self.workers.get(&repair.lines.id)
            && repair.planned().is_some()
        {
            let mut jobs = Vec::new();
            ask(repair.lines.table(&Table::Plan), &List::Table(Table::Plan), &mut jobs);
            jobs.into_iter().for_each(|job| worker.send(job));
        }
        for source in &mut self.screen.sources {
            let Some(worker) = self.workers.get(&source.id) else { continue };
            if source.about.shown().is_none() {
                continue;
            }
            let mut jobs = Vec::new();
            ask(&mut source.sessions, &List::Sidebar, &mut jobs);
            if source.pulse.reading == Reading::Due {
                source.pulse.reading = Reading::Asked;
                jobs.push(Job::Pulse { most: MOST_SESSIONS });
            }
            if current == Some(source.id) {
                if let Some(table) = source.current_table() {
                    let talks = table == Table::Messages && source.transcript && self.screen.outline;
                    ask(source.table(&table), &List::Table(table), &mut jobs);
                    if talks {
                        let query = source.turns_query();
                        if source.turns.view.query != query {
                            source.turns.view.ask(query);
                        }
                        ask(&mut source.turns.view, &List::Turns, &mut jobs);
                    }
                }
                counts(source, &mut jobs);
                if source.tab == Tab::Overview && source.glance.is_wanted() {
                    source.glance.ask();
                    jobs.push(Job::Glance);
                }
            }
            for job in jobs {
                if matches!(job, Job::Index { list: List::Table(_), .. }) {
                    worker.cancel_scan();
                }
                worker.send(job);
            }
        }
    }
}

fn arrive(source: &mut SourceView, done: Done, time: f64) {
    match done {
        Done::Opened(result) => {
            if let Ok((_, size)) = &result {
                source.size = *size;
            }
            let about = result.map(|(about, _)| about);
            // A store without sessions has nothing to say on its overview: what it has is shown.
            if let Ok(about) = &about
                && source.tab == Tab::Overview
                && about.stores.first() == Some(&"wrangler-config")
            {
                source.tab = Tab::Migrations;
            }
            if about.as_ref().is_ok_and(|about| about.pace.is_some()) {
                source.pulse.want();
            }
            source.about.arrive(about);
        }
        Done::Index { list, generation, piece, columns, first, last } => {
            let view = view_of(source, &list);
            if view.is_refresh(generation) {
                view.refresh_arrived(piece, columns, last, time);
            } else if view.generation == generation {
                view.columns = columns;
                match piece {
                    Ok(piece) => view.index_arrived(piece, first, last),
                    // What somebody asked for broke it off: it is made when it is drawn again.
                    Err(failure) if failure.cancelled && list == List::Turns => {
                        view.state = IndexState::Wanted
                    }
                    Err(failure) if failure.cancelled => view.state = IndexState::Complete,
                    Err(failure) => view.state = IndexState::Failed(failure),
                }
            } else {
                return;
            }
            let signs = matches!(list, List::Sidebar | List::Table(Table::Heartbeats));
            let (ended, again) = (last && view.state == IndexState::Complete, generation > 0);
            if ended {
                counted(source, &list);
            }
            // What is read once more may have changed.
            if signs && ended && again && source.about.shown().is_some_and(|about| about.pace.is_some()) {
                source.pulse.want();
            }
        }
        Done::Ahead { list, generation, piece } => {
            if view_of(source, &list).ahead_arrived(generation, piece, time) {
                counted(source, &list);
            }
        }
        Done::Rows { list, generation, page, rows, whole } => {
            let view = view_of(source, &list);
            if view.generation == generation {
                view.page_arrived(page, rows, whole, time);
            } else {
                view.page_dropped(page);
            }
        }
        Done::Messages { generation, messages } => {
            let view = source.table(&Table::Messages);
            if view.generation == generation {
                view.messages_arrived(messages);
            }
        }
        Done::Details { table, key, details } => {
            source.live.details.arrived(time, 0.2);
            let shows = source.details.shown().is_some_and(|shown| shown.row.key == key);
            if source.details_for.as_ref() == Some(&(table, key)) {
                source.live.details_gone = matches!(details, Ok(None));
                match details {
                    Ok(Some(details)) => source.details = Remote::Ready(details),
                    // What it was stays, and is said to be gone.
                    Ok(None) if shows => {}
                    Ok(None) => source.details = Remote::Absent,
                    Err(failure) => source.details.arrive(Err(failure)),
                }
            }
        }
        Done::Count { table, count } => {
            let cancelled = count.as_ref().is_err_and(|f| f.cancelled);
            let remote = source.counts.entry(table).or_default();
            if cancelled {
                *remote = Remote::Absent;
            } else {
                remote.arrive(count);
            }
            if !source.counts.values().any(Remote::is_pending) {
                source.live.counts.arrived(time, 1.0);
            }
        }
        Done::Glance { glance: Ok(glance), last: false } => {
            source.glance = Remote::Pending { previous: Some(glance) };
        }
        Done::Glance { glance, .. } => {
            source.live.glance.arrived(time, 2.0);
            source.glance.arrive(glance);
        }
        Done::Walked { folders_seen, member } => {
            if let Some(folder) = &mut source.folder {
                folder.folders_seen = folders_seen;
                folder.members.extend(member);
            }
        }
        Done::MemberExamined { path, worst } => {
            let members = source.folder.iter_mut().flat_map(|folder| &mut folder.members);
            for member in members.filter(|member| member.path == path) {
                (member.worst, member.examined) = (worst, true);
            }
        }
        Done::Examined((done, of)) => source.examined = (done < of).then_some((done, of)),
        Done::Learned(learned) => source.learn(learned),
        Done::Found { .. }
        | Done::Copied { .. }
        | Done::Exported(_)
        | Done::IsFolder
        | Done::WalkEnded
        | Done::FolderChanged
        | Done::WalkedAgain(_)
        | Done::Exporting { .. }
        | Done::Sought { .. }
        | Done::SessionExported { .. }
        | Done::Transcripts { .. }
        | Done::Refreshed { .. }
        | Done::SessionIds(_)
        | Done::Pulse { .. }
        | Done::Planned(_)
        | Done::Applying(_)
        | Done::Applied(_) => {}
    }
}

fn view_of<'a>(source: &'a mut SourceView, list: &List) -> &'a mut TableView {
    match list {
        List::Sidebar => &mut source.sessions,
        List::Turns => &mut source.turns.view,
        List::Table(table) => source.table(table),
    }
}

/// The number of a table's rows is known once all of them are.
fn counted(source: &mut SourceView, list: &List) {
    let view = view_of(source, list);
    if !view.query.is_filtered() && view.query.session.is_none() {
        let (table, rows) = (view.query.table.clone(), view.len() as u64);
        source.counts.insert(table, Remote::Ready(rows));
    }
}

/// Asks for a view's index, pages and messages, as far as they are missing.
fn ask(view: &mut TableView, list: &List, jobs: &mut Vec<Job>) {
    let generation = view.generation;
    if view.state == IndexState::Wanted {
        view.state = IndexState::Asked;
        jobs.push(Job::Index { list: list.clone(), generation, query: view.query.clone() });
    }
    let table = view.query.table.clone();
    for page in std::mem::take(&mut view.missing) {
        let keys: Vec<_> = (page * PAGE_ROWS..(page + 1) * PAGE_ROWS).map_while(|i| view.key(i)).collect();
        let columns = match table {
            Table::Sessions => cheap(view),
            _ => Vec::new(),
        };
        let job = |columns| Job::Rows {
            list: list.clone(),
            generation,
            table: table.clone(),
            page,
            keys: keys.clone(),
            columns,
        };
        if !columns.is_empty() {
            jobs.push(job(columns));
        }
        jobs.push(job(Vec::new()));
    }
    let near = view.missing_messages();
    jobs.extend(near.into_iter().map(|near| Job::Messages { generation, near }));
}

fn cheap(view: &TableView) -> Vec<usize> {
    let at = |name: &&str| view.columns.iter().position(|c| c.name == *name && c.kind != ColumnKind::Time);
    CHEAP_SESSION_COLUMNS.iter().filter_map(at).collect()
}

/// Counts the tables of a store once; the numbers come to the tabs as they are known.
fn counts(source: &mut SourceView, jobs: &mut Vec<Job>) {
    let keeps = source.about.shown().map(|a| a.keeps.clone()).unwrap_or_default();
    for table in keeps {
        let remote = source.counts.entry(table.clone()).or_default();
        if remote.is_absent() {
            remote.ask();
            jobs.push(Job::Count { table });
        }
    }
}

/// A query for all rows of a table, in the session that the source is narrowed to.
pub(super) fn narrowed(source: &SourceView, table: &Table) -> Query {
    Query { session: source.session_for(table), ..Query::all(table.clone()) }
}

/// `1 row`, `2 rows`.
pub(super) fn count_of(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", crate::ui::format::group(number))
}
