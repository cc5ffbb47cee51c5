//! A session as a document, on a thread of its own: switching tabs does not break it off.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use egui::Context;

use super::App;
use super::job::Done;
use super::worker::label;
use crate::core::Flow;
use crate::core::export::session::{ExportError, SessionFormat, SessionOptions, Written, write};
use crate::stores::new_file::write_new;
use crate::stores::sqlite::Cancel;
use crate::stores::{self, Options};
use crate::ui::Command;
use crate::ui::format::group;
use crate::ui::model::{Dialog, SessionExport, SourceId, Toast};

/// So often it says how far it has come.
const TELLS_EVERY: Duration = Duration::from_millis(100);
/// The most that is given to the clipboard, in bytes.
const MOST_COPIED_BYTES: usize = 50_000_000;

/// What came of an export: its text, where it went to no file, and how many messages are in it.
pub type Exported = Result<(Option<String>, Written), String>;

impl App {
    /// The commands about a session's document.
    pub(super) fn perform_session_export(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::ExportSession(of) => self.ask_session_export(ctx, of),
            Command::ExportSessionTo(export) => self.start_session_export(ctx, export),
            Command::CancelExport => {
                self.exporting.iter().for_each(Cancel::cancel);
            }
            _ => {}
        }
    }

    fn ask_session_export(&mut self, ctx: &Context, of: Option<(SourceId, String)>) {
        let chosen = of.or_else(|| {
            let source = self.screen.current()?;
            Some((source.id, source.session.clone()?))
        });
        let Some((id, session)) = chosen else {
            return self.say(ctx, "Choose a session on the left, then export it".to_owned());
        };
        let Some(source) = self.screen.source(id) else { return };
        let folder = source.path.parent().map(Path::to_owned).unwrap_or_default();
        let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = format!("{}-{session}", label(&source.path)).chars().map(safe).take(120).collect();
        let typed = std::env::home_dir().unwrap_or(folder).join(format!("{name}.md")).display().to_string();
        let options = SessionOptions::all(SessionFormat::Markdown);
        self.screen.dialog = Some(Dialog::ExportSession {
            export: SessionExport { id, session, options, to: None },
            typed,
            fresh: true,
        });
    }

    fn start_session_export(&mut self, ctx: &Context, export: SessionExport) {
        let SessionExport { id, session, options, to } = export;
        let Some(source) = self.screen.source(id) else { return };
        let path = source.path.clone();
        let way = Options { copy: source.about.shown().is_some_and(|a| a.copied), ..self.options() };
        let cancel = Cancel::default();
        self.exporting = Some(cancel.clone());
        let outbox = self.outbox.clone();
        self.exporting_toast(ctx, "Exporting…".to_owned());
        thread::spawn(move || {
            let mut told = Instant::now();
            let progress = outbox.clone();
            let mut tell = |done, of| {
                if told.elapsed() > TELLS_EVERY {
                    told = Instant::now();
                    progress.done(id, Done::Exporting { done, of });
                }
                if cancel.is_cancelled() { Flow::Stop } else { Flow::Continue }
            };
            let exported = exported(&path, &way, &session, options, to.as_deref(), &mut tell);
            outbox.done(id, Done::SessionExported { to, exported });
        });
    }

    pub(super) fn exporting_toast(&mut self, ctx: &Context, text: String) {
        let next = vec![("Cancel", Command::CancelExport)];
        self.screen.toast = Some(Toast { text, until: ctx.input(|i| i.time) + 3600.0, next });
    }

    pub(super) fn session_exported(&mut self, ctx: &Context, to: Option<PathBuf>, exported: Exported) {
        self.exporting = None;
        let messages = |written: &Written| super::events::count_of(written.messages, "message");
        let damage = |written: &Written| match written.damage {
            Some(_) => "; the store is damaged, and some are missing",
            None => "",
        };
        let text = match (exported, to) {
            (Ok((_, written)), Some(path)) => {
                format!("Wrote {} to {}{}", messages(&written), path.display(), damage(&written))
            }
            (Ok((text, written)), None) => {
                ctx.copy_text(text.unwrap_or_default());
                format!("Copied {}{}", messages(&written), damage(&written))
            }
            (Err(error), _) => error,
        };
        self.say(ctx, text);
    }
}

fn exported(
    path: &Path,
    way: &Options,
    session: &str,
    options: SessionOptions,
    to: Option<&Path>,
    tell: &mut dyn FnMut(u64, u64) -> Flow,
) -> Exported {
    let store = stores::open(path, way).map_err(|error| error.to_string())?.store;
    let written = match to {
        Some(to) => write_new(to, |out| write(&store, Some(session), options, out, tell)).map(|n| (None, n)),
        None => {
            let mut text = Vec::new();
            write(&store, Some(session), options, &mut text, tell)
                .map(|n| (Some(String::from_utf8_lossy(&text).into_owned()), n))
        }
    };
    match written {
        Ok((Some(text), _)) if text.len() > MOST_COPIED_BYTES => {
            Err("It is too long for the clipboard; write it to a file".to_owned())
        }
        Ok(written) => Ok(written),
        Err(error) => Err(words(&error, to.unwrap_or(path))),
    }
}

/// Why it was not written, in a sentence.
fn words(error: &ExportError, path: &Path) -> String {
    match error {
        ExportError::Cancelled => "The export was cancelled; nothing was written".to_owned(),
        ExportError::NoSession(id) => format!("The session is not there any more: {id}"),
        ExportError::Store(error) => error.to_string(),
        ExportError::Output(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            format!("There is a file already; choose another name: {}", path.display())
        }
        ExportError::Output(error) => format!("The file cannot be written ({error}): {}", path.display()),
    }
}

/// How far an export has come.
pub fn progress(done: u64, of: u64) -> String {
    format!("Exporting… {} of {} messages", group(done), group(of))
}
