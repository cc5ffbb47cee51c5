//! Something wrong or worth knowing.

use std::borrow::Cow;

use super::repair::Offer;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Something wrong or worth knowing, with where it was seen and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    pub severity: Severity,
    /// A stable kebab-case word.
    pub code: &'static str,
    /// The table it is about, by name; empty where it is about the whole file.
    pub table: Cow<'static, str>,
    /// The row or thing it is about.
    pub key: String,
    pub message: String,
    pub suggestion: String,
    /// The repair for it; where it is about one session, its key is that session's.
    pub repair: Option<Offer>,
}

impl Finding {
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            table: "".into(),
            key: String::new(),
            message: message.into(),
            suggestion: String::new(),
            repair: None,
        }
    }

    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub fn info(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, message)
    }

    /// Says which table and row it is about.
    pub fn at(mut self, table: impl Into<Cow<'static, str>>, key: impl Into<String>) -> Self {
        self.table = table.into();
        self.key = key.into();
        self
    }

    /// Names the repair for it.
    pub fn fix(mut self, repair: Offer) -> Self {
        self.repair = Some(repair);
        self
    }

    /// Says what to do.
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = suggestion.into();
        self
    }
}

/// What an examination adds to a store's findings, and which of them do not hold any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    pub new: Vec<Finding>,
    pub gone: Vec<Finding>,
}

impl Learned {
    /// What is to be learned where one list was known, and another is true.
    pub fn between(known: &[Finding], now: &[Finding]) -> Self {
        let lacks = |list: &[Finding], all: &[Finding]| {
            list.iter().filter(|finding| !all.contains(finding)).cloned().collect()
        };
        Self { new: lacks(now, known), gone: lacks(known, now) }
    }

    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }

    /// Brings a list up to date; what it lists already is not listed twice.
    pub fn bring(self, findings: &mut Vec<Finding>) {
        findings.retain(|finding| !self.gone.contains(finding));
        for finding in self.new {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
}

/// So many rows are named in a sentence.
const MOST_NAMED: usize = 5;
/// So many rows get a finding of their own, where each has its own repair.
const MOST_OWN: usize = 10;
/// A longer name or piece of evidence is cut in its middle.
const MOST_CHARS: usize = 80;

/// A defect that rows of a table may have, as data: one finding is made of all of them.
#[derive(Debug, Clone)]
pub struct Defect {
    pub severity: Severity,
    /// A stable kebab-case word.
    pub code: &'static str,
    /// What is said of one row, and of several, behind their number.
    pub said: [Cow<'static, str>; 2],
    pub suggestion: Cow<'static, str>,
    pub repair: Option<Offer>,
    /// Its repair is about one row: the first rows have a finding each.
    pub own: bool,
}

impl Defect {
    pub fn new(severity: Severity, code: &'static str, one: &'static str, many: &'static str) -> Self {
        let said = [one.into(), many.into()];
        Self { severity, code, said, suggestion: "".into(), repair: None, own: false }
    }

    /// Says what to do.
    pub fn suggest(mut self, suggestion: impl Into<Cow<'static, str>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }

    /// Names the repair that takes all of them.
    pub fn fix(mut self, repair: Offer) -> Self {
        self.repair = Some(repair);
        self
    }

    /// Names the repair that takes one of them.
    pub fn fix_each(mut self, repair: Offer) -> Self {
        self.own = true;
        self.fix(repair)
    }
}

/// The rows that share one defect: the first of them by name, and how many there are.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Keys, each with its evidence.
    named: Vec<(String, String)>,
    count: u64,
}

impl Tally {
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether another row would be named: its evidence need not be looked for otherwise.
    pub fn names_more(&self) -> bool {
        self.named.len() < MOST_OWN
    }

    /// Takes another row; key and evidence are kept of the first ones only.
    pub fn add(&mut self, named: impl FnOnce() -> (String, String)) {
        self.count += 1;
        if self.names_more() {
            self.named.push(named());
        }
    }

    /// The findings about these rows of a table: one, with examples, or one for each of the first.
    pub fn findings(&self, defect: &Defect, table: &str) -> Vec<Finding> {
        let finding = |count: u64, named: &[(String, String)]| {
            let said = &defect.said[usize::from(count != 1)];
            let names = names(count, named);
            let colon = if names.is_empty() { "" } else { ": " };
            let message = format!("{} {said}{colon}{names}", super::group(count));
            let key = named.first().map_or(String::new(), |(key, _)| key.clone());
            Finding {
                repair: defect.repair,
                ..Finding::new(defect.severity, defect.code, message)
                    .at(table.to_owned(), key)
                    .suggest(defect.suggestion.clone())
            }
        };
        if self.count == 0 {
            return Vec::new();
        }
        if !defect.own {
            return vec![finding(self.count, &self.named)];
        }
        let mut findings: Vec<Finding> =
            self.named.iter().map(|row| finding(1, std::slice::from_ref(row))).collect();
        let more = self.count - self.named.len() as u64;
        if more > 0 {
            findings.push(Finding { repair: None, ..finding(more, &[]) });
        }
        findings
    }
}

/// `a (why), b and 3 more`.
fn names(count: u64, named: &[(String, String)]) -> String {
    let short = |text: &str| super::shorten_middle(text, MOST_CHARS).into_owned();
    let shown: Vec<String> = named
        .iter()
        .take(MOST_NAMED)
        .map(|(key, evidence)| match (key.as_str(), evidence.as_str()) {
            (_, "") => short(key),
            ("", evidence) => short(evidence),
            _ => format!("{} ({})", short(key), short(evidence)),
        })
        .collect();
    let more = count - (shown.len() as u64).min(count);
    let tail = match (more, shown.is_empty()) {
        (0, _) | (_, true) => String::new(),
        (more, _) => format!(" and {} more", super::group(more)),
    };
    format!("{}{tail}", shown.join(", "))
}
