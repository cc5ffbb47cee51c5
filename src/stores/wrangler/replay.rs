//! What the steps of a configuration make, one after another, from nothing.

use std::collections::{HashMap, HashSet};

use super::shape::{Backend, Config, Entry, Step};

/// What a list of migrations comes to.
#[derive(Default)]
pub struct Replay {
    pub rows: Vec<StepRow>,
    /// The classes that the steps in effect leave, in the order in which they were made.
    pub classes: Vec<Class>,
    pub problems: Vec<Problem>,
    /// What the classes would be if every step that can be applied were.
    pub intended: HashMap<String, Backend>,
    /// Classes that were deleted, and the tag of the last time.
    pub deleted: HashMap<String, String>,
    /// Classes that were renamed, the name they got, and the tag.
    pub renamed: HashMap<String, (String, String)>,
    /// What the last entry deletes and makes: what is about to be deployed.
    pub last: Last,
}

/// A step as a row.
pub struct StepRow {
    /// The place of its entry in the list.
    pub entry: usize,
    /// Whether it is the entry's first.
    pub first: bool,
    pub name: String,
    pub reached: bool,
}

#[derive(Clone)]
pub struct Class {
    pub name: String,
    pub backend: Backend,
    /// The tag of the entry that made it.
    pub created_by: Option<String>,
    pub renamed_from: Option<String>,
    /// It came from another worker.
    transferred: bool,
    order: usize,
}

#[derive(Default)]
pub struct Last {
    pub tag: String,
    pub deletes: Vec<String>,
    pub creates: HashSet<String>,
}

/// What is wrong with an entry.
pub struct Problem {
    pub tag: String,
    pub kind: ProblemKind,
}

pub enum ProblemKind {
    MissingTag {
        at: usize,
    },
    DuplicateTag,
    /// What the step does, the class that is there already, and its backend.
    Exists {
        step: String,
        class: String,
        has: Backend,
        wants: Backend,
    },
    Missing {
        step: String,
        class: String,
        deletes: bool,
    },
    /// A class that was transferred from another worker is renamed or deleted: wrangler's own replay leaves transfers out.
    AfterTransfer {
        step: String,
        class: String,
    },
}

type Classes = HashMap<String, Class>;

/// Replays the list of every environment; one without a list of its own has nothing to replay.
pub fn replays(config: &Config) -> Vec<Replay> {
    let lists = config.environments.iter().map(|e| e.migrations.as_deref());
    lists.map(|list| list.map_or_else(Replay::default, replay)).collect()
}

/// Replays a list as wrangler does before a deploy (stores.md §6.5).
///
/// After a step that cannot be applied the rest is looked at all the same, so that all that is wrong is found at once.
pub fn replay(entries: &[Entry]) -> Replay {
    let mut replay = Replay::default();
    let mut tags = HashSet::new();
    let (mut intended, mut effective) = (Classes::new(), Classes::new());
    let mut stopped = false;
    for (at, entry) in entries.iter().enumerate() {
        let tag = entry.tag.clone().unwrap_or_default();
        let repeated = entry.tag.as_ref().is_some_and(|tag| !tags.insert(tag.as_str()));
        if repeated {
            replay.problems.push(Problem { tag: tag.clone(), kind: ProblemKind::DuplicateTag });
        }
        if entry.tag.is_none() {
            let kind = ProblemKind::MissingTag { at: at + 1 };
            replay.problems.push(Problem { tag: tag.clone(), kind });
        }
        replay.last = Last { tag: tag.clone(), ..Last::default() };
        for (i, step) in entry.steps.iter().enumerate() {
            if let Step::Delete { class } | Step::Rename { from: class, .. } = step
                && intended.get(class).is_some_and(|class| class.transferred)
            {
                let kind = ProblemKind::AfterTransfer { step: words(step), class: class.clone() };
                replay.problems.push(Problem { tag: tag.clone(), kind });
            }
            match apply(&mut intended, step, &entry.tag, replay.rows.len()) {
                Ok(()) => note(&mut replay, step, &tag),
                Err(kind) => {
                    replay.problems.push(Problem { tag: tag.clone(), kind });
                    stopped = true;
                }
            }
            let reached =
                !repeated && !stopped && apply(&mut effective, step, &entry.tag, replay.rows.len()).is_ok();
            replay.rows.push(StepRow { entry: at, first: i == 0, name: words(step), reached });
        }
        if entry.steps.is_empty() {
            let reached = !repeated && !stopped;
            replay.rows.push(StepRow { entry: at, first: true, name: "nothing".to_owned(), reached });
        }
    }
    replay.intended = intended.into_iter().map(|(name, class)| (name, class.backend)).collect();
    replay.classes = effective.into_values().collect();
    replay.classes.sort_by_key(|class| class.order);
    replay
}

/// Keeps what a step did for the rules about bindings.
fn note(replay: &mut Replay, step: &Step, tag: &str) {
    match step {
        Step::Delete { class } => {
            replay.deleted.insert(class.clone(), tag.to_owned());
            replay.last.deletes.push(class.clone());
        }
        Step::Rename { from, to } => {
            replay.renamed.insert(from.clone(), (to.clone(), tag.to_owned()));
        }
        Step::Create { class, .. } => {
            replay.last.creates.insert(class.clone());
        }
        Step::Transfer { .. } => {}
    }
}

fn apply(classes: &mut Classes, step: &Step, tag: &Option<String>, order: usize) -> Result<(), ProblemKind> {
    let deletes = matches!(step, Step::Delete { .. });
    let missing = |class: &str| ProblemKind::Missing { step: words(step), class: class.to_owned(), deletes };
    let free = |classes: &Classes, class: &str, wants| match classes.get(class) {
        None => Ok(()),
        Some(there) => {
            let (class, has) = (class.to_owned(), there.backend);
            Err(ProblemKind::Exists { step: words(step), class, has, wants })
        }
    };
    let made = |name: &str, backend| Class {
        name: name.to_owned(),
        backend,
        created_by: tag.clone(),
        renamed_from: None,
        transferred: matches!(step, Step::Transfer { .. }),
        order,
    };
    match step {
        Step::Delete { class } => {
            classes.remove(class).ok_or_else(|| missing(class))?;
        }
        Step::Rename { from, to } => {
            let backend = classes.get(from).ok_or_else(|| missing(from))?.backend;
            // The platform refuses a name that is taken, which wrangler's own replay lets pass.
            free(classes, to, backend)?;
            if let Some(class) = classes.remove(from) {
                let renamed = Class { name: to.clone(), renamed_from: Some(from.clone()), ..class };
                classes.insert(to.clone(), renamed);
            }
        }
        Step::Transfer { to, .. } => {
            free(classes, to, Backend::Unknown)?;
            classes.insert(to.clone(), made(to, Backend::Unknown));
        }
        Step::Create { class, backend } => {
            free(classes, class, *backend)?;
            classes.insert(class.clone(), made(class, *backend));
        }
    }
    Ok(())
}

fn words(step: &Step) -> String {
    match step {
        Step::Delete { class } => format!("delete {class}"),
        Step::Rename { from, to } => format!("rename {from} to {to}"),
        Step::Transfer { from, script, to } => format!("transfer {from} from {script} to {to}"),
        Step::Create { class, backend: Backend::Sqlite } => format!("create {class} (SQLite)"),
        Step::Create { class, .. } => format!("create {class} (key-value)"),
    }
}
