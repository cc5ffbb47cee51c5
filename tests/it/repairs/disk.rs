//! A disk that is full, wherever it turns out to be.

use std::path::Path;
use std::process::{Command, Output};

use super::Home;
use super::ended;
use super::kill::{Scenario, scenario};
use super::refusals::{files, is_refused, left_no_trace};
use super::stores::{hooks, state};

/// Runs a command that may write no file beyond so many kilobytes; `ignored` makes that an error, else it is killed.
fn limited(home: &Home, kilobytes: u32, ignored: bool, arguments: &[&str]) -> Output {
    let trap = if ignored { "trap '' XFSZ;" } else { "" };
    let mut command = Command::new("bash");
    home.around(&mut command);
    command.args(["-c", &format!("ulimit -c 0; ulimit -f {kilobytes}; {trap} exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_sessionscope")).args(arguments).output().expect("bash")
}

/// Tries every size of file at which writing may end: each is refused without a trace, or done.
fn may_end_anywhere(name: &str, most: u32) {
    let scenario: Scenario = scenario(name);
    let (mut refused, mut failed, mut done) = (0, 0, 0);
    for kilobytes in (0..most).step_by(3) {
        scenario.reset();
        let before = (files(&scenario.home), state(&scenario.home));
        let ended = ended(limited(&scenario.home, kilobytes, true, &scenario.arguments()));
        match ended.status {
            0 => done += 1,
            // The store was changed, and the log could not take that down: it says so, and knows at the next start.
            1 if ended.err.contains("was broken off") || ended.err.contains("It stopped after") => {
                failed += 1
            }
            1 | 3 => {
                left_no_trace(&scenario.home, &ended, &before.0, "");
                refused += 1;
            }
            other => panic!("{name}, {kilobytes} KB: {other}, {}", ended.err),
        }
        scenario.check(&format!("{name}, {kilobytes} KB, {}", ended.err));
    }
    assert!(refused > 3 && done > 0, "{name}: {refused} refused, {failed} failed, {done} done");
}

#[test]
fn a_prune_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("prune", 60);
}

#[test]
fn a_prune_with_a_write_ahead_log_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("prune with a log", 60);
}

#[test]
fn an_import_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("import into a new database", 60);
}

#[test]
fn a_session_file_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("prune of a session file", 60);
}

#[test]
fn a_migration_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("migrate", 90);
}

#[test]
fn an_undo_may_meet_a_full_disk_anywhere() {
    may_end_anywhere("undo", 60);
}

#[test]
fn a_program_that_is_killed_by_a_full_disk_has_changed_nothing_or_all() {
    for name in ["prune", "prune of a session file", "migrate"] {
        let scenario = scenario(name);
        for kilobytes in (0..60).step_by(6) {
            scenario.reset();
            limited(&scenario.home, kilobytes, false, &scenario.arguments());
            scenario.check(&format!("{name}, killed at {kilobytes} KB"));
        }
    }
}

/// A small disk of its own; none where this user may not make one.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn at(path: &'a Path, kilobytes: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mount =
            mount.args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"]).arg(path).output();
        mount.is_ok_and(|o| o.status.success()).then_some(Self(path))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_log_or_a_copy_that_there_is_no_room_for_is_not_begun() {
    let home = Home::new();
    let data = home.data();
    home.database(
        "big.db",
        &format!("{} CREATE TABLE filler AS SELECT zeroblob(2000000) AS b", crate::stores::session_do::SHIP),
    );
    home.database("store.db", &hooks(3, 1));
    for (kilobytes, repair) in [(600, "prune store.db --apply"), (1600, "migrate big.db --apply")] {
        let Some(_disk) = Disk::at(&data, kilobytes) else { return };
        let before = files(&home);
        let ended = home.run(&repair.split(' ').collect::<Vec<_>>());
        is_refused(&home, &ended, &before, "There is not enough space");
    }
}

#[test]
fn a_disk_that_is_full_means_that_nothing_is_changed() {
    let home = Home::new();
    let stores = home.at("");
    let Some(_disk) = Disk::at(&stores, 200) else { return };
    home.database("store.db", &hooks(30, 1));
    home.file("store.json", super::stores::session_file(20, 10));
    let room = std::fs::write(home.at("filler"), vec![0; 1 << 20]);
    assert!(room.is_err(), "the disk is full");
    for name in ["store.db", "store.json"] {
        let before = files(&home);
        let ended = home.run(&["prune", name, "--apply"]);
        left_no_trace(&home, &ended, &before, "");
        assert!(ended.err.contains("full") || ended.err.contains("space"), "{}", ended.err);
    }
}
