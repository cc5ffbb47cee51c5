//! One frame of the window.

use egui::{CentralPanel, Frame, Panel, Ui};

use super::App;
use crate::ui::model::{Remote, Tab, Toast};
use crate::ui::table_view::IndexState;
use crate::ui::theme::{colors_of, sizes_in_use};
use crate::ui::{
    Command, command, details, live, palette, repair_dialog, search_list, sources, start, tabs, theme,
    top_bar, widgets,
};

/// Below this width the details go beneath the table.
const NARROW: f32 = 1000.0;
/// Below this width the details take room once there are some.
const ROOMY: f32 = 1120.0;
/// The part of a narrow window that the sources take at most.
const NARROW_SHARE: f32 = 0.34;
/// What is left to the table before the details get narrower, in points.
const LEAST_MIDDLE: f32 = 460.0;
/// What takes longer than this is said, in seconds.
const WORTH_SAYING: f64 = 0.2;

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.screen.now_ms = self.clock.now_ms();
        self.screen.time = ctx.input(|i| i.time);
        self.receive(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        let mut commands = dropped(&ctx);
        if self.screen.dialog.is_none() && self.screen.repair.is_none() {
            commands.extend(command::pressed(&ctx));
        }
        self.say_what_takes_long(&ctx);
        commands.extend(self.draw(ui));
        commands.extend(search_list::show(&ctx, &mut self.screen));
        commands.extend(repair_dialog::show(&ctx, &mut self.screen));
        commands.extend(palette::show(&ctx, &mut self.screen));
        commands.extend(self.toast(&ctx));
        for command in commands {
            self.perform(&ctx, command);
        }
        self.search_when_due(&ctx);
        self.keep_up(&ctx);
        self.follow(&ctx);
        self.ask_for_what_is_missing();
        self.colour();
        self.remember(&ctx);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.settings.save();
    }
}

impl App {
    fn draw(&mut self, ui: &mut Ui) -> Vec<Command> {
        let colors = colors_of(ui.ctx());
        let sizes = sizes_in_use();
        let frame =
            |fill| Frame::new().fill(fill).inner_margin(egui::Margin::symmetric(theme::space::M as i8, 0));
        let mut commands = Vec::new();
        Panel::top("top bar").exact_size(sizes.top_bar).resizable(false).frame(frame(colors.panel)).show(
            ui,
            |ui| {
                commands.extend(top_bar::show(ui, &mut self.screen));
            },
        );
        Panel::bottom("status bar")
            .exact_size(sizes.status_bar)
            .resizable(false)
            .frame(frame(colors.panel))
            .show(ui, |ui| {
                commands.extend(top_bar::status(ui, &self.screen));
            });
        let plain = Frame::new().fill(colors.panel);
        if self.screen.sources.is_empty() {
            CentralPanel::default()
                .frame(plain)
                .show(ui, |ui| commands.extend(start::show(ui, &self.screen)));
            return commands;
        }
        let narrow = ui.available_width() < NARROW;
        let roomy = ui.available_width() >= ROOMY;
        let width = self.settings.sources_width.unwrap_or(sizes.sources_width);
        // In a narrow window it has a width of its own, so that the one of a wide window comes back.
        let (width, most) = match narrow {
            true => (width, ui.available_width() * NARROW_SHARE),
            false => (width, 520.0),
        };
        let left = Panel::left(("sources", narrow))
            .default_size(width)
            .size_range(120.0..=most.max(160.0))
            .frame(plain)
            .show(ui, |ui| {
                commands.extend(sources::show(ui, &mut self.screen));
            });
        if !narrow {
            self.settings.sources_width = Some(left.response.rect.width().round());
        }
        let has_details = self.screen.current().is_some_and(|s| {
            s.folder.is_none() && s.about.shown().is_some() && (roomy || s.details_for.is_some())
        });
        if self.screen.details_open && has_details {
            let inner = Frame::new().fill(colors.panel).inner_margin(theme::space::M as i8);
            let show = |ui: &mut Ui| details::show(ui, &mut self.screen, &mut self.typeset);
            let more = if narrow {
                Panel::bottom("details below")
                    .resizable(true)
                    .default_size(220.0)
                    .size_range(120.0..=420.0)
                    .frame(inner)
                    .show(ui, show)
            } else {
                let width = self.settings.details_width.unwrap_or(sizes.details_width);
                // The table in the middle is worth more than their width.
                let most = (ui.available_width() - LEAST_MIDDLE).clamp(240.0, 900.0);
                let right = Panel::right("details")
                    .resizable(true)
                    .default_size(width)
                    .size_range(240.0..=most)
                    .frame(inner)
                    .show(ui, show);
                let shown = right.response.rect.width().round();
                if shown < most.floor() {
                    self.settings.details_width = Some(shown);
                }
                right
            };
            commands.extend(more.inner);
        }
        CentralPanel::default().frame(plain).show(ui, |ui| commands.extend(self.middle(ui)));
        commands
    }

    fn middle(&mut self, ui: &mut Ui) -> Vec<Command> {
        let mut commands = Vec::new();
        let Some(source) = self.screen.current() else {
            widgets::quiet(ui, "Choose a source on the left.");
            return commands;
        };
        let id = source.id;
        if let Remote::Failed { failure, .. } = &source.about {
            let next = if failure.needs_copy { "Open a private copy" } else { "Try again" };
            if widgets::failure(ui, failure, Some(next)) {
                commands.push(if failure.needs_copy { Command::OpenCopy(id) } else { Command::Retry(id) });
            }
            return commands;
        }
        if source.folder.is_none() && source.about.shown().is_some() {
            let bar =
                Panel::top("tab bar").exact_size(sizes_in_use().bar).resizable(false).frame(Frame::new());
            let response = bar.show(ui, |ui| tabs::bar(ui, source, &self.screen.operations));
            tabs::line(ui, response.response.rect);
            commands.extend(response.inner);
        } else if source.folder.is_none() {
            return commands;
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        commands.extend(live::banner(ui, source));
        commands.extend(tabs::content(ui, &mut self.screen, &mut self.typeset));
        commands
    }

    /// Says what goes on, once it has gone on for long enough to be noticed.
    fn say_what_takes_long(&mut self, ctx: &egui::Context) {
        let now = ctx.input(|i| i.time);
        let walking = self.screen.current().and_then(|s| s.folder.as_ref()).filter(|f| !f.done);
        let text = match walking {
            Some(folder) => Some(format!(
                "Looking through {} folders: {} stores",
                folder.folders_seen,
                folder.members.len()
            )),
            None => self.screen.current().and_then(|source| {
                let view = source.tables.get(&source.current_table()?)?;
                match view.state {
                    IndexState::Asked => Some("Reading…".to_owned()),
                    IndexState::Growing => {
                        Some(format!("Reading… {} rows", crate::ui::format::group(view.len() as u64)))
                    }
                    _ => None,
                }
            }),
        };
        let Some(text) = text else {
            self.waiting_since = None;
            self.screen.busy = None;
            return;
        };
        let since = *self.waiting_since.get_or_insert(now);
        if now - since < WORTH_SAYING {
            ctx.request_repaint_after(std::time::Duration::from_millis(220));
        } else {
            self.screen.busy = Some(text);
        }
    }

    /// What was done, said for a moment.
    fn toast(&mut self, ctx: &egui::Context) -> Option<Command> {
        let now = ctx.input(|i| i.time);
        let Toast { text, until, next } = self.screen.toast.clone()?;
        if now >= until {
            self.screen.toast = None;
            return None;
        }
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(until - now + 0.05));
        let colors = colors_of(ctx);
        let area = egui::Area::new(egui::Id::unique("toast"))
            // Above a dialog too: it may speak of what the dialog did.
            .order(egui::Order::Tooltip)
            .anchor(egui::Align2::CENTER_BOTTOM, [0.0, -48.0])
            .interactable(!next.is_empty());
        let clicked = area.show(ctx, |ui| {
            let frame = Frame::popup(ui.style()).fill(colors.raised);
            frame
                .show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.add_space(theme::space::S);
                        ui.label(egui::RichText::new(text).color(colors.text));
                        let mut chosen = None;
                        for (name, command) in next {
                            if widgets::button(ui, name, "").clicked() {
                                chosen = Some(command);
                            }
                        }
                        chosen
                    })
                    .inner
                })
                .inner
        });
        if clicked.inner.is_some() {
            self.screen.toast = None;
        }
        clicked.inner
    }

    /// Keeps what the next start shall find, and writes it when the window has come to rest.
    fn remember(&mut self, ctx: &egui::Context) {
        let settings = &mut self.settings;
        settings.details_open = self.screen.details_open;
        settings.outline = self.screen.outline;
        settings.layouts.clone_from(&self.screen.layouts);
        settings.zoom = ctx.zoom_factor();
        settings.local_time = self.screen.zone == crate::ui::format::Zone::Local;
        // The next start gives it before it knows of any zoom.
        let zoom = ctx.zoom_factor();
        let size = ctx.input(|i| i.viewport().inner_rect).map(|r| [r.width() * zoom, r.height() * zoom]);
        settings.window = size.or(settings.window);
        let dragging = ctx.input(|i| i.pointer.any_down());
        if self.settings != self.saved && !dragging {
            self.saved = self.settings.clone();
            let settings = self.settings.clone();
            std::thread::spawn(move || settings.save());
        }
    }

    /// The tab that shows after this one, or before it.
    pub(super) fn neighbour(tab: Tab, by: isize) -> Tab {
        let at = Tab::ALL.iter().position(|t| *t == tab).unwrap_or_default();
        let count = Tab::ALL.len();
        Tab::ALL[(at + count).saturating_add_signed(by) % count]
    }
}

fn dropped(ctx: &egui::Context) -> Vec<Command> {
    ctx.input(|i| i.raw.dropped_files.iter().map(|f| Command::Open(f.path().to_owned())).collect())
}
