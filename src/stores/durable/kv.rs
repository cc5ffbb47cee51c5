//! The key-value entries and the alarm of a Durable Object: `_cf_KV` and `_cf_METADATA`.
//!
//! Source: `workerd`, `src/workerd/util/sqlite-kv.c++` and `sqlite-metadata.c++`; the OAuth keys are the Agents SDK's.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value as Json, json};

use super::v8;
use crate::core::Table;
use crate::stores::sqlite::{Mapping, Part, Schema, Secret, literal, lossy};

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
