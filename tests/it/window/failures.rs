use std::fs;

use super::{click, wait, window};
use crate::stores::session_do::SHIP;
use crate::support::database;

#[test]
fn a_missing_file_says_so_and_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gone.db");
    let mut window = window(&[&path]);
    wait(&mut window, "There is no file or folder");
    wait(&mut window, "Check the path.");
    let (_other, there) = database("x.db", SHIP);
    fs::copy(there, &path).expect("a copy");
    click(&mut window, "Try again");
    wait(&mut window, "A question");
}

#[test]
fn a_file_that_is_no_store_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, sentence) in [
        ("empty.db", &b""[..], "it is empty (0 bytes)"),
        ("nul.json", &[0; 100], "all of its 100 bytes are NUL"),
        ("poem.txt", b"Roses are red", "none of the documents that are known"),
        ("short.db", b"SQLite format 3\0 and no more", "The file is damaged"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        let mut window = window(&[&path]);
        wait(&mut window, sentence);
    }
}

#[test]
fn a_hot_journal_is_read_as_a_private_copy_when_the_user_says_so() {
    let (_folder, path) = database("store.db", SHIP);
    // A journal that must be rolled back: SQLite refuses to read the file without writing it.
    let before = fs::read(&path).expect("the database");
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for word in [1_u32, 0, (before.len() / 4096) as u32, 512, 4096] {
        journal.extend(word.to_be_bytes());
    }
    journal.resize(512, 0);
    journal.extend(1_u32.to_be_bytes());
    journal.extend(&before[..4096]);
    let sum = (1..=20).rev().map(|i| u32::from(before[4096 - 200 * i])).fold(0_u32, u32::wrapping_add);
    journal.extend(sum.to_be_bytes());
    let beside = path.with_file_name("store.db-journal");
    fs::write(&beside, &journal).expect("written");

    let mut window = window(&[&path]);
    wait(&mut window, "its last transaction was broken off");
    click(&mut window, "Open a private copy");
    wait(&mut window, "A question");
    wait(&mut window, "Private copy");
    assert_eq!(fs::read(&path).expect("the database"), before);
    assert_eq!(fs::read(&beside).expect("the journal"), journal);
}

#[test]
fn hidden_characters_are_shown() {
    let sql = format!(
        "{SHIP} INSERT INTO messages VALUES ('h', 'user', 'pay ' || char(0x202e) || 'gnp.exe' || char(0) || char(27), NULL, 1769972650);
         INSERT INTO messages VALUES ('i', 'user', CAST(x'63616671ff' AS TEXT), NULL, 1769972651);"
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "pay ‹U+202E›gnp.exe‹U+0000›‹U+001B›");
    wait(&mut window, "cafq‹xFF›");
}
