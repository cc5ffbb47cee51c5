//! A session as one document: Markdown, JSON or HTML.

use std::io::{self, Write};

use super::super::conversation::{self, Entry, Part, REACH};
use super::super::{
    Block, Column, Flow, Query, ReadStore, Row, RowIndex, RowKey, Selection, StoreError, Table, Timestamp,
};
use super::{Format, Sheet, html, json_string, markdown_document, shown};

/// So many messages are read at a time.
const PAGE_MESSAGES: usize = 16;

/// The form of a session's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionFormat {
    Markdown,
    Json,
    /// One file without scripts, that fetches nothing.
    Html,
}

impl SessionFormat {
    pub const ALL: [SessionFormat; 3] = [SessionFormat::Markdown, SessionFormat::Json, SessionFormat::Html];

    /// Its name on the command line, and the end of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            SessionFormat::Markdown => "md",
            SessionFormat::Json => "json",
            SessionFormat::Html => "html",
        }
    }
}

/// What of a session is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    pub format: SessionFormat,
    pub thinking: bool,
    /// Tool calls and what they answered.
    pub tools: bool,
}

impl SessionOptions {
    pub fn all(format: SessionFormat) -> Self {
        Self { format, thinking: true, tools: true }
    }

    fn takes(self, part: &Part) -> bool {
        match part {
            Part::Thinking(_) => self.thinking,
            Part::Tool { .. } | Part::Result { .. } | Part::Above(_) => self.tools,
            Part::Text(_) | Part::Media { .. } | Part::Other { .. } => true,
        }
    }

    fn takes_block(self, block: &Block) -> bool {
        match block {
            Block::Thinking(_) => self.thinking,
            Block::ToolCall { .. } | Block::ToolResult { .. } => self.tools,
            Block::Text(_) | Block::Media { .. } | Block::Other { .. } => true,
        }
    }
}

/// Why a document was not written to its end.
#[derive(Debug)]
pub enum ExportError {
    Store(StoreError),
    Output(io::Error),
    /// No session has this id.
    NoSession(String),
    Cancelled,
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        ExportError::Store(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        ExportError::Output(error)
    }
}

/// What stands above a session's messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heading {
    pub title: String,
    /// What is known of the session, as name and text; secrets are masked.
    pub facts: Vec<(String, String)>,
    /// The same as a JSON object.
    pub json: String,
}

/// What was written of a session.
#[derive(Debug)]
pub struct Written {
    pub messages: u64,
    /// Why not all of it could be read; what could be was written.
    pub damage: Option<StoreError>,
}

/// Writes the messages of a session, or all of a store's where they belong to none.
///
/// `progress` hears of the messages written so far, and of how many there are.
///
/// # Errors
/// Where the store cannot be read, the output not be written, or `progress` says stop.
pub fn write(
    store: &dyn ReadStore,
    session: Option<&str>,
    options: SessionOptions,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64) -> Flow,
) -> Result<Written, ExportError> {
    let heading = heading(store, session)?;
    let scoped = !store.about().unscoped.contains(&Table::Messages);
    let query =
        Query { session: session.filter(|_| scoped).map(str::to_owned), ..Query::all(Table::Messages) };
    let mut index = RowIndex::default();
    let mut flow = Flow::Continue;
    let indexed = store.index(&query, None, &mut |piece| {
        index.append(piece);
        flow = progress(0, index.len() as u64);
        flow
    });
    let mut damage = None;
    survive(indexed, &mut damage)?;
    if flow == Flow::Stop {
        return Err(ExportError::Cancelled);
    }
    let total = index.len();
    head(options.format, &heading, out)?;
    let mut written = 0;
    for start in (0..total).step_by(PAGE_MESSAGES) {
        let end = (start + PAGE_MESSAGES).min(total);
        let from = start.saturating_sub(REACH);
        let keys: Vec<RowKey> = (from..(end + REACH).min(total)).filter_map(|at| index.get(at)).collect();
        let with_kind = options.format == SessionFormat::Json;
        let read = conversation::read(store, &keys, start - from..end - from, with_kind);
        let pages = match survive(read, &mut damage)? {
            Some(page) => page,
            // Those of the page that can be read, each for itself.
            None => {
                let mut page = Vec::new();
                for key in &keys[start - from..end - from] {
                    let one = conversation::read(store, std::slice::from_ref(key), 0..1, with_kind);
                    page.extend(survive(one, &mut damage)?.unwrap_or_default());
                }
                page
            }
        };
        for (entry, parts) in pages {
            message(options, written, &entry, parts, out)?;
            written += 1;
        }
        if progress(end as u64, total as u64) == Flow::Stop {
            return Err(ExportError::Cancelled);
        }
    }
    foot(options.format, written, out)?;
    Ok(Written { messages: written, damage })
}

/// What was read; none where the file is damaged there, which is noted.
fn survive<T>(read: Result<T, StoreError>, damage: &mut Option<StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_damage() => {
            damage.get_or_insert(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The heading of a session by its id.
fn heading(store: &dyn ReadStore, session: Option<&str>) -> Result<Heading, ExportError> {
    let Some(id) = session else {
        let title = store.about().name.clone().unwrap_or_else(|| "Messages".to_owned());
        return Ok(Heading { title, facts: Vec::new(), json: "null".to_owned() });
    };
    let columns = store.columns(&Table::Sessions);
    let row = session_row(store, id)?.ok_or_else(|| ExportError::NoSession(id.to_owned()))?;
    Ok(heading_of(&columns, &row, id))
}

fn session_row(store: &dyn ReadStore, id: &str) -> Result<Option<Row>, StoreError> {
    let query = Query { session: Some(id.to_owned()), ..Query::all(Table::Sessions) };
    let mut key = None;
    let mut sink = |piece: RowIndex| {
        key = key.take().or_else(|| piece.get(0));
        Flow::Stop
    };
    store.index(&query, Some(1), &mut sink)?;
    let Some(key) = key else { return Ok(None) };
    Ok(store.rows(&Table::Sessions, &[key], &Selection::default())?.pop())
}

fn heading_of(columns: &[Column], row: &Row, id: &str) -> Heading {
    let mut title = String::new();
    let mut facts = Vec::new();
    for (column, cell) in columns.iter().zip(&row.cells) {
        let text = shown(column, &cell.value);
        if column.name == "title" {
            title = text.into_owned();
        } else if !text.is_empty() && column.name != "detail" {
            facts.push((column.name.replace('_', " "), text.into_owned()));
        }
    }
    let mut json = Vec::new();
    // Writing to memory cannot fail.
    let _ = Sheet::new(Format::JsonLines, columns, false).json_row("", row, &mut json);
    if title.is_empty() {
        title = id.to_owned();
    }
    Heading { title, facts, json: String::from_utf8_lossy(&json).into_owned() }
}

/// Writes what comes before the first message.
pub fn head(format: SessionFormat, heading: &Heading, out: &mut dyn Write) -> io::Result<()> {
    match format {
        SessionFormat::Markdown => markdown_document::head(heading, out),
        SessionFormat::Html => html::head(heading, out),
        SessionFormat::Json => write!(out, "{{\"session\":{},\"messages\":[", heading.json),
    }
}

/// Writes a message; `before` is the number of messages already written.
pub fn message(
    options: SessionOptions,
    before: u64,
    entry: &Entry,
    mut parts: Vec<Part>,
    out: &mut dyn Write,
) -> io::Result<()> {
    parts.retain(|part| options.takes(part));
    match options.format {
        SessionFormat::Markdown => markdown_document::message(entry, &parts, out),
        SessionFormat::Html => html::message(entry, &parts, out),
        SessionFormat::Json => {
            out.write_all(if before == 0 { b"\n" } else { b",\n" })?;
            json_message(options, entry, out)
        }
    }
}

/// Writes what comes after the last message.
pub fn foot(format: SessionFormat, written: u64, out: &mut dyn Write) -> io::Result<()> {
    match format {
        SessionFormat::Markdown => Ok(()),
        SessionFormat::Html => html::foot(out),
        SessionFormat::Json => out.write_all(if written == 0 { b"]}\n" } else { b"\n]}\n" }),
    }
}

fn json_message(options: SessionOptions, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{")?;
    for (name, text) in [("id", &entry.id), ("role", &entry.role), ("kind", &entry.kind)] {
        write!(out, "\"{name}\":")?;
        json_string(text, out)?;
        out.write_all(b",")?;
    }
    match entry.created_at_ms {
        Some(ms) => write!(out, "\"created_at\":\"{}\"", Timestamp(ms))?,
        None => out.write_all(b"\"created_at\":null")?,
    }
    out.write_all(b",\"blocks\":[")?;
    for (i, block) in entry.blocks.iter().filter(|b| options.takes_block(b)).enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        super::one_line(&json_block(block).to_string(), out)?;
    }
    out.write_all(b"]}")
}

fn json_block(block: &Block) -> serde_json::Value {
    use serde_json::json;
    match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Thinking(text) => json!({"type": "thinking", "text": text}),
        Block::ToolCall { id, name, input, state } => {
            json!({"type": "tool_call", "id": id, "name": name, "input": input, "state": state})
        }
        Block::ToolResult { id, name, output, is_error } => {
            json!({"type": "tool_result", "id": id, "name": name, "output": output, "is_error": is_error})
        }
        Block::Media { media_type, bytes, pixels } => {
            let (width, height) = pixels.unzip();
            json!({"type": "media", "media_type": media_type, "bytes": bytes, "width": width, "height": height})
        }
        Block::Other { kind, raw } => json!({"type": "other", "kind": kind, "raw": raw}),
    }
}
