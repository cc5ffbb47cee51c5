//! What every store is looked over for, through its mapping: times, and secrets in clear text.

use super::scan::Scan;
use super::secrets::Secrets;
use super::times::Times;
use crate::core::{ColumnKind, Defect, NativeKind, Severity, Table, table_columns};
use crate::stores::sqlite::{Context, Mapping, Part, Secret, TableInfo, quote};

/// Of a table that is no store's, so many columns are looked through for secrets.
const MOST_COLUMNS: usize = 60;

pub fn scans(mapping: &Mapping, context: &Context<'_>) -> Vec<Scan> {
    let now_ms = context.file.clock.now_ms();
    let mut scans: Vec<Scan> =
        mapping.parts.iter().filter_map(|(table, part)| of_part(table, part, now_ms)).collect();
    let tables = || context.schema.tables.iter().filter(|t| t.kind == NativeKind::Table);
    scans.extend(tables().filter_map(|table| known_secrets(table, &mapping.secrets)));
    let is_mapped = mapping.parts.iter().any(|(table, _)| nouns(table).is_some());
    if !is_mapped {
        scans.extend(tables().filter(|t| !t.name.starts_with("sqlite_")).filter_map(of_native));
    }
    scans
}

/// What a row of a canonical table is called, and several; none where its rows are not looked at.
fn nouns(table: &Table) -> Option<[&'static str; 2]> {
    match table {
        Table::Sessions => Some(["session", "sessions"]),
        Table::Messages => Some(["message", "messages"]),
        Table::Tasks => Some(["task", "tasks"]),
        Table::State => Some(["state entry", "state entries"]),
        _ => None,
    }
}

fn of_part(table: &Table, part: &Part, now_ms: i64) -> Option<Scan> {
    let nouns = nouns(table)?;
    let name = part.column(if *table == Table::State { "key" } else { "id" }).sql;
    let mut scan = Scan::over(table.name(), part, name);
    for column in table_columns(table).iter().filter(|c| c.kind == ColumnKind::Time) {
        if let Some(stored) = part.column(&column.name).stored {
            scan = scan.probe(Times::new(&column.name, &stored, now_ms));
        }
    }
    let texts = texts(table, part);
    if !texts.is_empty() {
        scan = scan.probe(Secrets::new(texts, nouns));
    }
    Some(scan)
}

/// SQL for what people and programs write into a row, but for what is known to be secret.
fn texts(table: &Table, part: &Part) -> Vec<String> {
    if *table == Table::Messages
        && let Some([_, content, parts]) = &part.body
    {
        return vec![content.clone(), parts.clone()];
    }
    let columns: &[&str] = match table {
        Table::Messages => &["text"],
        Table::Tasks => &["title", "detail"],
        Table::State => &["value"],
        // What is made up of several tables is looked at there.
        Table::Sessions if part.key_is_rowid => &["title", "detail"],
        _ => &[],
    };
    let unmasked = columns.iter().map(|name| part.column(name)).filter(|expr| expr.sql != "NULL");
    unmasked
        .map(|expr| match expr.secret {
            Some(secret) => format!("CASE WHEN {secret} THEN NULL ELSE {} END", expr.sql),
            None => expr.sql,
        })
        .collect()
}

/// Columns that are known to hold secrets, which the window masks.
fn known_secrets(table: &TableInfo, secrets: &[Secret]) -> Option<Scan> {
    let own: Vec<&Secret> =
        secrets.iter().filter(|s| s.table.eq_ignore_ascii_case(&table.name) && table.has(s.column)).collect();
    let is_secret = |column: &&String| own.iter().any(|s| s.column.eq_ignore_ascii_case(column));
    let name = table.primary_key.iter().chain(&table.columns).find(|c| !is_secret(c))?;
    let mut scan = Scan::of(table, format!("r.{}", quote(name)));
    for secret in &own {
        let column = format!("r.{}", quote(secret.column));
        let mut defect = Defect::new(Severity::Info, "secret-kept", "", "").suggest(
            "The program keeps it so. They are masked here; keep copies of the file from other people.",
        );
        let of = |noun| format!("{noun} a secret in clear text in {}.{}", secret.table, secret.column).into();
        defect.said = [of("row keeps"), of("rows keep")];
        let condition = secret.condition;
        scan = scan.wrong(defect, format!("CASE WHEN ({condition}) AND length({column}) > 0 THEN '' END"));
    }
    (!own.is_empty()).then_some(scan)
}

/// A table of a database that is no store's.
fn of_native(table: &TableInfo) -> Option<Scan> {
    let name = table.primary_key.first().or(table.columns.first())?;
    let column = |c: &String| format!("r.{}", quote(c));
    let columns: Vec<String> = table.columns.iter().take(MOST_COLUMNS).map(column).collect();
    Some(Scan::of(table, column(name)).probe(Secrets::new(columns, ["row", "rows"])))
}
