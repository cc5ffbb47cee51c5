//! SQL for a query: which rows, and in which order.

use rusqlite::types::Value as Sql;

use super::functions::from_exact;
use super::{Expr, Part};
use crate::core::{Column, ColumnKind, Condition, KeyId, MASK, Query, RowKey, StoreError, Table};

/// The conditions of a query on one part, and the values to bind.
pub(super) struct Select {
    pub(super) conditions: Vec<String>,
    pub(super) values: Vec<Sql>,
}

impl Select {
    pub(super) fn new(query: &Query, part: &Part, columns: &[Column]) -> Result<Self, StoreError> {
        let mut select =
            Self { conditions: part.filter.iter().map(|f| format!("({f})")).collect(), values: Vec::new() };
        if let Some(session) = &query.session {
            let column = if query.table == Table::Sessions { "id" } else { "session_id" };
            if columns.iter().any(|c| c.name == column) {
                let id = part.column(column).sql;
                select.add(format!("{id} = ?"), Sql::Text(session.clone()));
            }
        }
        if let Some(text) = &query.search {
            let any: Vec<String> =
                columns.iter().map(|c| format!("contains({}, ?)", comparable(part, c))).collect();
            select.values.extend(columns.iter().map(|_| Sql::Text(text.clone())));
            select.conditions.push(format!("({})", any.join(" OR ")));
        }
        for filter in &query.filters {
            let column =
                columns.iter().find(|c| c.name == filter.column).ok_or_else(|| StoreError::NoSuchColumn {
                    name: filter.column.clone(),
                    table: query.table.name().into_owned(),
                })?;
            select.filter_by(&comparable(part, column), column.kind, &filter.condition);
        }
        Ok(select)
    }

    fn add(&mut self, condition: String, value: Sql) {
        self.conditions.push(condition);
        self.values.push(value);
    }

    fn filter_by(&mut self, expr: &str, kind: ColumnKind, condition: &Condition) {
        let number = |text: &str| match kind {
            ColumnKind::Number | ColumnKind::Flag | ColumnKind::Native => {
                text.parse::<f64>().map_or_else(|_| Sql::Text(text.into()), Sql::Real)
            }
            _ => Sql::Text(text.into()),
        };
        let text = |text: &str| Sql::Text(text.into());
        match condition {
            Condition::Contains(t) => self.add(format!("contains({expr}, ?)"), text(t)),
            Condition::Lacks(t) => self.add(format!("NOT contains(coalesce({expr}, ''), ?)"), text(t)),
            Condition::Is(t) => self.add(format!("CAST({expr} AS TEXT) = ?"), text(t)),
            Condition::IsNot(t) => self.add(format!("CAST({expr} AS TEXT) IS NOT ?"), text(t)),
            Condition::From(t) => self.add(format!("{expr} >= ?"), number(t)),
            // Up to a day means its end: 2026-05-01T23:59 is up to 2026-05-01.
            Condition::UpTo(t) if kind == ColumnKind::Time => {
                self.add(format!("{expr} <= ?"), Sql::Text(format!("{t}\u{7f}")));
            }
            Condition::UpTo(t) => self.add(format!("{expr} <= ?"), number(t)),
            Condition::Empty => self.conditions.push(format!("coalesce({expr}, '') = ''")),
            Condition::NotEmpty => self.conditions.push(format!("coalesce({expr}, '') <> ''")),
        }
    }

    /// The values to bind for [`Select::filter`].
    pub(super) fn values(&self) -> &[Sql] {
        &self.values
    }

    pub(super) fn filter(&self) -> String {
        match self.conditions.len() {
            0 => String::new(),
            _ => format!(" WHERE {}", self.conditions.join(" AND ")),
        }
    }
}

/// The statements whose results, one after the other, are the keys in order: part number and key.
pub(super) fn index_statements(
    query: &Query,
    parts: &[Part],
    columns: &[Column],
    limit: Option<u64>,
) -> Result<Vec<(String, Vec<Sql>)>, StoreError> {
    let limit = limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
    let key = |part: &Part| match part.key_is_rowid {
        true => part.key[0].clone(),
        false => format!("row_key({})", part.key.join(", ")),
    };
    if let Some(sort) = &query.sort
        && !columns.iter().any(|c| c.name == sort.column)
    {
        return Err(StoreError::NoSuchColumn {
            name: sort.column.clone(),
            table: query.table.name().into_owned(),
        });
    }
    // Rows of several parts are woven together by a sort, or, messages, by time; else one part follows the other.
    let woven = match &query.sort {
        Some(sort) => Some((sort.column.as_str(), sort.descending)),
        None if query.table == Table::Messages => Some(("created_at", false)),
        None => None,
    };
    if let (Some((column, descending)), true) = (woven, parts.len() > 1) {
        let way = if descending { " DESC" } else { "" };
        let (mut selects, mut values) = (Vec::new(), Vec::new());
        for (number, part) in parts.iter().enumerate() {
            let select = Select::new(query, part, columns)?;
            selects.push(format!(
                "SELECT {number}, {}, {} FROM {}{}",
                key(part),
                part.column(column).sql,
                part.from,
                select.filter()
            ));
            values.extend(select.values);
        }
        let sql = format!("{} ORDER BY 3{way}, 1{way}, 2{way}{limit}", selects.join(" UNION ALL "));
        return Ok(vec![(sql, values)]);
    }
    parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let select = Select::new(query, part, columns)?;
            let sql = format!(
                "SELECT {number}, {} FROM {}{} ORDER BY {}{limit}",
                key(part),
                part.from,
                select.filter(),
                order(query, part)
            );
            Ok((sql, select.values))
        })
        .collect()
}

pub(super) fn order(query: &Query, part: &Part) -> String {
    let (keys, way) = order_of(query, part);
    keys.iter().map(|k| format!("{k}{way}")).collect::<Vec<_>>().join(", ")
}

/// The expressions that rows are ordered by, and which way, as SQL behind each of them.
pub(super) fn order_of(query: &Query, part: &Part) -> (Vec<String>, &'static str) {
    match &query.sort {
        Some(sort) => {
            let expr = part.column(&sort.column);
            let mut keys = vec![expr.sort.unwrap_or(expr.sql)];
            // A number there would mean a column's place; all rows are equal in it.
            keys.retain(|k| k.parse::<i64>().is_err());
            keys.extend(part.key.iter().cloned());
            (keys, if sort.descending { " DESC" } else { "" })
        }
        None if part.order.is_empty() => (part.key.clone(), ""),
        None => (part.order.clone(), ""),
    }
}

/// A column as it is compared with what a person types: never a secret's text.
pub(super) fn comparable(part: &Part, column: &Column) -> String {
    let sql = shown(&part.column(&column.name), false);
    if column.kind == ColumnKind::Time { format!("rfc3339({sql})") } else { sql }
}

pub(super) fn shown(expr: &Expr, reveal: bool) -> String {
    match &expr.secret {
        Some(secret) if !reveal => {
            format!("CASE WHEN {secret} THEN '{MASK}' ELSE {} END", expr.sql)
        }
        _ => expr.sql.clone(),
    }
}

/// An expression where the value is no secret, for a search: nothing is found in a secret, and nothing in its mask.
pub(super) fn shown_or_null(sql: &str, expr: &Expr) -> String {
    match &expr.secret {
        Some(secret) => format!("CASE WHEN {secret} THEN NULL ELSE {sql} END"),
        None => sql.to_owned(),
    }
}

pub(super) fn key_is(part: &Part) -> String {
    // IS finds nulls in a key too; TEXT that is not UTF-8 was bound as a blob and is cast.
    let equal = |k: &String| match part.key_is_rowid {
        true => format!("{k} = ?"),
        false => format!("{k} IS ?"),
    };
    part.key.iter().map(equal).collect::<Vec<_>>().join(" AND ")
}

pub(super) fn key_values(key: &RowKey) -> Vec<Sql> {
    match &key.id {
        KeyId::Row(id) => vec![Sql::Integer(*id)],
        KeyId::Values(values) => serde_json::from_str::<Vec<serde_json::Value>>(values)
            .unwrap_or_default()
            .iter()
            .map(from_exact)
            .collect(),
    }
}
