//! The tab of heartbeats: the store's rule, the timeline, and what of it misleads; the table is drawn between them.

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Frame, Margin, RichText, Ui, WidgetInfo};

use super::Command;
use super::format::Zone;
use super::model::SourceView;
use super::pulse::{Lane, Span};
use super::table;
use super::theme::{Colors, colors_of, sizes_in_use, small_font, space, strong_font, text_font};
use super::timeline;
use super::widgets::{self, icon};
use crate::core::vitals::{Condition, Pace, Recovery};
use crate::core::{Table, shorten_middle, visible};

/// The timeline takes this part of the tab at most.
const MOST_SHARE: f32 = 0.4;
/// Room for the choice of the time that shows, in points.
const MENU_WIDTH: f32 = 130.0;
/// So many sessions are named in the note.
const MOST_NAMED: usize = 2;

/// Draws what stands above the table.
pub fn above(ui: &mut Ui, source: &mut SourceView, zone: Zone, now_ms: i64) -> Vec<Command> {
    let mut commands = Vec::new();
    let Some(pace) = source.about.shown().and_then(|about| about.pace) else { return commands };
    if source.pulse.lanes.is_empty() {
        return commands;
    }
    let most = ui.available_height() * MOST_SHARE;
    let frame = Frame::new().inner_margin(Margin::symmetric(space::M as i8, space::XS as i8));
    egui::Panel::top(egui::Id::unique("timeline")).frame(frame).resizable(false).show(ui, |ui| {
        head(ui, source, pace, now_ms);
        if source.pulse.hidden {
            return;
        }
        ui.add_space(space::XS);
        let chosen = source.table(&Table::Heartbeats).focus.as_ref().map(|(_, key)| key.clone());
        let session = source.session_for(&Table::Heartbeats);
        let frame =
            timeline::Frame { pace, zone, now_ms, chosen: chosen.as_ref(), session: session.as_deref() };
        if let Some(key) = timeline::show(ui, &mut source.pulse, &frame, most) {
            let view = source.table(&Table::Heartbeats);
            commands.extend(table::go_to_key(view, &key));
        }
    });
    commands
}

/// The rule of the store, and how much of the time shows.
fn head(ui: &mut Ui, source: &mut SourceView, pace: &Pace, now_ms: i64) {
    ui.horizontal(|ui| {
        let pulse = &mut source.pulse;
        let (glyph, name) = match pulse.hidden {
            true => (icon::CHEVRON_RIGHT, "Show the timeline"),
            false => (icon::EXPAND, "Hide the timeline"),
        };
        if widgets::icon_button(ui, glyph, name).clicked() {
            pulse.hidden = !pulse.hidden;
        }
        let menu = if pulse.hidden { 0.0 } else { MENU_WIDTH };
        rule(ui, pace.words, ui.available_width() - menu);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if pulse.hidden {
                return;
            }
            let shown = timeline::span(pulse, now_ms);
            let button = egui::Button::new(format!("{} ▾", shown.name()))
                .min_size(egui::vec2(0.0, sizes_in_use().control));
            let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
                for span in Span::ALL {
                    if ui.button(span.name()).clicked() {
                        pulse.span = Some(span);
                    }
                }
            });
            let name = format!("Time shown: {}", shown.name());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name.as_str()));
            timeline::legend(ui, pulse, pace);
        });
    });
}

/// The parts of the rule that have room; all of them where the pointer is.
fn rule(ui: &mut Ui, words: &[&str], room: f32) {
    let gap = ui.spacing().item_spacing.x;
    let width = |word: &str| {
        let text = ui.painter().layout_no_wrap(word.to_owned(), small_font(), egui::Color32::PLACEHOLDER);
        text.size().x + 2.0 * space::M + gap
    };
    let mut used = 0.0;
    let fit = words.iter().take_while(|word| {
        used += width(word);
        used <= room
    });
    let fit = fit.count();
    let shown = ui.scope(|ui| {
        for word in words.iter().take(fit) {
            widgets::chip(ui, word, None);
        }
    });
    if fit < words.len() {
        shown.response.on_hover_text(words.join("\n"));
    }
}

/// Draws what stands beneath the table: where the program's rule misleads, and where its own recovery fails.
pub fn beneath(ui: &mut Ui, source: &SourceView) -> Vec<Command> {
    let mut commands = Vec::new();
    let session = source.session_for(&Table::Heartbeats);
    let colors = colors_of(ui.ctx());
    let of = |pick: fn(&Recovery) -> Option<&String>| -> Vec<(&Lane, &String)> {
        let own = |lane: &&Lane| session.as_ref().is_none_or(|session| *session == lane.session);
        let all = source.pulse.lanes.iter().filter(own);
        all.filter_map(|lane| Some((lane, pick(lane.recovery.as_ref()?)?))).collect()
    };
    let notes = [of(|recovery| recovery.lie.as_ref()), of(|recovery| recovery.fails.as_ref())];
    if notes.iter().all(Vec::is_empty) {
        return commands;
    }
    let frame = Frame::new().inner_margin(Margin::symmetric(space::M as i8, space::S as i8));
    egui::Panel::bottom(egui::Id::unique("heartbeat notes")).frame(frame).resizable(false).show(ui, |ui| {
        for sessions in notes.iter().filter(|sessions| !sessions.is_empty()) {
            let response = note(ui, colors, sessions);
            let words = said(sessions);
            response.widget_info(|| WidgetInfo::labeled(Role::Note, true, words.as_str()));
        }
        if widgets::quiet_button(ui, "Show the findings", "Everything that is wrong with this store")
            .clicked()
        {
            commands.push(Command::Show(super::model::Tab::Findings));
        }
    });
    commands
}

/// `a, b and 3 more: why`.
fn said(sessions: &[(&Lane, &String)]) -> String {
    let why = sessions.first().map_or("", |(_, why)| why.as_str());
    format!("{}: {}", named(sessions), visible(why))
}

fn named(sessions: &[(&Lane, &String)]) -> String {
    let name = |lane: &Lane| visible(&shorten_middle(&lane.session, 16)).into_owned();
    let first: Vec<String> = sessions.iter().take(MOST_NAMED).map(|(lane, _)| name(lane)).collect();
    match sessions.len() - first.len() {
        0 => first.join(" and "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A sentence with a bar before it.
fn note(ui: &mut Ui, colors: &Colors, sessions: &[(&Lane, &String)]) -> egui::Response {
    let why = sessions.first().map_or("", |(_, why)| why.as_str());
    let mut text = egui::text::LayoutJob::default();
    let mut say = |words: &str, font, color| {
        text.append(words, 0.0, egui::TextFormat { font_id: font, color, ..Default::default() });
    };
    say(&named(sessions), strong_font(), colors.text);
    say(&format!(": {}.", visible(why)), text_font(), colors.text);
    let frame = Frame::new().fill(colors.stripe).inner_margin(Margin::symmetric(space::M as i8, 6));
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(text).wrap())
    });
    let rect = shown.response.rect;
    let bar = egui::Rect::from_min_max(rect.min, egui::pos2(rect.left() + 3.0, rect.bottom()));
    ui.painter().rect_filled(bar, 0, colors.warn);
    shown.inner
}

/// Draws the conditions for taking a session up again, one by one.
pub fn recovery(ui: &mut Ui, recovery: &Recovery) {
    let colors = colors_of(ui.ctx());
    ui.add_space(space::S);
    widgets::heading(ui, "Recovery, by the program's own rule");
    for condition in &recovery.conditions {
        line(ui, colors, condition);
    }
    let answer = match recovery.allowed() {
        true => "All hold: the program takes it up again.",
        false => "Not all hold: the program does not take it up again.",
    };
    ui.label(RichText::new(answer).color(colors.muted));
    for (text, color) in [(&recovery.fails, colors.bad), (&recovery.lie, colors.warn)] {
        if let Some(text) = text {
            let text = format!("But {}.", visible(text));
            ui.add(egui::Label::new(RichText::new(text).color(color)).wrap());
        }
    }
    ui.add_space(space::S);
}

fn line(ui: &mut Ui, colors: &Colors, condition: &Condition) {
    let (color, word) = if condition.holds { (colors.good, "holds") } else { (colors.bad, "does not hold") };
    let words = format!("{} ({word})", visible(&condition.words));
    let response = ui
        .horizontal_wrapped(|ui| {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(space::M, space::M), egui::Sense::hover());
            widgets::dot(ui, rect.center(), color);
            ui.label(RichText::new(visible(&condition.words)).font(text_font()).color(colors.text));
            ui.label(RichText::new(word).font(small_font()).color(color));
        })
        .response;
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, words.as_str()));
}
