//! What is refused: exit status 3, one sentence that says why and what to do, and nothing changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::stores::{hooks, session_file};
use super::{Ended, Home};

const PRUNE: &[&str] = &["prune", "store.db", "--apply"];

/// Checks that a refusal is one: said in one line, and with no trace.
pub fn is_refused(home: &Home, ended: &Ended, before: &Files, says: &str) {
    assert_eq!(ended.status, 3, "{}{}", ended.out, ended.err);
    left_no_trace(home, ended, before, says);
}

/// Checks that what was refused, or failed, is said in one line, and left no trace.
pub fn left_no_trace(home: &Home, ended: &Ended, before: &Files, says: &str) {
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("sessionscope: ") && ended.err.contains(says), "{}", ended.err);
    assert!(ended.err.trim_end().ends_with('.'), "{}", ended.err);
    assert!(files(home) == *before, "the store was changed: {}", ended.err);
    assert_eq!(home.leftovers(), [""; 0], "{}", ended.err);
    let applied = |o: &serde_json::Value| o["state"] == "applied";
    assert!(home.data().is_file() || home.operations().iter().all(applied), "{}", ended.err);
}

pub type Files = std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>;

/// The files of the stores, but for what SQLite keeps in memory that several programs share, and an empty log.
pub fn files(home: &Home) -> Files {
    let stores = home.at("");
    let aside = |path: &Path, bytes: &[u8]| {
        let name = path.to_string_lossy();
        name.ends_with("-shm") || (name.ends_with("-wal") && bytes.is_empty())
    };
    home.files().into_iter().filter(|(p, bytes)| p.starts_with(&stores) && !aside(p, bytes)).collect()
}

/// Runs a repair that must be refused.
fn refused(home: &Home, arguments: &[&str], says: &str) {
    let before = files(home);
    let ended = home.run(arguments);
    is_refused(home, &ended, &before, says);
}

fn pruned() -> Home {
    let home = Home::new();
    home.database("store.db", &hooks(3, 2));
    home
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

#[test]
fn a_file_that_is_read_only_is_left_alone() {
    let home = pruned();
    allow(&home.at("store.db"), 0o444);
    refused(&home, PRUNE, "The file is read only");
}

#[test]
fn a_folder_that_is_read_only_is_left_alone() {
    let home = pruned();
    home.file("sessions.json", session_file(2, 1));
    allow(&home.at(""), 0o555);
    refused(&home, PRUNE, "Its folder is read only");
    refused(&home, &["prune", "sessions.json", "--apply"], "Its folder is read only");
    refused(&home, &["import", "sessions.json", "--into", "new.db", "--apply"], "Its folder is read only");
    allow(&home.at(""), 0o755);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let home = pruned();
    home.file("sessions.json", session_file(2, 1));
    std::os::unix::fs::symlink("store.db", home.at("link.db")).expect("a link");
    std::os::unix::fs::symlink("sessions.json", home.at("link.json")).expect("a link");
    std::os::unix::fs::symlink("nowhere.db", home.at("broken.db")).expect("a link");
    for (name, from) in [("link.db", "prune"), ("link.json", "prune")] {
        refused(&home, &[from, name, "--apply"], "It is a symbolic link");
    }
    for into in ["link.db", "broken.db"] {
        refused(&home, &["import", "sessions.json", "--into", into, "--apply"], "It is a symbolic link");
    }
    refused(&home, &["import", "link.json", "--into", "store.db", "--apply"], "It is a symbolic link");
}

#[test]
fn a_file_of_two_names_is_left_alone() {
    let home = pruned();
    home.file("sessions.json", session_file(2, 1));
    for name in ["store.db", "sessions.json"] {
        fs::hard_link(home.at(name), home.at("second")).expect("a second name");
        refused(&home, &["prune", name, "--apply"], "The file has 2 names (hard links)");
        fs::remove_file(home.at("second")).expect("removed");
    }
}

#[test]
fn a_database_that_another_kind_of_program_coordinates_is_left_alone() {
    let home = pruned();
    home.file("store.db-tshm", "x");
    refused(&home, PRUNE, "Turso");
}

#[test]
fn a_file_that_takes_the_place_of_the_one_that_was_looked_at_is_left_alone() {
    for (name, at) in
        [("store.db", "start"), ("store.db", "logged"), ("store.json", "start"), ("store.json", "logged")]
    {
        let home = pruned();
        home.file("store.json", session_file(2, 1));
        fs::copy(home.at(name), home.at("other")).expect("a copy");
        let halted = home.halted(at, &["prune", name, "--apply"]).expect("it stands still");
        fs::rename(home.at("other"), home.at(name)).expect("renamed");
        let before = files(&home);
        is_refused(&home, &halted.finish(), &before, "it was replaced or moved meanwhile");
    }
}

#[test]
fn a_database_that_appears_where_one_is_to_be_made_is_left_alone() {
    for at in ["start", "logged", "changed", "prepared"] {
        let home = Home::new();
        home.file("sessions.json", session_file(2, 1));
        let import = ["import", "sessions.json", "--into", "new.db", "--apply"];
        let halted = home.halted(at, &import).expect("it stands still");
        home.database("new.db", &hooks(1, 1));
        let before: Files = files(&home)
            .into_iter()
            .filter(|(p, _)| !p.to_string_lossy().contains(".sessionscope"))
            .collect();
        is_refused(&home, &halted.finish(), &before, "it was replaced or moved meanwhile");
    }
}

#[test]
fn a_text_that_somebody_writes_before_the_exchange_is_theirs() {
    for at in ["changed", "prepared"] {
        let home = Home::new();
        home.file("store.json", session_file(2, 1));
        let halted = home.halted(at, &["prune", "store.json", "--apply"]).expect("it stands still");
        let theirs = session_file(3, 3);
        // In place, and as most programs do it: beside it, and renamed.
        match at {
            "changed" => fs::write(home.at("store.json"), &theirs).expect("written"),
            _ => {
                home.file("store.json.tmp", &theirs);
                fs::rename(home.at("store.json.tmp"), home.at("store.json")).expect("renamed");
            }
        }
        let ended = halted.finish();
        assert_eq!(fs::read_to_string(home.at("store.json")).expect("text"), theirs, "{at}");
        let before = files(&home);
        is_refused(&home, &ended, &before, "it was replaced or moved meanwhile");
    }
}

#[test]
fn a_database_that_is_locked_for_long_is_left_alone() {
    let locked = |journal: &str, lock: &str| {
        let home = pruned();
        home.sql("store.db", &format!("PRAGMA journal_mode = {journal}"));
        let holder = Connection::open(home.at("store.db")).expect("a database");
        let begin = format!("BEGIN {lock}; UPDATE claude_sdk_sessions SET created_at = 1");
        holder.execute_batch(&begin).expect("locked");
        let ended = home.run(PRUNE);
        holder.execute_batch("ROLLBACK").expect("free");
        drop(holder);
        let before = files(&home);
        is_refused(&home, &ended, &before, "Another program has the");
    };
    // All at once: each waits for as long as a writer does.
    std::thread::scope(|scope| {
        for journal in ["DELETE", "WAL"] {
            for lock in ["EXCLUSIVE", "IMMEDIATE"] {
                scope.spawn(move || locked(journal, lock));
            }
        }
    });
}

#[test]
fn a_log_that_cannot_be_written_means_that_nothing_is() {
    let home = pruned();
    let before = files(&home);
    for data in ["/dev/null", "/dev/null/data", "/sys"] {
        let ended = home.command(PRUNE).env("SESSIONSCOPE_DATA_DIR", data).output().expect("it starts");
        is_refused(&home, &super::ended(ended), &before, "The operation log cannot be written");
    }
    home.remove_data();
    fs::write(home.data(), "a file").expect("written");
    refused(&home, PRUNE, "The operation log cannot be written");
}

#[test]
fn a_database_that_only_a_copy_can_be_read_of_is_left_alone() {
    let home = pruned();
    // As a program leaves it that is killed in the midst of a commit: with a journal that must be rolled back first.
    let writer = Connection::open(home.at("store.db")).expect("a database");
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; UPDATE claude_sdk_sessions SET session_id = hex(zeroblob(9000))",
        )
        .expect("a change");
    for suffix in ["", "-journal"] {
        fs::copy(home.at(&format!("store.db{suffix}")), home.at(&format!("copy.db{suffix}")))
            .expect("a copy");
    }
    writer.execute_batch("ROLLBACK").expect("rolled back");
    drop(writer);
    let before = files(&home);
    let ended = home.run(&["prune", "copy.db", "--apply"]);
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(ended.err.contains("SQLite cannot open this file where it is"), "{}", ended.err);
    assert!(files(&home) == before);
}

#[test]
fn a_path_that_the_log_could_not_find_again_is_left_alone() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = pruned();
    let odd = home.at("").join(std::ffi::OsStr::from_bytes(b"odd\xff.db"));
    fs::rename(home.at("store.db"), &odd).expect("renamed");
    home.file("sessions.json", session_file(1, 0));
    let before = files(&home);
    for (command, last) in
        [(&["prune"][..], &["--apply"][..]), (&["import", "sessions.json", "--into"], &["--apply"])]
    {
        let run = |path: &Path| {
            let mut run = home.command(command);
            super::ended(run.arg(path).args(last).output().expect("it runs"))
        };
        is_refused(&home, &run(&odd), &before, "not UTF-8, and could not be found again from the log");
        if command[0] == "import" {
            is_refused(
                &home,
                &run(&odd.with_extension("new")),
                &before,
                "not UTF-8, and could not be found again from the log",
            );
        }
    }
}
