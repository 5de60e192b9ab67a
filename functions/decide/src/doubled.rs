//! A key that an object names twice: readers differ in which of the two they take, so nobody guesses.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Whether an object anywhere in the JSON text `body` names a key twice, also within a string that is itself an
/// object (tool arguments of some providers are). What is no JSON says nothing.
pub fn names_a_key_twice(body: &[u8]) -> bool {
    serde_json::from_slice::<Once>(body).is_err() && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// JSON without a key named twice; its values are not kept.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Once, D::Error> {
        input.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Once;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }
    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Once, E> {
        let is_twice = text.trim_start().starts_with('{') && names_a_key_twice(text.as_bytes());
        if is_twice { Err(E::custom("a key is named twice")) } else { Ok(Once) }
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
        while list.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((key, _)) = map.next_entry::<String, Once>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("a key is named twice"));
            }
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_named_twice_is_found_at_every_depth() {
        for (body, is_twice) in [
            (r#"{"a":1,"b":{"a":1}}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"[{"b":[{"a":null,"c":"x","a":true}]}]"#, true),
            (r#"{"a":1,"\u0061":2}"#, true),
            (r#"{"arguments":"{\"quantity\":\"1\",\"quantity\":\"9\"}"}"#, true),
            (r#"{"text":"{ no JSON"}"#, false),
            ("{", false),
            ("1.5", false),
        ] {
            assert_eq!(names_a_key_twice(body.as_bytes()), is_twice, "{body}");
        }
    }
}
