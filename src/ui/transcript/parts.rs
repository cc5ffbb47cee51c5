//! What a message is made of, drawn.

use egui::accesskit::Role;
use egui::{Align2, Color32, Frame, Id, Margin, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::typeset::Typeset;
use crate::core::conversation::{Answer, Part, words};
use crate::core::visible;
use crate::ui::Command;
use crate::ui::format;
use crate::ui::marks;
use crate::ui::table_view::Folds;
use crate::ui::theme::{
    Colors, colors_of, icon_font, mono_font, sizes_in_use, small_font, space, strong_font, text_font,
};
use crate::ui::widgets::{self, icon};

/// Of a tool's input or output so much is read as JSON, to be shown in lines.
const MOST_PRETTY_BYTES: usize = 64_000;

/// What parts are drawn with.
pub struct Look<'a> {
    pub typeset: &'a mut Typeset,
    pub folds: Folds,
    pub commands: &'a mut Vec<Command>,
}

/// Draws the parts one below the other; tool calls with their results folded beneath them. What is searched for is marked.
pub fn show(ui: &mut Ui, id: Id, parts: &[Part], look: &mut Look<'_>) {
    marks::within(ui, |ui| all(ui, id, parts, look));
}

fn all(ui: &mut Ui, id: Id, parts: &[Part], look: &mut Look<'_>) {
    ui.spacing_mut().item_spacing.y = space::S;
    for (i, part) in parts.iter().enumerate() {
        let id = id.with((i, look.folds.round));
        let colors = colors_of(ui.ctx());
        match part {
            Part::Text(text) => look.typeset.text(ui, id, text),
            Part::Thinking(text) => {
                let first: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
                let head = Head { name: "Thinking", name_color: colors.muted, summary: &first, state: None };
                folded(ui, id, &head, look, |ui, look| {
                    look.typeset.long(ui, id, text, text_font(), colors_of(ui.ctx()).muted);
                });
            }
            Part::Tool { name, input, state, answer } => {
                tool(ui, id, (name, input, state.as_deref()), answer.as_ref(), look);
            }
            Part::Result { name, output, is_error } => {
                let state = is_error.then(|| ("error".to_owned(), colors.bad));
                let name = name.as_deref().unwrap_or("result");
                let first = output.lines().next().unwrap_or_default();
                let head = Head { name, name_color: colors.tool, summary: first, state };
                folded(ui, id, &head, look, |ui, look| {
                    long_json(ui, id, output, "Copy the result", *is_error, look);
                });
            }
            Part::Media { media_type, bytes, pixels } => {
                ui.label(RichText::new(words::media(media_type, *bytes, *pixels)).color(colors.muted));
            }
            Part::Other { kind, raw } => {
                let head = Head { name: kind, name_color: colors.muted, summary: raw, state: None };
                folded(ui, id, &head, look, |ui, look| long_json(ui, id, raw, "Copy it", false, look));
            }
            Part::Above(results) => {
                ui.label(RichText::new(words::above(*results)).font(small_font()).color(colors.faint));
            }
        }
    }
}

fn tool(
    ui: &mut Ui,
    id: Id,
    (name, input, state): (&str, &str, Option<&str>),
    answer: Option<&Answer>,
    look: &mut Look<'_>,
) {
    let summary = words::summary(input);
    let state = state_of(state, answer, colors_of(ui.ctx()));
    let head = Head { name, name_color: colors_of(ui.ctx()).tool, summary: &summary, state: Some(state) };
    folded(ui, id, &head, look, |ui, look| {
        if !input.is_empty() {
            long_json(ui, id.with("input"), input, "Copy the input", false, look);
        }
        match answer {
            Some(answer) if answer.output.is_empty() => {
                ui.label(RichText::new("It answered nothing.").color(colors_of(ui.ctx()).faint));
            }
            Some(answer) => {
                if !input.is_empty() {
                    widgets::rule(ui);
                }
                long_json(ui, id.with("output"), &answer.output, "Copy the output", answer.is_error, look);
            }
            None => {}
        }
    });
}

/// What became of a call, in words and a colour.
fn state_of(state: Option<&str>, answer: Option<&Answer>, colors: &Colors) -> (String, Color32) {
    let (words, is_error) = words::outcome(state, answer);
    let color = match (is_error, answer) {
        (true, _) => colors.bad,
        (false, Some(_)) => colors.good,
        (false, None) => colors.muted,
    };
    (words, color)
}

/// The line of something that is folded.
struct Head<'a> {
    name: &'a str,
    name_color: Color32,
    summary: &'a str,
    /// A word at its end.
    state: Option<(String, Color32)>,
}

/// A line that unfolds to more.
fn folded(
    ui: &mut Ui,
    id: Id,
    head: &Head<'_>,
    look: &mut Look<'_>,
    body: impl FnOnce(&mut Ui, &mut Look<'_>),
) {
    let colors = colors_of(ui.ctx());
    let mut open = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or(look.folds.open);
    let frame = Frame::new()
        .fill(colors.stripe)
        .stroke(Stroke::new(1.0, colors.line))
        .corner_radius(sizes_in_use().corner);
    frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), sizes_in_use().control), Sense::click());
        let name = visible(&first_chars(head.name, 60)).into_owned();
        // As much of it as could be on the screen.
        let summary = visible(&first_chars(head.summary, 300)).replace('\n', " ");
        let state = head.state.as_ref().map_or("", |(text, _)| text);
        response.widget_info(|| {
            let label = [name.as_str(), summary.as_str(), state].join(" ");
            WidgetInfo::selected(Role::Button, true, open, label.trim())
        });
        if response.clicked() {
            open = !open;
            ui.data_mut(|data| data.insert_temp(id, open));
        }
        paint_head(ui, rect, (&name, head.name_color), &summary, head.state.as_ref(), open);
        widgets::focus_ring(ui, &response);
        if open {
            widgets::rule(ui);
            Frame::new().inner_margin(Margin::symmetric(space::M as i8, space::S as i8)).show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::S;
                body(ui, look);
            });
        }
    });
}

fn paint_head(
    ui: &Ui,
    rect: Rect,
    (name, name_color): (&str, Color32),
    summary: &str,
    state: Option<&(String, Color32)>,
    open: bool,
) {
    let colors = colors_of(ui.ctx());
    let sign = if open { icon::EXPAND } else { icon::CHEVRON_RIGHT };
    let middle = rect.center().y;
    let at = pos2(rect.left() + space::S + 6.0, middle);
    ui.painter().text(at, Align2::CENTER_CENTER, sign, icon_font(), colors.muted);
    let mut inner =
        Rect::from_min_max(pos2(at.x + space::M, rect.top()), pos2(rect.right() - space::M, rect.bottom()));
    if let Some((text, color)) = state {
        let at = pos2(inner.right(), middle);
        let drawn = ui.painter().text(at, Align2::RIGHT_CENTER, text, small_font(), *color);
        inner.max.x = drawn.left() - space::M;
    }
    let galley = ui.painter().layout_no_wrap(name.to_owned(), strong_font(), name_color);
    let width = galley.size().x.min(inner.width());
    widgets::text_in(ui, inner, name, strong_font(), name_color, false);
    inner.min.x += width + space::S;
    if inner.width() > 20.0 {
        widgets::text_in(ui, inner, summary, mono_font(), colors.muted, false);
    }
}

/// A text in the font of code, in lines where it is JSON, with a button that copies it.
fn long_json(ui: &mut Ui, id: Id, text: &str, copy: &str, is_error: bool, look: &mut Look<'_>) {
    let colors = colors_of(ui.ctx());
    let top = ui.cursor().min;
    let pretty = if text.len() <= MOST_PRETTY_BYTES && text.starts_with(['{', '[']) {
        format::pretty_json(text)
    } else {
        text.to_owned()
    };
    let right = ui.available_rect_before_wrap().right();
    ui.scope(|ui| {
        // Beside it is the button.
        ui.set_max_width(ui.available_width() - sizes_in_use().control);
        let color = if is_error { colors.bad } else { colors.text };
        look.typeset.long(ui, id, &pretty, mono_font(), color);
    });
    let size = sizes_in_use().control;
    let place = Rect::from_min_size(pos2(right - size, top.y - space::XS), vec2(size, size));
    let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(place).id_salt(id.with("copy")));
    if widgets::icon_button(&mut corner, icon::COPY, copy).clicked() {
        look.commands.push(Command::CopyText(text.to_owned()));
    }
}

fn first_chars(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
