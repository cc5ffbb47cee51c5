//! Colours, sizes and fonts: nothing else in the window names one.

use std::sync::Arc;
use std::sync::OnceLock;

use egui::epaint::text::{FontInsert, FontPriority, InsertFontFamily};
use egui::{
    Color32, Context, CornerRadius, FontData, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, Theme,
    Vec2, Visuals,
};
use toml_edit::DocumentMut;

use crate::core::vitals::Liveness;

/// The colours of one theme, by what they are for (`assets/themes`).
#[derive(Debug, Clone, Copy)]
pub struct Colors {
    pub window: Color32,
    pub panel: Color32,
    pub stripe: Color32,
    pub raised: Color32,
    pub line: Color32,
    pub text: Color32,
    pub muted: Color32,
    pub faint: Color32,
    pub accent: Color32,
    pub selection: Color32,
    pub good: Color32,
    pub warn: Color32,
    pub bad: Color32,
    pub user: Color32,
    pub assistant: Color32,
    pub tool: Color32,
    pub system: Color32,
}

/// Sizes in points, the same in both themes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub row: f32,
    pub header: f32,
    pub control: f32,
    pub bar: f32,
    pub top_bar: f32,
    pub status_bar: f32,
    pub corner: u8,
    pub dialog_corner: u8,
    pub text: f32,
    pub mono: f32,
    pub small: f32,
    pub title: f32,
    pub icon: f32,
    pub sources_width: f32,
    pub details_width: f32,
}

/// Space between things, in points.
pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const M: f32 = 12.0;
    pub const L: f32 = 20.0;
}

/// Font families by what they are for.
const SEMIBOLD: &str = "semibold";
const ICONS: &str = "material-icons";

struct Themes {
    dark: Colors,
    light: Colors,
    sizes: Sizes,
}

fn themes() -> &'static Themes {
    static THEMES: OnceLock<Themes> = OnceLock::new();
    THEMES.get_or_init(|| {
        let read = |text: &str| text.parse::<DocumentMut>().unwrap_or_default();
        Themes {
            dark: colors(&read(include_str!("../../assets/themes/dark.toml"))),
            light: colors(&read(include_str!("../../assets/themes/light.toml"))),
            sizes: sizes(&read(include_str!("../../assets/themes/sizes.toml"))),
        }
    })
}

/// The colours of the theme in use.
pub fn colors_of(ctx: &Context) -> &'static Colors {
    match ctx.theme() {
        Theme::Dark => &themes().dark,
        Theme::Light => &themes().light,
    }
}

pub fn sizes_in_use() -> &'static Sizes {
    &themes().sizes
}

/// A token's value; a theme file that lacks one shows it in magenta, which the theme's test rejects.
fn colors(theme: &DocumentMut) -> Colors {
    let color = |name: &str| {
        theme
            .get(name)
            .and_then(|v| v.as_str())
            .and_then(|hex| Color32::from_hex(hex).ok())
            .unwrap_or(Color32::from_rgb(255, 0, 255))
    };
    Colors {
        window: color("window"),
        panel: color("panel"),
        stripe: color("stripe"),
        raised: color("raised"),
        line: color("line"),
        text: color("text"),
        muted: color("muted"),
        faint: color("faint"),
        accent: color("accent"),
        selection: color("selection"),
        good: color("good"),
        warn: color("warn"),
        bad: color("bad"),
        user: color("user"),
        assistant: color("assistant"),
        tool: color("tool"),
        system: color("system"),
    }
}

fn sizes(file: &DocumentMut) -> Sizes {
    let size = |group: &str, name: &str, default: f32| {
        file.get(group)
            .and_then(|g| g.get(name))
            .and_then(|v| v.as_float().or_else(|| v.as_integer().map(|n| n as f64)))
            .map_or(default, |n| n as f32)
    };
    Sizes {
        row: size("height", "row", 24.0),
        header: size("height", "header", 28.0),
        control: size("height", "control", 28.0),
        bar: size("height", "bar", 40.0),
        top_bar: size("height", "top_bar", 44.0),
        status_bar: size("height", "status_bar", 28.0),
        corner: size("corner", "control", 6.0) as u8,
        dialog_corner: size("corner", "dialog", 10.0) as u8,
        text: size("text", "body", 13.0),
        mono: size("text", "mono", 12.0),
        small: size("text", "small", 12.0),
        title: size("text", "title", 17.0),
        icon: size("text", "icon", 16.0),
        sources_width: size("width", "sources", 272.0),
        details_width: size("width", "details", 372.0),
    }
}

/// Text of the interface.
pub fn text_font() -> FontId {
    FontId::new(sizes_in_use().text, FontFamily::Proportional)
}

/// Headings, roles and names that stand out.
pub fn strong_font() -> FontId {
    FontId::new(sizes_in_use().text, FontFamily::Name(SEMIBOLD.into()))
}

/// Counts and hints.
pub fn small_font() -> FontId {
    FontId::new(sizes_in_use().small, FontFamily::Proportional)
}

/// A dialog's title, or a large number.
pub fn title_font() -> FontId {
    FontId::new(sizes_in_use().title, FontFamily::Name(SEMIBOLD.into()))
}

/// Times, keys, ids and code.
pub fn mono_font() -> FontId {
    FontId::new(sizes_in_use().mono, FontFamily::Monospace)
}

pub fn icon_font() -> FontId {
    FontId::new(sizes_in_use().icon, FontFamily::Name(ICONS.into()))
}

/// The colour of a message's role.
pub fn role_color(colors: &Colors, role: &str) -> Color32 {
    match role {
        "user" | "human" => colors.user,
        "assistant" | "model" => colors.assistant,
        "tool" | "function" => colors.tool,
        "system" | "developer" => colors.system,
        _ => colors.muted,
    }
}

/// Names of the themes that [`code_themes`] makes.
pub const DARK_CODE: &str = "sessionscope dark";
pub const LIGHT_CODE: &str = "sessionscope light";

/// The colours of code in both themes, as the property lists that highlighters of TextMate grammars read.
pub fn code_themes() -> [(&'static str, String); 2] {
    [(DARK_CODE, code_theme(&themes().dark)), (LIGHT_CODE, code_theme(&themes().light))]
}

/// Which of the colours it is.
pub type Tone = fn(&Colors) -> Color32;

/// What is told apart in code: scopes of TextMate grammars, and the colour of each. The first is that of the rest.
const CODE: [(&str, Tone); 8] = [
    ("", |c| c.text),
    ("comment", |c| c.muted),
    ("string, constant.character, markup.inserted", |c| c.good),
    ("constant, support.constant", |c| c.warn),
    ("keyword, storage, entity.name.tag", |c| c.assistant),
    ("entity.name.function, support.function, variable.function", |c| c.tool),
    ("entity.name, support.type, support.class", |c| c.user),
    ("markup.deleted, invalid", |c| c.bad),
];

/// The colour of a number that [`code_tones`] gives.
pub fn code_color(colors: &Colors, tone: u8) -> Color32 {
    let (_, color) = CODE.get(usize::from(tone)).unwrap_or(&CODE[0]);
    color(colors)
}

/// A theme of code for any colours: in the place of each its number stands as the amount of red.
pub fn code_tones() -> String {
    property_list(Color32::BLACK, |tone| Color32::from_rgb(tone, 0, 0))
}

fn code_theme(c: &Colors) -> String {
    property_list(c.stripe, |tone| code_color(c, tone))
}

fn property_list(ground: Color32, color: impl Fn(u8) -> Color32) -> String {
    let hex = |color: Color32| format!("#{:02x}{:02x}{:02x}", color.r(), color.g(), color.b());
    let mut out = format!(
        "<plist version=\"1.0\"><dict><key>name</key><string>code</string><key>settings</key><array><dict>\
         <key>settings</key><dict><key>background</key><string>{}</string><key>foreground</key>\
         <string>{}</string></dict></dict>",
        hex(ground),
        hex(color(0))
    );
    for (tone, (scope, _)) in (0..).zip(&CODE).skip(1) {
        out.push_str(&format!(
            "<dict><key>scope</key><string>{scope}</string><key>settings</key><dict><key>foreground</key>\
             <string>{}</string></dict></dict>",
            hex(color(tone))
        ));
    }
    out.push_str("</array></dict></plist>");
    out
}

/// The ground of what a search found in a text.
pub fn mark_color(ctx: &Context) -> Color32 {
    colors_of(ctx).warn.gamma_multiply(0.35)
}

/// The colour of what is known of a session's life.
pub fn liveness_color(colors: &Colors, liveness: Liveness) -> Color32 {
    match liveness {
        Liveness::Alive => colors.good,
        Liveness::Dead => colors.bad,
        Liveness::Unknown => colors.warn,
    }
}

/// Sets fonts, colours and sizes once; the theme may change at any time after.
pub fn install(ctx: &Context) {
    // The window has commands of its own for that.
    ctx.options_mut(|o| o.zoom_with_keyboard = false);
    install_fonts(ctx);
    for (theme, colors) in [(Theme::Dark, &themes().dark), (Theme::Light, &themes().light)] {
        ctx.style_mut_of(theme, |style| apply(style, theme, colors));
    }
}

fn install_fonts(ctx: &Context) {
    let mut fonts = egui::FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    };
    add("inter", include_bytes!("../../assets/fonts/Inter-Regular.otf"));
    add("inter-semibold", include_bytes!("../../assets/fonts/Inter-SemiBold.otf"));
    add("jetbrains-mono", include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"));
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let behind = |first: &[&str]| {
        let mut names: Vec<String> = first.iter().map(|n| (*n).to_owned()).collect();
        names.extend(fallback.iter().cloned());
        names
    };
    fonts.families.insert(FontFamily::Proportional, behind(&["inter"]));
    fonts.families.insert(FontFamily::Name(SEMIBOLD.into()), behind(&["inter-semibold", "inter"]));
    fonts.families.insert(FontFamily::Monospace, behind(&["jetbrains-mono", "inter"]));
    ctx.set_fonts(fonts);
    ctx.add_font(FontInsert::new(
        ICONS,
        FontData::from_static(include_bytes!("../../assets/fonts/icons.ttf")),
        vec![InsertFontFamily { family: FontFamily::Name(ICONS.into()), priority: FontPriority::Highest }],
    ));
}

fn apply(style: &mut egui::Style, theme: Theme, c: &Colors) {
    let sizes = sizes_in_use();
    let corner = CornerRadius::same(sizes.corner);
    style.text_styles = [
        (TextStyle::Body, text_font()),
        (TextStyle::Button, text_font()),
        (TextStyle::Small, small_font()),
        (TextStyle::Heading, title_font()),
        (TextStyle::Monospace, mono_font()),
    ]
    .into();
    style.animation_time = 0.0;
    style.spacing.item_spacing = Vec2::new(space::S, space::XS);
    style.spacing.button_padding = Vec2::new(space::M - 2.0, space::XS);
    style.spacing.interact_size.y = sizes.control;
    style.spacing.menu_margin = Margin::same(space::XS as i8);
    style.spacing.window_margin = Margin::same(space::L as i8);
    style.interaction.selectable_labels = false;
    // A table's last column is to be read, not faded.
    style.spacing.scroll.fade.strength = 0.0;

    let mut visuals = if theme == Theme::Dark { Visuals::dark() } else { Visuals::light() };
    visuals.panel_fill = c.panel;
    visuals.window_fill = c.panel;
    visuals.window_stroke = Stroke::new(1.0, c.line);
    visuals.window_corner_radius = CornerRadius::same(sizes.dialog_corner);
    visuals.menu_corner_radius = corner;
    visuals.window_shadow =
        Shadow { offset: [0, 8], blur: 24, spread: 0, color: Color32::from_black_alpha(70) };
    visuals.popup_shadow =
        Shadow { offset: [0, 4], blur: 12, spread: 0, color: Color32::from_black_alpha(50) };
    visuals.extreme_bg_color = c.window;
    visuals.text_edit_bg_color = Some(c.window);
    visuals.faint_bg_color = c.stripe;
    visuals.code_bg_color = c.raised;
    visuals.hyperlink_color = c.accent;
    visuals.warn_fg_color = c.warn;
    visuals.error_fg_color = c.bad;
    visuals.weak_text_color = Some(c.muted);
    visuals.selection.bg_fill = c.selection;
    visuals.selection.stroke = Stroke::new(1.0, c.accent);
    visuals.text_cursor.blink = false;
    visuals.text_cursor.stroke = Stroke::new(1.5, c.accent);
    visuals.striped = false;
    let states = &mut visuals.widgets;
    for (state, fill, line, text) in [
        (&mut states.noninteractive, c.panel, c.line, c.text),
        (&mut states.inactive, c.stripe, c.line, c.text),
        (&mut states.hovered, c.raised, c.line, c.text),
        (&mut states.active, c.raised, c.accent, c.text),
        (&mut states.open, c.raised, c.line, c.text),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, line);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = corner;
        state.expansion = 0.0;
    }
    style.visuals = visuals;
}
