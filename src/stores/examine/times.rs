//! Times that cannot be, and columns in which times have several units.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::scan::{Probe, named};
use crate::core::{Defect, Finding, Severity, Tally, Timestamp, group};
use crate::stores::sqlite::{lossy, time_ms};

/// Nothing of what is read is older than 2000-01-01.
const FIRST_MS: i64 = 946_684_800_000;

/// Clocks differ, and time zones are forgotten; by more than a day, a time is no time of this world.
const AHEAD_MS: i64 = 86_400_000;

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// `2026-11-21T10:00:00Z`, or with an offset.
    Zoned,
    /// `2026-11-21T10:00:00`.
    Local,
    /// `2026-11-21 10:00:00`, as SQLite writes it.
    Sqlite,
    OtherText,
}

impl Written {
    const ALL: [Written; 8] = [
        Written::Seconds,
        Written::Millis,
        Written::Micros,
        Written::Nanos,
        Written::Zoned,
        Written::Local,
        Written::Sqlite,
        Written::OtherText,
    ];

    fn words(self) -> &'static str {
        match self {
            Written::Seconds => "seconds",
            Written::Millis => "milliseconds",
            Written::Micros => "microseconds",
            Written::Nanos => "nanoseconds",
            Written::Zoned => "text with a time zone",
            Written::Local => "text without a time zone",
            Written::Sqlite => "text as SQLite writes it",
            Written::OtherText => "other text",
        }
    }

    /// How a value that can be read as a time is written.
    fn of(value: ValueRef<'_>) -> Option<Self> {
        let number = |n: f64| match n {
            n if n < 1e11 => Written::Seconds,
            n if n < 1e14 => Written::Millis,
            n if n < 1e17 => Written::Micros,
            _ => Written::Nanos,
        };
        Some(match value {
            ValueRef::Integer(n) => number(n as f64),
            ValueRef::Real(n) => number(n),
            ValueRef::Text(text) => match text.get(10) {
                Some(b'T') if text.ends_with(b"Z") => Written::Zoned,
                // An offset stands behind the time of day.
                Some(b'T') if text[11..].iter().any(|b| matches!(b, b'+' | b'-')) => Written::Zoned,
                Some(b'T') => Written::Local,
                Some(b' ') => Written::Sqlite,
                _ => match std::str::from_utf8(text).ok().and_then(|t| t.trim().parse().ok()) {
                    Some(n) => number(n),
                    None => Written::OtherText,
                },
            },
            ValueRef::Null | ValueRef::Blob(_) => return None,
        })
    }
}

/// Looks at the times of one column.
pub struct Times {
    /// The canonical column's name.
    column: String,
    /// SQL for the time as it is stored.
    raw: String,
    now_ms: i64,
    /// It may lie ahead.
    ahead: bool,
    written: [Tally; 8],
    zero: Tally,
    early: Tally,
    late: Tally,
    unreadable: Tally,
}

impl Times {
    pub fn new(column: &str, raw: &str, now_ms: i64) -> Self {
        Self {
            column: column.to_owned(),
            raw: raw.to_owned(),
            now_ms,
            ahead: column.contains("expires"),
            written: Default::default(),
            zero: Tally::default(),
            early: Tally::default(),
            late: Tally::default(),
            unreadable: Tally::default(),
        }
    }

    fn defect(&self, severity: Severity, code: &'static str, said: &str, suggestion: &'static str) -> Defect {
        let mut defect = Defect::new(severity, code, "", "").suggest(suggestion);
        let column = self.column.as_str();
        defect.said = [
            format!("row has {}", said.replace("{}", column)).into(),
            format!("rows have {}", said.replace("{}", column)).into(),
        ];
        defect
    }

    fn mixed(&self, table: &str) -> Option<Finding> {
        let mut ways: Vec<(Written, &Tally)> =
            Written::ALL.into_iter().zip(&self.written).filter(|(_, t)| t.count() > 0).collect();
        if ways.len() < 2 {
            return None;
        }
        ways.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count()));
        let each: Vec<String> =
            ways.iter().map(|(way, t)| format!("{} in {}", group(t.count()), way.words())).collect();
        let (_, fewest) = ways.last()?;
        let defect = self.defect(Severity::Warning, "mixed-times", "such a {}", "");
        let example = fewest.findings(&defect, table).pop()?;
        let message = format!(
            "The times of {} are not of one unit: {}; {}",
            self.column,
            each.join(", "),
            example.message
        );
        Some(
            Finding::warning("mixed-times", message)
                .at(table.to_owned(), example.key)
                .suggest("They are shown as the moments that they mean. A program that compares them as they are stored puts them in a wrong order: look for the version that wrote the fewer."),
        )
    }
}

impl Probe for Times {
    fn wants(&self) -> Vec<String> {
        vec![self.raw.clone()]
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        let value = row.get_ref(at)?;
        let is_none = match value {
            ValueRef::Null => true,
            ValueRef::Text(text) => text.is_empty(),
            _ => false,
        };
        if is_none {
            return Ok(());
        }
        if matches!(value, ValueRef::Integer(0)) {
            self.zero.add(|| (named(name), String::new()));
            return Ok(());
        }
        let Some(ms) = time_ms(value) else {
            self.unreadable.add(|| (named(name), super::secrets::masked(&lossy(value)).into_owned()));
            return Ok(());
        };
        if let Some(way) = Written::of(value)
            && let Some(place) = Written::ALL.iter().position(|w| *w == way)
        {
            self.written[place].add(|| (named(name), lossy(value)));
        }
        let shown = || (named(name), Timestamp(ms).rfc3339());
        if ms < FIRST_MS {
            self.early.add(shown);
        } else if ms > self.now_ms.saturating_add(AHEAD_MS) && !self.ahead {
            self.late.add(shown);
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        let defect = |severity, code, said, suggestion| self.defect(severity, code, said, suggestion);
        let mut found: Vec<Finding> = self.mixed(table).into_iter().collect();
        found.extend(self.unreadable.findings(
            &defect(
                Severity::Warning,
                "time-unreadable",
                "a {} that is no time",
                "It is shown as no time; the value as it is stored is under Tables.",
            ),
            table,
        ));
        found.extend(self.early.findings(
            &defect(
                Severity::Warning,
                "time-too-early",
                "a {} before the year 2000",
                "Perhaps it was written in another unit than the column's, or by a clock that was not set.",
            ),
            table,
        ));
        found.extend(self.late.findings(
            &defect(
                Severity::Warning,
                "time-in-future",
                "a {} more than a day from now",
                "What goes by age, such as pruning, takes it for new until then. Look at the clock of the machine that wrote it, and at this one's.",
            ),
            table,
        ));
        found.extend(self.zero.findings(
            &defect(
                Severity::Info,
                "time-zero",
                "0 as {}, which stands for no time",
                "Pruning keeps such rows unless it is told to take the unknown ones too.",
            ),
            table,
        ));
        found
    }
}
