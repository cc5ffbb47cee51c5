//! Worker configurations: what their migrations come to, and what a deploy would run into.

mod moving;
mod reading;

use std::fs;
use std::path::PathBuf;

use sessionscope::core::{ReadStore as _, Table};
use sessionscope::stores::Opened;

use crate::support::{copied, fixture, opened, table};

fn shipped(name: &str) -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::copy(fixture("wrangler").join(name), &path).expect("copied");
    opened(&path)
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    // Told by its content: the name says nothing.
    let path = folder.path().join("some.txt");
    fs::write(&path, text).expect("written");
    (folder, path)
}

fn inline(text: &str) -> Opened {
    let (_folder, path) = written(text);
    opened(&path)
}

/// A configuration with these migrations, and bindings given as name and class.
fn config(migrations: &str, bindings: &[(&str, &str)]) -> Opened {
    let bindings: Vec<String> =
        bindings.iter().map(|(n, c)| format!(r#"{{"name":"{n}","class_name":"{c}"}}"#)).collect();
    inline(&format!(
        r#"{{"name":"w","durable_objects":{{"bindings":[{}]}},"migrations":[{migrations}]}}"#,
        bindings.join(",")
    ))
}

/// The findings as lines of severity, code, table and key.
fn found(opened: &Opened) -> Vec<String> {
    let findings = &opened.store.about().findings;
    for finding in findings {
        assert!(!finding.message.is_empty() && !finding.suggestion.is_empty(), "{finding:?}");
    }
    findings
        .iter()
        .map(|f| format!("{} {} {} {}", f.severity.as_str(), f.code, f.table, f.key).trim_end().to_owned())
        .collect()
}

fn steps(opened: &Opened) -> String {
    table(&opened.store, Table::Migrations, &["ordinal", "version", "name", "status", "source"])
}

fn state(opened: &Opened) -> String {
    table(&opened.store, Table::State, &["owner", "key", "value"])
}

fn facts(opened: &Opened) -> Vec<String> {
    opened.store.about().facts.iter().map(|(label, text)| format!("{label}: {text}")).collect()
}

#[test]
fn a_bound_key_value_class_is_a_warning() {
    let store = shipped("1-key-value.jsonc");
    assert_eq!(steps(&store), "1 | v1 | create McpSessionDO (key-value) | in effect | top level");
    assert_eq!(found(&store), ["warning key-value-class state MCP_SESSION"]);
    assert_eq!(
        state(&store),
        r#"class | McpSessionDO | {"backend":"key-value","created_by":"v1"}
binding | MCP_SESSION | {"class_name":"McpSessionDO"}"#
    );
    let about = store.store.about();
    assert_eq!(about.stores, ["wrangler-config"]);
    assert_eq!(about.name.as_deref(), Some("session-cloud"));
    assert_eq!(about.keeps, [Table::State, Table::Migrations]);
    assert_eq!(
        facts(&store),
        ["Name: session-cloud", "Main: src/server.ts", "Compatibility date: 2026-04-01"]
    );
    assert_eq!(
        table(&store.store, Table::Migrations, &["detail"]),
        r#"{"tag":"v1","new_classes":["McpSessionDO"]}"#
    );
}

#[test]
fn deleting_a_bound_class_is_refused_though_a_later_step_makes_it_again() {
    let store = shipped("2-delete-recreate-rejected.jsonc");
    assert_eq!(
        steps(&store),
        "1 | v1 | create McpSessionDO (key-value) | in effect | top level\n\
         2 | v2 | delete McpSessionDO | in effect | top level\n\
         3 | v3 | create McpSessionDO (SQLite) | in effect | top level"
    );
    assert_eq!(found(&store), ["error deleted-class-bound migrations v2"]);
    let message = &store.store.about().findings[0].message;
    assert!(message.contains("10061") && message.contains("MCP_SESSION"), "{message}");
}

#[test]
fn deleting_a_class_in_the_deploy_that_moves_its_binding_is_refused() {
    let store = shipped("3-rename-and-delete-rejected.jsonc");
    assert_eq!(
        steps(&store),
        "1 | v1 | create McpSessionDO (key-value) | in effect | top level\n\
         2 | v2 | delete McpSessionDO | in effect | top level\n\
         3 | v2 | create McpSessionDOSqlite (SQLite) | in effect | top level"
    );
    assert_eq!(found(&store), ["error delete-and-move migrations v2"]);
}

#[test]
fn the_configuration_that_deployed_has_no_error() {
    let store = shipped("4-deployed.jsonc");
    assert_eq!(
        steps(&store),
        "1 | v1 | create McpSessionDO (key-value) | in effect | top level\n\
         2 | v2 | create McpSessionDOSqlite (SQLite) | in effect | top level\n\
         3 | v3 | create RateLimiterDO (SQLite) | in effect | top level"
    );
    assert_eq!(found(&store), ["info key-value-class state McpSessionDO"]);
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let store = shipped("5-broken.jsonc");
    assert_eq!(
        steps(&store),
        "1 | v1 | create Alpha (key-value) | in effect | top level\n\
         2 | v1 | create Beta (SQLite) | never reached | top level\n\
         3 | v2 | create Alpha (SQLite) | never reached | top level\n\
         4 | v3 | rename Gamma to Delta | never reached | top level\n\
         5 | - | create NoTag (key-value) | never reached | top level"
    );
    assert_eq!(
        found(&store),
        [
            "error duplicate-tag migrations v1",
            "error class-exists migrations v2",
            "error class-missing migrations v3",
            "error missing-tag migrations",
            "warning key-value-class state A",
            "error class-not-created state GHOST",
        ]
    );
    assert_eq!(
        state(&store),
        r#"class | Alpha | {"backend":"key-value","created_by":"v1"}
binding | A | {"class_name":"Alpha"}
binding | GHOST | {"class_name":"NeverCreated"}"#
    );
}

#[test]
fn exports_declare_classes_without_migrations() {
    let store = shipped("6-exports.jsonc");
    assert_eq!(steps(&store), "");
    assert_eq!(found(&store), ["info key-value-class state LegacyDO"]);
    assert_eq!(
        state(&store),
        r#"class | SessionDO | {"backend":"sqlite","created_by":"exports"}
class | LegacyDO | {"backend":"key-value","created_by":"exports"}
binding | SESSION | {"class_name":"SessionDO"}
export | SessionDO | {"type":"durable-object","storage":"sqlite"}
export | OldSessionDO | {"type":"durable-object","state":"deleted"}
export | LegacyDO | {"type":"durable-object","storage":"legacy-kv"}"#
    );
}

#[test]
fn toml_reads_as_json_does() {
    let store = shipped("session-manager.toml");
    assert_eq!(steps(&store), "1 | v1 | create SessionManager (key-value) | in effect | top level");
    assert_eq!(found(&store), ["warning key-value-class state SESSION_MANAGER"]);
    assert_eq!(
        state(&store),
        r#"class | SessionManager | {"backend":"key-value","created_by":"v1"}
binding | SESSION_MANAGER | {"class_name":"SessionManager","script_name":"greptile-mcp-server"}"#
    );
    assert_eq!(facts(&store), ["Name: greptile-mcp-server", "Main: src/worker.py", "Environments: staging"]);
}

#[test]
fn the_configurations_of_real_objects_are_judged_as_the_platform_does() {
    let (_folder, root) = copied("durable/kv-to-sqlite");
    let first = opened(&root.join("1-kv-v1/wrangler.jsonc"));
    assert_eq!(found(&first), ["warning key-value-class state SESSION_MANAGER"]);
    let third = opened(&root.join("3-v2-deleted-v3-new_sqlite/wrangler.jsonc"));
    assert_eq!(found(&third), ["error deleted-class-bound migrations v2"]);
}

const V1: &str = r#"{"tag":"v1","new_sqlite_classes":["A"]}"#;

#[test]
fn a_binding_needs_a_class_that_some_step_creates() {
    assert_eq!(found(&config(V1, &[("A", "A")])), [""; 0]);
    assert_eq!(found(&config(V1, &[("B", "B")])), ["error class-not-created state B"]);
    let renamed = format!(r#"{V1},{{"tag":"v2","renamed_classes":[{{"from":"A","to":"B"}}]}}"#);
    assert_eq!(found(&config(&renamed, &[("X", "B")])), [""; 0]);
    let stale = config(&renamed, &[("X", "A")]);
    assert_eq!(found(&stale), ["error class-not-created state X"]);
    assert_eq!(stale.store.about().findings[0].suggestion, "Let the binding name B.");
}

#[test]
fn a_class_of_another_worker_is_not_judged() {
    let bound = |script: &str| {
        inline(&format!(
            r#"{{"name":"w","durable_objects":{{"bindings":[{{"name":"B","class_name":"X","script_name":"{script}"}}]}}}}"#
        ))
    };
    assert_eq!(found(&bound("other")), [""; 0]);
    assert_eq!(found(&bound("w")), ["error class-not-created state B"]);
}

#[test]
fn a_class_that_exists_cannot_be_made_again() {
    let with = |second: &str| config(&format!(r#"{V1},{{"tag":"v2",{second}}}"#), &[]);
    assert_eq!(found(&with(r#""new_sqlite_classes":["A"]"#)), ["error class-exists migrations v2"]);
    let taken = r#""new_sqlite_classes":["B"],"renamed_classes":[{"from":"A","to":"B"}]"#;
    assert_eq!(found(&with(taken)), ["error class-exists migrations v2"]);
    // Within an entry, deletes come first.
    let again = with(r#""new_sqlite_classes":["A"],"deleted_classes":["A"]"#);
    assert_eq!(found(&again), [""; 0]);
    assert_eq!(steps(&again).lines().nth(1), Some("2 | v2 | delete A | in effect | top level"));
}

#[test]
fn renaming_or_deleting_needs_a_class_that_exists() {
    let with = |second: &str| found(&config(&format!(r#"{V1},{{"tag":"v2",{second}}}"#), &[]));
    assert_eq!(with(r#""deleted_classes":["B"]"#), ["error class-missing migrations v2"]);
    assert_eq!(with(r#""renamed_classes":[{"from":"B","to":"C"}]"#), ["error class-missing migrations v2"]);
    let refused = |second: &str| {
        let opened = config(&format!(r#"{V1},{{"tag":"v2",{second}}}"#), &[]);
        opened.store.about().findings[0].message.contains("10074")
    };
    assert!(
        refused(r#""deleted_classes":["B"]"#) && !refused(r#""renamed_classes":[{"from":"B","to":"C"}]"#)
    );
    // What another worker handed over is there, though wrangler's own replay does not see it.
    let transferred = config(
        r#"{"tag":"v1","transferred_classes":[{"from":"A","from_script":"old","to":"B"}]},
           {"tag":"v2","renamed_classes":[{"from":"B","to":"C"}]}"#,
        &[("C", "C")],
    );
    assert_eq!(found(&transferred), ["warning transferred-class migrations v2"]);
    let stays = r#"{"tag":"v1","transferred_classes":[{"from":"A","from_script":"old","to":"B"}]}"#;
    assert_eq!(found(&config(stays, &[("B", "B")])), [""; 0]);
    assert_eq!(
        steps(&transferred),
        "1 | v1 | transfer A from old to B | in effect | top level\n2 | v2 | rename B to C | in effect | top level"
    );
    assert_eq!(
        state(&transferred),
        "class | C | {\"backend\":\"unknown\",\"created_by\":\"v1\",\"renamed_from\":\"B\"}\nbinding | C | {\"class_name\":\"C\"}"
    );
}

#[test]
fn an_old_class_may_be_deleted_in_a_later_deploy() {
    let moved = r#"{"tag":"v1","new_classes":["Old"]},{"tag":"v2","new_sqlite_classes":["New"]}"#;
    let later = format!(r#"{moved},{{"tag":"v3","deleted_classes":["Old"]}}"#);
    assert_eq!(found(&config(&later, &[("X", "New")])), [""; 0]);
    let again = format!(r#"{moved},{{"tag":"v3","deleted_classes":["Old"],"new_sqlite_classes":["Old"]}}"#);
    assert_eq!(found(&config(&again, &[("X", "Old")])), ["error deleted-class-bound migrations v3"]);
    let at_once = format!(r#"{moved},{{"tag":"v3","deleted_classes":["Old"],"new_classes":["Y"]}}"#);
    assert_eq!(
        found(&config(&at_once, &[("X", "Y")])),
        ["warning key-value-class state X", "error delete-and-move migrations v3"]
    );
}

#[test]
fn tags_name_each_entry_once() {
    let repeated = config(&format!(r#"{V1},{{"tag":"v1","new_sqlite_classes":["B"]}},{{"tag":"v2"}}"#), &[]);
    assert_eq!(found(&repeated), ["error duplicate-tag migrations v1"]);
    assert_eq!(
        steps(&repeated),
        "1 | v1 | create A (SQLite) | in effect | top level\n\
         2 | v1 | create B (SQLite) | never reached | top level\n\
         3 | v2 | nothing | in effect | top level"
    );
    assert_eq!(found(&config(r#"{"new_sqlite_classes":["A"]}"#, &[])), ["error missing-tag migrations"]);
}

#[test]
fn unknown_fields_are_warned_of() {
    let odd = config(r#"{"tag":"v1","new_sqlite_class":["A"]}"#, &[]);
    assert_eq!(found(&odd), ["warning unknown-field migrations v1"]);
}

#[test]
fn exports_and_migrations_exclude_each_other() {
    let both = inline(
        r#"{"migrations":[{"tag":"v1"}],"exports":{"A":{"type":"durable-object","storage":"sqlite"}}}"#,
    );
    assert_eq!(found(&both), ["error migrations-and-exports migrations"]);
    let entrypoint = inline(r#"{"migrations":[{"tag":"v1"}],"exports":{"A":{"type":"worker"}}}"#);
    assert_eq!(found(&entrypoint), [""; 0]);
}

#[test]
fn exports_are_judged_as_migrations_are() {
    let with = |export: &str| {
        found(&inline(&format!(
            r#"{{"durable_objects":{{"bindings":[{{"name":"B","class_name":"A"}}]}},"exports":{{{export}}}}}"#
        )))
    };
    assert_eq!(with(r#""A":{"type":"durable-object","storage":"sqlite"}"#), [""; 0]);
    assert_eq!(
        with(r#""A":{"type":"durable-object","state":"deleted"}"#),
        ["error export-deleted-bound state B"]
    );
    assert_eq!(
        with(r#""A":{"type":"durable-object","storage":"legacy-kv"}"#),
        ["warning key-value-class state B"]
    );
    assert_eq!(
        with(r#""Z":{"type":"durable-object","storage":"sqlite"}"#),
        ["error class-not-created state B"]
    );
}

#[test]
fn an_environment_inherits_migrations_and_no_bindings() {
    let store = inline(
        r#"
name = "w"
main = "a.ts"
[[durable_objects.bindings]]
name = "TOP"
class_name = "A"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["A"]
new_classes = ["K"]
[env.bare]
[[env.inherits.durable_objects.bindings]]
name = "K"
class_name = "K"
[[env.inherits.durable_objects.bindings]]
name = "GHOST"
class_name = "G"
script_name = "w-inherits"
[[env.own.durable_objects.bindings]]
name = "OWN"
class_name = "B"
[[env.own.migrations]]
tag = "v1"
new_sqlite_classes = ["B"]
[[env.own.migrations]]
tag = "v2"
renamed_classes = [{ from = "A", to = "C" }]
"#,
    );
    assert_eq!(
        steps(&store),
        "1 | v1 | create K (key-value) | in effect | top level\n\
         2 | v1 | create A (SQLite) | in effect | top level\n\
         1 | v1 | create B (SQLite) | in effect | env.own\n\
         2 | v2 | rename A to C | never reached | env.own"
    );
    assert_eq!(
        found(&store),
        [
            "error class-missing migrations v2",
            "warning key-value-class state K",
            "error class-not-created state GHOST",
        ]
    );
    assert!(store.store.about().findings[0].message.starts_with("In env.own: "));
    assert_eq!(
        state(&store)
            .lines()
            .map(|l| l.split(" | ").take(2).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>(),
        [
            "class K",
            "class A",
            "binding TOP",
            "env.inherits binding K",
            "env.inherits binding GHOST",
            "env.own class B",
            "env.own binding OWN",
        ]
    );
    assert_eq!(facts(&store).last().map(String::as_str), Some("Environments: bare, inherits, own"));
}

#[test]
fn wrong_types_are_reported_and_never_fatal() {
    let store = inline(
        r#"{"name":5,"main":[],"compatibility_date":{},"env":{"a":7,"b":{"migrations":{},"exports":[]}},
            "durable_objects":{"bindings":[1,{"name":2,"class_name":"A"},{"name":"B"}]},
            "exports":{"X":3,"Y":{"type":"durable-object","state":5,"storage":[]}},
            "migrations":[4,{"tag":"v1","new_classes":"A","renamed_classes":[{"from":"A"},null],"deleted_classes":[1]}]}"#,
    );
    let wrong = found(&store);
    assert_eq!(wrong.iter().filter(|f| f.starts_with("error wrong-type")).count(), 11, "{wrong:#?}");
    assert_eq!(steps(&store), "1 | v1 | nothing | in effect | top level");
    let objects = inline(r#"{"durable_objects":{"bindings":{}},"migrations":null}"#);
    assert_eq!(found(&objects), ["error wrong-type state"]);
}

#[test]
fn an_entry_of_many_steps_is_written_out_once() {
    let classes: Vec<String> = (0..50).map(|n| format!("\"C{n}\"")).collect();
    let store = config(&format!(r#"{{"tag":"v1","new_sqlite_classes":[{}]}}"#, classes.join(",")), &[]);
    let details = table(&store.store, Table::Migrations, &["detail"]);
    let lines: Vec<&str> = details.lines().collect();
    assert_eq!((lines.len(), lines[49]), (50, r#"{"tag":"v1"}"#));
    assert!(lines[0].contains("C49"), "{}", lines[0]);
}
