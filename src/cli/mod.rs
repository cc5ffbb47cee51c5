//! Headless commands: the same core as the window, printed.
//!
//! Exit status: 0 done; 1 unreadable or failed; 2 wrong usage; 3 damaged (what could be read is printed) or locked by
//! another program. Of several paths or files the worst counts, in the order 1, 3, 0: a script that sees 3 knows that
//! every path was read as far as it can be, and one that sees 0 that all of them are sound.

mod export;
mod format;
mod inspect;
mod members;
mod repair;
mod rows;
mod search;
mod source;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::core::{StoreError, visible};

/// What the command line asked for, as far as it is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Open the window with these paths.
    Window(Vec<PathBuf>),
    /// All is said; end with this status.
    Exit(u8),
}

/// Opens the session stores of agents and MCP servers, shows what is in them, and repairs them.
#[derive(Debug, Parser)]
#[command(name = "sessionscope", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Files and folders to open in the window (a path named like a command: ./inspect)
    paths: Vec<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what kind of store a path is, what is in it, and what is wrong with it
    Inspect(inspect::Arguments),
    /// Prints the rows of a table
    Rows(rows::Arguments),
    /// Writes one session as a document
    Export(export::Arguments),
    /// Finds a text, in every table of every path
    Search(search::Arguments),
    /// Brings the sessions of a file into a database
    Import(repair::ImportArguments),
    /// Removes what is past its time, by the store's own rule
    Prune(repair::PruneArguments),
    /// Deletes the sessions of one issue
    DeleteIssue(repair::DeleteIssueArguments),
    /// Deletes sessions with all that belongs to them
    DeleteSession(repair::DeleteSessionArguments),
    /// Brings a database's schema to the newest version, or moves a configuration's classes to SQLite
    Migrate(repair::MigrateArguments),
    /// Lists what was changed from here
    Operations(repair::OperationsArguments),
    /// Takes an operation back
    Undo(repair::UndoArguments),
    /// Ends an operation's undo, and frees its space
    Forget(repair::ForgetArguments),
}

/// Runs a headless command; hands back the paths where the window is asked for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            if error.use_stderr() {
                say(&usage::one_line(&error.to_string()));
                return Outcome::Exit(Status::USAGE.0);
            }
            // Help and version go to standard output and are no failure; a closed pipe is none either.
            let _ = error.print();
            return Outcome::Exit(Status::DONE.0);
        }
    };
    let Some(command) = arguments.command else { return window(arguments.paths) };
    let status = match command {
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Rows(arguments) => rows::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Import(arguments) => repair::import(arguments),
        Command::Prune(arguments) => repair::prune(arguments),
        Command::DeleteIssue(arguments) => repair::delete_issue(arguments),
        Command::DeleteSession(arguments) => repair::delete_session(arguments),
        Command::Migrate(arguments) => repair::migrate(arguments),
        Command::Operations(arguments) => repair::operations(&arguments),
        Command::Undo(arguments) => repair::undo(arguments),
        Command::Forget(arguments) => repair::forget(&arguments),
    };
    Outcome::Exit(status.0)
}

/// Asks for the window, unless the first argument is a command that was mistyped: a bare word that is no file.
///
/// Of any other path that leads nowhere the window itself says so: whoever started it from a desktop sees no terminal.
fn window(paths: Vec<PathBuf>) -> Outcome {
    let is_word = |path: &&PathBuf| {
        let letter = |b: &u8| b.is_ascii_alphabetic() || *b == b'-';
        path.as_os_str().as_encoded_bytes().iter().all(letter)
    };
    match paths.first().filter(is_word).filter(|path| path.symlink_metadata().is_err()) {
        None => Outcome::Window(paths),
        Some(path) => {
            say(&format!(
                "There is no file or folder {}, and no command of that name. Ask `sessionscope help` for the commands.",
                path.display()
            ));
            Outcome::Exit(Status::USAGE.0)
        }
    }
}

/// Writes one line to standard error, hidden characters made visible.
pub fn say(message: &str) {
    let line = visible(message).replace('\n', "‹U+000A›");
    // There is nowhere left to say that it failed.
    let _ = writeln!(io::stderr().lock(), "sessionscope: {line}");
}

/// An exit status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Status(u8);

impl Status {
    const DONE: Status = Status(0);
    const FAILED: Status = Status(1);
    const USAGE: Status = Status(2);
    const DAMAGED: Status = Status(3);

    /// The status that a failure to read asks for.
    fn of(error: &StoreError) -> Status {
        match error {
            StoreError::NoSuchTable { .. } | StoreError::NoSuchColumn { .. } => Status::USAGE,
            StoreError::Locked { .. } => Status::DAMAGED,
            error if error.is_damage() => Status::DAMAGED,
            _ => Status::FAILED,
        }
    }

    /// Keeps the worse of two.
    fn add(&mut self, other: Status) {
        let rank = |status: Status| [0, 3, 1, 2].iter().position(|s| *s == status.0);
        if rank(other) > rank(*self) {
            *self = other;
        }
    }
}

/// Ends a command after its output: a reader that has gone, such as `head`, is no failure.
fn finish(written: io::Result<()>, status: Status) -> Status {
    match written {
        Ok(()) => status,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Status::DONE,
        Err(error) => {
            say(&format!("The output cannot be written ({error}). Check the disk that it goes to."));
            Status::FAILED
        }
    }
}
