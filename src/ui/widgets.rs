//! Small things that every view is made of.

use egui::accesskit::Role;
use egui::{
    Align2, Color32, FontId, Frame, Margin, Rect, Response, RichText, Sense, Stroke, TextEdit, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::theme::{
    Colors, colors_of, icon_font, mono_font, sizes_in_use, small_font, space, strong_font, text_font,
};

/// Icons of `assets/fonts/icons.ttf`, a subset of Material Symbols.
pub mod icon {
    pub const CHEVRON_RIGHT: &str = "\u{e5cc}";
    pub const EXPAND: &str = "\u{e5cf}";
    pub const CLOSE: &str = "\u{e5cd}";
    pub const COPY: &str = "\u{e14d}";
    pub const THEME: &str = "\u{e51c}";
    pub const FILTER: &str = "\u{e152}";
    pub const COLUMNS: &str = "\u{e8ec}";
    pub const DATABASE: &str = "\u{f20e}";
    pub const DOCUMENT: &str = "\u{e873}";
    pub const FOLDER: &str = "\u{e2c8}";
    pub const SEARCH: &str = "\u{ef7a}";
    pub const DETAILS: &str = "\u{f7e5}";
    pub const EXPORT: &str = "\u{f09b}";
    pub const CHAT: &str = "\u{e0ca}";
}

/// A button with a text.
pub fn button(ui: &mut Ui, text: &str, hint: &str) -> Response {
    let response = ui.add(egui::Button::new(text).min_size(vec2(0.0, sizes_in_use().control)));
    if hint.is_empty() { response } else { response.on_hover_text(hint) }
}

/// The button of a deed: outlined, never filled, so that nothing invites to it.
pub fn deed(ui: &mut Ui, text: &str, color: Color32) -> Response {
    let text = RichText::new(text).font(strong_font()).color(color);
    let button = egui::Button::new(text).stroke(Stroke::new(1.0, color));
    ui.add(button.min_size(vec2(0.0, sizes_in_use().control)))
}

/// How wide a button with this text is, in points.
pub fn button_width(ui: &Ui, text: &str) -> f32 {
    let font = egui::TextStyle::Button.resolve(ui.style());
    let text = ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER);
    text.size().x + 2.0 * ui.spacing().button_padding.x
}

/// A button without a frame, for what is done often.
pub fn quiet_button(ui: &mut Ui, text: &str, hint: &str) -> Response {
    let text = RichText::new(text).color(colors_of(ui.ctx()).muted);
    let response = ui
        .add(egui::Button::new(text).frame_when_inactive(false).min_size(vec2(0.0, sizes_in_use().control)));
    if hint.is_empty() { response } else { response.on_hover_text(hint) }
}

/// A button that is an icon; its name is its tooltip.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str) -> Response {
    let size = sizes_in_use().control;
    let colors = colors_of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(size, size), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    if response.hovered() {
        ui.painter().rect_filled(rect, sizes_in_use().corner, colors.raised);
    }
    focus_ring(ui, &response);
    let color = if response.hovered() { colors.text } else { colors.muted };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon, icon_font(), color);
    response.on_hover_text(name)
}

/// Shows where the keyboard is.
pub fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(1.0, colors_of(ui.ctx()).accent);
        ui.painter().rect_stroke(response.rect, sizes_in_use().corner, stroke, egui::StrokeKind::Inside);
    }
}

/// A choice among a few, side by side; gives the one that was clicked.
pub fn segments(ui: &mut Ui, names: &[&str], active: usize) -> Option<usize> {
    let colors = colors_of(ui.ctx());
    let mut clicked = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for (i, name) in names.iter().enumerate() {
            let on = i == active;
            let color = if on { colors.text } else { colors.muted };
            let button = egui::Button::new(RichText::new(*name).color(color))
                .fill(if on { colors.raised } else { Color32::TRANSPARENT })
                .stroke(Stroke::new(1.0, if on { colors.line } else { Color32::TRANSPARENT }))
                .min_size(vec2(0.0, sizes_in_use().control));
            let response = ui.add(button);
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, *name));
            if response.clicked() {
                clicked = Some(i);
            }
        }
    });
    clicked
}

/// A small label with a background; `close` gives it a cross, and the answer says whether that was clicked.
pub fn chip(ui: &mut Ui, text: &str, close: Option<&str>) -> bool {
    let colors = colors_of(ui.ctx());
    let frame = Frame::new()
        .fill(colors.raised)
        .corner_radius(sizes_in_use().control as u8 / 2)
        .inner_margin(Margin::symmetric(10, 3));
    frame
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            ui.spacing_mut().interact_size.y = 0.0;
            ui.add(egui::Label::new(RichText::new(text).font(small_font()).color(colors.text)).truncate());
            close.is_some_and(|name| {
                let (rect, response) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::click());
                response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
                let color = if response.hovered() { colors.text } else { colors.muted };
                let font = FontId::new(13.0, icon_font().family);
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon::CLOSE, font, color);
                response.on_hover_text(name).clicked()
            })
        })
        .inner
}

/// How wide a chip with this text and a cross is, in points.
pub fn chip_width(ui: &Ui, text: &str) -> f32 {
    let text = ui.painter().layout_no_wrap(text.to_owned(), small_font(), Color32::PLACEHOLDER);
    text.size().x + 20.0 + space::XS + 16.0
}

/// A coloured dot, always beside its word.
pub fn dot(ui: &Ui, center: egui::Pos2, color: Color32) {
    ui.painter().circle_filled(center, 4.0, color);
}

/// A text field of one line with its name.
pub fn field(ui: &mut Ui, text: &mut String, hint: &str, name: &str, width: f32) -> Response {
    let edit = TextEdit::singleline(text)
        .hint_text(RichText::new(hint).color(colors_of(ui.ctx()).faint))
        .desired_width(width)
        .margin(Margin::symmetric(10, 5))
        .id_salt(name);
    let response = ui.add(edit);
    let value = text.clone();
    response.widget_info(|| WidgetInfo {
        label: Some(name.to_owned()),
        ..WidgetInfo::text_edit(true, &value, &value, hint)
    });
    response
}

/// Text in a rectangle of one line, cut with an ellipsis; the answer says whether it was cut.
pub fn text_in(ui: &Ui, rect: Rect, text: &str, font: FontId, color: Color32, right: bool) -> bool {
    let job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job_in(ui, rect, job, right)
}

/// A laid-out text of one line in a rectangle, cut with an ellipsis; the answer says whether it was cut.
pub fn job_in(ui: &Ui, rect: Rect, mut job: egui::text::LayoutJob, right: bool) -> bool {
    job.break_on_newline = false;
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width().max(1.0));
    let galley = ui.painter().layout_job(job);
    let cut = galley.elided;
    let y = rect.center().y - galley.size().y / 2.0;
    let x = if right { rect.right() - galley.size().x } else { rect.left() };
    ui.painter().with_clip_rect(rect.intersect(ui.clip_rect())).galley(
        pos2(x, y),
        galley,
        Color32::PLACEHOLDER,
    );
    cut
}

/// A text in a font of one width, shortened in its middle to what fits.
pub fn fit_middle<'a>(ui: &Ui, width: f32, text: &'a str, font: &FontId) -> std::borrow::Cow<'a, str> {
    let letter = ui.painter().layout_no_wrap("0".to_owned(), font.clone(), Color32::PLACEHOLDER).size().x;
    crate::core::shorten_middle(text, (width / letter).floor() as usize)
}

/// A quiet sentence where there is nothing to show.
pub fn quiet(ui: &mut Ui, text: &str) {
    let colors = colors_of(ui.ctx());
    ui.add_space(space::L * 2.0);
    ui.vertical_centered(|ui| ui.label(RichText::new(text).color(colors.muted)));
}

/// An error where the thing would have been: what is wrong and what to do, with the next step as a button.
pub fn failure(ui: &mut Ui, failure: &crate::core::Failure, next: Option<&str>) -> bool {
    let colors = colors_of(ui.ctx());
    ui.add_space(space::L);
    let mut clicked = false;
    Frame::new().inner_margin(Margin::symmetric(space::L as i8, 0)).show(ui, |ui| {
        ui.label(RichText::new(crate::core::visible(&failure.message)).color(colors.bad));
        ui.label(RichText::new(&failure.hint).color(colors.muted));
        if let Some(next) = next {
            ui.add_space(space::S);
            clicked = button(ui, next, "").clicked();
        }
    });
    clicked
}

/// A name and what stands beside it, as in the details.
pub fn fact(ui: &mut Ui, label: &str, text: &str, mono: bool, label_width: f32) -> Response {
    let colors = colors_of(ui.ctx());
    let height = sizes_in_use().row - space::XS;
    let line = vec2(ui.available_width(), height);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(line, layout, |ui| {
        ui.spacing_mut().interact_size.y = height;
        let (rect, _) = ui.allocate_exact_size(vec2(label_width, height), Sense::hover());
        text_in(ui, rect, label, text_font(), colors.muted, false);
        let font = if mono { mono_font() } else { text_font() };
        let shown = RichText::new(text).font(font).color(colors.text);
        ui.add(egui::Label::new(shown).truncate().selectable(true))
    })
    .inner
}

/// A card with a number and what it counts, at least so wide.
pub fn card(ui: &mut Ui, number: &str, label: &str, color: Color32, width: f32) {
    let colors = colors_of(ui.ctx());
    let font = super::theme::title_font();
    let text_width = ui.painter().layout_no_wrap(number.to_owned(), font, color).size().x;
    let width = width.max(text_width + 2.0 * space::M + 1.0).min(ui.available_width().max(width));
    let (rect, response) = ui.allocate_exact_size(vec2(width, 58.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{number} {label}")));
    let corner = sizes_in_use().corner;
    ui.painter().rect_filled(rect, corner, colors.stripe);
    ui.painter().rect_stroke(rect, corner, Stroke::new(1.0, colors.line), egui::StrokeKind::Inside);
    let inner = rect.shrink2(vec2(space::M, space::S));
    let (top, bottom) = inner.split_top_bottom_at_fraction(0.58);
    text_in(ui, top, number, super::theme::title_font(), color, false);
    text_in(ui, bottom, label, small_font(), colors.muted, false);
}

/// A heading within a panel.
pub fn heading(ui: &mut Ui, text: &str) {
    let colors = colors_of(ui.ctx());
    ui.label(RichText::new(text).font(strong_font()).color(colors.text));
}

/// The colour of a finding's severity.
pub fn severity_color(colors: &Colors, severity: crate::core::Severity) -> Color32 {
    match severity {
        crate::core::Severity::Error => colors.bad,
        crate::core::Severity::Warning => colors.warn,
        crate::core::Severity::Info => colors.muted,
    }
}

/// Makes a line across.
pub fn rule(ui: &mut Ui) {
    let colors = colors_of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, colors.line));
}
