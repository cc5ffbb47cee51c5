//! The filters of a search: `role:assistant`, `-has:tool`, `after:2026-05-01`.

use super::SearchError;
use crate::core::{Block, Table, parse_timestamp};

/// A condition on a row, beside the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Written with `-` before it: the rows that are not so.
    pub negated: bool,
    pub is: Is,
}

/// What a filter asks for. Texts are compared whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    /// The role is this, or of a role with a name behind it, begins so.
    Role(String),
    /// The session's id has this in it.
    Session(String),
    /// The session's id is this; not to be typed, but how a tab that is narrowed to a session is searched.
    OneSession(String),
    Table(Table),
    /// The kind of a message has this in it.
    Kind(String),
    Status(String),
    /// The store's kind has this in its name.
    Store(String),
    /// The file's path has this in it.
    Path(String),
    /// At this moment or later, in milliseconds.
    After(i64),
    /// Before this moment.
    Before(i64),
    Has(Has),
}

/// What a message has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    Tool,
    Thinking,
    Error,
    Image,
    Code,
}

/// What is known of a row; a column that its table lacks is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    pub table: Option<&'a Table>,
    pub session: Option<&'a str>,
    pub role: Option<&'a str>,
    pub kind: Option<&'a str>,
    pub status: Option<&'a str>,
    pub at_ms: Option<i64>,
    /// Of a message: its blocks, where a filter asks for them.
    pub blocks: Option<&'a [Block]>,
}

const NAMES: [&str; 10] =
    ["role", "session", "table", "kind", "status", "store", "path", "after", "before", "has"];

impl Filter {
    /// Reads one word; none where it is no filter but text, such as `http://x` or `status:` with nothing behind.
    pub fn parse(word: &str) -> Option<Result<Filter, SearchError>> {
        let (negated, bare) = match word.strip_prefix('-') {
            Some(bare) => (true, bare),
            None => (false, word),
        };
        let (name, value) = bare.split_once(':')?;
        let name = name.to_ascii_lowercase();
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        if !NAMES.contains(&name.as_str()) || value.is_empty() {
            return None;
        }
        Some(is(&name, value).map(|is| Filter { negated, is }))
    }

    /// Whether it is about the source rather than its rows.
    pub fn is_of_source(&self) -> bool {
        matches!(self.is, Is::Store(_) | Is::Path(_))
    }
}

fn is(name: &str, value: &str) -> Result<Is, SearchError> {
    let text = || value.to_lowercase();
    Ok(match name {
        "role" => Is::Role(text()),
        "session" => Is::Session(text()),
        "table" => Is::Table(table(value)?),
        "kind" => Is::Kind(text()),
        "status" => Is::Status(text()),
        "store" => Is::Store(text()),
        "path" => Is::Path(text()),
        "after" => Is::After(moment(name, value)?),
        "before" => Is::Before(moment(name, value)?),
        _ => Is::Has(has(value)?),
    })
}

fn table(value: &str) -> Result<Table, SearchError> {
    let name = match value.split_once(':') {
        Some(("native", _)) => value.to_owned(),
        _ => value.to_ascii_lowercase(),
    };
    Table::parse(&name).ok_or_else(|| {
        let known: Vec<_> = Table::CANONICAL.iter().chain([&Table::Findings]).map(Table::name).collect();
        SearchError(format!("There is no table {value}: write {}, or native:NAME", known.join(", ")))
    })
}

fn moment(name: &str, value: &str) -> Result<i64, SearchError> {
    // A number would be a time too, and is more often a year that is not finished yet.
    let time = parse_timestamp(value).filter(|_| value.contains('-'));
    time.map(|t| t.0).ok_or_else(|| {
        SearchError(format!(
            "{name}:{value} is no time: write {name}:2026-05-01 or {name}:2026-05-01T09:30:00Z"
        ))
    })
}

fn has(value: &str) -> Result<Has, SearchError> {
    Ok(match value.to_ascii_lowercase().as_str() {
        "tool" | "tools" => Has::Tool,
        "thinking" => Has::Thinking,
        "error" | "errors" => Has::Error,
        "image" | "images" => Has::Image,
        "code" => Has::Code,
        _ => {
            return Err(SearchError(format!(
                "has:{value} is not known: write has:tool, has:thinking, has:error, has:image or has:code"
            )));
        }
    })
}

/// Whether a row passes: of filters of one name, one must hold (of `has` and of times all); a negated one must not.
pub(super) fn pass(filters: &[Filter], facts: &Facts<'_>) -> bool {
    let same = |a: &Filter, b: &Filter| {
        std::mem::discriminant(&a.is) == std::mem::discriminant(&b.is)
            && !matches!(a.is, Is::Has(_) | Is::After(_) | Is::Before(_))
    };
    filters.iter().filter(|f| !f.is_of_source()).all(|filter| match filter.negated {
        true => !holds(&filter.is, facts),
        false => {
            holds(&filter.is, facts)
                || filters.iter().any(|f| !f.negated && same(f, filter) && holds(&f.is, facts))
        }
    })
}

/// Whether a row has what is asked for; of what its table does not keep, it has nothing.
fn holds(is: &Is, facts: &Facts<'_>) -> bool {
    let within = |known: Option<&str>, wanted: &str| known.is_some_and(|t| t.to_lowercase().contains(wanted));
    let equal = |known: Option<&str>, wanted: &str| known.is_some_and(|t| t.to_lowercase() == wanted);
    match is {
        Is::Role(role) => equal(facts.role, role),
        Is::Session(session) => within(facts.session, session),
        Is::OneSession(session) => facts.session == Some(session.as_str()),
        Is::Table(table) => facts.table == Some(table),
        Is::Kind(kind) => within(facts.kind, kind),
        Is::Status(status) => equal(facts.status, status),
        Is::After(ms) => facts.at_ms.is_some_and(|at| at >= *ms),
        Is::Before(ms) => facts.at_ms.is_some_and(|at| at < *ms),
        Is::Has(has) => facts.blocks.is_some_and(|blocks| blocks.iter().any(|b| is_one(*has, b))),
        Is::Store(_) | Is::Path(_) => true,
    }
}

fn is_one(has: Has, block: &Block) -> bool {
    match (has, block) {
        (Has::Tool, Block::ToolCall { .. } | Block::ToolResult { .. })
        | (Has::Thinking, Block::Thinking(_))
        | (Has::Error, Block::ToolResult { is_error: true, .. }) => true,
        (Has::Image, Block::Media { media_type, .. }) => media_type.starts_with("image"),
        (Has::Code, Block::Text(text)) => text.contains("```"),
        _ => false,
    }
}
