//! What of a configuration matters here: classes, bindings and exports, by environment.

use serde_json::{Map, Value as Json};

/// A configuration as wrangler reads it; what is of a wrong type is left out and noted.
pub struct Config {
    pub name: Option<String>,
    pub main: Option<String>,
    pub compatibility_date: Option<String>,
    /// The top level, and then every named environment.
    pub environments: Vec<Environment>,
}

/// One worker: the top level, or a named environment of it.
#[derive(Default)]
pub struct Environment {
    /// None for the top level.
    pub label: Option<String>,
    /// The name that the worker is deployed under.
    pub script: Option<String>,
    /// Not inherited.
    pub bindings: Vec<Binding>,
    /// Inherited where there is none; a list of its own replaces the top level's whole.
    pub migrations: Option<Vec<Entry>>,
    /// As with migrations.
    pub exports: Option<Vec<Export>>,
    pub oddities: Vec<Oddity>,
}

pub struct Binding {
    pub name: String,
    pub class: String,
    /// The worker that has the class; its own where there is none.
    pub script: Option<String>,
    /// The environment of that worker.
    pub environment: Option<String>,
}

/// An entry of `migrations`.
pub struct Entry {
    pub tag: Option<String>,
    /// In the order in which they are applied.
    pub steps: Vec<Step>,
    pub raw: Json,
}

pub enum Step {
    Delete { class: String },
    Rename { from: String, to: String },
    Transfer { from: String, script: String, to: String },
    Create { class: String, backend: Backend },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    KeyValue,
    Sqlite,
    /// Of a class that another worker made.
    Unknown,
}

/// A Durable Object class of `exports`.
pub struct Export {
    pub class: String,
    /// `created` where nothing is said.
    pub state: String,
    pub backend: Backend,
    pub raw: Json,
}

/// What wrangler ignores or refuses, whatever it means.
pub struct Oddity {
    pub unknown_field: bool,
    pub table: &'static str,
    pub key: String,
    pub what: String,
}

impl Backend {
    pub fn as_str(self) -> &'static str {
        match self {
            Backend::KeyValue => "key-value",
            Backend::Sqlite => "sqlite",
            Backend::Unknown => "unknown",
        }
    }
}

impl Export {
    /// Whether the class is this worker's once it is deployed.
    pub fn is_live(&self) -> bool {
        ["created", "expecting-transfer"].contains(&self.state.as_str())
    }
}

impl Binding {
    /// Whether the class is the worker's own.
    pub fn is_own(&self, environment: &Environment) -> bool {
        self.script.is_none() || self.script == environment.script
    }
}

impl Environment {
    /// `top level`, or `env.NAME`.
    pub fn source(&self) -> String {
        self.label.as_ref().map_or_else(|| "top level".to_owned(), |label| format!("env.{label}"))
    }

    fn of(root: Map<String, Json>, label: Option<String>, script: Option<String>) -> Self {
        let mut environment = Environment { label, script, ..Self::default() };
        for (key, value) in root {
            match (key.as_str(), value) {
                (_, Json::Null) => {}
                ("durable_objects", Json::Object(mut objects)) => match objects.remove("bindings") {
                    Some(Json::Array(bindings)) => environment.bindings(bindings),
                    None | Some(Json::Null) => {}
                    Some(_) => environment.wrong("state", "", "durable_objects.bindings is no list"),
                },
                ("durable_objects", _) => environment.wrong("state", "", "durable_objects is no object"),
                ("migrations", Json::Array(entries)) => environment.entries(entries),
                ("migrations", _) => environment.wrong("migrations", "", "migrations is no list"),
                ("exports", Json::Object(exports)) => environment.exports(exports),
                ("exports", _) => environment.wrong("state", "", "exports is no object"),
                _ => {}
            }
        }
        environment
    }

    fn bindings(&mut self, bindings: Vec<Json>) {
        const KNOWN: [&str; 4] = ["name", "class_name", "script_name", "environment"];
        for binding in bindings {
            let Json::Object(fields) = &binding else {
                self.wrong("state", "", "An entry of durable_objects.bindings is no object");
                continue;
            };
            let name = text(&binding, "name").unwrap_or_default();
            self.unknown_fields("state", &name, fields, &KNOWN, "A binding");
            match text(&binding, "class_name") {
                Some(class) if !name.is_empty() => {
                    let (script, environment) =
                        (text(&binding, "script_name"), text(&binding, "environment"));
                    self.bindings.push(Binding { name, class, script, environment });
                }
                _ => self.wrong("state", &name, "A binding lacks its name or class_name"),
            }
        }
    }

    fn entries(&mut self, entries: Vec<Json>) {
        let read = entries.into_iter().filter_map(|raw| self.entry(raw)).collect();
        self.migrations = Some(read);
    }

    fn entry(&mut self, raw: Json) -> Option<Entry> {
        let Json::Object(fields) = &raw else {
            self.wrong("migrations", "", "An entry of migrations is no object");
            return None;
        };
        let tag = text(&raw, "tag").filter(|t| !t.is_empty());
        let key = tag.clone().unwrap_or_default();
        let known: Vec<&str> = DIRECTIVES.iter().map(|d| d.0).chain(["tag"]).collect();
        self.unknown_fields("migrations", &key, fields, &known, "A migration");
        let mut steps = Vec::new();
        for (field, read) in DIRECTIVES {
            let items = match fields.get(*field) {
                None | Some(Json::Null) => continue,
                Some(Json::Array(items)) => items,
                Some(_) => {
                    self.wrong("migrations", &key, &format!("{field} is no list"));
                    continue;
                }
            };
            for item in items {
                match read(item) {
                    Some(step) => steps.push(step),
                    None => {
                        let what = format!("An entry of {field} is not of the form that it must have");
                        self.wrong("migrations", &key, &what);
                    }
                }
            }
        }
        Some(Entry { tag, steps, raw })
    }

    fn exports(&mut self, exports: Map<String, Json>) {
        const KNOWN: [&str; 7] =
            ["type", "state", "storage", "renamed_to", "transferred_to", "transfer_from", "container"];
        let mut read = Vec::new();
        for (class, raw) in exports {
            let Json::Object(fields) = &raw else {
                self.wrong("state", &class, "An entry of exports is no object");
                continue;
            };
            // Other kinds of exports have nothing to do with storage.
            if !is_object_export(&raw) {
                continue;
            }
            self.unknown_fields("state", &class, fields, &KNOWN, "An export");
            let state = text(&raw, "state").unwrap_or_else(|| "created".to_owned());
            let backend = match raw["storage"].as_str() {
                Some("sqlite") => Backend::Sqlite,
                Some("legacy-kv") => Backend::KeyValue,
                _ => Backend::Unknown,
            };
            read.push(Export { class, state, backend, raw });
        }
        self.exports = Some(read);
    }

    fn unknown_fields(
        &mut self,
        table: &'static str,
        key: &str,
        fields: &Map<String, Json>,
        known: &[&str],
        of: &str,
    ) {
        for field in fields.keys().filter(|f| !known.contains(&f.as_str())) {
            let what = format!("{of} has the field \"{field}\"");
            self.oddities.push(Oddity { unknown_field: true, table, key: key.to_owned(), what });
        }
    }

    fn wrong(&mut self, table: &'static str, key: &str, what: &str) {
        let (key, what) = (key.to_owned(), what.to_owned());
        self.oddities.push(Oddity { unknown_field: false, table, key, what });
    }
}

impl Config {
    /// Takes what matters from the root of a document.
    pub fn of(mut root: Map<String, Json>) -> Self {
        let named = root.remove("env");
        let own = |key: &str| root.get(key).and_then(Json::as_str).map(str::to_owned);
        let (name, main, compatibility_date) = (own("name"), own("main"), own("compatibility_date"));
        let mut environments = vec![Environment::of(root, None, name.clone())];
        if let Some(Json::Object(named)) = named {
            for (label, inner) in named {
                let Json::Object(inner) = inner else { continue };
                // Without a name of its own it is deployed under the top level's, with its own behind it.
                let script = inner.get("name").and_then(Json::as_str).map(str::to_owned);
                let script = script.or_else(|| name.as_ref().map(|name| format!("{name}-{label}")));
                environments.push(Environment::of(inner, Some(label), script));
            }
        }
        Self { name, main, compatibility_date, environments }
    }

    /// The environment whose list holds for this one, for migrations and exports alike.
    ///
    /// One that replaces the one form replaces the other too, since they exclude each other.
    pub fn owner(&self, at: usize) -> usize {
        match self.environments.get(at) {
            Some(own) if own.migrations.is_some() || own.exports.is_some() => at,
            _ => 0,
        }
    }
}

/// Whether an object is a configuration, by the keys that nothing else has.
pub fn is_config(root: &Map<String, Json>) -> bool {
    let text = |key: &str| root.get(key).is_some_and(Json::is_string);
    let plain = text("compatibility_date") && (text("name") || text("main"));
    let environments = root.get("env").and_then(Json::as_object);
    plain
        || has_objects(root)
        || environments.is_some_and(|e| e.values().filter_map(Json::as_object).any(has_objects))
}

fn has_objects(root: &Map<String, Json>) -> bool {
    let list = |key: &str| root.get(key).and_then(Json::as_array).into_iter().flatten();
    let is_entry = |entry: &Json| {
        entry.get("tag").is_some_and(Json::is_string) || DIRECTIVES.iter().any(|d| entry.get(d.0).is_some())
    };
    root.get("durable_objects").is_some_and(|v| v.is_object() || v.is_array())
        || list("migrations").any(is_entry)
        || root.get("exports").and_then(Json::as_object).is_some_and(|e| e.values().any(is_object_export))
}

type Directive = (&'static str, fn(&Json) -> Option<Step>);

/// The directives in the order in which wrangler applies those of one entry (`class-names-sqlite.ts`).
///
/// It leaves transfers out; they come before classes are made, as renames do.
const DIRECTIVES: &[Directive] = &[
    ("deleted_classes", |item| Some(Step::Delete { class: item.as_str()?.to_owned() })),
    ("renamed_classes", |item| Some(Step::Rename { from: text(item, "from")?, to: text(item, "to")? })),
    ("transferred_classes", |item| {
        let (from, script) = (text(item, "from")?, text(item, "from_script")?);
        Some(Step::Transfer { from, script, to: text(item, "to")? })
    }),
    ("new_classes", |item| create(item, Backend::KeyValue)),
    ("new_sqlite_classes", |item| create(item, Backend::Sqlite)),
];

fn create(item: &Json, backend: Backend) -> Option<Step> {
    Some(Step::Create { class: item.as_str()?.to_owned(), backend })
}

fn text(of: &Json, key: &str) -> Option<String> {
    of.get(key).and_then(Json::as_str).map(str::to_owned)
}

fn is_object_export(raw: &Json) -> bool {
    raw.get("type").and_then(Json::as_str) == Some("durable-object")
}
