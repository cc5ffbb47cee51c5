//! A configuration's text with all that is known of it.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::MoveError;
use super::tree::{Node, tree};
use crate::core::{Finding, Severity};
use crate::stores::wrangler::config::{self, Unread};
use crate::stores::wrangler::findings;
use crate::stores::wrangler::replay::{Replay, replays};
use crate::stores::wrangler::shape::{Config, Environment};

pub struct Source<'a> {
    pub text: &'a str,
    pub root: Map<String, Json>,
    pub config: Config,
    /// Of each environment's own list.
    pub replays: Vec<Replay>,
    pub tree: Node,
}

impl<'a> Source<'a> {
    pub fn read(text: &'a str) -> Result<Self, MoveError> {
        let root = config::root(text).map_err(|unread| match unread {
            Unread::Other => MoveError::NotConfiguration,
            Unread::Broken(at) => MoveError::Broken { line: at.line, column: at.column, reason: at.reason },
        })?;
        let tree = tree(text).ok_or(MoveError::NotConfiguration)?;
        let config = Config::of(root.clone());
        let replays = replays(&config);
        Ok(Self { text, root, config, replays, tree })
    }

    /// What a deploy of it would be refused for.
    pub fn errors(&self) -> Vec<Finding> {
        let mut found = findings::findings(&self.config, &self.replays);
        found.retain(|finding| finding.severity == Severity::Error);
        found
    }

    /// Refuses what nothing can be built on.
    pub fn sound(&self) -> Result<(), MoveError> {
        let errors = self.errors();
        if errors.iter().any(|e| e.code == "migrations-and-exports") {
            return Err(MoveError::Mixed);
        }
        if self.config.environments.iter().flat_map(|e| &e.exports).any(|exports| !exports.is_empty()) {
            return Err(MoveError::Declarative);
        }
        // A binding to a class that nothing makes is the binding's own matter.
        let first = |deleted: bool| {
            let mut errors = errors.iter().filter(|e| e.code != "class-not-created");
            errors.find(|e| ["deleted-class-bound", "delete-and-move"].contains(&e.code) == deleted)
        };
        if let Some(finding) = first(false) {
            let Finding { message, suggestion, .. } = finding.clone();
            let suggestion = format!("{suggestion} Repair this first, and move then.");
            return Err(MoveError::Unsound { problem: message, suggestion });
        }
        match first(true) {
            Some(finding) => {
                Err(MoveError::Deleted { problem: finding.message.clone(), suggestion: instead(finding) })
            }
            None => Ok(()),
        }
    }

    pub fn environment(&self, at: usize) -> Option<&Environment> {
        self.config.environments.get(at)
    }

    /// The replay of the list that holds for an environment.
    pub fn replay_for(&self, at: usize) -> Option<&Replay> {
        self.replays.get(self.config.owner(at))
    }

    /// Where each environment is in the text.
    pub fn nodes(&self) -> Vec<Option<&Node>> {
        let named = self.tree.get(&["env"]).map(Node::members).unwrap_or_default();
        // Of two of the same name the last counts, as in a collected map.
        let named: HashMap<&str, &Node> = named.iter().map(|m| (m.name.as_str(), &m.value)).collect();
        let environments = self.config.environments.iter();
        environments
            .map(|e| e.label.as_deref().map_or(Some(&self.tree), |label| named.get(label).copied()))
            .collect()
    }

    /// The keys from the root to an environment.
    pub fn path(&self, at: usize) -> Option<Vec<&str>> {
        let label = self.environment(at)?.label.as_deref();
        Some(label.map_or_else(Vec::new, |label| vec!["env", label]))
    }
}

fn instead(finding: &Finding) -> String {
    let tag = &finding.key;
    if finding.code == "delete-and-move" {
        format!(
            "If the entry {tag} was never deployed, take deleted_classes out of it, keep exporting the old class as an empty stub, and deploy; delete the old class in a later deploy. If it was deployed, leave it as it is: nothing is left to move."
        )
    } else {
        format!(
            "If the entry {tag} was never deployed, take it and the entries after it out, and move then: that makes a class of a new name instead. If it was deployed, leave it as it is: the class was made anew, and nothing is left to move."
        )
    }
}
