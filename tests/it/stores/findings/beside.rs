//! A session file and a database of sessions, one beside the other.

use sessionscope::core::Finding;

use super::told;
use crate::support::{database, examined, opened};

const TABLE: &str = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);";
/// An hour before the tests' clock, two, and two days.
const HOUR: i64 = 1_795_255_200_000 - 3_600_000;
const TWO_HOURS: i64 = HOUR - 3_600_000;
const DAYS: i64 = HOUR - 2 * 86_400_000;

fn id(n: u32) -> String {
    format!("{n:08}-7c1e-4b8e-9d36-5a1c0e7b2f41")
}

/// What examining each of the two finds of the other: of the database, and of the file.
fn both(rows: &[(&str, u32, i64)], entries: &[(&str, u32, i64)], name: &str) -> [Vec<Finding>; 2] {
    let insert = |(key, n, used): &(&str, u32, i64)| {
        format!("INSERT INTO claude_sdk_sessions VALUES ('{key}', '{}', {used}, {used});", id(*n))
    };
    let (folder, path) =
        database("hooks.db", &format!("{TABLE}{}", rows.iter().map(insert).collect::<String>()));
    let entry = |(key, n, used): &(&str, u32, i64)| {
        format!(r#""{key}": {{"id": "{}", "last_used_at": {used}}}"#, id(*n))
    };
    let file = folder.path().join(name);
    let text = entries.iter().map(entry).collect::<Vec<_>>().join(",\n");
    std::fs::write(&file, format!("{{{text}}}")).expect("written");
    let differ = |findings: Vec<Finding>| {
        findings.into_iter().filter(|finding| finding.code == "file-database-differ").collect()
    };
    [differ(examined(&opened(&path))), differ(examined(&opened(&file)))]
}

const A: &str = "github:dev:acme/app:1";
const B: &str = "github:dev:acme/app:2";
const C: &str = "github:dev:acme/app:3";
const D: &str = "github:dev:acme/app:4";

#[test]
fn what_only_the_file_has_and_keys_of_other_sessions_are_told_of_both() {
    let rows = [(A, 1, HOUR), (B, 2, TWO_HOURS), (C, 3, HOUR)];
    let entries =
        [(A, 1, DAYS), (B, 20, HOUR), (C, 30, TWO_HOURS), (D, 4, HOUR), ("github:dev:acme/app:5", 5, DAYS)];
    let [of_database, of_file] = both(&rows, &entries, "sessions.json");
    let messages = |findings: &[Finding]| findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>();
    assert_eq!(
        messages(&of_database),
        [
            "1 session of sessions.json that would still be resumed is not in the database beside it: github:dev:acme/app:4 (used 1 h ago)",
            "1 resume key names a session in sessions.json that was used later than the one in the database beside it: github:dev:acme/app:2 (00000020 in the file, 00000002 in the database)",
            "1 session of sessions.json that would not be resumed any more is not in the database beside it: github:dev:acme/app:5 (used 2 d 1 h ago)",
            "1 resume key names an older session in sessions.json than in the database beside it: github:dev:acme/app:3 (00000030 in the file, 00000003 in the database)",
        ]
    );
    assert_eq!(
        told(&of_file),
        format!(
            "warning file-database-differ {D}, warning file-database-differ {B}, info file-database-differ github:dev:acme/app:5, info file-database-differ {C}"
        )
    );
}

#[test]
fn a_file_and_a_database_that_agree_or_have_nothing_to_do_with_each_other_are_not_told_of() {
    let nothing = [Vec::new(), Vec::new()];
    // The database has more, and other times: it has moved on.
    assert_eq!(both(&[(A, 1, HOUR), (B, 2, HOUR)], &[(A, 1, DAYS)], "sessions.json"), nothing);
    // What went in under another forge than the default, or as another agent, is there.
    let old = [("dev:acme/app:1", 1, HOUR), ("foreman:acme/app:9", 9, HOUR)];
    assert_eq!(
        both(&[(A, 1, HOUR), ("forgejo:architect:acme/app:9", 9, HOUR)], &old, "sessions.json"),
        nothing
    );
    // A file that was imported has another name then, and so has a copy.
    for name in ["sessions.json.imported-20261121", "sessions.old.json"] {
        assert_eq!(both(&[(A, 1, HOUR)], &[(B, 2, HOUR)], name), nothing, "{name}");
    }
    // A broken file is no whole one, and says so itself.
    let (folder, path) = database("hooks.db", TABLE);
    std::fs::write(folder.path().join("sessions.json"), format!(r#"{{"{A}": {{"id": "x""#)).expect("written");
    assert_eq!(examined(&opened(&path)), []);
    // Another database beside the file.
    let (folder, _other) = database("other.db", "CREATE TABLE t (a)");
    let file = folder.path().join("sessions.json");
    std::fs::write(&file, format!(r#"{{"{A}": {{"id": "{}", "last_used_at": {HOUR}}}}}"#, id(1)))
        .expect("written");
    assert_eq!(examined(&opened(&file)), []);
}
