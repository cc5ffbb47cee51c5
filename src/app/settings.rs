//! What the window remembers from one start to the next.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ui::model::Layout;

/// So many recent sources are kept.
const MOST_RECENT: usize = 10;

/// The theme, the layout and the recent sources, in `settings.json` of the data folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub dark: Option<bool>,
    pub zoom: f32,
    pub local_time: bool,
    pub details_open: bool,
    pub outline: bool,
    pub transcript: bool,
    pub sources_width: Option<f32>,
    pub details_width: Option<f32>,
    pub window: Option<[f32; 2]>,
    pub recent: Vec<PathBuf>,
    /// Folders with transcripts that were chosen, the newest first.
    pub transcripts: Vec<PathBuf>,
    pub layouts: BTreeMap<String, Layout>,
    /// Nothing is written.
    #[serde(skip)]
    pub forgetful: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dark: None,
            zoom: 1.0,
            local_time: false,
            details_open: true,
            outline: true,
            transcript: false,
            sources_width: None,
            details_width: None,
            window: None,
            recent: Vec::new(),
            transcripts: Vec::new(),
            layouts: BTreeMap::new(),
            forgetful: false,
        }
    }
}

impl Settings {
    /// Reads them; a file that is missing or broken is as good as none.
    pub fn load() -> Self {
        let text = file().and_then(|path| fs::read_to_string(path).ok());
        let mut settings: Self = text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
        settings.zoom = settings.zoom.clamp(0.5, 3.0);
        settings
    }

    /// Writes them beside the old ones and swaps them in. What cannot be written is not remembered: nothing worse.
    pub fn save(&self) {
        let Some(path) = file().filter(|_| !self.forgetful) else { return };
        let Some(folder) = path.parent() else { return };
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut new, self)?;
            new.persist(&path)?;
            Ok(())
        };
        let _ = write();
    }

    /// Puts a path first among the recent ones.
    pub fn opened(&mut self, path: &std::path::Path) {
        self.recent.retain(|p| p != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(MOST_RECENT);
    }
}

fn file() -> Option<PathBuf> {
    Some(crate::stores::data_folder()?.join("settings.json"))
}
