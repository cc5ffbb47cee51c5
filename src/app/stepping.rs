//! Steps through a conversation.

use egui::Context;

use super::App;
use super::job::Job;
use crate::core::{RowKey, Table};
use crate::ui::Command;
use crate::ui::model::{SourceId, Stop, Tab};

/// So many messages are looked through for a step.
const MOST_LOOKED_THROUGH: usize = 50_000;

impl App {
    /// The commands that go through a conversation or fold it.
    pub(super) fn perform_step(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Step(stop, forward) => self.step_to(ctx, stop, forward),
            Command::GoToMessage(key) => {
                if let Some(source) = self.screen.current_mut() {
                    let is_transcript = source.transcript;
                    source.table(&Table::Messages).seek(key.clone(), is_transcript);
                    self.perform(ctx, Command::ShowDetails(Table::Messages, key));
                }
            }
            Command::FoldAll(open) => {
                if let Some(source) = self.screen.current_mut() {
                    let folds = &mut source.table(&Table::Messages).folds;
                    (folds.round, folds.open) = (folds.round.wrapping_add(1), open);
                }
            }
            _ => {}
        }
    }

    fn step_to(&mut self, ctx: &Context, stop: Stop, forward: bool) {
        let Some(source) = self.screen.current_mut().filter(|s| s.tab == Tab::Messages) else { return };
        let id = source.id;
        let view = source.table(&Table::Messages);
        let at = view.focus.as_ref().filter(|(at, key)| view.key(*at).as_ref() == Some(key)).map(|f| f.0);
        let first = view.scroll.first;
        let keys: Vec<RowKey> = match (at, forward) {
            (Some(at), true) => (at + 1..).map_while(|at| view.key(at)).take(MOST_LOOKED_THROUGH).collect(),
            (None, true) => (first..).map_while(|at| view.key(at)).take(MOST_LOOKED_THROUGH).collect(),
            (_, false) => {
                let end = at.unwrap_or(first);
                (0..end).rev().take(MOST_LOOKED_THROUGH).filter_map(|at| view.key(at)).collect()
            }
        };
        let generation = view.generation;
        if stop == Stop::Message {
            return self.sought(ctx, id, generation, keys.into_iter().next(), stop);
        }
        if let Some(worker) = self.current_worker() {
            worker.send(Job::Seek { generation, keys, stop });
        }
    }

    /// Goes to where a step ended.
    pub(super) fn sought(
        &mut self,
        ctx: &Context,
        id: SourceId,
        generation: u64,
        key: Option<RowKey>,
        stop: Stop,
    ) {
        let Some(source) = self.screen.source_mut(id) else { return };
        let is_transcript = source.transcript;
        let view = source.table(&Table::Messages);
        if view.generation != generation {
            return;
        }
        match key {
            Some(key) => {
                view.seek(key.clone(), is_transcript);
                self.perform(ctx, Command::ShowDetails(Table::Messages, key));
            }
            None if stop == Stop::Message => {}
            None => {
                let what = match stop {
                    Stop::Message => "message",
                    Stop::Turn => "turn",
                    Stop::ToolCall => "tool call",
                    Stop::Error => "error",
                };
                self.say(ctx, format!("There is no other {what} in this direction"));
            }
        }
    }
}
