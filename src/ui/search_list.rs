//! The list of hits below the search box.

use egui::accesskit::Role;
use egui::{
    Align, Area, Context, Frame, Id, Layout, Margin, Order, Rect, RichText, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::Command;
use super::format;
use super::marks;
use super::model::Screen;
use super::search_box;
use super::search_view::{FoundHit, Line, Phase, SearchView};
use super::theme::{
    Colors, colors_of, mono_font, role_color, sizes_in_use, small_font, space, strong_font, text_font,
};
use super::widgets;
use crate::core::{Table, visible};

/// What takes longer than this is said, in seconds.
const WORTH_SAYING: f64 = 0.2;
/// How wide the list is at least, where the window is.
const WIDTH: f32 = 760.0;
/// A list narrower than this has its filters below each other.
const ROOM_FOR_TWO: f32 = 680.0;
/// A line narrower than this leaves the session out.
const ROOM_FOR_SESSION: f32 = 620.0;

/// Draws the list, where it is open.
pub fn show(ctx: &Context, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let place: Option<Rect> = ctx.data(|d| d.get_temp(search_box::id()));
    if screen.dialog.is_some() || screen.repair.is_some() || screen.sources.is_empty() {
        screen.search.open = false;
    }
    let Some(place) = place.filter(|_| screen.search.open) else { return commands };
    if ctx.input_mut(|i| i.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
        screen.search.open = false;
    }
    let window = ctx.content_rect();
    let width = WIDTH.max(place.width()).min(window.width() - 2.0 * space::M);
    let left =
        (place.center().x - width / 2.0).clamp(space::M, (window.right() - space::M - width).max(space::M));
    let most = (window.height() - place.bottom()) * 0.72;
    let area = Area::new(Id::unique("search list"))
        .order(Order::Foreground)
        .fixed_pos(pos2(left, place.bottom() + space::XS));
    let shown = area.show(ctx, |ui| {
        let frame = Frame::popup(ui.style()).inner_margin(Margin::same(space::S as i8));
        frame.show(ui, |ui| {
            ui.set_width(width - 2.0 * space::S - 2.0);
            inside(ui, screen, most, &mut commands);
        });
    });
    // A click beside it closes it; what was found stays.
    let beside = |at: egui::Pos2| !shown.response.rect.contains(at) && !place.contains(at);
    if ctx.input(|i| i.pointer.any_pressed() && i.pointer.interact_pos().is_some_and(beside)) {
        screen.search.open = false;
    }
    if commands.iter().any(|c| matches!(c, Command::JumpTo(_))) {
        screen.search.open = false;
    }
    commands
}

fn inside(ui: &mut Ui, screen: &mut Screen, most: f32, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let zone = screen.zone;
    let search = &mut screen.search;
    if let Some(problem) = &search.problem {
        ui.add(egui::Label::new(RichText::new(visible(problem)).color(colors.bad)).wrap());
        return hints(ui, search);
    }
    if search.typed.trim().is_empty() {
        ui.label(RichText::new("Type a text. Filters among it narrow what is found:").color(colors.muted));
        return hints(ui, search);
    }
    head(ui, search, commands);
    if !search.lines.is_empty() {
        ui.add_space(space::XS);
        list(ui, search, most, zone, commands);
    }
    for trouble in search.troubles.iter().take(3) {
        let text = RichText::new(visible(trouble)).font(small_font()).color(colors.warn);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(visible(trouble));
    }
    if search.troubles.len() > 3 {
        let more = format!("{} more files could not be searched whole", search.troubles.len() - 3);
        ui.label(RichText::new(more).font(small_font()).color(colors.warn));
    }
    if !search.hits.is_empty() {
        let keys = "↓ ↑ choose   Enter go to it   F3 next   Shift F3 previous   Esc close";
        ui.label(RichText::new(keys).font(small_font()).color(colors.faint));
    }
}

/// How far it has come and what was found, with Cancel while it runs.
fn head(ui: &mut Ui, search: &SearchView, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let now = ui.input(|i| i.time);
    ui.horizontal(|ui| {
        let mut text = search.summary();
        if let Phase::Running(since) = search.phase {
            if now - since < WORTH_SAYING {
                // It is most often over by then.
                ui.ctx().request_repaint_after(std::time::Duration::from_millis(220));
                text = if search.matches == 0 { String::new() } else { text };
            } else if search.files.len() > 1 {
                text = format!("{text} ({} of {} files)", search.files_done, search.files.len());
            }
        }
        let color = if search.matches == 0 { colors.muted } else { colors.text };
        ui.add(egui::Label::new(RichText::new(text).color(color)).truncate());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| match search.phase {
            Phase::Running(since)
                if now - since >= WORTH_SAYING
                    && widgets::button(ui, "Cancel search", "Stop searching; what was found stays")
                        .clicked() =>
            {
                commands.push(Command::CancelSearch);
            }
            Phase::Done | Phase::Cancelled
                if widgets::quiet_button(ui, "Search again", "Stores may have changed since").clicked() =>
            {
                commands.push(Command::SearchNow);
            }
            _ => {}
        });
    });
}

/// Filters to choose from; a click writes one into the box.
fn hints(ui: &mut Ui, search: &mut SearchView) {
    const FILTERS: [(&str, &str); 8] = [
        ("role:assistant", "messages of that role"),
        ("has:tool", "or thinking, error, image, code"),
        ("table:tasks", "rows of one table"),
        ("session:", "a part of the session's id"),
        ("status:active", "sessions and tasks of that status"),
        ("after:2026-05-01", "or before:, a day or a time of RFC 3339"),
        ("path:", "files with that in their path"),
        ("-role:tool", "turned round"),
    ];
    let colors = colors_of(ui.ctx());
    ui.add_space(space::XS);
    let beside = if ui.available_width() < ROOM_FOR_TWO { 1 } else { 2 };
    egui::Grid::new("filters").num_columns(2 * beside).spacing([space::M, 0.0]).show(ui, |ui| {
        for (at, (filter, words)) in FILTERS.iter().enumerate() {
            let text = RichText::new(*filter).font(mono_font()).color(colors.accent);
            let button = egui::Button::new(text).frame_when_inactive(false);
            if ui.add(button).clicked() {
                let space = if search.typed.is_empty() || search.typed.ends_with(' ') { "" } else { " " };
                search.typed.push_str(&format!("{space}{filter}"));
                search.phase = Phase::Waiting(f64::NEG_INFINITY);
                search.focus = true;
            }
            ui.label(RichText::new(*words).font(small_font()).color(colors.muted));
            if at % beside == beside - 1 {
                ui.end_row();
            }
        }
    });
}

fn list(ui: &mut Ui, search: &mut SearchView, most: f32, zone: format::Zone, commands: &mut Vec<Command>) {
    let height = sizes_in_use().row;
    ui.spacing_mut().item_spacing.y = 0.0;
    let view = (most - 90.0).max(3.0 * height);
    // What an area holds may be no higher than it was before, unless it says so.
    let needed = view.min(search.lines.len() as f32 * height);
    let mut area = ScrollArea::vertical()
        .max_height(view)
        .min_scrolled_height(needed)
        .auto_shrink([false, true])
        .id_salt(("hits", search.generation));
    if std::mem::take(&mut search.reveal)
        && let Some(chosen) = search.chosen
        && let Some(at) = search.lines.iter().position(|line| *line == Line::Hit(chosen))
    {
        area = area.vertical_scroll_offset((at as f32 * height - view / 2.0).max(0.0));
    }
    let width = ui.available_width();
    area.show_rows(ui, height, search.lines.len(), |ui, shown| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for at in shown {
            let (rect, response) = ui.allocate_exact_size(vec2(width - space::S, height), Sense::click());
            match search.lines[at] {
                Line::Group(group) => group_line(ui, rect, search, group, &response),
                Line::Hit(hit) => {
                    let chosen = search.chosen == Some(hit);
                    let found = &search.hits[hit];
                    let label = search.files.get(found.file).map_or("", |f| f.label.as_str());
                    hit_line(ui, rect, (found, label), (chosen, response.hovered()), zone);
                    let text = &search.hits[hit].hit.snippet.text;
                    response.widget_info(|| {
                        WidgetInfo::selected(Role::ListItem, true, chosen, format!("Match: {text}"))
                    });
                    if response.clicked() {
                        commands.push(Command::JumpTo(hit));
                    }
                }
            }
        }
    });
}

fn group_line(ui: &Ui, rect: Rect, search: &SearchView, group: usize, response: &egui::Response) {
    let colors = colors_of(ui.ctx());
    let group = &search.groups[group];
    let Some(file) = search.files.get(group.file) else { return };
    let name = match &group.table {
        Table::Native(name) => name.clone(),
        table => format::heading(&table.name()),
    };
    let (label, count) = (visible(&file.label).into_owned(), format::group(group.matches));
    let text = format!("{label} · {name}");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{text}: {count}")));
    let number = rect.with_min_x(rect.right() - 90.0).shrink2(vec2(space::S, 0.0));
    let words = rect.with_max_x(rect.right() - 90.0).with_min_x(rect.left() + space::XS);
    widgets::text_in(ui, words, &text, strong_font(), colors.muted, false);
    widgets::text_in(ui, number, &count, small_font(), colors.faint, true);
    if response.hovered() {
        response.clone().on_hover_text(visible(&file.path.display().to_string()));
    }
}

fn hit_line(
    ui: &Ui,
    rect: Rect,
    (found, label): (&FoundHit, &str),
    (chosen, hovered): (bool, bool),
    zone: format::Zone,
) {
    let colors = colors_of(ui.ctx());
    let hit = &found.hit;
    if chosen || hovered {
        let fill = if chosen { colors.selection } else { colors.raised };
        ui.painter().rect_filled(rect, 4, fill);
    }
    let mut rest = rect.shrink2(vec2(space::S, 0.0));
    let mut take = |width: f32| {
        let part = rest.with_max_x(rest.left() + width);
        rest.set_left(rest.left() + width + space::S);
        part
    };
    let word = hit.word.as_deref().unwrap_or_default();
    let word_color = word_color(colors, &hit.table, word);
    widgets::text_in(ui, take(76.0), &visible(word), strong_font(), word_color, false);
    // Of what has no time, its key tells which it is.
    let time = hit.at_ms.map_or_else(|| visible(&hit.key).into_owned(), |ms| format::time(ms, zone));
    widgets::text_in(ui, take(136.0), &time, mono_font(), colors.muted, false);
    let mut text = rest;
    let title = found.session.as_deref().filter(|title| *title != label);
    if let Some(title) = title.filter(|_| rect.width() >= ROOM_FOR_SESSION) {
        let part = rest.with_min_x(rest.right() - 130.0);
        text.set_right(part.left() - space::S);
        widgets::text_in(ui, part, &visible(title), small_font(), colors.faint, true);
    }
    let snippet = around_mark(&hit.snippet, text.width());
    let job = marks::job_of(ui.ctx(), &snippet.text, &snippet.marks, text_font(), colors.text);
    widgets::job_in(ui, text, job, false);
}

/// A snippet whose beginning gives way where the match would be beyond the right edge.
fn around_mark(snippet: &crate::core::search::Snippet, width: f32) -> crate::core::search::Snippet {
    // A letter is some seven points wide.
    let fits = (width / 7.0) as usize;
    let Some(first) = snippet.marks.first().filter(|m| m.end > fits) else { return snippet.clone() };
    let cut = snippet.text.floor_char_boundary(first.start.saturating_sub(fits / 3));
    let text = format!("…{}", &snippet.text[cut..]);
    let moved = |m: &std::ops::Range<usize>| m.start + '…'.len_utf8() - cut..m.end + '…'.len_utf8() - cut;
    crate::core::search::Snippet { text, marks: snippet.marks.iter().map(moved).collect() }
}

fn word_color(colors: &Colors, table: &Table, word: &str) -> egui::Color32 {
    match table {
        Table::Messages => role_color(colors, word),
        Table::Findings => match word {
            "error" => colors.bad,
            "warning" => colors.warn,
            _ => colors.muted,
        },
        _ => colors.muted,
    }
}
