//! A session as one HTML file: no scripts, nothing fetched, and nothing in it that a message could break out of.
//!
//! Every text goes through [`visible`] and is escaped. Markdown becomes HTML with its own HTML as text, its pictures as
//! the text that names them, and its links only where they lead to a web page or a mail address. The file forbids a
//! browser all but its own style (Content Security Policy, level 3).

use std::io::{self, Write};

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::super::conversation::{Entry, Part, words};
use super::super::{Timestamp, visible};
use super::session::Heading;

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c2330;--muted:#5b6475;--line:#dde2ea;--code:#f3f5f9;--ground:#fff;--bad:#b3261e;--good:#0a7a4b}
@media (prefers-color-scheme:dark){:root{--text:#d9dee8;--muted:#8f98ab;--line:#282e3a;--code:#1a1e26;--ground:#15181f;--bad:#ff7070;--good:#4cc38a}}
body{font:15px/1.55 system-ui,sans-serif;color:var(--text);background:var(--ground);max-width:52rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;color:var(--muted)}dd{margin:0}
article{border-top:1px solid var(--line);padding:.75rem 0}header{color:var(--muted);font-size:.85em}header b{color:var(--text)}
pre,code{font:13px/1.5 ui-monospace,monospace;background:var(--code);border-radius:4px}code{padding:.1em .3em}
pre{padding:.6rem .8rem;overflow-x:auto;white-space:pre-wrap}pre code{padding:0}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.3rem .7rem}summary{cursor:pointer}
table{border-collapse:collapse}td,th{border:1px solid var(--line);padding:.2rem .5rem}
blockquote{border-left:3px solid var(--line);margin-left:0;padding-left:1rem;color:var(--muted)}
.quiet{color:var(--muted)}.bad{color:var(--bad)}.good{color:var(--good)}";

pub fn head(heading: &Heading, out: &mut dyn Write) -> io::Result<()> {
    let title = text(&heading.title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>\n"
    )?;
    for (name, value) in &heading.facts {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", text(name), text(value))?;
    }
    out.write_all(b"</dl>\n")
}

pub fn foot(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"</body>\n</html>\n")
}

pub fn message(entry: &Entry, parts: &[Part], out: &mut dyn Write) -> io::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let role = if entry.role.is_empty() { "message" } else { &entry.role };
    write!(out, "<article>\n<header><b>{}</b>", text(role))?;
    if let Some(ms) = entry.created_at_ms {
        let time = Timestamp(ms);
        write!(out, " <time datetime=\"{time}\">{time}</time>")?;
    }
    writeln!(out, " {}</header>", text(&entry.id))?;
    parts.iter().try_for_each(|part| self::part(part, out))?;
    out.write_all(b"</article>\n")
}

fn part(part: &Part, out: &mut dyn Write) -> io::Result<()> {
    match part {
        Part::Text(markdown) => out.write_all(rendered(markdown).as_bytes()),
        Part::Thinking(thought) => {
            writeln!(out, "<details><summary class=\"quiet\">Thinking</summary>")?;
            writeln!(out, "<pre>\n{}</pre></details>", text(thought))
        }
        Part::Tool { name, input, state, answer } => {
            let (word, is_error) = words::outcome(state.as_deref(), answer.as_ref());
            let class = match (answer, is_error) {
                (_, true) => "bad",
                (Some(_), false) => "good",
                (None, false) => "quiet",
            };
            write!(out, "<details><summary><b>{}</b> ", text(name))?;
            let summary: String = words::summary(input).chars().take(120).collect();
            writeln!(out, "{} <span class=\"{class}\">{}</span></summary>", text(&summary), text(&word))?;
            pre(input, out)?;
            answer.iter().try_for_each(|answer| pre(&answer.output, out))?;
            out.write_all(b"</details>\n")
        }
        Part::Result { name, output, is_error } => {
            let class = if *is_error { "bad" } else { "quiet" };
            let name = text(name.as_deref().unwrap_or("result"));
            let word = if *is_error { "error" } else { "result" };
            writeln!(out, "<details><summary><b>{name}</b> <span class=\"{class}\">{word}</span></summary>")?;
            pre(output, out)?;
            out.write_all(b"</details>\n")
        }
        Part::Media { media_type, bytes, pixels } => {
            let words = words::media(media_type, *bytes, *pixels);
            writeln!(out, "<p class=\"quiet\">{}</p>", text(&words))
        }
        Part::Other { kind, raw } => {
            writeln!(out, "<details><summary>{}</summary>", text(kind))?;
            pre(raw, out)?;
            out.write_all(b"</details>\n")
        }
        Part::Above(results) => writeln!(out, "<p class=\"quiet\">{}</p>", words::above(*results)),
    }
}

fn pre(code: &str, out: &mut dyn Write) -> io::Result<()> {
    if code.is_empty() { Ok(()) } else { writeln!(out, "<pre>\n{}</pre>", text(code)) }
}

/// A text as HTML shows it: hidden characters visible, nothing of it markup.
fn text(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Markdown as HTML that can do nothing but show.
fn rendered(markdown: &str) -> String {
    let markdown = visible(markdown);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut held: Vec<Option<String>> = Vec::new();
    let events = Parser::new_ext(&markdown, options).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image { dest_url, .. }) => {
            held.push(Some(dest_url.to_string()));
            Event::Text(CowStr::Borrowed("!["))
        }
        Event::Start(Tag::Link { dest_url, .. }) if !is_harmless(&dest_url) => {
            held.push(Some(dest_url.to_string()));
            Event::Text(CowStr::Borrowed("["))
        }
        // Without its title, which shows on hover and is nowhere else.
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            held.push(None);
            Event::Start(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id })
        }
        // Without the name of its language.
        Event::Start(Tag::CodeBlock(_)) => Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)),
        Event::End(TagEnd::Image | TagEnd::Link) => match held.pop().flatten() {
            Some(address) => Event::Text(shown(&format!("]({address})"))),
            None => event,
        },
        // Once more: Markdown makes characters of `&#x202E;` and its like.
        Event::Text(text) => Event::Text(shown(&text)),
        Event::Code(text) => Event::Code(shown(&text)),
        other => other,
    });
    let mut out = String::with_capacity(markdown.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut out, events);
    out
}

/// A text with its hidden characters visible.
fn shown<'a>(text: &str) -> CowStr<'a> {
    visible(text).into_owned().into()
}

/// Whether a link leads to a web page or a mail address.
fn is_harmless(address: &str) -> bool {
    let lower = address.trim().to_ascii_lowercase();
    ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
}
