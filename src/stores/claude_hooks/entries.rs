//! One entry of a session file, of any generation.
//!
//! Source: stores.md §5.1 of the seeds' facts: a bare id; `{id, last_used_at}`; with `session_id` and `created_at` as in the
//! table; and `{sessionId, updatedAt}` as OpenClaw writes it.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::types::ValueRef;
use serde_json::value::RawValue;

use crate::core::shorten_middle;
use crate::stores::json::{self, Entries};
use crate::stores::sqlite::time_ms;

/// Names for the same field, the one that counts first.
pub const ID: [&str; 3] = ["session_id", "sessionId", "id"];
const LAST_USED: [&str; 4] = ["last_used_at", "lastUsedAt", "updatedAt", "updated_at"];
const CREATED: [&str; 3] = ["created_at", "createdAt", "created"];

/// Numbers from here on are no time: no generation counted micro- or nanoseconds, and in milliseconds it is the year 5138.
const TOO_LATE: f64 = 1e14;

/// A value that is deeper or longer is kept as text, cut in its middle, for others to be able to read the details.
const MOST_DEPTH: usize = 100;
const MOST_VALUE: usize = 1 << 20;

/// What an entry says.
#[derive(Debug, PartialEq)]
pub enum Entry {
    Session {
        last_used: Option<i64>,
        created: Option<i64>,
        /// JSON: the session's id and whatever else is in the entry.
        detail: String,
        /// A bare id.
        legacy: bool,
        /// It has a time that cannot be read as one.
        unread_time: bool,
        /// The unit of its last use where that is not milliseconds.
        odd_unit: Option<&'static str>,
    },
    /// It names no session.
    Malformed { detail: String },
}

/// The key of an item of an array, which is a field of it.
pub fn key_of(raw: &RawValue) -> Option<String> {
    let fields = json::read_entries(raw.get().as_bytes()).filter(|f| !f.is_array)?;
    text(last(&fields, "key")?).map(Cow::into_owned)
}

/// Reads an entry's value; `keyed` items of an array have their key in it.
pub fn read(raw: &RawValue, keyed: bool) -> Entry {
    if let Some(id) = text(raw).filter(|id| !id.is_empty()) {
        let detail = format!("{{\"session_id\":{}}}", quoted(&id));
        return Entry::Session {
            last_used: None,
            created: None,
            detail,
            legacy: true,
            unread_time: false,
            odd_unit: None,
        };
    }
    let fields = json::read_entries(raw.get().as_bytes()).filter(|f| !f.is_array);
    let session = fields.as_ref().and_then(|fields| object(fields, keyed));
    session.unwrap_or_else(|| Entry::Malformed { detail: format!("{{\"value\":{}}}", kept(raw)) })
}

/// What an import takes of an entry.
#[derive(Debug, Default)]
pub struct Brief<'a> {
    /// None where the entry is malformed.
    pub id: Option<Cow<'a, str>>,
    pub last_used: Option<i64>,
    pub created: Option<i64>,
    pub unread_time: bool,
    /// Fields that are none of these.
    pub others: Vec<Cow<'a, str>>,
}

/// Reads what an import takes of an entry, and names what it leaves.
pub fn brief<'a>(raw: &'a RawValue) -> Brief<'a> {
    if let Some(id) = text(raw).filter(|id| !id.is_empty()) {
        return Brief { id: Some(id), ..Brief::default() };
    }
    let Some(fields) = json::read_entries(raw.get().as_bytes()).filter(|f| !f.is_array) else {
        return Brief::default();
    };
    let id = ID.into_iter().find_map(|name| text(last(&fields, name)?).filter(|id| !id.is_empty()));
    let mut unread_time = false;
    let mut time = |names: &[&str]| {
        let raw = names.iter().find_map(|name| last(&fields, name))?;
        moment(raw).unwrap_or_else(|()| {
            unread_time = true;
            None
        })
    };
    let (last_used, created) = (time(&LAST_USED), time(&CREATED));
    let known = |name: &str| ID.contains(&name) || LAST_USED.contains(&name) || CREATED.contains(&name);
    let others = fields.entries.into_iter().filter_map(|(key, _)| key.filter(|k| !known(k))).collect();
    Brief { id, last_used, created, unread_time, others }
}

/// Whether it is more likely than not that an entry is of such a file.
pub fn fits(key: &str, raw: &RawValue) -> bool {
    let resume_key = is_resume_key(key);
    let Some(fields) = json::read_entries(raw.get().as_bytes()).filter(|f| !f.is_array) else {
        let id = text(raw);
        return resume_key && id.is_none_or(|id| id.len() <= 200 && !id.contains(char::is_whitespace));
    };
    let has = |names: &[&str]| names.iter().any(|n| last(&fields, n).is_some());
    let session_and_time = (has(&ID) && has(&LAST_USED[..2])) || (has(&ID[..2]) && has(&LAST_USED));
    resume_key || (key.contains(':') && has(&ID)) || session_and_time
}

/// Whether a key is like `<agent>:<owner>/<repo>:<issue>`, and is no address.
pub fn is_resume_key(key: &str) -> bool {
    let parts: Vec<&str> = key.split(':').collect();
    parts.len() >= 3
        && parts[1..parts.len() - 1].iter().any(|p| p.contains('/') && !p.starts_with('/'))
        && ![parts[0], parts[parts.len() - 1]].iter().any(|p| p.contains(['/', ' ']))
        && !parts[1].starts_with("//")
}

fn object(fields: &Entries<'_>, keyed: bool) -> Option<Entry> {
    let first =
        |names: &[&'static str]| names.iter().find_map(|name| last(fields, name).map(|raw| (*name, raw)));
    let (id_name, id) = ID
        .into_iter()
        .find_map(|name| Some((name, text(last(fields, name)?).filter(|id| !id.is_empty())?)))?;
    let mut shown = vec![id_name];
    shown.extend(keyed.then_some("key"));
    let mut unread_time = false;
    let mut time = |names: &[&'static str]| {
        let (name, raw) = first(names)?;
        match moment(raw) {
            Ok(time) => {
                shown.push(name);
                time
            }
            Err(()) => {
                unread_time = true;
                None
            }
        }
    };
    let (last_used, created) = (time(&LAST_USED), time(&CREATED));
    let mut detail = format!("{{\"session_id\":{}", quoted(&id));
    for (name, raw) in others(fields, &shown) {
        detail.push(',');
        detail.push_str(&quoted(name));
        detail.push(':');
        detail.push_str(&kept(raw));
    }
    detail.push('}');
    let odd_unit = first(&LAST_USED).and_then(|(_, raw)| odd_unit(raw));
    Some(Entry::Session { last_used, created, detail, legacy: false, unread_time, odd_unit })
}

/// The fields that are shown nowhere else, in order; of several of one name the last, as `JSON.parse` reads them.
fn others<'e>(fields: &'e Entries<'_>, shown: &[&str]) -> Vec<(&'e str, &'e RawValue)> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut rest: Vec<(&str, &RawValue)> = fields
        .entries
        .iter()
        .rev()
        .filter_map(|(key, raw)| Some((key.as_deref()?, *raw)))
        // The name of the id in the details.
        .filter(|(name, _)| !shown.contains(name) && *name != ID[0] && seen.insert(name))
        .collect();
    rest.reverse();
    rest
}

/// A field by its name; of several the last.
fn last<'a>(fields: &Entries<'a>, name: &str) -> Option<&'a RawValue> {
    fields.entries.iter().rev().find(|(key, _)| key.as_deref() == Some(name)).map(|(_, raw)| *raw)
}

/// A moment in any unit; none for null and zero, an error for what is no time.
fn moment(raw: &RawValue) -> Result<Option<i64>, ()> {
    let number = raw.get();
    if matches!(number, "null" | "0") {
        return Ok(None);
    }
    let time = if let Some(text) = text(raw) {
        time_ms(ValueRef::Text(text.as_bytes()))
    } else {
        let number = number.parse::<f64>().ok().filter(|number| *number < TOO_LATE);
        number.and_then(|number| time_ms(ValueRef::Real(number)))
    };
    time.map(Some).ok_or(())
}

/// The unit in which a moment is written, where that is not the milliseconds of the program.
fn odd_unit(raw: &RawValue) -> Option<&'static str> {
    moment(raw).ok().flatten()?;
    if text(raw).is_some() {
        return Some("text");
    }
    (raw.get().parse::<f64>().ok()? < 1e11).then_some("seconds")
}

/// The text of a string; none for any other value.
fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        true => serde_json::from_str(raw.get()).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(inner)),
    }
}

fn kept(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    match text.len() > MOST_VALUE || json::depth(text) > MOST_DEPTH {
        true => Cow::Owned(quoted(&shorten_middle(text, MOST_VALUE))),
        false => Cow::Borrowed(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
