//! Deleting, as a last step, the classes that nothing binds any more.

use super::{changed, deleted, kept, places, shipped};
use crate::stores::wrangler::{found, inline};

#[test]
fn a_class_that_nothing_binds_is_deleted_as_a_last_step() {
    let text = shipped("4-deployed.jsonc");
    let done = deleted(&text);
    assert_eq!(changed(&text, &done.text), r#"+    { "tag": "v4", "deleted_classes": ["McpSessionDO"] },"#);
    assert_eq!(places(&done), ["migrations v4"]);
    assert_eq!(found(&inline(&done.text)), [""; 0]);
    let all = done.warnings.join("\n");
    for said in
        ["destroys all data of McpSessionDO", "10061", "script_name", "10074", "Deploy v4 only when v3"]
    {
        assert!(all.contains(said), "{said}: {all}");
    }
}

#[test]
fn a_class_that_is_bound_anywhere_is_not_deleted() {
    let text = shipped("1-key-value.jsonc");
    let done = deleted(&text);
    assert_eq!(done.text, text);
    assert_eq!(
        kept(&done),
        ["class McpSessionDO: MCP_SESSION binds it, and a class that is bound cannot be deleted."]
    );
    let text = r#"{"name":"w","migrations":[{"tag":"v1","new_classes":["A","B","C"],"new_sqlite_classes":["D"]}],
        "env":{"e":{"durable_objects":{"bindings":[{"name":"A","class_name":"A"},{"name":"B","class_name":"B","script_name":"w"}]}}}}"#;
    let done = deleted(text);
    assert_eq!(done.changes[0].after, r#"{"tag":"v2","deleted_classes":["C"]}"#);
    assert_eq!(done.kept.iter().map(|k| k.place.as_str()).collect::<Vec<_>>(), ["class A", "class B"]);
    assert!(done.kept[1].reason.starts_with("env.e B binds it"), "{}", done.kept[1].reason);
}
