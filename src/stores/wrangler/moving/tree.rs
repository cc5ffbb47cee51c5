//! Where in a text its values stand, whether it is JSON, JSONC or TOML.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, ObjectPropName, Value as Json};
use jsonc_parser::{CollectOptions, parse_to_ast};
use toml_edit::{Document, Item, Key, Table, Value as Toml};

use crate::stores::wrangler::config;

/// A value, and the bytes from its start to its end.
pub struct Node {
    pub range: Range<usize>,
    pub kind: Kind,
}

pub enum Kind {
    /// In braces; in TOML also a table under a header, whose range is the header's alone.
    Object(Vec<Member>),
    Array(Vec<Node>),
    /// TOML's `[[name]]`, each under a header of its own.
    Tables(Vec<Node>),
    Text,
    Other,
}

pub struct Member {
    pub name: String,
    pub key: Range<usize>,
    pub value: Node,
}

impl Member {
    /// From the start of the key to the end of the value.
    pub fn range(&self) -> Range<usize> {
        self.key.start..self.value.range.end
    }
}

impl Node {
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The last member of this name, which is the one that counts.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().rev().find(|m| m.name == name)
    }

    pub fn get(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| Some(&node.member(name)?.value))
    }

    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(items) | Kind::Tables(items) => items,
            _ => &[],
        }
    }

    /// The end of all that is in it, tables below it included.
    pub fn end(&self) -> usize {
        let members = self.members().iter().map(|m| m.value.end().max(m.key.end));
        members.chain(self.items().iter().map(Node::end)).fold(self.range.end, usize::max)
    }
}

/// Finds the values of a text; none where it does not parse.
pub fn tree(text: &str) -> Option<Node> {
    if config::is_json(text) {
        let parsed = parse_to_ast(text, &CollectOptions::default(), &config::JSON).ok()?;
        parsed.value.map(json)
    } else {
        Some(table(Document::parse(text).ok()?.as_table()))
    }
}

fn json(value: Json<'_>) -> Node {
    let (range, kind) = match value {
        Json::Object(object) => {
            (object.range, Kind::Object(object.properties.into_iter().map(member).collect()))
        }
        Json::Array(array) => (array.range, Kind::Array(array.elements.into_iter().map(json).collect())),
        Json::StringLit(text) => (text.range, Kind::Text),
        Json::NumberLit(number) => (number.range, Kind::Other),
        Json::BooleanLit(flag) => (flag.range, Kind::Other),
        Json::NullKeyword(null) => (null.range, Kind::Other),
    };
    Node { range: range.start..range.end, kind }
}

fn member(property: ObjectProp<'_>) -> Member {
    let key = match &property.name {
        ObjectPropName::String(name) => name.range,
        ObjectPropName::Word(name) => name.range,
    };
    let value = json(property.value);
    Member { name: property.name.into_string(), key: key.start..key.end, value }
}

fn table(table: &Table) -> Node {
    let members = table.iter().filter_map(|(name, item)| keyed(table.key(name), item)).collect();
    Node { range: table.span().unwrap_or_default(), kind: Kind::Object(members) }
}

fn keyed(key: Option<&Key>, item: &Item) -> Option<Member> {
    let key = key?;
    let value = match item {
        Item::None => return None,
        Item::Value(value) => toml(value),
        Item::Table(inner) => table(inner),
        Item::ArrayOfTables(tables) => {
            let items = tables.iter().map(table).collect();
            Node { range: tables.span().unwrap_or_default(), kind: Kind::Tables(items) }
        }
    };
    Some(Member { name: key.get().to_owned(), key: key.span().unwrap_or_default(), value })
}

fn toml(value: &Toml) -> Node {
    let kind = match value {
        Toml::String(_) => Kind::Text,
        Toml::Array(values) => Kind::Array(values.iter().map(toml).collect()),
        Toml::InlineTable(inner) => {
            let members = inner.iter().filter_map(|(name, value)| {
                let key = inner.key(name)?;
                let (name, key) = (key.get().to_owned(), key.span().unwrap_or_default());
                Some(Member { name, key, value: toml(value) })
            });
            Kind::Object(members.collect())
        }
        _ => Kind::Other,
    };
    Node { range: value.span().unwrap_or_default(), kind }
}
