//! The panel on the left: what is open, and the sessions in it.

use egui::accesskit::Role;
use egui::{Align, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

use super::Command;
use super::format;
use super::model::{Member, Remote, Screen, SourceId, SourceView};
use super::scroll;
use super::theme::{
    Colors, colors_of, icon_font, liveness_color, sizes_in_use, small_font, space, strong_font, text_font,
};
use super::widgets::{self, icon};
use crate::core::vitals::{Liveness, Pace};
use crate::core::{Row, Severity, Table, shorten_middle, visible};

/// A source that is chosen is kept in view in the list for so long, in seconds.
const KEPT_IN_VIEW: f64 = 2.0;

/// Rows of the list that belong together.
struct Segment {
    start: usize,
    len: usize,
    what: What,
    depth: u8,
}

/// Where a row is drawn: the whole line, and how far its text is indented.
#[derive(Clone, Copy)]
struct Place {
    line: Rect,
    left: f32,
}

#[derive(Clone, Copy)]
enum What {
    Source(SourceId),
    Sessions(SourceId),
    Member(SourceId, usize),
}

/// Draws the panel.
pub fn show(ui: &mut Ui, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let colors = colors_of(ui.ctx());
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.horizontal(|ui| {
        ui.set_height(sizes_in_use().bar);
        ui.add_space(space::M);
        ui.label(RichText::new("Sources").font(small_font()).color(colors.muted));
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::M);
            let roots = screen.sources.iter().filter(|s| s.parent.is_none()).count();
            ui.label(RichText::new(roots.to_string()).font(small_font()).color(colors.faint));
        });
    });
    let whole = ui.available_rect_before_wrap();
    let foot = sizes_in_use().control + 2.0 * space::M;
    let list = Rect::from_min_max(whole.min, pos2(whole.right(), whole.bottom() - foot));
    rows(ui, list, screen, &mut commands);
    let field = Rect::from_min_max(pos2(whole.left(), whole.bottom() - foot), whole.max);
    ui.painter().hline(field.x_range(), field.top(), egui::Stroke::new(1.0, colors.line));
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(field.shrink(space::M)).id_salt("filter"));
    let mut typed = screen.sessions_filter.clone();
    let width = field.width() - 2.0 * space::M;
    let response = widgets::field(&mut inside, &mut typed, "Filter sessions", "Filter sessions", width);
    if response.changed() {
        filter(screen, typed);
    }
    if std::mem::take(&mut screen.focus_sessions_filter) {
        response.request_focus();
    }
    ui.advance_cursor_after_rect(whole);
    commands
}

/// Narrows the sessions of every source to those that say this.
fn filter(screen: &mut Screen, typed: String) {
    let search = Some(typed.trim().to_owned()).filter(|t| !t.is_empty());
    for source in &mut screen.sources {
        let query = crate::core::Query { search: search.clone(), ..source.sessions.query.clone() };
        if query != source.sessions.query {
            source.sessions.ask(query);
        }
    }
    screen.sessions_filter = typed;
}

fn segments(screen: &Screen) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut add = |what, len, depth| {
        segments.push(Segment { start, len, what, depth });
        start += len;
    };
    let wanted = screen.sessions_filter.trim().to_lowercase();
    for source in screen.sources.iter().filter(|s| s.parent.is_none()) {
        add(What::Source(source.id), 1, 0);
        if !source.expanded {
            continue;
        }
        let Some(folder) = &source.folder else {
            add(What::Sessions(source.id), source.sessions.len(), 1);
            continue;
        };
        for (at, member) in folder.members.iter().enumerate() {
            if !wanted.is_empty() && !member.name.to_lowercase().contains(&wanted) {
                continue;
            }
            add(What::Member(source.id, at), 1, 1);
            let opened = member.opened.and_then(|id| screen.source(id));
            if let Some(opened) = opened.filter(|o| o.expanded && member.sessions > 1) {
                add(What::Sessions(opened.id), opened.sessions.len(), 2);
            }
        }
    }
    segments
}

/// The row of the source that shows, once it is another than before, and for a moment after: what stands above it arrives.
fn to_bring(ui: &Ui, screen: &mut Screen, segments: &[Segment], scrolls: bool) -> Option<usize> {
    let time = ui.input(|i| i.time);
    let current = screen.current?;
    if screen.brought.is_none_or(|(id, _)| id != current) {
        screen.brought = Some((current, time + KEPT_IN_VIEW));
    }
    if scrolls {
        screen.brought = Some((current, time));
    }
    let is_of = |segment: &&Segment| match segment.what {
        What::Source(id) => id == current,
        What::Member(folder, at) => {
            let member = screen.source(folder).and_then(|source| source.folder.as_ref()?.members.get(at));
            member.is_some_and(|member| member.opened == Some(current))
        }
        What::Sessions(_) => false,
    };
    screen.brought.filter(|(_, until)| time < *until)?;
    segments.iter().find(is_of).map(|segment| segment.start)
}

fn rows(ui: &mut Ui, list: Rect, screen: &mut Screen, commands: &mut Vec<Command>) {
    let height = sizes_in_use().row;
    let segments = segments(screen);
    let total = segments.last().map_or(0, |s| s.start + s.len);
    let mut scrolled = screen.sources_scroll;
    let wheel = if ui.rect_contains_pointer(list) { ui.input(|i| i.smooth_scroll_delta().y) } else { 0.0 };
    if wheel != 0.0 {
        scrolled.by_points(-wheel, height, total, list.height());
    }
    if let Some(row) = to_bring(ui, screen, &segments, wheel != 0.0) {
        scrolled.reveal(row, height, list.height());
    }
    scrolled.clamp(height, total, list.height());
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(list).id_salt("sources"));
    inside.set_clip_rect(list.intersect(ui.clip_rect()));
    let count = ((list.height() + scrolled.offset) / height).ceil() as usize;
    for i in scrolled.first..(scrolled.first + count).min(total) {
        let top = list.top() + (i - scrolled.first) as f32 * height - scrolled.offset;
        let line = Rect::from_min_size(pos2(list.left(), top), vec2(list.width(), height));
        let at = segments.partition_point(|s| s.start + s.len <= i);
        let Some(segment) = segments.get(at) else { break };
        let place = Place { line, left: space::M + f32::from(segment.depth) * space::M };
        match segment.what {
            What::Source(id) => source_row(&mut inside, line, screen, id, commands),
            What::Sessions(id) => session_row(&mut inside, place, screen, id, i - segment.start, commands),
            What::Member(id, member) => member_row(&mut inside, place, screen, id, member, commands),
        }
    }
    let track = Rect::from_min_max(pos2(list.right() - 8.0, list.top()), list.max);
    let visible = f64::from(list.height() / height);
    let (_, wanted) =
        scroll::bar(ui, ui.scope_id().with("bar"), track, scrolled.first as f64, visible, total);
    if let Some(row) = wanted {
        scrolled = scroll::RowScroll { first: row as usize, offset: 0.0 };
    }
    screen.sources_scroll = scrolled;
}

/// The ground of a line that can be clicked; gives its response.
fn line_response(ui: &Ui, line: Rect, id: egui::Id, name: &str, on: bool) -> egui::Response {
    let colors = colors_of(ui.ctx());
    let response = ui.interact(line.intersect(ui.clip_rect()), id, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, on, name));
    if on {
        ui.painter().rect_filled(line, 0, colors.selection);
    } else if response.hovered() {
        ui.painter().rect_filled(line, 0, colors.raised);
    }
    widgets::focus_ring(ui, &response);
    response
}

fn source_row(ui: &mut Ui, line: Rect, screen: &mut Screen, id: SourceId, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let current = screen.current == Some(id);
    let Some(source) = screen.source_mut(id) else { return };
    let on = current && source.session.is_none();
    let name = visible(&source.label).into_owned();
    let response = line_response(ui, line, ui.scope_id().with(("source", id)), &name, on);
    let arrow = Rect::from_min_size(line.min, vec2(space::L + space::S, line.height()));
    let glyph = if source.expanded { icon::EXPAND } else { icon::CHEVRON_RIGHT };
    ui.painter().text(arrow.center(), egui::Align2::CENTER_CENTER, glyph, icon_font(), colors.muted);
    let toggle = ui.interact(arrow, ui.scope_id().with(("expand", id)), Sense::click());
    toggle.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, true, format!("Expand {name}")));
    if toggle.clicked() {
        source.expanded = !source.expanded;
    } else if response.clicked() {
        commands.push(Command::Select(id));
        commands.push(Command::SelectSession(id, None, None));
    }
    let (right, color) = source_state(source, colors);
    let right_width =
        ui.painter().layout_no_wrap(right.clone(), small_font(), color).size().x.min(line.width() * 0.45);
    let text = Rect::from_min_max(
        pos2(arrow.right(), line.top()),
        pos2(line.right() - right_width - space::L, line.bottom()),
    );
    widgets::text_in(ui, text, &name, strong_font(), colors.text, false);
    let rest =
        Rect::from_min_max(pos2(text.right(), line.top()), pos2(line.right() - space::M, line.bottom()));
    widgets::text_in(ui, rest, &right, small_font(), color, true);
    let path = source.path.display().to_string();
    response.clone().on_hover_text(visible(&path));
    response.context_menu(|ui| {
        if ui.button("Close").clicked() {
            commands.push(Command::Close(id));
        }
        if ui.button("Copy the path").clicked() {
            commands.push(Command::CopyText(path.clone()));
        }
    });
}

fn source_state(source: &SourceView, colors: &Colors) -> (String, egui::Color32) {
    if let Some(folder) = &source.folder {
        let files = folder.members.len();
        let noun = if files == 1 { "store" } else { "stores" };
        let more = if folder.done { "" } else { "…" };
        return (format!("{files} {noun}{more}"), colors.faint);
    }
    match &source.about {
        Remote::Failed { .. } => ("not opened".to_owned(), colors.bad),
        Remote::Ready(about) if about.damaged => ("damaged".to_owned(), colors.bad),
        Remote::Ready(about) => (about.stores.join(" + "), colors.faint),
        _ => ("opening…".to_owned(), colors.faint),
    }
}

fn session_row(
    ui: &mut Ui,
    place: Place,
    screen: &mut Screen,
    id: SourceId,
    at: usize,
    commands: &mut Vec<Command>,
) {
    let colors = colors_of(ui.ctx());
    let current = screen.current == Some(id);
    let Some(source) = screen.source_mut(id) else { return };
    let only = source.sessions.len() == 1 && !source.sessions.query.is_filtered();
    let total = source.counts.get(&Table::Messages).and_then(Remote::shown).copied().filter(|_| only);
    let chosen = source.session.clone();
    let Some(row) = source.sessions.row(at).cloned() else { return };
    let text = |place: usize| row.cells.get(place).and_then(|c| c.value.as_str()).filter(|t| !t.is_empty());
    let session = text(0).unwrap_or_default().to_owned();
    let title = text(1).map(str::to_owned);
    let on = current && chosen.as_deref() == Some(session.as_str());
    let shown = title.clone().unwrap_or_else(|| shorten_middle(&session, 36).into_owned());
    let shown = visible(&shown).into_owned();
    let response = line_response(ui, place.line, ui.scope_id().with(("session", id, at)), &shown, on);
    let count = row.cells.get(9).and_then(|c| c.value.as_i64()).map(i64::unsigned_abs).or(total);
    let right = count.map(format::group).unwrap_or_default();
    let tells = source.about.shown().and_then(|about| about.pace).is_some_and(Pace::tells);
    let liveness = source.pulse.liveness(&session).filter(|_| tells);
    let color = liveness.map_or_else(|| status_color(colors, text(2)), |l| liveness_color(colors, l));
    // The colour's word, where no number takes its place.
    let right = if right.is_empty() { liveness.map_or("", Liveness::word) } else { &right };
    draw_entry(ui, place, &shown, right, color, on);
    let hover = hover_text(&row, &session, text(2), liveness);
    if response.clicked() {
        commands.push(Command::Select(id));
        commands.push(Command::SelectSession(id, Some(session.clone()), title));
    }
    response.clone().on_hover_text(hover);
    response.context_menu(|ui| {
        if ui.button("Export session…").clicked() {
            commands.push(Command::ExportSession(Some((id, session.clone()))));
        }
        if ui.button("Copy the id").clicked() {
            commands.push(Command::CopyText(session.clone()));
        }
    });
}

fn hover_text(row: &Row, session: &str, status: Option<&str>, liveness: Option<Liveness>) -> String {
    let mut text = visible(session).into_owned();
    if let Some(status) = status {
        text.push_str(&format!("\nStatus: {}", visible(status)));
    }
    if let Some(liveness) = liveness {
        text.push_str(&format!("\nLiveness: {}", liveness.word()));
    }
    if let Some(ms) = row.cells.get(8).and_then(|c| c.value.as_i64()) {
        text.push_str(&format!("\nLast active: {}", format::time(ms, format::Zone::Utc)));
    }
    text
}

fn member_row(
    ui: &mut Ui,
    place: Place,
    screen: &mut Screen,
    id: SourceId,
    at: usize,
    commands: &mut Vec<Command>,
) {
    let colors = colors_of(ui.ctx());
    let member = screen.source(id).and_then(|s| s.folder.as_ref()?.members.get(at)).cloned();
    let Some(member) = member else { return };
    let on = member.opened.is_some() && screen.current == member.opened;
    let name = visible(&member.name).into_owned();
    let response = line_response(ui, place.line, ui.scope_id().with(("member", id, &member.path)), &name, on);
    let right = match (&member.failure, member.sessions, member.messages) {
        (Some(_), ..) => "not opened".to_owned(),
        (None, 2.., _) => format!("{} sessions", format::group(member.sessions)),
        (None, _, 0) if !member.counted => format::bytes(member.size.file_bytes),
        (None, _, 0) => kind(&member).to_owned(),
        (None, _, messages) => format::group(messages),
    };
    draw_entry(ui, place, &name, &right, worst_color(colors, &member), on);
    if response.clicked() {
        commands.push(Command::OpenMember(id, at));
    }
    let stores = member.stores.join(" + ");
    let liveness = member.liveness.map_or(String::new(), |l| format!("\nLiveness: {}", l.word()));
    response.on_hover_text(format!("{}\n{stores}{liveness}", visible(&member.path.display().to_string())));
}

fn kind(member: &Member) -> &'static str {
    match member.stores.first() {
        Some(&"session-do" | &"session-document" | &"mcp-session-do" | &"durable-object") => "empty",
        Some(kind) => kind,
        None => "",
    }
}

fn worst_color(colors: &Colors, member: &Member) -> egui::Color32 {
    match (&member.failure, member.worst, member.liveness) {
        (Some(_), ..) | (_, Some(Severity::Error), _) => colors.bad,
        (_, Some(Severity::Warning), _) => colors.warn,
        (.., Some(liveness @ (Liveness::Alive | Liveness::Dead))) => liveness_color(colors, liveness),
        _ => colors.faint,
    }
}

fn status_color(colors: &Colors, status: Option<&str>) -> egui::Color32 {
    match status {
        Some("active" | "alive" | "ready" | "running" | "fresh" | "recovered") => colors.good,
        Some("disconnected" | "paused" | "provisioning" | "stale" | "unknown" | "malformed") => colors.warn,
        Some("expired" | "error" | "terminated" | "dead" | "failed") => colors.bad,
        _ => colors.faint,
    }
}

fn draw_entry(ui: &Ui, place: Place, text: &str, right: &str, color: egui::Color32, on: bool) {
    let Place { line, left } = place;
    let colors = colors_of(ui.ctx());
    let x = line.left() + left + space::XS;
    widgets::dot(ui, pos2(x + 4.0, line.center().y), color);
    let right_width = ui.painter().layout_no_wrap(right.to_owned(), small_font(), colors.faint).size().x;
    let end = line.right() - space::M;
    let body = Rect::from_min_max(
        pos2(x + space::M + space::XS, line.top()),
        pos2(end - right_width - space::S, line.bottom()),
    );
    let ink = if on { colors.text } else { colors.muted };
    widgets::text_in(ui, body, text, text_font(), ink, false);
    let rest = Rect::from_min_max(pos2(end - right_width, line.top()), pos2(end + 1.0, line.bottom()));
    widgets::text_in(ui, rest, right, small_font(), colors.faint, true);
}
