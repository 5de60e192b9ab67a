//! A key that an object names twice: readers differ in which of the two they take, so nobody guesses.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Why the JSON text `body` is not read: an object in it names a key twice, also within a string that is itself an
/// object (tool arguments of some providers are), a number is out of range, or it is nested too deep. What is no JSON
/// says nothing.
pub fn unreadable(body: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<Once>(body).err()?;
    serde_json::from_slice::<IgnoredAny>(body).is_ok().then(|| error.to_string())
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
        let object = Some(text).filter(|text| text.trim_start().starts_with('{'));
        object.and_then(|text| unreadable(text.as_bytes())).map_or(Ok(Once), |why| Err(E::custom(why)))
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
    fn a_key_named_twice_is_found_at_every_depth_and_no_other_fault_is_called_so() {
        let (twice, deep) = (Some("a key is named twice"), "[".repeat(200) + &"]".repeat(200));
        for (body, words) in [
            (r#"{"a":1,"b":{"a":1}}"#, None),
            (r#"{"a":1,"a":1}"#, twice),
            (r#"[{"b":[{"a":null,"c":"x","a":true}]}]"#, twice),
            (r#"{"a":1,"\u0061":2}"#, twice),
            (r#"{"arguments":"{\"quantity\":\"1\",\"quantity\":\"9\"}"}"#, twice),
            (r#"{"text":"{ no JSON"}"#, None),
            (r#"{"quantity":1e400}"#, Some("number out of range")),
            (r#"{"arguments":"{\"quantity\":1e400}"}"#, Some("number out of range")),
            (&deep, Some("recursion limit")),
            ("{", None),
            ("1.5", None),
        ] {
            let why = unreadable(body.as_bytes());
            match (&why, words) {
                (Some(why), Some(words)) => assert!(why.contains(words), "{body}: {why}"),
                (why, words) => assert_eq!(why.as_deref(), words, "{body}"),
            }
        }
    }
}
