//! What is wrong with a transcript, or worth knowing.

use super::reading::Seen;
use super::tallies::unnamed;
use crate::core::{Defect, Finding, Severity, Tally};

/// The findings of a transcript as far as it was read.
pub fn of(seen: &Seen) -> Vec<Finding> {
    let tell = |lines: &Tally, defect: Defect| lines.findings(&defect, "messages");
    let mut findings = tell(&seen.broken, broken(seen));
    findings.extend(torn(seen));
    findings.extend(tell(
        &seen.marked,
        Defect::new(
            Severity::Warning,
            "line-bad-utf-8",
            "line has bytes that are not UTF-8",
            "lines have bytes that are not UTF-8",
        )
        .suggest("Each such byte is shown as its number."),
    ));
    findings.extend(tell(
        &seen.duplicates,
        Defect::new(
            Severity::Warning,
            "duplicate-uuid",
            "line has the uuid of an earlier one",
            "lines have the uuid of an earlier one",
        )
        .suggest("All are shown. A resumed session that repeats an older one writes them, and so do two programs at once."),
    ));
    let mut children: Vec<i64> = seen.parents.values().copied().collect();
    children.sort_unstable();
    findings.extend(tell(
        &evidence(children.into_iter().map(|number| format!("line {number}"))),
        Defect::new(
            Severity::Info,
            "parent-missing",
            "line follows one that is not in this file",
            "lines follow one that is not in this file",
        )
        .suggest("It stands in the transcript that this one goes on from, or was lost; Claude resumes from there only what follows."),
    ));
    findings.extend(tell(
        &seen.errors,
        Defect::new(Severity::Info, "api-error", "request to the API failed", "requests to the API failed")
            .suggest("What the API answered is the message's text."),
    ));
    let open = seen.calls.open();
    findings.extend(tell(
        &evidence(open.into_iter().map(|(number, name)| format!("{name} (line {number})"))),
        Defect::new(
            Severity::Info,
            "tool-call-unanswered",
            "tool call has no result",
            "tool calls have no result",
        )
        .suggest("It still runs, or was interrupted."),
    ));
    findings.extend(seen.unknown.iter().flat_map(|(kind, lines)| tell(lines, unknown(kind))));
    findings
}

fn broken(seen: &Seen) -> Defect {
    let nul = match seen.nul.count() {
        0 => "",
        _ => " NUL bytes are what a crash leaves of what was being written.",
    };
    Defect::new(Severity::Error, "broken-line", "line is no JSON object", "lines are no JSON objects").suggest(format!(
        "Each is shown as it is. Claude passes over such a line: what it said is missing from a resumed session.{nul}"
    ))
}

fn torn(seen: &Seen) -> Option<Finding> {
    let (number, at) = seen.torn?;
    let message = format!("The last line is not finished: line {number}, from byte {at} on");
    let finding = Finding::info("torn-last-line", message).at("messages", unnamed(number));
    Some(finding.suggest("It is probably being written. If nothing writes it any more, the program was ended in the middle of it."))
}

fn unknown(kind: &str) -> Defect {
    let of = match kind {
        "" => "of no kind".to_owned(),
        kind => format!("of a kind that is not known, {kind}"),
    };
    let mut defect =
        Defect::new(Severity::Info, "unknown-line", "", "").suggest("They are shown as they are written.");
    defect.said = [format!("line is {of}").into(), format!("lines are {of}").into()];
    defect
}

/// Lines that are told by evidence alone.
fn evidence(lines: impl Iterator<Item = String>) -> Tally {
    let mut tally = Tally::default();
    lines.for_each(|line| tally.add(|| (String::new(), line)));
    tally
}
