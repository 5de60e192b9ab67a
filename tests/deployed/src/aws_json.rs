//! Items as the AWS CLI takes them.

use serde_json::{Value, json};
use shared::store::{Attr, Item};

/// The item as `--item` takes it. Bytes and foreign types are in no item that a person writes: they become null.
pub fn item(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), attr(value))).collect())
}

fn attr(value: &Attr) -> Value {
    match value {
        Attr::S(text) => json!({ "S": text }),
        Attr::N(text) => json!({ "N": text }),
        Attr::Bool(flag) => json!({ "BOOL": flag }),
        Attr::L(list) => json!({ "L": list.iter().map(attr).collect::<Vec<_>>() }),
        Attr::M(map) => json!({ "M": item(map) }),
        Attr::Null | Attr::B(_) | Attr::Foreign(_) => json!({ "NULL": true }),
    }
}
