//! The page that shows before anything is open.

use std::path::Path;

use egui::{RichText, Sense, Ui, vec2};

use super::Command;
use super::model::Screen;
use super::theme::{colors_of, mono_font, sizes_in_use, space, strong_font, title_font};
use super::widgets;
use crate::core::{shorten_middle, visible};

/// Draws the start page.
pub fn show(ui: &mut Ui, screen: &Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let colors = colors_of(ui.ctx());
    let width = (ui.available_width() - 2.0 * space::L).min(640.0);
    let side = (ui.available_width() - width) / 2.0;
    ui.add_space((ui.available_height() * 0.12).max(space::L));
    ui.horizontal_top(|ui| {
        ui.add_space(side);
        ui.vertical(|ui| {
            ui.set_width(width);
            ui.label(RichText::new("Open a session store").font(title_font()).color(colors.text));
            let text = "A SQLite database, a sessions.json, a session document, a Durable Object folder or a wrangler configuration. \
                        Looking at it changes nothing.";
            ui.add(egui::Label::new(RichText::new(text).color(colors.muted)).wrap());
            ui.add_space(space::M);
            ui.horizontal_wrapped(|ui| {
                for (label, hint, command) in [
                    ("Open file…", "Ctrl O", Command::OpenFile),
                    ("Open a folder…", "Ctrl Shift O", Command::OpenFolder),
                    ("Open by path…", "Ctrl L", Command::TypePath),
                ] {
                    if widgets::button(ui, label, hint).clicked() {
                        commands.push(command);
                    }
                }
                if screen.samples.is_some() && widgets::button(ui, "Try the samples", "Small stores of every kind").clicked() {
                    commands.push(Command::OpenSamples);
                }
            });
            ui.add_space(space::S);
            ui.label(RichText::new("Or drop files and folders anywhere on this window.").color(colors.muted));
            ui.add_space(space::L);
            recent(ui, screen, &mut commands);
        });
    });
    commands
}

fn recent(ui: &mut Ui, screen: &Screen, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    if screen.recent.is_empty() {
        return;
    }
    ui.label(RichText::new("Recent").font(strong_font()).color(colors.text));
    for path in &screen.recent {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), sizes_in_use().control), Sense::click());
        let text = visible(&path.display().to_string()).into_owned();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, &text));
        if response.hovered() {
            ui.painter().rect_filled(rect, sizes_in_use().corner, colors.raised);
        }
        widgets::focus_ring(ui, &response);
        let inner = rect.shrink2(vec2(space::S, 0.0));
        let name = name_of(path);
        let name_width = (inner.width() * 0.4).min(240.0);
        let (left, right) = inner.split_left_right_at_x(inner.left() + name_width);
        widgets::text_in(ui, left, &name, super::theme::text_font(), colors.text, false);
        widgets::text_in(ui, right, &shorten_middle(&text, 64), mono_font(), colors.faint, false);
        if response.on_hover_text(&text).clicked() {
            commands.push(Command::Open(path.clone()));
        }
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    visible(&name).into_owned()
}
