//! Messages as a conversation to read.

mod blocks;
mod colours;
pub mod outline;
pub mod parts;
mod typeset;

use egui::{Id, Key, Rect, RichText, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2};

pub use colours::{Coloured, Run, Wanted};
pub use typeset::Typeset;

use super::Command;
use super::format::{self, Zone};
use super::model::Message;
use super::scroll::{self, RowScroll};
use super::table_view::{IndexState, TableView};
use super::theme::{
    colors_of, mono_font, role_color, sizes_in_use, small_font, space, strong_font, text_font,
};
use super::widgets;
use crate::core::conversation::{Part, is_frame, words};
use crate::core::{Table, span, visible};

/// What a message is taken to be high until it was drawn once.
const GUESSED_HEIGHT: f32 = 90.0;
/// A pause that is longer than this is said, in milliseconds.
const LONG_PAUSE_MS: i64 = 3_600_000;
/// The widest that text is set, for the eye to find the next line.
const READING_WIDTH: f32 = 860.0;

/// Draws the messages from where the view is scrolled to.
pub fn show(
    ui: &mut Ui,
    view: &mut TableView,
    zone: Zone,
    now_ms: i64,
    typeset: &mut Typeset,
) -> Vec<Command> {
    let mut commands = Vec::new();
    if view.is_empty() {
        if !matches!(view.state, IndexState::Wanted | IndexState::Asked) {
            widgets::quiet(
                ui,
                if view.query.is_filtered() {
                    "No message matches the filters."
                } else {
                    "There are no messages here."
                },
            );
        }
        return commands;
    }
    let outer = ui.available_rect_before_wrap();
    let page = Rect::from_min_max(outer.min, pos2(outer.right() - 10.0, outer.bottom()));
    move_by_input(ui, page, view);
    let total = view.len();
    view.scroll.first = view.scroll.first.min(total - 1);
    if view.follow && !view.newest_first() {
        view.scroll = RowScroll { first: total - 1, offset: 0.0 };
        let room = page.height() - height(view, total - 1);
        scroll_by(view, -room);
    }

    // The end is somewhere in the last message, which may be higher than the page.
    if view.scroll.offset > height(view, view.scroll.first) {
        view.scroll.offset = (height(view, view.scroll.first) - page.height()).max(0.0);
    }
    let mut top = page.top() - view.scroll.offset;
    let mut at = view.scroll.first;
    let mut inside = ui.new_child(UiBuilder::new().max_rect(page).id_salt("transcript"));
    inside.set_clip_rect(page.intersect(ui.clip_rect()));
    while top < page.bottom() && at < total {
        let height = item(&mut inside, view, at, top, page, zone, now_ms, typeset, &mut commands);
        if let Some(key) = view.key(at) {
            view.heights.insert(key, height);
        }
        top += height;
        at += 1;
    }
    // A message is as high as it is only once it was drawn.
    if view.follow && !view.newest_first() && (at < total || (top - page.bottom()).abs() > 1.0) {
        let whole = view.scroll == RowScroll::default() && at == total && top < page.bottom();
        if !whole {
            ui.ctx().request_repaint();
        }
    }
    // The end of the last message meets the bottom; no further.
    if at == total && top < page.bottom() && (view.scroll.first > 0 || view.scroll.offset > 0.0) {
        let room = page.bottom() - top;
        scroll_by(view, -room);
        if room > 1.0 {
            ui.ctx().request_repaint();
        }
    }
    // In parts of messages, since one may be as long as all others.
    let (first, last) = (view.scroll.first, at.saturating_sub(1));
    let above = f64::from(view.scroll.offset / height(view, first).max(1.0)).min(1.0);
    let below = f64::from((top - page.bottom()).max(0.0) / height(view, last).max(1.0)).min(1.0);
    let shown = ((at - first) as f64 - above - below).max(0.01);
    let track = Rect::from_min_max(pos2(page.right(), outer.top()), outer.max);
    let id = ui.scope_id().with("bar");
    let (_, wanted) = scroll::bar(ui, id, track, first as f64 + above, shown, total);
    if let Some(row) = wanted {
        view.moved_by_hand(row < view.scroll.first as f64 + above);
        let first = (row as usize).min(total - 1);
        let offset = (row - first as f64) as f32 * height(view, first);
        view.scroll = RowScroll { first, offset };
    }
    ui.advance_cursor_after_rect(outer);
    commands
}

fn move_by_input(ui: &Ui, page: Rect, view: &mut TableView) {
    let wheel = if ui.rect_contains_pointer(page) { ui.input(|i| i.smooth_scroll_delta().y) } else { 0.0 };
    if wheel != 0.0 {
        view.moved_by_hand(wheel > 0.0);
        scroll_by(view, -wheel);
    }
    if ui.ctx().text_edit_focused() {
        return;
    }
    let (end, points) = ui.input(|i| {
        let end = (i.key_pressed(Key::Home), i.key_pressed(Key::End));
        let down = |key| f32::from(u8::from(i.key_pressed(key)));
        let lines = down(Key::ArrowDown) - down(Key::ArrowUp);
        let pages = down(Key::PageDown) - down(Key::PageUp);
        (end, lines * 60.0 + pages * page.height() * 0.9)
    });
    if points != 0.0 || end.0 {
        view.moved_by_hand(points < 0.0 || end.0);
    }
    if points != 0.0 {
        scroll_by(view, points);
    }
    match end {
        (true, _) => view.scroll = RowScroll::default(),
        (_, true) => view.scroll = RowScroll { first: view.len().saturating_sub(1), offset: f32::MAX },
        _ => {}
    }
}

/// How high a message is, as it was last drawn.
fn height(view: &TableView, at: usize) -> f32 {
    view.key(at).and_then(|key| view.heights.get(&key).copied()).unwrap_or(GUESSED_HEIGHT)
}

/// Moves by points over messages of different heights.
fn scroll_by(view: &mut TableView, points: f32) {
    let total = view.len();
    let (mut first, mut offset) = (view.scroll.first, view.scroll.offset + points);
    while offset < 0.0 && first > 0 {
        first -= 1;
        offset += height(view, first);
    }
    while first + 1 < total && offset >= height(view, first) {
        offset -= height(view, first);
        first += 1;
    }
    view.scroll = RowScroll { first, offset: offset.max(0.0) };
}

#[expect(clippy::too_many_arguments, reason = "a view of one message with its surroundings")]
fn item(
    ui: &mut Ui,
    view: &mut TableView,
    at: usize,
    top: f32,
    page: Rect,
    zone: Zone,
    now_ms: i64,
    typeset: &mut Typeset,
    commands: &mut Vec<Command>,
) -> f32 {
    let selected = view.focus.as_ref().is_some_and(|(focus, _)| *focus == at);
    let Some(message) = view.message(at) else {
        return height(view, at);
    };
    let colors = colors_of(ui.ctx());
    let width = (page.width() - 2.0 * space::L).min(READING_WIDTH);
    let left = page.left() + space::L;
    let above = top;
    let top = top
        + pause(
            ui,
            view,
            (at, &message),
            Rect::from_min_size(pos2(left, top), vec2(width, sizes_in_use().header)),
            zone,
        );
    let is_slim = matches!(message.parts[..], [Part::Above(_)]);
    let margin = if is_slim { space::XS } else { space::M };
    let room = Rect::from_min_size(pos2(left, top + margin), vec2(width, f32::INFINITY));
    let id = Id::unique(("message", &message.key));
    let mut inner = ui.new_child(UiBuilder::new().max_rect(room).id_salt(id));
    head(&mut inner, &message, is_slim, zone, now_ms);
    if !is_slim {
        inner.add_space(space::XS);
        if is_frame(&message.role) {
            inner.visuals_mut().override_text_color = Some(colors.muted);
        }
        let mut look = parts::Look { typeset, folds: view.folds, commands };
        parts::show(&mut inner, id, &message.parts, &mut look);
    }
    if message.left_out_bytes > 0 {
        let text = format!("Show all of it · {} more", format::bytes(message.left_out_bytes));
        let hint = "This message is long; its end was left out";
        if widgets::quiet_button(&mut inner, &text, hint).clicked() {
            commands.push(Command::LoadMessage(at));
        }
    }
    let bottom = inner.min_rect().bottom() + margin;
    let line = Rect::from_min_max(pos2(page.left(), top), pos2(page.right(), bottom));
    let mark =
        Rect::from_min_size(pos2(page.left() + 6.0, top + margin), vec2(2.0, bottom - top - 2.0 * margin));
    ui.painter().rect_filled(
        mark,
        1,
        if selected { colors.accent } else { role_color(colors, &message.role).gamma_multiply(0.5) },
    );
    if let Some(mark) = view.mark(&message.key) {
        let bar = Rect::from_min_size(line.min, vec2(3.0, line.height()));
        ui.painter().rect_filled(bar, 0, colors.accent);
        let response = ui.interact(bar.intersect(page), ui.scope_id().with(("mark", at)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(egui::accesskit::Role::Image, true, mark.name()));
    }
    ui.painter().hline(page.x_range(), bottom - 0.5, Stroke::new(1.0, colors.line));
    // Only the head takes the click, so that text below can be selected.
    let response = ui.interact(
        Rect::from_min_max(line.min, pos2(line.right(), top + margin + sizes_in_use().row)).intersect(page),
        id.with("select"),
        Sense::click(),
    );
    if response.clicked() {
        view.focus = Some((at, message.key.clone()));
        view.selected = std::iter::once(message.key.clone()).collect();
        commands.push(Command::ShowDetails(Table::Messages, message.key.clone()));
    }
    bottom - above
}

/// Says that another day begins, or that nothing was said for long; gives the room that it takes.
fn pause(ui: &Ui, view: &mut TableView, (at, message): (usize, &Message), line: Rect, zone: Zone) -> f32 {
    let before = at.checked_sub(1).and_then(|at| view.message(at)).and_then(|m| m.created_at_ms);
    let (Some(before), Some(now)) = (before, message.created_at_ms) else { return 0.0 };
    let day = |ms| format::time(ms, zone).chars().take(10).collect::<String>();
    let text = match (day(before) != day(now), now - before) {
        (true, LONG_PAUSE_MS..) => format!("{} · {} later", day(now), span(now - before)),
        (true, _) => day(now),
        (false, LONG_PAUSE_MS..) => format!("{} later", span(now - before)),
        _ => return 0.0,
    };
    let colors = colors_of(ui.ctx());
    let galley = ui.painter().layout_no_wrap(text.clone(), small_font(), colors.muted);
    let size = galley.size();
    let start = pos2(line.center().x - size.x / 2.0, line.center().y - size.y / 2.0);
    let stroke = Stroke::new(1.0, colors.line);
    ui.painter().hline(line.left()..=start.x - space::S, line.center().y, stroke);
    ui.painter().hline(start.x + size.x + space::S..=line.right(), line.center().y, stroke);
    ui.painter().galley(start, galley, colors.muted);
    let response = ui.interact(line, ui.scope_id().with(("pause", &message.key)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::accesskit::Role::Label, true, &text));
    line.height()
}

fn head(ui: &mut Ui, message: &Message, is_slim: bool, zone: Zone, now_ms: i64) {
    let colors = colors_of(ui.ctx());
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = sizes_in_use().row;
        let role = if message.role.is_empty() { "message" } else { &message.role };
        let (font, color) = match is_slim {
            _ if is_frame(role) => (text_font(), role_color(colors, role)),
            true => (text_font(), role_color(colors, role).gamma_multiply(0.8)),
            false => (strong_font(), role_color(colors, role)),
        };
        ui.label(RichText::new(visible(role)).font(font).color(color));
        if let Some(ms) = message.created_at_ms {
            let response =
                ui.label(RichText::new(format::time(ms, zone)).font(mono_font()).color(colors.muted));
            response.on_hover_text(format::moment(ms, now_ms));
        }
        let id = crate::core::shorten_middle(&message.id, 24).into_owned();
        let label = ui.label(RichText::new(visible(&id)).font(mono_font()).color(colors.faint));
        label.widget_info(|| {
            WidgetInfo::labeled(egui::accesskit::Role::Label, true, format!("Message {}", message.id))
        });
        if let ([Part::Above(results)], true) = (&message.parts[..], is_slim) {
            ui.label(RichText::new(words::above(*results)).font(small_font()).color(colors.faint));
        }
    });
}
