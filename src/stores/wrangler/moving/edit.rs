//! From a plan to the changed text, read again before it is given away.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::layout::{self, Splice};
use super::plan::{NewEntry, Plan, Rebinding};
use super::source::Source;
use super::tree::Node;
use super::{Change, MoveError};
use crate::stores::wrangler::shape::Backend;

/// A change with where it is in the text.
struct Edit {
    change: Change,
    splices: Vec<Splice>,
}

/// Changes the text as planned, and makes sure that it then says what was meant.
pub fn edit(source: &Source<'_>, plan: &Plan) -> Result<(String, Vec<Change>), MoveError> {
    let unmeant = |what: &str| MoveError::Unmeant { what: what.to_owned() };
    let nodes = source.nodes();
    let node = |at: usize| nodes.get(at).copied().flatten();
    let entries = plan.entries.iter().map(|e| new_entry(source, e, node(e.environment)?));
    let bindings = plan.bindings.iter().map(|b| rebinding(source, b, node(b.environment)?));
    let edits: Option<Vec<Edit>> = entries.chain(bindings).collect();
    let mut edits = edits.ok_or_else(|| unmeant("a piece of it was not found in the text"))?;
    edits.sort_by_key(|edit| edit.splices.first().map(|splice| splice.range.start));
    let mut splices: Vec<Splice> = Vec::new();
    let mut changes = Vec::new();
    for edit in edits {
        splices.extend(edit.splices);
        changes.push(edit.change);
    }
    let text = spliced(source.text, splices).ok_or_else(|| unmeant("two changes are in the same place"))?;
    check(source, plan, &text).map_err(unmeant)?;
    Ok((text, changes))
}

fn new_entry(source: &Source<'_>, entry: &NewEntry, node: &Node) -> Option<Edit> {
    let list = node.get(&["migrations"])?;
    let (after, splices) = layout::entry(source.text, list, entry)?;
    let place = format!("{}migrations {}", prefix(source, entry.environment), entry.tag);
    let change = Change { insert: true, place, before: None, after, reason: entry.reason.clone() };
    Some(Edit { change, splices })
}

fn rebinding(source: &Source<'_>, to: &Rebinding, node: &Node) -> Option<Edit> {
    let list = node.get(&["durable_objects", "bindings"])?;
    let field = list.items().get(to.at)?.member("class_name")?;
    let name = &source.environment(to.environment)?.bindings.get(to.at)?.name;
    let value = field.value.range.clone();
    let text = layout::literal(&to.class, source.text.get(value.clone())?);
    let key = source.text.get(field.key.start..value.start)?;
    let change = Change {
        insert: false,
        place: format!("{}durable_objects.bindings {name}", prefix(source, to.environment)),
        before: Some(source.text.get(field.range())?.to_owned()),
        after: format!("{key}{text}"),
        reason: to.reason.clone(),
    };
    Some(Edit { change, splices: vec![Splice { range: value, text }] })
}

/// `env.NAME ` before what is in an environment.
pub fn prefix(source: &Source<'_>, at: usize) -> String {
    let label = source.environment(at).and_then(|e| e.label.as_ref());
    label.map_or_else(String::new, |label| format!("env.{label} "))
}

/// The text with every piece in its place; none where two of them overlap.
fn spliced(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| splice.range.start);
    let mut whole = String::with_capacity(text.len());
    let mut at = 0;
    for Splice { range, text: piece } in splices {
        whole.push_str(text.get(at..range.start)?);
        whole.push_str(&piece);
        at = range.end;
    }
    whole.push_str(text.get(at..)?);
    Some(whole)
}

/// Reads the changed text as any other, and compares it with what was planned.
fn check(before: &Source<'_>, plan: &Plan, text: &str) -> Result<(), &'static str> {
    let Ok(after) = Source::read(text) else { return Err("it does not parse") };
    if Some(&after.root) != expected(before, plan).as_ref() {
        return Err("it reads differently");
    }
    let known: HashSet<String> = before.errors().into_iter().map(|error| error.message).collect();
    if after.errors().iter().any(|error| !known.contains(&error.message)) {
        return Err("a deploy of it would be refused");
    }
    let has = |at: usize, class: &String| after.replay_for(at).and_then(|r| r.intended.get(class)).copied();
    let moved = plan.bindings.iter().all(|b| {
        let bound = after.environment(b.environment).and_then(|e| e.bindings.get(b.at));
        bound.is_some_and(|bound| bound.class == b.class)
            && has(b.environment, &b.class) == Some(Backend::Sqlite)
    });
    let made = plan.entries.iter().all(|entry| {
        let wanted = (entry.directive != super::plan::DELETE).then_some(Backend::Sqlite);
        entry.classes.iter().all(|class| has(entry.environment, class) == wanted)
    });
    if moved && made { Ok(()) } else { Err("its migrations come to something else") }
}

/// The document that the changed text should parse to.
fn expected(source: &Source<'_>, plan: &Plan) -> Option<Map<String, Json>> {
    let mut root = source.root.clone();
    for NewEntry { environment, tag, directive, classes, .. } in &plan.entries {
        let list = inside(&mut root, &source.path(*environment)?)?.get_mut("migrations")?;
        let mut entry = json!({ "tag": tag });
        entry[*directive] = json!(classes);
        list.as_array_mut()?.push(entry);
    }
    for Rebinding { environment, at, class, .. } in &plan.bindings {
        let objects = inside(&mut root, &source.path(*environment)?)?.get_mut("durable_objects")?;
        let binding = objects.get_mut("bindings")?.get_mut(*at)?;
        *binding.get_mut("class_name")? = class.as_str().into();
    }
    Some(root)
}

fn inside<'a>(root: &'a mut Map<String, Json>, path: &[&str]) -> Option<&'a mut Map<String, Json>> {
    path.iter().try_fold(root, |map, key| map.get_mut(*key)?.as_object_mut())
}
