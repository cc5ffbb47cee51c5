//! The key under which a dispatcher remembers which session to resume.
//!
//! Source: seed 004 (`claude-hooks`): `<agent>:<repo>:<issue>` at first, `<forge>:<agent>:<repo>:<issue>` later.

/// The forges whose names begin a key of seed 004.
pub const KNOWN_FORGES: &[&str] = &["forgejo", "github", "gitlab"];

/// The agent that was called otherwise for a while, and what it is called since 2026-05-02 again.
pub const RENAMED_AGENT: (&str, &str) = ("foreman", "architect");

/// A resume key taken apart; every part borrows from the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResumeKey<'a> {
    /// None in keys from before forges were told apart.
    pub forge: Option<&'a str>,
    pub agent: &'a str,
    /// Everything between agent and issue: slashes, wildcards and even colons are part of it.
    pub repo: &'a str,
    pub issue: &'a str,
}

impl<'a> ResumeKey<'a> {
    /// Takes a key apart; none where it can be read in more than one way, or a part is empty.
    pub fn parse(key: &'a str, forges: &[&str]) -> Option<Self> {
        let (first, rest) = key.split_once(':')?;
        let (rest, issue) = rest.rsplit_once(':')?;
        let parsed = match rest.split_once(':') {
            None => Self { forge: None, agent: first, repo: rest, issue },
            // With an unknown first part it could be an agent's, and the repository's name hold a colon.
            Some((agent, repo)) if forges.contains(&first) => Self { forge: Some(first), agent, repo, issue },
            Some(_) => return None,
        };
        let empty = |part: &str| part.is_empty();
        // An empty part within the repository is as much a guess as one beside it.
        let unclear =
            [first, parsed.agent, parsed.issue].into_iter().any(empty) || parsed.repo.split(':').any(empty);
        (!unclear).then_some(parsed)
    }
}
