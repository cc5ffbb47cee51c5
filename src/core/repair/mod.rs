//! Repairs: plan, preview, apply, operation log, undo, in one core for every store and front end.
//!
//! [`plan()`] makes a [`Plan`] of a [`Repair`]: the exact rows, each with its reason. [`apply()`] consumes it, and is the only
//! thing that can write to a store: a [`WriteStore`] comes only for a [`Permit`], which nothing else can make.

mod apply;
mod deed;
mod delete_issue;
mod delete_sessions;
mod error;
mod import;
mod item;
mod merge;
mod migrate;
mod plan;
mod planned;
mod prune;
mod record;
mod room;
mod source;
mod store;
mod undo;
mod waiting;

pub use apply::{Permit, Step, Watch, apply};
pub use deed::{Deeds, counted};
pub use delete_issue::DeleteIssue;
pub use error::RepairError;
pub use item::{Action, Class, Draft, Item, PlanItems, PlanLine, Summary};
pub use merge::{Fate, Known, Merge};
pub use migrate::{StepLine, StepPlan};
pub use plan::{EachDone, Place, Plan, Planner, Surroundings, plan};
pub use prune::{Candidate, LeftOut, PruneOptions, Transcript, parse_age};
pub use record::{Edit, EditKind, Record, Standing, Stored, Values};
pub use source::{
    DocumentMessage, EachEntry, EachMessage, EachValue, EntryOrder, ImportSource, NewSession, SourceEntry,
    SourceKind,
};
pub use store::{
    Commit, Dependant, Dependants, Each, EachKey, Held, KnownSession, Needs, Performed, SessionStore, Target,
    WriteStore,
};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An action that changes a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Repair {
    /// Brings the sessions of a document into a database.
    Import {
        from: PathBuf,
        /// The forge of keys that name none.
        forge: String,
        /// Also list what only the database has.
        #[serde(default)]
        compare: bool,
    },
    Prune(PruneOptions),
    DeleteIssue(DeleteIssue),
    DeleteSessions {
        ids: Vec<String>,
    },
    /// Brings the schema to a version; to the newest where none is said.
    Migrate {
        to: Option<String>,
    },
    Undo {
        operation: String,
    },
}

/// A repair that a kind of store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Offer {
    /// It can be imported into a database.
    ImportFrom,
    /// Something can be imported into it.
    ImportInto,
    Prune,
    DeleteIssue,
    DeleteSessions,
    Migrate,
}

impl Offer {
    /// Its name in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Offer::ImportFrom => "import from it",
            Offer::ImportInto => "import into it",
            Offer::Prune => "prune",
            Offer::DeleteIssue => "delete by issue",
            Offer::DeleteSessions => "delete sessions",
            Offer::Migrate => "migrate",
        }
    }
}

/// The forge that a key of three parts gets on import where no other is chosen.
pub const DEFAULT_FORGE: &str = "forgejo";

impl Repair {
    /// The repair's word on the command line and in the log.
    pub fn word(&self) -> &'static str {
        match self {
            Repair::Import { .. } => "import",
            Repair::Prune(_) => "prune",
            Repair::DeleteIssue(_) => "delete-issue",
            Repair::DeleteSessions { .. } => "delete-session",
            Repair::Migrate { .. } => "migrate",
            Repair::Undo { .. } => "undo",
        }
    }
}
