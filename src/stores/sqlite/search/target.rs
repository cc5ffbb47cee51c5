//! What a search looks through: of which tables which values, as SQL.

use super::super::mapping::{Part, quote};
use super::super::select::shown_or_null;
use super::super::{SqliteStore, TableInfo};
use crate::core::search::{Has, Is, Search};
use crate::core::{Column, ColumnKind, NativeKind, StoreError, Table, table_columns};

/// One part of a table, with what of it is looked through.
pub(in crate::stores) struct Target {
    pub table: Table,
    /// The part's place in the table.
    pub number: u16,
    pub part: Part,
    /// Names and expressions of the texts.
    pub texts: Vec<(String, String)>,
    /// Expressions that filters ask for, as far as they do: role, kind, status, session, time.
    pub facts: [Option<String>; 5],
    /// Of messages: role, content and parts have to be read as a message to pass.
    pub reads_blocks: bool,
}

impl Target {
    /// Whether its rows lie in a table of the file in the order of their rowids, and so can be read in slices.
    pub fn is_sliced(&self) -> bool {
        self.part.key_is_rowid && (self.part.from.starts_with("main.") || self.part.from.starts_with("temp."))
    }

    /// Whether the body of a message is among the texts, rather than something cheaper that holds it.
    pub fn reads_body(&self) -> bool {
        self.part.searched.is_empty() || self.reads_blocks
    }

    /// Whether another connection sees the same rows without more ado.
    pub fn is_shared(&self) -> bool {
        self.part.from.starts_with("main.")
    }

    fn new(table: Table, number: usize, part: Part, columns: &[Column], search: &Search) -> Option<Target> {
        let asks = |is: fn(&Is) -> bool| search.filters.iter().any(|f| is(&f.is));
        let fact = |wanted: bool, names: &[&str]| {
            let known: Vec<String> = names
                .iter()
                .filter(|n| part.columns.iter().any(|(c, _)| c == *n))
                .map(|n| part.column(n).sql)
                .collect();
            match known.len() {
                _ if !wanted => None,
                0 => Some("NULL".to_owned()),
                1 => known.into_iter().next(),
                _ => Some(format!("coalesce({})", known.join(", "))),
            }
        };
        let session = if table == Table::Sessions { "id" } else { "session_id" };
        let facts = [
            fact(asks(|is| matches!(is, Is::Role(_))), &["role"]),
            fact(asks(|is| matches!(is, Is::Kind(_))), &["kind"]),
            fact(asks(|is| matches!(is, Is::Status(_))), &["status"]),
            fact(asks(|is| matches!(is, Is::Session(_) | Is::OneSession(_))), &[session]),
            fact(asks(|is| matches!(is, Is::After(_) | Is::Before(_))), times(&table)),
        ];
        let reads_blocks = part.body.is_some() && asks(|is| matches!(is, Is::Has(_)));
        let texts = texts(&table, &part, columns);
        let number = u16::try_from(number).ok()?;
        Some(Target { table, number, part, texts, facts, reads_blocks })
    }
}

/// The columns that say when a row was, the best first.
pub(super) fn times(table: &Table) -> &'static [&'static str] {
    match table {
        Table::Sessions => &["last_active_at", "created_at"],
        Table::Messages => &["created_at"],
        Table::Tasks => &["updated_at", "created_at"],
        Table::Heartbeats => &["last_heartbeat_at"],
        Table::State => &["updated_at"],
        Table::Migrations => &["applied_at"],
        Table::Findings | Table::Plan | Table::Native(_) => &[],
    }
}

/// The texts of a part; a secret is none, so that no hit tells that it is there.
fn texts(table: &Table, part: &Part, columns: &[Column]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut add = |name: &str, sql: String| {
        if !is_constant(&sql) && !texts.iter().any(|(_, known)| *known == sql) {
            texts.push((name.to_owned(), sql));
        }
    };
    part.searched.iter().for_each(|(name, sql)| add(name, sql.clone()));
    for column in columns.iter().filter(|c| part.searched.is_empty() && is_text(table, c)) {
        let expr = part.column(&column.name);
        match &part.body {
            // What is stored says more than the text that is made of it, and is not made anew for every row.
            Some([_, content, parts]) if column.name == "text" => {
                add("text", content.clone());
                add("parts", parts.clone());
            }
            _ if expr.made_of.is_empty() => add(&column.name, shown_or_null(&expr.sql, &expr)),
            _ => expr.made_of.iter().for_each(|(name, sql)| add(name, shown_or_null(sql, &expr))),
        }
    }
    part.searched_too.iter().for_each(|(name, sql)| add(name, sql.clone()));
    texts
}

/// Whether a column's values are texts that somebody may look for; a session's id is looked for among the sessions.
fn is_text(table: &Table, column: &Column) -> bool {
    let is_text = matches!(column.kind, ColumnKind::Text | ColumnKind::Json | ColumnKind::Native);
    let name = column.name.as_ref();
    is_text
        && match table {
            Table::Messages => !["session_id", "role", "kind"].contains(&name),
            Table::Findings => !["severity", "table"].contains(&name),
            Table::Tasks | Table::Heartbeats => name != "session_id",
            _ => true,
        }
}

/// Whether an expression is the same text in every row.
fn is_constant(sql: &str) -> bool {
    let inner = sql.strip_prefix('\'').and_then(|s| s.strip_suffix('\''));
    sql == "NULL" || inner.is_some_and(|inner| !inner.replace("''", "").contains('\''))
}

impl SqliteStore {
    /// What a search looks through, in the order in which it does.
    ///
    /// Of the store's own tables those that no canonical one is made of.
    ///
    /// # Errors
    /// Where the findings cannot be laid out as a table.
    pub(in crate::stores) fn targets(&self, search: &Search) -> Result<Vec<Target>, StoreError> {
        let mut tables: Vec<Table> = Table::CANONICAL.to_vec();
        tables.push(Table::Findings);
        tables.extend(
            self.schema.tables.iter().filter(|t| self.is_own(t)).map(|t| Table::Native(t.name.clone())),
        );
        // One that is named is looked through even where its rows are in a canonical one too.
        for filter in search.filters.iter().filter(|f| !f.negated) {
            if let Is::Table(Table::Native(name)) = &filter.is
                && let Some(info) = self.schema.table(name).filter(|t| t.kind.is_readable())
            {
                let named = Table::Native(info.name.clone());
                if !tables.contains(&named) {
                    tables.push(named);
                }
            }
        }
        tables.retain(|table| may_have(search, table));
        let mut targets = Vec::new();
        for table in tables {
            let (parts, columns) = self.resolve(&table)?;
            for (number, part) in parts.into_iter().enumerate() {
                targets.extend(Target::new(table.clone(), number, part, &columns, search));
            }
        }
        Ok(targets)
    }

    /// Whether a table's rows are in none of the canonical ones.
    fn is_own(&self, info: &TableInfo) -> bool {
        let readable = match &info.kind {
            NativeKind::Table => true,
            // An index of texts that lie in another table has nothing of its own.
            NativeKind::Virtual { readable, .. } => *readable && !is_index_of_another(&info.sql),
            NativeKind::View | NativeKind::Shadow => false,
        };
        let names = [format!("main.{}", quote(&info.name)), format!("main.{}", info.name)];
        let is_read = |from: &str| names.iter().any(|name| mentions(from, name));
        readable
            && !info.name.to_ascii_lowercase().starts_with("sqlite_")
            && !self.mapping.parts.iter().any(|(_, part)| is_read(&part.from))
    }
}

/// Whether a full-text table keeps no texts of its own (`content=messages`, `content=''`).
fn is_index_of_another(sql: &str) -> bool {
    let close: String = sql.to_ascii_lowercase().split_whitespace().collect();
    close.contains("content=")
}

/// Whether SQL has a name in it, as a whole.
fn mentions(sql: &str, name: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    let (sql, name) = (sql.to_ascii_lowercase(), name.to_ascii_lowercase());
    sql.match_indices(&name).any(|(at, _)| !sql[at + name.len()..].starts_with(goes_on))
}

/// Whether rows of a table can pass the filters: none passes that asks for what the table does not keep.
fn may_have(search: &Search, table: &Table) -> bool {
    let columns = table_columns(table);
    let keeps = |name: &str| columns.iter().any(|c| c.name == name);
    let one_of = |names: &[&Table]| names.contains(&table);
    let wanted: Vec<&Table> = search
        .filters
        .iter()
        .filter_map(|f| match &f.is {
            Is::Table(wanted) if !f.negated => Some(wanted),
            _ => None,
        })
        .collect();
    (wanted.is_empty() || one_of(&wanted))
        && search.filters.iter().all(|filter| match (&filter.is, filter.negated) {
            (Is::Table(unwanted), true) => unwanted != table,
            (_, true) | (Is::Table(_) | Is::Store(_) | Is::Path(_), false) => true,
            (Is::Role(_) | Is::Kind(_), false) => keeps("role"),
            (Is::Has(Has::Tool | Has::Thinking | Has::Error | Has::Image | Has::Code), false) => {
                keeps("role")
            }
            (Is::Status(_), false) => keeps("status"),
            (Is::Session(_) | Is::OneSession(_), false) => keeps("session_id") || *table == Table::Sessions,
            (Is::After(_) | Is::Before(_), false) => !times(table).is_empty(),
        })
}
