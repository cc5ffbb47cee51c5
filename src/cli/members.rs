//! The files that a path stands for.

use std::path::{Path, PathBuf};

use crate::core::{Finding, Flow, StoreError};
use crate::stores::folder;
use crate::stores::sqlite::Cancel;

/// A file of a source.
#[derive(Debug, Clone)]
pub struct Member {
    pub path: PathBuf,
    /// Its name within the folder; none where the source is the file itself.
    pub name: Option<String>,
}

/// The stores of a folder, or the file itself.
#[derive(Debug, Default)]
pub struct Members {
    pub files: Vec<Member>,
    /// What of the folder could not be looked at.
    pub findings: Vec<Finding>,
}

/// Lists the stores of a folder, or the file itself.
///
/// # Errors
/// Where the folder cannot be read.
pub fn members(path: &Path) -> Result<Members, StoreError> {
    if !path.is_dir() {
        return Ok(Members {
            files: vec![Member { path: path.to_owned(), name: None }],
            ..Members::default()
        });
    }
    let found = folder::walk(path, &Cancel::default(), &mut |_| Flow::Continue)?;
    let files = found.members.into_iter().map(|m| Member { path: m.path, name: Some(m.name) }).collect();
    Ok(Members { files, findings: found.findings })
}
