//! stub
use super::sqlite::Cancel;
use crate::core::{Finding, Flow, StoreError};
use std::path::{Path, PathBuf};
pub struct Member {
    pub path: PathBuf,
    pub name: String,
}
pub struct Walked {
    pub folders: u64,
    pub stores: u64,
}
#[derive(Default)]
pub struct Found {
    pub members: Vec<Member>,
    pub findings: Vec<Finding>,
}
pub fn walk(folder: &Path, _c: &Cancel, _p: &mut dyn FnMut(Walked) -> Flow) -> Result<Found, StoreError> {
    let mut f = Found::default();
    let mut stack = vec![folder.to_owned()];
    while let Some(d) = stack.pop() {
        for e in std::fs::read_dir(d).into_iter().flatten().flatten() {
            let p = e.path();
            if p.is_dir() {
                stack.push(p)
            } else if p.extension().is_some_and(|e| e == "sqlite" || e == "db") {
                f.members.push(Member {
                    name: p.file_name().unwrap_or_default().to_string_lossy().into(),
                    path: p,
                })
            }
        }
    }
    Ok(f)
}
