//! The matches of a search, marked wherever they are drawn.

use std::ops::Range;
use std::sync::Arc;

use egui::epaint::TextShape;
use egui::layers::ShapeIdx;
use egui::text::{CharIndex, LayoutJob, TextFormat};
use egui::{Color32, Context, CornerRadius, FontId, Id, Rect, Shape, Ui};

use super::theme::mark_color;
use crate::core::search::{self, Matcher};

/// In one text so many matches are marked at most.
const MOST_MARKS: usize = 1_000;

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

/// Marks the matches in whatever text is drawn meanwhile, also in one that others set.
///
/// Of texts that are set apart, such as what is emphasised and what is not, each is looked at alone.
pub fn within<R>(ui: &mut Ui, draw: impl FnOnce(&mut Ui) -> R) -> R {
    let Some(matcher) = matcher(ui.ctx()) else { return draw(ui) };
    let (ctx, layer) = (ui.ctx().clone(), ui.layer_id());
    let start = ctx.graphics_mut(|layers| layers.entry(layer).next_idx());
    let drawn = draw(ui);
    let color = mark_color(&ctx);
    ctx.graphics_mut(|layers| {
        let shapes = layers.entry(layer);
        for at in start.0..shapes.next_idx().0 {
            shapes.mutate_shape(ShapeIdx(at), |clipped| mark(&mut clipped.shape, &matcher, color));
        }
    });
    drawn
}

fn mark(shape: &mut Shape, matcher: &Matcher, color: Color32) {
    match shape {
        Shape::Vec(shapes) => shapes.iter_mut().for_each(|shape| mark(shape, matcher, color)),
        Shape::Text(text) => {
            let (mut behind, mut before) = (Vec::new(), Vec::new());
            let mut counted = (0, 0);
            for range in search::marks(matcher, text.galley.text(), MOST_MARKS) {
                // Text that has a ground of its own would hide one behind it.
                let shapes = if has_ground(text, &range) { &mut before } else { &mut behind };
                let ground = |place| Shape::rect_filled(place, CornerRadius::ZERO, color);
                let chars = [range.start, range.end].map(|end| {
                    let more = text.galley.text().get(counted.0..end).unwrap_or_default();
                    counted = (end, counted.1 + more.chars().count());
                    counted.1
                });
                shapes.extend(places(text, chars).map(ground));
            }
            if behind.is_empty() && before.is_empty() {
                return;
            }
            behind.push(std::mem::replace(shape, Shape::Noop));
            behind.append(&mut before);
            *shape = Shape::Vec(behind);
        }
        _ => {}
    }
}

fn has_ground(text: &TextShape, range: &Range<usize>) -> bool {
    text.galley.job.sections.iter().any(|section| {
        let section_is_there =
            section.byte_range.start.0 < range.end && range.start < section.byte_range.end.0;
        section_is_there && section.format.background != Color32::TRANSPARENT
    })
}

/// Where some characters of a text stand, row by row; those that were cut away stand nowhere.
fn places(text: &TextShape, [from, to]: [usize; 2]) -> impl Iterator<Item = Rect> {
    let rows = text.galley.rows.iter().scan(0, |first, row| {
        let here = *first;
        *first += row.char_count_including_newline().0;
        Some((here, row))
    });
    rows.filter_map(move |(first, row)| {
        let (left, right) = (from.max(first), to.min(first + row.row.glyphs.len()));
        let x = |at: usize| row.pos.x + row.row.x_offset(CharIndex(at - first));
        (left < right).then(|| {
            let place = Rect::from_x_y_ranges(x(left)..=x(right), row.rect().y_range());
            place.translate(text.pos.to_vec2())
        })
    })
}

/// A text with these parts of it marked.
pub fn job_of(ctx: &Context, text: &str, ranges: &[Range<usize>], font: FontId, color: Color32) -> LayoutJob {
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
