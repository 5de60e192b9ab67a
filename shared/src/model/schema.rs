//! The schema of a tool as OpenAI's strict functions take it: every property required, and null for those that were
//! optional ("Structured outputs", "All fields must be required"). A model then says with null what it would say
//! elsewhere by leaving a field out; null means absent wherever it is read.

use serde_json::{Map, Value, json};

/// `schema` in the strict form: what was optional may be null, and no object takes other properties.
pub(super) fn strict(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut fields = fields.clone();
    if let Some(items) = fields.get("items") {
        let items = strict(items);
        fields.insert("items".to_owned(), items);
    }
    if fields.get("type").and_then(Value::as_str) == Some("object") {
        strict_object(&mut fields);
    }
    Value::Object(fields)
}

fn strict_object(fields: &mut Map<String, Value>) {
    let none = Map::new();
    let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let empty = Vec::new();
    let required = fields.get("required").and_then(Value::as_array).unwrap_or(&empty);
    let is_required = |name: &str| required.iter().any(|one| one.as_str() == Some(name));
    let convert = |(name, one): (&String, &Value)| {
        let one = strict(one);
        (name.clone(), if is_required(name) { one } else { nullable(one) })
    };
    let properties: Map<String, Value> = properties.iter().map(convert).collect();
    let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
    fields.insert("properties".to_owned(), Value::Object(properties));
    fields.insert("required".to_owned(), Value::Array(names));
    fields.insert("additionalProperties".to_owned(), json!(false));
}

/// `schema`, or null.
fn nullable(schema: Value) -> Value {
    let Value::Object(mut fields) = schema else { return schema };
    let Some(kind) = fields.get("type").cloned() else {
        return json!({"anyOf": [fields, {"type": "null"}]});
    };
    let mut kinds = match kind {
        Value::Array(kinds) => kinds,
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![one]
        }
    };
    add_once(&mut kinds, json!("null"));
    fields.insert("type".to_owned(), Value::Array(kinds));
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        add_once(words, Value::Null);
    }
    Value::Object(fields)
}

fn add_once(list: &mut Vec<Value>, value: Value) {
    if !list.contains(&value) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_property_is_required_and_nullable() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "action": {"type": "string", "enum": ["open", "hold"]},
                "side": {"type": "string", "enum": ["buy", "sell"]},
                "quantity": {"type": "string", "description": "decimal"},
                "any": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                "twice": {"type": ["string", "null"]},
                "inner": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
                "list": {"type": "array", "items": {"type": "object", "properties": {"y": {"type": "number"}}}},
            },
            "required": ["action"],
        });
        let strict = strict(&schema);
        assert_eq!(
            strict["properties"],
            json!({
                "action": {"type": "string", "enum": ["open", "hold"]},
                "side": {"type": ["string", "null"], "enum": ["buy", "sell", null]},
                "quantity": {"type": ["string", "null"], "description": "decimal"},
                "any": {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "number"}]}, {"type": "null"}]},
                "twice": {"type": ["string", "null"]},
                "inner": {"type": ["object", "null"], "properties": {"x": {"type": "string"}}, "required": ["x"],
                    "additionalProperties": false},
                "list": {"type": ["array", "null"], "items": {"type": "object", "required": ["y"],
                    "properties": {"y": {"type": ["number", "null"]}}, "additionalProperties": false}},
            })
        );
        let mut required: Vec<&str> =
            strict["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        required.sort_unstable();
        assert_eq!(required, ["action", "any", "inner", "list", "quantity", "side", "twice"]);
        assert_eq!(strict["additionalProperties"], false);
    }
}
