//! From a path to an open store, by what the file holds.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;

use super::claude_transcript::{Finder, Link, Places};
use super::document::{self, Contents, Document};
use super::live::{Live, Print};
use super::scratch::Scratch;
use super::sqlite::{
    Cancel, Clock, Companion, Context, FileFacts, Mapping, Schema, SqliteStore, beside, connect, install,
    memory, memory_again, sqlite_error, trouble, wanted_indexes,
};
use super::{
    damage, document_adapters, durable, encoding, gate, ledgers, lines, migrations, repair, sqlite_adapters,
};
use crate::core::{About, Finding, NativeKind, Size, StoreError, Table};

/// The first bytes of every SQLite database.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// A document larger than this is no session store, and would not fit in memory as rows.
const MOST_DOCUMENT_BYTES: u64 = 1 << 30;

/// How to open.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read a private copy of the whole file set, where SQLite cannot open the file in place.
    pub copy: bool,
    pub clock: Clock,
    /// Where transcripts are looked for that sessions name; nowhere, where it is not said.
    pub transcripts: Option<Places>,
}

/// What a path turned out to be, once opened.
pub struct Opened {
    pub store: SqliteStore,
    again: Again,
    options: Options,
}

/// How to connect once more to what is open.
enum Again {
    File { path: PathBuf, copy: Option<Arc<Scratch>> },
    Memory { name: String, contents: Arc<Contents>, id: &'static str },
}

/// Opens a file as the stores that its content shows it to be.
///
/// # Errors
/// Where it is missing, no regular file, not known, broken as a whole, or can only be opened as a private copy.
pub fn open(path: &Path, options: &Options) -> Result<Opened, StoreError> {
    open_with(path, options, &Cancel::default())
}

/// As [`open`]; `cancel` breaks off what the store is doing then.
pub fn open_with(path: &Path, options: &Options, cancel: &Cancel) -> Result<Opened, StoreError> {
    let head = head(path)?;
    let opened = |mut store, again| {
        link(&mut store, options);
        Opened { store, again, options: options.clone() }
    };
    if head.starts_with(MAGIC) {
        let (real, copy) = match options.copy {
            true => {
                let (real, folder) = private_copy(path)?;
                (real, Some(Arc::new(folder)))
            }
            false => (path.to_owned(), None),
        };
        let store = open_database(path, &real, copy.clone(), options, cancel)?;
        return Ok(opened(store, Again::File { path: path.to_owned(), copy }));
    }
    if let Some(error) = Companion::error(path, &head) {
        return Err(error);
    }
    let (connection, name) = memory(cancel)?;
    let print = Print::of(path)?;
    let (contents, id) = read_document(path, &connection, cancel)?;
    let contents = Arc::new(contents);
    let mut store = memory_store(path, connection, cancel.clone(), &contents, id, options)?;
    store.live = Some(Live::of_document(print, &contents, id));
    Ok(opened(store, Again::Memory { name, contents, id }))
}

impl Opened {
    /// A second, independent reader of the same store, for another thread, that `cancel` breaks off.
    pub fn again(&self, cancel: &Cancel) -> Result<SqliteStore, StoreError> {
        let mut store = match &self.again {
            Again::File { path, copy } => {
                let real =
                    copy.as_ref().map_or_else(|| path.clone(), |folder| copied_path(path, folder.path()));
                open_database(path, &real, copy.clone(), &self.options, cancel)?
            }
            Again::Memory { name, contents, id } => {
                let connection = memory_again(name, cancel)?;
                let path = &self.store.path;
                let mut store = memory_store(path, connection, cancel.clone(), contents, id, &self.options)?;
                store.live.clone_from(&self.store.live);
                store
            }
        };
        // What is found of a transcript, and what is read of it, is the same for both.
        store.link = self.store.link.as_ref().map(|link| link.again(cancel.clone()));
        store.about.clone_from(&self.store.about);
        Ok(store)
    }
}

/// Has a store whose sessions name transcripts read their messages from those.
fn link(store: &mut SqliteStore, options: &Options) {
    let Some(places) = options.transcripts.clone().filter(|_| store.mapping.names_transcripts) else {
        return;
    };
    let finder = Finder::of(places, &store.path);
    store.link = Some(Link::new(finder, options, store.cancel.clone()));
    store.about.names_transcripts = true;
    store.about.unscoped.retain(|table| *table != Table::Messages);
}

/// Sizes of a file and its write-ahead log.
pub fn size(path: &Path) -> Size {
    let facts = FileFacts::of(path, Clock::default());
    Size {
        file_bytes: fs::metadata(path).map(|m| m.len()).unwrap_or_default(),
        wal_bytes: facts.wal_bytes.unwrap_or_default(),
    }
}

/// Whether a file is a SQLite database, by how it begins.
pub fn is_database(path: &Path) -> Result<bool, StoreError> {
    Ok(head(path)?.starts_with(MAGIC))
}

/// The first bytes of a regular file; anything else is refused before it is opened, since a FIFO would wait for ever.
pub(super) fn head(path: &Path) -> Result<Vec<u8>, StoreError> {
    let owned = || path.to_owned();
    let meta = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => StoreError::NotFound { path: owned() },
        _ => unreadable(path, &e),
    })?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "A folder" } else { "A pipe, socket or device" };
        return Err(StoreError::NotAStoreFile { what, path: owned() });
    }
    if meta.len() == 0 && !lines::are_awaited(path) {
        let what = "it is empty (0 bytes), as after a full disk or a write that was broken off".into();
        return Err(StoreError::Damaged { what, path: owned() });
    }
    let mut head = Vec::new();
    let _looking = gate::look();
    File::open(path).and_then(|f| f.take(4096).read_to_end(&mut head)).map_err(|e| unreadable(path, &e))?;
    Ok(head)
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> StoreError {
    let reason = match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    StoreError::Unreadable { reason, path: path.to_owned() }
}

/// Reads a document into a new database.
fn read_document(
    path: &Path,
    connection: &Connection,
    cancel: &Cancel,
) -> Result<(Contents, &'static str), StoreError> {
    if let Some(read) = lines::read(path, connection, cancel)? {
        return Ok(read);
    }
    let fail = |e| sqlite_error(e, path);
    let transaction = connection.unchecked_transaction().map_err(fail)?;
    document::create(connection).map_err(fail)?;
    let read = read_text(path, connection)?;
    transaction.commit().map_err(fail)?;
    Ok(read)
}

/// Reads a document into a database that has the canonical tables, and no rows in them.
pub(super) fn read_text(
    path: &Path,
    connection: &Connection,
) -> Result<(Contents, &'static str), StoreError> {
    let length = fs::metadata(path).map_err(|e| unreadable(path, &e))?.len();
    if length > MOST_DOCUMENT_BYTES {
        let reason = "it is no database, and too large to be a document (over 1 GiB)".into();
        return Err(StoreError::NotRecognised { reason, path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
    if bytes.iter().all(|b| *b == 0) {
        let what =
            format!("all of its {} bytes are NUL, as after a crash before they were written", bytes.len());
        return Err(StoreError::Damaged { what, path: path.to_owned() });
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let document = Document { path, stem: &stem, bytes: &bytes, database: Some(connection) };
    for adapter in document_adapters() {
        if let Some(contents) = (adapter.read)(&document) {
            let mut contents = contents?;
            document::fill(connection, &mut contents).map_err(|e| sqlite_error(e, path))?;
            return Ok((contents, adapter.id));
        }
    }
    Err(StoreError::NotRecognised { reason: encoding::unknown(&bytes), path: path.to_owned() })
}

/// Whether bytes are those of a document that is known, or of a damaged one.
pub fn is_document(path: &Path, bytes: &[u8]) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let document = Document { path, stem: &stem, bytes, database: None };
    lines::is_lines(bytes) || document_adapters().iter().any(|adapter| (adapter.read)(&document).is_some())
}

fn memory_store(
    path: &Path,
    connection: Connection,
    cancel: Cancel,
    contents: &Contents,
    id: &'static str,
    options: &Options,
) -> Result<SqliteStore, StoreError> {
    let fail = |e| sqlite_error(e, path);
    install(&connection, &options.clock).map_err(fail)?;
    if let Some(lines) = &contents.lines {
        lines.install(&connection).map_err(fail)?;
    }
    let mapping = document::mapping(contents);
    let about = About {
        stores: vec![id],
        name: mapping.name.clone(),
        findings: mapping.findings.clone(),
        unscoped: mapping.unscoped(),
        keeps: mapping.keeps.clone(),
        facts: mapping.facts.clone(),
        pace: mapping.pace,
        damaged: contents.damaged,
        offers: repair::offers_of_document(id),
        ..About::default()
    };
    Ok(SqliteStore {
        connection,
        schema: Schema::default(),
        mapping,
        about,
        filled: Cell::default(),
        path: path.to_owned(),
        clock: options.clock.clone(),
        cancel,
        link: None,
        lines: contents.lines.clone(),
        live: None,
        _copy: None,
    })
}

/// Opens the database at `real`, which is `path` itself or a private copy of it.
pub(super) fn open_database(
    path: &Path,
    real: &Path,
    copy: Option<Arc<Scratch>>,
    options: &Options,
    cancel: &Cancel,
) -> Result<SqliteStore, StoreError> {
    let started = Instant::now();
    let connection = connect(real, cancel)?;
    // Before anything is read of it: what changes meanwhile is then noticed.
    let live = if copy.is_none() { Live::of_database(path, &connection, options) } else { None };
    let fail = |e| sqlite_error(e, path);
    install(&connection, &options.clock).map_err(fail)?;
    let (schema, mut damage) = damage::schema(&connection, path, real)?;
    let file = FileFacts::of(path, options.clock.clone());
    let context = Context { connection: &connection, schema: &schema, file: &file };
    let mut mapping = Mapping::default();
    let mut stores = Vec::new();
    for adapter in sqlite_adapters().iter().filter(|a| (a.recognises)(&context)) {
        stores.push(adapter.id);
        match (adapter.map)(&context) {
            Ok(own) => mapping.extend(own),
            // Its tables are shown as they are stored, as far as they can be read.
            Err(error) if error.is_damage() => damage.push(damage::broken(&error)),
            Err(error) => return Err(error),
        }
    }
    let object = durable::object::is_object(&context);
    if object {
        match durable::object::add(&context, &mut mapping).map_err(fail) {
            Err(error) if error.is_damage() => damage.push(damage::broken(&error)),
            added => added?,
        }
    }
    if stores.is_empty() {
        stores.push(if object { durable::object::ID } else { "sqlite" });
    }
    match migrations::add(&connection, &stores, &mut mapping).map_err(fail) {
        // What is damaged is said anyway, and its rows are still worth showing.
        Err(error) if !error.is_damage() => return Err(error),
        _ => ledgers::add(&schema, &mut mapping),
    }
    mapping.findings.extend(shared_findings(&context));
    mapping.findings.extend(trouble(&context, copy.is_some()));
    mapping.findings.extend(wanted_indexes(&context, &mapping));
    if !damage.iter().any(|finding| finding.code == damage::TRUNCATED) {
        damage.extend(damage::truncated(&connection, real));
    }
    let damaged = !damage.is_empty();
    mapping.findings.splice(0..0, damage);
    let about = About {
        name: mapping.name.clone(),
        findings: mapping.findings.clone(),
        native: schema.native(),
        unscoped: mapping.unscoped(),
        names_transcripts: false,
        keeps: Table::CANONICAL.into_iter().filter(|t| mapping.keeps.contains(t)).collect(),
        user_version: Some(schema.user_version),
        facts: facts(&schema, &mapping),
        pace: mapping.pace,
        damaged,
        copied: copy.is_some(),
        offers: repair::offers_of_database(&stores),
        stores,
    };
    Ok(SqliteStore {
        connection,
        schema,
        mapping,
        about,
        filled: Cell::default(),
        path: path.to_owned(),
        clock: options.clock.clone(),
        cancel: cancel.clone(),
        link: None,
        lines: None,
        live: live.map(|live| live.opened(started.elapsed())),
        _copy: copy,
    })
}

fn shared_findings(context: &Context<'_>) -> Vec<Finding> {
    let (schema, file) = (context.schema, context.file);
    let mut findings = Vec::new();
    for table in &schema.tables {
        if let NativeKind::Virtual { module, readable: false } = &table.kind {
            findings.push(
                Finding::info(
                    "module-missing",
                    format!(
                        "The virtual table {} needs the module {module}, which is not built in",
                        table.name
                    ),
                )
                .at(format!("native:{}", table.name), "")
                .suggest("Its rows are left out; every other table is shown."),
            );
        }
    }
    if let Some(finding) = durable::object::empty(context) {
        findings.push(finding);
    } else if schema.tables.is_empty() {
        // Looking at a database leaves an empty log beside it.
        let missing = file.wal_bytes.unwrap_or_default() == 0;
        let (code, message, suggestion) = if schema.journal_mode == "wal" && missing {
            (
                "wal-missing",
                "The database has no tables, and beside it is no -wal file with anything in it, in which a write-ahead log keeps what is new",
                "Copy the file together with its -wal, or look for it where this file came from.",
            )
        } else {
            (
                "database-empty",
                "The database has no tables: nothing was ever written to it, or all of it was deleted",
                "",
            )
        };
        findings.push(Finding::warning(code, message).suggest(suggestion));
    }
    findings
}

fn facts(schema: &Schema, mapping: &Mapping) -> Vec<(String, String)> {
    let fact = |label: &str, text: String| (label.to_owned(), text);
    let mut facts = mapping.facts.clone();
    facts.push(fact(
        "Journal",
        if schema.journal_mode == "wal" { "write-ahead log".into() } else { schema.journal_mode.clone() },
    ));
    facts.push(fact("Schema version", schema.user_version.to_string()));
    facts.push(fact("Page size", format!("{} bytes", schema.page_size)));
    facts
}

/// Copies the database with its log and journal into a folder of its own, and lets SQLite recover the copy.
fn private_copy(path: &Path) -> Result<(PathBuf, Scratch), StoreError> {
    let folder = Scratch::new().map_err(|e| unreadable(path, &e))?;
    let real = copied_path(path, folder.path());
    let _looking = gate::look();
    for suffix in ["", "-wal", "-journal"] {
        let from = beside(path, suffix);
        if suffix.is_empty() || from.exists() {
            fs::copy(&from, beside(&real, suffix)).map_err(|e| unreadable(&from, &e))?;
        }
    }
    // The copy is ours: opened for writing once, so that a broken transaction is rolled back.
    let recovered = Connection::open(&real)
        .and_then(|c| c.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())));
    recovered.map_err(|e| sqlite_error(e, path))?;
    Ok((real, folder))
}

fn copied_path(path: &Path, folder: &Path) -> PathBuf {
    folder.join(path.file_name().unwrap_or_else(|| "copy".as_ref()))
}
