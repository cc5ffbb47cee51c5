//! `wrangler-config`: the Durable Object migrations, bindings and exports of a worker's configuration.
//!
//! Formats and rules: stores.md §1.1 and §6.5, from the sources of wrangler and the platform's documentation.

mod config;
mod findings;
pub mod moving;
mod replay;
mod shape;

use serde_json::json;

use super::document::{Contents, Document, DocumentAdapter, nothing_more};
use crate::core::{StoreError, Table, Value};
use replay::Replay;
use shape::{Config, Environment};

pub const ADAPTER: DocumentAdapter = DocumentAdapter { id: "wrangler-config", read, examine: nothing_more };

/// An entry with more steps than this is written out only beside its first, so that rows stay in proportion to the file.
const MOST_WRITTEN_OUT: usize = 16;

fn read(document: &Document<'_>) -> Option<Result<Contents, StoreError>> {
    Some(config::read(document.path, document.bytes)?.map(|config| contents(&config)))
}

fn contents(config: &Config) -> Contents {
    let replays = replay::replays(config);
    let mut contents = Contents {
        keeps: vec![Table::State, Table::Migrations],
        findings: findings::findings(config, &replays),
        name: config.name.clone(),
        facts: facts(config),
        ..Contents::default()
    };
    for (environment, replay) in config.environments.iter().zip(&replays) {
        add_migrations(&mut contents, environment, replay);
        add_state(&mut contents, environment, replay);
    }
    contents
}

fn add_migrations(contents: &mut Contents, environment: &Environment, replay: &Replay) {
    let entries = environment.migrations.as_deref().unwrap_or_default();
    for (at, step) in replay.rows.iter().enumerate() {
        let Some(entry) = entries.get(step.entry) else { continue };
        let whole = step.first || entry.steps.len() <= MOST_WRITTEN_OUT;
        let detail = if whole { entry.raw.to_string() } else { json!({ "tag": entry.tag }).to_string() };
        contents.add(
            Table::Migrations,
            vec![
                ("ordinal", Value::Integer(at as i64 + 1)),
                ("version", entry.tag.clone().into()),
                ("name", step.name.as_str().into()),
                ("status", if step.reached { "in effect" } else { "never reached" }.into()),
                ("source", environment.source().into()),
                ("detail", detail.into()),
            ],
        );
    }
}

fn add_state(contents: &mut Contents, environment: &Environment, replay: &Replay) {
    let prefix = environment.label.as_ref().map_or_else(String::new, |label| format!("env.{label} "));
    let mut add = |kind: &str, key: &str, value: String| {
        let owner = format!("{prefix}{kind}");
        let row = vec![("owner", owner.into()), ("key", key.into()), ("value", value.into())];
        contents.add(Table::State, row);
    };
    for class in &replay.classes {
        let mut value = json!({ "backend": class.backend.as_str(), "created_by": class.created_by });
        if let Some(from) = &class.renamed_from {
            value["renamed_from"] = from.as_str().into();
        }
        add("class", &class.name, value.to_string());
    }
    for export in environment.exports.iter().flatten() {
        if export.is_live() {
            let value = json!({ "backend": export.backend.as_str(), "created_by": "exports" });
            add("class", &export.class, value.to_string());
        }
    }
    for binding in &environment.bindings {
        let mut value = json!({ "class_name": binding.class });
        if let Some(script) = &binding.script {
            value["script_name"] = script.as_str().into();
        }
        add("binding", &binding.name, value.to_string());
    }
    for export in environment.exports.iter().flatten() {
        add("export", &export.class, export.raw.to_string());
    }
}

fn facts(config: &Config) -> Vec<(String, String)> {
    let labels: Vec<&str> = config.environments.iter().filter_map(|e| e.label.as_deref()).collect();
    let facts = [
        ("Name", config.name.clone()),
        ("Main", config.main.clone()),
        ("Compatibility date", config.compatibility_date.clone()),
        ("Environments", (!labels.is_empty()).then(|| labels.join(", "))),
    ];
    facts.into_iter().filter_map(|(label, text)| Some((label.to_owned(), text?))).collect()
}
