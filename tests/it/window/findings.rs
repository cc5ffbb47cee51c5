//! What is found in the background arrives in the tab, and leads to its row.

use crate::stores::session_do::apart;
use crate::support::database;

use super::{click, wait, window};

#[test]
fn what_is_found_in_the_background_arrives_and_leads_to_its_row() {
    let sql = format!(
        "{} INSERT INTO messages VALUES ('broken', 'user', 'Look here', '[{{', 1769972700);",
        apart()
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let mut window = window(&[&path]);
    wait(&mut window, "A question");
    click(&mut window, "Findings");
    wait(&mut window, "broken-json");
    click(&mut window, "broken-json");
    wait(&mut window, "Show the row");
    click(&mut window, "Show the row");
    wait(&mut window, "Look here");
}
