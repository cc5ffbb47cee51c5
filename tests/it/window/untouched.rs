use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{click, has, wait, window};
use crate::support::copied_from;

/// Every file below a folder with its bytes; no `-shm`, and no empty `-wal`, which is as good as none.
fn bytes_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(bytes_of(&path));
            continue;
        }
        let name = path.to_string_lossy().into_owned();
        let bytes = fs::read(&path).expect("a file");
        let is_nothing = name.ends_with("-wal") && bytes.is_empty();
        if !is_nothing && !name.ends_with("-shm") {
            files.insert(path, bytes);
        }
    }
    files
}

const TABS: [&str; 9] = [
    "Overview",
    "Messages",
    "Tasks",
    "Heartbeats",
    "State",
    "Migrations",
    "Findings",
    "Tables",
    "Operations",
];

fn stores_below(folder: &Path) -> Vec<PathBuf> {
    let kinds = ["sqlite", "db", "json", "jsonc", "toml"];
    let is_store = |p: &PathBuf| p.extension().is_some_and(|e| kinds.iter().any(|k| e == *k));
    bytes_of(folder).into_keys().filter(is_store).collect()
}

/// Opens every store below a copied folder and looks at every tab of it; then nothing may have changed.
fn look_at_all_below(root: &Path) {
    let before = bytes_of(root);
    for path in stores_below(root) {
        let mut window = window(&[&path]);
        let shown = ["Overview", "Try again", "Open a private copy"];
        super::until(&mut window, "an answer", |w| shown.iter().any(|name| has(w, name)));
        if !has(&window, "Overview") {
            continue;
        }
        for tab in TABS {
            click(&mut window, tab);
            // What the tab asked for is there, or will never be.
            for _ in 0..4 {
                std::thread::sleep(std::time::Duration::from_millis(5));
                window.step();
            }
        }
        wait(&mut window, "No operations");
    }
    let after = bytes_of(root);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, bytes) in before {
        assert!(bytes == after[&path], "{} was changed", path.display());
    }
}

#[test]
fn looking_at_every_tab_of_every_sample_changes_nothing() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    let (_folder, root) = copied_from(&samples);
    assert!(bytes_of(&root).keys().any(|p| p.to_string_lossy().ends_with("-wal")), "one of them has a log");
    assert!(stores_below(&root).len() > 15);
    look_at_all_below(&root);
}

#[test]
fn looking_at_every_tab_of_every_other_fixture_changes_nothing() {
    let Some(fixtures) = std::env::var_os("SESSIONSCOPE_FIXTURES") else { return };
    let (_folder, root) = copied_from(Path::new(&fixtures));
    assert!(!stores_below(&root).is_empty());
    look_at_all_below(&root);
}
