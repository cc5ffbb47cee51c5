//! Where the sessions of a store and the transcripts on this machine disagree.

use std::collections::HashSet;

use super::finder::Index;
use super::places::agent_of;
use super::session::is_uuid;
use super::{Named, each_session};
use crate::core::repair::Offer;
use crate::core::{Defect, Finding, Query, Severity, StoreError, Table, Tally, TranscriptFile, byte_size};
use crate::stores::sqlite::SqliteStore;

impl SqliteStore {
    /// Compares the sessions with the transcripts that there are; looks through folders, and reads no transcript.
    ///
    /// Nothing is said where there is no transcript at all: they may be kept on another machine.
    ///
    /// # Errors
    /// Where the sessions cannot be read, and [`StoreError::Cancelled`].
    pub fn about_transcripts(&self) -> Result<Vec<Finding>, StoreError> {
        let Some(link) = &self.link else { return Ok(Vec::new()) };
        let index = link.files()?;
        if index.sessions.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Sessions::default();
        each_session(self, &Query::all(Table::Sessions), &mut |session| found.add(&index, session))?;
        let mut findings = found.findings();
        findings.extend(without_key(&index, &found.names));
        Ok(findings)
    }
}

/// The sessions of which there is something to tell.
#[derive(Default)]
struct Sessions {
    names: HashSet<String>,
    /// Without a transcript, and to be resumed.
    lost: Tally,
    /// Without a transcript, and not to be resumed anyhow.
    gone: Tally,
    elsewhere: Tally,
    twice: Tally,
}

impl Sessions {
    fn add(&mut self, index: &Index, session: &Named<'_>) {
        let Some(name) = session.name.filter(|n| is_uuid(n)).map(str::to_ascii_lowercase) else { return };
        let files = index.sessions.get(&name).map(Vec::as_slice).unwrap_or_default();
        self.names.insert(name);
        let named = || (session.id.to_owned(), String::new());
        if files.is_empty() {
            let several = if session.status == Some("fresh") { &mut self.lost } else { &mut self.gone };
            several.add(named);
        } else if session.agent.is_some_and(|agent| !is_in_reach(index, agent, files)) {
            self.elsewhere.add(named);
        }
        if files.len() > 1 {
            self.twice.add(named);
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let Self { lost, gone, elsewhere, twice, .. } = self;
        let all = [
            (
                lost,
                Defect::new(
                    Severity::Warning,
                    "key-without-transcript",
                    "session that would be resumed has no transcript in the folders that were looked through",
                    "sessions that would be resumed have no transcript in the folders that were looked through",
                )
                .suggest("Where claude-hooks finds none either, resuming one fails with \u{201c}No conversation found\u{201d}. Look in another folder (of the machine that it runs on), or delete the session so that it starts anew."),
            ),
            (
                gone,
                Defect::new(
                    Severity::Info,
                    "key-without-transcript",
                    "session that would not be resumed any more has no transcript",
                    "sessions that would not be resumed any more have no transcript",
                )
                .suggest("Transcripts are deleted after 30 days, unless that is set otherwise. Pruning removes such sessions.")
                .fix(Offer::Prune),
            ),
            (
                elsewhere,
                Defect::new(
                    Severity::Warning,
                    "transcript-elsewhere",
                    "session has a transcript only outside of the own agent\u{2019}s folder",
                    "sessions have a transcript only outside of the own agent\u{2019}s folder",
                )
                .suggest("Claude looks in the folder of the agent that it runs as, and finds no conversation there."),
            ),
            (
                twice,
                Defect::new(
                    Severity::Info,
                    "transcript-twice",
                    "session has more than one transcript of that name",
                    "sessions have more than one transcript of that name",
                )
                .suggest("The one that was written last is shown; the others are named beside it."),
            ),
        ];
        all.into_iter().flat_map(|(tally, defect)| tally.findings(&defect, "sessions")).collect()
    }
}

/// Whether one of the files is where Claude looks when it runs as an agent; yes too where that agent has no folder here.
fn is_in_reach(index: &Index, agent: &str, files: &[TranscriptFile]) -> bool {
    let own = |of: Option<&str>| of.is_some_and(|of| of == agent);
    !index.places.iter().any(|place| own(place.agent.as_deref()))
        || files.iter().any(|file| own(agent_of(&file.path).as_deref()))
}

/// Transcripts in the folders of claude-hooks that no session names; those of people's own sessions have no key.
fn without_key(index: &Index, names: &HashSet<String>) -> Vec<Finding> {
    let mut left: Vec<&TranscriptFile> = index
        .sessions
        .iter()
        .filter(|(name, _)| !names.contains(*name))
        .flat_map(|(_, files)| files)
        .filter(|file| agent_of(&file.path).is_some())
        .collect();
    left.sort_by(|a, b| a.path.cmp(&b.path));
    let mut tally = Tally::default();
    for file in &left {
        let stem = file.path.file_stem().unwrap_or_default();
        tally.add(|| (String::new(), stem.to_string_lossy().into_owned()));
    }
    let bytes = byte_size(left.iter().map(|file| file.bytes).sum());
    let mut defect = Defect::new(Severity::Info, "transcript-without-key", "", "")
        .suggest("They are history of sessions that were pruned or deleted. Prune can put those aside that are older than 30 days.")
        .fix(Offer::Prune);
    defect.said = [
        format!("transcript of an agent, {bytes}, is named by no session").into(),
        format!("transcripts of agents, {bytes}, are named by no session").into(),
    ];
    tally.findings(&defect, "")
}
