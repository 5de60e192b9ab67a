//! What no store takes, found before anything is sent: the same refusal from every store.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Attr, Change, Cond, Item, Key, MOST_WRITES, Path, Write, WriteAct, WriteError};
use crate::tables::Table;

/// Most names, maps and lists on the way from an item to a value (DynamoDB's limit).
const DEEPEST: usize = 32;
/// Numbers of so many characters are held without loss.
const SURELY_EXACT: usize = 28;

/// The value of a number as stored: `-?digits(.digits)?`, at most 28 significant digits, none of them lost.
pub fn number(text: &str) -> Option<Decimal> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    };
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// The one text of a number: no trailing zeros, no negative zero.
pub fn number_text(number: Decimal) -> String {
    if number.is_zero() { "0".to_owned() } else { number.normalize().to_string() }
}

/// Whether `text` is already what [`number_text`] gives, which nearly every number that comes back from a table
/// is. A number of so many digits that it may not fit is none.
pub fn is_one_text(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_number =
        |part: &str| digits(part) && !part.is_empty() && (part == "0" || !part.starts_with('0'));
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned.len() <= SURELY_EXACT
        && match unsigned.split_once('.') {
            Some((whole, fraction)) => {
                whole_number(whole) && digits(fraction) && !fraction.is_empty() && !fraction.ends_with('0')
            }
            None => whole_number(unsigned) && (unsigned != "0" || text == "0"),
        }
}

/// Whether `writes` can be one write: a [`WriteError::NotDone`] that names the item otherwise.
pub fn writes(writes: &[Write]) -> Result<(), WriteError> {
    if writes.len() > MOST_WRITES {
        let found = writes.len();
        return Err(WriteError::NotDone(format!("{found} writes in a transaction of at most {MOST_WRITES}")));
    }
    let mut keys = BTreeSet::new();
    for one in writes {
        write(one).map_err(|why| WriteError::NotDone(format!("{}: {why}", one.key)))?;
        if !keys.insert(&one.key) {
            return Err(WriteError::NotDone(format!("{}: named twice in one transaction", one.key)));
        }
    }
    Ok(())
}

/// Whether `key` can be a key of its table.
pub fn key(key: &Key) -> Result<(), String> {
    let empty = key.hash.is_empty() || key.range.as_deref() == Some("");
    match (key.table.range_key(), &key.range) {
        (Some(name), None) => Err(format!("the key lacks {name}")),
        (None, Some(_)) => Err("the table has no sort key".to_owned()),
        (Some(_), Some(_)) | (None, None) if empty => Err("an empty key".to_owned()),
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

/// Whether one partition of `table` can be read by a prefix of its sort key.
pub fn partition(table: Table, hash: &str, prefix: &str) -> Result<(), String> {
    match table.range_key() {
        _ if hash.is_empty() => Err("an empty key".to_owned()),
        None if !prefix.is_empty() => Err("the table has no sort key".to_owned()),
        None | Some(_) => Ok(()),
    }
}

/// The attributes that are an item's key.
pub fn key_item(key: &Key) -> Item {
    let hash = (key.table.hash_key().to_owned(), Attr::S(key.hash.clone()));
    let range = key.table.range_key().zip(key.range.as_ref());
    let range = range.map(|(name, value)| (name.to_owned(), Attr::S(value.clone())));
    [Some(hash), range].into_iter().flatten().collect()
}

fn write(write: &Write) -> Result<(), String> {
    key(&write.key)?;
    match &write.act {
        WriteAct::Put(item) => put(&write.key, item)?,
        WriteAct::Update(changes) => update(&write.key, changes)?,
        WriteAct::Check if write.conds.is_empty() => return Err("a check without a condition".to_owned()),
        WriteAct::Check => {}
    }
    write.conds.iter().try_for_each(cond)
}

/// Key attributes may be repeated within the item, but not contradicted.
fn put(key: &Key, item: &Item) -> Result<(), String> {
    for (name, attr) in key_item(key) {
        if item.get(&name).is_some_and(|other| *other != attr) {
            return Err(format!("{name} is not the key's"));
        }
    }
    item.iter().try_for_each(|(name, attr)| named(name).and_then(|()| value(attr, 1)))
}

fn update(key: &Key, changes: &[Change]) -> Result<(), String> {
    if changes.is_empty() {
        return Err("an update without a change".to_owned());
    }
    let keys = key_item(key);
    for change in changes {
        let path = target(change);
        if keys.contains_key(&path.head) {
            return Err(format!("{} is part of the key", path.head));
        }
        path.names().try_for_each(named)?;
        match change {
            Change::Set(path, attr) => value(attr, path.names().count())?,
            Change::Remove(_) => {}
        }
    }
    apart(changes)
}

/// No changed path may be, or lie below, another one. Sorted, a path precedes what lies below it.
fn apart(changes: &[Change]) -> Result<(), String> {
    let mut paths: Vec<Vec<&str>> = changes.iter().map(|change| target(change).names().collect()).collect();
    paths.sort_unstable();
    let below = |pair: &&[Vec<&str>]| matches!(pair, [above, below] if below.starts_with(above));
    match paths.windows(2).find(below) {
        Some(pair) => Err(format!("paths overlap: {pair:?}")),
        None => Ok(()),
    }
}

fn target(change: &Change) -> &Path {
    match change {
        Change::Set(path, _) | Change::Remove(path) => path,
    }
}

fn cond(cond: &Cond) -> Result<(), String> {
    let (path, operand) = match cond {
        Cond::Absent(path) | Cond::Present(path) => (path, None),
        Cond::Equals(path, attr) | Cond::Differs(path, attr) => (path, Some(attr)),
        Cond::AbsentOrBelow(path, attr) => match attr {
            Attr::S(_) | Attr::N(_) | Attr::B(_) => (path, Some(attr)),
            Attr::Bool(_) | Attr::Null | Attr::L(_) | Attr::M(_) | Attr::Foreign(_) => {
                return Err(format!("{} is compared with what has no order", path.head));
            }
        },
    };
    path.names().try_for_each(named)?;
    operand.map_or(Ok(()), |attr| value(attr, 1))
}

fn named(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("an empty attribute name".to_owned()) } else { Ok(()) }
}

/// Whether a value can stand `depth` names below the item.
fn value(attr: &Attr, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("nested deeper than {DEEPEST}"));
    }
    let below = depth.saturating_add(1);
    match attr {
        Attr::N(text) if number(text).is_none() => Err(format!("{text:?} is not an exact number")),
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) => Ok(()),
        Attr::L(list) => list.iter().try_for_each(|one| value(one, below)),
        Attr::M(map) => map.iter().try_for_each(|(name, one)| named(name).and_then(|()| value(one, below))),
        Attr::Foreign(kind) => Err(format!("a value of type {kind} is never written")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_plain_and_exact() {
        for text in
            ["", "-", ".5", "5.", "1_000", "+1", "1e3", " 1", "NaN", "0.00000000000000000000000000001"]
        {
            assert_eq!(number(text), None, "{text:?} was read");
        }
        for (text, stored) in [("1.0", "1"), ("-0.0", "0"), ("100", "100"), ("007.50", "7.5")] {
            assert_eq!(number(text).map(number_text).as_deref(), Some(stored));
        }
    }

    proptest::proptest! {
        #[test]
        fn the_one_text_is_known_without_being_made(mantissa in -10_i128.pow(20)..10_i128.pow(20), scale in 0_u32..8) {
            let text = number_text(Decimal::from_i128_with_scale(mantissa, scale));
            proptest::prop_assert!(is_one_text(&text), "{text}");
        }

        #[test]
        fn no_other_text_is_taken_for_it(text in "-?[0-9]{0,3}(\\.[0-9]{0,3})?") {
            let one = number(&text).map(number_text);
            proptest::prop_assert_eq!(is_one_text(&text), one.as_deref() == Some(&text));
        }
    }
}
