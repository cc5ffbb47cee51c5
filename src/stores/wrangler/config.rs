//! From the text of a configuration to one typed shape, whether it is JSON, JSONC or TOML.

use std::path::Path;

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use memchr::memmem;
use serde_json::{Map, Value as Json};
use toml_edit::{DocumentMut, Item, TableLike, Value as Toml};

use super::shape::{Config, is_config};
use crate::core::StoreError;

/// Words without which a text is no configuration, so that most files are not parsed at all.
const NEEDED: [&str; 4] = ["compatibility_date", "durable_objects", "durable-object", "migrations"];

/// Keys that only a configuration has; a text with one of them that does not parse is a broken one.
const TELLING: [&str; 4] = ["compatibility_date", "durable_objects", "new_sqlite_classes", "new_classes"];

/// Reads a configuration by its content; none where it is something else.
pub fn read(path: &Path, bytes: &[u8]) -> Option<Result<Config, StoreError>> {
    if !NEEDED.iter().any(|word| memmem::find(bytes, word.as_bytes()).is_some()) {
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let damaged = |breaks: Break| {
        let Break { line, column, reason } = breaks;
        let what =
            format!("it reads as a wrangler configuration as far as line {line}, column {column} ({reason})");
        Some(Err(StoreError::Damaged { what, path: path.to_owned() }))
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let text = String::from_utf8_lossy(bytes);
            if !is_telling(&text, is_json(&text)) {
                return None;
            }
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            return damaged(Break::after(&before, "the text is not UTF-8".to_owned()));
        }
    };
    match root(text) {
        Ok(root) => Some(Ok(Config::of(root))),
        Err(Unread::Broken(breaks)) => damaged(breaks),
        Err(Unread::Other) => None,
    }
}

/// Parses a configuration's text, without a mark at its start.
pub fn root(text: &str) -> Result<Map<String, Json>, Unread> {
    match if is_json(text) { parse_json(text) } else { parse_toml(text) } {
        Ok(Json::Object(root)) if is_config(&root) => Ok(root),
        Ok(_) => Err(Unread::Other),
        Err(breaks) if is_telling(text, is_json(text)) && !is_lines(text) => Err(Unread::Broken(breaks)),
        Err(_) => Err(Unread::Other),
    }
}

/// Whether a text is to be read as JSON with comments, and not as TOML.
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '/'])
}

/// Why a text is not read as a configuration.
pub enum Unread {
    Other,
    Broken(Break),
}

/// Where a text stops being what it should be; lines and columns count from one.
pub struct Break {
    pub line: usize,
    pub column: usize,
    pub reason: String,
}

impl Break {
    fn after(before: &str, reason: String) -> Self {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, reason }
    }
}

/// What wrangler's own reader takes: comments and trailing commas, and nothing else that is no JSON.
pub const JSON: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse_json(text: &str) -> Result<Json, Break> {
    parse_to_serde_value::<Json>(text, &JSON).map_err(|e| Break {
        line: e.line_display(),
        column: e.column_display(),
        reason: e.kind().to_string(),
    })
}

fn parse_toml(text: &str) -> Result<Json, Break> {
    match text.parse::<DocumentMut>() {
        Ok(document) => Ok(table(document.as_table())),
        Err(error) => {
            let at = error.span().map_or(text.len(), |span| span.start);
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            Err(Break::after(text.get(..at).unwrap_or(text), reason))
        }
    }
}

fn table(table: &dyn TableLike) -> Json {
    let mut object = Map::new();
    for (key, item) in table.iter() {
        let value = match item {
            Item::None => continue,
            Item::Value(value) => plain(value),
            Item::Table(inner) => self::table(inner),
            Item::ArrayOfTables(tables) => Json::Array(tables.iter().map(|t| self::table(t)).collect()),
        };
        object.insert(key.to_owned(), value);
    }
    Json::Object(object)
}

fn plain(value: &Toml) -> Json {
    match value {
        Toml::String(text) => Json::String(text.value().clone()),
        Toml::Integer(n) => (*n.value()).into(),
        Toml::Float(n) => serde_json::Number::from_f64(*n.value()).map_or(Json::Null, Json::Number),
        Toml::Boolean(flag) => Json::Bool(*flag.value()),
        // An unquoted date is read as the text that was meant.
        Toml::Datetime(time) => Json::String(time.value().to_string()),
        Toml::Array(values) => Json::Array(values.iter().map(plain).collect()),
        Toml::InlineTable(inner) => table(inner),
    }
}

/// Whether one of the telling words is a key in the text, and not a word in somebody's message.
fn is_telling(text: &str, json: bool) -> bool {
    match json {
        true => TELLING.iter().any(|word| has_json_key(text, word)),
        false => text.lines().any(|line| TELLING.iter().any(|word| is_toml_key(line, word))),
    }
}

fn has_json_key(text: &str, word: &str) -> bool {
    // In JSON within a text there is a backslash before the second quote.
    let quoted = format!("\"{word}\"");
    text.match_indices(&quoted).any(|(at, found)| text[at + found.len()..].trim_start().starts_with(':'))
}

fn is_toml_key(line: &str, word: &str) -> bool {
    let line = line.trim_start().trim_start_matches('[');
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ' | '\t');
    let end = line.find(|c| !is_key(c)).unwrap_or(line.len());
    let segments = line[..end].split('.').map(|s| s.trim().trim_matches(['"', '\'']));
    line[end..].starts_with(['=', ']']) && segments.into_iter().any(|s| s == word)
}

/// Whether it is JSON lines, in each of which there may be anything.
fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    lines.next().is_some() && serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok()
}
