//! Missing, null and a value are three things until one function says otherwise.
//!
//! Wire structs hold [`Reported`] fields (`#[serde(default)]` makes an absent one [`Reported::Missing`]) and
//! die where they are read; zero is a value.

use serde::{Deserialize, Deserializer};

/// A field of somebody else's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reported<T> {
    /// The message has no such field.
    #[default]
    Missing,
    /// The field is there and empty.
    Null,
    /// The field's value, which may be zero or an empty text.
    Value(T),
}

/// A field that should have had a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReported {
    /// The message has no such field.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The field is there and empty.
    #[error("{0} is null")]
    Null(&'static str),
}

impl<T> Reported<T> {
    /// The value of a field that must have one.
    pub fn required(self, field: &'static str) -> Result<T, NotReported> {
        match self {
            Reported::Value(value) => Ok(value),
            Reported::Missing => Err(NotReported::Missing(field)),
            Reported::Null => Err(NotReported::Null(field)),
        }
    }
    /// The value of a field that the sender documents as optional: here alone missing and null are one.
    pub fn optional(self) -> Option<T> {
        match self {
            Reported::Value(value) => Some(value),
            Reported::Missing | Reported::Null => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reported<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Reported<T>, D::Error> {
        Ok(match Option::<T>::deserialize(input)? {
            Some(value) => Reported::Value(value),
            None => Reported::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Wire {
        #[serde(default)]
        cost: Reported<String>,
    }

    fn cost(json: &str) -> Reported<String> {
        serde_json::from_str::<Wire>(json).unwrap().cost
    }

    #[test]
    fn missing_null_zero_and_empty_are_told_apart() {
        assert_eq!(cost("{}"), Reported::Missing);
        assert_eq!(cost(r#"{"cost":null}"#), Reported::Null);
        assert_eq!(cost(r#"{"cost":"0"}"#), Reported::Value("0".to_owned()));
        assert_eq!(cost(r#"{"cost":""}"#), Reported::Value(String::new()));
    }

    #[test]
    fn a_required_field_says_how_it_lacks() {
        assert_eq!(cost("{}").required("cost"), Err(NotReported::Missing("cost")));
        assert_eq!(cost(r#"{"cost":null}"#).required("cost"), Err(NotReported::Null("cost")));
        assert_eq!(cost(r#"{"cost":"0"}"#).required("cost"), Ok("0".to_owned()));
        assert_eq!(cost(r#"{"cost":null}"#).optional(), None);
    }

    #[test]
    fn a_value_of_another_type_is_an_error_and_not_missing() {
        assert!(serde_json::from_str::<Wire>(r#"{"cost":0}"#).is_err());
    }
}
