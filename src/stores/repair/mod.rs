//! Repairs of stores: what `core::repair` plans with and writes through, for every kind of store.
//!
//! A database is one mechanism (`database`, `writer`, `rows`), with what a kind of store knows behind [`Repairs`]; a
//! session file and a configuration are texts that are exchanged whole (`swap`).

mod around;
mod backup;
mod config;
mod database;
mod db;
mod draft;
pub(in crate::stores) mod guard;
mod keys;
mod log;
mod members;
pub(in crate::stores) mod moves;
mod new_database;
mod preview;
pub(in crate::stores) mod relations;
mod rows;
mod settle;
mod sources;
mod steps;
pub(in crate::stores) mod swap;
mod text;
mod transcripts;
mod write_ahead;
mod writer;

pub use around::Around;
pub use backup::backup;
pub use db::Db;
pub use keys::{key_of, text_key};
pub use log::Log;
pub(in crate::stores) use members::{Members, Placed};
pub use preview::preview;
pub use rows::Shape;
pub use settle::{Settled, settle};
pub(in crate::stores) use text::{Text, TextWriter};
pub(in crate::stores) use transcripts::HOLDING;

use std::path::Path;

use crate::core::repair::{
    Candidate, Dependant, DocumentMessage, Each, EachKey, Edit, KnownSession, NewSession, Offer,
    PruneOptions, RepairError, SessionStore,
};
use crate::core::{ReadStore as _, StoreError};
use crate::stores::{Options, claude_hooks, durable, open, session_document, sqlite_adapters, wrangler};

/// What a kind of SQLite store knows of its own repairs; what it has no notion of it leaves out.
pub trait Repairs: Sync {
    /// The repairs that there are.
    fn offers(&self) -> &'static [Offer] {
        &[]
    }

    /// What a row of one of the store's tables is one of.
    fn noun(&self, _table: &str) -> Option<&'static str> {
        None
    }

    /// Rows that belong to others, whatever their foreign keys say.
    fn owned(&self) -> &'static [Owned] {
        &[]
    }

    /// Which rows pruning removes, in words that follow "Removes"; none where the store has no rule.
    fn prune_rule(&self, _older_than_ms: Option<i64>) -> Option<String> {
        None
    }

    /// Hands out every row that a rule for pruning is about; false where there is none.
    fn prunable(
        &self,
        _db: &Db<'_>,
        _options: &PruneOptions,
        _each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        Ok(false)
    }

    /// Hands out every resume key; false where the store has none.
    fn resume_keys(&self, _db: &Db<'_>, _each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        Ok(false)
    }

    /// Hands out the deletion of every row of a session; false where sessions cannot be told apart.
    fn session_rows(
        &self,
        _db: &Db<'_>,
        _id: &str,
        _each: &mut Each<'_, Dependant>,
    ) -> Result<bool, RepairError> {
        Ok(false)
    }

    fn session_of_key(&self, _db: &Db<'_>, _key: &str) -> Result<Option<KnownSession>, RepairError> {
        Ok(None)
    }

    fn insert_session(&self, _db: &Db<'_>, _session: &NewSession<'_>) -> Option<Edit> {
        None
    }

    fn insert_message(&self, _db: &Db<'_>, _message: &DocumentMessage) -> Option<Edit> {
        None
    }

    fn insert_meta(&self, _db: &Db<'_>, _key: &str, _value: &str) -> Option<Edit> {
        None
    }

    fn insert_value(&self, _db: &Db<'_>, _key: &str, _value: &[u8]) -> Option<Edit> {
        None
    }
}

/// A store that only its own program changes.
pub struct NoRepairs;

impl Repairs for NoRepairs {}

/// Rows of a table that belong to those of another.
#[derive(Debug, Clone, Copy)]
pub struct Owned {
    pub parent: &'static str,
    /// The parent's column that `column` repeats.
    pub refers_to: &'static str,
    pub child: &'static str,
    pub column: &'static str,
    pub why: &'static str,
}

/// The repairs of a kind of store.
fn repairs_of(store: &str) -> Option<&'static dyn Repairs> {
    if store == durable::object::ID {
        return Some(&durable::repairs::ObjectRepairs);
    }
    sqlite_adapters().iter().find(|a| a.id == store).map(|a| a.repairs)
}

/// The repairs that there are of a document of a kind.
pub fn offers_of_document(id: &str) -> Vec<Offer> {
    match id {
        id if id == claude_hooks::FILE.id => claude_hooks::FILE_OFFERS.to_vec(),
        id if id == wrangler::ADAPTER.id => vec![Offer::Migrate],
        id if id == session_document::ADAPTER.id => vec![Offer::ImportFrom],
        _ => Vec::new(),
    }
}

/// The repairs that there are of a database that is a store of these kinds.
pub fn offers_of_database(stores: &[&'static str]) -> Vec<Offer> {
    let mut all: Vec<Offer> =
        stores.iter().filter_map(|id| repairs_of(id)).flat_map(Repairs::offers).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The repairs of every kind, for an import into a database that is of no kind yet.
fn all_repairs() -> impl Iterator<Item = &'static dyn Repairs> {
    let object: &'static dyn Repairs = &durable::repairs::ObjectRepairs;
    sqlite_adapters().iter().map(|a| a.repairs).chain([object])
}

/// What a row of a table is one of, in whatever kind of store.
fn noun(table: &str) -> &'static str {
    match table {
        moves::TABLE => moves::NOUN,
        _ => all_repairs().find_map(|r| r.noun(table)).unwrap_or("row"),
    }
}

/// Opens what a path names for repairs.
///
/// # Errors
/// As [`crate::stores::open()`], and where the store is of a kind that nothing can be repaired of.
pub fn open_for_repair(path: &Path, options: &Options) -> Result<Box<dyn SessionStore>, RepairError> {
    if path.is_dir() {
        return Err(RepairError::Usage {
            reason: format!("A repair is of one store, and this is a folder: {}", path.display()),
        });
    }
    guard::ensure_no_link(path)?;
    let identity = guard::Identity::read(path);
    let opened = open(path, options).map_err(|error| match error {
        // A copy could be read, and would not be what is repaired.
        StoreError::NeedsCopy { reason, path } => RepairError::MayNotWrite {
            reason: format!("SQLite cannot open this file where it is: {reason}"),
            hint: "Let its own program open and close it once, or look at a private copy of it in the window.",
            path,
        },
        other => RepairError::Store(other),
    })?;
    let stores = &opened.store.about().stores;
    match stores.first().copied() {
        Some(id) if id == claude_hooks::FILE.id => Ok(Box::new(claude_hooks::SessionFile::open(path)?)),
        Some(id) if id == wrangler::ADAPTER.id => Ok(Box::new(config::ConfigFile::open(path)?)),

        _ if opened.store.about().user_version.is_some() => {
            Ok(Box::new(database::Database::new(path, identity, opened.store, &options.clock)))
        }
        _ => Err(RepairError::Unsupported {
            what: "Nothing can be repaired of a document like this".into(),
            hint: "Import it into a database instead.".into(),
            path: path.to_owned(),
        }),
    }
}

/// Opens the database that an import goes into; one that is not there yet is made by it.
pub fn open_for_import(path: &Path, options: &Options) -> Result<Box<dyn SessionStore>, RepairError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Box::new(new_database::NewDatabase::at(path, &options.clock)?))
        }
        _ => open_for_repair(path, options),
    }
}
