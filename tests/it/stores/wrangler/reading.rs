//! Which texts are taken for a configuration, and what is said of broken ones.

use std::fs;

use sessionscope::core::{ReadStore as _, StoreError};
use sessionscope::stores::open;

use super::{facts, found, inline, state, steps, written};
use crate::support::options;

#[test]
fn a_plain_configuration_is_one_too() {
    let store = inline("name = \"w\"\ncompatibility_date = 2026-01-01\n");
    assert_eq!((steps(&store), state(&store), found(&store)), (String::new(), String::new(), vec![]));
    assert_eq!(facts(&store), ["Name: w", "Compatibility date: 2026-01-01"]);
    let marked = inline("\u{feff}{ /* a */ \"main\": \"a.ts\", \"compatibility_date\": \"2026-01-01\", }");
    assert_eq!(facts(&marked), ["Main: a.ts", "Compatibility date: 2026-01-01"]);
}

fn why(text: &str) -> String {
    let (_folder, path) = written(text);
    match open(&path, &options()) {
        Ok(opened) => format!("opened as {}", opened.store.about().stores.join(", ")),
        Err(StoreError::Damaged { what, .. }) => what,
        Err(StoreError::NotRecognised { .. }) => "not recognised".to_owned(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn other_documents_are_not_taken_for_one() {
    for other in [
        r#"{"name":"x","main":"a.js","scripts":{"deploy":"wrangler deploy"},"exports":{".":"./a.js"}}"#,
        r#"{"name":"x","migrations":[{"version":"1","description":"compatibility_date"}]}"#,
        "[package]\nname = \"x\"\n[package.metadata]\ncompatibility_date = \"2026-01-01\"\n",
        r#"{"compilerOptions":{"types":["compatibility_date"]}}"#,
        r#"{"s1":{"title":"durable_objects and new_classes","messages":[]}}"#,
        r#"[{"text":"compatibility_date = 1"}]"#,
        // A transcript that quotes a configuration, and one that breaks off.
        "{\"text\":\"{\\\"new_classes\\\": []}\"}\n{\"durable_objects\": {}}\n",
        r#"{"text":"{\"new_classes\": []}", "more""#,
        "The compatibility_date is = 1",
    ] {
        assert_eq!(why(other), "not recognised", "{other}");
    }
}

#[test]
fn a_broken_configuration_says_where_it_breaks() {
    let breaks = |text: &str| why(text).replace("it reads as a wrangler configuration as far as ", "");
    assert_eq!(
        breaks("{\n  \"name\": \"w\",\n  \"durable_objects\": { \"bindings\": [ }\n}"),
        "line 3, column 38 (Unexpected close brace)"
    );
    assert_eq!(
        breaks("name = \"w\"\ncompatibility_date = \"2026\nmain = 1\n"),
        "line 2, column 27 (invalid basic string, expected `\"`)"
    );
    assert_eq!(
        breaks("[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"\n[x]\n"),
        "line 4, column 1 (missing comma between array elements, expected `,`)"
    );
    let (_folder, path) = written("");
    fs::write(&path, b"{\n \"durable_objects\": \"\xff\" }").expect("written");
    let error = open(&path, &options()).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("line 2, column 22 (the text is not UTF-8)"), "{error}");
}

#[test]
fn deep_nesting_ends_in_words() {
    let deep = |open: &str, close: &str, n| {
        format!("{{\"durable_objects\": {}{}}}", open.repeat(n), close.repeat(n))
    };
    assert!(why(&deep("[", "]", 100_000)).contains("nesting"), "{}", why(&deep("[", "]", 100_000)));
    assert!(why(&deep("{\"a\":", "}", 100_000)).contains("line 1"));
    assert_eq!(why(&deep("[", "]", 400)), "opened as wrangler-config");
    let toml = format!("compatibility_date = \"x\"\na = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(why(&toml).contains("line 2"), "{}", why(&toml));
}
