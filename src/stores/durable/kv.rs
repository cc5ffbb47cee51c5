//! The key-value entries and the alarm of a Durable Object: `_cf_KV` and `_cf_METADATA`.
//!
//! Source: `workerd`, `src/workerd/util/sqlite-kv.c++` and `sqlite-metadata.c++`; the OAuth keys are the Agents SDK's.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde_json::{Value as Json, json};

use super::v8;
use crate::core::{Defect, Finding, Severity, Table, group};
use crate::stores::examine::{Probe, Scan, named};
use crate::stores::sqlite::{Context, Mapping, Part, Schema, Secret, literal, lossy};

/// The entries that may hold a token or another secret, as a condition on `key` and `value`.
///
/// OAuth clients keep `/<client>/<server>/<id>/token` and its like; `props` may hold what an authorisation claimed, and is
/// no secret where it is the empty object.
pub const SECRET: &str = "(key LIKE '/%/token%' OR key LIKE '/%/client_info%' OR key LIKE '/%/code_verifier%' \
     OR key LIKE '/%/state/%' OR key LIKE '/%/oauth_discovery%' \
     OR (key = 'props' AND value IS NOT x'FF0F6F7B00') \
     OR key LIKE '%access_token%' OR key LIKE '%refresh_token%' OR key LIKE '%accesstoken%' \
     OR key LIKE '%refreshtoken%' OR key LIKE '%api_key%' OR key LIKE '%apikey%' OR key LIKE '%secret%' \
     OR key LIKE '%password%' OR key LIKE '%bearer%' OR key IN ('token', 'authorization'))";

pub fn has_entries(schema: &Schema) -> bool {
    schema.has("_cf_KV", &["key", "value"])
}

pub fn has_alarm(schema: &Schema) -> bool {
    schema.has("_cf_METADATA", &["key", "value"])
}

/// Adds `kv_json`, which decodes a value of `_cf_KV`, to a connection.
pub fn install(connection: &Connection) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("kv_json", 1, pure, |c| Ok(json(c.get_raw(0)).map(|json| json.to_string())))
}

/// The value of a key as JSON; none where there is no such key.
pub fn read(connection: &Connection, key: &str) -> Option<Json> {
    let mut statement = connection.prepare_cached("SELECT value FROM main._cf_KV WHERE key = ?").ok()?;
    statement.query_row([key], |r| r.get_ref(0).map(json)).optional().ok().flatten().flatten()
}

/// SQL for the value of a key as JSON text.
pub fn value(key: &str) -> String {
    format!("(SELECT kv_json(v.value) FROM main._cf_KV AS v WHERE v.key = {})", literal(key))
}

/// SQL for the time of the alarm that is set, in milliseconds: by the object's own file, else by its namespace's.
pub fn alarm(schema: &Schema) -> &'static str {
    match has_alarm(schema) {
        true => {
            "coalesce((SELECT time_ms(v.value) FROM main._cf_METADATA AS v WHERE v.key = 1), namespace_alarm())"
        }
        false => "namespace_alarm()",
    }
}

/// Adds the entries and the alarm to the state of the session `id`.
pub fn add(schema: &Schema, id: &str, mapping: &mut Mapping) {
    if let Some(table) = schema.table("_cf_KV").filter(|_| has_entries(schema)) {
        let value = crate::stores::sqlite::Expr::from("kv_json(k.value)").secret_if(SECRET);
        let part = Part::over(table, "k")
            .set("session_id", literal(id))
            .set("owner", "'_cf_KV'")
            .set("key", "k.key")
            .set("value", value);
        mapping.add(Table::State, part);
        mapping.secrets.push(Secret { table: "_cf_KV", column: "value", condition: SECRET });
    }
    if let Some(table) = schema.table("_cf_METADATA").filter(|_| has_alarm(schema)) {
        let key = "CASE m.key WHEN 1 THEN 'alarm' WHEN 2 THEN 'bookmark' ELSE CAST(m.key AS TEXT) END";
        // The alarm stays in its own unit, nanoseconds.
        let value = "CASE WHEN typeof(m.value) = 'blob' THEN '\"' || lower(hex(m.value)) || '\"'
             WHEN m.value IS NULL THEN 'null' ELSE CAST(m.value AS TEXT) END";
        let part = Part::over(table, "m")
            .set("session_id", literal(id))
            .set("owner", "'_cf_METADATA'")
            .set("key", key)
            .set("value", value);
        mapping.add(Table::State, part);
    }
}

fn json(value: ValueRef<'_>) -> Option<Json> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Blob(bytes) => v8::to_json(bytes),
        ValueRef::Integer(n) => json!(n),
        ValueRef::Real(n) => json!(n),
        ValueRef::Text(_) => json!(lossy(value)),
    })
}

/// A value this large is about to meet the limit of the key-value backend, 128 KiB, and of SQLite, 2 MB.
const LARGE_BYTES: i64 = 120 << 10;
const TOO_LARGE_BYTES: i64 = 1_900_000;

/// So many messages of the standing stream are kept before that is worth saying.
const MANY_EVENTS: u64 = 1_000;

/// What is looked for in the entries and the alarm.
pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let mut scans = Vec::new();
    if let Some(table) = context.schema.table("_cf_KV").filter(|_| has_entries(context.schema)) {
        let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let made = context.connection.create_scalar_function("kv_wrong", 1, pure, |c| {
            Ok(match c.get_raw(0) {
                ValueRef::Blob(bytes) => v8::decode(bytes).err(),
                _ => None,
            })
        });
        if made.is_ok() {
            scans.push(entries(Scan::of(table, "r.key").shown_in("state")));
        }
    }
    if let Some(table) = context.schema.table("_cf_METADATA").filter(|_| has_alarm(context.schema)) {
        let late = "(now_ms() - time_ms(r.value))";
        let defect = Defect::new(
            Severity::Info,
            "alarm-overdue",
            "alarm was due and did not run: nothing runs the object",
            "alarms were due and did not run: nothing runs the object",
        )
        .suggest("It runs as soon as the worker is started again.");
        let scan = Scan::of(table, "CASE r.key WHEN 1 THEN 'alarm' END").shown_in("state");
        scans.push(scan.wrong(
            defect,
            format!("CASE WHEN r.key = 1 AND {late} > 60000 THEN 'due ' || rfc3339(time_ms(r.value)) END"),
        ));
    }
    scans
}

fn entries(scan: Scan) -> Scan {
    let undecoded = Defect::new(
        Severity::Info,
        "value-not-decoded",
        "value cannot be decoded, and is shown as its bytes",
        "values cannot be decoded, and are shown as their bytes",
    )
    .suggest("It is not damaged by that: the worker itself may read it.");
    let large = Defect::new(
        Severity::Info,
        "value-large",
        "value is near or above 128 KiB, the most that a class on the key-value backend may put",
        "values are near or above 128 KiB, the most that a class on the key-value backend may put",
    )
    .suggest("Classes on SQLite may put 2 MB. Where this one is on the key-value backend, the next put may fail: split the value.");
    let too_large = Defect::new(
        Severity::Warning,
        "value-too-large",
        "value is near or above 2 MB, the most that may be put",
        "values are near or above 2 MB, the most that may be put",
    )
    .suggest("The next put of it may fail (SQLITE_TOOBIG): split it, or drop what is old in it.");
    let bytes = "length(CAST(r.value AS BLOB))";
    scan.wrong(too_large, format!("CASE WHEN {bytes} >= {TOO_LARGE_BYTES} THEN {bytes} || ' bytes' END"))
        .wrong(
            large,
            format!("CASE WHEN {bytes} >= {LARGE_BYTES} AND {bytes} < {TOO_LARGE_BYTES} THEN {bytes} || ' bytes' END"),
        )
        .wrong(undecoded, "kv_wrong(r.value)")
        .probe(Standing::default())
}

/// Messages of the stream that stands open, which nothing takes away.
#[derive(Default)]
struct Standing {
    events: u64,
    bytes: u64,
    first: String,
}

impl Probe for Standing {
    fn wants(&self) -> Vec<String> {
        let own = "r.key >= '__mcp_event__:_GET_stream:' AND r.key < '__mcp_event__:_GET_stream;'";
        vec![format!("CASE WHEN {own} THEN length(CAST(r.value AS BLOB)) END")]
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        if let Ok(bytes) = row.get_ref(at)?.as_i64() {
            if self.events == 0 {
                self.first = named(name);
            }
            self.events += 1;
            self.bytes += bytes.unsigned_abs();
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        if self.events < MANY_EVENTS {
            return Vec::new();
        }
        let message = format!(
            "{} messages of the standing stream are kept, {} KiB of them",
            group(self.events),
            group(self.bytes >> 10)
        );
        vec![
            Finding::info("events-accumulate", message)
                .at(table.to_owned(), self.first.clone())
                .suggest("Those of a reply are cleared once it is sent; those of the stream that stands open (_GET_stream) are not, and the file grows with them."),
        ]
    }
}
