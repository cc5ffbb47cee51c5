use proptest::prelude::*;
use sessionscope::core::search::{Decoder, Matcher, Mode, is_in_value, snippet};

use super::marked;

const ANY_CASE: Mode = Mode { case: false, regex: false };
const EXACT: Mode = Mode { case: true, regex: false };
const PATTERN: Mode = Mode { case: true, regex: true };

fn matcher(text: &str, mode: Mode) -> Matcher {
    Matcher::new(text, mode).unwrap_or_else(|e| panic!("{e}"))
}

fn is_in(needle: &str, text: &str) -> bool {
    matcher(needle, ANY_CASE).is_match(text.as_bytes())
}

#[test]
fn case_is_folded_in_every_script() {
    for (needle, text) in [
        ("DEADLOCK", "a deadlock was found"),
        ("café", "das CAFÉ"),
        ("ÉCOLE", "l'école"),
        ("σοφος", "ΣΟΦΟΣ"),
        ("σοφος", "σοφος ΣΟΦΟς"),
        ("straße", "STRAẞE"),
        ("привет", "ПРИВЕТ, мир"),
        ("会话", "恢复会话"),
        ("🚢 done", "a 🚢 DONE"),
    ] {
        assert!(is_in(needle, text), "{needle} in {text}");
        assert!(!matcher(needle, EXACT).is_match(text.as_bytes()) || text.contains(needle));
    }
    // Letters that only look alike, or are written with more letters, are others.
    for (needle, text) in [("strasse", "straße"), ("istanbul", "İstanbul"), ("cafe", "café"), ("ı", "I")]
    {
        assert!(!is_in(needle, text), "{needle} in {text}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_hide_nothing_around_them() {
    let text = b"ab\xff\xfe caf\xc3\xa9 \xc3";
    assert!(matcher("AB", ANY_CASE).is_match(text));
    assert!(matcher("CAFÉ", ANY_CASE).is_match(text));
    assert!(matcher("café", EXACT).is_match(text));
    assert_eq!(marked(&snippet(text, Some(&matcher("É", ANY_CASE)))), "ab‹xFF›‹xFE› caf[é] ‹xC3›");
}

#[test]
fn hostile_patterns_end_in_a_sentence_or_in_time() {
    for (pattern, said) in [
        ("(", "unclosed group"),
        ("a{99999}{99999}", "repetition"),
        ("(?:\\w{1000}){1000}", "too large"),
        ("[", "unclosed character class"),
        ("(?P<n>a)(?P<n>b)", "duplicate"),
        ("\\", "incomplete escape"),
        ("a(?=b)", "look-around"),
        ("(a)\\1", "backreferences"),
    ] {
        let error = Matcher::new(pattern, PATTERN).expect_err(pattern).to_string();
        assert!(error.contains(said) && error.lines().count() == 1, "{pattern}: {error}");
    }
    // What takes other engines for ever.
    let text = "a".repeat(200_000);
    assert!(!matcher("(a|aa)+$b", PATTERN).is_match(text.as_bytes()));
    assert!(!matcher("(x+x+)+y", PATTERN).is_match(text.as_bytes()));
    assert!(Matcher::new(&"(".repeat(100_000), PATTERN).is_err());
    assert!(Matcher::new(&"é".repeat(300_000), ANY_CASE).is_err_and(|e| e.to_string().contains("too l")));
}

#[test]
fn a_pattern_that_matches_nothing_long_is_marked_nowhere() {
    let matcher = matcher("x*", PATTERN);
    assert!(matcher.is_match(b"abc"));
    assert_eq!(matcher.ranges(b"abxxc", 10).first(), Some(&(2..4)));
    assert_eq!(marked(&snippet("a line".as_bytes(), Some(&matcher))), "a line");
}

#[test]
fn a_snippet_is_one_line_with_the_match_in_it() {
    let long = format!("{}\n\tthe  Needle\u{202e}is here\r\n{}", "word ".repeat(100), "é".repeat(400));
    let shown = marked(&snippet(long.as_bytes(), Some(&matcher("needle", ANY_CASE))));
    assert!(shown.starts_with("…") && shown.ends_with("é…"), "{shown}");
    assert!(shown.contains("word the [Needle]‹U+202E›is here é"), "{shown}");
    assert!(!shown.contains('\n') && shown.chars().count() < 270, "{shown}");
    let whole = marked(&snippet(b"a a A", Some(&matcher("a", ANY_CASE))));
    assert_eq!(whole, "[a] [a] [A]");
}

#[test]
fn escapes_of_json_are_resolved_also_within_a_string_of_json() {
    let once = |json: &str| {
        let mut texts = Vec::new();
        Decoder::default().any(json.as_bytes(), true, |text| {
            texts.push(String::from_utf8_lossy(text).into_owned());
            false
        });
        texts
    };
    assert_eq!(
        once(r#"{"a":"caf\u00e9\n\"so\" \/ \ud83d\udea2 \ud800 \\u00e9"}"#)[0],
        "{\"a\":\"café\n\"so\" / 🚢 \u{fffd} \\u00e9\"}"
    );
    // JSON in a string in JSON: each level is a text of its own.
    assert_eq!(once(r#""{\"a\":\"\\u00e9\"}""#), [r#""{"a":"\u00e9"}""#, r#""{"a":"é"}""#]);
    // Cut off, broken, or no JSON at all.
    assert_eq!(once(r#"["caf\u00"#), [""; 0]);
    assert_eq!(once(r#"["x\n\u00"#), ["[\"x\n\\u00"]);
    assert_eq!(once(r"C:\new\u00e9"), [""; 0]);
}

#[test]
fn names_of_fields_are_told_from_values() {
    let is_in = |needle: &str, json: &str| {
        let matcher = matcher(needle, ANY_CASE);
        matcher.is_match(json.as_bytes()) && is_in_value(json.as_bytes(), &matcher)
            || Decoder::default().any(json.as_bytes(), false, |t| matcher.is_match(t))
    };
    let json = r#"[{"type" : "text","text":"a \"type\": caf\u00e9","n\u00e9":{"deep":"te\\"}}, "loose""#;
    for value in ["text", "TYPE", "café", "loose", r#""type" : "text"#, "e\\", "te"] {
        assert!(is_in(value, json), "{value}");
    }
    for name in ["deep", "dee", "né"] {
        assert!(!is_in(name, json), "{name}");
    }
    assert!(is_in("deep", "deep is no JSON: {"));
    assert!(is_in("cut", r#"{"a":"cut"#) && !is_in("ut", r#"{"cut":1,"x":"#));
}

proptest! {
    #[test]
    fn names_are_those_that_a_parser_finds(text in "\\PC{1,8}", other in "\\PC{0,8}") {
        prop_assume!(!other.contains(&text) && !text.contains(['"', '\\']));
        let matcher = matcher(&text, EXACT);
        let is_in = |json: serde_json::Value| {
            let json = json.to_string();
            matcher.is_match(json.as_bytes()) && is_in_value(json.as_bytes(), &matcher)
        };
        prop_assume!(!"{\"a\":[1,true,null]}".contains(&text) && !other.contains(['"', '\\']));
        let (value, name) = (serde_json::json!({ "": [&other, &text] }), serde_json::json!({ "": [{ &text: &other }] }));
        prop_assert!(is_in(value) && !is_in(name));
    }

    #[test]
    fn ascii_is_found_as_a_lower_case_copy_would_be(
        text in "[a-eA-E ,é{}\"]{0,40}", needle in "[a-eA-E ]{1,4}",
    ) {
        let (low, wanted) = (text.to_lowercase(), needle.to_lowercase());
        prop_assert_eq!(is_in(&needle, &text), low.contains(&wanted));
        let ranges = matcher(&needle, ANY_CASE).ranges(text.as_bytes(), 99);
        let expected: Vec<_> = low.match_indices(&wanted).map(|(at, t)| at..at + t.len()).collect();
        prop_assert_eq!(ranges, expected);
    }

    #[test]
    fn any_text_is_found_as_the_pattern_engine_finds_it(
        text in "\\PC{0,30}", at in 0..30_usize, length in 1..5_usize, upper: bool,
    ) {
        let part: String = text.chars().skip(at).take(length).collect();
        prop_assume!(!part.is_empty());
        let oracle = |case: bool| regex::bytes::RegexBuilder::new(&regex::escape(&part)).case_insensitive(!case).build();
        let exact = matcher(&part, EXACT);
        prop_assert!(exact.is_match(text.as_bytes()));
        let first = oracle(true).expect("a pattern").find(text.as_bytes()).map(|m| m.range());
        prop_assert_eq!(exact.find_at(text.as_bytes(), 0), first);
        // One letter in the other case must do no harm, where that is one letter too.
        let other: String = text.chars().map(|c| match upper && c.is_ascii() {
            true => c.to_ascii_uppercase(),
            false => c,
        }).collect();
        prop_assert!(is_in(&part, &other));
    }

    #[test]
    fn snippets_and_marks_hold_for_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), needle in "[a-z\\x00é]{1,2}") {
        let matcher = matcher(&needle, ANY_CASE);
        let shown = snippet(&bytes, Some(&matcher));
        for mark in &shown.marks {
            prop_assert!(shown.text.get(mark.clone()).is_some_and(|t| !t.is_empty()));
        }
        prop_assert!(!shown.text.contains('\n'));
    }

    #[test]
    fn no_typed_text_is_too_much(typed in "\\PC{0,40}", case: bool, regex: bool) {
        let _ = sessionscope::core::search::Search::parse(&typed, Mode { case, regex });
    }

    #[test]
    fn what_json_escapes_is_found_again(text in "\\PC{1,30}", levels in 1..4_usize) {
        prop_assume!(text.trim() == text && !text.contains('"') && !text.contains('\\'));
        let mut json = serde_json::json!({ "text": text }).to_string();
        for _ in 1..levels {
            json = serde_json::Value::String(json).to_string();
        }
        // As Python writes it: nothing but ASCII.
        let ascii: String = json.chars().flat_map(|c| match c.is_ascii() {
            true => vec![c],
            false => c.encode_utf16(&mut [0; 2]).iter().flat_map(|u| format!("\\u{u:04x}").into_bytes()).map(char::from).collect(),
        }).collect();
        let matcher = matcher(&text, EXACT);
        let is_there = |json: &str| matcher.is_match(json.as_bytes()) || Decoder::default().any(json.as_bytes(), true, |t| matcher.is_match(t));
        prop_assert!(is_there(&json), "{json}");
        prop_assert!(levels > 1 || is_there(&ascii), "{ascii}");
    }
}
