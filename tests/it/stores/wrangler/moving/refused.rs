//! Configurations that are not touched, and what is said instead.

use sessionscope::stores::wrangler_move::{MoveError, delete_unbound, move_bound};

use super::shipped;

/// The error of both ways, which is the same.
fn refused(text: &str) -> MoveError {
    let error = move_bound(text).expect_err("refused");
    assert_eq!(delete_unbound(text).expect_err("refused"), error);
    for sentence in [error.to_string(), error.hint().to_owned()] {
        assert!(sentence.len() > 20 && !sentence.contains('\n'), "{sentence}");
    }
    error
}

#[test]
fn deleting_and_making_anew_is_not_mended() {
    let error = refused(&shipped("2-delete-recreate-rejected.jsonc"));
    assert!(matches!(error, MoveError::Deleted { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "The entry v2 deletes McpSessionDO, which MCP_SESSION binds: the deploy is refused (code 10061), whatever a later entry makes"
    );
    assert!(
        error.hint().starts_with("If the entry v2 was never deployed, take it and the entries after it out"),
        "{}",
        error.hint()
    );
}

#[test]
fn deleting_in_the_deploy_that_moves_the_binding_is_not_mended() {
    let error = refused(&shipped("3-rename-and-delete-rejected.jsonc"));
    assert!(matches!(error, MoveError::Deleted { .. }) && error.to_string().contains("10061"), "{error:?}");
    assert!(error.hint().contains("take deleted_classes out of it"), "{}", error.hint());
}

#[test]
fn a_list_that_cannot_be_replayed_is_repaired_first() {
    let error = refused(&shipped("5-broken.jsonc"));
    assert!(matches!(error, MoveError::Unsound { .. }), "{error:?}");
    assert!(error.to_string().starts_with("The tag v1 is used before"), "{error}");
    assert!(error.hint().ends_with("Repair this first, and move then."), "{}", error.hint());
    let odd =
        refused(r#"{"durable_objects":{"bindings":[1]},"migrations":[{"tag":"v1","new_classes":["A"]}]}"#);
    assert!(odd.to_string().contains("no object: wrangler refuses the configuration"), "{odd}");
}

#[test]
fn the_declarative_form_has_a_way_of_its_own() {
    let error = refused(&shipped("6-exports.jsonc"));
    assert_eq!(error, MoveError::Declarative);
    assert!(error.hint().contains("\"storage\": \"sqlite\""), "{}", error.hint());
    let both =
        r#"{"migrations":[{"tag":"v1"}],"exports":{"A":{"type":"durable-object","storage":"sqlite"}}}"#;
    assert_eq!(refused(both), MoveError::Mixed);
    let entrypoint = r#"{"migrations":[{"tag":"v1"}],"exports":{"A":{"type":"worker"}}}"#;
    assert_eq!(move_bound(entrypoint).expect("no Durable Object is in exports").text, entrypoint);
}

#[test]
fn other_texts_are_told_apart_from_broken_ones() {
    for other in
        ["", "{}", "\u{feff}", "[package]\nname = \"x\"\n", "{\"a\": 1}\n{\"durable_objects\": {}}\n"]
    {
        assert_eq!(refused(other), MoveError::NotConfiguration, "{other}");
    }
    let broken = refused("{\n  \"durable_objects\": { \"bindings\": [ }\n}");
    assert_eq!(
        broken.to_string(),
        "The configuration cannot be read from line 2, column 38 on (Unexpected close brace)"
    );
    let broken = refused("[[migrations]]\nnew_classes = [\n");
    assert!(matches!(broken, MoveError::Broken { line: 2, .. }), "{broken:?}");
}
