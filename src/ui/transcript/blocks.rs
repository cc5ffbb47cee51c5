//! What a message is made of, drawn.

use egui::{CollapsingHeader, Frame, Margin, RichText, Stroke, Ui};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};

use crate::core::{Block, visible};
use crate::ui::format;
use crate::ui::theme::{colors_of, mono_font, sizes_in_use, space, strong_font, text_font};

/// Longer Markdown is shown as the text that it is: laying it out would take longer than a frame.
const MOST_MARKDOWN_BYTES: usize = 24_000;
/// So much of a long text is one label.
const PIECE_BYTES: usize = 4_000;
/// Of a tool's input or output so much is read as JSON, to be shown in lines.
const MOST_PRETTY_BYTES: usize = 64_000;
/// Of a tool's input or output so many characters are laid out.
const MOST_TOOL_CHARS: usize = 8_000;

/// Draws the blocks one below the other; tool calls with their results folded beneath them.
pub fn show(ui: &mut Ui, blocks: &[Block], markdown: &mut CommonMarkCache, open: bool) {
    ui.spacing_mut().item_spacing.y = space::S;
    for (i, block) in blocks.iter().enumerate() {
        ui.push_id(i, |ui| match block {
            Block::Text(text) => self::text(ui, text, markdown),
            Block::Thinking(text) => thinking(ui, text),
            Block::ToolCall { id, name, input, state } => {
                let result = result_of(blocks, i, id.as_deref());
                tool(ui, name, input, state.as_deref(), result, open);
            }
            Block::ToolResult { id, name, output, is_error } => {
                if !answers_a_call(blocks, i, id.as_deref()) {
                    let name = name.as_deref().unwrap_or("result");
                    tool(ui, name, "", None, Some((output, *is_error)), open);
                }
            }
            Block::Media { media_type, bytes } => {
                let colors = colors_of(ui.ctx());
                let text = format!("{} · {}", visible(media_type), format::bytes(*bytes));
                ui.label(RichText::new(text).color(colors.muted));
            }
            Block::Other { kind, raw } => tool(ui, kind, raw, None, None, false),
        });
    }
}

/// Text as Markdown, or, where there is much of it, plain.
pub fn text(ui: &mut Ui, text: &str, markdown: &mut CommonMarkCache) {
    if text.len() <= MOST_MARKDOWN_BYTES {
        let text = visible(text);
        CommonMarkViewer::new().max_image_width(Some(0)).show(ui, markdown, &without_images(&text));
    } else {
        long_text(ui, text);
    }
}

/// Text of any length: only the pieces on screen are laid out, the others have a height that is guessed.
pub fn long_text(ui: &mut Ui, text: &str) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let line = ui.text_style_height(&egui::TextStyle::Body);
    let width = ui.available_width().max(80.0);
    let chars_a_line = (width / (sizes_in_use().text * 0.52)).max(10.0) as usize;
    for piece in pieces(text, PIECE_BYTES) {
        let lines = memchr::memchr_iter(b'\n', piece.as_bytes()).count() + piece.len() / chars_a_line + 1;
        let place = egui::Rect::from_min_size(ui.cursor().min, egui::vec2(width, lines as f32 * line));
        if place.expand(200.0).intersects(ui.clip_rect()) {
            let shown = visible(piece.strip_suffix('\n').unwrap_or(piece));
            ui.add(egui::Label::new(RichText::new(shown).font(text_font())).wrap().selectable(true));
        } else {
            ui.allocate_exact_size(place.size(), egui::Sense::hover());
        }
    }
}

/// A file's Markdown must not make the program fetch anything: an image is shown as the text that names it.
fn without_images(text: &str) -> String {
    text.replace("![", "\\![")
}

/// Cuts text into pieces of about so many bytes, at ends of lines where there are some.
fn pieces(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.floor_char_boundary(most);
        if end < rest.len()
            && let Some(line) = memchr::memrchr(b'\n', &rest.as_bytes()[..end])
        {
            end = line + 1;
        }
        let (piece, more) = rest.split_at(end);
        rest = more;
        Some(piece)
    })
}

fn thinking(ui: &mut Ui, text: &str) {
    let colors = colors_of(ui.ctx());
    let first: String = text.lines().next().unwrap_or_default().chars().take(70).collect();
    let first = visible(&first);
    CollapsingHeader::new(RichText::new(format!("Thinking · {first}")).color(colors.muted).italics()).show(
        ui,
        |ui| {
            ui.add(
                egui::Label::new(RichText::new(cut(text)).color(colors.muted).italics())
                    .wrap()
                    .selectable(true),
            );
        },
    );
}

/// The result that answers a call: by its id, else the one right behind it.
fn result_of<'a>(blocks: &'a [Block], call: usize, id: Option<&str>) -> Option<(&'a String, bool)> {
    let results = blocks.iter().enumerate().skip(call + 1);
    results.into_iter().find_map(|(i, block)| match block {
        Block::ToolResult { id: answers, output, is_error, .. } => {
            let matches = match (id, answers.as_deref()) {
                (Some(id), Some(answers)) => id == answers,
                _ => i == call + 1,
            };
            matches.then_some((output, *is_error))
        }
        _ => None,
    })
}

fn answers_a_call(blocks: &[Block], result: usize, id: Option<&str>) -> bool {
    blocks[..result].iter().enumerate().any(|(i, block)| match block {
        Block::ToolCall { id: call, .. } => match (call.as_deref(), id) {
            (Some(call), Some(id)) => call == id,
            _ => i + 1 == result,
        },
        _ => false,
    })
}

fn tool(
    ui: &mut Ui,
    name: &str,
    input: &str,
    state: Option<&str>,
    result: Option<(&String, bool)>,
    open: bool,
) {
    let colors = colors_of(ui.ctx());
    let frame = Frame::new()
        .fill(colors.stripe)
        .stroke(Stroke::new(1.0, colors.line))
        .corner_radius(sizes_in_use().corner)
        .inner_margin(Margin::symmetric(space::S as i8, space::XS as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut head = egui::text::LayoutJob::default();
        let part = |font, color| egui::TextFormat { font_id: font, color, ..Default::default() };
        head.append(&visible(name), 0.0, part(strong_font(), colors.tool));
        // As much of it as leaves room for the word at the end.
        let taken = 100.0 + name.chars().count() as f32 * sizes_in_use().text * 0.6;
        let room = ((ui.available_width() - taken) / (sizes_in_use().mono * 0.61)).max(8.0) as usize;
        let summary = shorten_end(&summary(input), room);
        head.append(&visible(&summary), space::S, part(mono_font(), colors.muted));
        let (word, color) = match (&result, state) {
            (Some((_, true)), _) => ("error", colors.bad),
            (Some((_, false)), _) => ("ok", colors.good),
            (None, Some(state)) => (state, colors.muted),
            (None, None) => ("", colors.muted),
        };
        head.append(word, space::M, part(text_font(), color));
        CollapsingHeader::new(head).id_salt("tool").default_open(open && result.is_some()).show(ui, |ui| {
            for text in [Some(input), result.map(|(output, _)| output.as_str())].into_iter().flatten() {
                if !text.is_empty() {
                    let shown = match text.len() {
                        0..=MOST_PRETTY_BYTES => cut(&visible(&format::pretty_json(text))),
                        _ => cut(text),
                    };
                    ui.add(egui::Label::new(RichText::new(shown).font(mono_font())).wrap().selectable(true));
                }
            }
        });
    });
}

fn shorten_end(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The argument that says most, on one line.
fn summary(input: &str) -> String {
    let input = &input[..input.floor_char_boundary(MOST_PRETTY_BYTES)];
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str::<serde_json::Value>(input) else {
        return input.lines().next().unwrap_or_default().to_owned();
    };
    let told = ["command", "path", "file_path", "query", "pattern", "url", "title"];
    let value = told.iter().find_map(|k| object.get(*k)).or_else(|| object.values().next());
    match value {
        Some(serde_json::Value::String(text)) => text.replace('\n', " "),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_TOOL_CHARS) {
        None => visible(text).into_owned(),
        Some((at, _)) => {
            format!("{}…\n({} more)", visible(&text[..at]), format::bytes((text.len() - at) as u64))
        }
    }
}
