//! Things side by side, of which those without room are in a menu at their end.

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Response, RichText, Ui, WidgetInfo, vec2};

use super::Command;
use super::theme::{colors_of, sizes_in_use, strong_font};
use super::widgets;

/// Something that can be done with what shows.
pub struct Action {
    pub text: String,
    pub hint: &'static str,
    pub command: Command,
    /// Of something that is on or off, whether it is on.
    pub on: Option<bool>,
}

impl Action {
    pub fn new(text: impl Into<String>, hint: &'static str, command: Command) -> Self {
        Self { text: text.into(), hint, command, on: None }
    }

    /// How much of a bar it takes, with the space beside it, in points.
    pub fn width(&self, ui: &Ui) -> f32 {
        widgets::button_width(ui, &self.text) + ui.spacing().item_spacing.x
    }

    /// Draws it as a button of a bar.
    pub fn show(&self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let Some(on) = self.on else {
            if widgets::button(ui, &self.text, self.hint).clicked() {
                commands.push(self.command.clone());
            }
            return;
        };
        let colors = colors_of(ui.ctx());
        let text = RichText::new(&self.text).color(if on { colors.text } else { colors.muted });
        let response = ui.add(egui::Button::selectable(on, text).min_size(vec2(0.0, sizes_in_use().control)));
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &self.text));
        if response.on_hover_text(self.hint).clicked() {
            commands.push(self.command.clone());
        }
    }

    /// Draws it as a line of a menu.
    fn line(&self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let text = if self.on == Some(true) { format!("✓ {}", self.text) } else { self.text.clone() };
        let response = ui.button(text);
        if let Some(on) = self.on {
            response.widget_info(|| WidgetInfo::selected(Role::MenuItemCheckBox, true, on, &self.text));
        }
        if response.on_hover_text(self.hint).clicked() {
            commands.push(self.command.clone());
        }
    }
}

/// How wide the menu's button is, with the space beside it, in points.
pub fn menu_width(ui: &Ui) -> f32 {
    sizes_in_use().control + ui.spacing().item_spacing.x
}

/// How many of these widths there is room for, beside the button `menu` of the menu where not for all.
pub fn fit(widths: impl Iterator<Item = f32>, room: f32, menu: f32) -> usize {
    let widths: Vec<f32> = widths.collect();
    if widths.iter().sum::<f32>() <= room {
        return widths.len();
    }
    let mut used = menu;
    let fits = widths.iter().take_while(|width| {
        used += **width;
        used <= room
    });
    fits.count()
}

/// The button of what there is no room for.
pub fn menu(ui: &mut Ui, name: &'static str, content: impl FnOnce(&mut Ui)) -> Response {
    let size = sizes_in_use().control;
    let text = RichText::new("⋯").font(strong_font()).color(colors_of(ui.ctx()).muted);
    let button = egui::Button::new(text).frame_when_inactive(false).min_size(vec2(size, size));
    let response = MenuButton::from_button(button).ui(ui, content).0;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    response.on_hover_text(name)
}

/// Draws actions as the lines of a menu.
pub fn lines(ui: &mut Ui, actions: &[Action], commands: &mut Vec<Command>) {
    for action in actions {
        action.line(ui, commands);
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn the_menu_takes_room_only_where_something_is_in_it() {
        let fit = |widths: &[f32], room| fit(widths.iter().copied(), room, 30.0);
        assert_eq!(fit(&[50.0, 50.0], 100.0), 2);
        assert_eq!(fit(&[50.0, 50.0], 99.0), 1);
        assert_eq!(fit(&[50.0, 50.0], 79.0), 0);
        // What stands behind one without room is in the menu with it: the order stays.
        assert_eq!(fit(&[90.0, 10.0], 60.0), 0);
    }
}
