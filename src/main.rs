//! Starts the window, or runs one headless command.

use std::path::PathBuf;
use std::process::ExitCode;

use sessionscope::cli::{self, Outcome};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Outcome::Exit(status) => ExitCode::from(status),
        Outcome::Window(paths) => match window(paths) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                cli::say(&message);
                ExitCode::FAILURE
            }
        },
    }
}

#[cfg(feature = "gui")]
const NO_WINDOW: &str = "The window cannot be opened. Check that a display and OpenGL are there, or ask `sessionscope help` for the headless commands.";

#[cfg(feature = "gui")]
fn window(paths: Vec<PathBuf>) -> Result<(), String> {
    sessionscope::app::run(paths).map_err(|reason| match reason.contains(".rs:") {
        // Where in a library it failed is of no use to anybody who has no display.
        true => NO_WINDOW.to_owned(),
        false => reason,
    })
}

#[cfg(not(feature = "gui"))]
fn window(_paths: Vec<PathBuf>) -> Result<(), String> {
    Err("This build has no window; ask `sessionscope help` for the headless commands".to_owned())
}
