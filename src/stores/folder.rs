//! The stores in a folder, found by what the files hold.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::durable::identity::{self, ObjectFile};
use super::gate;
use super::lines::{HEAD_BYTES as LINES_BYTES, is_lines};
use super::open::{MAGIC, is_document};
use super::sqlite::{Cancel, Companion, Schema, beside, connect};
use crate::core::{Finding, Flow, StoreError};

/// A store in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub path: PathBuf,
    /// A name for people: the object's, with its namespace, or the path within the folder.
    pub name: String,
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walked {
    pub folders: u64,
    pub stores: u64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their paths.
    pub members: Vec<Member>,
    /// What could not be looked at.
    pub findings: Vec<Finding>,
}

/// Folders in which programs keep other people's files, and no sessions.
const SKIPPED: [&str; 2] = ["node_modules", ".git"];

/// A document larger than this is not tried: a walk should not read gigabytes.
const MOST_DOCUMENT_BYTES: u64 = 64 << 20;

const MOST_DEPTH: usize = 40;

/// A log this large takes long to recover; its object's name waits until it is opened.
const MOST_WAL_BYTES: u64 = 64 << 20;

/// Finds every store below a folder; links to folders are not followed, and only regular files are opened.
///
/// A file that looks like a store and is damaged is a member too.
///
/// # Errors
/// Where the folder cannot be read, and [`StoreError::Cancelled`] where `cancel` or `progress` ends it.
pub fn walk(
    folder: &Path,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Walked) -> Flow,
) -> Result<Found, StoreError> {
    let mut walk =
        Walk { root: folder, cancel, progress, walked: Walked::default(), found: Found::default() };
    if !folder.is_dir() {
        let path = folder.to_owned();
        return Err(match folder.exists() {
            true => StoreError::NotAStoreFile { what: "A file that is no folder", path },
            false => StoreError::NotFound { path },
        });
    }
    walk.folder(folder, 0).map_err(|e| match e {
        Stop::Cancelled => StoreError::Cancelled,
        Stop::Unreadable(reason) => StoreError::Unreadable { reason, path: folder.to_owned() },
    })?;
    // A file stands before the folder of its name, which holds what belongs to it.
    walk.found.members.sort_by_cached_key(|m| (m.path.with_extension(""), m.path.clone()));
    Ok(walk.found)
}

enum Stop {
    Cancelled,
    Unreadable(String),
}

struct Walk<'a> {
    root: &'a Path,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(Walked) -> Flow,
    walked: Walked,
    found: Found,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), Stop> {
        let entries = fs::read_dir(folder).map_err(|e| Stop::Unreadable(e.to_string()))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
        paths.sort();
        self.walked.folders += 1;
        self.report()?;
        let mut folders = Vec::new();
        for path in paths {
            let Ok(own) = fs::symlink_metadata(&path) else { continue };
            if own.is_dir() {
                folders.push(path);
                continue;
            }
            // A link may lead to a file; a pipe or a device is never opened, since it would wait.
            let Ok(meta) = fs::metadata(&path) else { continue };
            if meta.is_file() {
                if self.cancel.is_cancelled() {
                    return Err(Stop::Cancelled);
                }
                if is_store(&path, meta.len()) {
                    let name = self.name(&path);
                    self.found.members.push(Member { path, name });
                    self.walked.stores += 1;
                    self.report()?;
                }
            }
        }
        for path in folders {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if SKIPPED.contains(&&*name) {
                continue;
            }
            if depth >= MOST_DEPTH {
                let message = format!("Folders more than {MOST_DEPTH} deep are not looked into");
                self.skipped(&path, message, "Open this folder itself.");
                continue;
            }
            match self.folder(&path, depth + 1) {
                Err(Stop::Unreadable(reason)) => {
                    let message = format!("A folder cannot be read ({reason})");
                    self.skipped(&path, message, "Check that you may read it.");
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn skipped(&mut self, path: &Path, message: String, suggestion: &str) {
        let key = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned();
        self.found
            .findings
            .push(Finding::warning("folder-not-read", message).at("", key).suggest(suggestion));
    }

    fn report(&mut self) -> Result<(), Stop> {
        match (self.progress)(self.walked) {
            Flow::Stop => Err(Stop::Cancelled),
            Flow::Continue if self.cancel.is_cancelled() => Err(Stop::Cancelled),
            Flow::Continue => Ok(()),
        }
    }

    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let Some(object) = ObjectFile::of(path) else { return relative.to_string_lossy().into_owned() };
        let small = fs::metadata(beside(path, "-wal")).map_or(true, |wal| wal.len() < MOST_WAL_BYTES);
        let short = || {
            let facet = object.facet.map_or(String::new(), |n| format!(".{n}"));
            identity::short(&object.id) + &facet
        };
        let name = small.then(|| identity::name_of(path)).flatten().unwrap_or_else(short);
        match path.parent().and_then(Path::file_name) {
            Some(folder) => format!("{}/{name}", folder.to_string_lossy()),
            None => name,
        }
    }
}

/// Whether a file is a store or a damaged one, by its beginning; its name only says which files are worth reading.
fn is_store(path: &Path, length: u64) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|s| name.ends_with(s));
    if ends(&["-wal", "-shm", "-journal"]) {
        return is_alone(path);
    }
    if starts_with_magic(path) {
        return !is_alarms(path, &name);
    }
    if ends(&[".sqlite", ".sqlite3"]) || (name.ends_with(".db") && length == 0) {
        // A database once: emptied, encrypted or broken.
        return true;
    }
    if !ends(&[".json", ".jsonc", ".toml", ".jsonl"]) || length == 0 {
        return false;
    }
    let lines = name.ends_with(".jsonl");
    if !lines && length > MOST_DOCUMENT_BYTES {
        return false;
    }
    let Some(mut bytes) = read(path, if lines { LINES_BYTES } else { length }) else { return false };
    if lines && bytes.len() as u64 == LINES_BYTES {
        if is_lines(&bytes) {
            return true;
        }
        // Whole lines only.
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1));
    }
    // All NUL is what a crash leaves of a document that was just being written.
    bytes.iter().all(|b| *b == 0) || is_document(path, &bytes)
}

/// Whether it is a log or a journal whose database is gone: opening it says so.
fn is_alone(path: &Path) -> bool {
    let kind = read(path, 512).and_then(|head| Companion::of(&head));
    kind.and_then(|kind| kind.database(path)).is_some_and(|database| !database.exists())
}

fn starts_with_magic(path: &Path) -> bool {
    read(path, MAGIC.len() as u64).is_some_and(|b| b == MAGIC)
}

fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let _looking = gate::look();
    File::open(path).and_then(|f| f.take(most).read_to_end(&mut bytes)).ok()?;
    Some(bytes)
}

/// Whether it is a namespace's own list of alarms: no session is in it.
fn is_alarms(path: &Path, name: &str) -> bool {
    name == "metadata.sqlite"
        && connect(path, &Cancel::default())
            .ok()
            .and_then(|connection| Schema::read(&connection).ok())
            .is_some_and(|schema| schema.tables.iter().all(|t| t.name == "_cf_ALARM"))
}
