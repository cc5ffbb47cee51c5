//! Transcripts that no session names, moved away one by one into a holding folder beside them.
//!
//! Source: stores.md §8: `<projects>/<folder>/<session uuid>.jsonl`, a JSON object a line; sub-agents' in `agent-*.jsonl`.
//! Seed 004's sweeper deletes what is older than 30 days unless its UUID is a live session's.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::guard::{self, Identity};
use super::moves;
use crate::core::repair::{LeftOut, RepairError, Transcript};
use crate::core::{Query, ReadStore, StoreError, Table};
use crate::stores::claude_transcript::{Ends, each_session, modified_ms};

/// The folder that transcripts are moved into, at the top of the one that was chosen, so on the same file system.
pub const HOLDING: &str = ".sessionscope-holding";

const MOST_DEPTH: usize = 12;

/// Hands out every transcript below a folder, in the order of their paths; says what was no transcript.
pub fn each(
    folder: &Path,
    live: &HashSet<String>,
    cancelled: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Transcript<'_>) -> Result<(), RepairError>,
) -> Result<LeftOut, RepairError> {
    let fail = |error: std::io::Error, path: &Path| {
        RepairError::Store(StoreError::Unreadable { reason: error.to_string(), path: path.to_owned() })
    };
    let folder = folder.canonicalize().map_err(|e| fail(e, folder))?;
    // Asked once: who has which file open.
    let open = guard::open_elsewhere();
    let mut left_out = LeftOut::default();
    let mut waiting = vec![(folder.clone(), 0)];
    while let Some((inner, depth)) = waiting.pop() {
        let mut paths: Vec<PathBuf> = fs::read_dir(&inner)
            .map_err(|e| fail(e, &inner))?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .collect();
        paths.sort();
        let mut folders = Vec::new();
        for path in paths {
            if cancelled() {
                return Err(RepairError::Store(StoreError::Cancelled));
            }
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if meta.is_dir() && depth < MOST_DEPTH && path.file_name().is_some_and(|n| n != HOLDING) {
                folders.push((path, depth + 1));
            } else if meta.is_file() && path.extension().is_some_and(|e| e == "jsonl") {
                read(&folder, &path, &meta, (live, &open), &mut left_out, each)?;
            }
        }
        folders.reverse();
        waiting.extend(folders);
    }
    Ok(left_out)
}

/// Hands out what decides over a transcript; where the file is none, it is counted.
fn read(
    top: &Path,
    path: &Path,
    meta: &fs::Metadata,
    (live, open): (&HashSet<String>, &HashSet<Identity>),
    left_out: &mut LeftOut,
    each: &mut dyn FnMut(Transcript<'_>) -> Result<(), RepairError>,
) -> Result<(), RepairError> {
    let within = path.strip_prefix(top).unwrap_or(path);
    let Ok(ends) = Ends::read(path, meta.len()) else {
        left_out.unreadable += 1;
        return Ok(());
    };
    if !ends.is_transcript && meta.len() > 0 {
        left_out.unlike += 1;
        return Ok(());
    }
    let file_ms = modified_ms(meta);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // A sub-agent's file, or one in a session's own folder, belongs to that session.
    let named = |name: &str| live.contains(&name.to_ascii_lowercase());
    let of_folder = within.components().any(|c| named(&c.as_os_str().to_string_lossy()));
    let of_content = ends.session.as_deref().is_some_and(named);
    let protected = if named(&stem) || of_folder || of_content {
        Some("a session's key names it")
    } else if Identity::read(path).is_some_and(|identity| open.contains(&identity)) {
        Some("a program has it open")
    } else {
        None
    };
    each(Transcript {
        name: within.to_string_lossy().into_owned(),
        recorded_ms: ends.newest_ms,
        file_ms,
        protected,
        edit: &|| {
            let print = moves::print(path).map_err(|error| {
                RepairError::Store(StoreError::Unreadable {
                    reason: error.to_string(),
                    path: path.to_owned(),
                })
            })?;
            Ok(moves::edit(path, &top.join(HOLDING).join(within), &print))
        },
    })
}

/// The sessions that a store names, before anything of it is pruned.
pub fn live_sessions(reader: &dyn ReadStore) -> Result<HashSet<String>, RepairError> {
    let mut live = HashSet::new();
    each_session(reader, &Query::all(Table::Sessions), &mut |session| {
        live.extend([Some(session.id), session.name].into_iter().flatten().map(str::to_ascii_lowercase));
    })?;
    Ok(live)
}
