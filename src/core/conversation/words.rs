//! What is said of tools and pictures, in the window and in what is exported alike.

use super::super::{byte_size, group, span, visible};
use super::Answer;

/// Of a tool's input so much is read to find the argument that says most.
const MOST_READ_BYTES: usize = 64_000;

/// What became of a call, such as `ok · 2.1 s`, and whether it failed.
pub fn outcome(state: Option<&str>, answer: Option<&Answer>) -> (String, bool) {
    match (answer, state) {
        (Some(answer), _) => {
            let word = if answer.is_error { "error" } else { "ok" };
            let took = answer.took_ms.map(|ms| format!(" · {}", took(ms))).unwrap_or_default();
            (format!("{word}{took}"), answer.is_error)
        }
        (None, Some(state)) if !state.is_empty() => (visible(state).into_owned(), state.contains("error")),
        (None, _) => ("no answer".to_owned(), false),
    }
}

fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => span(i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

/// What is said in place of results that stand elsewhere.
pub fn above(results: usize) -> String {
    match results {
        1 => "1 result, shown above".to_owned(),
        n => format!("{} results, shown above", group(n as u64)),
    }
}

/// A picture or file: `image/png · 34 KB · 640 × 480`.
pub fn media(media_type: &str, bytes: u64, pixels: Option<(u32, u32)>) -> String {
    let mut text = visible(media_type).into_owned();
    if bytes > 0 {
        text.push_str(&format!(" · {}", byte_size(bytes)));
    }
    if let Some((width, height)) = pixels {
        text.push_str(&format!(" · {width} × {height}"));
    }
    text
}

/// The argument that says most.
pub fn summary(input: &str) -> String {
    let head = &input[..input.floor_char_boundary(MOST_READ_BYTES)];
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str::<serde_json::Value>(head) else {
        return head.lines().next().unwrap_or_default().to_owned();
    };
    let told = ["command", "path", "file_path", "query", "pattern", "url", "title", "description"];
    let value = told.iter().find_map(|k| object.get(*k)).or_else(|| object.values().next());
    match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
