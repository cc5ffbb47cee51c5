//! The samples that come with the program: what a first look at them must find.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sessionscope::core::{ReadStore as _, Table};
use sessionscope::stores::{Options, Places, open};

use crate::support::{copied_from, opened, table};

const SESSIONS: &str = "assets/samples/.wrangler/state/v3/do/tidewatch-api-SessionDO";

/// A private copy of a sample folder, with its logs: opening may leave a `-shm` behind.
fn copy(folder: &str) -> (tempfile::TempDir, Vec<PathBuf>) {
    let target = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the samples") {
        let from = entry.expect("an entry").path();
        let to = target.path().join(from.file_name().expect("a name"));
        fs::copy(&from, &to).expect("a copy");
        let is_object = to.extension().is_some_and(|e| e == "sqlite") && !to.ends_with("metadata.sqlite");
        paths.extend(is_object.then_some(to));
    }
    paths.sort();
    (target, paths)
}

#[test]
fn the_sample_sessions_are_read_whole() {
    let (_folder, paths) = copy(SESSIONS);
    let mut found = Vec::new();
    for path in &paths {
        let store = opened(path).store;
        if store.about().stores.contains(&"session-do") {
            found.push(table(&store, Table::Sessions, &["title", "messages", "tasks"]));
        }
    }
    found.sort();
    assert_eq!(
        found,
        [
            "- | 0 | 0",
            "Departures are an hour late since the clocks went back | 247 | 16",
            "Right-to-left layout for Hebrew and Arabic | 22 | 4",
            "Two harbours with the same name | 11 | 2",
            "Übersetzungen prüfen: DE, FR, RU, 中文 | 17 | 3",
            "函館の潮見表が一日ずれる | 9 | 2",
        ]
    );
    assert_eq!(paths.len(), 7, "one more object that never wrote");
}

#[test]
fn one_sample_keeps_its_rows_in_the_log() {
    // Version control must not drop the -wal file: without it the sample is empty.
    let (_folder, paths) = copy(SESSIONS);
    let logged = paths.iter().find(|p| PathBuf::from(format!("{}-wal", p.display())).exists());
    let logged = logged.expect("a sample with a write-ahead log");
    assert_eq!(fs::metadata(logged).expect("the file").len(), 4096);
    let messages = table(&opened(logged).store, Table::Messages, &["text"]);
    assert!(messages.contains("שלום"), "{messages}");
}

/// The headless commands that the README tries on the samples, without what the shell does with their output.
fn examples() -> Vec<Vec<String>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(readme).expect("the README");
    let command = |line: &str| {
        let line = line.strip_prefix("sessionscope ")?.split(['#', '>']).next()?.trim().to_owned();
        // An id is left to whoever tries it.
        (line.contains(" assets/samples/") && !line.contains('…')).then_some(line)
    };
    let lines = text.lines().filter_map(command);
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn every_example_of_the_readme_ends_well() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let (folder, _) = copied_from(&samples);
    let examples = examples();
    assert!(examples.len() >= 9, "{examples:?}");
    for example in examples {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessionscope"));
        command.args(&example).current_dir(folder.path());
        command.env("SESSIONSCOPE_NOW", "2026-11-21T10:00:00Z").env("SESSIONSCOPE_DATA_DIR", folder.path());
        let ended = command.output().expect("the program starts");
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!((ended.status.code(), &*err), (Some(0), ""), "{example:?}");
        assert!(!out.contains("There is nothing to change"), "{example:?}: {out}");
    }
}

#[test]
fn a_sample_key_names_its_transcript() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    let (folder, _) = copied_from(&samples);
    let store = folder.path().join("samples/sessions.json");
    let options = Options { transcripts: Some(Places::default()), ..crate::support::options() };
    let store = open(&store, &options).unwrap_or_else(|e| panic!("{e}")).store;
    let found = store.transcripts("forgejo:architect:saltmarsh/tidewatch:231").expect("a look");
    assert_eq!(found.files.len(), 1);
    let told = opened(&found.files[0].path).store;
    assert_eq!(told.about().findings, []);
    assert_eq!(table(&told, Table::Sessions, &["status", "messages"]), "unanswered | 16");
}
