//! Keys of venues and model providers: never printed, never logged, never compared in errors.

use std::fmt;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A text that must never be seen: no `Display`, and a `Debug` that says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub const fn new(text: String) -> Secret {
        Secret(text)
    }
    /// The text itself: for signing and for the header that carries it, never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What tells one key from another and reveals nothing of it: six bytes of its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPrint([u8; 6]);

impl KeyPrint {
    /// The print of the half of a key that identifies its owner; the half that signs has none.
    pub fn of(key: &Secret) -> KeyPrint {
        let hash = Sha256::new().chain_update("tradai key print ").chain_update(key.expose()).finalize();
        let mut print = [0; 6];
        print.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        KeyPrint(print)
    }
    /// Reads it as it is written.
    pub fn parse(text: &str) -> Option<KeyPrint> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(KeyPrint)
    }
}

impl fmt::Display for KeyPrint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// A key as stored: `{"api_key": …}`, with `"api_secret"` where requests are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    api_key: Secret,
    api_secret: Option<Secret>,
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

impl Credentials {
    /// Reads the JSON of the secret called `name`. Other fields are ignored.
    pub fn parse(name: &str, json: &str) -> Result<Credentials, SecretError> {
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
        Ok(Credentials { api_key: Secret::new(api_key), api_secret: api_secret.map(Secret::new) })
    }

    /// Identifies the caller.
    pub const fn api_key(&self) -> &Secret {
        &self.api_key
    }

    /// Signs requests, where they are signed.
    pub const fn api_secret(&self) -> Option<&Secret> {
        self.api_secret.as_ref()
    }
}

/// Reads secrets by their names; the role decides which.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait ReadSecret {
    /// The secret called `name`, such as `tradai/dev/main/read`.
    async fn read(&self, name: &str) -> Result<Credentials, SecretError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let secret =
            Credentials::parse("n", r#"{"api_key":"hush1","api_secret":"hush2","note":"x"}"#).unwrap();
        assert_eq!(secret.api_key().expose(), "hush1");
        assert_eq!(secret.api_secret().map(Secret::expose), Some("hush2"));
        assert!(!format!("{secret:?}").contains("hush"));
        assert_eq!(Credentials::parse("n", r#"{"api_key":"k"}"#).unwrap().api_secret(), None);
    }

    #[test]
    fn a_print_tells_keys_apart_and_says_nothing_of_them() {
        let print = |text: &str| KeyPrint::of(&Secret::new(text.to_owned()));
        assert_eq!(print("hush1"), print("hush1"));
        assert_ne!(print("hush1"), print("hush2"));
        let text = print("hush1").to_string();
        assert_eq!((text.len(), KeyPrint::parse(&text)), (12, Some(print("hush1"))));
        assert!(["", "hush1", "00"].into_iter().all(|text| KeyPrint::parse(text).is_none()));
    }

    #[test]
    fn an_error_names_the_secret_and_not_its_content() {
        for json in ["", "hush", "\"hush\"", r#"{"api_secret":"hush"}"#, r#"{"api_key":{"hush":1}}"#] {
            let text = Credentials::parse("tradai/dev/main/read", json).unwrap_err().to_string();
            assert!(text.contains("tradai/dev/main/read") && !text.contains("hush"), "{text}");
        }
        let null = r#"{"api_key":"k","api_secret":null}"#;
        assert!(Credentials::parse("n", null).is_err());
    }
}
