//! The migration ledgers of other tools, wherever they are found.

use super::sqlite::{Mapping, Part, Schema, TableInfo, detail, quote, time};
use crate::core::Table;

/// A table in which some tool records the migrations it applied.
struct Ledger {
    table: &'static str,
    /// The columns that make it this tool's.
    columns: &'static [&'static str],
    version: &'static str,
    name: &'static str,
    /// When it was applied; a column, or empty.
    applied_at: &'static str,
    /// How it went, as SQL over the columns.
    status: &'static str,
}

/// Known ledgers, from the tools' own sources: sqlx, Drizzle, Rails and dbmate, D1, Knex, Prisma, refinery, Alembic, Django, goose.
const LEDGERS: &[Ledger] = &[
    Ledger {
        table: "_sqlx_migrations",
        columns: &["version", "description", "success"],
        version: "version",
        name: "description",
        applied_at: "installed_on",
        status: "CASE WHEN l.success THEN 'applied' ELSE 'failed' END",
    },
    Ledger {
        table: "__drizzle_migrations",
        columns: &["hash", "created_at"],
        version: "id",
        name: "hash",
        applied_at: "created_at",
        status: "'applied'",
    },
    Ledger {
        table: "schema_migrations",
        columns: &["version"],
        version: "version",
        name: "name",
        applied_at: "applied_at",
        status: "'applied'",
    },
    Ledger {
        table: "d1_migrations",
        columns: &["name", "applied_at"],
        version: "id",
        name: "name",
        applied_at: "applied_at",
        status: "'applied'",
    },
    Ledger {
        table: "knex_migrations",
        columns: &["name", "batch"],
        version: "id",
        name: "name",
        applied_at: "migration_time",
        status: "'applied'",
    },
    Ledger {
        table: "_prisma_migrations",
        columns: &["migration_name", "checksum"],
        version: "id",
        name: "migration_name",
        applied_at: "finished_at",
        status: "CASE WHEN l.rolled_back_at IS NOT NULL THEN 'rolled back' WHEN l.finished_at IS NULL THEN 'failed' ELSE 'applied' END",
    },
    Ledger {
        table: "refinery_schema_history",
        columns: &["version", "name"],
        version: "version",
        name: "name",
        applied_at: "applied_on",
        status: "'applied'",
    },
    Ledger {
        table: "alembic_version",
        columns: &["version_num"],
        version: "version_num",
        name: "",
        applied_at: "",
        status: "'applied'",
    },
    Ledger {
        table: "django_migrations",
        columns: &["app", "name"],
        version: "id",
        name: "name",
        applied_at: "applied",
        status: "'applied'",
    },
    Ledger {
        table: "schema_version",
        columns: &["version"],
        version: "version",
        name: "description",
        applied_at: "applied_at",
        status: "'applied'",
    },
];

/// Adds every known ledger of the database to Migrations.
pub fn add(schema: &Schema, mapping: &mut Mapping) {
    for ledger in LEDGERS {
        if schema.has(ledger.table, ledger.columns)
            && let Some(table) = schema.table(ledger.table)
        {
            mapping.add(Table::Migrations, part(ledger, table));
        }
    }
}

fn part(ledger: &Ledger, table: &TableInfo) -> Part {
    let column = |name: &str| match table.has(name) {
        true => format!("l.{}", quote(name)),
        false => "NULL".to_owned(),
    };
    let mut part = Part::over(table, "l");
    // The ledger's own order, in which it was written.
    let key = part.key[0].clone();
    let ordinal = format!(
        "(SELECT count(*) FROM main.{} AS o WHERE {} <= {key})",
        quote(&table.name),
        key.replacen("l.", "o.", 1)
    );
    let known = [ledger.version, ledger.name, ledger.applied_at];
    let rest: Vec<&str> = table.columns.iter().map(String::as_str).filter(|c| !known.contains(c)).collect();
    // The status may name columns that an older version of the tool lacks.
    let status = if ledger.status.contains("rolled_back_at") && !table.has("rolled_back_at") {
        "'applied'"
    } else {
        ledger.status
    };
    part = part
        .set("ordinal", ordinal)
        .set("version", format!("CAST({} AS TEXT)", column(ledger.version)))
        .set("name", column(ledger.name))
        .set("status", status)
        .set("applied_at", time(&column(ledger.applied_at), false))
        .set("source", format!("'{}'", ledger.table));
    part.set("detail", detail("l", &rest))
}
