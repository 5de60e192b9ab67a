//! What every kind of record must stand: round trips, old items, and damage to each of its attributes.

use std::fmt::Debug;
use std::path::Path;

use crate::records::dynamo_json::{from_json, to_json};
use crate::records::fields::{Corrupt, Fields};
use crate::records::{account, arb, order, position, samples, state};
use crate::store::{Attr, Item};
use crate::tables::Table;

/// The damages done to every attribute.
const DAMAGES: [&str; 9] =
    ["missing", "null", "wrong-type", "a-flag", "NaN", "1e400", "-1", "empty", "Running"];

fn damaged(attr: &Attr, damage: &str) -> Option<Attr> {
    let same = |text: &str| match attr {
        Attr::N(_) => Attr::N(text.into()),
        Attr::S(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::M(_) => {
            Attr::S(text.into())
        }
    };
    match damage {
        "missing" => None,
        "null" => Some(Attr::Null),
        "a-flag" if matches!(attr, Attr::Bool(_)) => Some(Attr::L(Vec::new())),
        "a-flag" => Some(Attr::Bool(true)),
        "wrong-type" if matches!(attr, Attr::S(_)) => Some(Attr::N("1".into())),
        "wrong-type" => Some(Attr::S("1".into())),
        "empty" => Some(same("")),
        text => Some(same(text)),
    }
}

/// Where every attribute is: names of the item, of maps and indices of lists.
fn places(item: &Item) -> Vec<Vec<String>> {
    item.iter().flat_map(|(name, attr)| below(name, attr)).collect()
}

fn below(name: &str, attr: &Attr) -> Vec<Vec<String>> {
    let inner = match attr {
        Attr::M(map) => places(map),
        Attr::L(list) => {
            list.iter().enumerate().flat_map(|(index, attr)| below(&index.to_string(), attr)).collect()
        }
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) => Vec::new(),
    };
    let under = |rest: Vec<String>| [vec![name.to_owned()], rest].concat();
    std::iter::once(vec![name.to_owned()]).chain(inner.into_iter().map(under)).collect()
}

/// Damages what is at `place`; false where that damage cannot be done there.
fn damage_item(item: &mut Item, place: &[String], damage: &str) -> bool {
    let (name, rest) = place.split_first().expect("a place has a name");
    let attr = item.get_mut(name).expect("the place exists");
    if !rest.is_empty() {
        return damage_attr(attr, rest, damage);
    }
    match damaged(attr, damage) {
        Some(worse) => *attr = worse,
        None => drop(item.remove(name)),
    }
    true
}

fn damage_attr(attr: &mut Attr, place: &[String], damage: &str) -> bool {
    match attr {
        Attr::M(map) => damage_item(map, place, damage),
        Attr::L(list) => {
            let (index, rest) = place.split_first().expect("a place has an index");
            let inner = &mut list[index.parse::<usize>().expect("an index")];
            if !rest.is_empty() {
                return damage_attr(inner, rest, damage);
            }
            let worse = damaged(inner, damage);
            worse.map(|worse| *inner = worse).is_some()
        }
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) => false,
    }
}

/// Does every damage to every attribute. Each must be an error that names item and attribute, except for
/// those listed: `attribute: damage damage`, one attribute a line.
fn holds_against_damage<T: Debug>(
    item: &Item,
    table: Table,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
    allowed: &str,
) {
    let what = Fields::of(table, item).bad("", "", "").item;
    let mut taken = Vec::new();
    for place in places(item) {
        let path = place.join(".");
        let mut harmless = Vec::new();
        for damage in DAMAGES {
            let mut worse = item.clone();
            if !damage_item(&mut worse, &place, damage) {
                continue;
            }
            match decode(&worse) {
                Ok(_) => harmless.push(damage),
                Err(corrupt) => {
                    assert_eq!(corrupt.attribute, path, "{damage} at {path} was reported as {corrupt}");
                    let is_key = path == table.hash_key() || Some(path.as_str()) == table.range_key();
                    assert!(is_key || corrupt.item == what, "{damage} at {path} was reported as {corrupt}");
                }
            }
        }
        if !harmless.is_empty() {
            taken.push(format!("{path}: {}", harmless.join(" ")));
        }
    }
    let allowed: Vec<&str> = allowed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(taken, allowed, "these damages were read as if nothing were wrong:\n{}", taken.join("\n"));
}

/// The committed item reads as the sample, and the sample is written as the committed item. When the
/// second fails because the form changed on purpose, commit a new file and keep the old one readable.
fn is_golden<T: Debug + PartialEq>(
    name: &str,
    sample: &T,
    encode: impl Fn(&T) -> Item,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/records/golden/{name}.json"));
    let now = to_json(&encode(sample));
    let Ok(text) = std::fs::read_to_string(&file) else {
        let text = serde_json::to_string_pretty(&now).expect("json");
        std::fs::write(&file, format!("{text}\n")).expect("the new golden file is written");
        panic!("{} was missing and is written: read it, then commit it", file.display());
    };
    let golden = serde_json::from_str(&text).expect("golden files are JSON");
    assert_eq!(decode(&from_json(&golden)).as_ref(), Ok(sample), "{name}: an old item no longer reads");
    assert_eq!(now, golden, "{name}: is written in another form than {}", file.display());
}

#[test]
fn records_golden_items_are_read_and_written() {
    is_golden("state", &samples::strategy_state(), state::encode, state::decode);
    is_golden("position", &samples::position(), position::encode, position::decode);
    for (name, sample) in samples::orders() {
        is_golden(&format!("order_{name}"), &sample, order::encode, order::decode);
    }
    is_golden("fill", &samples::fill(), order::encode_fill, order::decode_fill);
    is_golden("account", &samples::account_ledger(), account::encode, account::decode);
}

#[test]
fn records_state_holds_against_damage() {
    holds_against_damage(&state::encode(&samples::strategy_state()), Table::TradingState, state::decode, "");
}

#[test]
fn records_position_holds_against_damage() {
    holds_against_damage(&position::encode(&samples::position()), Table::Positions, position::decode, "");
}

#[test]
fn records_fill_holds_against_damage() {
    holds_against_damage(&order::encode_fill(&samples::fill()), Table::Orders, order::decode_fill, "");
}

#[test]
fn records_account_holds_against_damage() {
    holds_against_damage(&account::encode(&samples::account_ledger()), Table::Ledgers, account::decode, "");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn records_state_round_trips(value in arb::strategy_state()) {
        proptest::prop_assert_eq!(state::decode(&state::encode(&value)), Ok(value));
    }
    #[test]
    fn records_position_round_trips(value in arb::position()) {
        proptest::prop_assert_eq!(position::decode(&position::encode(&value)), Ok(value));
    }
    #[test]
    fn records_order_round_trips(value in arb::order()) {
        proptest::prop_assert_eq!(order::decode(&order::encode(&value)), Ok(value));
    }
    #[test]
    fn records_fill_round_trips(value in arb::fill()) {
        proptest::prop_assert_eq!(order::decode_fill(&order::encode_fill(&value)), Ok(value));
    }
    #[test]
    fn records_account_round_trips(value in arb::account_ledger()) {
        proptest::prop_assert_eq!(account::decode(&account::encode(&value)), Ok(value));
    }
}
