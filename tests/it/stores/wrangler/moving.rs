//! Moving classes to SQLite: what becomes of a configuration's text.

mod deleting;
mod hostile;
mod refused;
mod styles;

use std::fs;

use sessionscope::stores::wrangler_move::{Move, delete_unbound, move_bound};

use super::{found, inline, state};
use crate::support::fixture;

fn shipped(name: &str) -> String {
    fs::read_to_string(fixture("wrangler").join(name)).expect("a fixture")
}

/// Moves, and makes sure of what is true of every move.
fn moved(text: &str) -> Move {
    let done = move_bound(text).unwrap_or_else(|e| panic!("{e}: {}\n{text}", e.hint()));
    only_what_is_said_changed(text, &done);
    let again = move_bound(&done.text).unwrap_or_else(|e| panic!("again: {e}\n{}", done.text));
    assert_eq!(
        (again.text.as_str(), again.changes.len()),
        (done.text.as_str(), 0),
        "a second run does nothing"
    );
    done
}

fn deleted(text: &str) -> Move {
    let done = delete_unbound(text).unwrap_or_else(|e| panic!("{e}: {}\n{text}", e.hint()));
    only_what_is_said_changed(text, &done);
    let again = delete_unbound(&done.text).unwrap_or_else(|e| panic!("again: {e}\n{}", done.text));
    assert_eq!(
        (again.text.as_str(), again.changes.len()),
        (done.text.as_str(), 0),
        "a second run does nothing"
    );
    done
}

/// Takes every change back, in order: what is left may be more than the text by white space and a comma for each entry only.
fn only_what_is_said_changed(text: &str, done: &Move) {
    let (mut back, mut rest) = (String::new(), done.text.as_str());
    for change in &done.changes {
        let at = rest.find(&change.after).unwrap_or_else(|| panic!("{change:?} is not in\n{rest}"));
        back.push_str(&rest[..at]);
        back.push_str(change.before.as_deref().unwrap_or_default());
        rest = &rest[at + change.after.len()..];
        assert_eq!(change.insert, change.before.is_none());
        assert!(!change.reason.is_empty() && !change.place.is_empty());
    }
    back.push_str(rest);
    let mut expected = text.chars().peekable();
    let more: Vec<char> = back.chars().filter(|c| expected.next_if_eq(c).is_none()).collect();
    assert_eq!(expected.next(), None, "some of the text is gone:\n{back}");
    let commas = more.iter().filter(|c| **c == ',').count();
    let entries = done.changes.iter().filter(|c| c.insert).count();
    let others: Vec<_> = more.iter().filter(|c| !c.is_whitespace() && **c != ',').collect();
    // Above a table of TOML stands its header's own indentation, which is white space too.
    assert!(
        others.is_empty() && commas <= entries,
        "{others:?} and {commas} commas are new in\n{}",
        done.text
    );
    assert_eq!(text.is_empty(), done.text.is_empty());
}

/// The lines of a text that another has not, with what they were.
fn changed(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let removed = old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}"));
    let added = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}"));
    removed.chain(added).collect::<Vec<_>>().join("\n")
}

fn places(done: &Move) -> Vec<&str> {
    done.changes.iter().map(|c| c.place.as_str()).collect()
}

fn kept(done: &Move) -> Vec<String> {
    done.kept.iter().map(|k| format!("{}: {}", k.place, k.reason)).collect()
}

#[test]
fn a_bound_class_moves_as_the_configuration_that_deployed_did() {
    let text = shipped("1-key-value.jsonc");
    let done = moved(&text);
    assert_eq!(
        done.text,
        r#"{
  // An MCP session class as it was first deployed: on the key-value backend.
  "name": "session-cloud",
  "main": "src/server.ts",
  "compatibility_date": "2026-04-01",
  "durable_objects": {
    "bindings": [{ "name": "MCP_SESSION", "class_name": "McpSessionDOSqlite" }],
  },
  "migrations": [
    { "tag": "v1", "new_classes": ["McpSessionDO"] }, // forward-only
    { "tag": "v2", "new_sqlite_classes": ["McpSessionDOSqlite"] },
  ],
}
"#
    );
    assert_eq!(places(&done), ["durable_objects.bindings MCP_SESSION", "migrations v2"]);
    assert_eq!(done.changes[0].before.as_deref(), Some(r#""class_name": "McpSessionDO""#));
    assert_eq!(done.changes[0].after, r#""class_name": "McpSessionDOSqlite""#);
    assert_eq!(done.changes[1].after, r#"{ "tag": "v2", "new_sqlite_classes": ["McpSessionDOSqlite"] }"#);
    assert_eq!(kept(&done), [""; 0]);
    assert_eq!(found(&inline(&done.text)), ["info key-value-class state McpSessionDO"]);
    assert_eq!(
        state(&inline(&done.text)).lines().nth(1),
        Some(r#"class | McpSessionDOSqlite | {"backend":"sqlite","created_by":"v2"}"#)
    );
}

#[test]
fn what_the_text_cannot_say_is_warned_of() {
    let warnings = moved(&shipped("1-key-value.jsonc")).warnings;
    let all = warnings.join("\n");
    assert!(
        warnings[0].starts_with("src/server.ts must have both classes")
            && warnings[0].contains("\nexport class McpSessionDO extends DurableObject {}\n")
            && warnings[0].contains("\nexport class McpSessionDOSqlite extends"),
        "{}",
        warnings[0]
    );
    for said in [
        "is not moved by the deploy",
        "cannot be taken back",
        "nothing reads the old objects",
        "10211",
        "10064",
    ] {
        assert!(all.contains(said), "{said}: {all}");
    }
    assert!(warnings.iter().all(|w| !w.is_empty()) && warnings.len() == 4, "{warnings:#?}");
}

#[test]
fn a_class_on_sqlite_stays() {
    let text = shipped("4-deployed.jsonc");
    let done = moved(&text);
    assert_eq!((done.text.as_str(), done.changes.len(), done.warnings.len()), (text.as_str(), 0, 0));
    assert_eq!(
        kept(&done),
        [
            "durable_objects.bindings MCP_SESSION: McpSessionDOSqlite is on SQLite already.",
            "durable_objects.bindings RATE_LIMITER: RateLimiterDO is on SQLite already.",
        ]
    );
}

#[test]
fn tables_of_toml_get_one_more() {
    let text = shipped("session-manager.toml");
    let done = moved(&text);
    assert_eq!(
        done.text,
        r#"name = "greptile-mcp-server"
main = "src/worker.py"

# Durable Objects for session management
[[durable_objects.bindings]]
name = "SESSION_MANAGER"
class_name = "SessionManagerSqlite"
script_name = "greptile-mcp-server"

[[migrations]]
tag = "v1"
new_classes = ["SessionManager"]

[[migrations]]
tag = "v2"
new_sqlite_classes = ["SessionManagerSqlite"]

[env.staging]
name = "greptile-mcp-server-staging"
"#
    );
    // A worker in Python.
    assert!(
        done.warnings[0].contains("\nclass SessionManager(DurableObject):\n    pass\n"),
        "{}",
        done.warnings[0]
    );
}

#[test]
fn an_entry_over_many_lines_gets_a_neighbour_over_many_lines() {
    let text = fs::read_to_string(fixture("durable/kv-to-sqlite/1-kv-v1/wrangler.jsonc")).expect("a fixture");
    let done = moved(&text);
    assert_eq!(
        changed(&text, &done.text),
        r#"-        "class_name": "SessionManager"
+        "class_name": "SessionManagerSqlite"
+    },
+      "tag": "v2",
+        "SessionManagerSqlite""#
    );
    assert!(done.text.ends_with(
        r#"
    },
    {
      "tag": "v2",
      "new_sqlite_classes": [
        "SessionManagerSqlite"
      ]
    }
  ]
}"#
    ));
    assert_eq!(kept(&done), ["durable_objects.bindings SESSION_DO: SessionDO is on SQLite already."]);
}

#[test]
fn several_classes_go_into_one_entry() {
    let text = r#"{"name":"w","durable_objects":{"bindings":[{"name":"A","class_name":"A"},{"name":"B","class_name":"B"},
{"name":"A2","class_name":"A"}]},"migrations":[{"tag":"v1","new_classes":["A","B"]}]}"#;
    assert_eq!(
        moved(text).text,
        r#"{"name":"w","durable_objects":{"bindings":[{"name":"A","class_name":"ASqlite"},{"name":"B","class_name":"BSqlite"},
{"name":"A2","class_name":"ASqlite"}]},"migrations":[{"tag":"v1","new_classes":["A","B"]},{"tag":"v2","new_sqlite_classes":["ASqlite","BSqlite"]}]}"#
    );
}

#[test]
fn environments_that_share_a_list_share_its_entry() {
    let text = r#"name = "w"

[durable_objects]
bindings = [ { name = "S", class_name = "Old" } ]

[[migrations]]
tag = "v1" # first
new_classes = [ "Old", "Other" ]
# never change what is deployed

[[env.staging.durable_objects.bindings]]
name = "S"
class_name = 'Old'

[[env.staging.durable_objects.bindings]]
name = "FAR"
class_name = "Old"
script_name = "w"

[[env.own.durable_objects.bindings]]
name = "S"
class_name = "Old"
  [[env.own.migrations]]
  tag = 'a-07'
  new_classes = ['Old']
"#;
    let done = moved(text);
    assert_eq!(
        done.text,
        r#"name = "w"

[durable_objects]
bindings = [ { name = "S", class_name = "OldSqlite" } ]

[[migrations]]
tag = "v1" # first
new_classes = [ "Old", "Other" ]
# never change what is deployed

[[migrations]]
tag = "v2"
new_sqlite_classes = [ "OldSqlite" ]

[[env.staging.durable_objects.bindings]]
name = "S"
class_name = 'OldSqlite'

[[env.staging.durable_objects.bindings]]
name = "FAR"
class_name = "Old"
script_name = "w"

[[env.own.durable_objects.bindings]]
name = "S"
class_name = "OldSqlite"
  [[env.own.migrations]]
  tag = 'a-07'
  new_classes = ['Old']
  [[env.own.migrations]]
  tag = 'a-08'
  new_sqlite_classes = ['OldSqlite']
"#
    );
    assert_eq!(
        places(&done),
        [
            "durable_objects.bindings S",
            "migrations v2",
            "env.staging durable_objects.bindings S",
            "env.own durable_objects.bindings S",
            "env.own migrations a-08",
        ]
    );
    assert_eq!(
        kept(&done),
        [
            "env.staging durable_objects.bindings FAR: It names a class of the worker w, which moves to OldSqlite here: let it name OldSqlite once that worker is deployed."
        ]
    );
    let each = "Each environment is a worker of its own and changes when it is deployed: top level, env.staging, env.own.";
    assert!(done.warnings.iter().any(|w| w == each), "{:#?}", done.warnings);
}

#[test]
fn what_cannot_be_moved_says_why() {
    let text = r#"{"name":"w","durable_objects":{"bindings":[
        {"name":"FAR","class_name":"A","script_name":"other"},
        {"name":"ENV","class_name":"A","script_name":"w","environment":"production"},
        {"name":"GHOST","class_name":"Ghost"},
        {"name":"GIFT","class_name":"Gift"}]},
        "migrations":[{"tag":"v1","new_classes":["A"],"transferred_classes":[{"from":"G","from_script":"o","to":"Gift"}]}]}"#;
    let done = moved(text);
    assert_eq!(done.text, text);
    assert_eq!(
        kept(&done),
        [
            "durable_objects.bindings GHOST: No migration makes Ghost, so that its backend is not known.",
            "durable_objects.bindings GIFT: Gift was transferred from another worker, and only that worker's migrations say which backend it is on.",
            "durable_objects.bindings FAR: It names a class of the worker other: move it in the configuration of that worker.",
            "durable_objects.bindings ENV: It names a class of the worker w: move it in the configuration of that worker.",
        ]
    );
}

#[test]
fn names_and_tags_that_are_in_use_are_not_taken() {
    let with = |migrations: &str, more: &str| {
        let text = format!(
            r#"{{"name":"w","durable_objects":{{"bindings":[{{"name":"A","class_name":"A"}}{more}]}},"migrations":[{migrations}]}}"#
        );
        let done = moved(&text);
        let entry = done.changes.iter().find(|c| c.insert).expect("an entry");
        (entry.after.clone(), done.warnings.join("\n"))
    };
    let entry = |tag: &str, class: &str| format!(r#"{{"tag":"{tag}","new_sqlite_classes":["{class}"]}}"#);
    let tagged = |tag: &str| with(&format!(r#"{{"tag":"{tag}","new_classes":["A"]}}"#), "").0;
    for (last, next) in [
        ("v9", "v10"),
        ("0009", "0010"),
        ("3", "4"),
        ("v1-start", "v2"),
        ("start", "v2"),
        ("2026-01-30", "2026-01-31"),
        ("v99999999999999999999999", "v2"),
    ] {
        assert_eq!(tagged(last), entry(next, "ASqlite"), "after {last}");
    }
    let back = r#"{"tag":"v2","new_classes":["A"]},{"tag":"v1"}"#;
    assert_eq!(with(back, "").0, entry("v3", "ASqlite"));
    // Deleted, bound without being made, and there without being bound.
    let gone = r#"{"tag":"v1","new_classes":["A","ASqlite"]},{"tag":"v2","deleted_classes":["ASqlite"]}"#;
    let (after, warnings) = with(gone, "");
    assert_eq!(after, entry("v3", "ASqlite2"));
    assert!(warnings.contains("v2 deletes ASqlite. If it has not been deployed yet"), "{warnings}");
    let bound = r#",{"name":"G","class_name":"ASqlite"}"#;
    assert_eq!(with(r#"{"tag":"v1","new_classes":["A"]}"#, bound).0, entry("v2", "ASqlite2"));
    let (after, warnings) = with(r#"{"tag":"v1","new_classes":["A"],"new_sqlite_classes":["ASqlite"]}"#, "");
    assert_eq!(after, entry("v2", "ASqlite2"));
    assert!(warnings.contains("ASqlite is there already, on SQLite, and nothing binds it"), "{warnings}");
}

#[test]
fn an_environment_follows_one_that_was_moved_by_hand() {
    let with = |directive: &str| {
        let text = r#"{"name":"w","durable_objects":{"bindings":[{"name":"A","class_name":"A"}]},"migrations":[{"tag":"v1","new_classes":["A"]}],
              "env":{"staging":{"durable_objects":{"bindings":[{"name":"B","class_name":"B"}]},
                "migrations":[{"tag":"v1","new_sqlite_classes":["B"]},{"tag":"v2","DIRECTIVE":["ASqlite"]}]}}}"#
        .replace("DIRECTIVE", directive);
        let done = moved(&text);
        assert_eq!(places(&done), ["durable_objects.bindings A", "migrations v2"]);
        done.changes[1].after.clone()
    };
    assert_eq!(with("new_sqlite_classes"), r#"{"tag":"v2","new_sqlite_classes":["ASqlite"]}"#);
    // There it is another class.
    assert_eq!(with("new_classes"), r#"{"tag":"v2","new_sqlite_classes":["ASqlite2"]}"#);
}
