//! A session as a Markdown document: messages with their role as heading.

use std::io::{self, Write};

use pulldown_cmark::{Event, Options, Parser};

use super::super::conversation::{Entry, Part, words};
use super::super::{Timestamp, is_hidden, visible};
use super::markdown;
use super::session::Heading;

/// A text that is not settled after so many rounds is text to its last sign.
const MOST_ROUNDS: usize = 4;

pub fn head(heading: &Heading, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {}\n", line(&heading.title))?;
    for (name, text) in &heading.facts {
        writeln!(out, "- {}: {}", line(name), line(text))?;
    }
    Ok(())
}

pub fn message(entry: &Entry, parts: &[Part], out: &mut dyn Write) -> io::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let role = if entry.role.is_empty() { "message" } else { &entry.role };
    match entry.created_at_ms {
        Some(ms) => writeln!(out, "\n## {} · {}", line(role), Timestamp(ms))?,
        None => writeln!(out, "\n## {}", line(role))?,
    }
    parts.iter().try_for_each(|part| self::part(part, out))
}

fn part(part: &Part, out: &mut dyn Write) -> io::Result<()> {
    match part {
        Part::Text(text) => write!(out, "\n{}", quoted(text)),
        Part::Thinking(text) => {
            writeln!(out, "\n**Thinking**\n")?;
            out.write_all(quoted(text).as_bytes())
        }
        Part::Tool { name, input, state, answer } => {
            let (word, _) = words::outcome(state.as_deref(), answer.as_ref());
            writeln!(out, "\n**Tool {}** · {}", line(name), line(&word))?;
            fenced(input, out)?;
            answer.iter().try_for_each(|answer| fenced(&answer.output, out))
        }
        Part::Result { name, output, is_error } => {
            let word = if *is_error { " · error" } else { "" };
            writeln!(out, "\n**Result {}**{word}", line(name.as_deref().unwrap_or_default()))?;
            fenced(output, out)
        }
        Part::Media { media_type, bytes, pixels } => {
            writeln!(out, "\n*{}*", line(&words::media(media_type, *bytes, *pixels)))
        }
        Part::Other { kind, raw } => {
            writeln!(out, "\n**{}**", line(kind))?;
            fenced(raw, out)
        }
        Part::Above(results) => writeln!(out, "\n*{}*", words::above(*results)),
    }
}

/// Text on one line, with nothing in it that would be markup.
fn line(text: &str) -> String {
    markdown(text).replace("<br>", " ").replace('#', "\\#")
}

/// A text as a block of code, whatever fences are in it.
fn fenced(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let text = visible(text);
    let longest = text.lines().map(|l| l.trim_start().chars().take_while(|c| *c == '`').count()).max();
    let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    writeln!(out, "\n{fence}\n{text}{end}{fence}")
}

/// Markdown as a quotation, so that nothing of it is taken for the document's own: no heading, no open fence, no comment.
///
/// What of it would be HTML is text, and so are hidden characters that are written as `&#x202E;`.
fn quoted(text: &str) -> String {
    let mut quote = String::with_capacity(text.len() + text.len() / 8);
    for line in visible(text).lines() {
        quote.push_str(if line.is_empty() { ">" } else { "> " });
        quote.push_str(line);
        quote.push('\n');
    }
    // Where something became text, something behind it may become HTML.
    for _ in 0..MOST_ROUNDS {
        let marks = marks(&quote);
        if marks.is_empty() {
            return quote;
        }
        let (mut out, mut from) = (String::with_capacity(quote.len() + 4 * marks.len()), 0);
        for at in marks {
            out.push_str(&quote[from..at]);
            out.push_str(if quote[at..].starts_with('<') { "&lt;" } else { "&amp;" });
            from = at + 1;
        }
        out.push_str(&quote[from..]);
        quote = out;
    }
    quote.replace('&', "&amp;").replace('<', "&lt;")
}

/// The places of signs that begin HTML or stand for a hidden character.
fn marks(quote: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for (event, range) in Parser::new_ext(quote, options).into_offset_iter() {
        let sign = match &event {
            Event::Html(_) | Event::InlineHtml(_) => '<',
            Event::Text(text) if text.chars().any(is_hidden) => '&',
            _ => continue,
        };
        let found = quote.get(range.clone()).unwrap_or_default().match_indices(sign);
        places.extend(found.map(|(at, _)| range.start + at));
    }
    places.sort_unstable();
    places.dedup();
    places
}
