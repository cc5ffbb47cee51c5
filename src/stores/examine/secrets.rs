//! Secrets in clear text, known by their shape.
//!
//! Only shapes that their issuers document and that nothing else has; a placeholder of the same shape is none. What was
//! found is never said: only where, and of which kind.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexSet};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::scan::{Probe, named};
use crate::core::{Defect, Finding, MASK, Severity, Tally};

/// A kind of secret, in words, and its shape.
#[rustfmt::skip]
const KINDS: &[(&str, &str)] = &[
    ("an Anthropic key", r"(?-u:\b)sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{24,}"),
    ("an OpenAI key", r"(?-u:\b)sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}"),
    ("an OpenRouter key", r"(?-u:\b)sk-or-v1-[0-9a-f]{64}(?-u:\b)"),
    ("an API key (sk-…)", r"(?-u:\b)sk-[A-Za-z0-9]{32,64}(?-u:\b)"),
    ("a GitHub token", r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    ("a GitLab token", r"(?-u:\b)glpat-[A-Za-z0-9_.-]{20,}"),
    ("a Slack token", r"(?-u:\b)xox[abeoprs]-[0-9]{6,}-[A-Za-z0-9-]{12,}"),
    ("an AWS key id", r"(?-u:\b)(?:AKIA|ASIA)[A-Z2-7]{16}(?-u:\b)"),
    ("a Google key", r"(?-u:\b)AIza[0-9A-Za-z_-]{35}(?-u:\b)"),
    ("a Stripe key", r"(?-u:\b)[rs]k_live_[0-9A-Za-z]{24,}"),
    ("an npm token", r"(?-u:\b)npm_[A-Za-z0-9]{36}(?-u:\b)"),
    ("a Hugging Face token", r"(?-u:\b)hf_[A-Za-z0-9]{34}(?-u:\b)"),
    ("a JSON web token", r"(?-u:\b)eyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{20,}"),
    ("a private key", r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY-----(?:\s|\\[nr])*(?:[A-Za-z-]+: [^\n\\]*(?:\s|\\[nr])+)*[A-Za-z0-9+/]{32,}"),
];

/// A longer value is looked through up to here.
const MOST_BYTES: usize = 4 << 20;

struct Shapes {
    any: RegexSet,
    each: Vec<Regex>,
}

fn shapes() -> Option<&'static Shapes> {
    static SHAPES: OnceLock<Option<Shapes>> = OnceLock::new();
    let build = || {
        let any = RegexSet::new(KINDS.iter().map(|(_, shape)| shape)).ok()?;
        let each = KINDS.iter().map(|(_, shape)| Regex::new(shape).ok()).collect::<Option<_>>()?;
        Some(Shapes { any, each })
    };
    SHAPES.get_or_init(build).as_ref()
}

/// The places in [`KINDS`] of the secrets in a text.
fn kinds(text: &[u8]) -> Vec<usize> {
    let text = &text[..text.len().min(MOST_BYTES)];
    let Some(shapes) = shapes() else { return Vec::new() };
    let found = shapes.any.matches(text);
    let real = |kind: &usize| shapes.each[*kind].find_iter(text).any(|found| is_real(found.as_bytes()));
    let found: Vec<usize> = found.iter().filter(real).collect();
    found
}

/// Whether it is none that stands for one: `sk-xxxx…`, `AKIAIOSFODNN7EXAMPLE`.
fn is_real(secret: &[u8]) -> bool {
    let text = String::from_utf8_lossy(secret);
    let lower = text.to_ascii_lowercase();
    if ["example", "xxxx", "your", "placeholder", "redacted", "1234567890", "abcdefgh"]
        .iter()
        .any(|p| lower.contains(p))
    {
        return false;
    }
    let distinct: std::collections::HashSet<u8> = secret.iter().copied().collect();
    distinct.len() >= 12 && secret.iter().any(u8::is_ascii_digit)
}

/// A text with every secret in it masked.
pub fn masked(text: &str) -> Cow<'_, str> {
    let found = kinds(text.as_bytes());
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for kind in found {
        if let Some(shape) = shapes().and_then(|s| s.each.get(kind)) {
            bytes = shape.replace_all(&bytes, MASK.as_bytes()).into_owned();
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Looks for secrets in columns that are not for them.
pub struct Secrets {
    columns: Vec<String>,
    /// What one row, and several, are called.
    nouns: [&'static str; 2],
    found: Vec<Tally>,
}

impl Secrets {
    pub fn new(columns: Vec<String>, nouns: [&'static str; 2]) -> Self {
        Self { columns, nouns, found: vec![Tally::default(); KINDS.len()] }
    }
}

impl Probe for Secrets {
    fn wants(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn row(&mut self, name: ValueRef<'_>, row: &Row<'_>, at: usize) -> rusqlite::Result<()> {
        let mut seen = 0_u32;
        for at in at..at + self.columns.len() {
            let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(at)? else { continue };
            for kind in kinds(bytes) {
                if seen & (1 << kind) == 0 {
                    seen |= 1 << kind;
                    self.found[kind].add(|| (named(name), String::new()));
                }
            }
        }
        Ok(())
    }

    fn findings(&self, table: &str) -> Vec<Finding> {
        let [one, many] = self.nouns;
        let found = self.found.iter().zip(KINDS).flat_map(|(tally, (kind, _))| {
            let mut defect = Defect::new(Severity::Warning, "secret-in-text", "", "").suggest(
                "Whoever can read this file can use it: have it revoked where it was issued, and take it out of what the program is told.",
            );
            defect.said =
                [format!("{one} holds what looks like {kind}").into(), format!("{many} hold what looks like {kind}").into()];
            tally.findings(&defect, table)
        });
        found.collect()
    }
}
