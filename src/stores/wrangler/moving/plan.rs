//! What is to be changed, before any text is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::edit::prefix;
use super::source::Source;
use super::{Kept, warnings};
use crate::stores::wrangler::shape::{Backend, Binding, Entry, Environment, Step};

pub const DELETE: &str = "deleted_classes";
const NEW: &str = "new_sqlite_classes";

#[derive(Default)]
pub struct Plan {
    pub entries: Vec<NewEntry>,
    pub bindings: Vec<Rebinding>,
    pub kept: Vec<Kept>,
    pub warnings: Vec<String>,
}

/// An entry behind the last one of an environment's own list.
pub struct NewEntry {
    pub environment: usize,
    pub tag: String,
    pub directive: &'static str,
    pub classes: Vec<String>,
    pub reason: String,
}

/// A binding that names another class.
pub struct Rebinding {
    pub environment: usize,
    /// Its place among the environment's bindings.
    pub at: usize,
    pub class: String,
    pub reason: String,
}

/// A class on the key-value backend that a binding of the worker names.
struct Bound<'a> {
    environment: usize,
    at: usize,
    binding: &'a Binding,
}

pub fn move_bound(source: &Source<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut bound: Vec<Bound<'_>> = Vec::new();
    let mut foreign = Vec::new();
    for (environment, at, binding) in bindings(source) {
        match stays(source, environment, binding) {
            Stays::No => bound.push(Bound { environment, at, binding }),
            Stays::Foreign => foreign.push((environment, binding)),
            Stays::Because(reason) => plan.kept.push(kept(source, environment, binding, reason)),
        }
    }
    let names = new_names(source, &bound);
    plan.kept.extend(foreign_kept(source, &foreign, &bound, &names));
    // The classes that each list is to make: in the order of their bindings, each once.
    let mut made: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for Bound { environment, at, binding } in bound {
        let old = binding.class.as_str();
        let Some(new) = names.get(old) else { continue };
        let reason = format!("{old} is on the key-value backend, {new} on SQLite.");
        plan.bindings.push(Rebinding { environment, at, class: new.clone(), reason });
        let owner = source.config.owner(environment);
        if seen.insert((owner, old)) {
            made.entry(owner).or_default().push(old);
        }
    }
    for (environment, olds) in made {
        let news: Vec<String> = olds.iter().filter_map(|old| names.get(*old).cloned()).collect();
        let reason = format!(
            "A class cannot change its backend: on SQLite, {} takes the place of {}.",
            news.join(", "),
            olds.join(", ")
        );
        let tag = next_tag(list(source, environment));
        plan.entries.push(NewEntry { environment, tag, directive: NEW, classes: news, reason });
    }
    if !plan.entries.is_empty() {
        plan.warnings = warnings::of_moving(source, &plan, &names);
    }
    plan
}

pub fn delete_unbound(source: &Source<'_>) -> Plan {
    let mut plan = Plan::default();
    // A binding counts whichever worker it means: in doubt, nothing is deleted.
    let mut bound: HashMap<&str, Vec<String>> = HashMap::new();
    for (environment, _, binding) in bindings(source) {
        let by = format!("{}{}", prefix(source, environment), binding.name);
        bound.entry(&binding.class).or_default().push(by);
    }
    for (environment, replay) in source.replays.iter().enumerate() {
        let mut unbound = Vec::new();
        for class in replay.classes.iter().filter(|class| class.backend == Backend::KeyValue) {
            let Some(by) = bound.get(class.name.as_str()) else {
                unbound.push(class.name.clone());
                continue;
            };
            let place = format!("{}class {}", prefix(source, environment), class.name);
            let reason = format!("{} binds it, and a class that is bound cannot be deleted.", by.join(", "));
            plan.kept.push(Kept { place, reason });
        }
        if !unbound.is_empty() {
            plan.entries.push(NewEntry {
                environment,
                tag: next_tag(list(source, environment)),
                directive: DELETE,
                reason: format!("Nothing in this file binds {} any more.", unbound.join(", ")),
                classes: unbound,
            });
        }
    }
    if !plan.entries.is_empty() {
        plan.warnings = warnings::of_deleting(source, &plan);
    }
    plan
}

/// Every binding with its environment and its place there.
fn bindings<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (usize, usize, &'a Binding)> {
    let environments = source.config.environments.iter().enumerate();
    environments.flat_map(|(environment, e)| {
        e.bindings.iter().enumerate().map(move |(at, binding)| (environment, at, binding))
    })
}

/// An environment's own list.
fn list<'a>(source: &'a Source<'_>, at: usize) -> &'a [Entry] {
    source.environment(at).and_then(|e| e.migrations.as_deref()).unwrap_or_default()
}

enum Stays {
    No,
    /// Another worker has the class.
    Foreign,
    Because(String),
}

fn stays(source: &Source<'_>, at: usize, binding: &Binding) -> Stays {
    let own = |environment: &Environment| binding.is_own(environment) && binding.environment.is_none();
    if !source.environment(at).is_some_and(own) {
        return Stays::Foreign;
    }
    let class = &binding.class;
    match source.replay_for(at).and_then(|replay| replay.intended.get(class)) {
        Some(Backend::KeyValue) => Stays::No,
        Some(Backend::Sqlite) => Stays::Because(format!("{class} is on SQLite already.")),
        Some(Backend::Unknown) => Stays::Because(format!(
            "{class} was transferred from another worker, and only that worker's migrations say which backend it is on."
        )),
        None => Stays::Because(format!("No migration makes {class}, so that its backend is not known.")),
    }
}

fn foreign_kept(
    source: &Source<'_>,
    foreign: &[(usize, &Binding)],
    bound: &[Bound<'_>],
    names: &BTreeMap<String, String>,
) -> Vec<Kept> {
    // Another environment of this file may be the worker that has the class.
    let script = |at: usize| source.environment(at).and_then(|e| e.script.as_deref());
    let moves: HashSet<_> = bound.iter().map(|b| (script(b.environment), b.binding.class.as_str())).collect();
    let reason = |binding: &Binding| {
        let worker = binding.script.as_deref();
        let here = moves.contains(&(worker, &binding.class)) && binding.environment.is_none();
        let worker = worker.unwrap_or("of another environment");
        match names.get(&binding.class).filter(|_| here) {
            Some(new) => format!(
                "It names a class of the worker {worker}, which moves to {new} here: let it name {new} once that worker is deployed."
            ),
            None => format!(
                "It names a class of the worker {worker}: move it in the configuration of that worker."
            ),
        }
    };
    foreign.iter().map(|(at, binding)| kept(source, *at, binding, reason(binding))).collect()
}

fn kept(source: &Source<'_>, environment: usize, binding: &Binding, reason: String) -> Kept {
    let place = format!("{}durable_objects.bindings {}", prefix(source, environment), binding.name);
    Kept { place, reason }
}

/// A name for each class that moves, the same in every environment, since they share their code.
fn new_names(source: &Source<'_>, bound: &[Bound<'_>]) -> BTreeMap<String, String> {
    let known = known(source);
    let mut owners: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for b in bound {
        owners.entry(&b.binding.class).or_default().insert(source.config.owner(b.environment));
    }
    let mut names = BTreeMap::new();
    for (old, owners) in owners {
        // A list that makes no class of this may have it already, when it was moved by hand.
        let is_free = |name: &String| {
            let knows = known.get(name.as_str());
            knows.is_none_or(|k| k.on_sqlite && k.lists.is_disjoint(&owners))
        };
        let numbered = (2..).map(|n: u64| format!("{old}Sqlite{n}"));
        if let Some(new) = std::iter::once(format!("{old}Sqlite")).chain(numbered).find(is_free) {
            names.insert(old.to_owned(), new);
        }
    }
    names
}

/// Where the name of a class is used.
struct Known {
    /// The environments whose lists name it, or hold for a binding that does.
    lists: BTreeSet<usize>,
    /// Whether it is a class on SQLite wherever it is used.
    on_sqlite: bool,
}

fn known<'a>(source: &'a Source<'_>) -> HashMap<&'a str, Known> {
    let mut known: HashMap<&str, Known> = HashMap::new();
    let mut note = |owner: usize, name: &'a str| {
        let on_sqlite =
            source.replays.get(owner).and_then(|r| r.intended.get(name)) == Some(&Backend::Sqlite);
        let known = known.entry(name).or_insert(Known { lists: BTreeSet::new(), on_sqlite });
        known.lists.insert(owner);
        known.on_sqlite &= on_sqlite;
    };
    for (environment, _, binding) in bindings(source) {
        note(source.config.owner(environment), &binding.class);
    }
    for at in 0..source.config.environments.len() {
        for step in list(source, at).iter().flat_map(|entry| &entry.steps) {
            match step {
                Step::Delete { class } | Step::Create { class, .. } => note(at, class),
                Step::Rename { from, to } => [from, to].into_iter().for_each(|name| note(at, name)),
                Step::Transfer { to, .. } => note(at, to),
            }
        }
    }
    known
}

/// A tag that goes on as the last ones did, and that no entry has.
fn next_tag(entries: &[Entry]) -> String {
    let used: HashSet<&str> = entries.iter().filter_map(|entry| entry.tag.as_deref()).collect();
    let last = entries.last().and_then(|entry| entry.tag.as_deref()).unwrap_or_default();
    let (before, digits) = numbered(last);
    let number = digits.parse::<u64>().unwrap_or(entries.len() as u64);
    let width = digits.len();
    let tags = (1..).map(|more| format!("{before}{:0width$}", number.saturating_add(more)));
    tags.take(entries.len() + 1).find(|tag| !used.contains(tag.as_str())).unwrap_or_default()
}

/// A tag as what is before its number, and the number: at its end, or else after the letters at its start.
fn numbered(tag: &str) -> (&str, &str) {
    let stem = tag.trim_end_matches(|c: char| c.is_ascii_digit());
    let at_end = &tag[stem.len()..];
    if !at_end.is_empty() && at_end.len() < 19 {
        return (stem, at_end);
    }
    let letters = tag.len() - tag.trim_start_matches(|c: char| !c.is_ascii_digit()).len();
    let rest = &tag[letters..];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match digits {
        1..19 if letters > 0 => (&tag[..letters], &rest[..digits]),
        _ => ("v", ""),
    }
}
