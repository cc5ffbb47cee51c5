//! The transcripts that sessions name: found in the background, in the usual folders and in those that are chosen.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use super::App;
use super::job::{Event, Job};
use super::perform::NO_DIALOG;
use crate::core::{Failure, Table, Transcripts};
use crate::ui::model::{Dialog, Remote, SourceId, SourceView};

/// So many folders are remembered.
const MOST_FOLDERS: usize = 8;
/// Of so many sessions it is remembered what was found.
const MOST_SESSIONS: usize = 1_000;

impl App {
    /// Looks for the transcript of a session of the source that shows.
    pub(super) fn find_transcripts(&mut self, session: String) {
        let Some(source) = self.screen.current_mut() else { return };
        if source.transcripts.len() > MOST_SESSIONS {
            source.transcripts.clear();
        }
        source.transcripts.entry(session.clone()).or_default().ask();
        if let Some(worker) = self.current_worker() {
            worker.send(Job::Transcripts { session: Some(session), chosen: None });
        }
    }

    /// Takes what was found, and has the file watched that is read.
    pub(super) fn transcripts_found(
        &mut self,
        id: SourceId,
        session: &str,
        found: Result<Transcripts, Failure>,
    ) {
        if let Ok(Some(file)) = found.as_ref().map(|f| f.files.first()) {
            self.watcher.also(id, &file.path);
        }
        if let Some(source) = self.screen.source_mut(id) {
            arrived(source, session, found);
        }
    }

    /// Looks again at the transcript of the session that shows, which may have grown.
    pub(super) fn find_transcripts_again(&mut self, id: SourceId) {
        let Some(source) = self.screen.source_mut(id) else { return };
        let Some(session) = source.session.clone() else { return };
        let Some(found) = source.transcripts.get_mut(&session) else { return };
        found.ask();
        if let Some(worker) = self.workers.get(&id) {
            worker.send(Job::Transcripts { session: Some(session), chosen: None });
        }
    }

    /// Asks for a folder with transcripts, with the platform's own dialog.
    pub(super) fn choose_transcripts(&self) {
        let outbox = self.outbox.clone();
        thread::spawn(move || {
            let started = Instant::now();
            match rfd::FileDialog::new().pick_folder() {
                None if started.elapsed() > NO_DIALOG => {}
                folder => outbox.send(Event::TranscriptsChosen(folder)),
            }
        });
    }

    pub(super) fn transcripts_chosen(&mut self, folder: Option<PathBuf>) {
        let note = "No file dialog is available here, so type the path.".to_owned();
        match folder {
            Some(folder) => self.look_for_transcripts(&folder),
            None => {
                self.screen.dialog =
                    Some(Dialog::TranscriptFolder { typed: String::new(), note: Some(note) });
            }
        }
    }

    /// Looks for transcripts in a folder too, now and whenever the program runs.
    pub(super) fn look_for_transcripts(&mut self, folder: &Path) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        self.settings.transcripts.retain(|f| *f != folder);
        self.settings.transcripts.insert(0, folder.clone());
        self.settings.transcripts.truncate(MOST_FOLDERS);
        for source in &mut self.screen.sources {
            let names = source.about.shown().is_some_and(|a| a.names_transcripts);
            let Some(worker) = self.workers.get(&source.id).filter(|_| names) else { continue };
            worker.send(Job::Transcripts { session: None, chosen: Some(folder.clone()) });
            // What was not there may be there.
            source.transcripts.clear();
            let view = source.table(&Table::Messages);
            let query = view.query.clone();
            view.ask(query);
        }
    }
}

/// What was found of the transcript of a session.
fn arrived(source: &mut SourceView, session: &str, found: Result<Transcripts, Failure>) {
    if found.as_ref().is_err_and(|f| f.cancelled) {
        // Asked for again when it is drawn again.
        source.transcripts.remove(session);
    } else if let Some(remote) = source.transcripts.get_mut(session) {
        let before = remote.shown().cloned();
        remote.arrive(found);
        let first = |found: &Transcripts| found.files.first().map(|f| f.path.clone());
        let changed = before.is_some() && before.as_ref().map(first) != remote.shown().map(first);
        if changed && matches!(remote, Remote::Ready(_)) {
            let view = source.table(&Table::Messages);
            let query = view.query.clone();
            view.ask(query);
        }
    }
}
