//! Messages through SNS.

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;

use super::Call;
use super::fate::{self, Fate};
use crate::page::{Message, Publish, PublishError};
use crate::tables::{Names, Topic};

/// The two topics by their ARNs.
#[derive(Debug, Clone)]
pub struct SnsTopics {
    /// The client.
    pub client: Client,
    /// Pages.
    pub alerts: String,
    /// Notices and approval requests.
    pub notifications: String,
}

impl SnsTopics {
    fn arn(&self, topic: Topic) -> &str {
        match topic {
            Topic::Alerts => &self.alerts,
            Topic::Notifications => &self.notifications,
        }
    }
}

/// The topics of an account, for whoever does not know their ARNs: people.
#[derive(Debug, Clone)]
pub struct AccountTopics {
    /// The client.
    pub client: Client,
}

impl AccountTopics {
    /// Those of a stage. Nothing was published where they are not found.
    pub async fn of(&self, names: &Names) -> Result<SnsTopics, PublishError> {
        let arns = all(&self.client).await?;
        let of = |topic| {
            let ending = format!(":{}", names.topic(topic));
            let found = arns.iter().find(|arn| arn.ends_with(&ending)).cloned();
            found.ok_or_else(|| PublishError::NotDone(format!("there is no topic {}", names.topic(topic))))
        };
        let (alerts, notifications) = (of(Topic::Alerts)?, of(Topic::Notifications)?);
        Ok(SnsTopics { client: self.client.clone(), alerts, notifications })
    }
}

impl Publish for SnsTopics {
    async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        let subject = Some(message.subject_line()).filter(|line| !line.is_empty());
        let call = self.client.publish().topic_arn(self.arn(message.topic));
        published(call.set_subject(subject).message(message.text())).await
    }
}

/// Every topic of the account, all pages.
async fn all(client: &Client) -> Result<Vec<String>, PublishError> {
    let (mut arns, mut next) = (Vec::new(), None);
    loop {
        let call = client.list_topics().set_next_token(next);
        let page = Box::pin(call.send()).await;
        let page = page.map_err(|error| PublishError::NotDone(fate::of(&error).text()))?;
        arns.extend(page.topics().iter().filter_map(|topic| topic.topic_arn().map(str::to_owned)));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(arns);
        }
    }
}

fn published(call: PublishFluentBuilder) -> Call<'static, Result<(), PublishError>> {
    Box::pin(async move {
        call.send().await.map(|_| ()).map_err(|error| match fate::of(&error) {
            Fate::NotDone(why) => PublishError::NotDone(why),
            Fate::NoAnswer(why) => PublishError::NoAnswer(why),
        })
    })
}
