//! Secrets through Secrets Manager.

use aws_sdk_secretsmanager::Client;

use super::Call;
use super::fate;
use crate::secret::{Credentials, ReadSecret, SecretError};

/// The secrets that the role may read.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    /// The client.
    pub client: Client,
}

impl ReadSecret for SecretsManager {
    async fn read(&self, name: &str) -> Result<Credentials, SecretError> {
        self.text(name).await.and_then(|json| match json {
            Some(json) => Credentials::parse(name, &json),
            None => Err(SecretError::Malformed { name: name.to_owned(), what: "is not a text" }),
        })
    }
}

impl SecretsManager {
    fn text<'a>(&'a self, name: &'a str) -> Call<'a, Result<Option<String>, SecretError>> {
        Box::pin(async move {
            let answer = self.client.get_secret_value().secret_id(name).send().await.map_err(|error| {
                let missing =
                    error.as_service_error().is_some_and(|one| one.is_resource_not_found_exception());
                let name = name.to_owned();
                if missing {
                    SecretError::Missing { name }
                } else {
                    SecretError::Unavailable { name, why: fate::of(&error).text() }
                }
            })?;
            Ok(answer.secret_string)
        })
    }
}
