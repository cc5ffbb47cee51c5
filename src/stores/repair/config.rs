//! A wrangler configuration as something that is migrated: its classes move, in the way that deploys.

use std::path::Path;
use std::sync::Arc;

use super::guard::{self, Identity};
use super::text::{Text, TextWriter};
use super::{moves, swap};
use crate::core::KeyId;
use crate::core::repair::{
    Action, Edit, EditKind, Item, Needs, Offer, Permit, Record, RepairError, SessionStore, Standing,
    StepLine, StepPlan, Target, WriteStore,
};
use crate::stores::wrangler::{self, moving};

/// The table that lines about the text are in.
const TABLE: &str = "text";
/// What `--to` names: the usual step, and the last one, which destroys data once it is deployed.
const MOVE: &str = "move";
const DELETE: &str = "delete-unbound";

/// A configuration that is open for repairs.
pub struct ConfigFile {
    target: Target,
    identity: Option<Identity>,
    text: String,
}

impl ConfigFile {
    pub fn open(path: &Path) -> Result<Self, RepairError> {
        let identity = Identity::read(path);
        let text = text(path, swap::read(path, identity)?)?;
        let target = Target { path: path.to_owned(), stores: vec![wrangler::ADAPTER.id], exists: true };
        Ok(Self { target, identity, text })
    }
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, RepairError> {
    String::from_utf8(bytes)
        .map_err(|_| RepairError::Damaged { reason: "its text is not UTF-8".into(), path: path.to_owned() })
}

/// The whole text is the row that changes.
struct Whole(String);

impl Text for Whole {
    fn standing(&self, edit: &Edit) -> Standing {
        let is = |record: &Option<Record>| record.as_ref().and_then(|r| r.text(0)) == Some(&self.0);
        match (is(&edit.before), is(&edit.after)) {
            (true, _) => Standing::Before,
            (_, true) => Standing::After,
            _ => Standing::Changed("its text is another now".into()),
        }
    }

    fn change(&mut self, edit: &Edit) {
        if let Some(text) = edit.after.as_ref().and_then(|r| r.text(0)) {
            self.0 = text.to_owned();
        }
    }

    fn assemble(&self) -> String {
        self.0.clone()
    }
}

impl SessionStore for ConfigFile {
    fn target(&self) -> &Target {
        &self.target
    }

    fn noun(&self, _table: &str) -> &'static str {
        "configuration"
    }

    fn offers(&self) -> Vec<Offer> {
        super::offers_of_document(wrangler::ADAPTER.id)
    }

    fn ensure_writable(&self) -> Result<(), RepairError> {
        guard::ensure_plain(&self.target.path, self.identity)
    }

    fn check(&self) -> Result<(), RepairError> {
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        guard::warnings(&self.target.path)
    }

    fn caution(&self) -> Option<&'static str> {
        Some(
            "This changes the text alone, and an undo takes back the text alone: what has been deployed stays deployed.",
        )
    }

    fn standing(&self, edit: &Edit) -> Result<Standing, RepairError> {
        if edit.kind == EditKind::Move {
            return Ok(moves::standing(edit));
        }
        let path = &self.target.path;
        Ok(Whole(text(path, swap::read(path, None)?)?).standing(edit))
    }

    fn deletion(&self, _table: &Arc<str>, _id: &KeyId) -> Result<Option<Edit>, RepairError> {
        Ok(None)
    }

    fn migration(&self, needs: Needs<'_>) -> Result<StepPlan, RepairError> {
        let Needs::Version(to) = needs else {
            return Err(RepairError::unsupported(self, "Nothing can be imported into a configuration"));
        };
        let moved = match to {
            None | Some(MOVE) => moving::move_bound(&self.text),
            Some(DELETE) => moving::delete_unbound(&self.text),
            Some(other) => {
                return Err(RepairError::Usage {
                    reason: format!(
                        "A configuration is migrated to `{MOVE}`, or in a later deploy to `{DELETE}`, not to {other}"
                    ),
                });
            }
        };
        let moved = moved.map_err(|error| RepairError::Text {
            reason: error.to_string(),
            hint: error.hint().to_owned(),
            path: self.target.path.clone(),
        })?;
        let table: Arc<str> = TABLE.into();
        let mut lines: Vec<StepLine> = Vec::new();
        for change in &moved.changes {
            let action = if change.insert { Action::Insert } else { Action::Update };
            let before = change.before.as_ref().map_or(String::new(), |b| format!("{b} becomes "));
            let reason = format!("{}: {before}{}", change.reason.trim_end_matches('.'), change.after);
            // All pieces are of one text, which changes whole: the last line brings it.
            lines.push(match lines.len() + 1 == moved.changes.len() {
                true => {
                    let record = |text: &str| Record::of_texts(&[text]);
                    let edit = Edit::update(&table, KeyId::Row(0), record(&self.text), record(&moved.text));
                    StepLine::change(action, &change.place, reason, edit)
                }
                false => {
                    let item = Item::line(action, "step", &table, &change.place, reason);
                    StepLine { item, imports: None }
                }
            });
        }
        lines.extend(moved.kept.iter().map(|kept| StepLine::kept(TABLE, &kept.place, kept.reason.as_str())));
        Ok(StepPlan { lines, warnings: moved.warnings, needs_backup: false })
    }

    fn writer(&self, permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        let path = &self.target.path;
        Ok(Box::new(TextWriter::new(permit, path, self.identity, move |bytes| {
            text(path, bytes).map(|text| Box::new(Whole(text)) as Box<dyn Text>)
        })))
    }

    fn backup(&self, to: &Path) -> Result<(), RepairError> {
        std::fs::write(to, &self.text)
            .map_err(|error| swap::failure(&error, "The copy cannot be written", to))
    }
}
