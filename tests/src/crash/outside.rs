//! What the judge sees: items as DynamoDB would show them, messages as they were published. Read by name, with
//! no code of the functions.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use shared::store::{Attr, Item as StoredItem, Key};
use shared::tables::{PREFIX, Table};
use shared::time::Timestamp;
use sim::aws::Published;
use sim::checks::{Item, Outside};

/// The end of a run, seen from outside.
pub struct Seen {
    tables: BTreeMap<String, Vec<Item>>,
    published: Vec<Published>,
}

impl Seen {
    /// What stands in the tables and was published.
    pub fn of(items: &BTreeMap<Key, StoredItem>, published: Vec<Published>) -> Seen {
        let mut tables: BTreeMap<String, Vec<Item>> =
            Table::ALL.map(|table| (name(table), Vec::new())).into();
        for (key, item) in items {
            if let Some(list) = tables.get_mut(&name(key.table)) {
                list.push(wire_item(item));
            }
        }
        Seen { tables, published }
    }
}

impl Outside for Seen {
    fn items(&self, table: &str) -> Result<Vec<Item>, String> {
        self.tables.get(table).cloned().ok_or_else(|| "no such table".to_owned())
    }
    fn published(&self) -> Vec<Published> {
        self.published.clone()
    }
}

fn name(table: Table) -> String {
    format!("{PREFIX}-{}-dev", table.as_str())
}

fn wire_item(item: &StoredItem) -> Map<String, Value> {
    item.iter().map(|(name, attr)| (name.clone(), wire(attr))).collect()
}

fn wire(attr: &Attr) -> Value {
    match attr {
        Attr::S(text) => json!({"S": text}),
        Attr::N(text) => json!({"N": text}),
        Attr::Bool(truth) => json!({"BOOL": truth}),
        Attr::Null => json!({"NULL": true}),
        Attr::B(bytes) => json!({"B": BASE64.encode(bytes)}),
        Attr::L(list) => json!({"L": list.iter().map(wire).collect::<Vec<_>>()}),
        Attr::M(map) => json!({"M": wire_item(map)}),
        Attr::Foreign(kind) => json!({*kind: []}),
    }
}

/// A text of an item, empty where there is none.
pub fn text<'a>(item: &'a StoredItem, name: &str) -> &'a str {
    match item.get(name) {
        Some(Attr::S(text)) => text,
        _ => "",
    }
}

/// An exact number of an item.
pub fn number(item: &StoredItem, name: &str) -> Decimal {
    item.get(name).map_or(Decimal::ZERO, decimal)
}

/// An exact number.
pub fn decimal(attr: &Attr) -> Decimal {
    match attr {
        Attr::N(text) => text.parse().unwrap_or_default(),
        _ => Decimal::ZERO,
    }
}

/// A time of an item.
pub fn time(item: &StoredItem, name: &str) -> Option<Timestamp> {
    Timestamp::parse(text(item, name)).ok()
}

/// The entries of a map of an item.
pub fn entries(item: &StoredItem, name: &str) -> StoredItem {
    match item.get(name) {
        Some(Attr::M(map)) => map.clone(),
        _ => StoredItem::new(),
    }
}
