//! The house rules that can be read off the source.

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer.
const MOST_LINES: usize = 450;
/// Files that are longer all the same, with their length. It may only shrink.
const LONGER: &[(&str, usize)] = &[];

/// A folder of `src`, and the names that none of its files may use.
///
/// The direction is `main → app, cli → ui, stores → core`.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "src/core",
        &["crate::stores", "crate::cli", "crate::app", "crate::ui", "rusqlite", "egui", "eframe", "std::fs"],
    ),
    ("src/stores", &["crate::cli", "crate::app", "crate::ui", "egui", "eframe", "clap"]),
    ("src/ui", &["crate::stores", "crate::cli", "crate::app", "rusqlite", "std::fs"]),
    ("src/cli", &["crate::app", "crate::ui", "rusqlite", "egui", "eframe"]),
    ("src/app", &["crate::cli", "rusqlite", "clap"]),
    ("src/main.rs", &["rusqlite", "egui", "eframe"]),
];

/// What is only for tests, besides what clippy denies.
const NEVER: &[&str] =
    &[".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!(", "#[allow("];

#[test]
fn the_source_is_tidy() {
    let mut faults = Vec::new();
    for (name, text) in sources(&["src", "tests", "benches"]) {
        let lines = text.lines().count();
        match LONGER.iter().find(|(longer, _)| *longer == name) {
            None if lines > MOST_LINES => {
                faults.push(format!("{name} has {lines} lines; {MOST_LINES} is the most"))
            }
            Some((_, most)) if lines > *most => {
                faults.push(format!("{name} has grown from {most} to {lines} lines"))
            }
            Some(_) if lines <= MOST_LINES => {
                faults.push(format!("{name} is short enough: take it off the list"))
            }
            _ => {}
        }
    }
    for (name, text) in sources(&["src"]) {
        let code = code(&text);
        for (folder, names) in FORBIDDEN {
            if Path::new(&name).starts_with(folder) {
                faults.extend(names.iter().filter(|n| uses(&code, n)).map(|n| format!("{name} uses {n}")));
            }
        }
        faults.extend(NEVER.iter().filter(|n| code.contains(*n)).map(|n| format!("{name} has {n}")));
    }
    for (longer, _) in LONGER {
        if !root().join(longer).exists() {
            faults.push(format!("{longer} is gone: take it off the list"));
        }
    }
    assert_eq!(faults, [""; 0], "\n{}\n", faults.join("\n"));
}

/// The program's part of a file: no comments, and nothing from the tests at its end.
fn code(text: &str) -> String {
    let program = text.split("#[cfg(test)]").next().unwrap_or_default();
    program.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether a name occurs as a whole word.
fn uses(code: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of these folders: its path in the repository, and its text.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = Vec::new();
    folders.iter().for_each(|folder| list(&root().join(folder), &mut paths));
    assert!(paths.len() > 3, "no sources in {folders:?}");
    let name = |path: &Path| path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("text"))).collect()
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            list(&path, paths);
        } else if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
}
