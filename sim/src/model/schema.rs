//! What the compilers of strict schemas refuse, in their words: Anthropic's, which Bedrock shares, and OpenAI's.

use serde_json::Value;

use super::ask::list_at;

/// A schema inside another, with where it stands as OpenAI tells it.
type Part<'a> = (String, &'a Value);

/// Every schema in `schema`, itself first.
fn parts(schema: &Value) -> Vec<Part<'_>> {
    let mut found = vec![(String::new(), schema)];
    for at in 0.. {
        let Some((context, part)) = found.get(at).cloned() else { break };
        found.extend(children(&context, part));
    }
    found
}

fn children<'a>(context: &str, schema: &'a Value) -> Vec<Part<'a>> {
    let inside = |step: &str| match context {
        "" => step.to_owned(),
        _ => format!("{context}, {step}"),
    };
    let mut found = Vec::new();
    for key in ["properties", "$defs"] {
        for (name, one) in schema.get(key).and_then(Value::as_object).into_iter().flatten() {
            found.push((inside(&format!("'{key}', '{name}'")), one));
        }
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        for (nth, one) in list_at(schema, key).enumerate() {
            found.push((inside(&format!("'{key}', '{nth}'")), one));
        }
    }
    found.extend(schema.get("items").map(|one| (inside("'items'"), one)));
    found
}

/// Whether a schema is of a type, alone or among others.
fn is_of(schema: &Value, kind: &str) -> bool {
    schema.get("type").is_some_and(|told| told == kind) || list_at(schema, "type").any(|told| told == kind)
}

/// The properties of an object that are not required.
fn optional(schema: &Value) -> impl Iterator<Item = &String> {
    let is_required = |name: &str| list_at(schema, "required").any(|one| one == name);
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.map(|(name, _)| name).filter(move |name| !is_required(name))
}

/// Most strict tools, optional properties and union-typed properties of one request (recorded
/// `claude-twenty-one-strict-tools`, `-twenty-five-optional`, `-seventeen-unions`).
const MOST: (usize, usize, usize) = (20, 24, 16);

/// What Anthropic's compiler says of a request's strict schemas, each with its place in the request; `tools` of them are
/// those of tools.
pub(super) fn compile(schemas: &[(String, &Value)], tools: usize) -> Result<(), String> {
    let (most_tools, most_optional, most_unions) = MOST;
    if tools > most_tools {
        return Err(format!(
            "Too many strict tools ({tools}). The maximum number of strict tools supported is {most_tools}. Try \
             reducing the number of tools marked as strict."
        ));
    }
    for (place, schema) in schemas {
        if let Some(why) = uncompiled(schema) {
            return Err(format!("{place}: {why}"));
        }
    }
    let unions = |schema: &Value| parts(schema).iter().filter(|(_, part)| is_union(part)).count();
    let optional: usize =
        schemas.iter().flat_map(|(_, schema)| parts(schema)).map(|(_, part)| optional(part).count()).sum();
    if optional > most_optional {
        return Err(format!(
            "Schemas contains too many optional parameters ({optional}), which would make grammar compilation \
             inefficient. Reduce the number of optional parameters in your tool schemas (limit: {most_optional})."
        ));
    }
    let all: usize = schemas.iter().map(|(_, schema)| unions(schema)).sum();
    if all > most_unions {
        return Err(format!(
            "Schemas contains too many parameters with union types ({all} parameters with type arrays or anyOf). This \
             causes exponential compilation cost. Reduce the number of nullable or union-typed parameters (limit: \
             {most_unions} parameters with unions)."
        ));
    }
    // 16 unions in one schema are within the limit and recorded as this.
    if schemas.iter().any(|(_, schema)| unions(schema) == most_unions) {
        return Err(
            "Schema is too complex for compilation. Try reducing the number of tools or simplifying tool \
                    schemas."
                .to_owned(),
        );
    }
    Ok(())
}

fn is_union(schema: &Value) -> bool {
    schema.get("type").is_some_and(Value::is_array) || schema.get("anyOf").is_some()
}

/// What is wrong with one schema, where something is. Recorded: `claude-schema-recursive`,
/// `bedrock-native-max-items-refused`; earendil-works/pi#9953 (2026-09-23) has the words of a number's bounds.
fn uncompiled(schema: &Value) -> Option<String> {
    if !is_of(schema, "object") {
        return Some("input_schema: root must be of type 'object'".to_owned());
    }
    if let Some(name) = circular(schema) {
        return Some(format!(
            "Invalid schema: Circular reference detected in schema definitions: {name} -> {name}. Self-referencing or \
             mutually-referencing definitions are not supported."
        ));
    }
    parts(schema).into_iter().find_map(|(_, part)| {
        if is_of(part, "object") && part.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Some(
                "For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned(),
            );
        }
        const NUMBER: [&str; 5] =
            ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
        const ARRAY: [&str; 2] = ["maxItems", "uniqueItems"];
        [("integer", NUMBER.as_slice()), ("number", &NUMBER), ("array", &ARRAY)]
            .into_iter()
            .filter(|(kind, _)| is_of(part, kind))
            .find_map(|(kind, refused)| unsupported(part, kind, refused))
    })
}

fn unsupported(schema: &Value, kind: &str, refused: &[&str]) -> Option<String> {
    let mut found: Vec<&str> = refused.iter().copied().filter(|key| schema.get(key).is_some()).collect();
    let least = schema.get("minItems").and_then(Value::as_u64);
    found.extend(least.filter(|least| kind == "array" && *least > 1).map(|_| "minItems"));
    match found.as_slice() {
        [] => None,
        [one] => Some(format!("For '{kind}' type, property '{one}' is not supported")),
        several => Some(format!("For '{kind}' type, properties {} are not supported", several.join(", "))),
    }
}

/// A definition that refers to itself.
fn circular(schema: &Value) -> Option<&str> {
    let definitions = schema.get("$defs").and_then(Value::as_object)?;
    let refers = |(name, one): &(&String, &Value)| {
        let to = format!("#/$defs/{name}");
        parts(one).iter().any(|(_, part)| part.get("$ref").is_some_and(|at| *at == to))
    };
    definitions.iter().find(refers).map(|(name, _)| name.as_str())
}

/// Keywords that OpenAI's strict schemas do not take (platform.openai.com "Structured outputs"; the words are those of
/// 567-labs/instructor#1074).
const REFUSED: [&str; 16] = [
    "contains",
    "default",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "oneOf",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];
/// Most levels of objects in one another.
const DEEPEST: usize = 10;

/// What OpenAI says of a strict schema.
pub(super) fn strict(schema: &Value) -> Result<(), String> {
    if !schema.get("type").is_some_and(|kind| kind == "object") || schema.get("anyOf").is_some() {
        return Err("schema must be a JSON Schema of 'type: \"object\"'.".to_owned());
    }
    for (context, part) in parts(schema) {
        let wrong = |why: String| Err(format!("In context=({context}), {why}"));
        if let Some(key) = REFUSED.into_iter().find(|key| part.get(key).is_some()) {
            return wrong(format!("'{key}' is not permitted."));
        }
        let beside = part.as_object().filter(|fields| fields.contains_key("$ref") && fields.len() > 1);
        if let Some(key) = beside.and_then(|fields| fields.keys().find(|key| *key != "$ref")) {
            return wrong(format!("'$ref' cannot have keywords '{key}'."));
        }
        if context.matches("'properties'").count() > DEEPEST {
            return wrong(format!("there are more than {DEEPEST} levels of nesting."));
        }
        if !is_of(part, "object") {
            continue;
        }
        if let Some(name) = optional(part).next() {
            return wrong(format!(
                "'required' is required to be supplied and to be an array including every key in properties. Missing \
                 '{name}'."
            ));
        }
        if part.get("additionalProperties") != Some(&Value::Bool(false)) {
            return wrong("'additionalProperties' is required to be supplied and to be false.".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// An object with so many properties, of which the first so many are required.
    fn object(count: usize, required: usize, kind: Value) -> Value {
        let names: Vec<String> = (0..count).map(|nth| format!("p{nth:02}")).collect();
        let properties: Map<String, Value> =
            names.iter().map(|name| (name.clone(), json!({"type": kind}))).collect();
        json!({"type": "object", "additionalProperties": false, "properties": properties,
               "required": &names[..required]})
    }

    fn compiled(schema: &Value) -> Result<(), String> {
        compile(&[("tools.0.custom".to_owned(), schema)], 1)
    }

    #[test]
    fn anthropics_limits_are_those_that_were_recorded() {
        let plain = object(24, 0, json!("string"));
        assert_eq!(compiled(&plain), Ok(()));
        assert!(compiled(&object(25, 0, json!("string"))).unwrap_err().contains("parameters (25)"));
        let nullable = json!(["string", "null"]);
        assert_eq!(compiled(&object(15, 15, nullable.clone())), Ok(()));
        assert!(
            compiled(&object(16, 16, nullable.clone())).unwrap_err().starts_with("Schema is too complex")
        );
        assert!(compiled(&object(17, 17, nullable)).unwrap_err().contains("union types (17 parameters"));
        let one = object(1, 1, json!("string"));
        let many: Vec<(String, &Value)> = (0..20).map(|nth| (format!("tools.{nth}.custom"), &one)).collect();
        assert_eq!(compile(&many, 20), Ok(()));
        assert!(compile(&many, 21).unwrap_err().starts_with("Too many strict tools (21)."));
    }

    #[test]
    fn anthropics_compiler_refuses_what_it_has_no_grammar_for() {
        let with = |property: Value| {
            json!({"type": "object", "additionalProperties": false, "properties": {"p": property},
                   "required": ["p"]})
        };
        for (schema, words) in [
            (
                json!({"type": "object", "properties": {}}),
                "'additionalProperties' must be explicitly set to false",
            ),
            (with(json!({"type": "object", "properties": {}})), "'additionalProperties' must be"),
            (
                with(json!({"type": "integer", "minimum": 1, "maximum": 2})),
                "For 'integer' type, properties maximum, minimum are not supported",
            ),
            (
                with(json!({"type": "array", "maxItems": 2})),
                "For 'array' type, property 'maxItems' is not supported",
            ),
            (with(json!({"type": "array", "minItems": 2})), "'minItems'"),
            (json!({"oneOf": []}), "root"),
            (
                json!({"type": "object", "additionalProperties": false, "properties": {}, "$defs": {"Node": {
                    "type": "object", "additionalProperties": false,
                    "properties": {"next": {"$ref": "#/$defs/Node"}}}}}),
                "Node -> Node",
            ),
        ] {
            let refused = compiled(&schema).unwrap_err();
            assert!(refused.starts_with("tools.0.custom: ") && refused.contains(words), "{refused}");
        }
        assert_eq!(
            compiled(&with(json!({"type": "array", "minItems": 1, "items": {"type": "string"}}))),
            Ok(())
        );
        assert_eq!(compiled(&with(json!({"type": "string", "minLength": 3}))), Ok(()));
    }

    #[test]
    fn openais_strict_schema_is_closed_and_complete_at_every_depth() {
        let deep = |inner: Value| {
            json!({"type": "object", "additionalProperties": false, "required": ["list"],
                   "properties": {"list": {"type": "array", "items": inner}}})
        };
        assert_eq!(strict(&deep(object(2, 2, json!(["string", "null"])))), Ok(()));
        for (inner, words) in [
            (object(2, 1, json!("string")), "Missing 'p01'."),
            (json!({"type": "object", "properties": {}}), "'additionalProperties' is required"),
            (json!({"type": "string", "minLength": 1}), "'minLength' is not permitted."),
            (json!({"type": "string", "default": ""}), "'default' is not permitted."),
            (json!({"$ref": "#/$defs/X", "description": "x"}), "'$ref' cannot have keywords 'description'."),
        ] {
            let refused = strict(&deep(inner)).unwrap_err();
            let place = "In context=('properties', 'list', 'items'), ";
            assert!(refused.starts_with(place) && refused.contains(words), "{refused}");
        }
        assert!(strict(&json!({"anyOf": []})).is_err());
    }
}
