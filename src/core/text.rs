//! Text from a stranger's file, made safe to look at.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is invisible or changes how its neighbours are drawn.
///
/// C0 and C1 controls, DEL, soft hyphen, all Bidi_Control characters, zero-width characters, invisible
/// operators, the byte-order mark, line and paragraph separators, tags and non-characters. Line feed and tab are text.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Writes every hidden character as its code in angle marks, such as `‹U+202E›`; CR LF is one line end.
///
/// A zero-width joiner stays between emoji, where it only joins them, and is shown anywhere else.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) || c == '\u{200d}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let joins = c == '\u{200d}' && is_pictograph(before) && next.is_some_and(is_pictograph);
        if c == '\r' && next == Some('\n') {
            // the line feed that follows is the line end
        } else if is_hidden(c) || (c == '\u{200d}' && !joins) {
            // Writing to a String cannot fail.
            let _ = write!(out, "‹U+{:04X}›", c as u32);
        } else {
            out.push(c);
        }
        before = c;
    }
    Cow::Owned(out)
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

/// Text that is not UTF-8: its broken bytes as `‹xFF›`, the rest as it is.
pub fn broken_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "‹x{byte:02X}›");
        }
    }
    out
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// Shortens to at most `most` characters with an ellipsis in the middle.
pub fn shorten_middle(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most || most < 3 {
        return Cow::Borrowed(text);
    }
    let head = (most - 1) / 2;
    let tail = most - 1 - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start}…{end}"))
}

/// `1 entry has`, `2 entries have`: a number with the words for one or for several.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number with its thousands apart.
pub fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in the unit that fits.
pub fn byte_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} KB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
