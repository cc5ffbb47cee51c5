//! Moves the classes of a configuration to SQLite in the way that deploys, as a change of its text.
//!
//! Nothing is written here. The rules are the platform's (stores.md §1.1 and §6.5): a class cannot change its backend, and a
//! delete is checked against the binding that is live. So a new class is made, the binding moves to it, and the old class is
//! deleted in a later deploy.

mod edit;
mod layout;
mod plan;
mod source;
mod tree;
mod warnings;

use thiserror::Error;

use source::Source;

/// What moving classes changes in a configuration's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The whole text; what is in no change is as it was, byte for byte.
    pub text: String,
    /// In the order of the text; none where there is nothing to do.
    pub changes: Vec<Change>,
    /// What stays as it is.
    pub kept: Vec<Kept>,
    /// What the text cannot show: what the code must have, and what a deploy does.
    pub warnings: Vec<String>,
}

/// One piece of the text that is new or different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether it is new; otherwise it takes the place of `before`.
    pub insert: bool,
    /// As `migrations v2`, or `env.staging durable_objects.bindings MCP_SESSION`.
    pub place: String,
    pub before: Option<String>,
    pub after: String,
    pub reason: String,
}

/// Something that was looked at and stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub place: String,
    pub reason: String,
}

/// Why a configuration's classes are not moved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoveError {
    #[error("This is no wrangler configuration")]
    NotConfiguration,
    #[error("The configuration cannot be read from line {line}, column {column} on ({reason})")]
    Broken { line: usize, column: usize, reason: String },
    #[error("The configuration declares its classes in exports, which has no migrations to add to")]
    Declarative,
    #[error(
        "Both migrations and exports say which classes there are, and wrangler refuses the configuration"
    )]
    Mixed,
    /// Wrangler or the platform refuses it as it is, so that nothing can be built on it.
    #[error("{problem}")]
    Unsound { problem: String, suggestion: String },
    /// It deletes a class that is bound, or whose binding moves in the same deploy.
    ///
    /// That is not mended here: whether the entry is deployed cannot be told from the text. Taking out an entry that is
    /// deployed makes wrangler send every entry again, and keeping one that is not gets every deploy refused.
    #[error("{problem}")]
    Deleted { problem: String, suggestion: String },
    /// A fault of this program, found before any harm.
    #[error("The changed text would not say what was meant: {what}")]
    Unmeant { what: String },
}

impl MoveError {
    /// What the person can do about it.
    pub fn hint(&self) -> &str {
        match self {
            MoveError::NotConfiguration => {
                "Choose the wrangler.jsonc, wrangler.json or wrangler.toml of the worker."
            }
            MoveError::Broken { .. } => "Correct the text there, and try again.",
            MoveError::Declarative => {
                "By hand: declare a new class with \"storage\": \"sqlite\" in exports, let the binding name it, keep the old class declared and exported, and deploy. Give the old class \"state\": \"deleted\" only in a later deploy: that destroys its data."
            }
            MoveError::Mixed => {
                "Keep one of them: exports with every class that there is, or migrations without the Durable Objects of exports."
            }
            MoveError::Unsound { suggestion, .. } | MoveError::Deleted { suggestion, .. } => suggestion,
            MoveError::Unmeant { .. } => "Nothing was changed. Change the text by hand, and report this.",
        }
    }
}

/// Moves every key-value class that a binding of this worker names to a new SQLite class, in the way that deploys.
///
/// Every environment's bindings move; a list of migrations that several environments share gets one new entry.
pub fn move_bound(text: &str) -> Result<Move, MoveError> {
    carried_out(text, plan::move_bound)
}

/// Deletes, as a last step, the key-value classes that nothing binds any more, which destroys their data when it is deployed.
pub fn delete_unbound(text: &str) -> Result<Move, MoveError> {
    carried_out(text, plan::delete_unbound)
}

fn carried_out(text: &str, plan: fn(&Source<'_>) -> plan::Plan) -> Result<Move, MoveError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = &text[..text.len() - body.len()];
    let source = Source::read(body)?;
    source.sound()?;
    let plan = plan(&source);
    let (changed, changes) = edit::edit(&source, &plan)?;
    Ok(Move { text: format!("{mark}{changed}"), changes, kept: plan.kept, warnings: plan.warnings })
}
