//! Whether one row is what is searched for, and where in it the text is.

use std::io::Write as _;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::super::lossy;
use super::Target;
use crate::core::search::{Decoder, Facts, Flat, Matcher, Search, Snippet, is_in_value, snippet};
use crate::core::{Block, Table};
use crate::stores::blocks;

/// Where the columns of a scan's statement are: behind the key the facts, of a message its body, and the texts.
pub(super) struct Places {
    facts: [Option<usize>; 5],
    /// Of a message: where its content is; its parts follow.
    body: Option<usize>,
    /// Of a message: its role, where its blocks are asked for.
    role: Option<usize>,
    texts: Vec<usize>,
}

impl Places {
    /// The columns of a statement for a target, behind the key, and where they are.
    pub(super) fn of(target: &Target) -> (Vec<String>, Places) {
        let mut columns: Vec<String> = Vec::new();
        let mut facts = [None; 5];
        for (place, sql) in facts.iter_mut().zip(&target.facts) {
            if let Some(sql) = sql {
                columns.push(sql.clone());
                *place = Some(columns.len());
            }
        }
        let body = target.part.body.as_ref().filter(|_| target.reads_body()).map(|[_, content, parts]| {
            columns.extend([content.clone(), parts.clone()]);
            columns.len() - 1
        });
        let role = target.part.body.as_ref().filter(|_| target.reads_blocks).map(|[role, ..]| {
            columns.push(role.clone());
            columns.len()
        });
        let mut texts = Vec::new();
        for (_, sql) in &target.texts {
            // What is there as the message's body is not read twice.
            let read = body.and_then(|at| (at..at + 2).find(|at| columns[*at - 1] == *sql));
            texts.push(read.unwrap_or_else(|| {
                columns.push(sql.clone());
                columns.len()
            }));
        }
        (columns, Places { facts, body, role, texts })
    }

    fn is_body(&self, at: usize) -> bool {
        self.body.is_some_and(|body| (body..body + 2).contains(&at))
    }
}

/// Looks at rows; its buffers are used again and again.
pub(super) struct Eye {
    matcher: Option<Matcher>,
    ways: Ways,
    number: Vec<u8>,
}

/// The ways in which a text may match: as it is stored, as it reads, and with its escapes resolved.
struct Ways {
    /// The names of fields in JSON are looked through too; of a message they are its format's, and in every row.
    names: bool,
    decoder: Decoder,
    flat: Flat,
}

impl Ways {
    /// Whether a text matches; hands out the way in which it does, with what finds it there.
    fn find(&mut self, matcher: &Matcher, text: &[u8], mut found: impl FnMut(&[u8], &Matcher)) -> bool {
        let Ways { names, decoder, flat } = self;
        let may_match = matcher.may_match(text);
        if may_match && matcher.is_match(text) && (*names || is_in_value(text, matcher)) {
            found(text, matcher);
            return true;
        }
        if may_match && reads(flat, matcher, text, &mut found) {
            return true;
        }
        matcher.may_be_escaped(text, may_match)
            && decoder.any(text, *names, |text| {
                let is_there = matcher.is_match(text);
                if is_there {
                    found(text, matcher);
                }
                is_there || matcher.may_match(text) && reads(flat, matcher, text, &mut found)
            })
    }
}

/// Whether a text matches as it reads.
fn reads(flat: &mut Flat, matcher: &Matcher, text: &[u8], found: &mut impl FnMut(&[u8], &Matcher)) -> bool {
    let Some(words) = matcher.of_words(text) else { return false };
    let text = flat.of(text);
    let is_there = words.is_match(text);
    if is_there {
        found(text, words);
    }
    is_there
}

/// Where in a row the text is.
pub(super) struct Found {
    /// The place among the texts; none where only filters chose the row.
    text: Option<usize>,
}

impl Eye {
    pub(super) fn new(search: &Search, target: &Target) -> Self {
        // A matcher of its own: threads that share one wait for each other.
        let matcher = search.matcher.clone();
        let names = target.table != Table::Messages;
        let ways = Ways { names, decoder: Decoder::default(), flat: Flat::default() };
        Self { matcher, ways, number: Vec::new() }
    }

    /// Whether the row is searched for.
    pub(super) fn look(
        &mut self,
        search: &Search,
        target: &Target,
        places: &Places,
        row: &Row<'_>,
    ) -> rusqlite::Result<Option<Found>> {
        let Some(found) = self.find(places, row)? else { return Ok(None) };
        let passes = search.filters.is_empty() || passes(search, target, places, row)?;
        Ok(passes.then_some(found))
    }

    fn find(&mut self, places: &Places, row: &Row<'_>) -> rusqlite::Result<Option<Found>> {
        let Some(matcher) = &self.matcher else { return Ok(Some(Found { text: None })) };
        for at in places.texts.iter().copied() {
            let is_there = match row.get_ref(at)? {
                ValueRef::Null => false,
                ValueRef::Text(text) | ValueRef::Blob(text) => self.ways.find(matcher, text, |_, _| ()),
                ValueRef::Integer(n) => {
                    self.number.clear();
                    write!(self.number, "{n}").is_ok() && matcher.is_match(&self.number)
                }
                ValueRef::Real(n) => {
                    self.number.clear();
                    write!(self.number, "{n}").is_ok() && matcher.is_match(&self.number)
                }
            };
            if is_there {
                return Ok(Some(Found { text: Some(at) }));
            }
        }
        Ok(None)
    }

    /// What a list of hits shows of a row that was found.
    pub(super) fn snippet(
        &mut self,
        places: &Places,
        row: &Row<'_>,
        found: &Found,
    ) -> rusqlite::Result<Snippet> {
        let matcher = self.matcher.as_ref();
        if let Some(body) = places.body
            && found.text.is_none_or(|at| places.is_body(at))
        {
            let [content, parts] = body_of(row, body)?;
            // Whose it is makes no difference to what it says.
            if let Some(snippet) = said(matcher, "", &content, &parts) {
                return Ok(snippet);
            }
        }
        let Some(at) = found.text else { return self.first_text(places, row) };
        Ok(match row.get_ref(at)? {
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                let Some(matcher) = matcher else { return Ok(snippet(text, None)) };
                let mut shown = Snippet::default();
                self.ways.find(matcher, text, |text, matcher| shown = snippet(text, Some(matcher)));
                shown
            }
            other => snippet(lossy(other).as_bytes(), matcher),
        })
    }

    /// The first text of a row that only filters chose.
    fn first_text(&self, places: &Places, row: &Row<'_>) -> rusqlite::Result<Snippet> {
        // The first is its key, which is shown anyhow.
        for at in places.texts.iter().skip(1).chain(places.texts.first()) {
            match row.get_ref(*at)? {
                ValueRef::Null => {}
                ValueRef::Text(text) | ValueRef::Blob(text) if text.is_empty() => {}
                ValueRef::Text(text) | ValueRef::Blob(text) => return Ok(snippet(text, None)),
                other => return Ok(snippet(lossy(other).as_bytes(), None)),
            }
        }
        Ok(Snippet::default())
    }
}

fn body_of(row: &Row<'_>, at: usize) -> rusqlite::Result<[String; 2]> {
    Ok([lossy(row.get_ref(at)?), lossy(row.get_ref(at + 1)?)])
}

/// What of a message to show: the text, or the part of it, in which the match is.
pub(super) fn said(matcher: Option<&Matcher>, role: &str, content: &str, parts: &str) -> Option<Snippet> {
    let text = blocks::text(role, content, parts);
    let Some(matcher) = matcher else { return Some(snippet(text.as_bytes(), None)) };
    let shown = |text: String| {
        let mut shown = None;
        let mut keep = |text: &[u8], matcher: &Matcher| shown = Some(snippet(text, Some(matcher)));
        match matcher.is_match(text.as_bytes()) {
            true => keep(text.as_bytes(), matcher),
            false => drop(reads(&mut Flat::default(), matcher, text.as_bytes(), &mut keep)),
        }
        shown
    };
    if let Some(shown) = shown(text) {
        return Some(shown);
    }
    let text_of = |block: Block| match block {
        Block::Text(text) | Block::Thinking(text) => text,
        Block::ToolCall { name, input, .. } => format!("{name} {input}"),
        Block::ToolResult { name, output, .. } => match name {
            Some(name) => format!("{name} → {output}"),
            None => output,
        },
        Block::Media { media_type, .. } => media_type,
        Block::Other { raw, .. } => raw,
    };
    blocks::parse(role, content, parts).into_iter().map(text_of).find_map(shown)
}

fn passes(search: &Search, target: &Target, places: &Places, row: &Row<'_>) -> rusqlite::Result<bool> {
    let text = |at: Option<usize>| at.map(|at| row.get_ref(at).map(lossy)).transpose();
    let [role, kind, status, session, at] = places.facts;
    let (role, kind, status, session) = (text(role)?, text(kind)?, text(status)?, text(session)?);
    let at_ms = at.map(|at| row.get_ref(at)).transpose()?.and_then(|v| v.as_i64_or_null().ok().flatten());
    let blocks = match places.body.filter(|_| target.reads_blocks) {
        Some(body) => {
            let [content, parts] = body_of(row, body)?;
            let role = text(places.role)?.unwrap_or_default();
            Some(blocks::parse(&role, &content, &parts))
        }
        None => None,
    };
    Ok(search.passes(&Facts {
        table: Some(&target.table),
        session: session.as_deref(),
        role: role.as_deref(),
        kind: kind.as_deref(),
        status: status.as_deref(),
        at_ms,
        blocks: blocks.as_deref(),
    }))
}

/// The names of the columns that say what a row is, in a word, and whose it is: its own key, its session, its word, its time.
pub(super) fn names_of(table: &Table) -> [&'static str; 4] {
    match table {
        Table::Sessions => ["id", "id", "status", "created_at"],
        Table::Messages => ["id", "session_id", "role", "created_at"],
        Table::Tasks => ["id", "session_id", "status", "created_at"],
        Table::Heartbeats => ["session_id", "session_id", "liveness", "last_heartbeat_at"],
        Table::State => ["key", "session_id", "owner", "updated_at"],
        Table::Migrations => ["version", "", "status", "applied_at"],
        Table::Findings => ["key", "code", "severity", ""],
        Table::Plan | Table::Native(_) => ["", "", "", ""],
    }
}
