//! What is found in the background: each defect has a row that has it, and one that nearly does.

mod agent_mcp;
mod beside;
mod durable;
mod fixtures;
mod shared;

use std::path::{Path, PathBuf};

use sessionscope::core::{Finding, Flow, ReadStore as _, Severity};
use sessionscope::stores::folder;
use sessionscope::stores::sqlite::Cancel;

use super::session_do::{SHIP, apart};
use crate::support::{copied_from, database, examined, fixture, opened, options};

/// What a row of a store is, the SQL that makes it, and what is found of it as [`told`] says it: nothing of a near miss.
type Case<'a> = (&'a str, &'a str, &'a str);

/// Findings in a line: severity, code and key of each.
fn told(findings: &[Finding]) -> String {
    let one = |f: &Finding| format!("{} {} {}", f.severity.as_str(), f.code, f.key).trim_end().to_owned();
    findings.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What examining a store finds that is made by this SQL.
fn made(name: &str, sql: &str) -> Vec<Finding> {
    let (_folder, path) = database(name, sql);
    examined(&opened(&path))
}

/// Makes a store of each case, and compares all that is found of it.
fn check(name: &str, schema: &str, cases: &[Case<'_>]) {
    assert_eq!(told(&made(name, schema)), "", "the store without a case");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(what, sql, expected)| {
            let told = told(&made(name, &format!("{schema}\n{sql};")));
            (told != *expected).then(|| format!("{what}: {told:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.code).collect()
}

fn found<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    findings.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("no {code} in {findings:?}"))
}

/// Parts of the paths of fixtures that were made to be broken.
const BROKEN: [&str; 6] = ["samples/wrangler", "bad", "v2-deleted", "rejected", "5-broken", "truncated"];

#[test]
fn nothing_is_called_an_error_in_what_is_healthy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outside = std::env::var_os("SESSIONSCOPE_FIXTURES").map(PathBuf::from);
    let mut looked = 0;
    for folder in [Some(fixture("")), Some(root.join("assets/samples")), outside].into_iter().flatten() {
        let folder = folder.canonicalize().expect("a folder");
        let (_home, copy) = copied_from(&folder);
        let members =
            folder::walk(&copy, &Cancel::default(), &mut |_| Flow::Continue).expect("a walk").members;
        for member in members {
            if BROKEN.iter().any(|b| member.path.to_string_lossy().contains(b)) {
                continue;
            }
            let Ok(opened) = sessionscope::stores::open(&member.path, &options()) else { continue };
            let mut findings = opened.store.about().findings.clone();
            findings.extend(examined(&opened));
            let errors: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", member.path.display());
            looked += 1;
        }
    }
    assert!(looked > 20, "{looked}");
}

#[test]
fn a_secret_is_told_by_its_kind_and_never_shown() {
    // Put together here, so that no scanner takes this file for one that holds a secret.
    let secret = format!("ghp{}", "_9fK2mQ7xR4vT1bN8cW5zL3jH6gD0sY2pA4eU");
    let sql = format!(
        "{} INSERT INTO messages VALUES ('s', 'user', 'use {secret} please', NULL, 1769972700),
          ('n', 'user', 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is no token, and neither is sk-learn', NULL, 1769972701);",
        apart()
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let findings = examined(&opened(&path));
    assert_eq!(codes(&findings), ["secret-in-text"]);
    assert_eq!(findings[0].message, "1 message holds what looks like a GitHub token: s");
    assert_eq!((findings[0].table.as_ref(), findings[0].key.as_str()), ("messages", "s"));
    assert!(!format!("{findings:?}").contains(&secret));
}

#[test]
fn times_of_two_units_and_times_that_cannot_be_are_said() {
    let (_folder, path) = database(
        "69f1.sqlite",
        &format!(
            "{} INSERT INTO messages VALUES ('ms', 'user', 'x', NULL, 1769972700000), ('old', 'user', 'x', NULL, 5),
              ('late', 'user', 'x', NULL, 4000000000), ('odd', 'user', 'x', NULL, 'CURRENT_TIMESTAMP');",
            apart()
        ),
    );
    let findings = examined(&opened(&path));
    let mixed = found(&findings, "mixed-times");
    assert_eq!(mixed.key, "ms");
    assert!(mixed.message.contains("5 in seconds, 1 in milliseconds"), "{mixed:?}");
    assert_eq!(found(&findings, "time-too-early").key, "old");
    assert_eq!(found(&findings, "time-in-future").key, "late");
    assert!(found(&findings, "time-unreadable").message.contains("odd (CURRENT_TIMESTAMP)"));
    let (_folder, sound) = database("69f1.sqlite", &apart());
    assert_eq!(examined(&opened(&sound)), []);
}

#[test]
fn a_session_s_tables_are_looked_over_for_what_its_program_stumbles_over() {
    let (_folder, path) = database(
        "69f1.sqlite",
        &format!(
            "{SHIP} INSERT INTO tasks VALUES ('lost', 'x', NULL, 'complete', 'plan', 1769972641, NULL),
               ('long', 'x', NULL, 'running', 'plan', 1769972641, NULL);
             INSERT INTO messages VALUES ('broken', 'user', 'x', '[{{', 1769972700);
             INSERT INTO session_meta VALUES ('diff_stats', '{{');"
        ),
    );
    let findings = examined(&opened(&path));
    assert_eq!(found(&findings, "same-second").severity, Severity::Info);
    assert_eq!(found(&findings, "completion-time-lost").key, "lost");
    assert_eq!(found(&findings, "running-long").key, "long");
    let broken: Vec<&str> =
        findings.iter().filter(|f| f.code == "broken-json").map(|f| f.key.as_str()).collect();
    assert_eq!(broken, ["broken", "diff_stats"]);
}

#[test]
fn resume_keys_are_judged_together() {
    const ID: &str = "979cab47-1111-4222-8333-444444444444";
    let (_folder, path) = database(
        "hooks.db",
        &format!(
            "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
             INSERT INTO claude_sdk_sessions VALUES
               ('forgejo:architect:acme/app:1', '{ID}', 1795255000000, 1795255000000),
               ('foreman:acme/app:1', '979cab47-1111-4222-8333-444444444445', 1795255000000, 1795255000000),
               ('github:dev:acme/app:2', '{ID}', 1795255000000, 1795255000000),
               ('github:dev:acme/app:3', 'local_{ID}', 1795255000000, 1795255000000),
               ('github:dev:acme/app:4', '979cab47-1111-4222-8333-444444444446', 1795000000000, 1795000000000),
               ('github:dev:acme:5', '979cab47-1111-4222-8333-444444444447', 0, 1795000000000);"
        ),
    );
    let findings = examined(&opened(&path));
    for (code, key) in [
        ("colliding-keys", "foreman:acme/app:1"),
        ("session-named-twice", "github:dev:acme/app:2"),
        ("session-id-malformed", "github:dev:acme/app:3"),
        ("stale-key", "github:dev:acme/app:4"),
        ("odd-key", "github:dev:acme:5"),
        ("time-zero", "github:dev:acme:5"),
    ] {
        let finding = found(&findings, code);
        assert!(finding.message.starts_with("1 ") && finding.message.contains(key), "{finding:?}");
    }
}
