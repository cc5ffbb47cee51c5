//! What is wrong with the arguments, in one line like every other error.

/// The sentence in an error of the argument parser, which takes several lines, with its tips.
pub fn one_line(error: &str) -> String {
    let mut text = String::new();
    let said = error
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    for line in said.filter(|line| !line.is_empty()) {
        let line = line.trim_start_matches("error: ").trim_start_matches("tip: ");
        let between = match text.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) if line.starts_with('[') => " ",
            Some(_) if line.starts_with(['-', '<']) => ", ",
            Some(_) => "; ",
        };
        text.push_str(between);
        text.push_str(line);
    }
    let mut chars = text.chars();
    let first = chars.next().map_or('T', |c| c.to_ascii_uppercase());
    let rest = chars.as_str().trim_end_matches('.').replace(['[', ']'], "");
    format!("{first}{rest}. Ask `sessionscope help` for what it takes.")
}
