//! What makes a store's schema, step by step, and how far a database has come.

/// One step of a store's schema. The list of a store's steps only ever grows at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kind of store, such as `session-do`.
    pub store: &'static str,
    /// 1, 2, 3 and so on, without a gap.
    pub version: i64,
    /// The name of its file without the ending, such as `0001_create_session_tables`.
    pub name: &'static str,
    pub body: Body,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Statements that also complete a half-made schema, and the ones that take them back.
    Sql { forward: &'static str, reverse: &'static str },
    /// It moves data, and is written in Rust by the repair that does so.
    Code,
}

impl Step {
    /// The name under which it is recorded: two stores of one file have steps of the same version.
    pub fn recorded_name(&self) -> String {
        format!("{}/{}", self.store, self.name)
    }

    pub fn sql(&self) -> Option<&'static str> {
        match self.body {
            Body::Sql { forward, .. } => Some(forward),
            Body::Code => None,
        }
    }

    pub fn reverse(&self) -> Option<&'static str> {
        match self.body {
            Body::Sql { reverse, .. } => Some(reverse),
            Body::Code => None,
        }
    }
}

/// Something in a database's schema, by type (`table`, `index`, `view`, `trigger`) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    pub kind: String,
    pub name: String,
}

impl Object {
    /// Whether it is the same, as SQLite compares names.
    pub fn is(&self, other: &Object) -> bool {
        self.kind == other.kind && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// How a step and a database stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It is recorded, and with the text that we know.
    Applied,
    /// All that it makes is there, and nobody recorded it: the store's own program made it.
    InPlace,
    Pending,
    /// It is recorded with another text than ours.
    Edited {
        recorded_checksum: String,
    },
    /// It is recorded, and no step of ours: the database is newer than this program.
    Unknown,
}

impl StepState {
    pub fn as_str(&self) -> &'static str {
        match self {
            StepState::Applied => "applied",
            StepState::InPlace => "in place",
            StepState::Pending => "pending",
            StepState::Edited { .. } => "edited",
            StepState::Unknown => "unknown",
        }
    }
}

/// A step and its record, as far as there is either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepStatus {
    pub version: i64,
    /// Without the store's name before it; of an unknown step, as it is recorded.
    pub name: String,
    pub state: StepState,
    pub applied_at_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    /// Of the step as we know it; none where we do not.
    pub checksum: Option<String>,
    pub recorded_checksum: Option<String>,
    /// The step as we know it.
    pub step: Option<Step>,
    /// The SQL of what the step makes, as the database has it.
    pub actual: Vec<String>,
}

/// A way in which a schema is not what its steps make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    pub kind: DifferenceKind,
    /// The step that makes what differs is recorded, so that it was as it should be once.
    pub recorded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    MissingTable,
    /// The name is a view's or a virtual table's.
    NoTable,
    MissingColumn {
        column: String,
    },
    MissingIndex {
        index: String,
    },
    ExtraColumn {
        column: String,
    },
    OtherType {
        column: String,
        expected: String,
        found: String,
    },
    /// The same type, with another default or another NOT NULL.
    OtherColumn {
        column: String,
        expected: String,
        found: String,
    },
    OtherKey {
        expected: String,
        found: String,
    },
    OtherIndex {
        index: String,
        expected: String,
        found: String,
    },
    /// Foreign keys, uniqueness, and how the table is stored.
    OtherTable {
        expected: String,
        found: String,
    },
}

impl Difference {
    /// Whether it makes the table another one than the known one: nothing should be built on it.
    pub fn is_foreign(&self) -> bool {
        use DifferenceKind as Kind;
        matches!(self.kind, Kind::NoTable | Kind::MissingColumn { .. } | Kind::OtherKey { .. })
    }

    /// Whether something that should be there is not.
    pub fn is_missing(&self) -> bool {
        use DifferenceKind as Kind;
        matches!(
            self.kind,
            Kind::MissingTable | Kind::NoTable | Kind::MissingColumn { .. } | Kind::MissingIndex { .. }
        )
    }

    /// What is to be said of the table.
    pub fn clause(&self) -> String {
        use DifferenceKind as Kind;
        match &self.kind {
            Kind::MissingTable => "is missing".to_owned(),
            Kind::NoTable => "is no table".to_owned(),
            Kind::MissingColumn { column } => format!("lacks {column}"),
            Kind::MissingIndex { index } => format!("lacks the index {index}"),
            Kind::ExtraColumn { column } => format!("has also {column}"),
            Kind::OtherType { column, expected, found } | Kind::OtherColumn { column, expected, found } => {
                format!("declares {column} as {}, not as {}", named(found), named(expected))
            }
            Kind::OtherKey { expected, found } => {
                format!("has the primary key {}, not {}", named(found), named(expected))
            }
            Kind::OtherIndex { index, expected, found } => {
                format!("has the index {index} on {found}, not on {expected}")
            }
            Kind::OtherTable { expected, found } => format!("has {found} instead of {expected}"),
        }
    }
}

fn named(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// The steps of one store in one database: the known ones in their order, then the unknown ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub store: &'static str,
    pub steps: Vec<StepStatus>,
    /// What a step that is recorded or begun should have made; a step that is pending as a whole is no difference.
    pub differences: Vec<Difference>,
    pub newest_recorded: Option<i64>,
}

impl History {
    /// The steps that are still to be run, in their order.
    pub fn pending(&self) -> impl Iterator<Item = &StepStatus> {
        self.steps.iter().filter(|s| s.state == StepState::Pending)
    }

    /// Why nothing may be migrated, the gravest reason first.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusals().into_iter().next()
    }

    /// Every reason: one for all steps that are unknown, one for each that was edited, one for tables that are others.
    pub fn refusals(&self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let unknown: Vec<Recorded> = self.of(|s| *s == StepState::Unknown).map(Recorded::of).collect();
        if !unknown.is_empty() {
            let newest = self.steps.iter().rev().find_map(|s| s.step.map(|step| Ours::of(&step, s)));
            let known = self.steps.iter().filter(|s| s.step.is_some());
            let actual = known.flat_map(|s| s.actual.iter().cloned()).collect();
            refusals.push(Refusal::Newer { store: self.store, recorded: unknown, newest, actual });
        }
        for status in self.of(|s| matches!(s, StepState::Edited { .. })) {
            if let Some(step) = &status.step {
                refusals.push(Refusal::Edited {
                    store: self.store,
                    recorded: Recorded::of(status),
                    ours: Ours::of(step, status),
                    actual: status.actual.clone(),
                });
            }
        }
        let foreign: Vec<Difference> = self.differences.iter().filter(|d| d.is_foreign()).cloned().collect();
        if !foreign.is_empty() {
            refusals.push(Refusal::Differs { store: self.store, differences: foreign });
        }
        refusals
    }

    fn of(&self, wanted: impl Fn(&StepState) -> bool) -> impl Iterator<Item = &StepStatus> {
        self.steps.iter().filter(move |s| wanted(&s.state))
    }
}

/// What a database records of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub version: i64,
    pub name: String,
    pub checksum: String,
}

impl Recorded {
    fn of(status: &StepStatus) -> Self {
        let checksum = status.recorded_checksum.clone().unwrap_or_default();
        Self { version: status.version, name: status.name.clone(), checksum }
    }
}

/// The same step as this program has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    pub version: i64,
    pub name: &'static str,
    pub checksum: String,
    /// None where the step is code.
    pub sql: Option<&'static str>,
}

impl Ours {
    fn of(step: &Step, status: &StepStatus) -> Self {
        let checksum = status.checksum.clone().unwrap_or_default();
        Self { version: step.version, name: step.name, checksum, sql: step.sql() }
    }
}

/// Why a store is not migrated, with all texts that were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The database records steps that this program does not have.
    Newer { store: &'static str, recorded: Vec<Recorded>, newest: Option<Ours>, actual: Vec<String> },
    /// A step that was applied has another text than the step of that number here.
    Edited { store: &'static str, recorded: Recorded, ours: Ours, actual: Vec<String> },
    /// The tables are nearly the known ones, and not the same.
    Differs { store: &'static str, differences: Vec<Difference> },
}

/// So much of a statement is told in a sentence.
const MOST_SQL: usize = 4_000;

impl Refusal {
    /// A stable kebab-case word.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Newer { .. } => "schema-too-new",
            Refusal::Edited { .. } => "migration-edited",
            Refusal::Differs { .. } => "schema-drift",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Refusal::Newer { store, recorded, newest, actual } => {
                let steps: Vec<String> =
                    recorded.iter().map(|r| format!("{} (checksum {})", r.name, r.checksum)).collect();
                let ours = match newest {
                    Some(ours) => format!(
                        "its newest is {} (checksum {}){}",
                        ours.name,
                        ours.checksum,
                        sql(":", ours.sql.as_slice())
                    ),
                    None => "it has none".to_owned(),
                };
                format!(
                    "The {store} schema is newer than this program: it records {}, which is no step here; {ours}{}",
                    steps.join(", "),
                    sql("\nThe database has:", actual)
                )
            }
            Refusal::Edited { store, recorded, ours, actual } => format!(
                "The {store} step {} was edited after it was applied: {} is recorded with the checksum {}, and here it has {}{}{}",
                ours.name,
                recorded.name,
                recorded.checksum,
                ours.checksum,
                sql("\nHere it is:", ours.sql.as_slice()),
                sql("\nThe database has:", actual)
            ),
            Refusal::Differs { store, differences } => {
                let said: Vec<String> =
                    differences.iter().map(|d| format!("{} {}", d.table, d.clause())).collect();
                format!("The tables are not those of the known {store} schema: {}", said.join("; "))
            }
        }
    }

    /// What the person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::Newer { .. } => "Use the newer sessionscope that wrote it; until then it is only read.",
            Refusal::Edited { .. } => {
                "Use the sessionscope that applied it, or restore the backup that was made before; until then it is only read."
            }
            Refusal::Differs { .. } => "It is read all the same; it is not migrated.",
        }
    }
}

/// Statements after a heading; nothing where there are none.
fn sql<T: AsRef<str>>(heading: &str, statements: &[T]) -> String {
    if statements.is_empty() {
        return String::new();
    }
    let all = statements.iter().map(|s| s.as_ref().trim_end()).collect::<Vec<_>>().join("\n");
    let mut text: String = all.chars().take(MOST_SQL).collect();
    if text.len() < all.len() {
        text.push('…');
    }
    format!("{heading}\n{text}")
}
