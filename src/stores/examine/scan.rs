//! A scan: one pass over the rows of a table, in pages between which other programs may commit, for several probes at once.

use std::borrow::Cow;
use std::time::Instant;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};

use super::secrets;
use crate::core::{Defect, Finding, Severity, Tally};
use crate::stores::sqlite::{Part, TableInfo, lossy, quote};

/// Looks at every row of a scan, and says at its end what it found.
pub trait Probe {
    /// SQL for the values that it wants of each row.
    fn wants(&self) -> Vec<String>;

    /// Takes a row: the name by which people know it, and from the place `at` on the values that it wants.
    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()>;

    /// What it found in that table.
    fn findings(&self, table: &str) -> Vec<Finding>;
}

/// One pass over the rows of a table for several probes.
pub struct Scan {
    /// The table as a finding names it.
    table: Cow<'static, str>,
    from: String,
    filter: Option<String>,
    key: Vec<String>,
    name: String,
    /// Each with how many values it wants.
    probes: Vec<(usize, Box<dyn Probe>)>,
    /// The key of the last row that was looked at.
    after: Option<Vec<Sql>>,
}

impl Scan {
    /// Over the rows of one of the store's own tables, under the alias `r`; `name` is SQL for what people call a row.
    pub fn of(table: &TableInfo, name: impl Into<String>) -> Self {
        Self::over(format!("native:{}", table.name), &Part::over(table, "r"), name)
    }

    /// Over the rows of a part.
    pub fn over(table: impl Into<Cow<'static, str>>, part: &Part, name: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            from: part.from.clone(),
            filter: part.filter.clone(),
            key: part.key.clone(),
            name: name.into(),
            probes: Vec::new(),
            after: None,
        }
    }

    /// Says in which canonical table people find these rows.
    pub fn shown_in(mut self, table: &'static str) -> Self {
        self.table = table.into();
        self
    }

    pub fn probe(mut self, probe: impl Probe + 'static) -> Self {
        self.probes.push((probe.wants().len(), Box::new(probe)));
        self
    }

    /// Has it look for rows of which `sql` says something: the evidence, which may be empty, and null where nothing is wrong.
    pub fn wrong(self, defect: Defect, sql: impl Into<String>) -> Self {
        self.probe(Wrong { defect, sql: sql.into(), tally: Tally::default() })
    }

    /// Whether nothing looks at its rows.
    pub fn is_idle(&self) -> bool {
        self.probes.is_empty()
    }

    /// The table as a finding names it.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Looks at rows until a moment; says whether it came to the last.
    pub fn page(&mut self, connection: &Connection, until: Instant) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&self.sql())?;
        let mut rows = statement.query(params_from_iter(self.after.iter().flatten()))?;
        let (keys, mut seen) = (self.key.len(), 0_u32);
        while let Some(row) = rows.next()? {
            seen += 1;
            if row.get_ref(keys + 1)?.as_i64() == Ok(1) {
                let mut at = keys + 2;
                for (wants, probe) in &mut self.probes {
                    probe.row(row.get_ref(keys)?, row, at)?;
                    at += *wants;
                }
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

    /// What was found.
    pub fn findings(&self) -> Vec<Finding> {
        self.probes.iter().flat_map(|(_, probe)| probe.findings(&self.table)).collect()
    }

    fn sql(&self) -> String {
        let keys = self.key.join(", ");
        let (name, from) = (&self.name, &self.from);
        // A filter that few rows pass would run long without a row to stop at.
        let keep = self.filter.as_ref().map_or("1".to_owned(), |f| format!("(({f}) IS TRUE)"));
        let wants: String =
            self.probes.iter().flat_map(|(_, p)| p.wants()).map(|sql| format!(", {sql}")).collect();
        let after = match &self.after {
            Some(values) => format!(" WHERE ({keys}) > ({})", vec!["?"; values.len()].join(", ")),
            None => String::new(),
        };
        format!("SELECT {keys}, {name}, {keep}{wants} FROM {from}{after} ORDER BY {keys}")
    }
}

/// Rows of which an SQL expression says something.
struct Wrong {
    defect: Defect,
    sql: String,
    tally: Tally,
}

impl Probe for Wrong {
    fn wants(&self) -> Vec<String> {
        vec![self.sql.clone()]
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        let said = row.get_ref(at)?;
        if !matches!(said, ValueRef::Null) {
            self.tally.add(|| (named(name), secrets::masked(&lossy(said)).into_owned()));
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        self.tally.findings(&self.defect, table)
    }
}

/// What people call a row, without a secret that might be in it.
pub fn named(name: ValueRef<'_>) -> String {
    secrets::masked(&lossy(name)).into_owned()
}

/// Has a scan look for text that is not valid JSON in columns of a table that should hold nothing else; an empty text is none
/// that matters. `nouns` is what a row is called, and several.
pub fn json(scan: Scan, table: &TableInfo, nouns: [&str; 2], columns: &[&str]) -> Scan {
    columns.iter().filter(|c| table.has(c)).fold(scan, |scan, name| {
        let mut defect = Defect::new(Severity::Warning, "broken-json", "", "").suggest(
            "It is shown as it is stored. The program that reads it as JSON fails there, or passes it over.",
        );
        let [one, many] = nouns;
        defect.said = [
            format!("{one} has in {name} what is not valid JSON").into(),
            format!("{many} have in {name} what is not valid JSON").into(),
        ];
        let column = format!("r.{}", quote(name));
        let is_text = format!("typeof({column}) = 'text' AND {column} <> ''");
        scan.wrong(defect, format!("CASE WHEN {is_text} AND NOT json_valid({column}) THEN '' END"))
    })
}
