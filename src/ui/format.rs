//! Values as people read them.

use chrono::{DateTime, Local, Utc};

use crate::core::{Cell, Column, ColumnKind, Timestamp, Value, broken_text, hex, visible};
pub use crate::core::{byte_size as bytes, group};

/// In which zone times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    #[default]
    Utc,
    Local,
}

impl Zone {
    pub fn name(self) -> &'static str {
        match self {
            Zone::Utc => "UTC",
            Zone::Local => "Local time",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Zone::Utc => Zone::Local,
            Zone::Local => Zone::Utc,
        }
    }
}

/// A time to the second.
pub fn time(ms: i64, zone: Zone) -> String {
    let Some(utc) = DateTime::<Utc>::from_timestamp_millis(ms) else { return String::new() };
    match zone {
        Zone::Utc => utc.format("%Y-%m-%d %H:%M:%S").to_string(),
        Zone::Local => utc.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// How long ago, or in how long: `6 min 39 s`, `in 2 h`.
pub fn relative(ms: i64, now_ms: i64) -> String {
    let ago = now_ms - ms;
    let text = duration(ago.unsigned_abs() / 1000);
    if ago < 0 { format!("in {text}") } else { format!("{text} ago") }
}

/// What is said of a time where the pointer rests on it: how far it is from now, and the moment in UTC.
pub fn moment(ms: i64, now_ms: i64) -> String {
    format!("{}\n{}", relative(ms, now_ms), rfc3339(ms))
}

/// A span of seconds in its two largest units.
pub fn duration(seconds: u64) -> String {
    let (d, h, m, s) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, 1..=9) => format!("{m} min {s} s"),
        (0, 0, _) => format!("{m} min"),
        (0, ..) => format!("{h} h {m} min"),
        (1..=9, ..) => format!("{d} d {h} h"),
        _ => format!("{} d", group(d)),
    }
}

/// A cell on one line, cut cells with an ellipsis.
pub fn cell(cell: &Cell, column: &Column, zone: Zone) -> String {
    if let (Value::Integer(seconds), "age_seconds") = (&cell.value, column.name.as_ref()) {
        let sign = if *seconds < 0 { "in " } else { "" };
        return format!("{sign}{}", duration(seconds.unsigned_abs()));
    }
    let mut text = one_line(&value(&cell.value, column.kind, zone));
    if cell.cut_from_bytes.is_some() {
        text.push('…');
    }
    text
}

/// A value as text, hidden characters visible.
pub fn value(value: &Value, kind: ColumnKind, zone: Zone) -> String {
    match (value, kind) {
        (Value::Null, _) => String::new(),
        (Value::Integer(ms), ColumnKind::Time) => time(*ms, zone),
        (Value::Integer(n), ColumnKind::Flag) => if *n == 0 { "no" } else { "yes" }.to_owned(),
        (Value::Integer(n), _) => n.to_string(),
        (Value::Real(n), _) => n.to_string(),
        (Value::Text(text), _) => visible(text).into_owned(),
        (Value::BadText(bytes), _) => visible(&broken_text(bytes)).into_owned(),
        (Value::Blob(bytes), _) => blob(bytes),
    }
}

fn blob(bytes: &[u8]) -> String {
    let head = hex(&bytes[..bytes.len().min(64)]);
    if bytes.len() > 64 { format!("x'{head}…' ({} bytes)", bytes.len()) } else { format!("x'{head}'") }
}

fn one_line(text: &str) -> String {
    if !text.contains(['\n', '\r', '\t']) {
        return text.to_owned();
    }
    text.split(['\n', '\r', '\t']).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("  ")
}

/// A value as JSON for a person: pretty where it is JSON, as it is where not.
pub fn pretty_json(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.to_owned()),
        Err(_) => text.to_owned(),
    }
}

/// Bytes sixteen a line: offset, digits, and what of it is ASCII.
pub fn hex_dump(bytes: &[u8], most: usize) -> String {
    let mut out = String::new();
    for (line, chunk) in bytes[..bytes.len().min(most)].chunks(16).enumerate() {
        let ascii: String = chunk
            .iter()
            .map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '·' })
            .collect();
        let digits: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
        out.push_str(&format!("{:06x}  {:<47}  {ascii}\n", line * 16, digits.join(" ")));
    }
    out
}

/// A canonical column's name as a heading: `created_at` is `Created at`.
pub fn heading(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get(..1) {
        let upper = first.to_uppercase();
        words.replace_range(..1, &upper);
    }
    words
}

/// A time as RFC 3339, for copying.
pub fn rfc3339(ms: i64) -> String {
    Timestamp(ms).rfc3339()
}
