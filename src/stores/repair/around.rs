//! What planning may ask besides the store: drafts, sources, transcripts, and the log.

use std::path::Path;

use super::draft::DraftFile;
use super::log::Log;
use super::{sources, transcripts};
use crate::core::repair::{
    Draft, EachDone, ImportSource, LeftOut, RepairError, SessionStore, Surroundings, Transcript,
};
use crate::core::{Operation, StoreError};
use crate::stores::sqlite::Cancel;
use crate::stores::{Options, open};

/// The surroundings of a repair on this machine.
pub struct Around<'a> {
    pub log: &'a Log,
    pub options: &'a Options,
    pub cancel: Cancel,
}

impl Surroundings for Around<'_> {
    fn draft(&self) -> Result<Box<dyn Draft>, RepairError> {
        Ok(Box::new(DraftFile::new()?))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn import_source(&self, path: &Path) -> Result<Box<dyn ImportSource>, RepairError> {
        sources::open_source(path, self.options)
    }

    fn transcripts(
        &self,
        folder: &Path,
        store: &dyn SessionStore,
        each: &mut dyn FnMut(Transcript<'_>) -> Result<(), RepairError>,
    ) -> Result<LeftOut, RepairError> {
        if !folder.is_dir() {
            return Err(RepairError::Store(StoreError::NotFound { path: folder.to_owned() }));
        }
        let reader = open(&store.target().path, self.options).map_err(RepairError::Store)?;
        let live = transcripts::live_sessions(&reader.store)?;
        transcripts::each(folder, &live, &|| self.is_cancelled(), each)
    }

    fn operation(&self, id: &str) -> Result<Operation, RepairError> {
        self.log.operation(id)
    }

    fn done_edits(&self, id: &str, each: &mut EachDone<'_>) -> Result<(), RepairError> {
        self.log.done_edits(id, each)
    }
}
