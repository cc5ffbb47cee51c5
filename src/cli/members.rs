//! The files that a path stands for.
//!
//! To be replaced on merge by `stores::folder::walk`, which knows the layouts of folders; this looks only at names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::core::StoreError;

/// A file of a source.
#[derive(Debug, Clone)]
pub struct Member {
    pub path: PathBuf,
    /// Its name within the folder; none where the source is the file itself.
    pub name: Option<String>,
}

/// How deep a folder is looked into, so that no tree of a stranger's is endless.
const MOST_LEVELS: usize = 16;
const ENDINGS: [&str; 7] = ["sqlite", "sqlite3", "db", "json", "jsonc", "jsonl", "toml"];

/// Lists the files of a folder, or the file itself.
pub fn members(path: &Path) -> Result<Vec<Member>, StoreError> {
    if !path.is_dir() {
        return Ok(vec![Member { path: path.to_owned(), name: None }]);
    }
    let mut found = Vec::new();
    walk(path, MOST_LEVELS, &mut found)
        .map_err(|e| StoreError::Unreadable { reason: e.to_string(), path: path.to_owned() })?;
    let name = |file: &Path| file.strip_prefix(path).unwrap_or(file).to_string_lossy().into_owned();
    let mut members: Vec<Member> =
        found.into_iter().map(|f| Member { name: Some(name(&f)), path: f }).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

fn walk(folder: &Path, levels: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        // Of the entry itself: a symbolic link is neither.
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if kind.is_dir() && levels > 0 {
            // A folder that may not be read is left out, as if it were empty.
            let _ = walk(&path, levels - 1, found);
        } else if kind.is_file() && ENDINGS.contains(&ending.as_str()) {
            found.push(path);
        }
    }
    Ok(())
}
