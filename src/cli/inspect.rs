//! `inspect`: what kind of store a path is, what is in it, and what is wrong with it.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::members::{Member, members};
use super::rows::CHECK;
use super::{Status, finish, say, source};
use crate::core::export::one_line;
use crate::core::{Finding, ReadStore, StoreError, Table, visible};
use crate::stores::Places;
use crate::stores::sqlite::SqliteStore;

/// What `inspect` was asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// One line of JSON for each path
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    looking: source::Looking,
}

/// Prints what each path is; one that cannot be read says so on standard error, and the next is looked at.
pub fn run(arguments: &Arguments) -> Status {
    let places = arguments.looking.places();
    let mut status = Status::DONE;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    for path in &arguments.paths {
        let (report, seen) = look(path, &places);
        // What of a path cannot be read is said on standard error; a program that reads the answers gets one for each.
        let written_of = |report: &Report| arguments.json || report.says_more_than_why();
        written = match report.filter(written_of) {
            Some(report) => report.write(arguments.json, &mut out).and_then(|()| out.flush()),
            None => Ok(()),
        };
        status.add(seen);
        if written.is_err() {
            break;
        }
    }
    // Nothing more to write: a second attempt on drop would only fail again.
    let _ = out.into_parts();
    finish(written, status)
}

/// How many rows each canonical table has.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    sessions: u64,
    messages: u64,
    tasks: u64,
    heartbeats: u64,
    state: u64,
    migrations: u64,
}

impl Counts {
    fn each(&mut self) -> [(Table, &mut u64); 6] {
        let Counts { sessions, messages, tasks, heartbeats, state, migrations } = self;
        [
            (Table::Sessions, sessions),
            (Table::Messages, messages),
            (Table::Tasks, tasks),
            (Table::Heartbeats, heartbeats),
            (Table::State, state),
            (Table::Migrations, migrations),
        ]
    }
}

/// A finding as it is printed.
#[derive(Debug, Clone, Serialize)]
struct Line {
    severity: &'static str,
    code: &'static str,
    table: String,
    key: String,
    message: String,
    suggestion: String,
}

impl From<&Finding> for Line {
    fn from(finding: &Finding) -> Self {
        let Finding { severity, code, table, key, message, suggestion, repair: _ } = finding;
        Self {
            severity: severity.as_str(),
            code,
            table: table.to_string(),
            key: key.clone(),
            message: message.clone(),
            suggestion: suggestion.clone(),
        }
    }
}

/// What a path is; of a folder, the sum of its files.
#[derive(Debug, Serialize)]
struct Report {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    stores: Vec<&'static str>,
    counts: Counts,
    findings: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Report>>,
    /// What only people read: a title, the tables that the format keeps, the store's own ones, facts.
    #[serde(skip)]
    aside: Aside,
}

#[derive(Debug, Default)]
struct Aside {
    title: Option<String>,
    keeps: Vec<Table>,
    native: Vec<String>,
    facts: Vec<(String, String)>,
}

/// Reads what there is to say of a path; none where nothing can be read.
fn look(path: &Path, places: &Places) -> (Option<Report>, Status) {
    let found = match members(path) {
        Ok(found) => found,
        Err(error) => {
            let status = source::complain(&error, path);
            return (Some(Report::unread(path, None, &error)), status);
        }
    };
    let deadline = Instant::now() + CHECK;
    let mut status = Status::DONE;
    let mut files = Vec::new();
    let mut folder = path.is_dir();
    for member in found.files {
        folder |= member.name.is_some();
        let (report, seen) = file(&member, places, deadline);
        status.add(seen);
        files.extend(report);
    }
    if !folder {
        return (files.pop(), status);
    }
    if files.is_empty() {
        say(&format!("There is no store in this folder: {}. Open a folder that holds one.", path.display()));
        return (Some(total(path, files)), Status::FAILED);
    }
    let mut report = total(path, files);
    report.findings.extend(found.findings.iter().map(Line::from));
    (Some(report), status)
}

fn file(member: &Member, places: &Places, deadline: Instant) -> (Option<Report>, Status) {
    let Member { path, name } = member;
    match source::store(path, places).and_then(|store| report(store, member, deadline)) {
        Ok((report, status)) => (Some(report), status),
        // Not everything in a folder is a store.
        Err(StoreError::NotRecognised { .. }) if name.is_some() => (None, Status::DONE),
        Err(error) => {
            let status = source::complain(&error, path);
            (Some(Report::unread(path, name.clone(), &error)), status)
        }
    }
}

fn report(
    mut store: SqliteStore,
    member: &Member,
    deadline: Instant,
) -> Result<(Report, Status), StoreError> {
    source::examine(&mut store, deadline);
    let mut counts = Counts::default();
    for (table, count) in counts.each() {
        *count = source::count(&mut store, table)?;
    }
    let damage = source::damage(&store, &member.path);
    let status = damage.map_or(Status::DONE, |error| source::complain(&error, &member.path));
    let about = store.about();
    let mut findings: Vec<&Finding> = about.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let report = Report {
        path: member.path.to_string_lossy().into_owned(),
        name: member.name.clone(),
        stores: about.stores.clone(),
        counts,
        findings: findings.into_iter().map(Line::from).collect(),
        files: None,
        aside: Aside {
            title: about.name.clone(),
            keeps: about.keeps.clone(),
            native: about.native.iter().filter(|t| t.kind.is_readable()).map(|t| t.name.clone()).collect(),
            facts: about.facts.clone(),
        },
    };
    Ok((report, status))
}

/// A folder's report: every kind, count and finding of its files.
fn total(path: &Path, files: Vec<Report>) -> Report {
    let mut stores: Vec<&'static str> = Vec::new();
    let mut counts = Counts::default();
    let mut keeps: Vec<Table> = Vec::new();
    for file in &files {
        stores.extend(file.stores.iter().filter(|s| !stores.contains(s)).collect::<Vec<_>>());
        let mut own = file.counts;
        for ((_, sum), (_, count)) in counts.each().into_iter().zip(own.each()) {
            *sum += *count;
        }
        keeps.extend(file.aside.keeps.iter().cloned());
    }
    Report {
        path: path.to_string_lossy().into_owned(),
        name: None,
        stores,
        counts,
        findings: files.iter().flat_map(|f| f.findings.clone()).collect(),
        files: Some(files),
        aside: Aside { keeps, ..Aside::default() },
    }
}

impl Report {
    /// Of a path that cannot be read: only why.
    fn unread(path: &Path, name: Option<String>, error: &StoreError) -> Report {
        let code = if error.is_damage() { "file-damaged" } else { "file-unreadable" };
        let finding = Finding::error(code, error.to_string()).suggest(error.hint());
        Report {
            path: path.to_string_lossy().into_owned(),
            name,
            stores: Vec::new(),
            counts: Counts::default(),
            findings: vec![Line::from(&finding)],
            files: None,
            aside: Aside::default(),
        }
    }

    /// Whether something of the path could be read.
    fn says_more_than_why(&self) -> bool {
        !self.stores.is_empty() || self.files.as_ref().is_some_and(|files| !files.is_empty())
    }

    fn write(&self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        if json {
            one_line(&serde_json::to_string(self)?, out)?;
            return out.write_all(b"\n");
        }
        self.write_text(&self.path, "", out)
    }

    fn write_text(&self, name: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let kind = if self.stores.is_empty() { "cannot be read".to_owned() } else { self.stores.join(", ") };
        let title = self.aside.title.as_ref().map(|t| format!(" ({})", plain(t))).unwrap_or_default();
        writeln!(out, "{indent}{}: {kind}{title}", plain(name))?;
        let mut counts = self.counts;
        let kept: Vec<String> = counts
            .each()
            .into_iter()
            .filter(|(table, count)| **count > 0 || self.aside.keeps.contains(table))
            .map(|(table, count)| format!("{} {count}", table.name()))
            .collect();
        if !kept.is_empty() {
            writeln!(out, "{indent}  {}", kept.join(", "))?;
        }
        if !self.aside.native.is_empty() {
            writeln!(out, "{indent}  Tables: {}", plain(&self.aside.native.join(", ")))?;
        }
        for (label, text) in &self.aside.facts {
            writeln!(out, "{indent}  {label}: {}", plain(text))?;
        }
        if let Some(files) = &self.files {
            let deeper = format!("{indent}  ");
            return files.iter().try_for_each(|file| {
                file.write_text(file.name.as_deref().unwrap_or(&file.path), &deeper, out)
            });
        }
        for line in &self.findings {
            let place = match (line.table.as_str(), line.key.as_str()) {
                ("", key) => key.to_owned(),
                (table, "") => table.to_owned(),
                (table, key) => format!("{table} {key}"),
            };
            let place = if place.is_empty() { place } else { format!(" [{place}]") };
            let text = format!("{} {}{place}: {}", line.severity, line.code, line.message);
            writeln!(out, "{indent}  {}", plain(&text))?;
            if !line.suggestion.is_empty() {
                writeln!(out, "{indent}    {}", plain(&line.suggestion))?;
            }
        }
        Ok(())
    }
}

/// Text on one line, with nothing hidden in it.
fn plain(text: &str) -> String {
    visible(text).replace('\n', "⏎")
}
