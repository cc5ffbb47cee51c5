//! Texts as they are set: Markdown with its code, and texts of any length.

use std::collections::HashMap;
use std::ops::Range;

use egui::{Color32, FontId, Id, OutputCommand, RichText, Ui, vec2};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use crate::core::visible;
use crate::ui::theme::{self, colors_of, sizes_in_use, text_font};

/// Longer Markdown is shown as the text that it is: laying it out would take longer than a frame.
const MOST_MARKDOWN_BYTES: usize = 24_000;
/// Longer code is shown without colours, which are found anew for every frame.
const MOST_COLOURED_BYTES: usize = 4_000;
/// So much of a long text is one label.
const PIECE_BYTES: usize = 4_000;
/// So many texts are kept as they were prepared.
const MOST_KEPT: usize = 400;

/// What texts are set with; the grammars of code are read when there is the first text.
#[derive(Default)]
pub struct Typeset {
    markdown: Option<CommonMarkCache>,
    prepared: HashMap<u64, String>,
    long: HashMap<Id, Long>,
}

/// Where a long text is cut, and how high its pieces are.
struct Long {
    bytes: usize,
    width: f32,
    ends: Vec<usize>,
    heights: Vec<f32>,
}

impl Typeset {
    /// Text as Markdown, or, where there is much of it, plain.
    pub fn text(&mut self, ui: &mut Ui, id: Id, text: &str) {
        if text.len() > MOST_MARKDOWN_BYTES {
            return self.long(ui, id, text, text_font(), colors_of(ui.ctx()).text);
        }
        if self.prepared.len() > MOST_KEPT {
            self.prepared.clear();
        }
        let prepared = self.prepared.entry(egui::util::hash(text)).or_insert_with(|| prepare(text));
        let cache = self.markdown.get_or_insert_with(with_themes);
        ui.push_id(id, |ui| {
            // Else bullets and cells are as high as buttons.
            ui.spacing_mut().interact_size.y = ui.text_style_height(&egui::TextStyle::Body);
            CommonMarkViewer::new()
                .max_image_width(Some(0))
                .syntax_theme_dark(theme::DARK_CODE)
                .syntax_theme_light(theme::LIGHT_CODE)
                .show(ui, cache, prepared);
        });
        // What a file links to is opened by a browser or a mail program, or not at all.
        ui.ctx().output_mut(|output| {
            output.commands.retain(|command| match command {
                OutputCommand::OpenUrl(open) => {
                    ["http://", "https://", "mailto:"].iter().any(|s| open.url.starts_with(s))
                }
                _ => true,
            });
        });
    }

    /// Text of any length: only the pieces on screen are laid out, the others have a height that is guessed.
    pub fn long(&mut self, ui: &mut Ui, id: Id, text: &str, font: FontId, color: Color32) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let width = ui.available_width().max(80.0);
        if self.long.len() > MOST_KEPT {
            self.long.clear();
        }
        let is_same = |long: &Long| long.bytes == text.len() && long.width == width;
        if !self.long.get(&id).is_some_and(is_same) {
            self.long.insert(id, Long::of(ui, text, width, &font));
        }
        let Some(long) = self.long.get_mut(&id) else { return };
        let mut start = 0;
        for (end, height) in long.ends.iter().zip(&mut long.heights) {
            let place = egui::Rect::from_min_size(ui.cursor().min, vec2(width, *height));
            if place.expand(200.0).intersects(ui.clip_rect()) {
                let piece = text.get(start..*end).unwrap_or_default();
                let shown = visible(piece.strip_suffix('\n').unwrap_or(piece));
                let text = RichText::new(shown).font(font.clone()).color(color);
                let label = egui::Label::new(text).wrap().selectable(true);
                *height = ui.add(label).rect.height();
            } else {
                ui.allocate_exact_size(place.size(), egui::Sense::hover());
            }
            start = *end;
        }
    }
}

impl Long {
    fn of(ui: &Ui, text: &str, width: f32, font: &FontId) -> Self {
        let line = ui.fonts_mut(|fonts| fonts.row_height(font));
        let chars_a_line = (width / (sizes_in_use().text * 0.52)).max(10.0) as usize;
        let (mut ends, mut heights) = (Vec::new(), Vec::new());
        let mut start = 0;
        while start < text.len() {
            let piece = piece(&text[start..]);
            let lines = piece.lines().map(|l| l.len().div_ceil(chars_a_line).max(1)).sum::<usize>();
            start += piece.len();
            ends.push(start);
            heights.push(lines as f32 * line);
        }
        Self { bytes: text.len(), width, ends, heights }
    }
}

/// The first piece of a text, which ends with a line where there is one.
fn piece(text: &str) -> &str {
    let mut end = text.floor_char_boundary(PIECE_BYTES);
    if end < text.len()
        && let Some(line) = memchr::memrchr(b'\n', &text.as_bytes()[..end])
    {
        end = line + 1;
    }
    &text[..end]
}

fn with_themes() -> CommonMarkCache {
    let mut cache = CommonMarkCache::default();
    for (name, text) in theme::code_themes() {
        // Without them code has the viewer's own colours.
        let _ = cache.add_syntax_theme_from_bytes(name, text.as_bytes());
    }
    cache
}

/// Markdown that makes the program fetch nothing and colour no more than a frame has time for.
///
/// A picture is shown as the text that names it; long code loses the name of its language.
fn prepare(text: &str) -> String {
    let text = visible(text);
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    if text.contains("![") || text.len() > MOST_COLOURED_BYTES {
        for (event, range) in Parser::new_ext(&text, Options::all()).into_offset_iter() {
            match event {
                Event::Start(Tag::Image { .. }) => edits.push((range.start..range.start, "\\")),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))
                    if range.len() > MOST_COLOURED_BYTES =>
                {
                    let line = text[range.start..].lines().next().unwrap_or_default();
                    let fence = line.len() - line.trim_start_matches(['`', '~']).len();
                    edits.push((range.start + fence..range.start + line.len(), ""));
                }
                _ => {}
            }
        }
    }
    let mut out = String::with_capacity(text.len() + edits.len());
    let mut at = 0;
    edits.sort_by_key(|(range, _)| range.start);
    for (range, instead) in edits {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(instead);
        at = range.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::prepare;

    #[test]
    fn only_pictures_lose_what_makes_them_fetched() {
        assert_eq!(prepare("see ![a](https://b.example/c.png)"), "see \\![a](https://b.example/c.png)");
        assert_eq!(prepare("`vec![1]` and\n```rust\nvec![2]\n```"), "`vec![1]` and\n```rust\nvec![2]\n```");
    }

    #[test]
    fn long_code_is_not_coloured() {
        let code = "let a = 1;\n".repeat(1000);
        assert_eq!(prepare(&format!("```rust\n{code}```\n")), format!("```\n{code}```\n"));
    }
}
