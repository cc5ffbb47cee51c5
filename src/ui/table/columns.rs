//! Which columns show, in which order, and how wide.

use crate::core::{Column, ColumnKind, Table};
use crate::ui::format::{group, heading};
use crate::ui::model::Layout;
use crate::ui::table_view::TableView;
use crate::ui::theme::{sizes_in_use, space};

/// A column as it is drawn.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its place in the table's columns; none for the row's number.
    pub place: Option<usize>,
    pub column: Column,
    pub heading: String,
    pub width: f32,
    pub x: f32,
    pub right: bool,
    pub mono: bool,
}

/// A column that is squeezed keeps this part of its usual width.
const LEAST_SHARE: f32 = 0.72;

/// The narrowest that a column can be made.
pub const MIN_WIDTH: f32 = 40.0;

/// The columns that show, the row's number first; the one that says most takes the width that is left.
pub fn shown_columns(view: &TableView, layout: &Layout, width: f32) -> Vec<Shown> {
    let (table, columns) = (&view.query.table, &view.columns);
    // As wide as the last row's number.
    let digits = group(view.len() as u64).len().max(3);
    let mut shown = vec![Shown {
        place: None,
        column: Column { name: "#".into(), kind: ColumnKind::Number },
        heading: "#".into(),
        width: 2.0 * space::S + digits as f32 * sizes_in_use().text * 0.62,
        x: 0.0,
        right: true,
        mono: false,
    }];
    let blank = match table {
        Table::Sessions | Table::Migrations | Table::Plan => view.blank_columns(),
        _ => Vec::new(),
    };
    for place in order(table, columns) {
        let column = &columns[place];
        // Of sessions and steps, what a store does not have at all only takes room.
        if !is_shown(table, column, layout) || blank.contains(&place) {
            continue;
        }
        let width = layout.widths.get(column.name.as_ref()).copied();
        let width = width.unwrap_or_else(|| default_width(table, column));
        shown.push(Shown {
            place: Some(place),
            column: column.clone(),
            heading: title(table, column),
            width: width.max(MIN_WIDTH),
            x: 0.0,
            right: column.kind == ColumnKind::Number,
            mono: is_mono(column),
        });
    }
    let used: f32 = shown.iter().map(|c| c.width).sum();
    let widest = ["text", "message", "value", "reason", "title", "name", "id"];
    let main = widest.iter().find_map(|w| shown.iter().position(|c| c.column.name == *w));
    let at = main.unwrap_or(shown.len() - 1);
    // Unless the user made it so wide, it gives and takes what the others leave.
    if !layout.widths.contains_key(shown[at].column.name.as_ref()) {
        let least = if main.is_some() { 150.0 } else { shown[at].width };
        shown[at].width = (shown[at].width + width - used).max(least);
    }
    squeeze(&mut shown, at, width, layout);
    if !layout.widths.contains_key(shown[at].column.name.as_ref()) {
        fill(&mut shown, at, width);
    }
    let mut x = 0.0;
    for column in &mut shown {
        column.x = x;
        x += column.width;
    }
    shown
}

/// Takes a little from the columns of text where that is enough for all of them to be seen.
fn squeeze(shown: &mut [Shown], main: usize, width: f32, layout: &Layout) {
    let gives = |at: usize, c: &Shown| {
        at != main && c.column.kind == ColumnKind::Text && !layout.widths.contains_key(c.column.name.as_ref())
    };
    let over = shown.iter().map(|c| c.width).sum::<f32>() - width;
    let room: f32 = shown.iter().enumerate().filter(|(at, c)| gives(*at, c)).map(|(_, c)| c.width).sum();
    let share = 1.0 - over / room;
    if over > 0.0 && share >= LEAST_SHARE {
        for (at, column) in shown.iter_mut().enumerate() {
            if gives(at, column) {
                column.width = (column.width * share).floor();
            }
        }
    }
}

/// Where not all columns fit, the one that says most takes what would show a sliver of the first that does not.
fn fill(shown: &mut [Shown], main: usize, width: f32) {
    let mut used = 0.0;
    let mut last = None;
    for (at, column) in shown.iter().enumerate() {
        if used + column.width > width {
            last = (at > main).then_some(used);
            break;
        }
        used += column.width;
    }
    if let Some(used) = last {
        shown[main].width += width - used;
    }
}

/// Shows a hidden column, or hides it.
pub fn toggle(table: &Table, column: &Column, layout: &mut Layout) {
    let now = is_shown(table, column, layout);
    let plain = column.name.to_string();
    let forced = format!("+{plain}");
    layout.hidden.retain(|h| *h != plain && *h != forced);
    if now {
        layout.hidden.push(plain);
    } else if hidden_at_first(table).contains(&column.name.as_ref()) {
        layout.hidden.push(forced);
    }
}

/// Whether a column shows: by the user's choice, else by what is usual for the table.
pub fn is_shown(table: &Table, column: &Column, layout: &Layout) -> bool {
    let name = column.name.as_ref();
    if layout.hidden.iter().any(|h| h == name) {
        return false;
    }
    let forced = layout.hidden.iter().any(|h| h.strip_prefix('+') == Some(name));
    forced || !hidden_at_first(table).contains(&name)
}

fn hidden_at_first(table: &Table) -> &'static [&'static str] {
    match table {
        Table::Sessions => &["detail", "working_directory", "forge", "created_at"],
        Table::Messages => &["detail", "id", "session_id"],
        Table::Tasks => &["detail", "session_id", "priority", "updated_at"],
        Table::State => &["session_id"],
        Table::Migrations => &["detail"],
        Table::Heartbeats => &["disconnected_at"],
        Table::Findings => &["suggestion", "table", "key"],
        Table::Plan => &["class"],
        _ => &[],
    }
}

/// The order in which a person reads them, where it is not the table's own.
fn order(table: &Table, columns: &[Column]) -> Vec<usize> {
    let first: &[&str] = match table {
        Table::Sessions => {
            &["title", "id", "status", "agent", "repo", "issue", "last_active_at", "messages", "tasks"]
        }
        Table::Messages => &["created_at", "role", "kind", "text"],
        Table::Findings => &["severity", "message", "code", "table", "key"],
        Table::Heartbeats => &["session_id", "liveness", "status", "age_seconds", "recoverable", "reason"],
        _ => &[],
    };
    let mut places: Vec<usize> =
        first.iter().filter_map(|n| columns.iter().position(|c| c.name == *n)).collect();
    places.extend((0..columns.len()).filter(|p| !places.contains(p)).collect::<Vec<_>>());
    places
}

fn title(table: &Table, column: &Column) -> String {
    match (table, column.name.as_ref()) {
        (Table::Native(_), name) => crate::core::visible(name).into_owned(),
        (Table::Messages, "created_at") => "Time".into(),
        (Table::Plan, "at") => "Time".into(),
        (Table::Plan, "reason") => "Why".into(),
        (_, "last_active_at") => "Last active".into(),
        (_, "last_heartbeat_at") => "Last beat".into(),
        (_, "grace_expires_at") => "Grace ends".into(),
        (_, "age_seconds") => "Age".into(),
        (_, "recovery_attempts") => "Attempts".into(),
        (_, name) => heading(name.strip_suffix("_at").unwrap_or(name)),
    }
}

fn default_width(table: &Table, column: &Column) -> f32 {
    match (column.kind, column.name.as_ref()) {
        (_, "key") if *table == Table::Plan => 330.0,
        (ColumnKind::Time, _) => 166.0,
        (ColumnKind::Number, "age_seconds") => 104.0,
        (ColumnKind::Number, _) => 84.0,
        (_, "table") if *table == Table::Plan => 150.0,
        (_, "table") => 104.0,
        (_, "status") => 104.0,
        (_, "recoverable") => 128.0,
        (_, "action") => 72.0,
        (_, "role" | "severity" | "liveness" | "mode" | "priority" | "issue") => 88.0,
        (_, "kind" | "agent" | "version" | "owner" | "source" | "forge") => 120.0,
        (_, "text" | "message" | "value" | "reason" | "suggestion" | "name") => 280.0,
        (_, "title") => 240.0,
        (_, "code") => 176.0,
        (_, "key" | "repo") => 200.0,
        _ => 160.0,
    }
}

fn is_mono(column: &Column) -> bool {
    matches!(column.kind, ColumnKind::Time | ColumnKind::Json)
        || matches!(column.name.as_ref(), "id" | "session_id" | "key" | "code" | "version")
}
