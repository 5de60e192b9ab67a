//! Signatures: HMAC-SHA256 over the query, in hex (`rest-api.md`, "SIGNED Endpoint security").

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use sha2::Sha256;

use super::errors::Failure;
use crate::secret::{Credentials, KeyPrint, Secret};

/// A key pair of one account.
#[derive(Debug, Clone)]
pub struct ApiKey {
    key: Secret,
    secret: Secret,
}

impl ApiKey {
    /// `key` is sent, `secret` never is.
    pub const fn new(key: Secret, secret: Secret) -> ApiKey {
        ApiKey { key, secret }
    }

    /// The key pair of stored credentials; none where they have no secret to sign with.
    pub fn of(credentials: &Credentials) -> Option<ApiKey> {
        let secret = credentials.api_secret()?.clone();
        Some(ApiKey::new(credentials.api_key().clone(), secret))
    }

    /// What tells this key from another one.
    pub fn print(&self) -> KeyPrint {
        KeyPrint::of(&self.key)
    }

    /// `query` with its signature.
    pub(super) fn signed(&self, query: &str) -> Result<String, Failure> {
        Ok(format!("{query}&signature={}", self.signature(query)?))
    }

    fn signature(&self, query: &str) -> Result<String, Failure> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes())
            .map_err(|_| Failure::Unsendable("the secret cannot sign".to_owned()))?;
        mac.update(query.as_bytes());
        Ok(HEXLOWER.encode(&mac.finalize().into_bytes()))
    }

    /// The value of `X-MBX-APIKEY`, which prints as `Sensitive`.
    pub(super) fn header(&self) -> Result<HeaderValue, Failure> {
        let mut value = HeaderValue::from_str(self.key.expose())
            .map_err(|_| Failure::Unsendable("the key cannot stand in a header".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented example of `rest-api.md`.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let key = ApiKey::new(
            Secret::new("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A".into()),
            Secret::new("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j".into()),
        );
        let query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000\
                     &timestamp=1499827319559";
        assert_eq!(
            key.signed(query).unwrap(),
            format!("{query}&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")
        );
    }

    #[test]
    fn credentials_without_a_secret_are_no_key_pair() {
        let key = |json| ApiKey::of(&Credentials::parse("n", json).unwrap());
        assert!(key(r#"{"api_key":"k","api_secret":"s"}"#).is_some());
        assert!(key(r#"{"api_key":"k"}"#).is_none());
    }

    #[test]
    fn neither_half_is_ever_printed() {
        let key = ApiKey::new(Secret::new("canary-key".into()), Secret::new("canary-secret".into()));
        let seen = format!("{key:?} {:?} {:?}", key.header().unwrap(), key.signed("a=1").unwrap());
        assert!(!seen.contains("canary"), "{seen}");
        let broken = ApiKey::new(Secret::new("canary\nkey".into()), Secret::new(String::new()));
        assert!(!format!("{:?}", broken.header()).contains("canary"));
    }
}
