//! Every way of writing a configuration stays as it is.

use proptest::prelude::{any, prop_assert, prop_assert_eq};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::{deleted, moved};
use crate::stores::wrangler::{found, inline, state};

/// What becomes of a list of migrations, and of nothing else.
fn migrations(before: &str, after: &str) {
    let around = |list: &str, class: &str| {
        format!(
            "{{ // worker\n\"name\":\"w\",\n\"migrations\": {list}, /* and */\n\"durable_objects\":{{\"bindings\":[{{\"class_name\":\"{class}\",\"name\":\"A\"}}]}}}}"
        )
    };
    assert_eq!(moved(&around(before, "A")).text, around(after, "ASqlite"));
}

#[test]
fn a_list_on_one_line_stays_on_one_line() {
    migrations(
        r#"[{"tag":"v1","new_classes":["A"]}]"#,
        r#"[{"tag":"v1","new_classes":["A"]},{"tag":"v2","new_sqlite_classes":["ASqlite"]}]"#,
    );
    migrations(
        r#"[ { "tag" : "v1", "new_classes" : [ "A" ] } ]"#,
        r#"[ { "tag" : "v1", "new_classes" : [ "A" ] }, { "tag" : "v2", "new_sqlite_classes" : [ "ASqlite" ] } ]"#,
    );
    migrations(
        r#"[{ "tag": "v1", "new_classes": ["A",], }, /* last */ ]"#,
        r#"[{ "tag": "v1", "new_classes": ["A",], }, { "tag": "v2", "new_sqlite_classes": ["ASqlite",], }, /* last */ ]"#,
    );
    migrations(
        r#"[{"new_classes": ["A"], "tag": "v1"},  {"new_classes": ["B"], "tag": "v2"}]"#,
        r#"[{"new_classes": ["A"], "tag": "v1"},  {"new_classes": ["B"], "tag": "v2"},  {"new_sqlite_classes": ["ASqlite"], "tag": "v3"}]"#,
    );
}

#[test]
fn comments_stay_beside_what_they_are_about() {
    migrations(
        "[\n\t{ \"tag\": \"v1\", \"new_classes\": [\"A\"] } // the, first\n\t// and last\n]",
        "[\n\t{ \"tag\": \"v1\", \"new_classes\": [\"A\"] }, // the, first\n\t{ \"tag\": \"v2\", \"new_sqlite_classes\": [\"ASqlite\"] }\n\t// and last\n]",
    );
    migrations(
        "[\n  // one\n  { /* t */ \"tag\": /* v */ \"v1\", // a, b\n    \"new_classes\": [\"A\"] /* c, */, },/* d */ // e\n]",
        "[\n  // one\n  { /* t */ \"tag\": /* v */ \"v1\", // a, b\n    \"new_classes\": [\"A\"] /* c, */, },/* d */ // e\n  { \"tag\": \"v2\",\n    \"new_sqlite_classes\": [\"ASqlite\"], },\n]",
    );
    migrations(
        "[{\"tag\":\"v1\",\"new_classes\":[\"A\"]} // only\n]",
        "[{\"tag\":\"v1\",\"new_classes\":[\"A\"]},{\"tag\":\"v2\",\"new_sqlite_classes\":[\"ASqlite\"]} // only\n]",
    );
}

#[test]
fn braces_and_commas_stand_where_their_neighbours_do() {
    migrations(
        "[{\n  \"tag\": \"v1\",\n  \"new_classes\": [\n    \"A\"\n  ]\n}, {\n  \"tag\": \"v2\",\n  \"new_sqlite_classes\": [\n    \"B\"\n  ]\n}]",
        "[{\n  \"tag\": \"v1\",\n  \"new_classes\": [\n    \"A\"\n  ]\n}, {\n  \"tag\": \"v2\",\n  \"new_sqlite_classes\": [\n    \"B\"\n  ]\n}, {\n  \"tag\": \"v3\",\n  \"new_sqlite_classes\": [\n    \"ASqlite\"\n  ]\n}]",
    );
    migrations(
        "[ {\"tag\": \"v1\", \"new_classes\": [\"A\"]} // a\n, {\"tag\": \"v2\"} // b\n]",
        "[ {\"tag\": \"v1\", \"new_classes\": [\"A\"]} // a\n, {\"tag\": \"v2\"} // b\n, {\"tag\": \"v3\", \"new_sqlite_classes\": [\"ASqlite\"]}\n]",
    );
    migrations(
        "[\r\n  {\"tag\":\"v1\",\"new_classes\":[\"A\"]},\r\n\r\n  {\"tag\":\"v2\",\"renamed_classes\":[{\"from\":\"A\",\"to\":\"A0\"},{\"from\":\"A0\",\"to\":\"A\"}]}\r\n]",
        "[\r\n  {\"tag\":\"v1\",\"new_classes\":[\"A\"]},\r\n\r\n  {\"tag\":\"v2\",\"renamed_classes\":[{\"from\":\"A\",\"to\":\"A0\"},{\"from\":\"A0\",\"to\":\"A\"}]},\r\n\r\n  {\"tag\":\"v3\",\"new_sqlite_classes\":[\"ASqlite\"]}\r\n]",
    );
}

/// What becomes of a list of migrations in TOML, and of nothing else.
fn toml(before: &str, after: &str) {
    let around = |list: &str, class: &str| {
        format!("durable_objects.bindings = [{{name='A',class_name='{class}'}}] # b\n{list}")
    };
    assert_eq!(moved(&around(before, "A")).text, around(after, "ASqlite"));
}

#[test]
fn toml_has_lists_in_brackets_too() {
    toml(
        "migrations = [{ tag = \"v1\", new_classes = [\"A\"] }]\n",
        "migrations = [{ tag = \"v1\", new_classes = [\"A\"] }, { tag = \"v2\", new_sqlite_classes = [\"ASqlite\"] }]\n",
    );
    toml(
        "migrations = [ # all\n\t{tag='v1',new_classes=['A']} # first, of all\n]",
        "migrations = [ # all\n\t{tag='v1',new_classes=['A']}, # first, of all\n\t{tag='v2',new_sqlite_classes=['ASqlite']}\n]",
    );
    toml(
        "migrations = [\n  { \"tag\" = 'v1', new_classes = [\n    'A',\n  ] },\n]\n",
        "migrations = [\n  { \"tag\" = 'v1', new_classes = [\n    'A',\n  ] },\n  { \"tag\" = 'v2', \"new_sqlite_classes\" = [\n    'ASqlite',\n  ] },\n]\n",
    );
}

#[test]
fn tables_of_toml_follow_their_neighbours() {
    // No empty lines, no final line end.
    toml(
        "[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"]",
        "[[migrations]]\ntag = \"v1\"\nnew_classes = [\"A\"]\n[[migrations]]\ntag = \"v2\"\nnew_sqlite_classes = [\"ASqlite\"]",
    );
    // Two empty lines, a header that has comments, and one above the next header.
    toml(
        "\r\n\r\n# m\r\n[[ migrations ]] # h\r\n  new_classes=[\r\n    'A', # a\r\n  ]\r\n  tag='v1' # t\r\n# v\r\n[vars]\r\nX=1\r\n",
        "\r\n\r\n# m\r\n[[ migrations ]] # h\r\n  new_classes=[\r\n    'A', # a\r\n  ]\r\n  tag='v1' # t\r\n\r\n\r\n[[ migrations ]]\r\n  new_sqlite_classes=[\r\n    'ASqlite',\r\n  ]\r\n  tag='v2'\r\n# v\r\n[vars]\r\nX=1\r\n",
    );
    // Tables below the last one belong to it.
    toml(
        "\n[[migrations]]\ntag = \"v0\"\nnew_classes = [\"A0\"]\n\n[[migrations]]\ntag = \"v1\"\n\n[[migrations.renamed_classes]]\nfrom = \"A0\"\nto = \"A\"\n# end",
        "\n[[migrations]]\ntag = \"v0\"\nnew_classes = [\"A0\"]\n\n[[migrations]]\ntag = \"v1\"\n\n[[migrations.renamed_classes]]\nfrom = \"A0\"\nto = \"A\"\n# end\n\n[[migrations]]\ntag = \"v2\"\nnew_sqlite_classes = [\"ASqlite\"]",
    );
}

#[test]
fn of_two_keys_of_one_name_the_last_counts() {
    let text = r#"{"durable_objects":{"bindings":[]},"durable_objects":{"bindings":[{"name":"A","class_name":"A","class_name":"B"}]},
        "migrations":[],"migrations":[{"tag":"v1","new_classes":["A","B"]}]}"#;
    let done = moved(text);
    assert_eq!(done.changes[0].after, r#""class_name":"BSqlite""#);
    assert_eq!(done.changes[1].after, r#"{"tag":"v2","new_sqlite_classes":["BSqlite"]}"#);
}

#[test]
fn odd_names_are_quoted() {
    let text = "durable_objects.bindings = [{name='A',class_name='A\"\\'}]\nmigrations = [{tag='v1',new_classes=['A\"\\']}]\n";
    assert_eq!(moved(text).changes[0].after, r#"class_name="A\"\\Sqlite""#);
}

/// How a configuration may be written.
#[derive(Debug, Clone)]
struct Style {
    indent: &'static str,
    eol: &'static str,
    colon: &'static str,
    pad: &'static str,
    quote: &'static str,
    /// Lists, entries and lists of classes over many lines.
    broken: (bool, bool, bool),
    trailing: bool,
    tag_last: bool,
    comments: bool,
    blank: usize,
    mark: bool,
    final_break: bool,
}

impl Style {
    /// Items in brackets at a depth.
    fn list(
        &self,
        brackets: [&str; 2],
        items: &[String],
        broken: bool,
        trailing: bool,
        depth: usize,
    ) -> String {
        let [open, close] = brackets;
        let last = if trailing { "," } else { "" };
        if !broken {
            return format!(
                "{open}{}{}{last}{}{close}",
                self.pad,
                items.join(&format!(",{}", self.pad)),
                self.pad
            );
        }
        let line = |depth: usize| format!("{}{}", self.eol, self.indent.repeat(depth));
        let comment =
            |n: usize| if self.comments { format!(" {} it, {n}", self.comment()) } else { String::new() };
        let mut text = open.to_owned();
        for (n, item) in items.iter().enumerate() {
            let comma = if n + 1 < items.len() { "," } else { last };
            text.push_str(&format!("{}{item}{comma}{}", line(depth + 1), comment(n)));
        }
        format!("{text}{}{close}", line(depth))
    }

    fn is_toml(&self) -> bool {
        self.colon.contains('=')
    }

    fn comment(&self) -> &'static str {
        if self.is_toml() { "#" } else { "//" }
    }

    fn pair(&self, key: &str, value: &str) -> String {
        if self.is_toml() {
            format!("{key}{}{value}", self.colon)
        } else {
            format!("\"{key}\"{}{value}", self.colon)
        }
    }

    fn text(&self, value: &str) -> String {
        format!("{0}{value}{0}", self.quote)
    }

    fn fields(&self, tag: &str, directive: &str, classes: &[&str], depth: usize) -> Vec<String> {
        let classes: Vec<String> = classes.iter().map(|c| self.text(c)).collect();
        let classes = self.list(["[", "]"], &classes, self.broken.2, self.trailing, depth);
        let mut fields = vec![self.pair("tag", &self.text(tag)), self.pair(directive, &classes)];
        if self.tag_last {
            fields.reverse();
        }
        fields
    }

    /// A worker, or an environment of it: its bindings and its migrations, as fields.
    fn worker(&self, bindings: &[(&str, &str)], entries: &[Entry<'_>], depth: usize) -> Vec<String> {
        // An object of TOML stays on one line.
        let broken = self.broken.1 && !self.is_toml();
        let trailing = self.trailing && !self.is_toml();
        let object = |fields: &[String]| self.list(["{", "}"], fields, broken, trailing, depth + 2);
        let bindings: Vec<String> = bindings
            .iter()
            .map(|(n, c)| object(&[self.pair("name", &self.text(n)), self.pair("class_name", &self.text(c))]))
            .collect();
        let entries: Vec<String> = entries
            .iter()
            .map(|(tag, d, classes)| object(&self.fields(tag, d, classes, depth + 3)))
            .collect();
        let list = |items: &[String]| self.list(["[", "]"], items, self.broken.0, self.trailing, depth + 1);
        let objects = self.pair("bindings", &list(&bindings));
        let objects = self.list(["{", "}"], &[objects], false, trailing, depth + 1);
        let mut fields = vec![self.pair("durable_objects", &objects)];
        if !entries.is_empty() {
            fields.push(self.pair("migrations", &list(&entries)));
        }
        fields
    }

    fn whole(&self, text: &str) -> String {
        let mark = if self.mark { "\u{feff}" } else { "" };
        let end = if self.final_break { self.eol } else { "" };
        format!("{mark}{text}{end}")
    }

    /// In braces, and in TOML in inline tables.
    fn braces(&self, top: &Worker<'_>, env: &Worker<'_>) -> String {
        let mut fields = vec![self.pair("name", &self.text("w"))];
        fields.extend(self.worker(&top.bindings, &top.entries, 0));
        let inner = self.worker(&env.bindings, &env.entries, 2);
        if self.is_toml() {
            fields.push(format!("{0}[env.e]{0}{1}", self.eol, inner.join(self.eol)));
            return self.whole(&fields.join(self.eol));
        }
        let inner = self.list(["{", "}"], &inner, self.broken.0, self.trailing, 2);
        let inner = self.list(["{", "}"], &[self.pair("e", &inner)], self.broken.0, self.trailing, 1);
        fields.push(self.pair("env", &inner));
        self.whole(&self.list(["{", "}"], &fields, true, self.trailing, 0))
    }

    /// Under headers of TOML.
    fn tables(&self, top: &Worker<'_>, env: &Worker<'_>) -> String {
        let mut parts = vec![self.pair("name", &self.text("w"))];
        for (prefix, worker) in [("", top), ("env.e.", env)] {
            for (name, class) in &worker.bindings {
                let fields =
                    [self.pair("name", &self.text(name)), self.pair("class_name", &self.text(class))];
                let header = format!("[[{prefix}durable_objects.bindings]]{}", self.eol);
                parts.push(format!("{header}{}", fields.join(self.eol)));
            }
            for (tag, directive, classes) in &worker.entries {
                let comment = if self.comments { " # it, too" } else { "" };
                let header = format!("[[{prefix}migrations]]{comment}{}", self.eol);
                parts.push(format!(
                    "{header}{}{comment}",
                    self.fields(tag, directive, classes, 0).join(self.eol)
                ));
            }
        }
        self.whole(&parts.join(&self.eol.repeat(1 + self.blank)))
    }
}

struct Worker<'a> {
    bindings: Vec<(&'a str, &'a str)>,
    entries: Vec<Entry<'a>>,
}

/// Tag, directive and classes.
type Entry<'a> = (&'a str, &'a str, Vec<&'a str>);

const NEW: &str = "new_sqlite_classes";

fn styles(toml: bool) -> impl proptest::strategy::Strategy<Value = Style> {
    use proptest::strategy::Strategy as _;
    let colons = if toml { vec![" = ", "="] } else { vec![": ", ":", " : "] };
    let quotes = if toml { vec!["\"", "'"] } else { vec!["\""] };
    let words = (
        select(vec!["  ", "\t", "    ", " "]),
        select(vec!["\n", "\r\n"]),
        select(colons),
        select(vec!["", " "]),
    );
    let flags = any::<((bool, bool, bool), bool, bool, bool, bool, bool)>();
    (words, select(quotes), flags, 0_usize..3).prop_map(|(words, quote, flags, blank)| {
        let (indent, eol, colon, pad) = words;
        let (broken, trailing, tag_last, comments, mark, final_break) = flags;
        Style {
            indent,
            eol,
            colon,
            pad,
            quote,
            broken,
            trailing,
            tag_last,
            comments,
            blank,
            mark,
            final_break,
        }
    })
}

/// Takes the comments out, which new pieces have none of.
fn bare(text: &str) -> String {
    let mut parts = [" // it, ", " # it, "].iter().fold(text.to_owned(), |t, mark| t.replace(mark, "\0"));
    while let Some(at) = parts.find('\0') {
        let end = at + 1 + if parts[at + 1..].starts_with("too") { 3 } else { 1 };
        parts.replace_range(at..end, "");
    }
    parts
}

/// Moves and deletes, and compares with the same configuration as its author would have written it.
fn both(
    style: &Style,
    write: fn(&Style, &Worker<'_>, &Worker<'_>) -> String,
    own: bool,
    before: usize,
) -> Result<(), TestCaseError> {
    let older = [("a0", NEW, vec!["Y"]), ("a1", NEW, vec!["X", "Z"])];
    let made = [("v1", NEW, vec!["Sql"]), ("v2", "new_classes", vec!["Old", "B", "Spare"])];
    // The new entries of the top level and of the environment, where it has a list of its own.
    let write = |[old, b]: [&'static str; 2], top: &[Entry<'static>], env: &[Entry<'static>]| {
        let list = |new: &[Entry<'static>]| older[..before].iter().chain(&made).chain(new).cloned().collect();
        let top = Worker { bindings: vec![("S", old), ("Q", "Sql"), ("B", b)], entries: list(top) };
        let entries = if own { list(env) } else { Vec::new() };
        write(style, &top, &Worker { bindings: vec![("S", old)], entries })
    };
    let done = moved(&write(["Old", "B"], &[], &[]));
    // An environment's own list makes only what the environment binds.
    let (top, env) = (("v3", NEW, vec!["OldSqlite", "BSqlite"]), ("v3", NEW, vec!["OldSqlite"]));
    let meant = write(["OldSqlite", "BSqlite"], std::slice::from_ref(&top), std::slice::from_ref(&env));
    prop_assert_eq!(bare(&done.text), bare(&meant));
    prop_assert_eq!(done.changes.len(), if own { 5 } else { 4 });
    let read = inline(&done.text);
    prop_assert!(!found(&read).iter().any(|f| f.starts_with("error")), "{:?}", found(&read));
    let state = state(&read);
    for class in ["OldSqlite", "BSqlite"] {
        let made = format!(r#"class | {class} | {{"backend":"sqlite","created_by":"v3"}}"#);
        prop_assert!(state.contains(&made), "{state}");
    }
    prop_assert_eq!(state.matches(r#"binding | S | {"class_name":"OldSqlite"}"#).count(), 2);

    let gone = deleted(&done.text);
    // A binding anywhere in the file keeps a class; here none is left.
    let last = ("v4", "deleted_classes", vec!["Old", "B", "Spare"]);
    let meant = write(["OldSqlite", "BSqlite"], &[top, last.clone()], &[env, last]);
    prop_assert_eq!(bare(&gone.text), bare(&meant));
    prop_assert_eq!(found(&inline(&gone.text)), Vec::<String>::new());
    Ok(())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]

    #[test]
    fn json_of_any_style_changes_where_it_is_said(style in styles(false), own in any::<bool>(), before in 0_usize..3) {
        both(&style, Style::braces, own, before)?;
    }

    #[test]
    fn inline_toml_of_any_style_changes_where_it_is_said(style in styles(true), own in any::<bool>(), before in 0_usize..3) {
        both(&style, Style::braces, own, before)?;
    }

    #[test]
    fn tables_of_any_style_change_where_it_is_said(style in styles(true), own in any::<bool>(), before in 0_usize..3) {
        both(&style, Style::tables, own, before)?;
    }
}
