//! Keeping up with time: signs of life are read again when a verdict or an age that is shown becomes another one.

use std::time::Duration;

use egui::Context;

use super::App;
use crate::core::{Failure, Row, Table};
use crate::ui::model::{SourceId, Tab};
use crate::ui::pulse::Reading;

impl App {
    /// Takes the newest signs of life of a source's sessions.
    pub(super) fn pulse_arrived(
        &mut self,
        ctx: &Context,
        id: SourceId,
        rows: Result<Vec<Row>, Failure>,
        took_ms: i64,
    ) {
        let now_ms = self.screen.now_ms;
        let Some(source) = self.screen.source_mut(id) else { return };
        let Some(pace) = source.about.shown().and_then(|about| about.pace) else { return };
        source.pulse.read_at = ctx.input(|i| i.time);
        source.pulse.arrived(rows, took_ms, pace, now_ms);
    }

    /// Lets be read what is wanted, once the last reading has rested.
    fn end_rests(&mut self, ctx: &Context) {
        let time = ctx.input(|i| i.time);
        for source in &mut self.screen.sources {
            if source.pulse.reading != Reading::Wanted {
                continue;
            }
            let rest = source.pulse.rests_for(time);
            if rest <= 0.0 {
                source.pulse.reading = Reading::Due;
            } else {
                ctx.request_repaint_after(Duration::from_secs_f64(rest));
            }
        }
    }

    /// Asks for signs of life whose time has come, and wakes the window for the next; without any it sleeps.
    pub(super) fn keep_up(&mut self, ctx: &Context) {
        // Time that stands still changes nothing.
        if !self.clock.is_fixed() {
            self.ask_for_what_is_due(ctx);
        }
        self.end_rests(ctx);
    }

    fn ask_for_what_is_due(&mut self, ctx: &Context) {
        let now_ms = self.screen.now_ms;
        let current = self.screen.current;
        let mut next: Option<i64> = None;
        for source in &mut self.screen.sources {
            let Some(due_ms) = source.pulse.due_ms.filter(|_| source.pulse.reading == Reading::Idle) else {
                continue;
            };
            if due_ms > now_ms {
                next = Some(next.map_or(due_ms, |next| next.min(due_ms)));
                continue;
            }
            source.pulse.due_ms = None;
            source.pulse.want();
            if current == Some(source.id) && source.tab == Tab::Heartbeats {
                source.table(&Table::Heartbeats).read_again();
            }
        }
        if let Some(due_ms) = next {
            ctx.request_repaint_after(Duration::from_millis((due_ms - now_ms).unsigned_abs()));
        }
    }
}
