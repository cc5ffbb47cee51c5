//! SQL functions that every mapping may use.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use serde_json::{Map, Value as Json, json};

use super::Clock;
use crate::core::vitals::rough;
use crate::core::{Timestamp, Value, broken_text, hex, parse_timestamp};
use crate::stores::blocks;

/// Adds `time_ms`, `now_ms`, `rfc3339`, `rough` (a span of milliseconds in words), `contains`, `detail`, `row_key`, `message_text` and `message_kind` to a connection.
pub fn install(connection: &Connection, clock: &Clock) -> Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let clock = clock.clone();
    connection.create_scalar_function(
        "now_ms",
        0,
        FunctionFlags::SQLITE_UTF8,
        move |_| Ok(clock.now_ms()),
    )?;
    connection.create_scalar_function("time_ms", 1, pure, |c| Ok(time_ms(c.get_raw(0))))?;
    connection.create_scalar_function("rfc3339", 1, pure, |c| {
        Ok(c.get_raw(0).as_i64_or_null().ok().flatten().map(|ms| Timestamp(ms).rfc3339()))
    })?;
    connection.create_scalar_function("rough", 1, pure, |c| {
        Ok(c.get_raw(0).as_i64_or_null().ok().flatten().map(rough))
    })?;
    connection.create_scalar_function("contains", 2, pure, |c| {
        Ok(contains(&bytes(c.get_raw(0)), &bytes(c.get_raw(1))))
    })?;
    connection.create_scalar_function("detail", -1, pure, |c| Ok(detail(c).to_string()))?;
    connection.create_scalar_function("row_key", -1, pure, |c| {
        Ok(Json::Array((0..c.len()).map(|i| exact(c.get_raw(i))).collect()).to_string())
    })?;
    connection.create_scalar_function("message_text", 3, pure, |c| {
        let [role, content, parts] = [0, 1, 2].map(|i| lossy(c.get_raw(i)));
        Ok(blocks::text(&role, &content, &parts))
    })?;
    connection.create_scalar_function("message_kind", 3, pure, |c| {
        let [role, content, parts] = [0, 1, 2].map(|i| lossy(c.get_raw(i)));
        Ok(blocks::kind(&role, &content, &parts))
    })
}

/// A time of any unit as milliseconds.
pub fn time_ms(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(n) => Timestamp::from_integer(n),
        ValueRef::Real(n) => Timestamp::from_number(n),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(parse_timestamp),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
    .map(|t| t.0)
}

/// A value as this program's own type.
pub fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::BadText(text.to_vec()),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    }
}

/// A value as text for the message functions; blobs are no text, and broken bytes of text are marked.
pub fn lossy(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => String::new(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => broken_text(text),
        },
    }
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(text) => text.to_vec(),
        ValueRef::Blob(blob) => hex(blob).into_bytes(),
        other => lossy(other).into_bytes(),
    }
}

/// Whether a text contains another, whatever their case.
fn contains(text: &[u8], wanted: &[u8]) -> bool {
    if wanted.is_empty() {
        return true;
    }
    if wanted.is_ascii() {
        let first = wanted[0];
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        return memchr::memchr2_iter(lower, upper, text)
            .any(|at| text[at..].get(..wanted.len()).is_some_and(|t| t.eq_ignore_ascii_case(wanted)));
    }
    let text = String::from_utf8_lossy(text).to_lowercase();
    text.contains(&String::from_utf8_lossy(wanted).to_lowercase())
}

/// A JSON object of name and value pairs, without the nulls.
fn detail(context: &Context<'_>) -> Json {
    let mut object = Map::new();
    for i in (0..context.len().saturating_sub(1)).step_by(2) {
        let name = lossy(context.get_raw(i));
        let value = match context.get_raw(i + 1) {
            ValueRef::Null => continue,
            ValueRef::Text(text) => Json::String(String::from_utf8_lossy(text).into_owned()),
            other => exact(other),
        };
        object.insert(name, value);
    }
    Json::Object(object)
}

/// A value as JSON from which `from_exact` makes the same value.
pub fn exact(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(n) => json!(n),
        ValueRef::Real(n) if n.is_finite() => json!(n),
        ValueRef::Real(n) => json!({ "$real": n.to_string() }),
        ValueRef::Blob(blob) => json!({ "$blob": hex(blob) }),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => json!(text),
            Err(_) => json!({ "$text": hex(text) }),
        },
    }
}

/// The SQL value of what `row_key` wrote. TEXT that is not UTF-8 is bound as bytes, to be cast back.
pub fn from_exact(json: &Json) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    match json {
        Json::Number(n) => match n.as_i64() {
            Some(n) => Sql::Integer(n),
            None => n.as_f64().map_or(Sql::Null, Sql::Real),
        },
        Json::String(text) => Sql::Text(text.clone()),
        Json::Object(tagged) => {
            let tag = |name: &str| tagged.get(name).and_then(Json::as_str);
            if let Some(digits) = tag("$blob").or_else(|| tag("$text")) {
                let byte = |at: usize| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
                Sql::Blob((0..digits.len()).step_by(2).filter_map(byte).collect())
            } else {
                tag("$real").and_then(|n| n.parse().ok()).map_or(Sql::Null, Sql::Real)
            }
        }
        Json::Null | Json::Bool(_) | Json::Array(_) => Sql::Null,
    }
}
