//! The strict reader of items: nothing is defaulted, and every error names the item and the attribute.
//!
//! Absent, null and zero are three things: [`Fields::need`] refuses the first two, [`Fields::maybe`] takes
//! absent for none and still refuses null. Attributes that nobody asks for are ignored.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use rust_decimal::Decimal;

use crate::books::{ExitReason, PositionStatus};
use crate::ids::{AccountId, Asset, IncidentId, Leg, OrderId, PositionId, StrategyId, Symbol, VenueId};
use crate::market::Side;
use crate::model::Ask;
use crate::money::{Amount, Notional, Percent, Price, Qty, decimal};
use crate::order::{Absence, Ended, Origin, TimeInForce};
use crate::settings::{Backend, CrashAction, SafetyMode};
use crate::signal::Severity;
use crate::state::GateName;
use crate::status::{Hold, Status};
use crate::store::{Attr, Item};
use crate::tables::{PREFIX, Table};
use crate::time::{Day, Timestamp};

/// An item that does not say what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{item}: attribute {attribute}: {problem}")]
pub struct Corrupt {
    /// The item, by table and key.
    pub item: String,
    /// The attribute, dotted within maps and lists.
    pub attribute: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with an attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// It is there and null.
    #[error("null")]
    Null,
    /// It is there with another type.
    #[error("is {found}, not {expected}")]
    WrongType {
        /// The type it must have.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// A word outside its list.
    #[error("unknown value {value:?}; expected one of {expected}")]
    Unknown {
        /// The word.
        value: String,
        /// Every word that is known.
        expected: String,
    },
    /// A value that means nothing here.
    #[error("bad value {value:?}: {why}")]
    BadValue {
        /// The value, shortened.
        value: String,
        /// Why it is refused.
        why: String,
    },
}

/// Most characters of a refused value that an error repeats.
const MOST_SHOWN: usize = 64;

impl Problem {
    fn bad(value: &str, why: impl fmt::Display) -> Problem {
        Problem::BadValue { value: shown(value), why: why.to_string() }
    }
}

fn shown(value: &str) -> String {
    value.chars().take(MOST_SHOWN).collect()
}

fn type_of(attr: &Attr) -> &'static str {
    match attr {
        Attr::S(_) => "a string",
        Attr::N(_) => "a number",
        Attr::Bool(_) => "a truth value",
        Attr::Null => "null",
        Attr::B(_) => "bytes",
        Attr::L(_) => "a list",
        Attr::M(_) => "a map",
        Attr::Foreign(kind) => kind,
    }
}

/// Where in which item something stands. Nearly always nobody asks, so it is put into words only then.
#[derive(Debug, Clone)]
struct Place<'a> {
    table: Table,
    item: &'a Item,
    within: Option<Rc<Step<'a>>>,
}

/// One map or list on the way from an item to a value.
#[derive(Debug)]
struct Step<'a> {
    above: Option<Rc<Step<'a>>>,
    name: Name<'a>,
}

/// What a value goes by in its map or list.
#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    Attribute(&'a str),
    Element(usize),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Attribute(name) => out.write_str(name),
            Name::Element(index) => index.fmt(out),
        }
    }
}

impl<'a> Place<'a> {
    fn below(&self, name: Name<'a>) -> Place<'a> {
        let step = Step { above: self.within.clone(), name };
        Place { within: Some(Rc::new(step)), ..self.clone() }
    }
    /// The item, named by its own key attributes.
    fn item(&self) -> String {
        let keys = std::iter::once(self.table.hash_key()).chain(self.table.range_key());
        let value = |name| match self.item.get(name) {
            Some(Attr::S(value)) => value.as_str(),
            Some(
                Attr::N(_)
                | Attr::Bool(_)
                | Attr::Null
                | Attr::B(_)
                | Attr::L(_)
                | Attr::M(_)
                | Attr::Foreign(_),
            )
            | None => "?",
        };
        let table = format!("{PREFIX}-{}", self.table.as_str());
        keys.map(value).fold(table, |what, key| format!("{what} {key}"))
    }
    fn attribute(&self, name: Name<'_>) -> String {
        let mut path = name.to_string();
        let mut step = self.within.as_deref();
        while let Some(Step { above, name }) = step {
            path = format!("{name}.{path}");
            step = above.as_deref();
        }
        path
    }
    fn corrupt(&self, name: Name<'_>, problem: Problem) -> Corrupt {
        Corrupt { item: self.item(), attribute: self.attribute(name), problem }
    }
}

/// The attributes of one item, or of one map within it.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    place: Place<'a>,
    fields: &'a Item,
}

impl<'a> Fields<'a> {
    /// The attributes of an item of `table`.
    pub fn of(table: Table, item: &'a Item) -> Fields<'a> {
        Fields { place: Place { table, item, within: None }, fields: item }
    }
    /// What a required attribute holds.
    pub fn need<T>(&self, name: &str, read: impl FnOnce(Found<'a>) -> Read<T>) -> Read<T> {
        match self.maybe(name, read)? {
            Some(value) => Ok(value),
            None => Err(self.corrupt(name, Problem::Missing)),
        }
    }
    /// What an attribute holds that may be absent; null is an error.
    pub fn maybe<T>(&self, name: &str, read: impl FnOnce(Found<'a>) -> Read<T>) -> Read<Option<T>> {
        self.fields.get_key_value(name).map(|(name, attr)| read(self.found(name, attr))).transpose()
    }
    /// Whether the attribute is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }
    /// The attributes by name, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Found<'a>)> + '_ {
        self.fields.iter().map(|(name, attr)| (name.as_str(), self.found(name, attr)))
    }
    /// Refuses the item because of what `name` holds beside the others.
    pub fn bad(&self, name: &str, value: &str, why: impl fmt::Display) -> Corrupt {
        self.corrupt(name, Problem::bad(value, why))
    }
    fn corrupt(&self, name: &str, problem: Problem) -> Corrupt {
        self.place.corrupt(Name::Attribute(name), problem)
    }
    fn found(&self, name: &'a str, attr: &'a Attr) -> Found<'a> {
        Found { place: self.place.clone(), name: Name::Attribute(name), attr }
    }
}

/// What a reader gives.
pub type Read<T> = Result<T, Corrupt>;

/// One attribute that is there, and where.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    place: Place<'a>,
    name: Name<'a>,
    attr: &'a Attr,
}

impl<'a> Found<'a> {
    /// Any string, also an empty one.
    pub fn text(self) -> Read<String> {
        self.str().map(str::to_owned)
    }
    /// A string that is not empty.
    pub fn filled(self) -> Read<String> {
        match self.str()? {
            "" => Err(self.bad("", "must not be empty")),
            text => Ok(text.to_owned()),
        }
    }
    /// A name, a time or a word of a list, stored as a string.
    pub fn word<T: FromText>(self) -> Read<T> {
        T::from_text(self.str()?).map_err(|problem| self.corrupt(problem))
    }
    /// A number.
    pub fn number<T: FromNumber>(self) -> Read<T> {
        let Attr::N(text) = self.attr else { return Err(self.wrong("a number")) };
        T::from_number(text).map_err(|why| self.bad(text, why))
    }
    /// A truth value.
    pub fn flag(self) -> Read<bool> {
        let Attr::Bool(flag) = self.attr else { return Err(self.wrong("a truth value")) };
        Ok(*flag)
    }
    /// Bytes.
    pub fn bytes(self) -> Read<Vec<u8>> {
        let Attr::B(bytes) = self.attr else { return Err(self.wrong("bytes")) };
        Ok(bytes.clone())
    }
    /// The attributes of a map.
    pub fn fields(self) -> Read<Fields<'a>> {
        let Attr::M(item) = self.attr else { return Err(self.wrong("a map")) };
        Ok(Fields { place: self.place.below(self.name), fields: item })
    }
    /// A map whose names mean something, each entry read by `read`.
    pub fn map<K: FromText + Ord, V>(self, read: impl Fn(Found<'a>) -> Read<V>) -> Read<BTreeMap<K, V>> {
        let entry = |(name, found): (&str, Found<'a>)| {
            let key = K::from_text(name).map_err(|problem| found.corrupt(problem))?;
            Ok((key, read(found)?))
        };
        self.fields()?.iter().map(entry).collect()
    }
    /// A list, each element read by `read`.
    pub fn list<T>(self, read: impl Fn(Found<'a>) -> Read<T>) -> Read<Vec<T>> {
        let Attr::L(list) = self.attr else { return Err(self.wrong("a list")) };
        let place = self.place.below(self.name);
        let element = |(index, attr): (usize, &'a Attr)| {
            read(Found { place: place.clone(), name: Name::Element(index), attr })
        };
        list.iter().enumerate().map(element).collect()
    }
    /// Refuses what stands here.
    pub fn bad(&self, value: &str, why: impl fmt::Display) -> Corrupt {
        self.corrupt(Problem::bad(value, why))
    }
    fn str(&self) -> Read<&'a str> {
        let Attr::S(text) = self.attr else { return Err(self.wrong("a string")) };
        Ok(text)
    }
    fn wrong(&self, expected: &'static str) -> Corrupt {
        match self.attr {
            Attr::Null => self.corrupt(Problem::Null),
            Attr::S(_)
            | Attr::N(_)
            | Attr::Bool(_)
            | Attr::B(_)
            | Attr::L(_)
            | Attr::M(_)
            | Attr::Foreign(_) => self.corrupt(Problem::WrongType { expected, found: type_of(self.attr) }),
        }
    }
    fn corrupt(&self, problem: Problem) -> Corrupt {
        self.place.corrupt(self.name, problem)
    }
}

/// What is stored as a string, or is the name of a map's entry.
pub trait FromText: Sized {
    /// Reads it.
    fn from_text(text: &str) -> Result<Self, Problem>;
}

impl FromText for String {
    fn from_text(text: &str) -> Result<String, Problem> {
        Ok(text.to_owned())
    }
}

macro_rules! names {
    ($($name:ident),*) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<$name, Problem> {
                $name::parse(text).map_err(|why| Problem::bad(text, why))
            }
        }
    )*};
}
names!(AccountId, Asset, Day, IncidentId, OrderId, PositionId, StrategyId, Symbol, Timestamp, VenueId);

macro_rules! words {
    ($($name:ident),*) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<$name, Problem> {
                one_of(text, &$name::ALL.map($name::as_str), $name::parse)
            }
        }
    )*};
}
words!(
    Absence,
    Ask,
    Backend,
    CrashAction,
    Ended,
    ExitReason,
    GateName,
    Hold,
    Leg,
    Origin,
    PositionStatus,
    SafetyMode,
    Severity,
    Side,
    Status,
    TimeInForce
);

/// Reads a word of a list.
pub fn one_of<T>(text: &str, all: &[&str], parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
    parse(text).ok_or_else(|| Problem::Unknown { value: shown(text), expected: all.join(", ") })
}

/// What is stored as a number.
pub trait FromNumber: Sized {
    /// Reads it, or says why not.
    fn from_number(text: &str) -> Result<Self, String>;
}

/// Any decimal that can be held exactly: a stored sum or product may have more digits than one amount
/// that is read from outside.
fn exact(text: &str) -> Result<Decimal, String> {
    Decimal::from_str_exact(text).or_else(|_| decimal(text)).map_err(|why| why.to_string())
}

macro_rules! amounts {
    ($($name:ident),*) => {$(
        impl FromNumber for $name {
            fn from_number(text: &str) -> Result<$name, String> {
                $name::new(exact(text)?).map_err(|why| why.to_string())
            }
        }
    )*};
}
amounts!(Amount, Notional, Percent, Price, Qty);

impl FromNumber for Decimal {
    fn from_number(text: &str) -> Result<Decimal, String> {
        exact(text)
    }
}

macro_rules! counts {
    ($($name:ident),*) => {$(
        impl FromNumber for $name {
            fn from_number(text: &str) -> Result<$name, String> {
                let whole = || -> Option<$name> {
                    let value = exact(text).ok()?;
                    if value.fract().is_zero() { $name::try_from(value).ok() } else { None }
                };
                text.parse().ok().or_else(whole).ok_or_else(|| format!("not a whole number from {} to {}", $name::MIN, $name::MAX))
            }
        }
    )*};
}
counts!(i64, u32, u64);

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attr: Attr) -> Item {
        Item::from([("strategy_id".into(), Attr::S("demo".into())), ("status".into(), attr)])
    }
    fn problem(attr: Attr) -> String {
        let item = item(attr);
        let read = Fields::of(Table::TradingState, &item).need("status", Found::word::<Status>);
        read.unwrap_err().to_string()
    }

    #[test]
    fn an_error_is_one_line_that_names_item_and_attribute() {
        insta::assert_snapshot!(problem(Attr::S("Running".into())), @r#"tradai-trading-state demo: attribute status: unknown value "Running"; expected one of warmup, running, reducing, halted, stopped"#);
        insta::assert_snapshot!(problem(Attr::Null), @"tradai-trading-state demo: attribute status: null");
        insta::assert_snapshot!(problem(Attr::N("1".into())), @"tradai-trading-state demo: attribute status: is a number, not a string");
    }

    #[test]
    fn absent_null_and_zero_are_three_things() {
        let (absent, null, zero) = (Item::new(), item(Attr::Null), item(Attr::N("0".into())));
        let read = |item| Fields::of(Table::TradingState, item).maybe("status", Found::number::<u32>);
        assert_eq!(read(&absent), Ok(None));
        assert_eq!(read(&null).unwrap_err().problem, Problem::Null);
        assert_eq!(read(&zero), Ok(Some(0)));
        let need = Fields::of(Table::TradingState, &absent).need("status", Found::number::<u32>);
        assert_eq!(need.unwrap_err().problem, Problem::Missing);
    }

    #[test]
    fn whole_numbers_are_read_in_every_spelling_and_nothing_else_is() {
        for text in ["60", "60.0", "6E1"] {
            assert_eq!(u32::from_number(text), Ok(60), "{text}");
        }
        for text in ["", "NaN", "1e400", "-1", "1.5", "4294967296"] {
            assert!(u32::from_number(text).is_err(), "{text}");
        }
        assert_eq!(u64::from_number("18446744073709551615"), Ok(u64::MAX));
    }
}
