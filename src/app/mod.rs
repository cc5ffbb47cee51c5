//! State and traffic: commands become jobs, jobs become events, events change what is shown.

mod colouring;
mod events;
mod examining;
mod export;
mod following;
mod job;
mod perform;
mod pulses;
mod reading;
mod repairing;
mod repairs;
mod searcher;
mod searching;
mod session_export;
mod settings;
mod stepping;
mod transcripts;
mod walk;
mod watcher;
mod window;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use crate::stores::sqlite::{Cancel, Clock};
use crate::stores::{Options, Places};
use crate::ui::format::Zone;
use crate::ui::model::{Screen, SourceId};
use crate::ui::theme;
use crate::ui::transcript::Typeset;

use colouring::Colourist;
use job::Event;
use repairs::Repairer;
use searcher::Searcher;
use searching::Jump;
use settings::Settings;
use watcher::Watcher;
use worker::{Outbox, Worker};

/// The application: what is on the screen, and the threads that fill it.
pub struct App {
    screen: Screen,
    workers: HashMap<SourceId, Worker>,
    watcher: Watcher,
    walks: HashMap<SourceId, Cancel>,
    repairer: Option<Repairer>,
    searcher: Option<Searcher>,
    colourist: Option<Colourist>,
    /// The row to show once its source is open.
    jump: Option<Jump>,
    /// A data folder of the window's own, gone with it; the program's where there is none.
    own_data: Option<tempfile::TempDir>,
    outbox: Outbox,
    inbox: Receiver<Event>,
    settings: Settings,
    saved: Settings,
    clock: Clock,
    typeset: Typeset,
    /// Breaks the export of a session off.
    exporting: Option<Cancel>,
    next_id: u32,
    /// When the current waiting began, for the 200 ms before it is worth saying.
    waiting_since: Option<f64>,
}

/// Opens the window on these paths, and returns when it is closed.
///
/// # Errors
/// Where no window can be opened: no display, or no OpenGL.
pub fn run(paths: Vec<PathBuf>) -> Result<(), String> {
    let settings = Settings::load();
    let least = [640.0_f32, 400.0];
    let size = settings.window.unwrap_or([1440.0, 900.0]);
    let size = [size[0].max(least[0]), size[1].max(least[1])];
    let viewport = egui::ViewportBuilder::default()
        .with_title("sessionscope")
        .with_app_id("sessionscope")
        .with_inner_size(size)
        .with_min_inner_size(least);
    let options = eframe::NativeOptions {
        viewport,
        // Chosen, since a build that has both renderers would take the other one.
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    eframe::run_native("sessionscope", options, Box::new(|cc| Ok(Box::new(App::new(&cc.egui_ctx, paths)))))
        .map_err(|error| format!("The window cannot be opened ({error}). Check that a display and OpenGL are there, or use `sessionscope inspect`."))
}

impl App {
    /// Makes the application for a context, with the settings of the data folder.
    pub fn new(ctx: &egui::Context, paths: Vec<PathBuf>) -> Self {
        Self::with(ctx, paths, Clock::from_environment(), Settings::load(), None)
    }

    /// As [`App::new`], with a clock of the caller's, and with nothing remembered from before or for later.
    pub fn for_tests(ctx: &egui::Context, paths: Vec<PathBuf>, clock: Clock) -> Self {
        let settings = Settings { dark: Some(true), forgetful: true, ..Settings::default() };
        Self::with(ctx, paths, clock, settings, tempfile::tempdir().ok())
    }

    fn with(
        ctx: &egui::Context,
        paths: Vec<PathBuf>,
        clock: Clock,
        settings: Settings,
        own_data: Option<tempfile::TempDir>,
    ) -> Self {
        theme::install(ctx);
        let waker = ctx.clone();
        let (events, inbox) = channel();
        let screen = Screen {
            zone: if settings.local_time { Zone::Local } else { Zone::Utc },
            details_open: settings.details_open,
            outline: settings.outline,
            recent: settings.recent.clone(),
            layouts: settings.layouts.clone(),
            samples: samples(),
            ..Screen::default()
        };
        match settings.dark {
            Some(true) => ctx.set_theme(egui::Theme::Dark),
            Some(false) => ctx.set_theme(egui::Theme::Light),
            None => {}
        }
        ctx.set_zoom_factor(settings.zoom);
        let outbox = Outbox { events, wake: Arc::new(move || waker.request_repaint()) };
        let mut app = Self {
            screen,
            workers: HashMap::new(),
            watcher: Watcher::start(outbox.clone()),
            walks: HashMap::new(),
            repairer: None,
            searcher: None,
            colourist: None,
            jump: None,
            own_data,
            outbox,
            inbox,
            saved: settings.clone(),
            settings,
            clock,
            typeset: Typeset::default(),
            exporting: None,
            next_id: 0,
            waiting_since: None,
        };
        for path in paths {
            app.open(ctx, path);
        }
        app.read_operations();
        app
    }

    fn options(&self) -> Options {
        let chosen = self.settings.transcripts.clone();
        let places = match self.settings.forgetful {
            // Nothing of this machine, but what was chosen meanwhile.
            true => Places::new(None, None, chosen),
            false => Places::usual(chosen),
        };
        Options { copy: false, clock: self.clock.clone(), transcripts: Some(places) }
    }
}

/// The samples, where they are: beside the working folder or the program.
fn samples() -> Option<PathBuf> {
    let near = |folder: PathBuf| Some(folder.join("assets/samples")).filter(|p| p.is_dir());
    let here = std::env::current_dir().ok().and_then(near);
    here.or_else(|| std::env::current_exe().ok()?.ancestors().find_map(|a| near(a.to_owned())))
}
