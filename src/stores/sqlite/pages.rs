//! One pass over the rows of a part, in pages between which other programs may commit and clear their log.

use std::time::Instant;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params_from_iter};

use super::Part;

/// How far a pass over the rows of a part has come.
pub struct Pages {
    from: String,
    filter: Option<String>,
    key: Vec<String>,
    /// The key of the last row that was read.
    after: Option<Vec<Sql>>,
}

impl Pages {
    pub fn over(part: &Part) -> Self {
        Self { from: part.from.clone(), filter: part.filter.clone(), key: part.key.clone(), after: None }
    }

    /// Reads rows until a moment; says whether it came to the last.
    ///
    /// `columns` is SQL for the values that are wanted, the same for every page; each row comes with the place of the first.
    pub fn page(
        &mut self,
        connection: &Connection,
        columns: &[String],
        until: Instant,
        each: &mut dyn FnMut(&Row<'_>, usize) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&self.sql(columns))?;
        let mut rows = statement.query(params_from_iter(self.after.iter().flatten()))?;
        let (keys, mut seen) = (self.key.len(), 0_u32);
        while let Some(row) = rows.next()? {
            seen += 1;
            if row.get_ref(keys)?.as_i64() == Ok(1) {
                each(row, keys + 1)?;
            }
            // Every one of the first, which may each take long.
            let look = seen < 16 || seen.is_multiple_of(32);
            if look && Instant::now() >= until {
                self.after = Some((0..keys).map(|at| row.get(at)).collect::<Result<_, _>>()?);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sql(&self, columns: &[String]) -> String {
        let (keys, from) = (self.key.join(", "), &self.from);
        // A filter that few rows pass would run long without a row to stop at.
        let keep = self.filter.as_ref().map_or("1".to_owned(), |f| format!("(({f}) IS TRUE)"));
        let columns: String = columns.iter().map(|sql| format!(", {sql}")).collect();
        let after = match &self.after {
            Some(values) => format!(" WHERE ({keys}) > ({})", vec!["?"; values.len()].join(", ")),
            None => String::new(),
        };
        format!("SELECT {keys}, {keep}{columns} FROM {from}{after} ORDER BY {keys}")
    }
}
