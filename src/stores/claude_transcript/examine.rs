//! Where the sessions of a store and the transcripts on this machine disagree.

use std::collections::HashSet;

use super::finder::Index;
use super::places::agent_of;
use super::session::is_uuid;
use super::{Named, each_session};
use crate::core::repair::Offer;
use crate::core::{Finding, Query, StoreError, Table, TranscriptFile, group};
use crate::stores::sqlite::SqliteStore;

/// So many are named.
const MOST_NAMED: usize = 5;

/// What is told of several sessions or files at once.
#[derive(Default)]
struct Several {
    count: usize,
    named: Vec<String>,
}

impl Several {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(name.to_owned());
        }
    }

    fn words(&self) -> String {
        let more = match self.count - self.named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", self.named.join(", "))
    }

    /// The finding, where there is anything to tell: made of who has it, and their names.
    fn tell(&self, which: &str, make: impl FnOnce(String, String) -> Finding) -> Option<Finding> {
        let which = if which.is_empty() { String::new() } else { format!(" {which}") };
        let has = if self.count == 1 { "has" } else { "have" };
        let what = format!("{}{which} {has}", counted(self.count, "session", "sessions"));
        (self.count > 0)
            .then(|| make(what, self.words()).at("sessions", self.named.first().cloned().unwrap_or_default()))
    }
}

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
    lost: Several,
    /// Without a transcript, and not to be resumed anyhow.
    gone: Several,
    elsewhere: Several,
    twice: Several,
}

impl Sessions {
    fn add(&mut self, index: &Index, session: &Named<'_>) {
        let Some(name) = session.name.filter(|n| is_uuid(n)).map(str::to_ascii_lowercase) else { return };
        let files = index.sessions.get(&name).map(Vec::as_slice).unwrap_or_default();
        self.names.insert(name);
        if files.is_empty() {
            let several = if session.status == Some("fresh") { &mut self.lost } else { &mut self.gone };
            several.add(session.id);
        } else if session.agent.is_some_and(|agent| !is_in_reach(index, agent, files)) {
            self.elsewhere.add(session.id);
        }
        if files.len() > 1 {
            self.twice.add(session.id);
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let Self { lost, gone, elsewhere, twice, .. } = self;
        let all = [
            lost.tell("that would be resumed", |what, named| {
                let message = format!("{what} no transcript: {named}");
                Finding::warning("key-without-transcript", message).suggest(
                    "Resuming one fails with \u{201c}No conversation found\u{201d}. Look for the transcript in another folder, or delete the session so that it starts anew.",
                )
            }),
            gone.tell("that would not be resumed any more", |what, named| {
                let message = format!("{what} no transcript: {named}");
                Finding::info("key-without-transcript", message)
                    .suggest("Transcripts are deleted after 30 days, unless that is set otherwise. Pruning removes such sessions.")
                    .fix(Offer::Prune)
            }),
            elsewhere.tell("", |what, named| {
                let message = format!("{what} a transcript only outside of the own agent\u{2019}s folder: {named}");
                Finding::warning("transcript-elsewhere", message).suggest(
                    "Claude looks in the folder of the agent that it runs as, and finds no conversation there.",
                )
            }),
            twice.tell("", |what, named| {
                let message = format!("{what} more than one transcript of that name: {named}");
                Finding::info("transcript-twice", message)
                    .suggest("The one that was written last is shown; the others are named beside it.")
            }),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Whether one of the files is where Claude looks when it runs as an agent; yes too where that agent has no folder here.
fn is_in_reach(index: &Index, agent: &str, files: &[TranscriptFile]) -> bool {
    let own = |of: Option<&str>| of.is_some_and(|of| of == agent);
    !index.places.iter().any(|place| own(place.agent.as_deref()))
        || files.iter().any(|file| own(agent_of(&file.path).as_deref()))
}

/// Transcripts in the folders of claude-hooks that no session names; those of people's own sessions have no key.
fn without_key(index: &Index, names: &HashSet<String>) -> Option<Finding> {
    let mut several = Several::default();
    let mut bytes = 0;
    let mut left: Vec<&TranscriptFile> = index
        .sessions
        .iter()
        .filter(|(name, _)| !names.contains(*name))
        .flat_map(|(_, files)| files)
        .filter(|file| agent_of(&file.path).is_some())
        .collect();
    left.sort_by(|a, b| a.path.cmp(&b.path));
    for file in left {
        several.add(&file.path.file_stem().unwrap_or_default().to_string_lossy());
        bytes += file.bytes;
    }
    let what = counted(several.count, "transcript", "transcripts");
    (several.count > 0).then(|| {
        let message =
            format!("No session names {what} of agents, {} bytes: {}", group(bytes), several.words());
        Finding::info("transcript-without-key", message)
            .suggest("They are history of sessions that were pruned or deleted. Prune can put those aside that are older than 30 days.")
            .fix(Offer::Prune)
    })
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
