//! Secrets Manager: the current value of each secret.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::time::Timestamp;

use super::refused::Refused;
use super::{ACCOUNT, decode};

/// One secret's current value.
struct Secret {
    arn: String,
    text: String,
    version: u64,
    created: Timestamp,
}

/// Every secret by name.
pub(super) struct Secrets {
    region: String,
    by_name: BTreeMap<String, Secret>,
}

impl Secrets {
    pub(super) fn new(region: &str) -> Secrets {
        Secrets { region: region.to_owned(), by_name: BTreeMap::new() }
    }

    pub(super) fn put(&mut self, name: &str, text: &str, now: Timestamp) -> String {
        // AWS ends the ARN in six random letters; these are fixed so that a replay repeats itself.
        let arn = format!("arn:aws:secretsmanager:{}:{ACCOUNT}:secret:{name}-AbCdEf", self.region);
        let version = self.by_name.get(name).map_or(0, |secret| secret.version).saturating_add(1);
        let secret = Secret { arn: arn.clone(), text: text.to_owned(), version, created: now };
        self.by_name.insert(name.to_owned(), secret);
        arn
    }

    pub(super) fn handle(&mut self, operation: &str, body: &[u8], now: Timestamp) -> Result<Value, Refused> {
        let input = decode::json(body)?;
        match operation {
            "GetSecretValue" => {
                let (name, secret) = self.find(&input)?;
                Ok(json!({
                    "ARN": secret.arn, "Name": name, "VersionId": version_id(secret.version),
                    "SecretString": secret.text, "VersionStages": ["AWSCURRENT"],
                    "CreatedDate": secret.created.as_secs(),
                }))
            }
            "DescribeSecret" => {
                let (name, secret) = self.find(&input)?;
                Ok(json!({"ARN": secret.arn, "Name": name, "LastChangedDate": secret.created.as_secs()}))
            }
            "CreateSecret" => self.create(&input, now),
            "PutSecretValue" | "UpdateSecret" => self.replace(&input, now),
            other => Err(Refused::unknown(&format!("Secrets Manager {other}"))),
        }
    }

    fn create(&mut self, input: &Value, now: Timestamp) -> Result<Value, Refused> {
        let name = text(input, "Name")?.to_owned();
        if self.by_name.contains_key(&name) {
            return Err(Refused::new(
                "ResourceExistsException",
                format!("The secret {name} already exists."),
            ));
        }
        let arn = self.put(&name, text(input, "SecretString")?, now);
        Ok(json!({"ARN": arn, "Name": name, "VersionId": version_id(1)}))
    }

    fn replace(&mut self, input: &Value, now: Timestamp) -> Result<Value, Refused> {
        let (name, version) = self.find(input).map(|(name, secret)| (name.to_owned(), secret.version))?;
        let arn = self.put(&name, text(input, "SecretString")?, now);
        let version = version_id(version.saturating_add(1));
        Ok(json!({"ARN": arn, "Name": name, "VersionId": version, "VersionStages": ["AWSCURRENT"]}))
    }

    /// By name or by ARN.
    fn find(&self, input: &Value) -> Result<(&str, &Secret), Refused> {
        let id = text(input, "SecretId")?;
        let found = self.by_name.iter().find(|(name, secret)| name.as_str() == id || secret.arn == id);
        found.map(|(name, secret)| (name.as_str(), secret)).ok_or_else(|| {
            Refused::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        })
    }
}

fn version_id(version: u64) -> String {
    format!("00000000-0000-4000-8000-{version:012}")
}

fn text<'a>(input: &'a Value, name: &str) -> Result<&'a str, Refused> {
    let text = input.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Refused::new("InvalidParameterException", format!("{name} is required.")))
}
