//! Messages as the window reads them: with what their calls came to, and long texts cut.

use crate::core::conversation::{self, Part};
use crate::core::{
    Block, Condition, Filter, Flow, Query, ReadStore as _, RowIndex, RowKey, StoreError, Table,
};
use crate::stores::sqlite::{Cancel, SqliteStore};
use crate::ui::model::{Message, Stop};
use crate::ui::table_view::Neighbours;

/// The transcript shows so many bytes of a part before it asks.
const PART_BYTES: usize = 20_000;

/// Reads messages with those around them, as far as it takes to find what their calls came to.
pub fn messages(store: &SqliteStore, near: &Neighbours) -> Result<Vec<Message>, StoreError> {
    let read = conversation::read(store, &near.keys, near.wanted.clone(), false)?;
    let message = |(entry, mut parts): (conversation::Entry, Vec<Part>)| {
        let left_out_bytes = if near.whole { 0 } else { parts.iter_mut().map(cut).sum() };
        let conversation::Entry { key, id, role, created_at_ms, .. } = entry;
        Message { key, id, role, created_at_ms, parts, left_out_bytes }
    };
    Ok(read.into_iter().map(message).collect())
}

/// What one message is made of, whole.
pub fn parts(store: &SqliteStore, key: &RowKey, near: &Neighbours) -> Result<Vec<Part>, StoreError> {
    let read = conversation::read(store, &near.keys, near.wanted.clone(), false)?;
    Ok(read.into_iter().find(|(entry, _)| entry.key == *key).map(|(_, parts)| parts).unwrap_or_default())
}

/// The first of these messages that a step stops at.
pub fn seek(store: &SqliteStore, keys: Vec<RowKey>, stop: Stop, cancel: &Cancel) -> Option<RowKey> {
    keys.into_iter().take_while(|_| !cancel.is_cancelled()).find(|key| {
        let read = || conversation::read(store, std::slice::from_ref(key), 0..1, false);
        let fits = |entry: &conversation::Entry| match stop {
            Stop::Message => true,
            Stop::Turn => entry.is_turn(),
            Stop::ToolCall => entry.blocks.iter().any(|b| matches!(b, Block::ToolCall { .. })),
            Stop::Error => entry.blocks.iter().any(|b| matches!(b, Block::ToolResult { is_error: true, .. })),
        };
        read().is_ok_and(|read| read.iter().any(|(entry, _)| fits(entry)))
    })
}

/// Cuts a part's texts to what is read at first; gives how much was left out.
fn cut(part: &mut Part) -> u64 {
    match part {
        Part::Text(text) | Part::Thinking(text) | Part::Other { raw: text, .. } => cut_text(text),
        Part::Result { output, .. } => cut_text(output),
        Part::Tool { input, answer, .. } => {
            cut_text(input) + answer.as_mut().map_or(0, |answer| cut_text(&mut answer.output))
        }
        Part::Media { .. } | Part::Above(_) => 0,
    }
}

fn cut_text(text: &mut String) -> u64 {
    if text.len() <= PART_BYTES {
        return 0;
    }
    let end = text.floor_char_boundary(PART_BYTES);
    let left_out = text.len() - end;
    text.truncate(end);
    text.push('…');
    // The memory of 15 MB is not kept for the 20 KB that show.
    text.shrink_to_fit();
    left_out as u64
}

/// The first row that people know by this name.
pub fn find(store: &SqliteStore, table: &Table, name: &str) -> Option<RowKey> {
    let known_by: &[&str] = match table {
        Table::Heartbeats => &["session_id"],
        Table::State => &["key"],
        Table::Migrations => &["version", "name"],
        Table::Native(_) => &[],
        _ => &["id"],
    };
    let all = store.columns(table);
    let mut columns: Vec<String> = known_by.iter().map(|c| (*c).to_owned()).collect();
    if columns.is_empty() {
        columns.extend(all.iter().map(|c| c.name.to_string()));
    }
    columns.into_iter().find_map(|column| {
        let filter = Filter { column, condition: Condition::Is(name.to_owned()) };
        let query = Query { filters: vec![filter], ..Query::all(table.clone()) };
        let mut found = None;
        let mut sink = |piece: RowIndex| {
            found = piece.get(0);
            Flow::Stop
        };
        // A table that cannot be read has no row to show.
        store.index(&query, Some(1), &mut sink).ok()?;
        found
    })
}
