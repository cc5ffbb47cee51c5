//! `session-document`: one conversation as a JSON document, in a file of its own.
//!
//! Source: seed 003 (`greptile-mcp`, `cloudflare/session_durable_object.py`): `{messages, metadata, created_at, last_updated}`,
//! times in seconds with a fraction; `created_at` stays null in a session that was only appended to. The same document as a
//! value in a Durable Object is read by [`super::durable::document`], through [`SessionDocument`] too.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;
use serde::Deserialize as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::blocks;
use super::document::{Contents, Document, DocumentAdapter, nothing_more};
use super::json::{self, Encoding, Entries, Shown, Text};
use super::lenient::lenient;
use crate::core::{Finding, StoreError, Table, Timestamp, parse_timestamp};

pub const ADAPTER: DocumentAdapter = DocumentAdapter { id: "session-document", read, examine: nothing_more };

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
        // What follows the document is not looked at here.
        let outer = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(text))?;
        if !outer.get().starts_with('{') {
            return Ok(None);
        }
        let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(outer.get())?;
        let Some(messages) = fields.get("messages").filter(|m| m.get().starts_with('[')) else {
            return Ok(None);
        };
        let messages: Vec<&'a RawValue> = serde_json::from_str(messages.get())?;
        Ok(Some(Self { messages, fields }).filter(Self::is_known))
    }

    /// Reads what stands before the break of a broken text; none where that is no session document for certain.
    fn before_break(found: &Entries<'a>) -> Option<Self> {
        let keyed =
            |(key, raw): &(Option<Cow<'a, str>>, &'a RawValue)| Some((key.clone()?.into_owned(), *raw));
        let fields: BTreeMap<String, &'a RawValue> = found.entries.iter().filter_map(keyed).collect();
        let list = match (&found.broken, fields.get("messages")) {
            (Some((key, rest)), None) if key == "messages" => json::read_entries(rest),
            (_, messages) => messages.and_then(|raw| json::read_entries(raw.get().as_bytes())),
        };
        let messages = list.filter(|l| l.is_array)?.entries.into_iter().map(|(_, raw)| raw).collect();
        let session = Self { messages, fields };
        // The other fields may be what is missing; a message has a role then.
        let first = session.messages.first().map(|raw| Message::read(raw));
        (session.is_known() || first.is_some_and(|m| m.role.is_some())).then_some(session)
    }

    fn is_known(&self) -> bool {
        let named = NAMED.iter().filter(|n| self.fields.contains_key(**n)).count();
        // With no message to tell it by, one more of its fields must.
        match self.messages.iter().any(|m| m.get().starts_with('{')) {
            true => named >= 1,
            false => self.messages.is_empty() && named >= 2,
        }
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
    // Most other documents are known not to be one without being parsed. In UTF-16 every letter has a NUL beside it.
    let wide: Vec<u8> = b"messages".iter().flat_map(|b| [*b, 0]).collect();
    memmem::find(document.bytes, b"messages").or_else(|| memmem::find(document.bytes, &wide[..15]))?;
    let text = Text::of(document.bytes);
    if document.bytes.len() > MOST_BYTES {
        let reason = "it begins like a session document, and is too large to be one (over 256 MiB)".into();
        let error = StoreError::NotRecognised { reason, path: document.path.to_owned() };
        return begins_like_one(text.as_bytes()).then_some(Err(error));
    }
    let damaged = |what: String| Err(StoreError::Damaged { what, path: document.path.to_owned() });
    // As the program stores it: the JSON of the document in a JSON string.
    if text.as_bytes().trim_ascii_start().starts_with(b"\"") {
        return match serde_json::from_slice::<String>(text.as_bytes()) {
            Ok(inner) => {
                let inner = Text::of(inner.as_bytes());
                read_text(&inner, document).map(|read| read.map_err(|e| place(&e)).or_else(damaged))
            }
            Err(error) => begins_like_one(text.as_bytes()).then(|| damaged(place(&error))),
        };
    }
    read_text(&text, document).map(|read| read.map_err(|e| place(&e)).or_else(damaged))
}

/// Reads a document to its end, or to where it breaks.
fn read_text(text: &Text<'_>, document: &Document<'_>) -> Option<Result<Contents, serde_json::Error>> {
    let found = json::read_entries(text.as_bytes()).filter(|f| !f.is_array)?;
    let (session, error) = match std::str::from_utf8(text.as_bytes()).map(SessionDocument::read) {
        Ok(Ok(session)) => (Some(session?), None),
        Ok(Err(error)) => (SessionDocument::before_break(&found), Some(error)),
        // A character that the end of the file cuts off.
        Err(_) => {
            (SessionDocument::before_break(&found), serde_json::from_slice::<Json>(text.as_bytes()).err())
        }
    };
    match (session, error) {
        (Some(session), _) => Some(Ok(contents(document.stem, &session, text, &found))),
        (None, Some(error)) if begins_like_one(text.as_bytes()) => Some(Err(error)),
        _ => None,
    }
}

fn contents(stem: &str, session: &SessionDocument<'_>, text: &Text<'_>, found: &Entries<'_>) -> Contents {
    let shown = Shown {
        before: match session.messages.len() {
            1 => "1 message before it is".to_owned(),
            count => format!("{count} messages before it are"),
        },
        within: found.broken.as_ref().map(|(key, _)| key.clone().into_owned()),
        reader: "its program",
    };
    let mut contents = Contents {
        keeps: vec![Table::Sessions, Table::Messages, Table::State],
        findings: json::faults(text, found.fault.as_ref(), &shown),
        // The program is Python, which takes half a surrogate pair, and no bytes that are not UTF-8.
        damaged: found.fault.is_some() || text.encoding != Encoding::Utf8 || text.bad.places > 0,
        ..Contents::default()
    };
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
    NAMED.iter().any(|n| first.starts_with(&format!("\"{n}\""))) && memmem::find(bytes, b"messages").is_some()
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
