//! Durable Object files, as `workerd` writes them for `wrangler dev`: two adapters, and what all objects have in common.

mod agents;
pub mod document;
pub mod identity;
mod kv;
pub mod mcp_session;
pub mod object;
mod overdue;
pub mod repairs;
pub mod v8;

use super::examine::Scan;
use super::sqlite::Context;

/// What is looked for in the rows of every object.
pub fn scans(context: &Context<'_>) -> Vec<Scan> {
    let mut scans = kv::scans(context);
    scans.extend(overdue::scans(context));
    scans
}
