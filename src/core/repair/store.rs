//! What a repair asks of a store, and how a store is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    Candidate, DocumentMessage, Edit, NewSession, Permit, Place, PruneOptions, RepairError, Standing,
    StepPlan, Watch,
};
use crate::core::KeyId;

/// The store that a repair is for.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub path: PathBuf,
    pub stores: Vec<&'static str>,
    /// False where an import shall make it.
    pub exists: bool,
}

/// Takes one thing after the other; an error ends it.
pub type Each<'a, T> = dyn FnMut(T) -> Result<(), RepairError> + 'a;

/// Takes resume keys, one after the other, with the table and what tells the row, which is read only where it is asked for.
pub type EachKey<'a> =
    dyn FnMut(&str, &Arc<str>, &dyn Fn() -> Result<KeyId, RepairError>) -> Result<(), RepairError> + 'a;

/// A session as a database knows it, as far as an import compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    pub session_id: String,
    pub last_used_ms: Option<i64>,
}

/// A row that goes with another, by a rule of the store or by a foreign key.
#[derive(Debug, Clone)]
pub struct Dependant {
    pub edit: Edit,
    pub key: String,
    pub reason: String,
}

/// What goes with a row that is deleted.
#[derive(Debug, Clone, Default)]
pub struct Dependants {
    /// In the order in which they must go, before the row itself.
    pub rows: Vec<Dependant>,
    /// Why the row must stay, where others refer to it that may not go.
    pub blocked: Option<String>,
}

/// A store as planning sees it: read only, and never a lock held between two calls.
///
/// What a store has no notion of, it answers with `false` or nothing.
pub trait SessionStore {
    fn target(&self) -> &Target;

    /// What a row of a table is one of, as people call it.
    fn noun(&self, _table: &str) -> &'static str {
        "row"
    }

    /// Refuses a store that is not understood, too new, damaged, or may not be written.
    fn ensure_writable(&self) -> Result<(), RepairError>;

    /// Has the whole store looked over for damage, which takes long where it is large.
    fn check(&self) -> Result<(), RepairError>;

    /// What a person should know before: who else has it open, triggers that will run, whose file it is.
    fn warnings(&self) -> Vec<String>;

    /// How the store stands to an edit now.
    fn standing(&self, edit: &Edit) -> Result<Standing, RepairError>;

    /// The edit that deletes a row, with all that is in it; none where the row is gone.
    fn deletion(&self, table: &Arc<str>, id: &KeyId) -> Result<Option<Edit>, RepairError>;

    /// Whether rows refer to each other, or are found in more than one way.
    fn is_related(&self) -> bool {
        false
    }

    /// Whether others wait while it is written, so that much is done in batches.
    fn is_locked_while_written(&self) -> bool {
        false
    }

    /// What goes with a row that is deleted; rows for which `goes` says so block nothing, since they go too.
    fn dependants(&self, _edit: &Edit, _goes: &dyn Fn(&Place) -> bool) -> Result<Dependants, RepairError> {
        Ok(Dependants::default())
    }

    /// Which rows pruning removes, in words that follow "Removes"; of this age, or else of the store's own.
    fn prune_rule(&self, _older_than_ms: Option<i64>) -> String {
        String::new()
    }

    /// Hands out every row that some rule for pruning is about.
    fn prunable(
        &self,
        _options: &PruneOptions,
        _each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        Ok(false)
    }

    /// Hands out every resume key with its table and row.
    fn resume_keys(&self, _each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        Ok(false)
    }

    /// Hands out the deletion of every row that belongs to a session, and its name there.
    fn session_rows(&self, _id: &str, _each: &mut Each<'_, Dependant>) -> Result<bool, RepairError> {
        Ok(false)
    }

    /// The session under a resume key.
    fn session_of_key(&self, _key: &str) -> Result<Option<KnownSession>, RepairError> {
        Ok(None)
    }

    /// The edit that adds a session under its resume key; none where the store has no such sessions.
    fn insert_session(&self, _session: &NewSession<'_>) -> Option<Edit> {
        None
    }

    /// The edit that adds a message of a document; none where the store keeps no messages of that kind.
    fn insert_message(&self, _message: &DocumentMessage) -> Option<Edit> {
        None
    }

    /// The edit that adds a session's fact, such as its title.
    fn insert_meta(&self, _key: &str, _value: &str) -> Option<Edit> {
        None
    }

    /// The edit that adds a key-value entry as it is stored.
    fn insert_value(&self, _key: &str, _value: &[u8]) -> Option<Edit> {
        None
    }

    /// What bringing the store's schema to a version takes, or to where it can hold what an import needs.
    ///
    /// An empty store may be brought to it from nothing.
    fn migration(&self, needs: Needs<'_>) -> Result<StepPlan, RepairError>;

    /// Why a step cannot be taken back, where it cannot: what it added is not empty any more.
    ///
    /// `goes` says of later steps that they are taken back before it.
    fn irreversible(
        &self,
        _edit: &Edit,
        _goes: &dyn Fn(&Place) -> bool,
    ) -> Result<Option<String>, RepairError> {
        Ok(None)
    }

    /// The same edit at the place that it can have now: a rowid may have been given to another row.
    fn placed(&self, edit: Edit) -> Result<Edit, RepairError> {
        Ok(edit)
    }

    /// The store as a writer. Only [`super::apply()`] has the permit.
    fn writer(&self, permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError>;

    /// Copies the whole store, consistent as of one moment, to a new file.
    fn backup(&self, to: &Path) -> Result<(), RepairError>;
}

/// What a store's schema shall be able to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// All that its kind knows, or what a version knows.
    Version(Option<&'a str>),
    /// Sessions under resume keys.
    Sessions,
    /// A session's messages and facts.
    Messages,
}

/// How an edit went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Performed {
    /// Done; so many rows should have changed by it.
    Done(u64),
    /// Left alone, since the row is not as the plan found it; says how.
    Left(String),
}

/// How long the lock has been held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    Fresh,
    /// Long enough: end after this group.
    Due,
    /// Too long: end now.
    Overdue,
}

/// How a commit went.
#[derive(Debug)]
pub enum Commit {
    Done,
    /// Readers of another program are in the way; nothing was changed.
    Busy(RepairError),
    /// Nothing was changed.
    Failed(RepairError),
    /// It cannot be told whether it was made.
    Unsure(RepairError),
}

/// A store that is open for writing; exists only inside [`super::apply()`].
pub trait WriteStore {
    /// Takes the write lock.
    fn begin(&mut self) -> Result<(), RepairError>;

    /// Reads the row again, and does the edit where the row is as the plan found it.
    fn perform(&mut self, edit: &Edit) -> Result<Performed, RepairError>;

    /// Rows changed since the lock was taken, by cascades and triggers too.
    fn changes(&self) -> u64;

    fn held(&self) -> Held;

    /// What the log must know before the commit, for an interruption in the midst of it to be told: names and values.
    fn intent(&mut self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Marks a place to come back to.
    fn save(&mut self) -> Result<(), RepairError> {
        Ok(())
    }

    /// Takes back what was done since the mark.
    fn take_back(&mut self) -> Result<(), RepairError>;

    /// Keeps what was done since the mark.
    fn keep(&mut self) -> Result<(), RepairError> {
        Ok(())
    }

    /// Makes the batch last; says where it is on the way.
    fn commit(&mut self, watch: &mut Watch<'_>) -> Commit;

    /// Has the disk keep what was committed, where the commit itself did not wait for it.
    fn sync(&mut self) -> Result<(), RepairError> {
        Ok(())
    }

    /// Lets others go first for a moment.
    fn pause(&self) {}

    /// Whether all edits are one batch, since nobody waits for a lock.
    fn is_whole(&self) -> bool {
        false
    }

    /// Shows what was committed, where it was made aside.
    fn publish(&mut self, _watch: &mut Watch<'_>) -> Result<(), RepairError> {
        Ok(())
    }

    /// Gives the batch up.
    fn rollback(&mut self);

    /// How long the lock was held, by batch, in microseconds.
    fn locks_us(&self) -> &[u64];
}
