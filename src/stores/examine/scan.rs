//! A scan: one pass over the rows of a table, in pages between which other programs may commit, for several probes at once.

use std::borrow::Cow;
use std::time::Instant;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::secrets;
use crate::core::{Defect, Finding, Severity, Tally};
use crate::stores::sqlite::{Pages, Part, TableInfo, lossy, quote};

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
    pages: Pages,
    name: String,
    /// Each with how many values it wants.
    probes: Vec<(usize, Box<dyn Probe>)>,
}

impl Scan {
    /// Over the rows of one of the store's own tables, under the alias `r`; `name` is SQL for what people call a row.
    pub fn of(table: &TableInfo, name: impl Into<String>) -> Self {
        Self::over(format!("native:{}", table.name), &Part::over(table, "r"), name)
    }

    /// Over the rows of a part.
    pub fn over(table: impl Into<Cow<'static, str>>, part: &Part, name: impl Into<String>) -> Self {
        Self { table: table.into(), pages: Pages::over(part), name: name.into(), probes: Vec::new() }
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
        let Self { pages, name, probes, .. } = self;
        let mut columns = vec![name.clone()];
        columns.extend(probes.iter().flat_map(|(_, probe)| probe.wants()));
        pages.page(connection, &columns, until, &mut |row, first| {
            let mut at = first + 1;
            for (wants, probe) in probes.iter_mut() {
                probe.row(row.get_ref(first)?, row, at)?;
                at += *wants;
            }
            Ok(())
        })
    }

    /// What was found.
    pub fn findings(&self) -> Vec<Finding> {
        self.probes.iter().flat_map(|(_, probe)| probe.findings(&self.table)).collect()
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
