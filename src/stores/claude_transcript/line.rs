//! A line of a transcript: what it is, and what it says.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::core::{Timestamp, broken_text, parse_timestamp};
use crate::stores::blocks;
use crate::stores::json::{Entries, read_entries};
use crate::stores::lenient::lenient;

/// The kinds of lines that are no message, as far as they are known.
const KNOWN: [&str; 24] = [
    "agent-color",
    "agent-name",
    "agent-setting",
    "ai-title",
    "attachment",
    "attribution-snapshot",
    "content-replacement",
    "custom-title",
    "file-history-delta",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "result",
    "saved_hook_context",
    "speculation-accept",
    "summary",
    "system",
    "tag",
    "task-summary",
    "worktree-state",
];

/// The kind of a line that is no JSON, and of the last one while it is being written.
pub const BROKEN: &str = "broken line";
pub const UNFINISHED: &str = "unfinished line";

/// A line that is a JSON object: its fields, each as it is written.
pub struct Line<'a> {
    fields: Entries<'a>,
    message: Option<Entries<'a>>,
}

/// The text of a line; bytes that are no UTF-8 are marked.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(broken_text(bytes)),
    }
}

impl<'a> Line<'a> {
    /// Reads a line; none where it is no JSON object, or more than one.
    pub fn read(text: &'a str) -> Option<Self> {
        Self::begun(text).filter(|line| line.fields.fault.is_none())
    }

    /// Reads as many fields of a line as stand before it breaks.
    pub fn begun(text: &'a str) -> Option<Self> {
        let fields = read_entries(text.as_bytes()).filter(|f| !f.is_array)?;
        let message = value(&fields, "message").and_then(|raw| read_entries(raw.get().as_bytes()));
        Some(Self { message: message.filter(|m| !m.is_array), fields })
    }

    /// Whether a line of this shape is written by Claude and by no other program that is known.
    pub fn is_of_transcript(&self) -> bool {
        let Some(kind) = self.string("type") else { return false };
        let has = |name: &str| value(&self.fields, name).is_some();
        let named = |name: &str| self.string(name).is_some_and(|t| !t.is_empty());
        match &*kind {
            "summary" => named("summary") && (has("leafUuid") || named("sessionId")),
            "file-history-snapshot" => has("messageId") && has("snapshot"),
            "user" | "assistant" => {
                self.message.is_some() && (named("uuid") || named("sessionId")) && !has("payload")
            }
            _ => {
                (named("sessionId") && (self.is_known() || named("uuid")))
                    || (named("uuid") && has("parentUuid"))
            }
        }
    }

    /// Whether a line that breaks off within its message is one of a transcript; its type may follow the message.
    pub fn begins_as_of_transcript(&self) -> bool {
        let in_message = self.fields.broken.as_ref().is_some_and(|(key, _)| key == "message");
        let named = |name: &str| self.string(name).is_some_and(|t| !t.is_empty());
        let typed = self.string("type").is_some_and(|t| t == "user" || t == "assistant");
        let has = |name: &str| value(&self.fields, name).is_some();
        in_message
            && (named("sessionId") || named("uuid"))
            && (typed || has("parentUuid") || has("isSidechain"))
    }

    /// A field that is a text.
    pub fn string(&self, name: &str) -> Option<Cow<'a, str>> {
        string(value(&self.fields, name)?)
    }

    pub fn of_message(&self, name: &str) -> Option<Cow<'a, str>> {
        string(value(self.message.as_ref()?, name)?)
    }

    pub fn is(&self, name: &str) -> bool {
        value(&self.fields, name).is_some_and(|raw| raw.get() == "true")
    }

    pub fn time(&self) -> Option<i64> {
        let raw = value(&self.fields, "timestamp")?;
        match string(raw) {
            Some(text) => parse_timestamp(&text),
            None => raw.get().parse().ok().and_then(Timestamp::from_integer),
        }
        .map(|t| t.0)
    }

    pub fn usage(&self) -> Option<Json> {
        value(self.message.as_ref()?, "usage").map(|raw| lenient(raw.get())).filter(Json::is_object)
    }

    /// Who says it; none for what is no message.
    pub fn role(&self) -> Option<Cow<'a, str>> {
        let kind = self.string("type")?;
        match &*kind {
            "user" | "assistant" => Some(self.of_message("role").unwrap_or(kind)),
            "system" => Some(kind),
            _ => None,
        }
    }

    pub fn is_message(&self) -> bool {
        self.message.is_some() && self.string("type").is_some_and(|t| t == "user" || t == "assistant")
    }

    /// Whether lines of its type are known.
    pub fn is_known(&self) -> bool {
        self.is_message() || self.string("type").is_some_and(|t| KNOWN.contains(&&*t))
    }

    /// What the line is, in a few words.
    pub fn kind(&self, said: &Said<'_>) -> String {
        let kind = self.string("type").unwrap_or_default();
        if self.is("isApiErrorMessage") {
            return "error".to_owned();
        }
        if self.is("isCompactSummary") {
            return "summary".to_owned();
        }
        if self.is_message() {
            return said.kind();
        }
        match &*kind {
            "system" => match self.string("subtype") {
                Some(subtype) if subtype == "api_error" => "error".to_owned(),
                Some(subtype) if !subtype.is_empty() => words(&subtype),
                _ => "text".to_owned(),
            },
            known if KNOWN.contains(&known) => words(known),
            _ => "other".to_owned(),
        }
    }

    /// What the message says; nothing for what is no message.
    pub fn said(&self) -> Said<'a> {
        let content = self.message.as_ref().filter(|_| self.is_message()).and_then(|m| value(m, "content"));
        Said::read(content)
    }

    /// Content and parts as [`blocks`] reads them: one of the two.
    pub fn body(&self, text: &str) -> (String, String) {
        if self.is_message() {
            let Some(content) = self.message.as_ref().and_then(|m| value(m, "content")) else {
                return Default::default();
            };
            return match string(content) {
                Some(said) => (said.into_owned(), String::new()),
                None => (String::new(), content.get().to_owned()),
            };
        }
        // Of the rest, what was written for people; the whole line where it was not.
        let written = match self.string("type").as_deref() {
            Some("system") => self.string("content"),
            Some("summary") => self.string("summary"),
            Some("custom-title") => self.string("customTitle"),
            Some("ai-title") => self.string("aiTitle"),
            _ => None,
        };
        match written.filter(|w| !w.is_empty()) {
            Some(written) => (written.into_owned(), String::new()),
            None => (String::new(), text.to_owned()),
        }
    }

    /// All else that the line says of itself, as a JSON object.
    pub fn detail(&self, number: i64, at: i64) -> Json {
        let mut detail = Map::new();
        detail.insert("line".into(), number.into());
        detail.insert("offset".into(), at.into());
        let shown =
            |name: &str| matches!(name, "message" | "timestamp") || (name == "content" && !self.is_message());
        for (key, raw) in &self.fields.entries {
            if let Some(key) = key.as_deref().filter(|k| !shown(k)) {
                detail.insert(key.to_owned(), lenient(raw.get()));
            }
        }
        for (key, raw) in self.message.iter().flat_map(|m| &m.entries) {
            let name = match key.as_deref() {
                None | Some("content" | "role") => continue,
                Some("type") if self.is_message() => continue,
                Some("id") => "message_id",
                Some(name) => name,
            };
            detail.insert(name.to_owned(), lenient(raw.get()));
        }
        Json::Object(detail)
    }
}

/// The blocks of a message, as far as counting goes.
#[derive(Default)]
pub struct Said<'a> {
    counts: blocks::Counts,
    /// The type of the first block of another kind.
    other: Option<Cow<'a, str>>,
    /// Its text, where it is one text and no list of blocks, or else the first of its texts.
    pub text: Option<Cow<'a, str>>,
    /// Tools that are called: their calls' ids and their names.
    pub calls: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The ids of the calls that are answered.
    pub results: Vec<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    fn read(content: Option<&'a RawValue>) -> Self {
        let mut said = Self::default();
        let Some(content) = content else { return said };
        if content.get().starts_with('"') {
            said.text = string(content);
            said.counts.texts = 1;
            return said;
        }
        let Some(list) = read_entries(content.get().as_bytes()).filter(|l| l.is_array) else { return said };
        for (_, raw) in list.entries {
            let Some(block) = read_entries(raw.get().as_bytes()) else { continue };
            said.block(&block);
        }
        said
    }

    fn block(&mut self, block: &Entries<'a>) {
        let text = |name: &str| value(block, name).and_then(string);
        let kind = text("type").unwrap_or_default();
        match &*kind {
            "text" => {
                self.counts.texts += 1;
                if self.text.is_none() {
                    self.text = text("text");
                }
            }
            "thinking" | "redacted_thinking" => self.counts.thinking += 1,
            "tool_use" | "server_tool_use" => {
                self.counts.calls += 1;
                self.calls.push((text("id").unwrap_or_default(), text("name").unwrap_or_default()));
            }
            "tool_result" => {
                self.counts.results += 1;
                self.results.extend(text("tool_use_id"));
            }
            _ if self.other.is_none() => self.other = Some(kind),
            _ => {}
        }
    }

    fn kind(&self) -> String {
        self.counts.kind().unwrap_or_else(|| match self.other.as_deref() {
            Some("image" | "document" | "file" | "audio") => "media".to_owned(),
            Some(kind) if !kind.is_empty() => kind.to_owned(),
            _ => "empty".to_owned(),
        })
    }
}

/// A name such as `file-history-snapshot` in words.
fn words(name: &str) -> String {
    name.replace(['-', '_'], " ")
}

/// The value of a key; of one that is there twice the last, as other readers of JSON take it.
fn value<'a>(entries: &Entries<'a>, name: &str) -> Option<&'a RawValue> {
    entries.entries.iter().rev().find(|(key, _)| key.as_deref() == Some(name)).map(|(_, raw)| *raw)
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    match lenient(raw.get()) {
        Json::String(text) => Some(Cow::Owned(text)),
        _ => None,
    }
}
