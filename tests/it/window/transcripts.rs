//! Sessions whose messages are in transcripts, and transcripts on their own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{clear_and_write, click, has, wait, wait_gone, window};
use crate::support::{NOW_MS, fixture};

const SESSION: &str = "3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41";

/// A session file with one key, in a home of its own.
pub fn home() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("home/.local/state/claude-hooks/sessions.json");
    fs::create_dir_all(store.parent().expect("a folder")).expect("a folder");
    let text =
        format!(r#"{{"forgejo:dev:acme/app:7":{{"id":"{SESSION}","last_used_at":{}}}}}"#, NOW_MS - 60_000);
    fs::write(&store, text).expect("written");
    (folder, store)
}

pub fn transcript(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let name = format!("{SESSION}.jsonl");
    fs::copy(fixture("claude-transcript").join(&name), folder.join(&name)).expect("a copy");
}

#[test]
fn a_resume_key_shows_the_messages_of_its_transcript() {
    let (folder, store) = home();
    transcript(&folder.path().join("home/.config/claude-hooks/agent-env/dev/projects/-home-ines-tidewatch"));
    let mut harness = window(&[&store]);
    wait(&mut harness, "forgejo:dev:acme/app:7");
    click(&mut harness, "Messages");
    wait(&mut harness, "Choose a session on the left");
    click(&mut harness, "forgejo:dev:acme/app:7");
    wait(&mut harness, "Which of the two Newhavens");
    wait(&mut harness, &format!("{SESSION}.jsonl"));
    assert!(has(&harness, "Open on its own"));
    click(&mut harness, "Transcript");
    wait(&mut harness, "I look the stations up.");
    click(&mut harness, "Open on its own");
    wait(&mut harness, "Two harbours with the same name");
}

#[test]
fn a_transcript_that_is_nowhere_is_looked_for_where_the_user_says() {
    let (folder, store) = home();
    let chosen = folder.path().join("kept");
    transcript(&chosen.join("deep"));
    let mut harness = window(&[&store]);
    wait(&mut harness, "forgejo:dev:acme/app:7");
    click(&mut harness, "forgejo:dev:acme/app:7");
    wait(&mut harness, &format!("There is no transcript {SESSION}.jsonl."));
    assert!(has(&harness, "None of the folders"));
    click(&mut harness, "Choose a folder…");
    // No dialog service runs here, so the path is typed.
    wait(&mut harness, "A folder with transcripts");
    clear_and_write(&mut harness, "Path", chosen.to_str().expect("a path"));
    click(&mut harness, "Look there");
    wait(&mut harness, "Which of the two Newhavens");
    wait_gone(&mut harness, "There is no transcript");
}

#[test]
fn a_folder_of_transcripts_lists_them_by_title_and_opens_their_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    transcript(&folder.path().join("projects/-home-ines-tidewatch"));
    let mut harness = window(&[folder.path()]);
    click(&mut harness, "tidewatch · Two harbours with the same name");
    wait(&mut harness, "Which of the two Newhavens");
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

fn said(text: &str) -> String {
    format!(
        r#"{{"type":"user","uuid":"{text}","sessionId":"{SESSION}","timestamp":"2026-11-21T09:59:00Z","message":{{"role":"user","content":"{text}"}}}}"#
    )
}

#[test]
fn a_transcript_that_grows_is_followed_on_its_own_and_under_its_key() {
    let (folder, store) = home();
    let projects = folder.path().join("home/.config/claude-hooks/agent-env/dev/projects/-x");
    transcript(&projects);
    let path = projects.join(format!("{SESSION}.jsonl"));
    let mut own = window(&[&path]);
    click(&mut own, "Messages");
    wait(&mut own, "Which of the two Newhavens");
    wait(&mut own, "Watching");
    let mut under = window(&[&store]);
    wait(&mut under, "forgejo:dev:acme/app:7");
    click(&mut under, "forgejo:dev:acme/app:7");
    wait(&mut under, "Which of the two Newhavens");
    wait(&mut under, "Open on its own");
    let line = said("Slack water at ten");
    append(&path, &line[..60]);
    for window in [&mut own, &mut under] {
        wait(window, "unfinished line");
    }
    append(&path, &format!("{}\n", &line[60..]));
    for window in [&mut own, &mut under] {
        wait(window, "Slack water at ten");
        wait_gone(window, "unfinished line");
        assert!(has(window, "Which of the two Newhavens"));
    }
}
