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
fn window(paths: Vec<PathBuf>) -> Result<(), String> {
    sessionscope::app::run(paths)
}

#[cfg(not(feature = "gui"))]
fn window(_paths: Vec<PathBuf>) -> Result<(), String> {
    Err("This build has no window; ask `sessionscope help` for the headless commands".to_owned())
}
