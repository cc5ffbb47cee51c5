//! A session as a document, with what it may hold against its reader.

use proptest::prelude::*;
use sessionscope::core::conversation::{Answer, Entry, Part};
use sessionscope::core::export::session::{Heading, SessionFormat, SessionOptions, foot, head, message};
use sessionscope::core::{Block, KeyId, RowKey};

fn entry(role: &str) -> Entry {
    Entry {
        key: RowKey { part: 0, id: KeyId::Row(1) },
        id: "m1".into(),
        role: role.into(),
        kind: "text".into(),
        created_at_ms: Some(1_795_000_000_000),
        blocks: vec![Block::Text("Hi \u{202e}".into()), Block::Thinking("hm".into())],
    }
}

fn tool(output: &str) -> Part {
    let answer = Some(Answer { output: output.into(), is_error: false, took_ms: Some(2100) });
    Part::Tool { name: "bash".into(), input: "{\"command\":\"ls\"}".into(), state: None, answer }
}

fn document(options: SessionOptions, title: &str, entry: &Entry, parts: Vec<Part>) -> String {
    let heading = Heading {
        title: title.into(),
        facts: vec![("repo".into(), title.into())],
        json: "{\"id\":\"s\"}".into(),
    };
    let mut out = Vec::new();
    head(options.format, &heading, &mut out).expect("memory");
    message(options, 0, entry, parts, &mut out).expect("memory");
    foot(options.format, 1, &mut out).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn html(text: &str) -> String {
    let parts = vec![
        Part::Text(text.into()),
        Part::Thinking(text.into()),
        Part::Tool { name: text.into(), input: text.into(), state: Some(text.into()), answer: None },
        tool(text),
        Part::Result { name: Some(text.into()), output: text.into(), is_error: true },
        Part::Media { media_type: text.into(), bytes: 1, pixels: None },
        Part::Other { kind: text.into(), raw: text.into() },
        Part::Above(2),
    ];
    document(SessionOptions::all(SessionFormat::Html), text, &entry(text), parts)
}

/// The tags that are in a text, by name, and whatever else stands in them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or(rest)).collect()
}

/// Fails where anything is in the document that its writer would not have made.
fn is_harmless(html: &str) -> Result<(), String> {
    const NAMES: [&str; 46] = [
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "dl",
        "dt",
        "dd",
        "article",
        "header",
        "b",
        "time",
        "details",
        "summary",
        "span",
        "pre",
        "code",
        "p",
        "em",
        "strong",
        "del",
        "ul",
        "ol",
        "li",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
        "br",
        "a",
        "input",
        "div",
        "sup",
        "hr",
    ];
    for tag in tags(html) {
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default();
        if !NAMES.contains(&name) {
            return Err(format!("the tag {tag}"));
        }
        if name == "a"
            && !tag.starts_with('/')
            && !["http", "mailto"].iter().any(|s| tag.starts_with(&format!("a href=\"{s}")))
        {
            return Err(format!("the link {tag}"));
        }
        if tag.split(['"', ' ']).any(|word| word.starts_with("on") && word.contains('=')) {
            return Err(format!("a handler in {tag}"));
        }
    }
    Ok(())
}

#[test]
fn what_is_hostile_stays_text_in_html() {
    for text in [
        "</details><script>alert(1)</script>",
        "</pre></style><img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "[a](javascript:alert(1)) [b](  JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](vbscript:x)",
        "[a](https://a.example/\"onmouseover=\"alert(1))",
        "![p](https://a.example/x.png) ![q](javascript:x \"onload=x\")",
        "<a href=\"javascript:alert(1)\">x</a>\n\n<iframe src=//a.example></iframe>",
        "# h {#id onclick=alert(1)}\n\n```\" onclick=\"x\ncode\n```\n",
        "<!-- --><meta http-equiv=refresh content=0>",
    ] {
        let html = html(text);
        assert_eq!(is_harmless(&html), Ok(()), "{html}");
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }
    for text in [
        "a \u{202e}b",
        "a &#x202E;b",
        "```&#x202E;\nb\n```",
        "[l](https://a.example \"&#x202E;\")",
        "![i](&#x202E;)",
        "`&#x202E;` [j](javascript:&#x202E;)",
    ] {
        let html = html(text);
        assert!(!html.contains('\u{202e}'), "{html}");
    }
}

#[test]
fn links_lead_to_pages_and_mail_only() {
    let html = html("[web](https://a.example) [mail](mailto:a@b.example) [file](file:///etc/passwd)");
    assert!(html.contains("<a href=\"https://a.example\">web</a>"), "{html}");
    assert!(html.contains("<a href=\"mailto:a@b.example\">mail</a>"), "{html}");
    assert!(html.contains("[file](file:///etc/passwd)"), "{html}");
}

proptest! {
    #[test]
    fn no_text_becomes_a_script(pieces in prop::collection::vec(prop::sample::select(vec![
        "<script", ">", "</", "details", "<", "\"", "'", "[", "](", ")", "javascript:", "`", "```", "\n", "\n\n", "!",
        "&lt;", "<!--", "-->", "|", "---", "onload=", "<b x=", "https://a.example", " ", "\\", "*", "# ", "\0", "\u{202e}",
        "&#x202E;", "    ", "> ", "1. ", "[x]: <y>", "<?", "<![CDATA[", "]]>", "~~~",
    ]), 0..24)) {
        let html = html(&pieces.concat());
        prop_assert!(!html.to_lowercase().contains("<script"), "{}", html);
        prop_assert!(!html.contains('\u{202e}'), "{}", html);
        prop_assert_eq!(is_harmless(&html), Ok(()), "{}", html);
    }
}

#[test]
fn markdown_closes_every_fence() {
    let options = SessionOptions::all(SessionFormat::Markdown);
    let parts = vec![Part::Text("```rust\nlet a;".into()), tool("```\nx\n````\n")];
    assert_eq!(
        document(options, "A *title*", &entry("assistant"), parts),
        "# A \\*title\\*\n\n- repo: A \\*title\\*\n\n## assistant · 2026-11-18T11:06:40.000Z\n\n> ```rust\n> let a;\n\n\
         **Tool bash** · ok · 2.1 s\n\n```\n{\"command\":\"ls\"}\n```\n\n`````\n```\nx\n````\n`````\n"
    );
}

#[test]
fn json_is_one_object_and_leaves_out_what_is_not_wanted() {
    let options = SessionOptions { thinking: false, ..SessionOptions::all(SessionFormat::Json) };
    let text = document(options, "t", &entry("user"), Vec::new());
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = serde_json::json!({"session": {"id": "s"}, "messages": [{
        "id": "m1", "role": "user", "kind": "text", "created_at": "2026-11-18T11:06:40.000Z",
        "blocks": [{"type": "text", "text": "Hi \u{202e}"}]}]});
    assert_eq!(json, expected);
    assert!(!text.contains('\u{202e}'));
}

proptest! {
    /// Whatever a message says, the document's own headings are its messages, and nothing in it is HTML.
    #[test]
    fn no_message_is_taken_for_another(pieces in prop::collection::vec(prop::sample::select(vec![
        "<script>", "<!--", "-->", "`", "```", "~~~", "\n", "\n\n", "    ", "\t", "> ", "- ", "1. ", "# x", "## user", "---",
        "&#x202E;", "&lt;", "<b", "<pre>", "<?", "<![CDATA[", "]]>", "[x]: <y>", "[l](https://a \"&#x202E;\")", "|", "a", "\\",
    ]), 0..16)) {
        use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
        let options = SessionOptions::all(SessionFormat::Markdown);
        let text = pieces.concat();
        let mut markdown = document(options, "t", &entry("user"), vec![Part::Text(text.clone()), Part::Thinking(text)]);
        let mut next = Vec::new();
        message(options, 1, &entry("assistant"), vec![Part::Text("next".into())], &mut next).expect("memory");
        markdown.push_str(&String::from_utf8(next).expect("UTF-8"));
        let (mut depth, mut headings) = (0, 0);
        for event in Parser::new_ext(&markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => prop_assert!(false, "{html} in {markdown}"),
                Event::Start(Tag::BlockQuote(_)) => depth += 1,
                Event::End(TagEnd::BlockQuote(_)) => depth -= 1,
                Event::Start(Tag::Heading { .. }) if depth == 0 => headings += 1,
                _ => {}
            }
        }
        prop_assert_eq!(headings, 3, "{}", markdown);
    }
}
