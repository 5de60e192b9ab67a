//! SNS: topics that remember what was published to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::time::Timestamp;

use super::ACCOUNT;
use super::refused::Refused;

/// The longest message that SNS takes, in bytes.
const MESSAGE_LIMIT: usize = 262_144;
/// The longest subject that SNS takes, in characters.
const SUBJECT_LIMIT: usize = 100;

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The topic.
    pub topic_arn: String,
    /// The subject line of mails.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// When it was accepted.
    pub at: Timestamp,
}

/// Every topic with its subscriptions, and every message.
pub(super) struct Topics {
    region: String,
    /// By ARN: protocol and endpoint of each subscription.
    topics: BTreeMap<String, Vec<(String, String)>>,
    published: Vec<Published>,
}

impl Topics {
    pub(super) fn new(region: &str) -> Topics {
        Topics { region: region.to_owned(), topics: BTreeMap::new(), published: Vec::new() }
    }

    pub(super) fn published(&self) -> Vec<Published> {
        self.published.clone()
    }

    pub(super) fn create(&mut self, name: &str) -> String {
        let arn = format!("arn:aws:sns:{}:{ACCOUNT}:{name}", self.region);
        self.topics.entry(arn.clone()).or_default();
        arn
    }

    pub(super) fn handle(
        &mut self,
        operation: &str,
        input: &Value,
        now: Timestamp,
    ) -> Result<Value, Refused> {
        match operation {
            "CreateTopic" => Ok(json!({"TopicArn": self.create(required(input, "Name")?)})),
            "ListTopics" => {
                let topics: Vec<Value> = self.topics.keys().map(|arn| json!({"TopicArn": arn})).collect();
                Ok(json!({"Topics": topics}))
            }
            "Subscribe" => self.subscribe(input),
            "ListSubscriptionsByTopic" => self.subscriptions(input),
            "Publish" => self.publish(input, now),
            other => Err(Refused::unknown(&format!("SNS {other}"))),
        }
    }

    fn publish(&mut self, input: &Value, now: Timestamp) -> Result<Value, Refused> {
        let topic_arn = self.topic(input)?;
        let message = required(input, "Message")?;
        if message.len() > MESSAGE_LIMIT {
            return Err(invalid("Message too long"));
        }
        let subject = text(input, "Subject");
        if subject.is_some_and(|subject| !acceptable(subject)) {
            return Err(invalid("Subject"));
        }
        let (subject, message) = (subject.map(str::to_owned), message.to_owned());
        self.published.push(Published { topic_arn, subject, message, at: now });
        Ok(json!({"MessageId": format!("00000000-0000-4000-8000-{:012}", self.published.len())}))
    }

    fn subscribe(&mut self, input: &Value) -> Result<Value, Refused> {
        let arn = self.topic(input)?;
        let protocol = required(input, "Protocol")?.to_owned();
        let endpoint = required(input, "Endpoint")?.to_owned();
        let subscriptions = self.topics.entry(arn.clone()).or_default();
        subscriptions.push((protocol, endpoint));
        Ok(json!({"SubscriptionArn": format!("{arn}:{}", subscriptions.len())}))
    }

    fn subscriptions(&self, input: &Value) -> Result<Value, Refused> {
        let arn = self.topic(input)?;
        let subscriptions: Vec<Value> = self
            .topics
            .get(&arn)
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, (protocol, endpoint))| {
                let number = index.saturating_add(1);
                json!({
                    "TopicArn": arn, "SubscriptionArn": format!("{arn}:{number}"),
                    "Protocol": protocol, "Endpoint": endpoint, "Owner": ACCOUNT,
                })
            })
            .collect();
        Ok(json!({"Subscriptions": subscriptions}))
    }

    /// The topic that the request names, if it exists.
    fn topic(&self, input: &Value) -> Result<String, Refused> {
        let arn = text(input, "TopicArn").or_else(|| text(input, "TargetArn"));
        let arn =
            arn.ok_or_else(|| invalid("TopicArn or TargetArn Reason: no value for required parameter"))?;
        if self.topics.contains_key(arn) {
            return Ok(arn.to_owned());
        }
        Err(Refused { status: 404, ..Refused::new("NotFound", "Topic does not exist") })
    }
}

/// Subjects are one line of printable ASCII that does not start with a space.
fn acceptable(subject: &str) -> bool {
    let printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    printable && !subject.is_empty() && !subject.starts_with(' ') && subject.len() <= SUBJECT_LIMIT
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, Refused> {
    text(input, name).filter(|text| !text.is_empty()).ok_or_else(|| invalid(name))
}

fn invalid(what: &str) -> Refused {
    Refused::new("InvalidParameter", format!("Invalid parameter: {what}"))
}
