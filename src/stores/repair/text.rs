//! Writes a text file: changed in memory, and put in the file's place at the commit.

use std::path::{Path, PathBuf};

use super::guard::Identity;
use super::{moves, swap};
use crate::core::repair::{
    Commit, Edit, EditKind, Held, Performed, Permit, RepairError, Standing, Watch, WriteStore,
};

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
    /// Where the new text waits to be exchanged.
    beside: PathBuf,
    /// What was done since the mark.
    since: Vec<Edit>,
}

impl<'a> TextWriter<'a> {
    pub fn new(
        _permit: &Permit,
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
        let beside = swap::prepared(self.path);
        self.begun = Some(Begun { old, text, new: String::new(), beside, since: Vec::new() });
        self.done = 0;
        Ok(())
    }

    fn perform(&mut self, edit: &Edit) -> Result<Performed, RepairError> {
        if edit.kind == EditKind::Move {
            return moves::perform(edit);
        }
        let Some(begun) = &mut self.begun else { return Ok(Performed::Left("nothing was begun".into())) };
        match begun.text.standing(edit) {
            Standing::Before => {
                begun.text.change(edit);
                begun.since.push(edit.clone());
            }
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
        vec![
            ("old_print", moves::print_of(&begun.old)),
            ("new_print", moves::print_of(begun.new.as_bytes())),
            ("prepared", begun.beside.to_string_lossy().into_owned()),
        ]
    }

    fn save(&mut self) -> Result<(), RepairError> {
        self.begun.iter_mut().for_each(|begun| begun.since.clear());
        Ok(())
    }

    fn take_back(&mut self) -> Result<(), RepairError> {
        if let Some(begun) = &mut self.begun {
            for edit in begun.since.drain(..).rev() {
                begun.text.change(&edit.reversed());
                self.done -= 1;
            }
        }
        Ok(())
    }

    fn commit(&mut self, watch: &mut Watch<'_>) -> Commit {
        let Some(begun) = self.begun.take().filter(|_| self.done > 0) else { return Commit::Done };
        match swap::replace(self.path, &begun.beside, &begun.old, begun.new.as_bytes(), watch) {
            Ok(()) => Commit::Done,
            Err(why) => Commit::Failed(why),
        }
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn rollback(&mut self) {
        self.begun = None;
    }

    fn locks_us(&self) -> &[u64] {
        &[]
    }
}
