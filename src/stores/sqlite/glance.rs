//! Counts what the overview draws: by status, over time, and by size.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::mapping::Part;
use super::{Pages, SqliteStore, lossy};
use crate::core::glance::{Glance, LargeSession, LargeTable, OverTimeCounter, most_frequent};
use crate::core::{Flow, Query, ReadStore as _, RowIndex, Selection, StoreError, Table, Timestamp};

/// No statement stays open for longer, so that a writer may clear its log.
const PAGE: Duration = Duration::from_millis(20);
/// So many things of a kind are named.
const MOST_NAMED: usize = 6;
/// Of more sessions than this is not told which has most messages.
const MOST_SESSIONS: usize = 200_000;
/// A table's pages are counted for so long.
const MEASURES: Duration = Duration::from_millis(40);
/// So many pages are counted between two looks at the clock.
const PAGES_BETWEEN: u64 = 64;

impl SqliteStore {
    /// Counts what the store holds, and hands out what is known after each step: the quick ones come first.
    ///
    /// # Errors
    /// Where the file cannot be read, or the counting is cancelled.
    pub fn glance(&self, sink: &mut dyn FnMut(&Glance) -> Flow) -> Result<(), StoreError> {
        let mut glance = Glance::default();
        let steps: [fn(&Self, &mut Glance) -> rusqlite::Result<()>; 4] =
            [Self::glance_sessions, Self::glance_tables, Self::glance_schema, Self::glance_messages];
        for step in steps {
            match step(self, &mut glance).map_err(|e| self.fail(e)) {
                // What is damaged is said among the findings; the rest can still be counted.
                Err(error) if !error.is_damage() => return Err(error),
                _ => {}
            }
            if self.cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            if sink(&glance) == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn now(&self) -> rusqlite::Result<Timestamp> {
        self.connection.query_row("SELECT now_ms()", [], |r| r.get(0)).map(Timestamp)
    }

    fn glance_sessions(&self, glance: &mut Glance) -> rusqlite::Result<()> {
        let mut statuses: HashMap<String, u64> = HashMap::new();
        let mut times = OverTimeCounter::new(self.now()?);
        let columns = |part: &Part| {
            let time = |name| part.column(name).sql;
            // A session without a beginning is put where it was last active.
            vec![
                part.column("status").sql,
                format!("coalesce({}, {})", time("created_at"), time("last_active_at")),
            ]
        };
        self.each_row(&Table::Sessions, columns, &mut |row, first| {
            let status = lossy(row.get_ref(first)?);
            if !status.is_empty() {
                *statuses.entry(status).or_default() += 1;
            }
            times.add(time_of(row, first + 1)?);
            Ok(())
        })?;
        glance.statuses = most_frequent(statuses, MOST_NAMED);
        glance.sessions = times.finish();
        Ok(())
    }

    fn glance_messages(&self, glance: &mut Glance) -> rusqlite::Result<()> {
        let mut times = OverTimeCounter::new(self.now()?);
        let mut sessions: Option<HashMap<String, u64>> = Some(HashMap::new());
        let columns = |part: &Part| vec![part.column("created_at").sql, part.column("session_id").sql];
        self.each_row(&Table::Messages, columns, &mut |row, first| {
            times.add(time_of(row, first)?);
            if let (Some(counted), ValueRef::Text(id)) = (&mut sessions, row.get_ref(first + 1)?) {
                let id = String::from_utf8_lossy(id);
                match counted.get_mut(id.as_ref()) {
                    Some(messages) => *messages += 1,
                    None => _ = counted.insert(id.into_owned(), 1),
                }
            }
            if sessions.as_ref().is_some_and(|s| s.len() > MOST_SESSIONS) {
                sessions = None;
            }
            Ok(())
        })?;
        glance.messages = times.finish();
        let most = most_frequent(sessions.unwrap_or_default(), MOST_NAMED);
        glance.largest_sessions = most
            .into_iter()
            .map(|(id, messages)| LargeSession { title: self.title_of(&id), id, messages })
            .collect();
        Ok(())
    }

    fn title_of(&self, session: &str) -> Option<String> {
        let query = Query { session: Some(session.to_owned()), ..Query::all(Table::Sessions) };
        let mut found = RowIndex::default();
        let mut sink = |piece| {
            found.append(piece);
            Flow::Stop
        };
        self.index(&query, Some(1), &mut sink).ok()?;
        let place = self.columns(&Table::Sessions).iter().position(|c| c.name == "title")?;
        let selection = Selection { columns: vec![place], ..Selection::default() };
        let row = self.rows(&Table::Sessions, &[found.get(0)?], &selection).ok()?.pop()?;
        row.cells.first()?.value.as_str().filter(|title| !title.is_empty()).map(str::to_owned)
    }

    fn glance_schema(&self, glance: &mut Glance) -> rusqlite::Result<()> {
        let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
        let columns = |part: &Part| vec![part.column("status").sql];
        self.each_row(&Table::Migrations, columns, &mut |row, first| {
            *statuses.entry(lossy(row.get_ref(first)?)).or_default() += 1;
            Ok(())
        })?;
        statuses.remove("");
        glance.schema = statuses.into_iter().collect();
        Ok(())
    }

    /// Measures tables with their indexes, as SQLite's own `dbstat` walks them.
    fn glance_tables(&self, glance: &mut Glance) -> rusqlite::Result<()> {
        if self.about.user_version.is_none() {
            // A document, read into memory: there is no file of pages.
            return Ok(());
        }
        let pragma = |name| self.connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0));
        let page_bytes = self.schema.page_size.unsigned_abs();
        let free = pragma("freelist_count")?.unsigned_abs();
        glance.free_bytes = Some(free * page_bytes);
        let mut trees = self.connection.prepare(
            "SELECT name, tbl_name FROM main.sqlite_schema WHERE rootpage > 0 ORDER BY type DESC, name",
        )?;
        let names = trees.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
        let mut tables: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        for tree in names {
            let (name, table) = tree?;
            let (bytes, whole) = self.measured(&name)?;
            let sum = tables.entry(table).or_default();
            sum.0 += bytes;
            sum.1 |= !whole;
        }
        // Where one table alone was too large to be walked, what the others leave is its own.
        let used = (pragma("page_count")?.unsigned_abs() - free) * page_bytes;
        let known: u64 = tables.values().map(|(bytes, _)| bytes).sum();
        let mut open: Vec<&mut (u64, bool)> = tables.values_mut().filter(|(_, more)| *more).collect();
        if let [one] = &mut open[..] {
            **one = (one.0 + used.saturating_sub(known), false);
        }
        let mut all: Vec<LargeTable> = tables
            .into_iter()
            .map(|(name, (bytes, at_least))| LargeTable { name, bytes, at_least })
            .collect();
        all.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        all.truncate(MOST_NAMED);
        glance.tables = all;
        Ok(())
    }

    /// The bytes of a table or an index, and whether all of its pages were counted in the time that there is.
    fn measured(&self, name: &str) -> rusqlite::Result<(u64, bool)> {
        let start = Instant::now();
        let mut pages = self
            .connection
            .prepare_cached("SELECT pgsize FROM temp.dbstat WHERE schema = 'main' AND name = ?1")?;
        let mut rows = pages.query(params![name])?;
        let (mut bytes, mut counted) = (0, 0_u64);
        while let Some(row) = rows.next()? {
            bytes += row.get::<_, i64>(0)?.unsigned_abs();
            counted += 1;
            if counted.is_multiple_of(PAGES_BETWEEN) && start.elapsed() > MEASURES {
                return Ok((bytes, false));
            }
        }
        Ok((bytes, true))
    }

    /// Reads columns of every row of a table, page by page; each row comes with the place of the first.
    fn each_row(
        &self,
        table: &Table,
        columns: impl Fn(&Part) -> Vec<String>,
        each: &mut dyn FnMut(&Row<'_>, usize) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        for part in self.mapping.parts_of(table) {
            let (mut pages, columns) = (Pages::over(part), columns(part));
            while !pages.page(&self.connection, &columns, Instant::now() + PAGE, each)? {}
        }
        Ok(())
    }
}

fn time_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(ms) => Some(ms),
        _ => None,
    })
}
