//! Finds transcripts by the names of their files; none of them is read for it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::places::{Place, Places};
use super::session::is_uuid;
use crate::core::{StoreError, TranscriptFile, Transcripts};
use crate::stores::repair::HOLDING;
use crate::stores::sqlite::Cancel;

/// Folders this deep below a place are looked into: `<folder>/<session>/subagents/` is three.
const MOST_DEPTH: usize = 8;
/// A place with more entries is not looked through to its end.
const MOST_ENTRIES: usize = 1_000_000;
/// What was not found is looked for anew after so long.
const LOOKS_AGAIN: Duration = Duration::from_secs(5);

/// The transcripts below some folders, by the sessions' UUIDs.
#[derive(Debug, Default)]
pub struct Index {
    pub places: Vec<Place>,
    /// By UUID in lower case; of each the one that was written last first.
    pub sessions: HashMap<String, Vec<TranscriptFile>>,
    /// Sub-agents' transcripts in a session's own folder, by that session's UUID.
    agents: HashMap<String, Vec<TranscriptFile>>,
    /// Sub-agents' transcripts that lie beside their sessions': which one is theirs, their lines say.
    loose: Vec<TranscriptFile>,
}

impl Index {
    /// Looks through folders, and follows no links.
    pub fn of(places: Vec<Place>, cancel: &Cancel) -> Result<Self, StoreError> {
        let mut index = Self { places, ..Self::default() };
        let mut waiting: Vec<(PathBuf, usize)> = index.places.iter().map(|p| (p.path.clone(), 0)).collect();
        let mut entries = 0;
        while let Some((folder, depth)) = waiting.pop() {
            let Ok(found) = fs::read_dir(&folder) else { continue };
            for entry in found.flatten() {
                entries += 1;
                if cancel.is_cancelled() {
                    return Err(StoreError::Cancelled);
                }
                if entries > MOST_ENTRIES {
                    waiting.clear();
                    break;
                }
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth < MOST_DEPTH && entry.file_name() != HOLDING {
                    waiting.push((entry.path(), depth + 1));
                } else if kind.is_file() {
                    index.file(&entry);
                }
            }
        }
        let newest_first = |files: &mut Vec<TranscriptFile>| {
            files.sort_by(|a, b| b.modified_ms.cmp(&a.modified_ms).then_with(|| a.path.cmp(&b.path)));
        };
        index.sessions.values_mut().chain(index.agents.values_mut()).for_each(newest_first);
        Ok(index)
    }

    fn file(&mut self, entry: &fs::DirEntry) {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "jsonl") {
            return;
        }
        let Ok(meta) = entry.metadata() else { return };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let owner = session_folder(&path);
        let file =
            TranscriptFile { bytes: meta.len(), modified_ms: modified_ms(&meta), last_line_ms: None, path };
        match owner {
            _ if is_uuid(&stem) => self.sessions.entry(stem).or_default().push(file),
            Some(owner) => self.agents.entry(owner).or_default().push(file),
            None if stem.starts_with("agent-") => self.loose.push(file),
            None => {}
        }
    }

    /// How many transcripts of sessions there are.
    pub fn seen(&self) -> u64 {
        self.sessions.values().map(|files| files.len() as u64).sum()
    }

    /// The files of a session, and its sub-agents'.
    pub fn of_session(&self, name: &str) -> (Vec<TranscriptFile>, Vec<TranscriptFile>) {
        let name = name.to_ascii_lowercase();
        let of = |map: &HashMap<String, Vec<TranscriptFile>>| map.get(&name).cloned().unwrap_or_default();
        let files = of(&self.sessions);
        let mut agents = of(&self.agents);
        // Only in the folders of its own files, since each must be read for it.
        let beside = |loose: &&TranscriptFile| files.iter().any(|f| f.path.parent() == loose.path.parent());
        let owned = |loose: &&TranscriptFile| {
            super::Ends::read(&loose.path, loose.bytes)
                .is_ok_and(|ends| ends.session.is_some_and(|s| s.eq_ignore_ascii_case(&name)))
        };
        agents.extend(self.loose.iter().filter(beside).take(MOST_LOOSE).filter(owned).cloned());
        (files, agents)
    }
}

/// So many sub-agents' transcripts are read to find those of a session.
const MOST_LOOSE: usize = 500;

/// The session in whose own folder a file is.
fn session_folder(path: &Path) -> Option<String> {
    let names = path.ancestors().skip(1).take(3).filter_map(Path::file_name);
    names.map(|n| n.to_string_lossy().to_ascii_lowercase()).find(|n| is_uuid(n))
}

pub fn modified_ms(meta: &fs::Metadata) -> Option<i64> {
    let since = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// The transcripts of a store's sessions, looked for once and kept.
pub struct Finder {
    places: Mutex<Places>,
    store: PathBuf,
    index: Mutex<Option<(Instant, Arc<Index>)>>,
}

impl Finder {
    pub fn of(places: Places, store: &Path) -> Self {
        // A relative path has no folders above it.
        let store = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
        Self { places: Mutex::new(places), store, index: Mutex::new(None) }
    }

    /// Looks in a folder too.
    pub fn look_in(&self, folder: &Path) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).choose(folder);
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What there is, as of the last look.
    pub fn index(&self, cancel: &Cancel) -> Result<Arc<Index>, StoreError> {
        self.index_after(None, cancel)
    }

    /// The transcript of a name; where it was not there at the last look, it is looked for anew.
    pub fn find(&self, name: Option<&str>, cancel: &Cancel) -> Result<Transcripts, StoreError> {
        let mut index = self.index(cancel)?;
        if name.is_some_and(|name| index.of_session(name).0.is_empty()) {
            index = self.index_after(Some(LOOKS_AGAIN), cancel)?;
        }
        let (mut files, of_agents) = name.map(|n| index.of_session(n)).unwrap_or_default();
        for file in &mut files {
            // Both may have grown since.
            if let Ok(meta) = fs::metadata(&file.path) {
                (file.bytes, file.modified_ms) = (meta.len(), modified_ms(&meta));
            }
            file.last_line_ms = super::Ends::read(&file.path, file.bytes).ok().and_then(|e| e.newest_ms);
        }
        let looked_in = index.places.iter().map(|p| p.path.clone()).collect();
        Ok(Transcripts { name: name.map(str::to_owned), files, of_agents, looked_in, seen: index.seen() })
    }

    fn index_after(&self, most: Option<Duration>, cancel: &Cancel) -> Result<Arc<Index>, StoreError> {
        let mut kept = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, index)) = &*kept
            && most.is_none_or(|most| at.elapsed() < most)
        {
            return Ok(Arc::clone(index));
        }
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner).of_store(&self.store);
        let index = Arc::new(Index::of(places, cancel)?);
        *kept = Some((Instant::now(), Arc::clone(&index)));
        Ok(index)
    }
}
