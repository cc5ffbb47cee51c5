//! Following stores that other programs write: what changed is asked for again, no more often than it pays.

use std::time::Duration;

use egui::Context;

use super::App;
use super::job::{Job, List};
use crate::core::{About, Change, Failure, Size, Table};
use crate::ui::live::{LIVE_MS, Watched};
use crate::ui::model::{SourceId, SourceView, Tab};
use crate::ui::table_view::TableView;

/// A file that is being written, or is locked, is looked at again after so many seconds.
const LOOK_AGAIN: f64 = 0.4;

impl App {
    /// Has a source's file watched from now on.
    pub(super) fn watch(&mut self, id: SourceId) {
        let Some(source) = self.screen.source(id) else { return };
        let Some(worker) = self.workers.get(&id) else { return };
        let about = source.about.shown();
        if about.is_none_or(|about| about.copied) {
            return;
        }
        self.watcher.watch(id, &source.path, Box::new(worker.nudge()));
    }

    pub(super) fn watched(&mut self, id: SourceId, how: Watched) {
        if let Some(source) = self.screen.source_mut(id) {
            source.live.watched = how;
        }
    }

    /// Takes what has become of a source.
    pub(super) fn refreshed(
        &mut self,
        id: SourceId,
        change: Result<Change, Failure>,
        about: About,
        size: Size,
    ) {
        let (time, now_ms) = (self.screen.time, self.screen.now_ms);
        let Some(source) = self.screen.source_mut(id) else { return };
        source.live.look_at = None;
        source.live.failure = None;
        match change {
            Ok(Change::Same) => source.size = size,
            Ok(Change::Unsettled) => source.live.look_at = Some(time + LOOK_AGAIN),
            Ok(loss @ (Change::Replaced | Change::Truncated | Change::Gone)) => {
                source.live.loss = Some(loss);
                if loss == Change::Truncated {
                    source.size = size;
                }
            }
            Ok(Change::Rows | Change::Schema) => {
                source.size = size;
                source.live.loss = None;
                source.live.changed_ms = Some(now_ms);
                // Each reading of the signs of life is a look at who still lives.
                if about.pace.is_some() {
                    source.pulse.want();
                }
                let named = about.names_transcripts;
                source.about.arrive(Ok(about));
                source.is_stale();
                if named {
                    self.find_transcripts_again(id);
                }
            }
            Err(failure) => {
                // What is locked says nothing when it is let go.
                if failure.passes {
                    source.live.look_at = Some(time + LOOK_AGAIN);
                }
                source.live.failure = Some(failure);
            }
        }
    }

    /// Asks again for what shows and is stale, and wakes the window for what is due later; without any it sleeps.
    pub(super) fn follow(&mut self, ctx: &Context) {
        let (time, now_ms, current) = (self.screen.time, self.screen.now_ms, self.screen.current);
        let mut next: Option<f64> = None;
        let mut wake = |at: Option<f64>| next = [next, at].into_iter().flatten().reduce(f64::min);
        for source in &mut self.screen.sources {
            let Some(worker) = self.workers.get(&source.id) else { continue };
            if source.live.look_at.is_some_and(|at| at <= time) {
                source.live.look_at = None;
                worker.send(Job::Refresh { whole: false });
            }
            wake(source.live.look_at);
            if source.about.shown().is_none() {
                continue;
            }
            let mut jobs = Vec::new();
            ask_again(&mut source.sessions, &List::Sidebar, time, &mut jobs);
            wake(source.sessions.due_again());
            if current == Some(source.id) {
                what_shows(source, time, &mut jobs, &mut wake);
                if source.live.is_live(now_ms) {
                    let left = source.live.changed_ms.unwrap_or_default() + LIVE_MS - now_ms;
                    wake(Some(time + left as f64 / 1000.0));
                }
            }
            jobs.into_iter().for_each(|job| worker.send(job));
        }
        if let Some(at) = next {
            ctx.request_repaint_after(Duration::from_secs_f64((at - time).clamp(0.01, 3600.0)));
        }
    }

    /// Keeps the newest row of the table that shows in view, or no longer.
    pub(super) fn toggle_follow(&mut self) {
        let Some(source) = self.screen.current_mut() else { return };
        let Some(table) = source.current_table() else { return };
        let view = source.table(&table);
        view.follow = !view.follow;
        if view.follow {
            view.go_to_newest();
        }
    }

    /// Looks again at a source whose file was lost: opens what is in its place now.
    pub(super) fn look_again(&mut self, id: SourceId) {
        let Some(source) = self.screen.source(id) else { return };
        match (source.live.loss, self.workers.get(&id)) {
            // What shows stays: there may be nothing in its place.
            (Some(Change::Gone), Some(worker)) => worker.send(Job::Refresh { whole: true }),
            _ => self.reopen(id, false),
        }
    }
}

/// What is asked for of the source that shows.
fn what_shows(source: &mut SourceView, time: f64, jobs: &mut Vec<Job>, wake: &mut impl FnMut(Option<f64>)) {
    if let Some(table) = source.current_table() {
        let talks = table == Table::Messages && source.transcript;
        let view = source.table(&table);
        ask_again(view, &List::Table(table), time, jobs);
        wake(view.due_again());
        wake(view.end_marks(time));
        if talks {
            ask_again(&mut source.turns.view, &List::Turns, time, jobs);
            wake(source.turns.view.due_again());
        }
    }
    if let Some((table, key)) = source.details_for.clone()
        && source.live.details.ask(time)
    {
        let reveal = source.details.shown().is_some_and(|details| details.revealed);
        let near = source.table(&table).around(&key);
        jobs.push(Job::Details { table, key, near, reveal });
    }
    if source.details_for.is_some() {
        wake(source.live.details.due());
    }
    if source.live.counts.ask(time) {
        for (table, count) in &mut source.counts {
            count.ask();
            jobs.push(Job::Count { table: table.clone() });
        }
        if source.counts.is_empty() {
            source.live.counts.arrived(time, 0.0);
        }
    }
    wake(source.live.counts.due());
    if source.tab == Tab::Overview {
        if !source.glance.is_pending() && source.live.glance.ask(time) {
            source.glance.ask();
            jobs.push(Job::Glance);
        }
        if !source.glance.is_pending() {
            wake(source.live.glance.due());
        }
    }
}

fn ask_again(view: &mut TableView, list: &List, time: f64, jobs: &mut Vec<Job>) {
    if let Some(generation) = view.ask_again(time) {
        jobs.push(Job::Index { list: list.clone(), generation, query: view.query.clone() });
    } else if let Some(newest) = view.ask_ahead(time) {
        let (generation, query) = (view.generation, view.query.clone());
        jobs.push(Job::Ahead { list: list.clone(), generation, query, newest });
    }
}
