//! Our values as DynamoDB's, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use rust_decimal::Decimal;

use crate::store::{Attr, Item, Key, sound};
use crate::tables::Table;

/// An item or a map as the SDK has it.
pub type SdkItem = HashMap<String, AttributeValue>;

/// A value to be sent; what this language cannot say is refused.
pub fn to_sdk(attr: &Attr) -> Result<AttributeValue, String> {
    Ok(match attr {
        Attr::S(text) => AttributeValue::S(text.clone()),
        Attr::N(text) => AttributeValue::N(text.clone()),
        Attr::Bool(flag) => AttributeValue::Bool(*flag),
        Attr::Null => AttributeValue::Null(true),
        Attr::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Attr::L(list) => AttributeValue::L(list.iter().map(to_sdk).collect::<Result<_, _>>()?),
        Attr::M(map) => AttributeValue::M(item_to_sdk(map)?),
        Attr::Foreign(kind) => return Err(format!("a value of type {kind} is never written")),
    })
}

/// An item to be sent.
pub fn item_to_sdk(item: &Item) -> Result<SdkItem, String> {
    item.iter().map(|(name, attr)| Ok((name.clone(), to_sdk(attr)?))).collect()
}

/// The attributes that are an item's key.
pub fn key_to_sdk(key: &Key) -> Result<SdkItem, String> {
    item_to_sdk(&sound::key_item(key))
}

/// A value as read.
pub fn from_sdk(value: AttributeValue) -> Attr {
    match value {
        AttributeValue::S(text) => Attr::S(text),
        AttributeValue::N(text) => Attr::N(one_text(text)),
        AttributeValue::Bool(flag) => Attr::Bool(flag),
        AttributeValue::Null(_) => Attr::Null,
        AttributeValue::B(bytes) => Attr::B(bytes.into_inner()),
        AttributeValue::L(list) => Attr::L(list.into_iter().map(from_sdk).collect()),
        AttributeValue::M(map) => Attr::M(item_from_sdk(map)),
        AttributeValue::Ss(_) => Attr::Foreign("SS"),
        AttributeValue::Ns(_) => Attr::Foreign("NS"),
        AttributeValue::Bs(_) => Attr::Foreign("BS"),
        // The SDK's enum is open: a type that DynamoDB adds later is foreign too.
        AttributeValue::Unknown { .. } | _ => Attr::Foreign("unknown"),
    }
}

/// An item as read.
pub fn item_from_sdk(item: SdkItem) -> Item {
    item.into_iter().map(|(name, value)| (name, from_sdk(value))).collect()
}

/// The key of an item as read.
pub fn key_of(table: Table, item: &Item) -> Option<Key> {
    let text = |name: &str| match item.get(name) {
        Some(Attr::S(text)) => Some(text.clone()),
        Some(_) | None => None,
    };
    let range = match table.range_key() {
        Some(name) => Some(text(name)?),
        None => None,
    };
    Some(Key { table, hash: text(table.hash_key())?, range })
}

/// A number in its one text where we can hold it exactly, else as it came: a person may have written it.
fn one_text(text: String) -> String {
    if sound::is_one_text(&text) {
        return text;
    }
    let exponent = || text.contains(['e', 'E']).then(|| Decimal::from_scientific(&text).ok()).flatten();
    sound::number(&text).or_else(exponent).map_or_else(|| text.clone(), sound::number_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_foreign_and_never_sent_back() {
        let set = AttributeValue::Ss(vec!["a".to_owned()]);
        let read = from_sdk(AttributeValue::L(vec![set]));
        assert_eq!(read, Attr::L(vec![Attr::Foreign("SS")]));
        assert!(to_sdk(&read).is_err());
    }

    #[test]
    fn a_number_is_read_in_its_one_text() {
        let long = "0.12345678901234567890123456789012345678";
        for (read, text) in [("1E-7", "0.0000001"), ("1e3", "1000"), ("5.0", "5"), (long, long)] {
            assert_eq!(from_sdk(AttributeValue::N(read.to_owned())), Attr::N(text.to_owned()));
        }
    }
}
