//! What every Durable Object's file has, whatever else it holds: one session, entries, an alarm, an identity.
//!
//! A file in which nothing more specific is recognised is the store `durable-object`.

use super::{agents, document, identity, kv, mcp_session};
use crate::core::{Finding, Table};
use crate::stores::sqlite::{Context, Mapping, Part, Schema, literal};

/// The kind of a file that is a Durable Object's and nothing more specific.
pub const ID: &str = "durable-object";

/// Whether nothing of an object's own is in its file yet.
pub fn is_unused(schema: &Schema) -> bool {
    schema.tables.iter().all(|table| table.name == "_cf_METADATA")
}

/// Whether the file is a Durable Object's, or a namespace's list of alarms.
pub fn is_object(context: &Context<'_>) -> bool {
    let schema = context.schema;
    kv::has_entries(schema)
        || kv::has_alarm(schema)
        || has_alarms(context)
        || agents::has_tables(schema)
        || schema.has("__miniflare_do_name", &["name"])
        || is_empty_object(context)
}

/// Adds what is common to all objects to what the adapters mapped.
pub fn add(context: &Context<'_>, mapping: &mut Mapping) -> rusqlite::Result<()> {
    let schema = context.schema;
    let id = context.file.stem.as_str();
    kv::install(context.connection)?;
    mcp_session::install(context)?;
    identity::install(context)?;
    if has_alarms(context) {
        alarms(context, mapping);
        mapping.pace = Some(&mcp_session::ALARM_PACE);
        // The namespace's own file is no object.
        let others = ["_cf_KV", "_cf_METADATA", "cf_agents_state"];
        if !others.iter().any(|t| schema.table(t).is_some()) {
            return Ok(());
        }
    }
    let held = agents::add(context, id, mapping);
    kv::add(schema, id, mapping);
    mapping.keep(Table::State);
    if kv::has_alarm(schema) || identity::has_namespace(context) {
        let part = heartbeat(schema, id, mapping);
        mapping.add(Table::Heartbeats, part);
        mapping.pace = mapping.pace.or(Some(&mcp_session::ALARM_PACE));
    }
    let identity = identity::identify(context);
    if mapping.parts_of(&Table::Sessions).is_empty() {
        mapping.add(Table::Sessions, session(context, &held, identity.name.as_deref()));
    }
    mapping.name = mapping.name.take().or(identity.name);
    mapping.facts.extend(identity.facts);
    mapping.findings.extend(identity.findings);
    Ok(())
}

/// Whether it is an object's file, by its name, in which nothing was ever made.
pub fn is_empty_object(context: &Context<'_>) -> bool {
    context.schema.tables.is_empty() && identity::ObjectFile::of(&context.file.path).is_some()
}

/// Why an object's file may be empty.
pub fn empty(context: &Context<'_>) -> Option<Finding> {
    if !is_empty_object(context) {
        return None;
    }
    let causes = "Nothing was ever written to it, deleteAll emptied it, or its class is declared in new_classes and failed \
        at its first SQL: only new_sqlite_classes have SQL.";
    // Looking at a database leaves an empty log beside it.
    let (message, suggestion) = match context.file.wal_bytes {
        None | Some(0) => (
            "The object's file has no tables, and beside it is no -wal file with anything in it, where the runtime keeps everything until a checkpoint",
            format!("If it was copied from elsewhere, copy its -wal too. Else: {causes}"),
        ),
        Some(_) => ("The object's file has no tables, and its -wal makes none", causes.to_owned()),
    };
    Some(
        Finding::warning("object-empty", message)
            .at("sessions", context.file.stem.clone())
            .suggest(suggestion),
    )
}

fn session(context: &Context<'_>, held: &agents::Held, name: Option<&str>) -> Part {
    let schema = context.schema;
    let mut newest = held.newest.clone();
    let mut messages = held.messages.clone();
    let mut details = mcp_session::details(schema);
    let mut created = "NULL".to_owned();
    if document::is_loaded(context.connection) {
        messages.push("temp.session_document_messages".into());
        newest.push("(SELECT max(d.last_updated) FROM temp.session_documents AS d)".into());
        newest.push("(SELECT max(m.created_at) FROM temp.session_document_messages AS m)".into());
        created = "(SELECT min(d.created_at) FROM temp.session_documents AS d)".into();
        details.extend(document::details());
    }
    newest.extend(mcp_session::last_activity(schema));
    let count = |tables: &[String]| match tables {
        [] => "0".to_owned(),
        _ => tables.iter().map(|t| format!("(SELECT count(*) FROM {t})")).collect::<Vec<_>>().join(" + "),
    };
    let last = match newest.len() {
        0 => "NULL".to_owned(),
        _ => {
            let each: Vec<String> = newest.iter().map(|n| format!("coalesce({n}, 0)")).collect();
            format!("nullif(max({}, 0), 0)", each.join(", "))
        }
    };
    let pairs: Vec<String> = details.iter().map(|(name, sql)| format!("'{name}', {sql}")).collect();
    let mut part = Part::by_key(format!("(SELECT {} AS id) AS s", literal(&context.file.stem)), &["s.id"])
        .set("id", "s.id")
        .set("created_at", created)
        .set("last_active_at", last)
        .set("messages", count(&messages))
        .set("tasks", count(&held.tasks))
        // The patch drops what is null.
        .set("detail", format!("json_patch('{{}}', json_object({}))", pairs.join(", ")));
    if let Some(name) = name {
        part = part.set("title", literal(name));
    }
    if schema.tables.is_empty() {
        part = part.set("status", "'empty'");
    }
    part
}

/// The alarm as a sign of life, where no other is recorded for the session.
fn heartbeat(schema: &Schema, id: &str, mapping: &Mapping) -> Part {
    let from = format!("(SELECT {} AS id, NULL AS last, {} AS alarm) AS h", literal(id), kv::alarm(schema));
    let mut filter = "h.alarm IS NOT NULL".to_owned();
    for part in mapping.parts_of(&Table::Heartbeats) {
        let which = part.filter.as_ref().map_or(String::new(), |f| format!(" WHERE {f}"));
        filter.push_str(&format!(" AND NOT EXISTS (SELECT 1 FROM {}{which})", part.from));
    }
    mcp_session::signs_of_life(Part::by_key(from, &["h.id"]).filter(filter))
}

fn has_alarms(context: &Context<'_>) -> bool {
    context.schema.has("_cf_ALARM", &["actor_id", "scheduled_time"])
}

/// Every pending alarm of a namespace, from its own file.
fn alarms(context: &Context<'_>, mapping: &mut Mapping) {
    let Some(table) = context.schema.table("_cf_ALARM") else { return };
    let part = Part::over(table, "a")
        .set("session_id", "a.actor_id")
        .set("owner", "'_cf_ALARM'")
        .set("key", if table.has("actor_name") { "coalesce(a.actor_name, a.actor_id)" } else { "a.actor_id" })
        .set("value", "CAST(a.scheduled_time AS TEXT)");
    mapping.add(Table::State, part);
    let from =
        "(SELECT actor_id AS id, NULL AS last, time_ms(scheduled_time) AS alarm FROM main._cf_ALARM) AS h";
    mapping.add(Table::Heartbeats, mcp_session::signs_of_life(Part::by_key(from, &["h.id"])));
    let folder = context.file.path.parent().and_then(std::path::Path::file_name);
    if let Some(folder) = folder {
        mapping.name = Some(format!("Alarms of {}", folder.to_string_lossy()));
    }
}
