//! Finds the rows of a damaged table that its indexes no longer lead to.

use std::collections::HashSet;
use std::ops::Range;

use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;

use super::reader::Pieces;
use super::select::Select;
use super::{Part, SqliteStore};
use crate::core::{Flow, KeyId, Query, ReadStore as _, RowKey, StoreError};

impl SqliteStore {
    /// Hands out the keys that a statement broken off by damage did not come to.
    ///
    /// Walks each table itself from its first row to the damage, and from its last row back to it. `broken` is the
    /// statement and its values, and `parts` those that it reads; run again, it tells what was handed out already.
    pub(super) fn salvage(
        &self,
        query: &Query,
        parts: (&[Part], Range<usize>),
        broken: (&str, &[Sql]),
        pieces: &mut Pieces<'_>,
    ) -> Result<Flow, StoreError> {
        let columns = self.columns(&query.table);
        let mut seen: HashSet<(i64, i64)> = HashSet::new();
        self.walk(broken.0, broken.1, |part, id| {
            seen.insert((part, id));
            true
        });
        for (number, part) in parts.0.iter().enumerate().take(parts.1.end).skip(parts.1.start) {
            let Ok(place) = u16::try_from(number) else { break };
            if !part.key_is_rowid {
                continue;
            }
            let select = Select::new(query, part, &columns)?;
            for id in self.reachable(i64::from(place), part, &select, &seen) {
                if pieces.push(RowKey { part: place, id: KeyId::Row(id) }) == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// The rowids that both walks come to, in order, without those that were seen.
    fn reachable(&self, place: i64, part: &Part, select: &Select, seen: &HashSet<(i64, i64)>) -> Vec<i64> {
        let sql = |way: &str| {
            let (key, from, filter) = (&part.key[0], &part.from, select.filter());
            format!("SELECT {place}, {key} FROM {from} NOT INDEXED{filter} ORDER BY {key} {way}")
        };
        let (mut found, mut back, mut last) = (Vec::new(), Vec::new(), None);
        self.walk(&sql("ASC"), select.values(), |part, id| {
            last = Some(id);
            found.extend((!seen.contains(&(part, id))).then_some(id));
            true
        });
        self.walk(&sql("DESC"), select.values(), |part, id| {
            back.extend((!seen.contains(&(part, id))).then_some(id));
            last.is_none_or(|last| id > last)
        });
        found.extend(back.into_iter().rev().filter(|id| last.is_none_or(|last| *id > last)));
        found
    }

    /// Hands out part numbers and rowids until the statement ends, is broken off, or is told to stop.
    fn walk(&self, sql: &str, values: &[Sql], mut each: impl FnMut(i64, i64) -> bool) {
        let Ok(mut statement) = self.connection.prepare(sql) else { return };
        let Ok(mut rows) = statement.query(params_from_iter(values)) else { return };
        while let Ok(Some(row)) = rows.next() {
            // Keys that are no rowids belong to parts that are not walked.
            let (Ok(part), Ok(id)) = (row.get(0), row.get(1)) else { continue };
            if !each(part, id) {
                return;
            }
        }
    }
}
