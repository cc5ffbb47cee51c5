//! Texts that nobody would write: no panic, and nothing that was not meant.

use proptest::prelude::{any, prop_assert};
use sessionscope::stores::wrangler_move::{MoveError, delete_unbound, move_bound};

use super::{only_what_is_said_changed, shipped};

/// Configurations in every form, to be spoilt.
fn sound() -> Vec<String> {
    let mut texts = ["1-key-value.jsonc", "4-deployed.jsonc", "session-manager.toml"].map(shipped).to_vec();
    texts.push(
        "durable_objects.bindings = [{name='A',class_name='A'}] # b\nmigrations = [ # m\n {tag='v1',new_classes=['A']} # c\n]\n"
            .to_owned(),
    );
    texts.push(
        "{\"durable_objects\":{\"bindings\":[{\"name\":\"A\",\"class_name\":\"A\"}]}, /* , */ \"migrations\":[{\"tag\":\"v1\", // é\n\"new_classes\":[\"A\",\"B\"]}\n,{\"tag\":\"v2\",\"renamed_classes\":[{\"from\":\"B\",\"to\":\"C\"}]}],\"env\":{\"e\":{\"durable_objects\":{\"bindings\":[{\"name\":\"A\",\"class_name\":\"A\"}]}}}}"
            .to_owned(),
    );
    texts
}

/// Puts words in other places, cuts, and doubles: what is left often still parses.
fn spoilt(text: &str, spoils: &[(u8, usize, usize)]) -> String {
    const PIECES: [&str; 24] = [
        ",",
        "\n",
        "\r\n",
        " ",
        "\t",
        "//",
        "/* x */",
        "# x\n",
        "// x\n",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "é",
        "\u{feff}",
        "=",
        ":",
        "\"tag\":\"v1\",",
        "[[migrations]]\n",
        "[env.e]\n",
        "null",
        "\0",
    ];
    let mut text: Vec<char> = text.chars().collect();
    for (kind, a, b) in spoils {
        let at = a % (text.len() + 1);
        let end = (at + b % 12).min(text.len());
        match kind % 4 {
            0 => drop(text.drain(at..end)),
            1 => {
                let piece: Vec<char> = text[at..end].to_vec();
                text.splice(at..at, piece);
            }
            2 => drop(text.splice(at..at, PIECES[b % PIECES.len()].chars())),
            _ => {
                // White space and comments may stand almost anywhere between words.
                let space =
                    text[at..].iter().position(|c| ",:{}[]\n".contains(*c)).map_or(at, |more| at + more);
                drop(text.splice(space..space, PIECES[b % 9].chars()));
            }
        }
    }
    text.into_iter().collect()
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(1000))]

    #[test]
    fn a_spoilt_configuration_is_refused_or_changed_as_said(
        which in 0_usize..5,
        spoils in proptest::collection::vec((any::<u8>(), 0_usize..2000, any::<usize>()), 1..5),
    ) {
        let text = spoilt(&sound()[which], &spoils);
        for result in [move_bound(&text), delete_unbound(&text)] {
            match result {
                Ok(done) => only_what_is_said_changed(&text, &done),
                Err(error) => {
                    prop_assert!(!matches!(error, MoveError::Unmeant { .. }), "{error}\n{text}");
                }
            }
        }
    }
}

#[test]
fn many_of_everything_take_no_time_to_speak_of() {
    let many = |item: &dyn Fn(usize) -> String| (0..5_000).map(item).collect::<Vec<_>>().join(",");
    let bindings = many(&|n| format!(r#"{{"name":"N{n}","class_name":"C{n}"}}"#));
    let classes = many(&|n| format!(r#""C{n}""#));
    let environments = many(&|n| {
        format!(
            r#""e{n}":{{"durable_objects":{{"bindings":[{{"name":"N","class_name":"G{n}"}},{{"name":"M","class_name":"C{n}"}}]}}}}"#
        )
    });
    let text = format!(
        r#"{{"durable_objects":{{"bindings":[{bindings}]}},"migrations":[{{"tag":"v1","new_classes":[{classes}]}}],"env":{{{environments}}}}}"#
    );
    let done = move_bound(&text).expect("moved");
    assert_eq!((done.changes.len(), done.kept.len()), (10_001, 5_000));
    assert_eq!(delete_unbound(&done.text).expect("deleted").changes.len(), 1);
}
