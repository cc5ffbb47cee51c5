//! Sessions of claude-hooks, and the transcripts that they name.

use std::fs;
use std::path::{Path, PathBuf};

use sessionscope::core::{Query, ReadStore, Severity, Table};
use sessionscope::stores::sqlite::{Cancel, SqliteStore};
use sessionscope::stores::{Options, Places, open};

use crate::support::{NOW_MS, fixture, options, rows, show};

const SESSION: &str = "3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41";
const OTHER: &str = "88aa5a52-7c1e-4b8e-9d36-5a1c0e7b2f42";

/// A home folder that goes with the test, with a session file where claude-hooks keeps it.
struct Home {
    folder: tempfile::TempDir,
    store: PathBuf,
}

impl Home {
    fn with(entries: &[(&str, &str, i64)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("state/claude-hooks/sessions.json");
        let entry = |(key, id, used): &(&str, &str, i64)| {
            format!("\"{key}\":{{\"id\":\"{id}\",\"last_used_at\":{}}}", NOW_MS - used)
        };
        let text = format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","));
        write(&store, &text);
        Self { folder, store }
    }

    fn path(&self, within: &str) -> PathBuf {
        self.folder.path().join(within)
    }

    /// Puts the fixture's transcript below a folder, under this session's name.
    fn transcript(&self, within: &str, session: &str) -> PathBuf {
        let path = self.path(within).join(format!("{session}.jsonl"));
        let from = fixture("claude-transcript").join(format!("{SESSION}.jsonl"));
        write(&path, &fs::read_to_string(from).expect("the fixture").replace(SESSION, session));
        path
    }

    fn places(&self) -> Places {
        Places::new(Some(self.path("home")), Some(self.path("config")), Vec::new())
    }

    fn opened(&self) -> sessionscope::stores::Opened {
        self.opened_with(self.places())
    }

    fn opened_with(&self, places: Places) -> sessionscope::stores::Opened {
        open(&self.store, &Options { transcripts: Some(places), ..options() })
            .unwrap_or_else(|e| panic!("{e}"))
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn of_session(session: &str) -> Query {
    Query { session: Some(session.into()), ..Query::all(Table::Messages) }
}

fn texts(store: &SqliteStore, session: &str) -> Vec<String> {
    rows(store, &of_session(session)).iter().map(|row| show(&row.cells[4].value)).collect()
}

const KEY: &str = "forgejo:dev:acme/app:7";

#[test]
fn the_messages_of_a_session_are_those_of_its_transcript() {
    for within in [
        "home/.claude/projects/-home-ines-tidewatch",
        "config/projects/-home-ines-tidewatch",
        "home/.config/claude-hooks/agent-env/dev/projects/-x",
        // Beside the store itself, whoever's home that is.
        "state/claude-hooks/agent-env/dev/projects/-x",
        ".config/claude-hooks/agent-env/dev/projects/-x",
    ] {
        let home = Home::with(&[(KEY, SESSION, 60_000), ("forgejo:dev:acme/app:8", OTHER, 60_000)]);
        let path = home.transcript(within, SESSION);
        let opened = home.opened();
        assert!(opened.store.about().names_transcripts);
        assert!(!opened.store.about().unscoped.contains(&Table::Messages));
        let found = opened.store.transcripts(KEY).expect("a look");
        assert_eq!(
            found.files.iter().map(|f| f.path.as_path()).collect::<Vec<_>>(),
            [path.canonicalize().expect("a path")],
            "{within}"
        );
        assert_eq!(found.files[0].last_line_ms, Some(1_795_165_566_000));
        let texts = texts(&opened.store, KEY);
        assert_eq!(texts.len(), 23);
        assert_eq!(texts[2], "Which of the two Newhavens does the tide table show?");
        assert_eq!(opened.store.count(&of_session(KEY)).expect("a count"), 23);
        let row = &rows(&opened.store, &of_session(KEY))[2];
        assert_eq!(opened.store.blocks(&row.key).expect("blocks").len(), 1);
        // Another has none, and without a session there are none either.
        assert_eq!(opened.store.transcripts("forgejo:dev:acme/app:8").expect("a look").files, []);
        assert!(rows(&opened.store, &of_session("forgejo:dev:acme/app:8")).is_empty());
        assert!(rows(&opened.store, &Query::all(Table::Messages)).is_empty());
    }
}

#[test]
fn two_connections_name_the_rows_of_several_transcripts_alike() {
    let home = Home::with(&[(KEY, SESSION, 1), ("forgejo:dev:acme/app:8", OTHER, 1)]);
    home.transcript("home/.claude/projects/a", SESSION);
    let second = home.transcript("home/.claude/projects/b", OTHER);
    let opened = home.opened();
    let other = opened.again(&Cancel::default()).expect("a second reader");
    let first = rows(&opened.store, &of_session(KEY));
    let later = rows(&opened.store, &of_session("forgejo:dev:acme/app:8"));
    assert_ne!(first[0].key, later[0].key);
    let keys: Vec<_> = [&later[2], &first[3], &later[4]].iter().map(|row| row.key.clone()).collect();
    let read = other.rows(&Table::Messages, &keys, &Default::default()).expect("rows");
    assert_eq!(read.iter().map(|r| r.key.clone()).collect::<Vec<_>>(), keys);
    assert_eq!(read[0].cells[1].value.as_str(), Some(OTHER));
    assert_eq!(read[1].cells[1].value.as_str(), Some(SESSION));
    // What is appended is there when it is asked for.
    let text = fs::read_to_string(&second).expect("the file");
    let last = text.lines().nth(2).expect("a line").replace("Which of the two", "And which of the two");
    fs::write(&second, format!("{text}{last}\n")).expect("written");
    assert_eq!(rows(&other, &of_session("forgejo:dev:acme/app:8")).len(), 24);
    assert_eq!(rows(&opened.store, &of_session("forgejo:dev:acme/app:8")).len(), 24);
}

#[test]
fn a_chosen_folder_is_looked_through_and_a_new_file_is_found_later() {
    let home = Home::with(&[(KEY, SESSION, 60_000)]);
    let chosen = home.path("elsewhere");
    let path = home.transcript("elsewhere/deep/er", SESSION);
    // Put aside by a prune.
    home.transcript("elsewhere/.sessionscope-holding", OTHER);
    let none = home.opened_with(Places::default()).store.transcripts(KEY).expect("a look");
    assert_eq!((none.files.len(), none.name.as_deref()), (0, Some(SESSION)));
    let opened = home.opened_with(Places::new(None, None, vec![chosen.clone()]));
    let found = opened.store.transcripts(KEY).expect("a look");
    assert_eq!(found.files[0].path, path.canonicalize().expect("a path"));
    assert_eq!((found.looked_in, found.seen), (vec![chosen.canonicalize().expect("a path")], 1));
}

#[test]
fn of_several_files_the_newest_is_read_and_sub_agents_are_named() {
    let home = Home::with(&[(KEY, SESSION, 60_000)]);
    let old = home.transcript("home/.claude/projects/a", SESSION);
    let new = home.transcript("home/.claude/projects/b", SESSION);
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    fs::File::options().write(true).open(&old).and_then(|f| f.set_modified(past)).expect("a time");
    let line = |session: &str| {
        format!(
            r#"{{"type":"user","uuid":"a","agentId":"x","sessionId":"{session}","message":{{"role":"user","content":"Go"}}}}"#
        )
    };
    write(&home.path("home/.claude/projects/b/agent-one.jsonl"), &line(SESSION));
    write(&home.path("home/.claude/projects/b/agent-two.jsonl"), &line(OTHER));
    write(
        &home.path(&format!("home/.claude/projects/b/{SESSION}/subagents/agent-three.jsonl")),
        &line(SESSION),
    );
    let found = home.opened().store.transcripts(KEY).expect("a look");
    let names = |files: &[sessionscope::core::TranscriptFile]| -> Vec<String> {
        files.iter().map(|f| f.path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let real = |path: &Path| path.canonicalize().expect("a path");
    assert_eq!(found.files.iter().map(|f| f.path.clone()).collect::<Vec<_>>(), [real(&new), real(&old)]);
    assert_eq!(names(&found.of_agents), ["agent-three", "agent-one"]);
}

#[test]
fn keys_and_transcripts_that_lack_each_other_are_findings() {
    let lost = "forgejo:dev:acme/app:1";
    let home = Home::with(&[
        (lost, "11111111-7c1e-4b8e-9d36-5a1c0e7b2f41", 60_000),
        ("forgejo:dev:acme/app:2", "22222222-7c1e-4b8e-9d36-5a1c0e7b2f41", 200_000_000),
        ("forgejo:dev:acme/app:3", OTHER, 60_000),
        ("forgejo:dev:acme/app:4", "not-a-uuid", 60_000),
    ]);
    assert!(
        home.opened().store.about_transcripts().expect("a look").is_empty(),
        "there is no transcript at all"
    );
    home.transcript("home/.claude/projects/a", OTHER);
    // A person's own session has no key, and needs none.
    home.transcript("home/.claude/projects/a", "33333333-7c1e-4b8e-9d36-5a1c0e7b2f41");
    home.transcript("home/.config/claude-hooks/agent-env/dev/projects/a", SESSION);
    let findings = home.opened().store.about_transcripts().expect("a look");
    let told: Vec<_> = findings.iter().map(|f| (f.severity, f.code, f.key.as_str())).collect();
    assert_eq!(
        told,
        [
            (Severity::Warning, "key-without-transcript", lost),
            (Severity::Info, "key-without-transcript", "forgejo:dev:acme/app:2"),
            (Severity::Warning, "transcript-elsewhere", "forgejo:dev:acme/app:3"),
            (Severity::Info, "transcript-without-key", ""),
        ]
    );
    assert_eq!(
        findings[0].message,
        format!(
            "1 session that would be resumed has no transcript in the folders that were looked through: {lost}"
        )
    );
    assert!(findings[3].message.ends_with(SESSION), "{}", findings[3].message);
}
