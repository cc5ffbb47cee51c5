//! The session that a transcript tells, as one row.

use rusqlite::Connection;
use serde_json::{Map, Value as Json, json};

use super::line::{Line, Said};
use super::reading::{Reading, Seen};
use super::tallies::{Tokens, print};
use crate::core::{Table, Value, group, table_columns};
use crate::stores::document::Rows;

/// A title is cut to so many characters.
const MOST_TITLE: usize = 120;
/// So many models, versions, branches and sessions are named.
const MOST_NAMES: usize = 20;

/// What a transcript's lines say of its session.
#[derive(Default)]
pub struct Session {
    stem: String,
    /// Sessions that are named in the file, as they are met.
    named: Vec<String>,
    custom: Option<String>,
    made: Option<String>,
    summary: Option<String>,
    asked: Option<String>,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    folder: Option<String>,
    models: Vec<String>,
    branches: Vec<String>,
    versions: Vec<String>,
    agent: Option<String>,
    tokens: Tokens,
    calls: u64,
    side_lines: u64,
    last: Option<&'static str>,
    pub rows: i64,
}

impl Session {
    pub fn of(stem: String) -> Self {
        Self { stem, ..Self::default() }
    }

    /// The UUID by which it is resumed; of a file that is not called so, the session that its lines name first.
    pub fn id(&self) -> &str {
        if is_uuid(&self.stem) || self.stem.starts_with("agent-") {
            return &self.stem;
        }
        self.named.first().unwrap_or(&self.stem)
    }

    pub fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    pub fn title(&self) -> Option<String> {
        [&self.custom, &self.made, &self.summary, &self.asked].into_iter().find_map(Clone::clone)
    }

    /// Takes note of what a line says of the session.
    pub fn note(&mut self, line: &Line<'_>, said: &Said<'_>, kind: &str, time: Option<i64>) {
        let text = |name: &str| line.string(name).filter(|t| !t.trim().is_empty()).map(|t| t.into_owned());
        let add = |into: &mut Vec<String>, name: Option<String>| {
            if let Some(name) = name.filter(|n| into.len() < MOST_NAMES && !into.contains(n)) {
                into.push(name);
            }
        };
        add(&mut self.named, text("sessionId"));
        add(&mut self.branches, text("gitBranch"));
        add(&mut self.versions, text("version"));
        self.folder = text("cwd").or(self.folder.take());
        self.agent = self.agent.take().or_else(|| text("agentId"));
        self.first_ms = [self.first_ms, time].into_iter().flatten().min();
        self.last_ms = self.last_ms.max(time);
        self.calls += said.calls.len() as u64;
        self.side_lines += u64::from(line.is("isSidechain"));
        match line.string("type").as_deref() {
            Some("custom-title") => {
                self.custom = text("customTitle").map(|t| short(&t)).or(self.custom.take())
            }
            Some("ai-title") => self.made = text("aiTitle").map(|t| short(&t)).or(self.made.take()),
            Some("summary") => self.summary = text("summary").map(|t| short(&t)).or(self.summary.take()),
            Some("user") => self.user(line, said),
            Some("assistant") => self.assistant(line, said, kind),
            _ => {}
        }
    }

    fn user(&mut self, line: &Line<'_>, said: &Said<'_>) {
        if line.is("isSidechain") && self.agent.is_none() || line.is("isMeta") {
            return;
        }
        self.last = Some("unanswered");
        let asked = said.text.as_deref().map(str::trim).filter(|t| {
            // What commands and hooks write begins with a tag.
            !t.is_empty() && !t.starts_with('<') && !line.is("isCompactSummary")
        });
        if self.asked.is_none() {
            self.asked = asked.map(short);
        }
    }

    fn assistant(&mut self, line: &Line<'_>, said: &Said<'_>, kind: &str) {
        let model = line.of_message("model").filter(|m| !m.is_empty() && m != "<synthetic>");
        if let Some(model) =
            model.filter(|m| self.models.len() < MOST_NAMES && !self.models.iter().any(|k| k == m))
        {
            self.models.push(model.into_owned());
        }
        if let Some(usage) = line.usage() {
            // A reply without an id is told by its request, and else by its line.
            let reply = [line.of_message("id"), line.string("requestId"), line.string("uuid")];
            let reply = reply.into_iter().flatten().next();
            let reply = reply.map_or_else(|| self.tokens.replies() as u128, |id| print(&id));
            self.tokens.note(reply, &usage);
        }
        if !line.is("isSidechain") || self.agent.is_some() {
            self.last = Some(match kind {
                "error" => "error",
                _ if !said.calls.is_empty() => "tool call open",
                _ => "answered",
            });
        }
    }

    /// What people read of the file.
    pub fn facts(&self, lines: i64, seen: &Seen) -> Vec<(String, String)> {
        let [input, output, created, read] = self.tokens.total();
        let mut facts = vec![("Lines".to_owned(), group(lines.unsigned_abs()))];
        let mut fact = |label: &str, text: String| {
            if !text.is_empty() {
                facts.push((label.to_owned(), text));
            }
        };
        fact("Model", self.models.join(", "));
        if self.tokens.replies() > 0 {
            fact(
                "Tokens",
                format!(
                    "{} in, {} out, {} written to the cache, {} read from it",
                    group(input),
                    group(output),
                    group(created),
                    group(read)
                ),
            );
        }
        fact("Tool calls", if self.calls > 0 { group(self.calls) } else { String::new() });
        fact("Errors", if seen.errors.count() > 0 { group(seen.errors.count()) } else { String::new() });
        fact("Written by", self.versions.last().map(|v| format!("version {v}")).unwrap_or_default());
        facts
    }

    fn detail(&self, seen: &Seen) -> Json {
        let mut detail = Map::new();
        let mut set = |name: &str, value: Json| {
            if !value.is_null() && value != json!([]) {
                detail.insert(name.to_owned(), value);
            }
        };
        let others: Vec<&String> = self.named.iter().filter(|n| *n != self.id()).collect();
        set("models", json!(self.models));
        set("git_branches", json!(self.branches));
        set("versions", json!(self.versions));
        set("agent_id", json!(self.agent));
        set("other_sessions", json!(others));
        let [input, output, created, read] = self.tokens.total();
        set(
            "tokens",
            json!({ "input": input, "output": output, "cache_creation": created, "cache_read": read }),
        );
        set("replies", json!(self.tokens.replies()));
        set("tool_calls", json!(self.calls));
        set("errors", json!(seen.errors.count()));
        set("side_chain_lines", json!(self.side_lines));
        set("broken_lines", json!(seen.broken.count()));
        Json::Object(detail)
    }
}

/// Writes the session's row anew.
pub fn write(reading: &Reading, connection: &Connection) -> rusqlite::Result<()> {
    let session = &reading.session;
    let values: [(&str, Value); 8] = [
        ("id", session.id().into()),
        ("title", session.title().into()),
        ("status", session.last.into()),
        ("created_at", session.first_ms.into()),
        ("last_active_at", session.last_ms.into()),
        ("messages", session.rows.into()),
        ("working_directory", session.folder.clone().into()),
        ("detail", session.detail(&reading.seen).to_string().into()),
    ];
    let row: Vec<Value> = table_columns(&Table::Sessions)
        .iter()
        .map(|c| values.iter().find(|(name, _)| *name == c.name).map_or(Value::Null, |(_, v)| v.clone()))
        .collect();
    connection.execute("DELETE FROM sessions", [])?;
    Rows::of(connection, &Table::Sessions)?.add(&row)
}

/// Whether a name is a UUID, as Claude calls its sessions.
pub fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The first line of a text, cut to a title.
fn short(text: &str) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    match first.char_indices().nth(MOST_TITLE) {
        Some((end, _)) => format!("{}…", &first[..end]),
        None => first.to_owned(),
    }
}
