//! What a changed configuration cannot say: what the code must have, and what a deploy does.

use std::collections::{BTreeMap, HashSet};

use super::edit::prefix;
use super::plan::{NewEntry, Plan};
use super::source::Source;
use crate::stores::wrangler::shape::Backend;

pub fn of_moving(source: &Source<'_>, plan: &Plan, names: &BTreeMap<String, String>) -> Vec<String> {
    let mut warnings: Vec<String> = names.iter().map(|(old, new)| code(source, old, new)).collect();
    let olds: Vec<&str> = names.keys().map(String::as_str).collect();
    let olds = olds.join(", ");
    warnings.push(format!(
        "The data of {olds} is not moved by the deploy, and a migration that is deployed cannot be taken back. From then on nothing reads the old objects any more: what is worth keeping must be copied by code that binds both classes."
    ));
    warnings.push(format!(
        "Bindings in other workers' configurations that name {olds} with script_name cannot be seen from here; they go on with the old objects until they are moved."
    ));
    warnings.extend(workers(source, plan));
    for entry in &plan.entries {
        warnings.extend(pending_delete(source, entry));
        warnings.extend(unbound_sqlite(source, entry, names));
    }
    warnings.push(preview());
    warnings
}

pub fn of_deleting(source: &Source<'_>, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    for entry in &plan.entries {
        let (place, classes) = (prefix(source, entry.environment), entry.classes.join(", "));
        warnings.push(format!(
            "{place}Deploying {} destroys all data of {classes}. It cannot be taken back.",
            entry.tag
        ));
        let last = source.replays.get(entry.environment).map(|r| r.last.tag.as_str()).unwrap_or_default();
        warnings.push(format!(
            "{place}Deploy {} only when {last} and the bindings as they are now have been deployed: a delete is checked against the bindings that are live, and refused (code 10061) while one names the class.",
            entry.tag
        ));
        warnings.push(format!(
            "{place}The version that is live must still export {classes}, for which an empty stub will do (code 10074); this deploy may leave the stub out."
        ));
    }
    warnings.push("Bindings in other workers' configurations that name a deleted class with script_name cannot be seen from here; while there is one, the deploy is refused (code 10061).".to_owned());
    warnings.extend(workers(source, plan));
    warnings.push(preview());
    warnings
}

/// The lines that the worker's main file must have.
fn code(source: &Source<'_>, old: &str, new: &str) -> String {
    let main = source.config.main.as_deref();
    let lines = if main.is_some_and(|main| main.ends_with(".py")) {
        format!(
            "from workers import DurableObject\nclass {old}(DurableObject):\n    pass\nclass {new}(DurableObject): # what {old} was"
        )
    } else {
        format!(
            "import {{ DurableObject }} from \"cloudflare:workers\";\nexport class {old} extends DurableObject {{}}\nexport class {new} extends … {{ … }} // what {old} was"
        )
    };
    format!(
        "{} must have both classes in this deploy: {new} with the code that {old} has now, and {old} as an empty stub, without which the deploy is refused (code 10064):\n{lines}",
        main.unwrap_or("The worker's main file")
    )
}

/// Says that each environment is deployed on its own, where there are several that change.
fn workers(source: &Source<'_>, plan: &Plan) -> Option<String> {
    let owners: HashSet<usize> = plan.entries.iter().map(|entry| entry.environment).collect();
    let environments = source.config.environments.iter().enumerate();
    let changed: Vec<String> = environments
        .filter(|(at, _)| owners.contains(&source.config.owner(*at)))
        .map(|(_, environment)| environment.source())
        .collect();
    (changed.len() > 1).then(|| {
        format!(
            "Each environment is a worker of its own and changes when it is deployed: {}.",
            changed.join(", ")
        )
    })
}

/// Warns of a delete that goes up together with the new entry, where it has not been deployed yet.
fn pending_delete(source: &Source<'_>, entry: &NewEntry) -> Option<String> {
    let last = &source.replays.get(entry.environment)?.last;
    let (place, classes) = (prefix(source, entry.environment), last.deletes.join(", "));
    (!classes.is_empty()).then(|| {
        format!(
            "{place}{} deletes {classes}. If it has not been deployed yet, deploy it before {}, in a deploy of its own: all that is new goes up at once, and a delete is checked against the bindings that are live (code 10061).",
            last.tag, entry.tag
        )
    })
}

/// Warns where a class of the name that one would choose is there, and nothing binds it.
fn unbound_sqlite(source: &Source<'_>, entry: &NewEntry, names: &BTreeMap<String, String>) -> Vec<String> {
    let Some(replay) = source.replays.get(entry.environment) else { return Vec::new() };
    let bindings = source.config.environments.iter().flat_map(|e| &e.bindings);
    let bound: HashSet<&str> = bindings.map(|b| b.class.as_str()).collect();
    let made: HashSet<&String> = entry.classes.iter().collect();
    let mut found = Vec::new();
    for (old, new) in names.iter().filter(|(_, new)| made.contains(new)) {
        let there = format!("{old}Sqlite");
        if replay.intended.get(&there) == Some(&Backend::Sqlite) && !bound.contains(there.as_str()) {
            found.push(format!(
                "{there} is there already, on SQLite, and nothing binds it. If it was made for this move, let the bindings name it instead of {new}, and leave {} out.",
                entry.tag
            ));
        }
    }
    found
}

fn preview() -> String {
    "Preview builds (wrangler versions upload) fail with code 10211, since a version cannot carry a migration. That is no failure of the change: deploy with wrangler deploy.".to_owned()
}
