//! How the neighbours of a new piece are written, so that it is written in the same way.

use std::ops::Range;

use super::plan::NewEntry;
use super::tree::{Kind, Member, Node};
use crate::stores::wrangler::config;

/// A piece of text that takes the place of what is in a range.
pub struct Splice {
    pub range: Range<usize>,
    pub text: String,
}

impl Splice {
    fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, text: text.into() }
    }
}

/// What stands around and between the items of a list or an object in brackets.
struct Layout {
    open: String,
    separator: String,
    /// With the last comma, where there is one.
    close: String,
}

impl Layout {
    /// Reads it off `items`, which are all of what is in the brackets at the ends of `range`.
    fn of(text: &str, range: &Range<usize>, items: &[Range<usize>], separator: &str) -> Self {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Self { open: String::new(), separator: separator.to_owned(), close: String::new() };
        };
        let inner = range.start + 1..range.end.saturating_sub(1);
        let open = space(text, inner.start..first.start);
        let separator = match items {
            [a, b, ..] => between(text, a.end..b.start).concat(),
            _ if open.contains('\n') => format!(",{open}"),
            _ => separator.to_owned(),
        };
        let close = match comma(text, last.end..inner.end) {
            Some(at) => format!(",{}", space(text, at + 1..inner.end)),
            None => space(text, last.end..inner.end),
        };
        Self { open, separator, close }
    }

    fn of_list(text: &str, list: &Node, separator: &str) -> Self {
        let items: Vec<_> = list.items().iter().map(|item| item.range.clone()).collect();
        Self::of(text, &list.range, &items, separator)
    }

    fn fill(&self, brackets: [char; 2], items: &[String]) -> String {
        let [opening, closing] = brackets;
        format!("{opening}{}{}{}{closing}", self.open, items.join(&self.separator), self.close)
    }
}

/// The texts of a new entry's two fields, written and ordered as in another entry.
fn fields(text: &str, like: &Node, new: &NewEntry, comma: &str) -> [String; 2] {
    let slice = |range: Range<usize>| text.get(range).unwrap_or_default();
    let (colon, quoted_tag, key_quote) = match like.member("tag") {
        Some(member) => {
            let colon = slice(member.key.end..member.value.range.start);
            (colon, slice(member.value.range.clone()), quote(slice(member.key.clone())))
        }
        None => ("", "", None),
    };
    // A comment beside the neighbour's colon is not copied.
    let colon = match colon.trim() {
        ":" | "=" => colon,
        _ if config::is_json(text) => ": ",
        _ => " = ",
    };
    let as_key = |name: &str| match key_quote {
        Some(mark) => format!("{mark}{name}{mark}"),
        None => name.to_owned(),
    };
    let names: Vec<String> = new.classes.iter().map(|class| literal(class, quoted_tag)).collect();
    let list = match like.members().iter().rev().map(|m| &m.value).find(|v| is_class_list(v)) {
        Some(list) => Layout::of_list(text, list, comma),
        None => Layout::of(text, &(0..0), &[], comma),
    };
    let tag = format!("{}{colon}{}", as_key("tag"), literal(&new.tag, quoted_tag));
    let classes = format!("{}{colon}{}", as_key(new.directive), list.fill(['[', ']'], &names));
    let tag_first = like.members().first().is_none_or(|m| m.name == "tag");
    if tag_first { [tag, classes] } else { [classes, tag] }
}

fn is_class_list(value: &Node) -> bool {
    !value.items().is_empty() && value.items().iter().all(|item| matches!(item.kind, Kind::Text))
}

/// A new entry behind the last one of a list, and the text of the entry alone.
pub fn entry(text: &str, list: &Node, new: &NewEntry) -> Option<(String, Vec<Splice>)> {
    let last = list.items().last()?;
    match list.kind {
        Kind::Tables(_) => table(text, list, last, new),
        _ => Some(in_brackets(text, list, last, new)),
    }
}

fn table(text: &str, list: &Node, last: &Node, new: &NewEntry) -> Option<(String, Vec<Splice>)> {
    let comma = comma_in_lists(text, list).unwrap_or_else(|| ", ".to_owned());
    let [first, second] = fields(text, last, new, &comma);
    let eol = line_break(text, last.range.start);
    let header = text.get(last.range.clone())?;
    let indent = last.member("tag").map_or("", |m| indentation(text, m.key.start));
    let table = format!("{header}{eol}{indent}{first}{eol}{indent}{second}");
    let blank = eol.repeat(blank_lines(text, last.range.start));
    let piece = format!("{eol}{blank}{}{table}", indentation(text, last.range.start));
    Some((table, vec![Splice::insert(end_of_table(text, last.end()), piece)]))
}

fn in_brackets(text: &str, list: &Node, last: &Node, new: &NewEntry) -> (String, Vec<Splice>) {
    let ranges: Vec<_> = last.members().iter().map(Member::range).collect();
    // Who writes no space behind a colon writes none behind a comma.
    let tagged = last.member("tag").and_then(|m| text.get(..m.value.range.start));
    let spaced = tagged.is_some_and(|before| before.ends_with(char::is_whitespace));
    let layout = Layout::of(text, &last.range, &ranges, if spaced { ", " } else { "," });
    let one_line = if layout.separator.contains('\n') { ", " } else { &layout.separator };
    let comma = comma_in_lists(text, list).unwrap_or_else(|| one_line.to_owned());
    let entry = layout.fill(['{', '}'], &fields(text, last, new, &comma));
    let splices = append(text, list, &entry, one_line);
    (entry, splices)
}

/// What stands between two classes on one line, in the last entry that shows it.
fn comma_in_lists(text: &str, list: &Node) -> Option<String> {
    let values = list.items().iter().rev().flat_map(Node::members).map(|m| &m.value);
    values.filter(|value| is_class_list(value)).find_map(|value| {
        let [a, b, ..] = value.items() else { return None };
        Some(between(text, a.range.end..b.range.start).concat()).filter(|comma| !comma.contains('\n'))
    })
}

/// Puts an item behind the last one of a list in brackets; comments on the last one's line stay beside it.
fn append(text: &str, list: &Node, new: &str, one_line: &str) -> Vec<Splice> {
    let items = list.items();
    let Some(last) = items.last() else { return Vec::new() };
    let inner = list.range.end.saturating_sub(1);
    let [before, after] = match items {
        [.., a, b] => between(text, a.range.end..b.range.start),
        _ => match space(text, list.range.start + 1..last.range.start) {
            open if open.contains('\n') => [",".to_owned(), open],
            _ => between(one_line, 0..one_line.len()),
        },
    };
    if let Some(at) = comma(text, last.range.end..inner) {
        let at = if after.contains('\n') { end_of_line(text, at + 1..inner) } else { at + 1 };
        return vec![Splice::insert(at, format!("{after}{new},"))];
    }
    let end = end_of_line(text, last.range.end..inner);
    if before.contains('\n') {
        vec![Splice::insert(end, format!("{before}{after}{new}"))]
    } else if after.contains('\n') && end > last.range.end {
        vec![Splice::insert(last.range.end, before), Splice::insert(end, format!("{after}{new}"))]
    } else {
        vec![Splice::insert(last.range.end, format!("{before}{after}{new}"))]
    }
}

/// A text in the quotes of another.
pub fn literal(value: &str, like: &str) -> String {
    let plain = value.chars().all(|c| c.is_alphanumeric() || " _-$.:/#@+".contains(c));
    match quote(like) {
        Some(mark) if plain => format!("{mark}{value}{mark}"),
        // The escapes of JSON are TOML's too.
        _ => serde_json::Value::from(value).to_string(),
    }
}

fn quote(of: &str) -> Option<char> {
    of.chars().next().filter(|c| matches!(c, '"' | '\''))
}

/// What stands between two items, up to the end of its comma and from there; comments are left out.
fn between(text: &str, gap: Range<usize>) -> [String; 2] {
    match comma(text, gap.clone()) {
        Some(at) => {
            let before = space(text, gap.start..at);
            // A space before a comma is seldom meant, a line is.
            let before = if before.contains('\n') { before } else { String::new() };
            [format!("{before},"), space(text, at + 1..gap.end)]
        }
        None => [",".to_owned(), space(text, gap)],
    }
}

/// The white space of a gap: all of it, or what is left when there are comments in it.
fn space(text: &str, gap: Range<usize>) -> String {
    let gap = text.get(gap).unwrap_or_default();
    if gap.trim().is_empty() {
        return gap.to_owned();
    }
    match gap.rfind('\n') {
        Some(at) => {
            let start = if gap[..at].ends_with('\r') { at - 1 } else { at };
            let tail = &gap[start..];
            tail.chars().take_while(|c| c.is_whitespace()).collect()
        }
        None => " ".to_owned(),
    }
}

/// The first comma of a gap that is in no comment.
fn comma(text: &str, gap: Range<usize>) -> Option<usize> {
    let mut at = gap.start;
    while let Some(rest) = text.get(at..gap.end).filter(|rest| !rest.is_empty()) {
        match comment(rest) {
            Some(length) => at += length,
            None if rest.starts_with(',') => return Some(at),
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}

/// The length of the comment that a text starts with; a line's end is not part of it.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |at| at + 2));
    }
    let line = text.starts_with("//") || text.starts_with('#');
    line.then(|| text.find(['\n', '\r']).unwrap_or(text.len()))
}

/// The end of the last comment on the line on which a gap starts, or else the gap's start.
fn end_of_line(text: &str, gap: Range<usize>) -> usize {
    let (mut at, mut end) = (gap.start, gap.start);
    while let Some(rest) = text.get(at..gap.end) {
        if rest.starts_with([' ', '\t']) {
            at += 1;
            continue;
        }
        match comment(rest) {
            Some(length) if !rest[..length].contains('\n') => {
                at += length;
                end = at;
            }
            _ => break,
        }
    }
    end
}

/// The end of the line on which a table's last value ends, and of the comments that go with it.
fn end_of_table(text: &str, end: usize) -> usize {
    let line_end = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.find('\n').map_or(rest.len(), |at| if rest[..at].ends_with('\r') { at - 1 } else { at })
    };
    let own = line_end(end);
    let mut at = own;
    // Lines of comments straight below belong to the table, unless they stand above the next header.
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let next = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'));
        let Some(next) = next else { return at };
        let line = next.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return at;
        }
        if !line.starts_with('#') {
            return own;
        }
        at = line_end(text.len() - next.len());
    }
}

/// The line break that a line ends with, or else the one that is used before it.
fn line_break(text: &str, at: usize) -> &'static str {
    let after = text.get(at..).and_then(|rest| rest.split_once('\n')).map(|(line, _)| line);
    let before = || text.get(..at).and_then(|before| before.rsplit_once('\n')).map(|(line, _)| line);
    match after.or_else(before) {
        Some(line) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The white space before something on its line.
fn indentation(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.trim().is_empty() { line } else { "" }
}

/// How many empty lines are before a header and the comments above it; one at the start of a text.
fn blank_lines(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let lines = before.rsplit('\n').skip(1).map(str::trim);
    let mut above = lines.skip_while(|line| line.starts_with('#')).peekable();
    let blank = std::iter::from_fn(|| above.next_if(|line| line.is_empty())).count();
    if above.peek().is_none() { 1 } else { blank }
}
