//! What was added behind the last row of a table, without reading the whole table again.

use std::time::{Duration, Instant};

use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;

use super::select::{Select, order_of};
use super::{SqliteStore, sqlite_error};
use crate::core::{KeyId, Query, RowIndex, RowKey, StoreError};

/// More rows than this are left to the next reading of the whole table.
const MOST: usize = 10_000;
/// Where it takes longer than this, it is no help.
const MOST_TIME: Duration = Duration::from_millis(100);

impl SqliteStore {
    /// The rows of a query that were added since and stand behind a row in its order, or before it where that is descending.
    ///
    /// Rows get higher rowids than there were before, so that only those are looked at: it takes as long as there are new
    /// rows, however many others there are. What was deleted, or was changed so that its place is another, is not seen. None where
    /// rows have no rowid, come from several parts, are too many, or cannot be told in time.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn ahead(&self, query: &Query, of: &RowKey) -> Result<Option<RowIndex>, StoreError> {
        let (parts, columns) = self.resolve(&query.table)?;
        let ([part], KeyId::Row(rowid), None) = (&parts[..], &of.id, &self.link) else { return Ok(None) };
        if !part.key_is_rowid || of.part != 0 {
            return Ok(None);
        }
        let mut select = Select::new(query, part, &columns)?;
        let (order, way) = order_of(query, part);
        let (key, from, exprs) = (&part.key[0], &part.from, order.join(", "));
        select.conditions.push(format!("{key} > ?"));
        select.conditions.push(format!("({exprs}) > (SELECT {exprs} FROM {from} WHERE {key} = ?)"));
        select.values.extend([Sql::Integer(*rowid), Sql::Integer(*rowid)]);
        let order: Vec<String> = order.iter().map(|expr| format!("{expr}{way}")).collect();
        let sql =
            format!("SELECT {key} FROM {from}{} ORDER BY {} LIMIT {MOST}", select.filter(), order.join(", "));
        let read = || -> rusqlite::Result<Vec<i64>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map(params_from_iter(&select.values), |row| row.get(0))?.collect()
        };
        match self.cancel.within(Instant::now() + MOST_TIME, read).map_err(|e| sqlite_error(e, &self.path)) {
            Ok(ids) => Ok((ids.len() < MOST).then_some(RowIndex::Rowids(ids))),
            Err(StoreError::Cancelled) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
