//! The language in which functions speak to the tables: items, conditions, writes.
//!
//! Small on purpose: what it can say is what the in-memory store and DynamoDB both do the same way.

use std::collections::BTreeMap;
use std::fmt;

use crate::tables::Table;

pub mod sound;

/// One attribute value, as DynamoDB stores it. Numbers stay text until a record reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attr {
    /// A string.
    S(String),
    /// A number, as text.
    N(String),
    /// A truth value.
    Bool(bool),
    /// An explicit null.
    Null,
    /// Bytes.
    B(Vec<u8>),
    /// A list.
    L(Vec<Attr>),
    /// A map.
    M(Item),
    /// What the table holds and this language cannot say (a set), by DynamoDB's name of its type. Read so
    /// that a record can name what is wrong with its attribute; never written.
    Foreign(&'static str),
}

/// An item or a map: attribute by name.
pub type Item = BTreeMap<String, Attr>;

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The table.
    pub table: Table,
    /// The partition key's value.
    pub hash: String,
    /// The sort key's value, in tables that have one.
    pub range: Option<String>,
}

/// A key as an operator would say it: `tradai-trading-state: demo`.
impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.table.as_str(), self.hash)?;
        match &self.range {
            Some(range) => write!(out, " {range}"),
            None => Ok(()),
        }
    }
}

/// The names from the item down to one attribute; never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The attribute of the item.
    pub head: String,
    /// The names within maps below it.
    pub rest: Vec<String>,
}

impl Path {
    /// One attribute of the item.
    pub fn of(head: &str) -> Path {
        Path { head: head.to_owned(), rest: Vec::new() }
    }
    /// The entry `name` of the map at this path.
    pub fn then(mut self, name: &str) -> Path {
        self.rest.push(name.to_owned());
        self
    }
    /// Every name, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.head.as_str()).chain(self.rest.iter().map(String::as_str))
    }
}

/// What must be true of the item for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cond {
    /// Nothing is there.
    Absent(Path),
    /// Something is there.
    Present(Path),
    /// Exactly this is there.
    Equals(Path, Attr),
    /// Something else, or nothing, is there.
    Differs(Path, Attr),
    /// Nothing is there, or less than this (numbers by value, strings by bytes).
    AbsentOrBelow(Path, Attr),
}

/// One change of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Put this value there.
    Set(Path, Attr),
    /// Take away what is there.
    Remove(Path),
}

/// A write of one item with its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The item.
    pub key: Key,
    /// What is done.
    pub act: WriteAct,
    /// What must be true; all of it.
    pub conds: Vec<Cond>,
}

/// What a write does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAct {
    /// Puts the whole item; the key attributes are added by the store.
    Put(Item),
    /// Changes some attributes and keeps the others.
    Update(Vec<Change>),
    /// Checks the conditions only.
    Check,
}

impl Write {
    /// Puts `item` where nothing is.
    pub fn put_if_absent(key: Key, item: Item) -> Write {
        let absent = Cond::Absent(Path::of(key.table.hash_key()));
        Write { key, act: WriteAct::Put(item), conds: vec![absent] }
    }
    /// Changes attributes of an item if `conds` hold.
    pub fn update(key: Key, changes: Vec<Change>, conds: Vec<Cond>) -> Write {
        Write { key, act: WriteAct::Update(changes), conds }
    }
}

/// Why a read gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Throttled, unreachable or refused; the next tick reads again.
    #[error("table not readable: {0}")]
    Unavailable(String),
}

/// Why a write did not happen, or may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A condition did not hold: someone else was first. Read again.
    #[error("lost to another write at {key}")]
    Lost {
        /// The item whose condition failed.
        key: Key,
        /// What stands there, where the store says so.
        existing: Option<Item>,
    },
    /// Another transaction was under way. Read again.
    #[error("conflict with another transaction")]
    Conflict,
    /// It did not happen: throttled, refused, never sent.
    #[error("not written: {0}")]
    NotDone(String),
    /// It may have happened: read before doing it again.
    #[error("no answer to a write: {0}")]
    NoAnswer(String),
}

/// Most items of one transaction (DynamoDB: TransactWriteItems).
pub const MOST_WRITES: usize = 100;

/// Reads items. Reads that decide anything are strong.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait ReadTables {
    /// The items under `keys`, in that order, strongly consistent, in as few calls as possible.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError>;
    /// Every item of one partition whose sort key starts with `prefix`, in ascending or descending order,
    /// at most `limit`.
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError>;
}

/// The direction of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Lowest sort key first.
    Ascending,
    /// Highest sort key first.
    Descending,
}

/// Reads whole tables: heartbeat and the operator alone.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait ScanTables {
    /// Every item of a table, all pages.
    async fn scan(&self, table: Table) -> Result<Vec<Item>, ReadError>;
}

/// Writes items. Who writes may read: what a write depends on is read first.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait WriteTables: ReadTables {
    /// All of `writes` or none; a single write is an ordinary conditional write.
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError>;
}

/// The changes that turn `before` into `after`: attribute by attribute, and entry by entry within maps, so
/// that nothing is written that did not change.
pub fn changes(before: &Item, after: &Item) -> Vec<Change> {
    let mut found = Vec::new();
    compare(before, after, &|name| Path::of(name), &mut found);
    found
}

fn compare(before: &Item, after: &Item, path: &dyn Fn(&str) -> Path, found: &mut Vec<Change>) {
    for (name, value) in after {
        match (before.get(name), value) {
            (Some(old), new) if old == new => {}
            (Some(Attr::M(old)), Attr::M(new)) => {
                compare(old, new, &|inner| path(name).then(inner), found);
            }
            (Some(_) | None, new) => found.push(Change::Set(path(name), new.clone())),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        found.push(Change::Remove(path(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Attr)]) -> Item {
        entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn only_what_changed_is_written_and_maps_are_written_entry_by_entry() {
        let one = Attr::N("1".into());
        let before =
            map(&[("a", one.clone()), ("gone", Attr::Null), ("m", Attr::M(map(&[("x", one.clone())])))]);
        let after =
            map(&[("a", one.clone()), ("m", Attr::M(map(&[("x", one.clone()), ("y", one.clone())])))]);
        assert_eq!(
            changes(&before, &after),
            [Change::Set(Path::of("m").then("y"), one), Change::Remove(Path::of("gone"))]
        );
        assert!(changes(&after, &after).is_empty());
    }
}
