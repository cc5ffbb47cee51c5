//! Values and keys as SQLite takes them.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use serde_json::Value as Json;

use crate::core::KeyId;
use crate::core::repair::{Record, Stored};
use crate::stores::sqlite::exact;

/// A value as a record holds it.
pub fn stored(value: ValueRef<'_>) -> Stored<'_> {
    match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Integer(n) => Stored::Integer(n),
        ValueRef::Real(n) => Stored::Real(n),
        ValueRef::Text(text) => Stored::Text(text),
        ValueRef::Blob(blob) => Stored::Blob(blob),
    }
}

/// A value as it is bound: TEXT of any bytes stays TEXT.
pub struct Bound<'a>(pub Stored<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(bound_ref(self.0)))
    }
}

fn bound_ref(value: Stored<'_>) -> ValueRef<'_> {
    match value {
        Stored::Null => ValueRef::Null,
        Stored::Integer(n) => ValueRef::Integer(n),
        Stored::Real(n) => ValueRef::Real(n),
        Stored::Text(text) => ValueRef::Text(text),
        Stored::Blob(blob) => ValueRef::Blob(blob),
    }
}

/// A part of a key.
pub enum Key<'a> {
    Row(i64),
    Text(&'a str),
    Part(Record),
}

impl ToSql for Key<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Key::Row(id) => ValueRef::Integer(*id),
            Key::Text(text) => ValueRef::Text(text.as_bytes()),
            Key::Part(record) => record.values().next().map_or(ValueRef::Null, bound_ref),
        }))
    }
}

/// What is bound: a value, or a part of a key.
pub enum Either<'a> {
    Value(Bound<'a>),
    Key(&'a Key<'a>),
}

impl ToSql for Either<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Either::Value(value) => value.to_sql(),
            Either::Key(key) => key.to_sql(),
        }
    }
}

/// A key of these values, as [`KeyId`] writes them.
pub fn key_of(values: &[Stored<'_>]) -> KeyId {
    KeyId::Values(Json::Array(values.iter().map(|v| exact(bound_ref(*v))).collect()).to_string().into())
}

/// The key of one text.
pub fn text_key(text: &str) -> KeyId {
    // What needs no escapes is JSON as it is; a million keys of an import are.
    let is_plain = text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\');
    match is_plain {
        true => KeyId::Values(format!("[\"{text}\"]").into()),
        false => key_of(&[Stored::Text(text.as_bytes())]),
    }
}

/// The parts of a key, as they are bound.
pub fn bound(id: &KeyId) -> Vec<Key<'_>> {
    let values = match id {
        KeyId::Row(id) => return vec![Key::Row(*id)],
        KeyId::Values(values) => values,
    };
    // One plain text is what most keys are, and no JSON need be read for it.
    let text = values.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
    if let Some(text) = text.filter(|text| !text.contains(['"', '\\'])) {
        return vec![Key::Text(text)];
    }
    let values = serde_json::from_str::<Vec<Json>>(values).unwrap_or_default();
    values.iter().map(|json| Key::Part(part(json))).collect()
}

fn part(json: &Json) -> Record {
    let bytes = |digits: &str| -> Vec<u8> {
        let byte = |at: usize| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
        (0..digits.len()).step_by(2).filter_map(byte).collect()
    };
    let tag = |name: &str| json.get(name).and_then(Json::as_str);
    match json {
        Json::Number(n) => Record::of([n
            .as_i64()
            .map_or_else(|| n.as_f64().map_or(Stored::Null, Stored::Real), Stored::Integer)]),
        Json::String(text) => Record::of([Stored::Text(text.as_bytes())]),
        _ => match (tag("$blob"), tag("$text"), tag("$real")) {
            (Some(digits), _, _) => Record::of([Stored::Blob(&bytes(digits))]),
            (_, Some(digits), _) => Record::of([Stored::Text(&bytes(digits))]),
            (_, _, Some(n)) => Record::of([n.parse().map_or(Stored::Null, Stored::Real)]),
            _ => Record::of([Stored::Null]),
        },
    }
}
