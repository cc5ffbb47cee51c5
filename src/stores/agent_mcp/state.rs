//! What agents remember, and the settings of the whole; the tokens among them are masked.

use super::Native;
use crate::core::Table;
use crate::stores::sqlite::{Context, Expr, Mapping, Secret, time};

/// Columns that hold nothing but secrets: the tokens by which agents are let in.
const ALWAYS: &str = "1 = 1";

/// Entries whose name says that they hold a secret, as conditions on the column of their names.
const NAMED_CONTEXT: &str = "context_key LIKE '%token%' OR context_key LIKE '%secret%' OR context_key LIKE '%password%' \
     OR context_key LIKE '%api_key%' OR context_key LIKE '%apikey%'";
const NAMED_CONFIG: &str = "config_key LIKE '%token%' OR config_key LIKE '%secret%' OR config_key LIKE '%password%' \
     OR config_key LIKE '%api_key%' OR config_key LIKE '%apikey%'";
const NAMED_STATE: &str = "state_key LIKE '%token%' OR state_key LIKE '%secret%' OR state_key LIKE '%password%' \
     OR state_key LIKE '%api_key%' OR state_key LIKE '%apikey%'";

/// A table whose rows are entries; the names are its columns.
struct Entries {
    table: &'static str,
    /// The column of the session; empty where entries are of the whole store.
    session: &'static str,
    /// The column that says whose entry it is; the table's name where there is none.
    owner: &'static str,
    key: &'static str,
    value: &'static str,
    updated: &'static str,
    expires: &'static str,
    /// The entries whose value is secret; the condition names the key's column.
    secret: &'static str,
}

const ENTRIES: &[Entries] = &[
    Entries {
        table: "agent_session_state",
        session: "mcp_session_id",
        owner: "agent_id",
        key: "state_key",
        value: "state_value",
        updated: "last_updated",
        expires: "expires_at",
        secret: NAMED_STATE,
    },
    Entries {
        table: "project_context",
        session: "",
        owner: "",
        key: "context_key",
        value: "value",
        updated: "last_updated",
        expires: "",
        // The Python sibling keeps its administrator's token here, as `config_admin_token`.
        secret: NAMED_CONTEXT,
    },
    Entries {
        table: "admin_config",
        session: "",
        owner: "",
        key: "config_key",
        value: "config_value",
        updated: "updated_at",
        expires: "",
        secret: NAMED_CONFIG,
    },
];

/// Maps the entries, the agents and the files they hold, and names the secrets of the store's own tables.
pub fn add(context: &Context<'_>, mapping: &mut Mapping) {
    for entries in ENTRIES {
        let Some(table) = Native::of(context, entries.table, "e") else { continue };
        let owner = match table.table.has(entries.owner) {
            true => table.column(entries.owner),
            false => format!("'{}'", entries.table),
        };
        // Without its name nothing tells which of them is one.
        let condition = if table.table.has(entries.key) { entries.secret } else { ALWAYS };
        let value = Expr::from(table.column(entries.value)).secret_if(condition);
        mapping.secrets.push(Secret { table: entries.table, column: entries.value, condition });
        let part = table
            .part()
            .set("session_id", table.column(entries.session))
            .set("owner", owner)
            .set("key", table.column(entries.key))
            .set("value", value)
            .set("updated_at", table.time(entries.updated))
            .set("expires_at", table.time(entries.expires));
        mapping.add(Table::State, part);
    }
    if let Some(agents) = Native::of(context, "agents", "a") {
        let times = ["updated_at", "terminated_at", "created_at"].map(|c| agents.column(c)).join(", ");
        let part = agents
            .part()
            .set("owner", "'agents'")
            .set("key", agents.column("agent_id"))
            .set("value", agents.rest(&["token"]))
            .set("updated_at", time(&format!("coalesce({times})"), false));
        mapping.add(Table::State, part);
        mapping.secrets.push(Secret { table: "agents", column: "token", condition: ALWAYS });
    }
    if let Some(files) = Native::of(context, "file_status", "f") {
        let times = ["released_at", "locked_at"].map(|c| files.column(c)).join(", ");
        let part = files
            .part()
            .set("owner", "'file_status'")
            .set("key", files.column("filepath"))
            .set("value", files.rest(&["filepath"]))
            .set("updated_at", time(&format!("coalesce({times})"), false));
        mapping.add(Table::State, part);
    }
}
