use std::fs;

use sessionscope::core::search::Mode;
use sessionscope::stores::sqlite::Cancel;

use super::{hits_of, parsed};
use crate::stores::session_do::SHIP;
use crate::support::{database, opened};

#[test]
fn of_a_damaged_table_all_that_can_be_read_is_found_and_the_damage_is_said() {
    for rows in [3_000, 40_000] {
        let sql = format!(
            "PRAGMA page_size = 4096; {SHIP} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO messages SELECT 'n' || i, 'user', 'a needle ' || i || ' ' || hex(zeroblob(100)), NULL, i FROM n;"
        );
        let (_folder, path) = database("69f1.sqlite", &sql);
        let whole = hits_of(&opened(&path), &parsed("needle", Mode::default()), &Cancel::default()).0.len();
        assert_eq!(whole, rows);
        let mut bytes = fs::read(&path).expect("the file");
        // One leaf of the table, in its middle.
        let needle = format!("a needle {} ", rows / 2);
        let at = memchr::memmem::find(&bytes, needle.as_bytes()).expect("the row");
        let page = at / 4096 * 4096;
        bytes[page..page + 8].fill(0x55);
        fs::write(&path, bytes).expect("damaged");
        let (hits, ended) = hits_of(&opened(&path), &parsed("needle", Mode::default()), &Cancel::default());
        assert!(ended.is_err_and(|e| e.is_damage()));
        let (least, most) = (whole - 60, whole - 5);
        assert!((least..=most).contains(&hits.len()), "{} of {whole}", hits.len());
        let mut keys: Vec<_> = hits.iter().map(|h| h.key.clone()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), hits.len(), "none is found twice");
    }
}
