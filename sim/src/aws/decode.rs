//! The three ways in which requests arrive, read into one: JSON.

use serde_json::{Map, Number, Value};

use super::refused::Refused;

/// A JSON body; an empty one is an empty object.
pub(super) fn json(body: &[u8]) -> Result<Value, Refused> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body).map_err(|error| Refused::new("SerializationException", error.to_string()))
}

/// A CBOR body.
pub(super) fn cbor(body: &[u8]) -> Result<Value, Refused> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let refused = |text: String| Refused::new("SerializationException", text);
    let value: ciborium::Value = ciborium::from_reader(body).map_err(|error| refused(error.to_string()))?;
    plain(value).ok_or_else(|| refused("a CBOR value that JSON cannot carry".to_owned()))
}

/// CBOR as JSON; tags (times) lose their tag.
fn plain(value: ciborium::Value) -> Option<Value> {
    use ciborium::Value as Cbor;
    Some(match value {
        Cbor::Integer(number) => Value::from(i64::try_from(number).ok()?),
        Cbor::Float(number) => Value::Number(Number::from_f64(number)?),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Null => Value::Null,
        Cbor::Tag(_, inner) => plain(*inner)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(plain).collect::<Option<_>>()?),
        Cbor::Map(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| Some((name.into_text().ok()?, plain(value)?)))
                .collect::<Option<_>>()?,
        ),
        Cbor::Bytes(_) | _ => return None,
    })
}

/// A form body of the query format: `A.member.1.B=x` becomes `{"A": [{"B": "x"}]}`. Every leaf is a text.
pub(super) fn query(body: &[u8]) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, value) in form_urlencoded::parse(body) {
        insert(&mut root, &mut name.split('.'), &value);
    }
    root
}

/// The operation that a query request names.
pub(super) fn action(input: &Value) -> String {
    input.get("Action").and_then(Value::as_str).unwrap_or("nothing").to_owned()
}

fn insert<'a>(at: &mut Value, path: &mut impl Iterator<Item = &'a str>, value: &str) {
    let Some(name) = path.next() else {
        *at = Value::String(value.to_owned());
        return;
    };
    if name == "member" {
        insert_member(at, path, value);
        return;
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    if let Some(fields) = at.as_object_mut() {
        insert(fields.entry(name).or_insert(Value::Null), path, value);
    }
}

/// Members are numbered from one; a number beyond the next is ignored, so a body cannot ask for a huge list.
fn insert_member<'a>(at: &mut Value, path: &mut impl Iterator<Item = &'a str>, value: &str) {
    if !at.is_array() {
        *at = Value::Array(Vec::new());
    }
    let index = path.next().and_then(|number| number.parse::<usize>().ok()).and_then(|n| n.checked_sub(1));
    let (Some(index), Some(items)) = (index, at.as_array_mut()) else { return };
    if index == items.len() {
        items.push(Value::Null);
    }
    if let Some(item) = items.get_mut(index) {
        insert(item, path, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_becomes_a_tree() {
        let body = b"Action=PutMetricData&MetricData.member.1.MetricName=a&MetricData.member.1.Value=1.5\
            &MetricData.member.2.MetricName=b+c&MetricData.member.9.MetricName=skipped";
        let expected = json!({
            "Action": "PutMetricData",
            "MetricData": [{"MetricName": "a", "Value": "1.5"}, {"MetricName": "b c"}],
        });
        assert_eq!(query(body), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panicking(body: Vec<u8>) {
            query(&body);
            cbor(&body).ok();
            json(&body).ok();
        }
    }
}
