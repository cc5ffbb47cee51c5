//! The files of the steps, and the real stores that they must agree with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sessionscope::core::migration::{Body, Step};
use sessionscope::core::{ReadStore, Severity};
use sessionscope::stores::migrations::{LEDGER, checksum, steps, stores};

#[test]
fn line_ends_make_no_other_step() {
    let step = steps("session-do")[0];
    let windows = step.sql().expect("SQL").replace('\n', "\r\n").leak();
    let turned = Step { body: Body::Sql { forward: windows, reverse: "" }, ..step };
    assert_eq!(checksum(&turned), checksum(&step));
    let other = Step { body: Body::Sql { forward: "SELECT 1", reverse: "" }, ..step };
    assert_ne!(checksum(&other), checksum(&step));
    // Known answers: a change here would make every database that was ever migrated look edited.
    assert_eq!(checksum(&step), "62679a714a405ad29b2175880479ffbaa30fc682cc1f871b5852cd50c17fcabe");
}

#[test]
fn real_stores_and_the_samples_have_no_warning_of_their_schema() {
    let mut files = Vec::new();
    list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples"), &mut files);
    list(&crate::support::fixture(""), &mut files);
    if let Some(shared) = std::env::var_os("SESSIONSCOPE_FIXTURES") {
        for name in ["agent-mcp", "ship-session-do", "session-do", "sessions-json", "ai-chat", "mcp-agent"] {
            list(&Path::new(&shared).join(name), &mut files);
        }
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join(file.file_name().expect("a name"));
        for suffix in ["", "-wal"] {
            let beside = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            if beside(&file).is_file() {
                std::fs::write(beside(&copy), std::fs::read(beside(&file)).expect("readable"))
                    .expect("a copy");
            }
        }
        let Ok(opened) = sessionscope::stores::open(&copy, &crate::support::options()) else { continue };
        let about = opened.store.about();
        about.stores.iter().for_each(|store| *seen.entry(store).or_default() += 1);
        let schema =
            about.findings.iter().filter(|f| f.code.starts_with("schema") || f.code.starts_with("migration"));
        let ours = !file.components().any(|c| c.as_os_str() == "session-worker-SessionDO");
        for finding in schema {
            // The one relative is a session-do of another make.
            assert!(!ours && finding.severity == Severity::Info, "{}: {finding:?}", file.display());
        }
    }
    for store in stores() {
        assert!(seen.get(store).is_some_and(|n| *n > 0), "no {store} among {seen:?}");
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => list(&path, files),
            false if path.extension().is_some_and(|e| e == "sqlite" || e == "db") => files.push(path),
            false => {}
        }
    }
}

#[test]
fn the_files_are_consecutive_named_alike_and_have_a_reverse_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut on_disk = Vec::new();
    for entry in std::fs::read_dir(&root).expect("the migrations") {
        let store = entry.expect("an entry").path();
        for entry in std::fs::read_dir(&store).expect("a store's migrations") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&root).expect("inside").to_string_lossy().replace('\\', "/");
            let text = std::fs::read_to_string(&path).expect("text").replace("\r\n", "\n");
            check_text(&name, &text);
            on_disk.push(name);
        }
    }
    on_disk.sort();
    let mut expected = Vec::new();
    for store in stores() {
        for (step, version) in steps(store).iter().zip(1..) {
            assert_eq!((step.store, step.version), (store, version));
            let words: Vec<&str> = step.name.split('_').collect();
            assert_eq!(words[0], format!("{version:04}"), "{}", step.name);
            assert!(
                words.len() > 2 && ["create", "add", "import"].contains(&words[1]),
                "{}: verb and noun",
                step.name
            );
            if step.body != Body::Code {
                expected.push(format!("{store}/{}.down.sql", step.name));
                expected.push(format!("{store}/{}.sql", step.name));
            }
        }
    }
    expected.sort();
    assert_eq!(on_disk, expected);
}

/// A step says why and from where, is run within the caller's transaction, and completes what is half made.
fn check_text(name: &str, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("-- "), "{name} says why first");
    let code: Vec<&str> = lines.iter().filter(|l| !l.starts_with("--")).copied().collect();
    let code = code.join("\n");
    for word in ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "PRAGMA", "ATTACH", "VACUUM", LEDGER] {
        assert!(!code.split_whitespace().any(|w| w.trim_matches(';') == word), "{name} has {word}");
    }
    for statement in code.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        match name.ends_with(".down.sql") {
            true => assert!(
                matches!(words[..], ["DROP", "TABLE" | "INDEX", "IF", "EXISTS", _]),
                "{name}: {statement}"
            ),
            false => assert!(
                matches!(words[..6], ["CREATE", "TABLE" | "INDEX", "IF", "NOT", "EXISTS", _]),
                "{name}: {statement}"
            ),
        }
    }
    if !name.ends_with(".down.sql") {
        assert!(lines[1].starts_with("-- Source: "), "{name} says where it is from");
    }
}
