//! `session-document` in a Durable Object: a value of `_cf_KV` that is a whole conversation.
//!
//! Source: seed 003 (`greptile-mcp`, `cloudflare/session_durable_object.py`): `{messages, metadata, created_at, last_updated}`
//! under `session_data`, as a string of JSON or as an object; others use other keys. Times are seconds with a fraction.

use rusqlite::{Connection, params};
use serde_json::Value as Json;

use super::{kv, v8};
use crate::core::{Finding, StoreError, Table};
use crate::stores::session_do;
use crate::stores::session_document::{Message, SessionDocument};
use crate::stores::sqlite::{Context, Mapping, Part, Schema, SqliteAdapter, literal, sqlite_error};

pub const ADAPTER: SqliteAdapter = SqliteAdapter {
    id: "session-document",
    recognises,
    map,
    examine: |_| Vec::new(),
    steps: &[],
    repairs: &super::repairs::ObjectRepairs,
};

/// The keys that the known programs use; a message under another has the key in its id.
const USUAL: [&str; 2] = ["session_data", "session"];

/// Only so many entries, and bytes of them, are looked through for documents.
const MOST_ENTRIES: i64 = 5_000;
const MOST_BYTES: usize = 64 << 20;

/// Where the documents' messages are laid out while the file is open; the file itself is never written.
const TABLES: &str = "
    CREATE TEMP TABLE session_documents (key TEXT, created_at, last_updated, messages INTEGER, metadata TEXT);
    CREATE TEMP TABLE session_document_messages (id TEXT, role TEXT, content TEXT, parts TEXT, created_at, detail TEXT);";

fn recognises(context: &Context<'_>) -> bool {
    // Beside a session's own tables such a value is one of its entries.
    if (session_do::ADAPTER.recognises)(context) {
        return false;
    }
    let mut found = false;
    let each = |_: &str, _: &SessionDocument<'_>| {
        found = true;
        Ok(false)
    };
    let _ = documents(context.connection, context.schema, each);
    found
}

fn map(context: &Context<'_>) -> Result<Mapping, StoreError> {
    load(context).map_err(|e| sqlite_error(e, &context.file.path))
}

fn load(context: &Context<'_>) -> rusqlite::Result<Mapping> {
    let connection = context.connection;
    let mut mapping = Mapping::default();
    connection.execute_batch(TABLES)?;
    let mut keys = Vec::new();
    documents(connection, context.schema, |key, document| {
        let prefix = match keys.is_empty() && USUAL.contains(&key) {
            true => context.file.stem.clone(),
            false => format!("{}:{key}", context.file.stem),
        };
        insert(connection, key, &prefix, document)?;
        keys.push(key.to_owned());
        Ok(true)
    })?;
    let part = Part::by_rowid("temp.session_document_messages AS m", "m.rowid")
        .set("id", "m.id")
        .set("session_id", literal(&context.file.stem))
        .set("role", "m.role")
        .set("kind", "message_kind(m.role, m.content, m.parts)")
        .set("text", "message_text(m.role, m.content, m.parts)")
        .set("created_at", "m.created_at")
        .set("detail", "m.detail")
        .order("m.created_at")
        .body("m.role", "m.content", "m.parts");
    mapping.add(Table::Messages, part);
    mapping.keep(Table::State);
    mapping.facts.push(("Session document".into(), format!("under the key {}", keys.join(", "))));
    if keys.len() > 1 {
        mapping.findings.push(
            Finding::info(
                "several-documents",
                format!(
                    "The object holds {} session documents, under the keys {}",
                    keys.len(),
                    keys.join(", ")
                ),
            )
            .at("native:_cf_KV", "")
            .suggest("Their messages are shown one document after the other."),
        );
    }
    Ok(mapping)
}

/// Whether documents were found in the file and laid out.
pub fn is_loaded(connection: &Connection) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE name = 'session_documents')";
    connection.query_row(sql, [], |r| r.get(0)).unwrap_or(false)
}

/// SQL over the documents that `map` laid out: names and values for a session's details.
pub fn details() -> Vec<(&'static str, String)> {
    vec![("metadata", "(SELECT json(d.metadata) FROM temp.session_documents AS d LIMIT 1)".into())]
}

/// Hands out the JSON of every document in an object.
pub fn each_text(
    connection: &Connection,
    schema: &Schema,
    each: &mut dyn FnMut(String),
) -> rusqlite::Result<()> {
    let mut keys = Vec::new();
    documents(connection, schema, |key, _| {
        keys.push(key.to_owned());
        Ok(true)
    })?;
    for key in keys {
        let sql = "SELECT value FROM main._cf_KV WHERE key = ?1";
        let text =
            connection.query_row(sql, [&key], |r| Ok(r.get_ref(0)?.as_blob().ok().and_then(document)))?;
        text.into_iter().for_each(&mut *each);
    }
    Ok(())
}

/// Calls `each` for every document with its key, until it says to stop.
fn documents(
    connection: &Connection,
    schema: &Schema,
    mut each: impl FnMut(&str, &SessionDocument<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    if !kv::has_entries(schema) {
        return Ok(());
    }
    // The usual keys first, then as many others as can be looked through at once; no document is shorter than its own
    // field names.
    let mut keys = connection.prepare(
        "SELECT key, length(value) FROM (
           SELECT key, value FROM main._cf_KV WHERE key IN ('session_data', 'session')
           UNION ALL SELECT * FROM (SELECT key, value FROM main._cf_KV WHERE key NOT IN ('session_data', 'session') LIMIT ?2))
         WHERE typeof(key) = 'text' AND typeof(value) = 'blob' AND length(value) BETWEEN 32 AND ?1",
    )?;
    let mut value = connection.prepare("SELECT value FROM main._cf_KV WHERE key = ?1")?;
    let mut left = MOST_BYTES;
    let mut rows = keys.query(params![v8::MOST_BYTES as i64, MOST_ENTRIES])?;
    while let Some(row) = rows.next()? {
        // A key that is not UTF-8 is nobody's.
        let Ok(key) = row.get::<_, String>(0) else { continue };
        let length = usize::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
        let Some(rest) = left.checked_sub(length) else { break };
        left = rest;
        let document =
            value.query_row([&key], |r| Ok(r.get_ref(0)?.as_blob().ok().and_then(document))).unwrap_or(None);
        if let Some(text) = document
            && let Ok(Some(document)) = SessionDocument::read(&text)
            && !each(&key, &document)?
        {
            break;
        }
    }
    Ok(())
}

/// The JSON of a value that may be a session document, also where it is a string that holds the JSON of one.
fn document(bytes: &[u8]) -> Option<String> {
    // Decoded only where the field's name is in it, one byte a character or two.
    let two: Vec<u8> = b"messages".iter().flat_map(|b| [*b, 0]).collect();
    memchr::memmem::find(bytes, b"messages").or_else(|| memchr::memmem::find(bytes, &two))?;
    match v8::decode(bytes).ok()? {
        Json::String(text) => Some(text),
        object => Some(object.to_string()),
    }
}

fn insert(
    connection: &Connection,
    key: &str,
    prefix: &str,
    document: &SessionDocument<'_>,
) -> rusqlite::Result<()> {
    let metadata = document.field("metadata").map(|m| m.to_string());
    let (created, updated) = (document.time("created_at"), document.time("last_updated"));
    connection.execute(
        "INSERT INTO temp.session_documents VALUES (?1, ?2, ?3, ?4, ?5)",
        params![key, created, updated, document.messages.len() as i64, metadata],
    )?;
    let mut insert = connection
        .prepare_cached("INSERT INTO temp.session_document_messages VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (at, raw) in document.messages.iter().enumerate() {
        let Message { role, content, parts, created_at, detail } = Message::read(raw);
        insert.execute(params![format!("{prefix}:{at}"), role, content, parts, created_at, detail])?;
    }
    Ok(())
}
