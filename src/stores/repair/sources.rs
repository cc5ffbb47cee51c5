//! What can be imported from: a session file, a session document, and the entries of a key-value Durable Object.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{guard, swap};
use crate::core::repair::{
    DocumentMessage, EachMessage, EachValue, ImportSource, RepairError, SourceKind, counted,
};
use crate::core::{ReadStore as _, StoreError};
use crate::stores::open::is_database;
use crate::stores::session_document::{Message, SessionDocument};
use crate::stores::sqlite::{SqliteStore, sqlite_error};
use crate::stores::{Options, blocks, claude_hooks, durable, open, session_document};

/// Opens what is to be imported, whatever kind it is.
pub fn open_source(path: &Path, options: &Options) -> Result<Box<dyn ImportSource>, RepairError> {
    guard::ensure_no_link(path)?;
    // A whole session file is known by its text; opening it as a store would make a table of a million entries first.
    if !is_database(path).map_err(RepairError::Store)? {
        let source = claude_hooks::SessionFileSource::open(path, &options.clock)?;
        if source.ensure_whole().is_ok() {
            return Ok(Box::new(source));
        }
    }
    let opened = open(path, options).map_err(RepairError::Store)?;
    let id = opened.store.about().stores.first().copied().unwrap_or_default();
    if id == claude_hooks::FILE.id {
        return Ok(Box::new(claude_hooks::SessionFileSource::open(path, &options.clock)?));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if id == session_document::ADAPTER.id && opened.store.about().user_version.is_none() {
        let text = String::from_utf8(swap::read(path, None)?).unwrap_or_default();
        let whole = !opened.store.about().damaged;
        return Ok(Box::new(Documents { path: path.to_owned(), stem, texts: vec![unwrapped(text)], whole }));
    }
    if opened.store.about().user_version.is_some() {
        let mut texts = Vec::new();
        durable::document::each_text(&opened.store.connection, &opened.store.schema, &mut |text| {
            texts.push(text)
        })
        .map_err(|e| RepairError::Store(sqlite_error(e, path)))?;
        return Ok(match texts.is_empty() {
            false => Box::new(Documents { path: path.to_owned(), stem, texts, whole: true }),
            true => Box::new(Values { path: path.to_owned(), store: opened.store }),
        });
    }
    Err(RepairError::Source {
        reason: "This is neither a session file, a session document nor a Durable Object".into(),
        path: path.to_owned(),
    })
}

/// The program writes the JSON of the document in a JSON string.
fn unwrapped(text: String) -> String {
    match text.trim_start().starts_with('"') {
        true => serde_json::from_str(&text).unwrap_or(text),
        false => text,
    }
}

/// Session documents, of a file or of an object.
struct Documents {
    path: PathBuf,
    stem: String,
    texts: Vec<String>,
    whole: bool,
}

impl Documents {
    fn each<'a>(&'a self, each: &mut dyn FnMut(SessionDocument<'a>)) {
        for text in &self.texts {
            if let Ok(Some(document)) = SessionDocument::read(text) {
                each(document);
            }
        }
    }
}

impl ImportSource for Documents {
    fn kind(&self) -> SourceKind {
        SourceKind::Document
    }

    fn ensure_whole(&self) -> Result<(), RepairError> {
        let read = self.texts.iter().all(|t| matches!(SessionDocument::read(t), Ok(Some(_))));
        match self.whole && read {
            true => Ok(()),
            false => Err(RepairError::Damaged {
                reason: "the document is broken, and only a part of it could be imported".into(),
                path: self.path.clone(),
            }),
        }
    }

    fn messages(&self, each: &mut EachMessage<'_>) -> Result<(), RepairError> {
        let mut result = Ok(());
        self.each(&mut |document| {
            for raw in &document.messages {
                if result.is_ok()
                    && let Err(error) = each(message(raw.get(), &Message::read(raw)))
                {
                    result = Err(error);
                }
            }
        });
        result
    }

    fn facts(&self) -> (String, Vec<(String, String)>) {
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut add = |key: &str, value: String| {
            if !facts.iter().any(|(k, _)| k == key) {
                facts.push((key.to_owned(), value));
            }
        };
        self.each(&mut |document| {
            let metadata = document.field("metadata").unwrap_or_default();
            for (key, value) in metadata.as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                add(key, text);
            }
            // The table keeps these as seconds, in text.
            for (field, key) in [("created_at", "createdAt"), ("last_updated", "last_activity")] {
                if let Some(ms) = document.time(field) {
                    add(key, (ms / 1000).to_string());
                }
            }
        });
        (self.stem.clone(), facts)
    }

    fn left_behind(&self) -> Vec<String> {
        let mut fields = BTreeSet::new();
        let (mut fractions, mut untimed) = (false, 0_u64);
        self.each(&mut |document| {
            for raw in &document.messages {
                let message = Message::read(raw);
                if let Ok(Json::Object(detail)) = serde_json::from_str(&message.detail) {
                    fields.extend(detail.into_iter().map(|(name, _)| name));
                }
                fractions |= message.created_at.is_some_and(|ms| ms % 1000 != 0);
                untimed += u64::from(message.created_at.is_none());
            }
        });
        let mut left = Vec::new();
        if !fields.is_empty() {
            let names: Vec<String> = fields.into_iter().collect();
            left.push(format!(
                "The table has no place for these fields of messages, which stay in the document alone: {}.",
                names.join(", ")
            ));
        }
        if fractions {
            left.push(
                "The table counts whole seconds: fractions of a second stay in the document alone."
                    .to_owned(),
            );
        }
        if untimed > 0 {
            left.push(format!(
                "Without a time: {}; such a message gets the time of the one before it, or 0.",
                counted(untimed, "message")
            ));
        }
        left
    }
}

/// A message as the table keeps it; an error says why it cannot.
fn message(raw: &str, message: &Message) -> Result<DocumentMessage, String> {
    let role = message.role.clone().filter(|r| !r.is_empty()).ok_or("the message has no role")?;
    let json: Json = serde_json::from_str(raw).unwrap_or_default();
    let parts =
        ["parts", "tool_calls", "content"].iter().find_map(|name| json.get(*name).filter(|v| v.is_array()));
    let content = match json.get("content") {
        Some(Json::String(text)) => text.clone(),
        // What it says in words; what it is made of is beside it.
        _ => blocks::text(&role, "", message.parts.as_deref().unwrap_or_default()),
    };
    Ok(DocumentMessage {
        id: String::new(),
        role,
        content,
        parts: parts.map(Json::to_string),
        created_ms: message.created_at,
    })
}

/// The key-value entries of an object that holds no document.
struct Values {
    path: PathBuf,
    store: SqliteStore,
}

impl ImportSource for Values {
    fn kind(&self) -> SourceKind {
        SourceKind::Values
    }

    fn ensure_whole(&self) -> Result<(), RepairError> {
        match self.store.about().damaged {
            false => Ok(()),
            true => Err(RepairError::Store(StoreError::Damaged {
                what: "only a part of it could be imported".into(),
                path: self.path.clone(),
            })),
        }
    }

    fn values(&self, each: &mut EachValue<'_>) -> Result<(), RepairError> {
        if !self.store.schema.has("_cf_KV", &["key", "value"]) {
            return Ok(());
        }
        let fail = |error| RepairError::Store(sqlite_error(error, &self.path));
        let sql = "SELECT key, value FROM main._cf_KV WHERE typeof(key) = 'text' AND typeof(value) = 'blob' ORDER BY key";
        let mut select = self.store.connection.prepare(sql).map_err(fail)?;
        let mut rows = select.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            let (key, value) = (row.get_ref(0).map_err(fail)?, row.get_ref(1).map_err(fail)?);
            if let (Ok(key), Ok(value)) = (key.as_str(), value.as_blob()) {
                each(key, value)?;
            }
        }
        Ok(())
    }

    fn left_behind(&self) -> Vec<String> {
        let sql = "SELECT count(*) FROM main._cf_KV WHERE typeof(key) <> 'text' OR typeof(value) <> 'blob'";
        match self.store.connection.query_row(sql, [], |r| r.get::<_, i64>(0)) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(count) => {
                let count = counted(count.unsigned_abs(), "entry");
                vec![format!("Of no type that a Durable Object writes, and left behind: {count}.")]
            }
        }
    }
}
