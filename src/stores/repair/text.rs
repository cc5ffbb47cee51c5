//! Writes a text file: changed in memory, and put in the file's place at the commit.

use std::path::Path;

use super::guard::Identity;
use super::{moves, swap};
use crate::core::repair::{Edit, EditKind, Held, Performed, RepairError, Standing, Watch, WriteStore};

/// A text that edits change, read from a file.
pub trait Text {
    fn standing(&self, edit: &Edit) -> Standing;

    /// Does an edit that the text stands before.
    fn change(&mut self, edit: &Edit);

    fn assemble(&self) -> String;
}

type Read<'a> = Box<dyn Fn(Vec<u8>) -> Result<Box<dyn Text>, RepairError> + 'a>;

/// A text file that is open for writing. There is no lock: what is exchanged shows whether it was the text that was read.
pub struct TextWriter<'a> {
    path: &'a Path,
    identity: Option<Identity>,
    read: Read<'a>,
    begun: Option<Begun>,
    done: u64,
}

struct Begun {
    old: Vec<u8>,
    text: Box<dyn Text>,
    new: String,
}

impl<'a> TextWriter<'a> {
    pub fn new(
        path: &'a Path,
        identity: Option<Identity>,
        read: impl Fn(Vec<u8>) -> Result<Box<dyn Text>, RepairError> + 'a,
    ) -> Self {
        Self { path, identity, read: Box::new(read), begun: None, done: 0 }
    }
}

impl WriteStore for TextWriter<'_> {
    fn begin(&mut self) -> Result<(), RepairError> {
        let old = swap::read(self.path, self.identity)?;
        let text = (self.read)(old.clone())?;
        self.begun = Some(Begun { old, text, new: String::new() });
        self.done = 0;
        Ok(())
    }

    fn perform(&mut self, edit: &Edit) -> Result<Performed, RepairError> {
        if edit.kind == EditKind::Move {
            return moves::perform(edit);
        }
        let Some(begun) = &mut self.begun else { return Ok(Performed::Left("nothing was begun".into())) };
        match begun.text.standing(edit) {
            Standing::Before => begun.text.change(edit),
            Standing::After => return Ok(Performed::Left("it is done already".into())),
            Standing::Changed(how) => return Ok(Performed::Left(how)),
        }
        self.done += 1;
        Ok(Performed::Done(1))
    }

    fn changes(&self) -> u64 {
        self.done
    }

    fn held(&self) -> Held {
        // There is no lock that anybody waits for.
        Held::Fresh
    }

    fn intent(&mut self) -> Vec<(&'static str, String)> {
        let Some(begun) = self.begun.as_mut().filter(|_| self.done > 0) else { return Vec::new() };
        begun.new = begun.text.assemble();
        vec![("old_print", moves::print_of(&begun.old)), ("new_print", moves::print_of(begun.new.as_bytes()))]
    }

    fn commit(&mut self, watch: &mut Watch<'_>) -> Result<(), RepairError> {
        match self.begun.take() {
            Some(begun) if self.done > 0 => {
                let replaced = swap::replace(self.path, &begun.old, begun.new.as_bytes(), watch);
                // Another batch finds the file that took the old one's place.
                self.identity = Identity::read(self.path);
                replaced
            }
            _ => Ok(()),
        }
    }

    fn rollback(&mut self) {
        self.begun = None;
    }

    fn locks_us(&self) -> &[u64] {
        &[]
    }
}
