//! A session as a Markdown document: messages with their role as heading.

use std::io::{self, Write};

use super::super::conversation::{Entry, Part, words};
use super::super::{Timestamp, visible};
use super::markdown;
use super::session::Heading;

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
        Part::Text(text) => writeln!(out, "\n{}", closed(&visible(text))),
        Part::Thinking(text) => {
            writeln!(out, "\n**Thinking**\n")?;
            visible(text).lines().try_for_each(|line| writeln!(out, "> {line}"))
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

/// Markdown whose last fence is closed, so that what follows is not taken for code.
fn closed(text: &str) -> String {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let inner = line.trim_start();
        let Some(sign @ ('`' | '~')) = inner.chars().next() else { continue };
        let count = inner.chars().take_while(|c| *c == sign).count();
        let rest = inner[count..].trim();
        match open {
            None if count >= 3 && !(sign == '`' && rest.contains('`')) => open = Some((sign, count)),
            Some((o, n)) if o == sign && count >= n && rest.is_empty() => open = None,
            _ => {}
        }
    }
    match open {
        Some((sign, count)) => format!("{text}\n{}", sign.to_string().repeat(count)),
        None => text.to_owned(),
    }
}
