//! Worker configurations: what their migrations come to, and what a deploy would run into.

use std::fs;
use std::path::PathBuf;

use sessionscope::core::{ReadStore as _, StoreError, Table};
use sessionscope::stores::{Opened, open};

use crate::support::{fixture, opened, options, table};

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

/// A configuration with these migrations and bindings, the class named as the binding in small letters.
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
