//! `session-document`: one conversation as a JSON document, in a file of its own.
//!
//! Source: seed 003 (`greptile-mcp`, `cloudflare/session_durable_object.py`): `{messages, metadata, created_at, last_updated}`,
//! times in seconds with a fraction; `created_at` stays null in a session that was only appended to. The same document as a
//! value in a Durable Object is read by [`super::durable::document`], through [`SessionDocument`] too.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::blocks;
use super::document::{Contents, Document, DocumentAdapter};
use crate::core::{Finding, StoreError, Table, Timestamp, parse_timestamp};

pub const ADAPTER: DocumentAdapter = DocumentAdapter { id: "session-document", read };

/// A larger file is not read whole; the program's own limit for a session is 2 MB.
const MOST_BYTES: usize = 256 << 20;

/// So many messages are shown; a hostile document has a hundred times its size in empty ones.
const MOST_MESSAGES: usize = 1_000_000;

/// The fields beside `messages`, of which a session document has at least one.
const NAMED: [&str; 3] = ["metadata", "created_at", "last_updated"];

/// A session document, of which only the outermost level has been read.
pub struct SessionDocument<'a> {
    pub messages: Vec<&'a RawValue>,
    fields: BTreeMap<String, &'a RawValue>,
    /// Where the document ends and something else follows.
    trailing: Option<serde_json::Error>,
}

/// A message of a session document, in the terms of [`super::blocks`].
pub struct Message {
    pub role: Option<String>,
    pub content: Option<String>,
    pub parts: Option<String>,
    pub created_at: Option<i64>,
    /// The other fields, as JSON.
    pub detail: String,
}

impl<'a> SessionDocument<'a> {
    /// Reads a text; none where it is JSON of another kind.
    ///
    /// # Errors
    /// Where it is no JSON; whether it was meant to be a session document is not known then.
    pub fn read(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let outer = <&RawValue>::deserialize(&mut reader)?;
        let trailing = reader.end().err();
        if !outer.get().starts_with('{') {
            return Ok(None);
        }
        let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(outer.get())?;
        let named = NAMED.iter().filter(|n| fields.contains_key(**n)).count();
        let Some(messages) = fields.get("messages").filter(|m| m.get().starts_with('[')) else {
            return Ok(None);
        };
        let messages: Vec<&'a RawValue> = serde_json::from_str(messages.get())?;
        // With no message to tell it by, one more of its fields must.
        let enough = match messages.iter().any(|m| m.get().starts_with('{')) {
            true => named >= 1,
            false => messages.is_empty() && named >= 2,
        };
        Ok(enough.then_some(Self { messages, fields, trailing }))
    }

    /// A field beside the messages; none where it is null.
    pub fn field(&self, name: &str) -> Option<Json> {
        self.fields.get(name).map(|raw| lenient(raw.get())).filter(|json| !json.is_null())
    }

    pub fn time(&self, name: &str) -> Option<i64> {
        self.field(name).as_ref().and_then(time)
    }

    /// The fields beside the messages that are not times of the session.
    fn others(&self) -> Map<String, Json> {
        let shown = ["messages", "created_at", "last_updated"];
        let names = self.fields.keys().filter(|n| !shown.contains(&n.as_str()));
        names.filter_map(|n| Some((n.clone(), self.field(n)?))).collect()
    }
}

impl Message {
    pub fn read(raw: &RawValue) -> Self {
        let message = lenient(raw.get());
        let Json::Object(fields) = &message else {
            // Not a message; shown as it is, since nothing is left out.
            let parts = Some(message.to_string());
            return Self { role: None, content: None, parts, created_at: None, detail: "{}".into() };
        };
        // Plain text is kept as text; anything else is read as a whole message.
        let structured = ["parts", "tool_calls"].iter().any(|n| fields.get(*n).is_some_and(|v| !v.is_null()));
        let (content, parts) = match fields.get("content") {
            Some(Json::String(text)) if !structured => (Some(text.clone()), None),
            _ => (None, Some(message.to_string())),
        };
        let times = ["timestamp", "created_at", "createdAt"];
        let mut detail = fields.clone();
        for shown in ["role", "content", "timestamp", "parts", "tool_calls"] {
            detail.shift_remove(shown);
        }
        Self {
            role: fields.get("role").and_then(Json::as_str).map(str::to_owned),
            content,
            parts,
            created_at: times.iter().find_map(|n| fields.get(*n).and_then(time)),
            detail: Json::Object(detail).to_string(),
        }
    }
}

fn read(document: &Document<'_>) -> Option<Result<Contents, StoreError>> {
    let bytes = document.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document.bytes);
    // Most other documents are known not to be one without being parsed.
    memchr::memmem::find(bytes, b"messages")?;
    let damaged = |what: String| Some(Err(StoreError::Damaged { what, path: document.path.to_owned() }));
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if begins_like_one(bytes) => {
            return damaged(format!("its text is not UTF-8 from byte {} on", error.valid_up_to()));
        }
        Err(_) => return None,
    };
    if bytes.len() > MOST_BYTES {
        let reason = "it begins like a session document, and is too large to be one (over 256 MiB)".into();
        let error = StoreError::NotRecognised { reason, path: document.path.to_owned() };
        return begins_like_one(bytes).then_some(Err(error));
    }
    // As the program stores it: the JSON of the document in a JSON string.
    let text = match text.trim_start().starts_with('"') {
        true => match serde_json::from_str::<String>(text) {
            Ok(text) => Cow::Owned(text),
            Err(error) if begins_like_one(bytes) => return damaged(place(&error)),
            Err(_) => return None,
        },
        false => Cow::Borrowed(text),
    };
    match SessionDocument::read(&text) {
        Ok(session) => Some(Ok(contents(document.stem, &session?))),
        Err(error) if begins_like_one(bytes) => damaged(place(&error)),
        Err(_) => None,
    }
}

fn contents(stem: &str, session: &SessionDocument<'_>) -> Contents {
    let mut contents =
        Contents { keeps: vec![Table::Sessions, Table::Messages, Table::State], ..Contents::default() };
    let mut newest = None;
    for (at, raw) in session.messages.iter().take(MOST_MESSAGES).enumerate() {
        let message = Message::read(raw);
        newest = newest.max(message.created_at);
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let (role, content, parts) = (text(&message.role), text(&message.content), text(&message.parts));
        contents.add(
            Table::Messages,
            vec![
                ("id", format!("{stem}:{at}").into()),
                ("session_id", stem.into()),
                ("kind", blocks::kind(&role, &content, &parts).into()),
                ("text", blocks::text(&role, &content, &parts).into()),
                ("role", message.role.into()),
                ("created_at", message.created_at.into()),
                ("detail", message.detail.into()),
                ("content", message.content.into()),
                ("parts", message.parts.into()),
            ],
        );
    }
    let metadata = session.field("metadata").unwrap_or_default();
    for (key, value) in metadata.as_object().into_iter().flatten() {
        contents.add(
            Table::State,
            vec![
                ("session_id", stem.into()),
                ("owner", "metadata".into()),
                ("key", key.as_str().into()),
                ("value", value.to_string().into()),
            ],
        );
    }
    let named = |name: &str| metadata.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
    contents.name = named("title").map(str::to_owned);
    contents.add(
        Table::Sessions,
        vec![
            ("id", stem.into()),
            ("title", named("title").into()),
            ("repo", named("repository").into()),
            ("created_at", session.time("created_at").into()),
            ("last_active_at", session.time("last_updated").or(newest).into()),
            ("messages", i64::try_from(session.messages.len()).ok().into()),
            ("detail", Json::Object(session.others()).to_string().into()),
        ],
    );
    if let Some(error) = &session.trailing {
        contents.damaged = true;
        contents.findings.push(
            Finding::error(
                "document-trailing",
                format!(
                    "After the document's end, at line {}, column {}, something else follows, as when a longer file was overwritten",
                    error.line(),
                    error.column()
                ),
            )
            .suggest("The document itself is shown; the program that wrote it may refuse it until the rest is cut off."),
        );
    }
    if session.messages.len() > MOST_MESSAGES {
        let message =
            format!("Only the first {MOST_MESSAGES} of {} messages are shown", session.messages.len());
        contents.findings.push(Finding::warning("document-too-long", message).at("messages", ""));
    }
    contents
}

/// A time as milliseconds, given as a number or a text.
fn time(json: &Json) -> Option<i64> {
    match json {
        Json::Number(n) => match n.as_i64() {
            Some(n) => Timestamp::from_integer(n),
            None => n.as_f64().and_then(Timestamp::from_number),
        },
        Json::String(text) => parse_timestamp(text),
        _ => None,
    }
    .map(|t| t.0)
}

/// JSON that was found to be well-formed; where a value in it cannot be held, a string of the whole.
fn lenient(raw: &str) -> Json {
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

/// Whether a broken file clearly begins as a session document does, perhaps as a string of JSON.
fn begins_like_one(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let start = start.trim_start();
    let start = match start.strip_prefix('"') {
        Some(inner) => inner.replace("\\n", "\n").replace("\\\"", "\""),
        None => start.to_owned(),
    };
    let first = start.trim_start().strip_prefix('{').map(str::trim_start).unwrap_or_default();
    let list = first.strip_prefix("\"messages\"").map(str::trim_start).and_then(|t| t.strip_prefix(':'));
    if list.is_some_and(|t| t.trim_start().starts_with('[')) {
        return true;
    }
    // The fields in another order.
    NAMED.iter().any(|n| first.starts_with(&format!("\"{n}\"")))
        && memchr::memmem::find(bytes, b"messages").is_some()
}

/// Where JSON breaks, and how.
fn place(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        return format!("its JSON ends too early, at line {line}, column {column}");
    }
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    format!("its JSON breaks at line {line}, column {column}: {reason}")
}
