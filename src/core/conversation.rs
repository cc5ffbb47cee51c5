//! A conversation out of messages: each tool's result beneath the call that it answers.
//!
//! Stores keep a result where it arrived, most often in a message of its own behind the call's. It answers the call of
//! the same id; one without an id answers the calls of the message before it, in their order.

pub mod words;

use std::ops::Range;

use super::{Block, ReadStore, RowKey, Selection, StoreError, Table};

/// So many messages behind a call its result is looked for.
pub const REACH: usize = 32;

/// A message as a store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: RowKey,
    pub id: String,
    pub role: String,
    /// What it consists of, in the store's words; only where it was asked for.
    pub kind: String,
    pub created_at_ms: Option<i64>,
    pub blocks: Vec<Block>,
}

impl Entry {
    /// Whether a person says something in it, rather than that a tool answers.
    pub fn is_turn(&self) -> bool {
        self.is_from_a_person() && self.blocks.iter().any(|b| !matches!(b, Block::ToolResult { .. }))
    }

    fn is_from_a_person(&self) -> bool {
        matches!(self.role.as_str(), "user" | "human")
    }
}

/// A part of a message as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    Thinking(String),
    /// A call, and what came of it where that is known.
    Tool {
        name: String,
        input: String,
        /// What the store says of its progress, such as `complete`.
        state: Option<String>,
        answer: Option<Answer>,
    },
    /// A result whose call is not among the messages around it.
    Result {
        name: Option<String>,
        output: String,
        is_error: bool,
    },
    Media {
        media_type: String,
        bytes: u64,
        /// Width and height in pixels.
        pixels: Option<(u32, u32)>,
    },
    /// Of a kind that is not known, as it is stored.
    Other {
        kind: String,
        raw: String,
    },
    /// So many results that stand beneath their calls, in messages above.
    Above(usize),
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub output: String,
    pub is_error: bool,
    /// From the call's message to the result's, where both have a time.
    pub took_ms: Option<u64>,
}

/// A block: which message of a window, and which block of it.
type Place = (usize, usize);

/// Whether what has this role frames the conversation rather than belonging to it: what the program tells the model, or itself.
pub fn is_frame(role: &str) -> bool {
    matches!(role, "system" | "developer" | "meta" | "summary" | "snapshot" | "progress")
}

/// Reads messages with what is needed around them: those `wanted` of `keys`, which are neighbours in their order.
///
/// A message that is gone is left out; one that cannot be read says so in its place.
///
/// # Errors
/// Where the store cannot be read at all.
pub fn read(
    store: &dyn ReadStore,
    keys: &[RowKey],
    wanted: Range<usize>,
    with_kind: bool,
) -> Result<Vec<(Entry, Vec<Part>)>, StoreError> {
    let load = |range: Range<usize>| entries(store, keys.get(range).unwrap_or_default(), with_kind);
    let mut window = load(wanted.clone())?;
    let mut before = 0;
    let mut own = 0..window.len();
    let mut ahead = wanted.end;
    while ahead < keys.len() && ahead < wanted.end + REACH && !all_answered(&window, &own) {
        window.extend(load(ahead..ahead + 1)?);
        ahead += 1;
    }
    while before < REACH && before < wanted.start && !all_asked(&window, &own) {
        before += 1;
        let found = load(wanted.start - before..wanted.start - before + 1)?;
        own = own.start + found.len()..own.end + found.len();
        window.splice(0..0, found);
    }
    let parts = fold(&window, own.clone());
    Ok(window.drain(own).zip(parts).collect())
}

fn entries(store: &dyn ReadStore, keys: &[RowKey], with_kind: bool) -> Result<Vec<Entry>, StoreError> {
    let columns = store.columns(&Table::Messages);
    let names: &[&str] =
        if with_kind { &["id", "role", "created_at", "kind"] } else { &["id", "role", "created_at"] };
    let places = names.iter().filter_map(|name| columns.iter().position(|c| c.name == *name)).collect();
    let selection = Selection { columns: places, ..Selection::default() };
    if selection.columns.len() < names.len() || keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = store.rows(&Table::Messages, keys, &selection)?;
    let entry = |row: super::Row| {
        let text =
            |at: usize| row.cells.get(at).and_then(|c| c.value.as_str()).unwrap_or_default().to_owned();
        let blocks = store.blocks(&row.key).unwrap_or_else(|error| {
            vec![Block::Other { kind: "cannot be read".into(), raw: format!("{error}. {}", error.hint()) }]
        });
        Entry {
            id: text(0),
            role: text(1),
            created_at_ms: row.cells.get(2).and_then(|c| c.value.as_i64()),
            kind: text(3),
            blocks,
            key: row.key,
        }
    };
    Ok(rows.into_iter().map(entry).collect())
}

fn all_answered(window: &[Entry], own: &Range<usize>) -> bool {
    let pairs = pairs(window);
    calls(window).filter(|call| own.contains(&call.0)).all(|call| pairs.iter().any(|(c, _)| *c == call))
}

fn all_asked(window: &[Entry], own: &Range<usize>) -> bool {
    let pairs = pairs(window);
    results(window)
        .filter(|result| own.contains(&result.0))
        .all(|r| pairs.iter().any(|(_, result)| *result == r))
}

fn places(window: &[Entry]) -> impl Iterator<Item = (Place, &Block)> {
    window
        .iter()
        .enumerate()
        .flat_map(|(m, e)| e.blocks.iter().enumerate().map(move |(b, block)| ((m, b), block)))
}

fn calls(window: &[Entry]) -> impl Iterator<Item = Place> {
    places(window).filter(|(_, block)| matches!(block, Block::ToolCall { .. })).map(|(place, _)| place)
}

fn results(window: &[Entry]) -> impl Iterator<Item = Place> {
    places(window).filter(|(_, block)| matches!(block, Block::ToolResult { .. })).map(|(place, _)| place)
}

/// A call that no result has answered so far.
struct Open<'a> {
    at: Place,
    id: Option<&'a str>,
    name: &'a str,
    /// No person has said anything since, and no other message has called a tool.
    fresh: bool,
}

/// The calls and the results that answer them.
///
/// Whether two belong together depends on no message outside of those between them, so that a window further on says
/// the same.
fn pairs(window: &[Entry]) -> Vec<(Place, Place)> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut pairs = Vec::new();
    for (m, entry) in window.iter().enumerate() {
        open.retain(|call| m - call.at.0 <= REACH);
        for (b, block) in entry.blocks.iter().enumerate() {
            match block {
                Block::ToolCall { id, name, .. } => {
                    open.iter_mut().for_each(|call| call.fresh &= call.at.0 == m);
                    open.push(Open { at: (m, b), id: id.as_deref(), name, fresh: true });
                }
                Block::ToolResult { id, name, .. } => {
                    let same = |call: &Open<'_>| id.is_some() && call.id == id.as_deref();
                    let next = |call: &Open<'_>| {
                        call.fresh
                            && (call.id.is_none() || id.is_none())
                            && name.as_deref().is_none_or(|name| name == call.name)
                    };
                    let at = open.iter().rposition(same).or_else(|| open.iter().position(next));
                    pairs.extend(at.map(|at| (open.remove(at).at, (m, b))));
                }
                Block::Text(_) if entry.is_from_a_person() => {
                    open.iter_mut().for_each(|call| call.fresh = false);
                }
                _ => {}
            }
        }
    }
    pairs
}

/// The parts of one message on its own.
pub fn parts_of(entry: Entry) -> Vec<Part> {
    fold(&[entry], 0..1).pop().unwrap_or_default()
}

/// The parts of some messages of a window, in which the others are around them.
pub fn fold(window: &[Entry], own: Range<usize>) -> Vec<Vec<Part>> {
    let pairs = pairs(window);
    own.filter_map(|m| Some((m, window.get(m)?)))
        .map(|(m, entry)| {
            let mut parts = Vec::new();
            let mut above = 0;
            for (b, block) in entry.blocks.iter().enumerate() {
                match block {
                    Block::ToolCall { name, input, state, .. } => {
                        let result =
                            pairs.iter().find(|(call, _)| *call == (m, b)).map(|(_, result)| *result);
                        let answer = result.and_then(|result| answer(window, m, result));
                        let (name, input, state) = (name.clone(), input.clone(), state.clone());
                        parts.push(Part::Tool { name, input, state, answer });
                    }
                    Block::ToolResult { name, output, is_error, .. } => {
                        match pairs.iter().find(|(_, result)| *result == (m, b)) {
                            Some((call, _)) if call.0 == m => {}
                            Some(_) => above += 1,
                            None => parts.push(Part::Result {
                                name: name.clone(),
                                output: output.clone(),
                                is_error: *is_error,
                            }),
                        }
                    }
                    Block::Text(text) => parts.push(Part::Text(text.clone())),
                    Block::Thinking(text) => parts.push(Part::Thinking(text.clone())),
                    Block::Media { media_type, bytes, pixels } => parts.push(Part::Media {
                        media_type: media_type.clone(),
                        bytes: *bytes,
                        pixels: *pixels,
                    }),
                    Block::Other { kind, raw } => {
                        parts.push(Part::Other { kind: kind.clone(), raw: raw.clone() });
                    }
                }
            }
            if above > 0 {
                parts.insert(0, Part::Above(above));
            }
            parts
        })
        .collect()
}

fn answer(window: &[Entry], call: usize, (m, b): Place) -> Option<Answer> {
    let Block::ToolResult { output, is_error, .. } = window.get(m)?.blocks.get(b)? else { return None };
    let (began, ended) = (window.get(call)?.created_at_ms, window.get(m)?.created_at_ms);
    let took_ms = began.zip(ended).filter(|_| call != m).and_then(|(a, b)| u64::try_from(b - a).ok());
    Some(Answer { output: output.clone(), is_error: *is_error, took_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::KeyId;

    fn entry(role: &str, blocks: Vec<Block>) -> Entry {
        let key = RowKey { part: 0, id: KeyId::Row(1) };
        Entry { key, id: String::new(), role: role.into(), kind: String::new(), created_at_ms: None, blocks }
    }

    fn call(id: Option<&str>, name: &str) -> Block {
        Block::ToolCall { id: id.map(Into::into), name: name.into(), input: String::new(), state: None }
    }

    fn result(id: Option<&str>, output: &str) -> Block {
        Block::ToolResult { id: id.map(Into::into), name: None, output: output.into(), is_error: false }
    }

    fn outputs(parts: &[Vec<Part>]) -> Vec<String> {
        let say = |part: &Part| match part {
            Part::Tool { name, answer, .. } => {
                format!("{name}={}", answer.as_ref().map_or("", |a| &a.output))
            }
            Part::Result { output, .. } => format!("alone {output}"),
            Part::Above(n) => format!("{n} above"),
            _ => "text".into(),
        };
        parts.iter().flatten().map(say).collect()
    }

    #[test]
    fn a_result_in_a_later_message_stands_beneath_its_call() {
        let window = [
            entry("assistant", vec![call(Some("1"), "a"), call(Some("2"), "b")]),
            entry("user", vec![result(Some("2"), "two"), result(Some("1"), "one")]),
        ];
        assert_eq!(outputs(&fold(&window, 0..2)), ["a=one", "b=two", "2 above"]);
    }

    #[test]
    fn results_without_ids_answer_the_message_before_in_order() {
        let window = [
            entry("assistant", vec![call(None, "a"), call(None, "b")]),
            entry("tool", vec![result(None, "one")]),
            entry("tool", vec![result(None, "two")]),
            entry("tool", vec![result(None, "three")]),
        ];
        assert_eq!(outputs(&fold(&window, 0..4)), ["a=one", "b=two", "1 above", "1 above", "alone three"]);
    }

    #[test]
    fn what_a_person_says_ends_the_guess_but_not_the_id() {
        let said = || entry("user", vec![Block::Text("hm".into())]);
        let window = [
            entry("assistant", vec![call(None, "a"), call(Some("1"), "b")]),
            said(),
            entry("tool", vec![result(None, "one"), result(Some("1"), "two")]),
        ];
        assert_eq!(outputs(&fold(&window, 0..3)), ["a=", "b=two", "text", "1 above", "alone one"]);
    }

    #[test]
    fn an_id_that_is_used_again_belongs_to_the_last_call_of_it() {
        let window = [
            entry("assistant", vec![call(Some("1"), "a")]),
            entry("tool", vec![result(Some("1"), "one")]),
            entry("assistant", vec![call(Some("1"), "b")]),
            entry("tool", vec![result(Some("1"), "two"), result(Some("1"), "again")]),
        ];
        assert_eq!(outputs(&fold(&window, 0..4)), ["a=one", "1 above", "b=two", "1 above", "alone again"]);
    }

    #[test]
    fn nothing_is_hidden_that_no_call_shows() {
        // Whatever part of the messages is looked at, a result shows exactly once.
        let mut window = vec![entry("assistant", vec![call(Some("1"), "a")])];
        window.extend((0..REACH).map(|_| entry("assistant", vec![Block::Text("…".into())])));
        window.push(entry("tool", vec![result(Some("1"), "late")]));
        assert_eq!(outputs(&fold(&window, 0..1)), ["a="]);
        assert_eq!(outputs(&fold(&window, REACH + 1..REACH + 2)), ["alone late"]);
        window.remove(1);
        assert_eq!(outputs(&fold(&window, 0..1)), ["a=late"]);
        assert_eq!(outputs(&fold(&window, REACH..REACH + 1)), ["1 above"]);
    }
}
