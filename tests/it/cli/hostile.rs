//! Every fixture, whatever is in it: read within seconds, without a panic, and left as it was.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sessionscope_within;
use crate::stores::session_do::SHIP;
use crate::support::{database, fixture};

const LIMIT: Duration = Duration::from_secs(20);
const TABLES: [&str; 7] = ["sessions", "messages", "tasks", "heartbeats", "state", "migrations", "findings"];
/// What SQLite and others keep beside a database, and copy with it.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", "-tshm"];

#[test]
fn every_fixture_is_read_without_a_trace() {
    let mut files = Vec::new();
    list(&fixture(""), &mut files);
    if let Some(shared) = std::env::var_os("SESSIONSCOPE_FIXTURES") {
        list(Path::new(&shared), &mut files);
        assert!(files.len() > 20, "too few fixtures in {shared:?}");
    }
    let (_folder, made) = made();
    files.extend(made);
    let failures: Vec<String> = files.iter().flat_map(|file| look_at(file)).collect();
    assert_eq!(failures, [""; 0], "{}", failures.join("\n"));
}

/// Looks at a copy of a file in every way there is; says what went wrong.
fn look_at(file: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join(file.file_name().expect("a name"));
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let from = beside(file, suffix);
        if from.is_file() {
            fs::copy(&from, beside(&copy, suffix)).expect("a copy");
        }
    }
    let before = contents(folder.path());
    let mut failures = Vec::new();
    let mut run = |arguments: &[&str]| {
        let mut all: Vec<&OsStr> = vec![OsStr::new(arguments[0]), copy.as_os_str()];
        all.extend(arguments[1..].iter().map(OsStr::new));
        let wrong = match sessionscope_within(LIMIT, &all) {
            None => format!("takes longer than {LIMIT:?}"),
            Some(ended) if ended.err.contains("panicked") => ended.err,
            Some(ended) if ![0, 1, 3].contains(&ended.status) => format!("ends with {}", ended.status),
            Some(ended) if (ended.status == 0) != is_silent(&ended.err) => {
                format!("ends with {} and says {:?}", ended.status, ended.err)
            }
            Some(_) => return,
        };
        failures.push(format!("{} {arguments:?}: {wrong}", file.display()));
    };
    run(&["inspect", "--json"]);
    run(&["inspect"]);
    for table in TABLES {
        run(&["rows", table, "--format", "jsonl"]);
    }
    run(&["rows", "messages", "--sort", "created_at:desc", "--search", "e"]);
    if contents(folder.path()) != before {
        failures.push(format!("{}: looking changed it", file.display()));
    }
    failures
}

/// A sound file says nothing, but that a copy is read.
fn is_silent(err: &str) -> bool {
    err.lines().all(|line| line.contains("A private copy of it is read instead"))
}

/// The bytes of all files of a folder; an empty log is as good as none, and `-shm` is left aside.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = Vec::new();
    list_all(folder, &mut files);
    files
        .into_iter()
        .filter(|path| !ends(path, "-shm"))
        .map(|path| (path.clone(), fs::read(&path).expect("bytes")))
        .filter(|(path, bytes)| !(ends(path, "-wal") && bytes.is_empty()))
        .collect()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut all = Vec::new();
    list_all(folder, &mut all);
    files.extend(all.into_iter().filter(|path| !BESIDE.iter().any(|suffix| ends(path, suffix))));
}

fn list_all(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            list_all(&path, files);
        } else {
            files.push(path);
        }
    }
    files.sort();
}

fn ends(path: &Path, suffix: &str) -> bool {
    path.as_os_str().to_string_lossy().ends_with(suffix)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Files that no program would write, made here.
fn made() -> (tempfile::TempDir, Vec<PathBuf>) {
    let (folder, sound) = database("sound.sqlite", SHIP);
    let bytes = fs::read(&sound).expect("bytes");
    let mut files = vec![sound];
    let mut file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        files.push(path);
    };
    file("empty.sqlite", b"");
    file("nul.sqlite", &[0; 4096]);
    file("header.sqlite", &bytes[..60]);
    file("log.sqlite-wal.sqlite", b"7\x7f\x06\x82");
    for part in [1, 3, 5, 7] {
        file(&format!("truncated-{part}.sqlite"), &bytes[..bytes.len() * part / 8]);
    }
    for page in 0..bytes.len() / 4096 {
        // Every page in turn, and in it every seventh byte, the header of the file left alone.
        let mut broken = bytes.clone();
        let start = page * 4096 + if page == 0 { 100 } else { 0 };
        broken[start..(page + 1) * 4096].iter_mut().step_by(7).for_each(|b| *b ^= 0x55);
        file(&format!("broken-{page}.sqlite"), &broken);
    }
    live_log(folder.path(), &mut files);
    let mut file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        files.push(path);
    };
    file("deep.json", "[".repeat(100_000).as_bytes());
    file("text.json", b"\"\\ud800 \xff\"");
    (folder, files)
}

/// A database whose rows are all in its log, as a program leaves it that is killed; and one in the middle of a transaction.
fn live_log(folder: &Path, files: &mut Vec<PathBuf>) {
    let writer = folder.join("writer.db");
    let connection = rusqlite::Connection::open(&writer).expect("a database");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").expect("a log");
    connection.execute_batch(SHIP).expect("valid SQL");
    copy_beside(&writer, &folder.join("log.sqlite"), files);
    connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN;").expect("no log");
    connection.execute_batch("UPDATE messages SET content = hex(zeroblob(90000));").expect("a change");
    copy_beside(&writer, &folder.join("journal.sqlite"), files);
}

fn copy_beside(from: &Path, to: &Path, files: &mut Vec<PathBuf>) {
    for suffix in ["", "-wal", "-journal"] {
        if beside(from, suffix).is_file() {
            fs::copy(beside(from, suffix), beside(to, suffix)).expect("a copy");
        }
    }
    files.push(to.to_owned());
}
