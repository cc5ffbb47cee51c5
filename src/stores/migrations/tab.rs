//! The steps among the rows of Migrations, and what they tell among the findings.

use rusqlite::{Connection, params};
use serde_json::{Map, Value as Json};

use super::{Entry, entries, known};
use crate::core::migration::{Body, Difference, DifferenceKind, History, Refusal, StepState, StepStatus};
use crate::core::repair::Offer;
use crate::core::{Finding, Table};
use crate::stores::sqlite::{Mapping, Part};

/// Where the rows are laid out while the file is open; the file itself is never written.
const TABLE: &str = "
    CREATE TEMP TABLE sessionscope_steps (
      ordinal INTEGER, version TEXT, name TEXT, status TEXT, applied_at INTEGER, detail TEXT)";

/// What is recorded in the ledger is shown under this name; other tools' ledgers have their table's.
const SOURCE: &str = "'sessionscope'";

/// Adds the steps of these stores, and of every other store that the ledger names, to Migrations, and what differs to the findings.
pub fn add(connection: &Connection, stores: &[&str], mapping: &mut Mapping) -> rusqlite::Result<()> {
    let entries = entries(connection)?;
    let named = |store: &str| entries.iter().any(|e| e.store() == Some(store));
    let shown = known()?.iter().filter(|k| stores.contains(&k.store) || named(k.store));
    let histories = shown.map(|k| k.history(connection, &entries)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Rows::default();
    for (at, history) in histories.iter().enumerate() {
        // What is nobody's is in every store's history, and shown once.
        let own = format!("{}/", history.store);
        let shown = |s: &StepStatus| at == 0 || s.step.is_some() || s.name.starts_with(&own);
        for (status, ordinal) in history.steps.iter().zip(1..).filter(|(s, _)| shown(s)) {
            rows.push(ordinal, history.store, status);
        }
        mapping.findings.extend(findings(history));
    }
    if histories.is_empty() {
        for (entry, ordinal) in entries.iter().zip(1..) {
            rows.push(ordinal, "", &stranger(entry));
        }
    }
    if rows.0.is_empty() {
        return Ok(());
    }
    rows.write(connection)?;
    let mut part = Part::by_rowid("temp.sessionscope_steps AS s", "s.rowid").set("source", SOURCE);
    for column in ["ordinal", "version", "name", "status", "applied_at", "detail"] {
        part = part.set(column, format!("s.{column}"));
    }
    mapping.add(Table::Migrations, part);
    Ok(())
}

/// What is recorded of a store that this program does not know.
fn stranger(entry: &Entry) -> StepStatus {
    super::status(entry.version, &entry.name, StepState::Unknown, Some(entry), None)
}

/// The rows in their order.
#[derive(Default)]
struct Rows(Vec<Row>);

struct Row {
    ordinal: i64,
    version: String,
    name: String,
    status: &'static str,
    applied_at: Option<i64>,
    detail: String,
}

impl Rows {
    fn push(&mut self, ordinal: i64, store: &str, status: &StepStatus) {
        let name = status.step.map_or_else(|| status.name.clone(), |step| step.recorded_name());
        self.0.push(Row {
            ordinal,
            version: status.version.to_string(),
            name,
            status: status.state.as_str(),
            applied_at: status.applied_at_ms,
            detail: detail(store, status),
        });
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(TABLE)?;
        let mut insert =
            connection.prepare("INSERT INTO temp.sessionscope_steps VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for Row { ordinal, version, name, status, applied_at, detail } in &self.0 {
            insert.execute(params![ordinal, version, name, status, applied_at, detail])?;
        }
        Ok(())
    }
}

fn detail(store: &str, status: &StepStatus) -> String {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    put("store", (!store.is_empty()).then(|| store.into()));
    put("checksum", status.checksum.clone().map(Json::from));
    put("recorded_checksum", status.recorded_checksum.clone().map(Json::from));
    put("duration_ms", status.duration_ms.map(Json::from));
    if let Some(step) = status.step {
        put("sql", step.sql().map(Json::from));
        put("reverse", step.reverse().map(Json::from));
        put("code", (step.body == Body::Code).then_some(true.into()));
    }
    put("in_database", (!status.actual.is_empty()).then(|| status.actual.join("\n").into()));
    Json::Object(object).to_string()
}

/// What a history tells: a refusal is a warning, drift mostly information, and a pending step nothing, since its row says it
/// and an older version of a store is in no way ill.
fn findings(history: &History) -> Vec<Finding> {
    let mut findings = Vec::new();
    for refusal in history.refusals() {
        let key = match &refusal {
            Refusal::Newer { recorded, .. } => recorded.first().map(|r| r.name.clone()),
            Refusal::Edited { ours, .. } => Some(format!("{}/{}", history.store, ours.name)),
            // Said table by table below.
            Refusal::Differs { .. } => continue,
        };
        findings.push(
            Finding::warning(refusal.code(), refusal.message())
                .at("migrations", key.unwrap_or_default())
                .suggest(refusal.hint()),
        );
    }
    let mut tables: Vec<&str> = Vec::new();
    for difference in &history.differences {
        if !tables.contains(&difference.table.as_str()) {
            tables.push(&difference.table);
        }
    }
    for table in tables {
        let of = history.differences.iter().filter(|d| d.table == table);
        findings.push(drift(history, table, &of.collect::<Vec<_>>()));
    }
    findings
}

/// All that differs in one table, in one sentence.
fn drift(history: &History, table: &str, differences: &[&Difference]) -> Finding {
    let store = history.store;
    let message = match differences {
        [one] if one.kind == DifferenceKind::MissingTable => {
            format!("The table {table} of the known {store} schema is missing")
        }
        _ => format!("{table} differs from the known {store} schema: it {}", clauses(differences).join("; ")),
    };
    // What is recorded as made was there, so somebody took it away.
    let lost = differences.iter().any(|d| d.recorded && d.is_missing());
    let finding = match lost {
        true => Finding::warning("schema-drift", message),
        false => Finding::info("schema-drift", message),
    };
    let refused = history.refusal().is_some();
    let pending = history.pending().next().is_some();
    let suggestion = if lost {
        "Its migration is recorded as applied: look for what removed it since, or restore it from a backup."
    } else if refused {
        "It is read all the same; it is not migrated."
    } else if pending && differences.iter().any(|d| d.is_missing()) {
        "It is read all the same; migrating it makes what is missing."
    } else {
        "It is read all the same."
    };
    let finding = finding.at(table.to_owned(), "").suggest(suggestion);
    if pending && !refused { finding.fix(Offer::Migrate) } else { finding }
}

/// The clauses, what is missing first, and columns of the same fate together.
fn clauses(differences: &[&Difference]) -> Vec<String> {
    let (mut lacked, mut indexes, mut more, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for difference in differences {
        match &difference.kind {
            DifferenceKind::MissingColumn { column } => lacked.push(column.as_str()),
            DifferenceKind::MissingIndex { index } => indexes.push(index.as_str()),
            DifferenceKind::ExtraColumn { column } => more.push(column.as_str()),
            _ => rest.push(difference.clause()),
        }
    }
    let plural = if indexes.len() > 1 { "lacks the indexes" } else { "lacks the index" };
    let named = [("lacks", lacked), (plural, indexes), ("has also", more)];
    let named = named.iter().filter(|(_, names)| !names.is_empty());
    named.map(|(how, names)| format!("{how} {}", names.join(", "))).chain(rest).collect()
}
