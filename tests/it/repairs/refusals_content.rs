//! What is refused for what is in it: schemas that are not understood, damage, and commands that make no sense.

use std::fs;

use super::refusals::{files, is_refused};
use super::stores::{AGENT_MCP, hooks};
use super::{Ended, Home};

const REPAIRS: &[&[&str]] = &[
    &["prune", "store.db", "--older-than", "1s"],
    &["delete-issue", "store.db", "--forge", "forgejo", "--repo", "acme/app", "--issue", "1"],
    &["delete-session", "store.db", "forgejo:coder:acme/app:1"],
    &["migrate", "store.db"],
    &["import", "sessions.json", "--into", "store.db"],
];

/// Every repair of a database must be refused, whether it is only planned or applied.
fn every_repair_is_refused(sql: &str, says: &[&str]) {
    let home = Home::new();
    home.database("store.db", sql);
    home.fixture("sessions-json/sessions.json", "sessions.json");
    let before = files(&home);
    for repair in REPAIRS {
        for way in [&["--apply"][..], &[]] {
            let ended = home.run(&[repair, way].concat());
            says.iter().for_each(|says| is_refused(&home, &ended, &before, says));
        }
    }
}

const LEDGER: &str =
    "CREATE TABLE sessionscope_migrations (version INTEGER NOT NULL, name TEXT PRIMARY KEY NOT NULL,
  checksum TEXT NOT NULL, applied_at TEXT NOT NULL, duration_ms INTEGER NOT NULL);";

#[test]
fn a_newer_schema_is_never_written() {
    let step = "INSERT INTO sessionscope_migrations VALUES (9, 'claude-hooks-db/0009_later', 'c0ffee', '2026-11-21T09:00:00.000Z', 1)";
    every_repair_is_refused(
        &format!("{}{LEDGER}{step}", hooks(1, 1)),
        &["newer than this program", "claude-hooks-db/0009_later (checksum c0ffee)"],
    );
}

#[test]
fn an_edited_step_is_refused_with_both_texts() {
    let step = "INSERT INTO sessionscope_migrations VALUES (1, 'claude-hooks-db/0001_create_claude_sdk_sessions', 'c0ffee', '2026-11-21T09:00:00.000Z', 1)";
    every_repair_is_refused(
        &format!("{}{LEDGER}{step}", hooks(1, 1)),
        &[
            "was edited after it was applied",
            "checksum c0ffee",
            "Here it is:‹U+000A›-- Makes the table that took the place of sessions.json",
            "The database has:‹U+000A›CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY",
        ],
    );
}

#[test]
fn a_schema_that_is_nearly_known_is_never_written() {
    for (from, to, says) in [
        ("last_used_at INTEGER", "last_used_at TEXT", "last_used_at"),
        ("created_at INTEGER NOT NULL)", "created_at INTEGER NOT NULL, extra TEXT)", "extra"),
        ("key TEXT PRIMARY KEY", "key TEXT", "key"),
    ] {
        let sql = hooks(1, 0).replace(from, to);
        let sql = if to.contains("extra") { sql.replace(" + i FROM n", " + i, NULL FROM n") } else { sql };
        every_repair_is_refused(&sql, &["not understood well enough to be written", says]);
    }
}

#[test]
fn a_database_with_a_damaged_page_is_never_written() {
    let home = Home::new();
    home.database("store.db", &hooks(600, 1));
    let mut bytes = fs::read(home.at("store.db")).expect("bytes");
    // The last page but one: of the table or of its index.
    let at = bytes.len() - 2 * 4096;
    bytes[at..at + 4096].iter_mut().step_by(7).for_each(|b| *b ^= 0x55);
    fs::write(home.at("store.db"), bytes).expect("written");
    let before = files(&home);
    for repair in &REPAIRS[..4] {
        let ended = home.run(&[repair, &["--apply"][..]].concat());
        is_refused(&home, &ended, &before, "amaged");
    }
}

const EMPTY: &str = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL,
  last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);";

/// What becomes of every session file of the fixtures that is bad: of a prune, and of an import.
#[test]
fn a_damaged_session_file_is_never_written_nor_imported_in_part() {
    let mut names: Vec<String> = fs::read_dir(crate::support::fixture("sessions-json"))
        .expect("the fixtures")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|n| n.starts_with("bad."))
        .collect();
    names.sort();
    let mut outcomes = String::new();
    for name in names {
        for repair in [&["prune", "sessions.json"][..], &["import", "sessions.json", "--into", "store.db"]] {
            let home = Home::new();
            home.fixture(&format!("sessions-json/{name}"), "sessions.json");
            home.database("store.db", EMPTY);
            let before = files(&home);
            let ended = home.run(&[repair, &["--apply"]].concat());
            if ended.status == 3 {
                is_refused(&home, &ended, &before, "amaged");
            }
            let end = ended.out.lines().last().unwrap_or("refused").split('.').next().unwrap_or_default();
            outcomes.push_str(&format!("{name} {}: {end}\n", repair[0]));
        }
    }
    assert_eq!(
        outcomes,
        "\
bad.all-nul.json prune: refused
bad.all-nul.json import: refused
bad.bom.json prune: refused
bad.bom.json import: refused
bad.deep-nesting.json prune: keep 1
bad.deep-nesting.json import: reject 1
bad.duplicate-keys.json prune: delete 2
bad.duplicate-keys.json import: insert 1, reject 1, rename 1
bad.empty-file.json prune: refused
bad.empty-file.json import: refused
bad.huge-ints.json prune: keep 4
bad.huge-ints.json import: insert 4, rename 1
bad.lone-surrogate.json prune: refused
bad.lone-surrogate.json import: refused
bad.top-level-array.json prune: refused
bad.top-level-array.json import: refused
bad.trailing-garbage.json prune: refused
bad.trailing-garbage.json import: refused
bad.truncated.json prune: refused
bad.truncated.json import: refused
bad.wrong-types.json prune: delete 1, keep 9
bad.wrong-types.json import: insert 1, reject 9, rename 1
"
    );
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let home = Home::new();
    home.database("store.db", &hooks(1, 1));
    home.fixture("wrangler/1-key-value.jsonc", "wrangler.jsonc");
    home.fixture("sessions-json/session-document.json", "document.json");
    let before = files(&home);
    for (status, says, arguments) in [
        (2, "A repair is of one store, and this is a folder", &["prune", ".", "--apply"][..]),
        (2, "A repair is of one store, and this is a folder", &["migrate", "."]),
        (2, "no version 7", &["migrate", "store.db", "--to", "7", "--apply"]),
        (2, "A configuration is migrated to", &["migrate", "wrangler.jsonc", "--to", "3", "--apply"]),
        (
            2,
            "must be named",
            &["delete-issue", "store.db", "--forge", "f", "--repo", "", "--issue", "1", "--apply"],
        ),
        (2, "--older-than", &["prune", "store.db", "--older-than", "yesterday", "--apply"]),
        (2, "--repo", &["delete-issue", "store.db", "--forge", "f", "--issue", "1", "--apply"]),
        (2, "required", &["delete-session", "store.db", "--apply"]),
        (2, "cannot be used with", &["undo", "1", "--restore-to", "x", "--apply"]),
        (2, "There is no operation 99", &["undo", "99", "--apply"]),
        (2, "There is no operation ../1", &["undo", "../1", "--apply"]),
        (2, "There is no operation 99", &["forget", "99", "--apply"]),
        (1, "There is no file or folder none.db", &["prune", "none.db", "--apply"]),
        (
            1,
            "There is no file or folder none.json",
            &["import", "none.json", "--into", "store.db", "--apply"],
        ),
        (3, "Import it into a database instead", &["prune", "document.json", "--apply"]),
        (3, "no rule by which anything could be pruned", &["prune", "wrangler.jsonc", "--apply"]),
        (
            3,
            "no resume keys",
            &["delete-issue", "wrangler.jsonc", "--forge", "f", "--repo", "r", "--issue", "1", "--apply"],
        ),
    ] {
        let Ended { err, status: is, .. } = home.run(arguments);
        assert_eq!((is, err.contains(says)), (status, true), "{arguments:?}: {err}");
        assert!(
            files(&home) == before && home.operations().is_empty() && home.leftovers().is_empty(),
            "{arguments:?}"
        );
    }
    home.database("agents.db", AGENT_MCP);
    assert_eq!(
        home.run(&["delete-issue", "agents.db", "--forge", "f", "--repo", "r", "--issue", "1"]).status,
        3
    );
}
