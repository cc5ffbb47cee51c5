//! The box in the top bar into which is typed what to search for.

use egui::accesskit::Role;
use egui::{
    Align, Key, Layout, Modifiers, Rect, Response, RichText, Sense, Stroke, TextEdit, Ui, UiBuilder,
    WidgetInfo, vec2,
};

use super::Command;
use super::command::{entries, key_text};
use super::model::{Screen, SourceId};
use super::search_view::{Phase, Scope, SearchView};
use super::theme::{colors_of, icon_font, mono_font, sizes_in_use, small_font, space};
use super::widgets::icon;
use crate::core::search::Mode;

/// The field's name.
pub const NAME: &str = "Search";

/// The box's own place, which the list keeps to.
pub fn id() -> egui::Id {
    egui::Id::unique("search box")
}

/// Draws the box.
pub fn show(ui: &mut Ui, place: Rect, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let (colors, sizes) = (colors_of(ui.ctx()), sizes_in_use());
    let field = id().with("field");
    let has_focus = ui.memory(|m| m.has_focus(field));
    let stroke = if has_focus { colors.accent } else { colors.line };
    ui.painter().rect(place, sizes.corner, colors.window, Stroke::new(1.0, stroke), egui::StrokeKind::Inside);
    ui.ctx().data_mut(|d| d.insert_temp(id(), place));
    if has_focus {
        keys(ui, &mut screen.search, &mut commands);
    }
    let inner = place.shrink2(vec2(space::S, 0.0));
    let mut area = ui.new_child(
        UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)).id_salt("search box"),
    );
    let ui = &mut area;
    ui.set_clip_rect(place);
    ui.spacing_mut().item_spacing.x = space::XS;
    ui.label(RichText::new(icon::SEARCH).font(icon_font()).color(colors.faint));
    let scope = scope_name(screen);
    if scope.is_some() {
        ui.add_space(space::XS);
    }
    if let Some(name) = &scope
        && super::widgets::chip(ui, name, Some("Search everywhere instead"))
    {
        commands.push(Command::Search);
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let search = &mut screen.search;
        let is_used = has_focus || !search.typed.is_empty();
        if is_used && place.width() > 200.0 {
            switches(ui, search);
        } else if !is_used && place.width() > 240.0 {
            let key = entries().iter().find(|e| e.command == Command::Search).and_then(|e| e.shortcut);
            let key = key.map(|s| key_text(&s)).unwrap_or_default();
            ui.label(RichText::new(key).font(mono_font()).color(colors.faint));
        }
        let hint = if scope.is_some() { "Search in this tab" } else { "Search messages, tasks, keys…" };
        let response = edit(ui, field, hint, &mut search.typed);
        if std::mem::take(&mut search.focus) {
            response.request_focus();
            put_cursor(ui, field, &search.typed, std::mem::take(&mut search.select));
        }
        if response.gained_focus() || response.clicked() {
            search.open = true;
        }
        if response.changed() {
            changed(ui, search);
        }
    });
    commands
}

/// What was typed is searched for after a pause.
fn changed(ui: &Ui, search: &mut SearchView) {
    search.phase = Phase::Waiting(ui.input(|i| i.time));
    (search.open, search.problem) = (true, None);
}

fn edit(ui: &mut Ui, id: egui::Id, hint: &str, typed: &mut String) -> Response {
    let field = TextEdit::singleline(typed)
        .id(id)
        .frame(egui::Frame::NONE)
        .hint_text(RichText::new(hint).color(colors_of(ui.ctx()).faint))
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(ui.available_width())
        .margin(egui::Margin::symmetric(2, 4));
    let response = ui.add(field);
    let value = typed.clone();
    response.widget_info(|| WidgetInfo {
        label: Some(NAME.to_owned()),
        ..WidgetInfo::text_edit(true, &value, &value, hint)
    });
    response
}

/// Puts the cursor to the end, with all before it selected or not.
fn put_cursor(ui: &Ui, id: egui::Id, typed: &str, select: bool) {
    use egui::text::{CCursor, CCursorRange};
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(typed.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::two(if select { CCursor::new(0) } else { end }, end)));
    state.store(ui.ctx(), id);
}

/// The keys of the list, while the box has the keyboard.
fn keys(ui: &Ui, search: &mut SearchView, commands: &mut Vec<Command>) {
    let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    for (key, by) in [(Key::ArrowDown, 1), (Key::ArrowUp, -1)] {
        if pressed(key) {
            search.open = true;
            search.chosen = search.neighbour(by);
            search.reveal = true;
        }
    }
    if pressed(Key::Enter) {
        match search.chosen.or(search.neighbour(1)) {
            Some(hit) if !matches!(search.phase, Phase::Waiting(_)) => {
                commands.push(Command::JumpTo(hit));
                search.open = false;
                ui.memory_mut(|m| m.surrender_focus(id().with("field")));
            }
            _ => commands.push(Command::SearchNow),
        }
    }
    if pressed(Key::Escape) {
        match search.open {
            true => search.open = false,
            false => {
                search.typed.clear();
                search.phase = Phase::Waiting(f64::NEG_INFINITY);
            }
        }
        ui.memory_mut(|m| m.surrender_focus(id().with("field")));
    }
}

/// The switches for case and patterns, and the cross that clears the box.
fn switches(ui: &mut Ui, search: &mut SearchView) {
    if !search.typed.is_empty() && super::widgets::icon_button(ui, icon::CLOSE, "Clear the search").clicked()
    {
        search.typed.clear();
        search.phase = Phase::Waiting(f64::NEG_INFINITY);
        search.open = false;
    }
    let Mode { case, regex } = search.mode;
    if switch(ui, ".*", "Regular expression", regex).clicked() {
        search.mode.regex = !regex;
    }
    if switch(ui, "Aa", "Exact case", case).clicked() {
        search.mode.case = !case;
    }
    if search.mode != (Mode { case, regex }) {
        search.phase = Phase::Waiting(f64::NEG_INFINITY);
        (search.open, search.focus, search.problem) = (true, true, None);
    }
}

/// A small button that is on or off.
fn switch(ui: &mut Ui, text: &str, name: &str, on: bool) -> Response {
    let colors = colors_of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(24.0, 20.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, name));
    if on || response.hovered() {
        ui.painter().rect_filled(rect, 4, if on { colors.selection } else { colors.raised });
    }
    super::widgets::focus_ring(ui, &response);
    let color = if on { colors.accent } else { colors.muted };
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, small_font(), color);
    response.on_hover_text(name)
}

/// The name of the tab to which the search is narrowed.
pub fn scope_name(screen: &Screen) -> Option<String> {
    let Scope::Tab { id, table, session } = &screen.search.scope else { return None };
    let name = table.name();
    let name = name.strip_prefix("native:").unwrap_or(&name);
    let source = |id: SourceId| screen.source(id).map(|s| s.session.is_some());
    Some(match session.is_some() && source(*id) == Some(true) {
        true => format!("in this session's {name}"),
        false => format!("in {name}"),
    })
}
