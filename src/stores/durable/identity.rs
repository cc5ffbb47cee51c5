//! What a Durable Object's file name and the files beside it tell: its id, namespace, name, and what it is a facet of.
//!
//! Source: `workerd` (`server.c++`, `actor-id-impl.c++`, `facet-tree-index.c++`) and what miniflare writes, measured.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::kv;
use crate::core::{Finding, hex};
use crate::stores::machine::Look;
use crate::stores::sqlite::{Cancel, Context, connect, time_ms};

/// What begins the index of an object's facets.
const FACETS_MAGIC: [u8; 8] = 0xc4cd_ce5b_c5b0_ef57_u64.to_le_bytes();

/// More of a facet index is not read.
const MOST_FACET_BYTES: u64 = 16 << 20;

/// Where miniflare notes the name of an object.
const NOTED_NAME: &str = "SELECT name FROM main.__miniflare_do_name WHERE name <> '' LIMIT 1";

/// The entry in which `partyserver` keeps it.
const NAME_KEY: &str = "__ps_name";

/// What the path of an object's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFile {
    /// The object's id: 64 hexadecimal digits.
    pub id: String,
    /// Which facet of the object it is; none for the object itself.
    pub facet: Option<usize>,
    /// The folder's name, where it has the form `<worker>-<Class>`.
    pub namespace: Option<String>,
}

impl ObjectFile {
    /// Reads a path; none where it is not that of an object's file.
    pub fn of(path: &Path) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(".sqlite")?;
        let (id, facet) = match stem.split_once('.') {
            Some((id, facet)) => (id, Some(facet.parse().ok()?)),
            None => (stem, None),
        };
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if id.len() != 64 || !id.bytes().all(is_digit) {
            return None;
        }
        let namespace = path.parent().and_then(Path::file_name).and_then(|n| n.to_str());
        let namespace = namespace.filter(|n| is_namespace(n)).map(str::to_owned);
        Some(Self { id: id.to_owned(), facet, namespace })
    }
}

/// What is known of an object's identity.
#[derive(Debug, Default)]
pub struct Identity {
    pub name: Option<String>,
    pub facts: Vec<(String, String)>,
    pub findings: Vec<Finding>,
}

/// The id that the runtime makes of a name in a namespace (`idFromName`); `unique_key` is `<worker>-<Class>` locally.
pub fn object_id(unique_key: &str, name: &str) -> String {
    let key = Sha256::digest(unique_key.as_bytes());
    let base = half_mac(&key, name.as_bytes());
    format!("{}{}", hex(&base), hex(&half_mac(&key, &base)))
}

/// Whether the second half of an id is what the namespace makes of the first.
pub fn belongs(unique_key: &str, id: &str) -> bool {
    let byte = |at: usize| id.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    let bytes: Vec<u8> = (0..id.len()).step_by(2).filter_map(byte).collect();
    let key = Sha256::digest(unique_key.as_bytes());
    bytes.len() == 32 && half_mac(&key, &bytes[..16]) == bytes[16..]
}

/// Reads an object's identity from its tables, its path and the files beside it.
pub fn identify(context: &Context<'_>) -> Identity {
    let mut identity = Identity::default();
    let own = own_name(context);
    let Some(file) = ObjectFile::of(&context.file.path) else {
        identity.name = own;
        return identity;
    };
    let path = &context.file.path;
    match file.facet {
        Some(number) => {
            let facet = facets(path, &file.id).into_iter().nth(number.wrapping_sub(1));
            let root = path.with_file_name(format!("{}.sqlite", file.id));
            let of = name_of(&root).unwrap_or_else(|| file.id.clone());
            let (class, name) = match &facet {
                Some((class, name)) => (Some(class.clone()), Some(name.clone())),
                None => (None, None),
            };
            let stored = kv_text(context, "cf_agents_facet_name");
            identity.name = name.filter(|n| !n.is_empty()).or(stored).or(own);
            let class = class.filter(|c| !c.is_empty()).map_or(String::new(), |c| format!(" ({c})"));
            identity.facts.push(("Facet".into(), format!("{number}{class} of {of}")));
        }
        None => identity.name = own.or_else(|| name_in_namespace(path, &file.id)),
    }
    if let Some(namespace) = &file.namespace {
        identity.facts.push(("Namespace".into(), namespace.clone()));
        check(&file, namespace, &mut identity);
    }
    identity
}

/// The name for people of an object's file; none where it has none or cannot be read.
pub fn name_of(path: &Path) -> Option<String> {
    let file = ObjectFile::of(path)?;
    if let Some(number) = file.facet {
        let object = name_of(&path.with_file_name(format!("{}.sqlite", file.id)));
        let (_, name) = facets(path, &file.id).into_iter().nth(number.wrapping_sub(1))?;
        return Some(format!("{} › {name}", object.unwrap_or_else(|| short(&file.id))));
    }
    let noted = || {
        let connection = path.is_file().then(|| connect(path, &Cancel::default()).ok()).flatten()?;
        let stored = || kv::read(&connection, NAME_KEY)?.as_str().map(str::to_owned);
        text(&connection, NOTED_NAME, &[]).or_else(stored)
    };
    noted().or_else(|| name_in_namespace(path, &file.id))
}

/// The first digits of an id.
pub fn short(id: &str) -> String {
    format!("{}…", id.chars().take(8).collect::<String>())
}

/// The name in an object's own tables: what miniflare notes, else what the framework keeps.
pub fn own_name(context: &Context<'_>) -> Option<String> {
    let noted = context.schema.has("__miniflare_do_name", &["name"]);
    let noted = noted.then(|| text(context.connection, NOTED_NAME, &[])).flatten();
    noted.or_else(|| kv_text(context, NAME_KEY))
}

fn kv_text(context: &Context<'_>, key: &str) -> Option<String> {
    kv::has_entries(context.schema).then_some(())?;
    kv::read(context.connection, key)?.as_str().filter(|n| !n.is_empty()).map(str::to_owned)
}

fn check(file: &ObjectFile, namespace: &str, identity: &mut Identity) {
    let about = |finding: Finding| finding.at("sessions", file.id.clone());
    if !belongs(namespace, &file.id) {
        identity.findings.push(about(
            Finding::warning(
                "not-of-this-namespace",
                format!("The id is none that the namespace {namespace} can make, so its class cannot reach this object: the file was moved here, or the worker or the class was renamed"),
            )
            .suggest("Move the file with its -wal back to the folder of its own namespace, or give the worker and class their former names."),
        ));
        return;
    }
    let fact = match &identity.name {
        // A facet's own name makes no id.
        Some(name) if file.facet.is_none() && object_id(namespace, name) == file.id => {
            format!("made of the name {name} in {namespace}")
        }
        _ => format!("one of {namespace}"),
    };
    identity.facts.push(("Id".into(), fact));
}

/// The name that the namespace's own file keeps for an object with an alarm.
fn name_in_namespace(path: &Path, id: &str) -> Option<String> {
    let metadata = path.with_file_name("metadata.sqlite");
    if !metadata.is_file() {
        return None;
    }
    let connection = connect(&metadata, &Cancel::default()).ok()?;
    let sql = "SELECT actor_name FROM main._cf_ALARM WHERE actor_id = ? AND actor_name <> ''";
    text(&connection, sql, &[id])
}

/// The file beside an object's in which its namespace keeps the alarms of all its objects.
fn namespace_file(path: &Path) -> Option<PathBuf> {
    ObjectFile::of(path)?;
    Some(path.with_file_name("metadata.sqlite")).filter(|metadata| metadata.is_file())
}

/// Whether the alarm of an object may be in a file beside it.
pub fn has_namespace(context: &Context<'_>) -> bool {
    namespace_file(&context.file.path).is_some()
}

/// Adds `namespace_alarm`: when the object's alarm is due by the list of its namespace, in milliseconds; else null.
pub fn install(context: &Context<'_>) -> rusqlite::Result<()> {
    let path = context.file.path.clone();
    let flags = FunctionFlags::SQLITE_UTF8;
    let look = Look::new();
    context.connection.create_scalar_function("namespace_alarm", 0, flags, move |_| {
        let due = || {
            let connection = connect(&namespace_file(&path)?, &Cancel::default()).ok()?;
            let sql = "SELECT scheduled_time FROM main._cf_ALARM WHERE actor_id = ?";
            let id = ObjectFile::of(&path).filter(|file| file.facet.is_none())?.id;
            connection.query_row(sql, [id], |r| r.get_ref(0).map(time_ms)).ok()?
        };
        Ok(*look.get(due))
    })
}

fn text(connection: &Connection, sql: &str, values: &[&str]) -> Option<String> {
    let values = rusqlite::params_from_iter(values);
    connection.query_row(sql, values, |r| r.get(0)).optional().ok().flatten()
}

/// Class and name of every facet in an object's index; what is cut off or odd ends the list.
///
/// The index is `{u16 parent, u16 length, name}*`, little endian; the Agents SDK writes `Class`, NUL, `name` as the name.
fn facets(path: &Path, id: &str) -> Vec<(String, String)> {
    let index = path.with_file_name(format!("{id}.facets"));
    let mut bytes = Vec::new();
    if !index.is_file()
        || File::open(index).and_then(|f| f.take(MOST_FACET_BYTES).read_to_end(&mut bytes)).is_err()
    {
        return Vec::new();
    }
    let Some(mut rest) = bytes.strip_prefix(&FACETS_MAGIC) else { return Vec::new() };
    let mut found = Vec::new();
    while let [_, _, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some((name, next)) = after.split_at_checked(length) else { break };
        let name = String::from_utf8_lossy(name);
        let (class, name) = name.split_once('\0').unwrap_or(("", &name));
        found.push((class.to_owned(), name.to_owned()));
        rest = next;
    }
    found
}

fn is_namespace(folder: &str) -> bool {
    folder.rsplit_once('-').is_some_and(|(worker, class)| {
        !worker.is_empty() && !worker.starts_with('.') && class.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

/// The first 16 bytes of HMAC-SHA-256.
fn half_mac(key: &[u8], text: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    // A key of any length is a valid one.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(text);
        half.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    }
    half
}
