use std::fs;
use std::path::Path;

use sessionscope::core::{Flow, StoreError};
use sessionscope::stores::folder::{Found, Walked, walk};
use sessionscope::stores::sqlite::Cancel;

use crate::support::copied;

fn walked(folder: &Path) -> Found {
    walk(folder, &Cancel::default(), &mut |_| Flow::Continue).expect("a walk")
}

fn names(found: &Found) -> Vec<&str> {
    found.members.iter().map(|m| m.name.as_str()).collect()
}

#[test]
fn a_folder_of_objects_lists_them_by_name_and_leaves_alarm_lists_out() {
    let (_folder, root) = copied("durable/mcp-agent");
    let found = walked(&root);
    assert_eq!(
        names(&found),
        [
            "executor-cloud-McpSessionDO/sse:914e533ed5577e753f18af36965f181e4ccce25f6f90ef8094448b12cc7ef664",
            "executor-cloud-McpSessionDO/5f5b29a2…",
            "executor-cloud-McpSessionDO/streamable-http:625e62fe98da62e87a653f03a476e0cf6b00af325bfbc5f9550eaa59ec6dda84",
        ]
    );
    assert_eq!(found.findings, []);
}

#[test]
fn only_stores_are_members_and_damaged_ones_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for inner in ["node_modules", ".git", "deep/er"] {
        fs::create_dir_all(root.join(inner)).expect("a folder");
    }
    for path in ["b.db", "node_modules/x.db", ".git/y.db", "deep/er/no-suffix"] {
        let connection = rusqlite::Connection::open(root.join(path)).expect("a database");
        connection.execute_batch("CREATE TABLE t (a)").expect("valid SQL");
    }
    fs::write(root.join("b.db-journal"), "x").expect("written");
    fs::write(root.join("empty.sqlite"), "").expect("written");
    fs::write(root.join("scrambled.sqlite"), [7; 4096]).expect("written");
    fs::write(root.join("package.json"), r#"{"name":"x","scripts":{"a":"b"}}"#).expect("written");
    fs::write(root.join("notes.txt"), "SQLite format 4").expect("written");
    fs::write(root.join("crashed.json"), [0; 100]).expect("written");
    assert_eq!(
        names(&walked(root)),
        ["b.db", "crashed.json", "deep/er/no-suffix", "empty.sqlite", "scrambled.sqlite"]
    );
}

#[cfg(unix)]
#[test]
fn links_to_folders_and_pipes_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    fs::create_dir(root.join("a")).expect("a folder");
    std::os::unix::fs::symlink(root, root.join("a/loop")).expect("a link");
    fs::write(root.join("real.sqlite"), "").expect("written");
    std::os::unix::fs::symlink(root.join("gone"), root.join("dangling.sqlite")).expect("a link");
    let made = std::process::Command::new("mkfifo").arg(root.join("pipe.sqlite")).status();
    assert!(made.is_ok_and(|s| s.success()), "mkfifo");
    assert_eq!(names(&walked(root)), ["real.sqlite"]);
}

#[test]
fn a_walk_reports_how_far_it_is_and_can_be_stopped() {
    let (_folder, root) = copied("durable/mcp-agent-kv");
    let mut last = Walked::default();
    let mut see = |walked: Walked| {
        last = walked;
        Flow::Continue
    };
    walk(&root, &Cancel::default(), &mut see).expect("a walk");
    assert_eq!(last, Walked { folders: 2, stores: 2 });
    let stopped = walk(&root, &Cancel::default(), &mut |_| Flow::Stop);
    assert!(matches!(stopped, Err(StoreError::Cancelled)));
    let cancel = Cancel::default();
    cancel.cancel();
    assert!(matches!(walk(&root, &cancel, &mut |_| Flow::Continue), Err(StoreError::Cancelled)));
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = walk(&folder.path().join("no"), &Cancel::default(), &mut |_| Flow::Continue);
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}
