//! What is wrong with a transcript, or worth knowing.

use super::reading::Seen;
use crate::core::Finding;

/// The findings of a transcript as far as it was read.
pub fn of(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |finding: Finding, key: String| findings.push(finding.at("messages", key));
    if seen.broken.count > 0 {
        let what = counted(seen.broken.count, "line is no JSON object", "lines are no JSON objects");
        let nul = match seen.nul.count {
            0 => "",
            _ => "; NUL bytes are what a crash leaves of what was being written",
        };
        let message = format!("{what}: {}{nul}", seen.broken.words());
        add(
            Finding::error("broken-line", message)
                .suggest("Each is shown as it is. Claude passes over such a line: what it said is missing from a resumed session."),
            seen.broken.key.clone(),
        );
    }
    if let Some((number, at)) = seen.torn {
        let message = format!("The last line is not finished: line {number}, from byte {at} on");
        add(
            Finding::info("torn-last-line", message)
                .suggest("It is probably being written. If nothing writes it any more, the program was ended in the middle of it."),
            format!("line-{number}"),
        );
    }
    if seen.marked.count > 0 {
        let what = counted(seen.marked.count, "line has", "lines have");
        let message = format!("{what} bytes that are not UTF-8: {}", seen.marked.words());
        add(
            Finding::warning("line-bad-utf-8", message).suggest("Each such byte is shown as its number."),
            seen.marked.key.clone(),
        );
    }
    if seen.duplicates.count > 0 {
        let what = counted(seen.duplicates.count, "line has", "lines have");
        let message = format!("{what} the uuid of an earlier one: {}", seen.duplicates.words());
        add(
            Finding::warning("duplicate-uuid", message)
                .suggest("All are shown. A resumed session that repeats an older one writes them, and so do two programs at once."),
            seen.duplicates.key.clone(),
        );
    }
    parents(seen, &mut add);
    if seen.errors.count > 0 {
        let what = counted(seen.errors.count, "request", "requests");
        let message = format!("{what} to the API failed: {}", seen.errors.words());
        add(
            Finding::info("api-error", message).suggest("What the API answered is the message's text."),
            seen.errors.key.clone(),
        );
    }
    let open = seen.calls.open();
    if !open.is_empty() {
        let named: Vec<String> =
            open.iter().take(10).map(|(number, name)| format!("{name} (line {number})")).collect();
        let more = match open.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = counted(open.len() as u64, "tool call has", "tool calls have");
        let message = format!("{what} no result: {}{more}", named.join(", "));
        add(
            Finding::info("tool-call-unanswered", message).suggest("It still runs, or was interrupted."),
            String::new(),
        );
    }
    for (kind, places) in &seen.unknown {
        let what = counted(places.count, "line is", "lines are");
        let kind = if kind.is_empty() {
            "of no kind".to_owned()
        } else {
            format!("of a kind that is not known, {kind}")
        };
        let message = format!("{what} {kind}: {}", places.words());
        add(
            Finding::info("unknown-line", message).suggest("They are shown as they are written."),
            places.key.clone(),
        );
    }
    findings
}

fn parents(seen: &Seen, add: &mut dyn FnMut(Finding, String)) {
    let mut numbers: Vec<i64> = seen.parents.values().copied().collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return;
    }
    let named: Vec<String> = numbers.iter().take(10).map(|n| format!("line {n}")).collect();
    let more = match numbers.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = counted(numbers.len() as u64, "line follows", "lines follow");
    let message = format!("{what} one that is not in this file: {}{more}", named.join(", "));
    add(
        Finding::info("parent-missing", message)
            .suggest("It stands in the transcript that this one goes on from, or was lost; Claude resumes from there only what follows."),
        String::new(),
    );
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
