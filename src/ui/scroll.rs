//! Scrolling over more rows than a 32-bit float can count: a place is a row and a part of it.

use egui::{Id, Rect, Response, Sense, Ui, pos2, vec2};

use super::theme::{colors_of, sizes_in_use, space};

/// Where a long list is scrolled to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RowScroll {
    /// The first row that shows.
    pub first: usize,
    /// How much of it is above the top, in points.
    pub offset: f32,
}

impl RowScroll {
    /// Moves by points over rows of one height, and stays within `total` rows of which `fit` show whole.
    pub fn by_points(&mut self, points: f32, row_height: f32, total: usize, view_height: f32) {
        let moved = f64::from(self.offset + points) / f64::from(row_height);
        let rows = moved.floor();
        let offset = ((moved - rows) * f64::from(row_height)) as f32;
        let first = self.first as f64 + rows;
        if first < 0.0 {
            *self = Self::default();
        } else {
            *self = Self { first: first as usize, offset };
        }
        self.clamp(row_height, total, view_height);
    }

    /// Keeps the last row at the bottom, whole, rather than empty space below it.
    pub fn clamp(&mut self, row_height: f32, total: usize, view_height: f32) {
        let whole = (view_height / row_height).floor() as usize;
        let last_first = total.saturating_sub(whole.max(1));
        let last_offset = if total <= whole {
            0.0
        } else {
            (whole as f32 * row_height - view_height + row_height).rem_euclid(row_height)
        };
        // At the end the last row's lower edge meets the view's: the first row is then cut by the rest.
        let (end_first, end_offset) = match (total > whole, last_offset > 0.0) {
            (false, _) => (0, 0.0),
            (true, true) => (last_first.saturating_sub(1), last_offset),
            (true, false) => (last_first, 0.0),
        };
        if self.first > end_first || (self.first == end_first && self.offset > end_offset) {
            *self = Self { first: end_first, offset: end_offset };
        }
    }

    /// Scrolls as little as shows a row whole.
    pub fn reveal(&mut self, row: usize, row_height: f32, view_height: f32) {
        let whole = ((view_height / row_height).floor() as usize).max(1);
        if row < self.first || (row == self.first && self.offset > 0.0) {
            *self = Self { first: row, offset: 0.0 };
        } else if row >= self.first + whole {
            *self = Self { first: row + 1 - whole, offset: 0.0 };
        }
    }
}

/// Draws a scroll bar for `total` rows of which `visible` show; gives the row to which it was dragged.
///
/// The handle's place is computed in rows, not in points of a content that is millions of points high.
pub fn bar(ui: &Ui, id: Id, track: Rect, first: f64, visible: f64, total: usize) -> (Response, Option<f64>) {
    let response = ui.interact(track, id, Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::ScrollBar, true, "Scroll rows"));
    let total_rows = total as f64;
    if total_rows <= visible || track.height() < 8.0 {
        return (response, None);
    }
    let height = f64::from(track.height());
    let handle = (height * visible / total_rows).clamp(f64::from(space::L), height);
    let end = total_rows - visible;
    let top = (first / end).clamp(0.0, 1.0) * (height - handle);
    let wanted =
        response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()).map(|at| {
            let y = f64::from(at.y - track.top()) - handle / 2.0;
            (y / (height - handle)).clamp(0.0, 1.0) * end
        });
    let colors = colors_of(ui.ctx());
    let width =
        if response.hovered() || response.dragged() { track.width() - 2.0 } else { track.width() / 2.0 };
    let rect = Rect::from_min_size(
        pos2(track.right() - width - 1.0, track.top() + top as f32),
        vec2(width, handle as f32),
    );
    let fill = if response.hovered() || response.dragged() { colors.faint } else { colors.line };
    ui.painter().rect_filled(rect, sizes_in_use().corner, fill);
    (response, wanted)
}
