//! What the user wants: one enum for buttons, menus, keys and the palette.

use std::path::PathBuf;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::model::{SessionExport, SourceId, Stop, Tab};
use super::repair_view::Field;
use crate::core::repair::Offer;
use crate::core::{RowKey, Table};

/// What the user wants. Views return it; the application carries it out.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    OpenFile,
    OpenFolder,
    TypePath,
    Open(PathBuf),
    OpenSamples,
    /// Open a member of a folder.
    OpenMember(SourceId, usize),
    OpenCopy(SourceId),
    Retry(SourceId),
    Close(SourceId),
    CloseCurrent,
    CancelWalk(SourceId),
    Select(SourceId),
    SelectSession(SourceId, Option<String>, Option<String>),
    Show(Tab),
    ShowNative(String),
    /// Show a table of the store's own under Tables.
    ShowTable(String),
    NextTab,
    PreviousTab,
    ToggleTranscript,
    /// Keep the newest row in view as rows arrive, or no longer.
    ToggleFollow,
    /// Look again at what became of a file that was lost.
    LookAgain(SourceId),
    ToggleDetails,
    /// Show or hide the turns beside a conversation.
    ToggleOutline,
    /// Go to a message, in the conversation or in its table.
    GoToMessage(RowKey),
    ToggleTheme,
    ToggleZone,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Palette,
    Keys,
    Filter,
    FilterSessions,
    ClearFilters,
    /// Open the search in everything that is open, or in the table that shows.
    Search,
    SearchTab,
    /// Search for what is typed, without waiting for a pause.
    SearchNow,
    CancelSearch,
    FindNext,
    FindPrevious,
    /// Show the row of a hit.
    JumpTo(usize),
    ShowDetails(Table, RowKey),
    Reveal,
    CopyRows,
    CopyText(String),
    CopyPath,
    Export,
    ExportTo {
        path: PathBuf,
        format: String,
        selected_only: bool,
    },
    /// Ask how a session shall be exported: this one, or the one that is chosen.
    ExportSession(Option<(SourceId, String)>),
    ExportSessionTo(SessionExport),
    CancelExport,
    CancelScan,
    LoadMessage(usize),
    /// Go to the next message of a kind, or to the one before.
    Step(Stop, bool),
    /// Unfold all parts of the transcript, or fold them.
    FoldAll(bool),
    /// Look for the transcript that a session names.
    FindTranscripts(String),
    /// Choose a folder in which transcripts are looked for too.
    ChooseTranscripts,
    LookForTranscripts(PathBuf),
    /// Go to the row of a table that people know by this name.
    ShowNamed(Table, String),
    StopExamining,
    /// Prepare a repair of what is on the screen.
    Repair(Offer),
    /// Prepare the repair of a finding, about the thing of that key.
    Fix(Offer, String),
    /// Prepare the deletion of these sessions.
    DeleteSessions(Vec<String>),
    /// Compare a file with the database that it was imported into.
    Compare {
        from: PathBuf,
        into: PathBuf,
    },
    /// Make the plan of the repair that is being prepared, once more where there is one.
    PlanRepair,
    ApplyRepair,
    /// Close the repair's dialog; nothing is changed that was not applied.
    CloseRepair,
    /// Choose a file, or a folder, for a field of the repair with the platform's own dialog.
    ChooseFor(Field),
    ExportPlan,
    UndoOperation(String),
    /// Plans again what an operation did not come to.
    FinishOperation(String),
    UndoLast,
    AskForget(String),
    Forget(String),
    Quit,
}

/// A command that needs nothing more to be said: it is in the palette and has a key.
pub struct Entry {
    pub command: Command,
    pub label: &'static str,
    pub shortcut: Option<KeyboardShortcut>,
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers =
    Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

/// All commands of the palette, in the order in which it lists them.
pub fn entries() -> Vec<Entry> {
    let entry = |command, label, modifiers: Modifiers, key| Entry {
        command,
        label,
        shortcut: Some(KeyboardShortcut::new(modifiers, key)),
    };
    let mut entries = vec![
        entry(Command::OpenFile, "Open file…", CTRL, Key::O),
        entry(Command::OpenFolder, "Open folder…", CTRL_SHIFT, Key::O),
        entry(Command::TypePath, "Open by path…", CTRL, Key::L),
        Entry { command: Command::OpenSamples, label: "Open the samples", shortcut: None },
        entry(Command::CloseCurrent, "Close this source", CTRL, Key::W),
        entry(Command::Palette, "Commands", CTRL, Key::P),
        entry(Command::Search, "Search everywhere", CTRL_SHIFT, Key::F),
        entry(Command::SearchTab, "Search in this tab", CTRL, Key::F),
        entry(Command::FindNext, "Next match", Modifiers::NONE, Key::F3),
        entry(Command::FindPrevious, "Previous match", Modifiers::SHIFT, Key::F3),
        entry(Command::Filter, "Filter the rows", CTRL_SHIFT, Key::L),
        entry(Command::FilterSessions, "Filter the sessions", CTRL_SHIFT, Key::E),
        entry(Command::ClearFilters, "Clear all filters", CTRL_SHIFT, Key::X),
        entry(Command::ToggleTranscript, "Messages as table or transcript", CTRL, Key::T),
        entry(Command::ToggleFollow, "Follow the newest row", CTRL_SHIFT, Key::N),
        entry(Command::ToggleOutline, "Show or hide the outline of turns", CTRL, Key::M),
        entry(Command::ToggleDetails, "Show or hide the details", CTRL, Key::I),
        entry(Command::CopyRows, "Copy the selected rows", CTRL_SHIFT, Key::C),
        entry(Command::Export, "Export…", CTRL, Key::E),
        entry(Command::ExportSession(None), "Export session…", CTRL_SHIFT, Key::S),
        Entry { command: Command::Repair(Offer::Prune), label: "Prune…", shortcut: None },
        Entry { command: Command::Repair(Offer::Migrate), label: "Migrate…", shortcut: None },
        Entry {
            command: Command::Repair(Offer::ImportInto),
            label: "Import into this database…",
            shortcut: None,
        },
        Entry {
            command: Command::Repair(Offer::ImportFrom),
            label: "Import this into a database…",
            shortcut: None,
        },
        Entry { command: Command::Repair(Offer::DeleteIssue), label: "Delete by issue…", shortcut: None },
        Entry {
            command: Command::Repair(Offer::DeleteSessions),
            label: "Delete the selected sessions…",
            shortcut: None,
        },
        entry(Command::UndoLast, "Undo the last repair…", CTRL, Key::Z),
        Entry {
            command: Command::ChooseTranscripts,
            label: "Choose a folder with transcripts…",
            shortcut: None,
        },
        Entry { command: Command::CopyPath, label: "Copy the file's path", shortcut: None },
        entry(Command::NextTab, "Next tab", CTRL, Key::PageDown),
        entry(Command::PreviousTab, "Previous tab", CTRL, Key::PageUp),
    ];
    let plain = |stop, forward, label, key| entry(Command::Step(stop, forward), label, Modifiers::NONE, key);
    let back = |stop, label, key| entry(Command::Step(stop, false), label, Modifiers::SHIFT, key);
    entries.extend([
        plain(Stop::Message, true, "Next message", Key::J),
        plain(Stop::Message, false, "Previous message", Key::K),
        plain(Stop::Turn, true, "Next turn", Key::N),
        back(Stop::Turn, "Previous turn", Key::N),
        plain(Stop::ToolCall, true, "Next tool call", Key::T),
        back(Stop::ToolCall, "Previous tool call", Key::T),
        plain(Stop::Error, true, "Next error", Key::E),
        back(Stop::Error, "Previous error", Key::E),
        Entry { command: Command::FoldAll(true), label: "Unfold all of the transcript", shortcut: None },
        Entry { command: Command::FoldAll(false), label: "Fold all of the transcript", shortcut: None },
    ]);
    let digits =
        [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    for (tab, digit) in Tab::ALL.into_iter().zip(digits) {
        entries.push(entry(Command::Show(tab), show_label(tab), CTRL, digit));
    }
    entries.extend([
        entry(Command::ToggleTheme, "Dark or light theme", CTRL_SHIFT, Key::T),
        entry(Command::ToggleZone, "Times in UTC or local time", CTRL_SHIFT, Key::U),
        entry(Command::ZoomIn, "Zoom in", CTRL, Key::Plus),
        entry(Command::ZoomOut, "Zoom out", CTRL, Key::Minus),
        entry(Command::ZoomReset, "Zoom to 100 %", CTRL, Key::Num0),
        entry(Command::Keys, "Keyboard shortcuts", Modifiers::NONE, Key::F1),
        entry(Command::Quit, "Quit", CTRL, Key::Q),
    ]);
    entries
}

fn show_label(tab: Tab) -> &'static str {
    match tab {
        Tab::Overview => "Show the overview",
        Tab::Messages => "Show messages",
        Tab::Tasks => "Show tasks",
        Tab::Heartbeats => "Show heartbeats",
        Tab::State => "Show state",
        Tab::Migrations => "Show migrations",
        Tab::Findings => "Show findings",
        Tab::Tables => "Show the store's own tables",
        Tab::Operations => "Show operations",
    }
}

/// A key as people write it: `Ctrl Shift O`.
pub fn key_text(shortcut: &KeyboardShortcut) -> String {
    let mut parts = Vec::new();
    if shortcut.modifiers.command || shortcut.modifiers.ctrl {
        parts.push("Ctrl");
    }
    if shortcut.modifiers.shift {
        parts.push("Shift");
    }
    let key = shortcut.logical_key;
    parts.push(match key {
        Key::Plus => "+",
        Key::Minus => "-",
        _ => key.name(),
    });
    parts.join(" ")
}

/// Second keys of commands, for hands that know them from elsewhere.
fn more_keys() -> [(Command, KeyboardShortcut); 2] {
    [
        (Command::FindPrevious, KeyboardShortcut::new(CTRL_SHIFT, Key::G)),
        (Command::FindNext, KeyboardShortcut::new(CTRL, Key::G)),
    ]
}

/// The commands whose keys were pressed.
pub fn pressed(ctx: &egui::Context) -> Vec<Command> {
    let own = entries().into_iter().filter_map(|e| Some((e.command, e.shortcut?)));
    let mut keys: Vec<(Command, KeyboardShortcut)> = own.chain(more_keys()).collect();
    // The longer combinations first: Ctrl Shift O is not Ctrl O.
    keys.sort_by_key(|(_, key)| !key.modifiers.shift);
    // A letter that is typed is text.
    if ctx.text_edit_focused() {
        keys.retain(|(_, key)| key.modifiers.command || key.logical_key == Key::F1);
    }
    ctx.input_mut(|input| {
        keys.into_iter().filter(|(_, key)| input.consume_shortcut(key)).map(|(command, _)| command).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_two_commands_share_a_key() {
        let mut seen = HashSet::new();
        for entry in super::entries() {
            if let Some(shortcut) = entry.shortcut {
                assert!(!super::more_keys().iter().any(|(_, key)| *key == shortcut), "{}", entry.label);
                assert!(seen.insert(super::key_text(&shortcut)), "{} has a key twice", entry.label);
            }
        }
    }
}
