//! Keys of venues and model providers: never printed, never logged, never compared in errors.

use std::fmt;

use serde_json::Value;

/// A key as stored: `{"api_key": …}`, with `"api_secret"` where requests are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    api_key: String,
    api_secret: Option<String>,
}

/// Shows nothing.
impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(redacted)")
    }
}

/// Why a secret could not be read: its name, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The store of secrets did not answer, or refused.
    #[error("secret {name} not readable: {why}")]
    Unavailable {
        /// Which secret.
        name: String,
        /// The store's error code.
        why: String,
    },
    /// It is not there.
    #[error("secret {name} does not exist")]
    Missing {
        /// Which secret.
        name: String,
    },
    /// It is there and is not what it should be.
    #[error("secret {name} {what}")]
    Malformed {
        /// Which secret.
        name: String,
        /// What is wrong, without a word of its content.
        what: &'static str,
    },
}

impl Secret {
    /// Reads the JSON of the secret called `name`. Other fields are ignored.
    pub fn parse(name: &str, json: &str) -> Result<Secret, SecretError> {
        let malformed = |what| SecretError::Malformed { name: name.to_owned(), what };
        // serde_json's own message may quote the content.
        let value: Value = serde_json::from_str(json).map_err(|_| malformed("is not JSON"))?;
        let api_key = match value.get("api_key") {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(_) | None => return Err(malformed("has no text api_key")),
        };
        let api_secret = match value.get("api_secret") {
            None => None,
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) => return Err(malformed("has an api_secret that is no text")),
        };
        Ok(Secret { api_key, api_secret })
    }

    /// Identifies the caller.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Signs requests, where they are signed.
    pub fn api_secret(&self) -> Option<&str> {
        self.api_secret.as_deref()
    }
}

/// Reads secrets by their names; the role decides which.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait ReadSecret {
    /// The secret called `name`, such as `tradai/dev/main/read`.
    async fn read(&self, name: &str) -> Result<Secret, SecretError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let secret = Secret::parse("n", r#"{"api_key":"hush1","api_secret":"hush2","note":"x"}"#).unwrap();
        assert_eq!((secret.api_key(), secret.api_secret()), ("hush1", Some("hush2")));
        assert!(!format!("{secret:?}").contains("hush"));
        assert_eq!(Secret::parse("n", r#"{"api_key":"k"}"#).unwrap().api_secret(), None);
    }

    #[test]
    fn an_error_names_the_secret_and_not_its_content() {
        for json in ["", "hush", "\"hush\"", r#"{"api_secret":"hush"}"#, r#"{"api_key":{"hush":1}}"#] {
            let text = Secret::parse("tradai/dev/main/read", json).unwrap_err().to_string();
            assert!(text.contains("tradai/dev/main/read") && !text.contains("hush"), "{text}");
        }
        let null = r#"{"api_key":"k","api_secret":null}"#;
        assert!(Secret::parse("n", null).is_err());
    }
}
