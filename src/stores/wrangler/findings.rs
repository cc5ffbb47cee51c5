//! What a deploy of a configuration would run into, and what to do instead.
//!
//! The rules are the platform's (stores.md §6.5); that of deleting and moving is what an outage taught (§1.1).

use std::collections::HashSet;

use super::replay::{Problem, ProblemKind, Replay};
use super::shape::{Backend, Binding, Config, Environment, Oddity};
use crate::core::Finding;
use crate::core::repair::Offer;

/// How a class that cannot change its backend is replaced.
const REPLACE: &str = "Make a new class with new_sqlite_classes in a new entry, move the binding to it, and keep exporting the old class as an empty stub.";

/// Looks through every environment; `replays` are those of their own lists.
pub fn findings(config: &Config, replays: &[Replay]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, environment) in config.environments.iter().enumerate() {
        let place = place(environment);
        found.extend(environment.oddities.iter().map(|o| oddity(&place, o)));
        found.extend(both_forms(&place, environment));
        if let Some(replay) = replays.get(at) {
            found.extend(replay.problems.iter().map(|p| problem(&place, p)));
        }
    }
    for (at, environment) in config.environments.iter().enumerate() {
        let owner = config.owner(at);
        if let (Some(list), Some(replay)) = (config.environments.get(owner), replays.get(owner)) {
            let judge = Judge { place: place(environment), environment, list, replay };
            found.extend(judge.findings());
        }
    }
    found.extend(unbound(config, replays));
    found
}

/// The bindings of one environment against the classes that its list makes.
struct Judge<'a> {
    place: String,
    environment: &'a Environment,
    /// The environment whose list holds for this one.
    list: &'a Environment,
    replay: &'a Replay,
}

impl Judge<'_> {
    fn findings(&self) -> Vec<Finding> {
        let own = || self.environment.bindings.iter().filter(|b| b.is_own(self.environment));
        let mut said = HashSet::new();
        let exports = self.list.exports.as_deref().unwrap_or_default();
        let exports: std::collections::HashMap<_, _> =
            exports.iter().map(|e| (e.class.as_str(), e)).collect();
        let mut found = Vec::new();
        for binding in own() {
            if let Some(export) = exports.get(binding.class.as_str()) {
                found.extend(match export.state.as_str() {
                    "deleted" => Some(self.export_deleted(binding)),
                    _ if export.is_live() => self.backend(binding, export.backend),
                    _ => None,
                });
            } else if let Some(tag) = self.replay.deleted.get(&binding.class) {
                if said.insert(binding.class.as_str()) {
                    found.push(self.deleted(binding, tag));
                }
            } else if let Some(backend) = self.replay.intended.get(&binding.class) {
                found.extend(self.backend(binding, *backend));
            } else {
                found.push(self.not_created(binding));
            }
        }
        let bound: HashSet<&str> = own().map(|b| b.class.as_str()).collect();
        found.extend(self.delete_and_move(&bound));
        found
    }

    fn backend(&self, binding: &Binding, backend: Backend) -> Option<Finding> {
        (backend == Backend::KeyValue).then(|| {
            Finding::warning(
                "key-value-class",
                format!(
                    "{}{} binds {}, which is on the key-value backend: it has no SQL, and code that needs it fails with \"not backed by SQLite storage\"",
                    self.place, binding.name, binding.class
                ),
            )
            .at("state", &binding.name)
            .suggest(format!("A class cannot change its backend. {REPLACE} On the free plan new_classes is refused at all (code 10097)."))
            .fix(Offer::Migrate)
        })
    }

    fn deleted(&self, binding: &Binding, tag: &str) -> Finding {
        Finding::error(
            "deleted-class-bound",
            format!(
                "{}{} deletes {}, which {} binds: the deploy is refused (code 10061), whatever a later entry makes",
                self.place,
                entry(tag),
                binding.class,
                binding.name
            ),
        )
        .at("migrations", tag)
        .suggest(format!("Take the delete out. {REPLACE} Delete the old class, and with it all of its data, only in a later deploy."))
    }

    fn export_deleted(&self, binding: &Binding) -> Finding {
        Finding::error(
            "export-deleted-bound",
            format!(
                "{}{} binds {}, which exports declares as deleted: the deploy is refused",
                self.place, binding.name, binding.class
            ),
        )
        .at("state", &binding.name)
        .suggest("Move the binding to a live class and deploy that; declare the old class as deleted only in a later deploy.")
    }

    fn not_created(&self, binding: &Binding) -> Finding {
        let Binding { name, class, .. } = binding;
        let (why, suggestion) = match self.replay.renamed.get(class) {
            Some((to, tag)) => {
                (format!("which {} renames to {to}", entry(tag)), format!("Let the binding name {to}."))
            }
            None if self.list.exports.is_some() => (
                "which exports does not declare".to_owned(),
                format!("Declare {class} in exports with its storage, or correct the name."),
            ),
            None => (
                "which no migration creates".to_owned(),
                format!(
                    "Add an entry with new_sqlite_classes: [\"{class}\"], or correct the name; if another worker has the class, set script_name."
                ),
            ),
        };
        Finding::error(
            "class-not-created",
            format!("{}{name} binds {class}, {why}: the deploy is refused", self.place),
        )
        .at("state", name)
        .suggest(suggestion)
    }

    /// The platform checks a delete against the binding that is live, not against the one that is being deployed.
    fn delete_and_move(&self, bound: &HashSet<&str>) -> Option<Finding> {
        let last = &self.replay.last;
        let moved = self
            .environment
            .bindings
            .iter()
            .find(|b| b.is_own(self.environment) && last.creates.contains(&b.class))?;
        let gone: Vec<&str> =
            last.deletes.iter().map(String::as_str).filter(|c| !bound.contains(c)).collect();
        (!gone.is_empty()).then(|| {
            Finding::error(
                "delete-and-move",
                format!(
                    "{}{} deletes {} in the same deploy in which {} moves to {}: a delete is checked against the binding that is live, so the deploy is refused (code 10061)",
                    self.place,
                    entry(&last.tag),
                    gone.join(", "),
                    moved.name,
                    moved.class
                ),
            )
            .at("migrations", &last.tag)
            .suggest("Deploy the new class and the moved binding first, with the old class still exported as an empty stub; delete the old class only in a later deploy.")
        })
    }
}

fn problem(place: &str, problem: &Problem) -> Finding {
    let tag = &problem.tag;
    let of = entry(tag);
    let finding = match &problem.kind {
        ProblemKind::MissingTag { at } => Finding::error(
            "missing-tag",
            format!("{place}Entry {at} of migrations has no tag: wrangler refuses the configuration"),
        )
        .suggest("Give it a tag that no other entry has."),
        ProblemKind::DuplicateTag => Finding::error(
            "duplicate-tag",
            format!("{place}The tag {tag} is used before: once it is deployed, wrangler sends everything after the first entry with it, so that this one is left out or sent again"),
        )
        .suggest("Give the later entry a tag that no other has; entries that are deployed keep theirs."),
        ProblemKind::Exists { step, class, has: Backend::KeyValue, wants: Backend::Sqlite } => Finding::error(
            "class-exists",
            format!("{place}{of} cannot {step}: {class} exists on the key-value backend, and SQLite cannot be turned on for a class that exists"),
        )
        .suggest(format!("Take this step out. {REPLACE}")),
        ProblemKind::Exists { step, class, .. } => Finding::error(
            "class-exists",
            format!("{place}{of} cannot {step}: {class} exists already, and the deploy is refused"),
        )
        .suggest("Take this step out if an earlier entry does the same; otherwise use a name that is not taken. The name that a class is renamed or transferred to must not be created first."),
        ProblemKind::AfterTransfer { step, class } => Finding::warning(
            "transferred-class",
            format!("{place}{of} is to {step}, which came from another worker: the platform does so, but wrangler's own replay leaves transfers out and stops at {class} as \u{201c}non-existent\u{201d}"),
        )
        .suggest("wrangler dev fails with it, and since wrangler 4.131 so does wrangler deploy. Leave the class under the name that it was transferred to."),
        ProblemKind::Missing { step, class, deletes } => Finding::error(
            "class-missing",
            format!(
                "{place}{of} cannot {step}: no earlier step makes {class}, and the deploy is refused{}",
                if *deletes { " (code 10074, where the version that is live does not have the class either)" } else { "" }
            ),
        )
        .suggest("Correct the name, or put back the entry that made the class: entries that are deployed must stay."),
    };
    finding.at("migrations", tag)
}

fn both_forms(place: &str, environment: &Environment) -> Option<Finding> {
    let has = |n: Option<usize>| n.is_some_and(|n| n > 0);
    let both =
        has(environment.migrations.as_ref().map(Vec::len)) && has(environment.exports.as_ref().map(Vec::len));
    both.then(|| {
        Finding::error(
            "migrations-and-exports",
            format!("{place}Both migrations and exports say which classes there are: wrangler refuses the configuration"),
        )
        .at("migrations", "")
        .suggest("Keep one of them: exports with every class that there is, or migrations without the Durable Objects of exports.")
    })
}

fn oddity(place: &str, oddity: &Oddity) -> Finding {
    let Oddity { unknown_field, table, key, what } = oddity;
    let finding = match unknown_field {
        true => Finding::warning(
            "unknown-field",
            format!("{place}{what}, which wrangler does not know: nothing is done with it"),
        )
        .suggest("Check its spelling, or take it out."),
        false => Finding::error("wrong-type", format!("{place}{what}: wrangler refuses the configuration"))
            .suggest("Correct it; it is left out of what is shown."),
    };
    finding.at(*table, key)
}

/// Classes on the key-value backend that nothing binds, as the stub that stays behind when a binding moves.
fn unbound(config: &Config, replays: &[Replay]) -> Vec<Finding> {
    // A binding counts for the list that holds for it.
    let mut bound = HashSet::new();
    for (at, environment) in config.environments.iter().enumerate() {
        let owner = config.owner(at);
        bound.extend(environment.bindings.iter().map(|b| (owner, b.class.as_str())));
    }
    let mut found = Vec::new();
    for (at, (environment, replay)) in config.environments.iter().zip(replays).enumerate() {
        let made = replay.classes.iter().map(|c| (c.name.as_str(), c.backend));
        let exports = environment.exports.iter().flatten().filter(|e| e.is_live());
        for (class, backend) in made.chain(exports.map(|e| (e.class.as_str(), e.backend))) {
            if backend == Backend::KeyValue && !bound.contains(&(at, class)) {
                let message = format!(
                    "{}{class} is on the key-value backend, and nothing binds it",
                    place(environment)
                );
                found.push(Finding::info("key-value-class", message).at("state", class).suggest(
                    "Keep exporting it, an empty stub will do: a version that does not is refused while the class exists (code 10064). Deleting the class destroys all of its data.",
                ));
            }
        }
    }
    found
}

fn place(environment: &Environment) -> String {
    environment.label.as_ref().map_or_else(String::new, |label| format!("In env.{label}: "))
}

fn entry(tag: &str) -> String {
    if tag.is_empty() { "An entry without a tag".to_owned() } else { format!("The entry {tag}") }
}
