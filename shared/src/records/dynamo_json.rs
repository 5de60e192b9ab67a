//! Items as the AWS CLI shows them, for golden files.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::store::{Attr, Item};

pub(crate) fn to_json(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, attr)| (name.clone(), attr_to_json(attr))).collect())
}

fn attr_to_json(attr: &Attr) -> Value {
    match attr {
        Attr::S(text) => json!({ "S": text }),
        Attr::N(text) => json!({ "N": text }),
        Attr::Bool(flag) => json!({ "BOOL": flag }),
        Attr::Null => json!({ "NULL": true }),
        Attr::B(bytes) => json!({ "B": BASE64.encode(bytes) }),
        Attr::L(list) => json!({ "L": list.iter().map(attr_to_json).collect::<Vec<_>>() }),
        Attr::M(map) => json!({ "M": to_json(map) }),
        Attr::Foreign(kind) => panic!("a golden item holds {kind}"),
    }
}

pub(crate) fn from_json(value: &Value) -> Item {
    let entries = value.as_object().expect("an item is an object");
    entries.iter().map(|(name, attr)| (name.clone(), attr_from_json(attr))).collect()
}

fn attr_from_json(value: &Value) -> Attr {
    let entries = value.as_object().expect("an attribute is an object");
    let (kind, value) = entries.iter().next().expect("an attribute has a type");
    let text = || value.as_str().expect("a text").to_owned();
    match kind.as_str() {
        "S" => Attr::S(text()),
        "N" => Attr::N(text()),
        "BOOL" => Attr::Bool(value.as_bool().expect("a truth value")),
        "NULL" => Attr::Null,
        "B" => Attr::B(BASE64.decode(text().as_bytes()).expect("base64")),
        "L" => Attr::L(value.as_array().expect("a list").iter().map(attr_from_json).collect()),
        "M" => Attr::M(from_json(value)),
        other => panic!("unknown type {other}"),
    }
}
