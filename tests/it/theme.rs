//! The themes: complete, and legible on every surface.

use std::path::Path;

use toml_edit::DocumentMut;

const SURFACES: &[&str] = &["window", "panel", "stripe", "selection", "raised"];
const TEXTS: &[&str] =
    &["text", "muted", "accent", "good", "warn", "bad", "user", "assistant", "tool", "system"];
const LIMIT: f64 = 4.5;
const FAINT_LIMIT: f64 = 3.0;

fn read(name: &str) -> DocumentMut {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/themes").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn colour<'a>(theme: &'a DocumentMut, token: &str) -> &'a str {
    theme.get(token).and_then(|v| v.as_str()).unwrap_or_else(|| panic!("no colour named {token}"))
}

/// The relative luminance of `#rrggbb`, as WCAG 2 defines it.
fn luminance(colour: &str) -> f64 {
    let digits = colour.strip_prefix('#').filter(|d| d.len() == 6);
    let number = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
    let number = number.unwrap_or_else(|| panic!("{colour} is not #rrggbb"));
    let channel = |shift: u32| {
        let value = f64::from(number >> shift & 0xff) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn too_faint(theme: &DocumentMut) -> Vec<String> {
    let pairs = TEXTS.iter().map(|t| (*t, LIMIT)).chain([("faint", FAINT_LIMIT)]);
    pairs
        .flat_map(|(text, limit)| SURFACES.iter().map(move |surface| (text, *surface, limit)))
        .filter_map(|(text, surface, limit)| {
            let found = contrast(colour(theme, text), colour(theme, surface));
            (found < limit).then(|| format!("{text} on {surface}: {found:.2}"))
        })
        .collect()
}

#[test]
fn contrast_is_measured_as_wcag_does() {
    assert_eq!(contrast("#000000", "#ffffff").round(), 21.0);
    // The published example of the lightest grey that passes on white.
    assert!((contrast("#767676", "#ffffff") - 4.54).abs() < 0.01);
}

#[test]
fn every_text_is_legible_on_every_surface() {
    for name in ["dark.toml", "light.toml"] {
        assert_eq!(too_faint(&read(name)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn both_themes_name_the_same_colours() {
    let names = |name| read(name).iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    assert_eq!(names("dark.toml"), names("light.toml"));
    assert!(colour(&read("dark.toml"), "line").starts_with('#'));
}

#[test]
fn sizes_are_numbers() {
    let sizes = read("sizes.toml");
    for (group, names) in [
        ("height", &["row", "header", "control", "bar", "top_bar", "status_bar"][..]),
        ("width", &["sources", "details"]),
        ("corner", &["control", "dialog"]),
        ("text", &["body", "mono", "title", "small", "icon"]),
    ] {
        for name in names {
            let size = sizes[group].get(name).and_then(|v| v.as_integer());
            assert!(size.is_some_and(|s| s > 0), "{group}.{name} is {size:?}");
        }
    }
}
