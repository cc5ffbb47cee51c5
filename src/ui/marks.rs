//! The matches of a search, marked wherever a table's text is drawn.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, Context, FontId, Id};

use super::theme::mark_color;
use crate::core::search::{self, Matcher};

fn id() -> Id {
    Id::unique("marks of the search")
}

/// Says what is to be marked from now on; nothing where there is none.
pub fn set(ctx: &Context, matcher: Option<Arc<Matcher>>) {
    ctx.data_mut(|data| data.insert_temp(id(), matcher));
}

/// What is to be marked.
pub fn matcher(ctx: &Context) -> Option<Arc<Matcher>> {
    ctx.data(|data| data.get_temp::<Option<Arc<Matcher>>>(id())).flatten()
}

/// A text with its matches on a ground of their own.
pub fn job(ctx: &Context, text: &str, font: FontId, color: Color32) -> LayoutJob {
    let ranges = matcher(ctx).map(|m| search::marks(&m, text)).unwrap_or_default();
    job_of(ctx, text, &ranges, font, color)
}

/// A text with these parts of it marked.
pub fn job_of(
    ctx: &Context,
    text: &str,
    ranges: &[std::ops::Range<usize>],
    font: FontId,
    color: Color32,
) -> LayoutJob {
    let plain = TextFormat::simple(font, color);
    let marked = TextFormat { background: mark_color(ctx), ..plain.clone() };
    let mut job = LayoutJob::default();
    let mut at = 0;
    for range in ranges {
        let (Some(before), Some(found)) = (text.get(at..range.start), text.get(range.clone())) else {
            continue;
        };
        job.append(before, 0.0, plain.clone());
        job.append(found, 0.0, marked.clone());
        at = range.end;
    }
    job.append(&text[at..], 0.0, plain);
    job
}
