//! Where transcripts are: the usual folders, those beside a store, and those that the user chose.
//!
//! Source: stores.md §5.1 and §8: `<config>/projects/<folder>/<session uuid>.jsonl`, where `<config>` is `~/.claude`, what
//! `CLAUDE_CONFIG_DIR` names, or, in claude-hooks, `~/.config/claude-hooks/agent-env/<agent>`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders in which transcripts are looked for, as a value: nothing is asked of the environment behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    chosen: Vec<PathBuf>,
}

/// A folder with transcripts below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    /// The agent whose folder it is, where it is one of claude-hooks' own.
    pub agent: Option<String>,
}

/// So far above a store its program's other folders are looked for: `~` is four above `~/.local/state/claude-hooks`.
const MOST_ABOVE: usize = 4;
const MOST_AGENTS: usize = 1_000;

const PROJECTS: &str = "projects";
const AGENTS: &str = "agent-env";

impl Places {
    pub fn new(home: Option<PathBuf>, config: Option<PathBuf>, chosen: Vec<PathBuf>) -> Self {
        Self { home, config, chosen }
    }

    /// The usual folders on this machine, and the ones that were chosen.
    pub fn usual(chosen: Vec<PathBuf>) -> Self {
        let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = named("HOME").or_else(|| directories::BaseDirs::new().map(|d| d.home_dir().to_owned()));
        Self { home, config: named("CLAUDE_CONFIG_DIR"), chosen }
    }

    /// Looks in a folder too, before all others.
    pub fn choose(&mut self, folder: &Path) {
        self.chosen.retain(|f| f != folder);
        self.chosen.insert(0, folder.to_owned());
    }

    /// The folders that there are, for the sessions of a store at this path: the likeliest first, none twice.
    pub fn of_store(&self, store: &Path) -> Vec<Place> {
        let mut places = Vec::new();
        self.chosen.iter().for_each(|folder| add(&mut places, folder, None));
        let beside = store.ancestors().skip(1).take(MOST_ABOVE);
        for folder in beside.chain(self.home.as_deref()) {
            agents(&mut places, &folder.join(AGENTS));
            agents(&mut places, &folder.join(".config/claude-hooks").join(AGENTS));
            add(&mut places, &folder.join(".claude").join(PROJECTS), None);
        }
        if let Some(config) = &self.config {
            add(&mut places, &config.join(PROJECTS), None);
        }
        places
    }
}

/// Adds what each agent's own folder holds.
fn agents(places: &mut Vec<Place>, folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut agents: Vec<PathBuf> =
        entries.take(MOST_AGENTS).filter_map(|e| e.ok().map(|e| e.path())).collect();
    agents.sort();
    for agent in agents {
        let name = agent.file_name().map(|n| n.to_string_lossy().into_owned());
        add(places, &agent.join(PROJECTS), name);
    }
}

fn add(places: &mut Vec<Place>, folder: &Path, agent: Option<String>) {
    // By its real path, so that a link to a folder is not taken for another one.
    let Ok(path) = folder.canonicalize() else { return };
    if !path.is_dir() {
        return;
    }
    // A folder that is chosen may be an agent's all the same.
    let agent = agent.or_else(|| agent_of(&path));
    match places.iter_mut().find(|p| path.starts_with(&p.path)) {
        Some(place) if place.path != path || place.agent.is_some() => {}
        Some(place) => place.agent = agent,
        None => places.push(Place { path, agent }),
    }
}

/// The agent in whose folder of claude-hooks a path is.
pub fn agent_of(path: &Path) -> Option<String> {
    let mut parts = path.components().map(|c| c.as_os_str()).skip_while(|part| *part != OsStr::new(AGENTS));
    let name = parts.nth(1)?;
    (parts.next()? == OsStr::new(PROJECTS)).then(|| name.to_string_lossy().into_owned())
}
