//! Items of the tables, read as DynamoDB JSON and nothing else.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use shared::time::Timestamp;

use crate::aws::{EmbeddedAws, Published};

/// One item.
pub type Item = Map<String, Value>;

/// What a checker may look at beside the exchange: the tables' items and the topics' messages.
pub trait Outside {
    /// Every item of the table with this full name, as DynamoDB JSON; or why it cannot be read.
    fn items(&self, table: &str) -> Result<Vec<Item>, String>;
    /// Every message that a topic took, oldest first.
    fn published(&self) -> Vec<Published>;
}

impl<T: Outside + ?Sized> Outside for std::sync::Arc<T> {
    fn items(&self, table: &str) -> Result<Vec<Item>, String> {
        (**self).items(table)
    }
    fn published(&self) -> Vec<Published> {
        (**self).published()
    }
}

impl Outside for EmbeddedAws {
    fn items(&self, table: &str) -> Result<Vec<Item>, String> {
        self.scan_all(table).map_err(|refused| refused.to_string())
    }
    fn published(&self) -> Vec<Published> {
        EmbeddedAws::published(self)
    }
}

/// Whose tables and topics are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    prefix: String,
    env: String,
}

impl Stage {
    /// `tradai` and `dev`, for example.
    pub fn new(prefix: &str, env: &str) -> Stage {
        Stage { prefix: prefix.to_owned(), env: env.to_owned() }
    }

    /// `tradai-orders-dev`.
    pub(super) fn table(&self, middle: &str) -> String {
        format!("{}-{middle}-{}", self.prefix, self.env)
    }

    /// Whether this is the ARN of `tradai-dev-alerts`.
    pub(super) fn is_topic(&self, arn: &str, end: &str) -> bool {
        arn.rsplit(':').next() == Some(format!("{}-{}-{end}", self.prefix, self.env).as_str())
    }

    /// Every item of a table; a table that cannot be read is a line.
    pub(super) fn items(&self, aws: &impl Outside, middle: &str) -> Result<Vec<Item>, String> {
        let name = self.table(middle);
        aws.items(&name).map_err(|refused| format!("table {name} cannot be read: {refused}"))
    }
}

/// A text.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// A truth.
pub(super) fn truth(item: &Item, name: &str) -> Option<bool> {
    item.get(name)?.get("BOOL")?.as_bool()
}

/// A time.
pub(super) fn time(item: &Item, name: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text(item, name)?.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// An exact number.
pub(super) fn number(item: &Item, name: &str) -> Option<Decimal> {
    decimal(item.get(name)?)
}

fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.get("N")?.as_str()?;
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// A map of exact numbers; an entry that is none is named.
pub(super) fn amounts(item: &Item, name: &str) -> Result<BTreeMap<String, Decimal>, String> {
    let map = item.get(name).and_then(|map| map.get("M")).and_then(Value::as_object);
    let map = map.ok_or_else(|| format!("{name} is not a map"))?;
    map.iter()
        .map(|(key, value)| {
            let amount = decimal(value).ok_or_else(|| format!("{name}.{key} is not a number"))?;
            Ok((key.clone(), amount))
        })
        .collect()
}

/// A number for people, or what stands for none.
pub(super) fn shown(number: Option<Decimal>) -> String {
    number.map_or_else(|| "nothing".to_owned(), |number| number.normalize().to_string())
}

/// The orders table, taken apart.
#[derive(Debug, Default)]
pub(super) struct OrderItems {
    /// Our orders by client id; more than one item for an id is a fault of its own.
    pub(super) orders: BTreeMap<String, Vec<Item>>,
    /// Our fills by client id and trade id.
    pub(super) fills: BTreeMap<String, BTreeMap<String, Item>>,
    /// What reconcile recorded of trades that are not ours, by trade id.
    pub(super) external: BTreeMap<String, Item>,
    /// Items that are none of these.
    pub(super) unreadable: Vec<String>,
}

impl OrderItems {
    pub(super) fn read(aws: &impl Outside, stage: &Stage) -> Result<OrderItems, String> {
        let mut all = OrderItems::default();
        for item in stage.items(aws, "orders")? {
            all.add(item);
        }
        Ok(all)
    }

    fn add(&mut self, item: Item) {
        let (Some(position), Some(name)) = (text(&item, "position_id"), text(&item, "order_id")) else {
            self.unreadable.push(format!("an item of orders has no key: {}", Value::Object(item)));
            return;
        };
        let (position, name) = (position.to_owned(), name.to_owned());
        if position.starts_with("external.") {
            let trade = name.rsplit(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
            self.external.insert(trade.to_owned(), item);
        } else if let Some((order, trade)) = name.split_once('#') {
            self.fills.entry(order.to_owned()).or_default().insert(trade.to_owned(), item);
        } else {
            self.orders.entry(name).or_default().push(item);
        }
    }
}
