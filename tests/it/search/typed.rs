use sessionscope::core::Table;
use sessionscope::core::search::{Filter, Has, Is, Mode, Search};

use super::parsed;

/// The filters of what is typed, and whether a text is found by the rest of it.
fn check(typed: &str, filters: &[Is], found: &str, not_found: &str) {
    let search = parsed(typed, Mode::default());
    let expected: Vec<Filter> = filters.iter().map(|is| Filter { negated: false, is: is.clone() }).collect();
    assert_eq!(search.filters, expected, "{typed}");
    let is_match = |text: &str| search.matcher.as_ref().is_some_and(|m| m.is_match(text.as_bytes()));
    assert!(is_match(found), "{typed}: {found}");
    assert!(!is_match(not_found), "{typed}: {not_found}");
}

#[test]
fn filters_stand_anywhere_and_the_rest_is_the_text() {
    let role = Is::Role("assistant".into());
    check("role:assistant the plan", std::slice::from_ref(&role), "The plan", "role");
    check("the role:Assistant plan", std::slice::from_ref(&role), "the plan", "the  plan");
    check("  the   plan ", &[], "the   plan", "the plan");
    check("the plan role:assistant", &[role], "the plan", "assistant");
    check(r#"session:"two words" x"#, &[Is::Session("two words".into())], "x", "y");
    check("table:tasks has:tool a", &[Is::Table(Table::Tasks), Is::Has(Has::Tool)], "a", "b");
    check(
        "after:1970-01-02 before:1970-01-02T00:00:01Z a",
        &[Is::After(86_400_000), Is::Before(86_401_000)],
        "a",
        "b",
    );
    check("table:native:My_Table a", &[Is::Table(Table::Native("My_Table".into()))], "a", "b");
}

#[test]
fn what_only_looks_like_a_filter_is_text() {
    check("http://example.org", &[], "see http://example.org", "http");
    check("status: 500", &[], "Status: 500", "500");
    check("role:", &[], "the role: user", "user");
    check(r#""role:user""#, &[], "a role:user b", "user");
    check(r#""a" and "b""#, &[], r#"x "a" and "b""#, "a and b");
    check("--limit -v", &[], "use --limit -v", "limit");
    check(r#"say "hi"#, &[], r#"say "hi there"#, "say hi");
}

#[test]
fn a_minus_turns_a_filter_round() {
    let search = parsed("-role:tool -has:error x", Mode::default());
    assert!(search.filters.iter().all(|f| f.negated) && search.filters.len() == 2);
    assert!(search.matcher.is_some_and(|m| !m.is_match(b"-role")));
}

#[test]
fn wrong_filters_say_what_there_is() {
    for (typed, said) in [
        ("has:nothing", "has:tool, has:thinking"),
        ("after:yesterday", "after:2026-05-01"),
        ("before:2026", "before:2026-05-01"),
        ("table:mesages x", "sessions, messages, tasks"),
    ] {
        let error = Search::parse(typed, Mode::default()).expect_err(typed).to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(Search::parse("   ", Mode::default()).is_ok_and(|s| s.is_none()));
    assert!(Search::parse("", Mode { regex: true, case: true }).is_ok_and(|s| s.is_none()));
}
