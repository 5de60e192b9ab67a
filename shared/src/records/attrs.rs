//! The writer of items: attributes from values, and items from attributes.

use std::collections::BTreeMap;
use std::fmt;

use crate::store::{Attr, Change, Item, Key, Path};
use crate::time::Timestamp;

/// A string.
pub fn text(value: impl fmt::Display) -> Attr {
    Attr::S(value.to_string())
}

/// A number: exact, plain digits.
pub fn number(value: impl fmt::Display) -> Attr {
    Attr::N(value.to_string())
}

/// A time, as ISO-8601 text.
pub fn time(at: Timestamp) -> Attr {
    text(at)
}

/// A list.
pub fn list<T>(values: impl IntoIterator<Item = T>, attr: impl Fn(T) -> Attr) -> Attr {
    Attr::L(values.into_iter().map(attr).collect())
}

/// A map, each entry under its name.
pub fn map<K: fmt::Display, V>(values: &BTreeMap<K, V>, attr: impl Fn(&V) -> Attr) -> Attr {
    Attr::M(values.iter().map(|(name, value)| (name.to_string(), attr(value))).collect())
}

/// An item in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft(Item);

impl Draft {
    pub(super) fn new() -> Draft {
        Draft::default()
    }
    /// Begins with the key attributes, so that an item says by itself what it is.
    pub(super) fn under(key: Key) -> Draft {
        let (table, mut item) = (key.table, Item::new());
        item.insert(table.hash_key().to_owned(), Attr::S(key.hash));
        if let (Some(name), Some(range)) = (table.range_key(), key.range) {
            item.insert(name.to_owned(), Attr::S(range));
        }
        Draft(item)
    }
    pub(super) fn with(mut self, name: &str, attr: Attr) -> Draft {
        self.0.insert(name.to_owned(), attr);
        self
    }
    pub(super) fn maybe(self, name: &str, attr: Option<Attr>) -> Draft {
        match attr {
            Some(attr) => self.with(name, attr),
            None => self,
        }
    }
    pub(super) fn item(self) -> Item {
        self.0
    }
    pub(super) fn map(self) -> Attr {
        Attr::M(self.0)
    }
}

/// The changes that make the attributes `names` of an item what they are in `item`: set, or taken away.
pub(super) fn changes(item: &Item, names: &[&str]) -> Vec<Change> {
    let change = |name: &&str| match item.get(*name) {
        Some(attr) => Change::Set(Path::of(name), attr.clone()),
        None => Change::Remove(Path::of(name)),
    };
    names.iter().map(change).collect()
}

/// One path builder per attribute of an item.
macro_rules! paths {
    ($($name:ident),* $(,)?) => {$(
        #[doc = concat!("The attribute `", stringify!($name), "`.")]
        pub fn $name() -> crate::store::Path {
            crate::store::Path::of(stringify!($name))
        }
    )*};
}
pub(super) use paths;
