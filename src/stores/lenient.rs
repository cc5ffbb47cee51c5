//! JSON with halves of characters in it, which other languages write and Rust cannot hold.

use serde_json::Value as Json;

/// JSON that was found to be well-formed; where a value in it cannot be held, a string of the whole.
pub fn lenient(raw: &str) -> Json {
    serde_json::from_str(raw)
        .or_else(|_| serde_json::from_str(&paired(raw)))
        .unwrap_or_else(|_| Json::String(raw.to_owned()))
}

/// The JSON with every half of a surrogate pair replaced, which Python and JavaScript write and Rust cannot hold.
fn paired(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    let half = |t: &str, range: std::ops::Range<u32>| {
        let digits = t.strip_prefix("\\u").and_then(|t| t.get(..4));
        digits.and_then(|d| u32::from_str_radix(d, 16).ok()).is_some_and(|n| range.contains(&n))
    };
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if half(rest, 0xd800..0xdc00) {
            if rest.get(6..).is_some_and(|t| half(t, 0xdc00..0xe000)) { 12 } else { 0 }
        } else if half(rest, 0xdc00..0xe000) {
            0
        } else {
            // The backslash and what it escapes, which is ASCII in well-formed JSON.
            2
        };
        match (length, rest.get(..length)) {
            (0, _) => {
                text.push_str("\\ufffd");
                rest = rest.get(6..).unwrap_or_default();
            }
            (_, Some(kept)) => {
                text.push_str(kept);
                rest = &rest[length..];
            }
            (_, None) => break,
        }
    }
    text.push_str(rest);
    text
}
