//! Texts as they are set: Markdown with its code, and texts of any length.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Frame, Id, Margin, OutputCommand, Rect, Stroke, Ui, UiBuilder, pos2, vec2};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::blocks::{Block, blocks};
use super::colours::{Coloured, Colours, Wanted};
use crate::core::visible;
use crate::ui::theme::{self, colors_of, mono_font, sizes_in_use, space, text_font};
use crate::ui::widgets::{self, icon};

/// Longer Markdown without code is shown as the text that it is: laying it out would take longer than a frame.
const MOST_MARKDOWN_BYTES: usize = 24_000;
/// Longer code within a list or a quotation is without colours, which are found anew for every frame there.
const MOST_COLOURED_BYTES: usize = 4_000;
/// So much of a long text is one label.
const PIECE_BYTES: usize = 4_000;
/// So many texts are kept as they were prepared.
const MOST_KEPT: usize = 400;
/// What is so near to the view is laid out, in points.
const NEAR: f32 = 200.0;

/// What texts are set with; the grammars of code are read when there is the first text.
#[derive(Default)]
pub struct Typeset {
    markdown: Option<CommonMarkCache>,
    prepared: HashMap<u64, Rc<[Prepared]>>,
    placed: HashMap<Id, Placed>,
    long: HashMap<Id, Long>,
    colours: Colours,
}

/// A block with what is handed to the Markdown viewer of it.
enum Prepared {
    Markdown(String),
    Long(Range<usize>),
    Code { text: Range<usize>, language: String, whole: bool, key: u64 },
}

/// The blocks of a text, and how high they are.
struct Placed {
    key: u64,
    width: f32,
    heights: Vec<Option<f32>>,
}

/// Where a long text is cut, and how high its pieces are.
struct Long {
    key: u64,
    width: f32,
    ends: Vec<usize>,
    heights: Vec<f32>,
}

impl Typeset {
    /// Takes what is missing of the colours of code.
    pub fn wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.colours.wanted)
    }

    /// Takes colours of code.
    pub fn coloured(&mut self, coloured: Coloured) {
        self.colours.arrived(coloured);
    }

    /// Text as Markdown, code with its colours; of many blocks only those on screen are laid out.
    pub fn text(&mut self, ui: &mut Ui, id: Id, text: &str) {
        let key = key_of(text);
        if self.prepared.len() > MOST_KEPT {
            self.prepared.clear();
        }
        let blocks = self.prepared.entry(key).or_insert_with(|| prepared(text)).clone();
        if self.placed.len() > MOST_KEPT {
            self.placed.clear();
        }
        let width = ui.available_width();
        let is_same = |placed: &Placed| placed.key == key && placed.width == width;
        let mut heights = match self.placed.remove(&id).filter(is_same) {
            Some(placed) => placed.heights,
            None => vec![None; blocks.len()],
        };
        for (at, (block, height)) in blocks.iter().zip(&mut heights).enumerate() {
            let top = ui.cursor().min;
            if let Some(height) = *height
                && !is_near(ui, Rect::from_min_size(top, vec2(width, height)))
            {
                ui.allocate_exact_size(vec2(width, height), egui::Sense::hover());
                continue;
            }
            let id = id.with(("block", at));
            let shown = ui.scope(|ui| match block {
                Prepared::Markdown(text) => self.markdown(ui, id, text),
                Prepared::Long(range) => {
                    let color = colors_of(ui.ctx()).text;
                    self.long(ui, id, &text[range.clone()], text_font(), color);
                }
                Prepared::Code { text: range, language, whole, key } => {
                    self.framed(ui, id, (*key, language), &text[range.clone()], *whole);
                }
            });
            *height = Some(shown.response.rect.height());
        }
        self.placed.insert(id, Placed { key, width, heights });
    }

    fn markdown(&mut self, ui: &mut Ui, id: Id, prepared: &str) {
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

    /// Code in a frame, with a button that copies it.
    fn framed(&mut self, ui: &mut Ui, id: Id, (key, language): (u64, &str), text: &str, whole: bool) {
        let colors = colors_of(ui.ctx());
        let frame = Frame::new()
            .fill(colors.stripe)
            .stroke(Stroke::new(1.0, colors.line))
            .corner_radius(sizes_in_use().corner)
            .inner_margin(Margin::symmetric(space::M as i8, space::S as i8));
        let size = sizes_in_use().control;
        let shown = frame.show(ui, |ui| {
            let whole = ui.available_width();
            ui.scope(|ui| {
                // Beside it is the button.
                ui.set_max_width(whole - size);
                self.code(ui, id, (key, language), text);
            });
            ui.set_min_width(whole);
        });
        let frame = shown.response.rect;
        let place =
            Rect::from_min_size(pos2(frame.right() - size - 2.0, frame.top() + 2.0), vec2(size, size));
        let hint = if whole { "Copy the code" } else { "Copy the code as far as it shows" };
        let mut corner = ui.new_child(UiBuilder::new().max_rect(place).id_salt(id.with("copy")));
        if widgets::icon_button(&mut corner, icon::COPY, hint).clicked() {
            ui.ctx().copy_text(text.to_owned());
        }
    }

    /// Code of any length, with its colours once they have arrived.
    pub fn code(&mut self, ui: &mut Ui, id: Id, (key, language): (u64, &str), text: &str) {
        let mut long = self.take_long(ui, id, (key, text), &mono_font());
        self.colours.want(key, language, text, &long.ends);
        let colors = colors_of(ui.ctx());
        long.show(ui, text, |piece, text| self.colours.job(colors, key, piece, text, mono_font()));
        self.long.insert(id, long);
    }

    /// Text of any length: only the pieces on screen are laid out, the others have a height that is guessed.
    pub fn long(&mut self, ui: &mut Ui, id: Id, text: &str, font: FontId, color: Color32) {
        let mut long = self.take_long(ui, id, (key_of(text), text), &font);
        long.show(ui, text, |_, text| plain(&visible(text), &font, color));
        self.long.insert(id, long);
    }

    fn take_long(&mut self, ui: &Ui, id: Id, (key, text): (u64, &str), font: &FontId) -> Long {
        let width = ui.available_width().max(80.0);
        if self.long.len() > MOST_KEPT {
            self.long.clear();
        }
        let is_same = |long: &Long| long.key == key && long.width == width;
        self.long.remove(&id).filter(is_same).unwrap_or_else(|| Long::of(ui, (key, text), width, font))
    }
}

fn plain(text: &str, font: &FontId, color: Color32) -> LayoutJob {
    LayoutJob::single_section(text.to_owned(), TextFormat::simple(font.clone(), color))
}

/// Whether something is on the screen, or soon will be.
fn is_near(ui: &Ui, place: Rect) -> bool {
    place.expand(NEAR).intersects(ui.clip_rect())
}

/// What tells a text from others: all of it, or, of a long one, its length, its place in memory and samples.
pub fn key_of(text: &str) -> u64 {
    const WHOLE: usize = 64_000;
    const SAMPLE: usize = 64;
    if text.len() <= WHOLE {
        return egui::util::hash(text);
    }
    let bytes = text.as_bytes();
    let samples: Vec<&[u8]> = bytes.chunks(SAMPLE).step_by(bytes.len() / WHOLE).collect();
    egui::util::hash((text.as_ptr() as usize, text.len(), samples))
}

fn prepared(text: &str) -> Rc<[Prepared]> {
    let block = |block| match block {
        Block::Markdown { text: range, .. } if range.len() > MOST_MARKDOWN_BYTES => Prepared::Long(range),
        Block::Markdown { text: range, references } if references.is_empty() => {
            Prepared::Markdown(prepare(&text[range]))
        }
        Block::Markdown { text: range, references } => {
            Prepared::Markdown(prepare(&format!("{}\n\n{references}", &text[range])))
        }
        Block::Code { text: range, language, whole } => {
            let key = egui::util::hash((key_of(&text[range.clone()]), &language));
            Prepared::Code { text: range, language, whole, key }
        }
    };
    blocks(text).into_iter().map(block).collect()
}

impl Long {
    fn of(ui: &Ui, (key, text): (u64, &str), width: f32, font: &FontId) -> Self {
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
        Self { key, width, ends, heights }
    }

    /// Draws the pieces on screen, each as it is laid out by `job`.
    fn show(&mut self, ui: &mut Ui, text: &str, job: impl Fn(usize, &str) -> LayoutJob) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut start = 0;
        for (at, (end, height)) in self.ends.iter().zip(&mut self.heights).enumerate() {
            let size = vec2(self.width, *height);
            if is_near(ui, Rect::from_min_size(ui.cursor().min, size)) {
                let piece = text.get(start..*end).unwrap_or_default();
                let job = job(at, piece.strip_suffix('\n').unwrap_or(piece));
                let label = egui::Label::new(job).wrap().selectable(true);
                *height = ui.add(label).rect.height();
            } else {
                ui.allocate_exact_size(size, egui::Sense::hover());
            }
            start = *end;
        }
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
