//! Messages through SNS.

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;

use super::Call;
use super::fate::{self, Fate};
use crate::page::{Message, Publish, PublishError};
use crate::tables::Topic;

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

impl Publish for SnsTopics {
    async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        let subject = Some(message.subject_line()).filter(|line| !line.is_empty());
        let call = self.client.publish().topic_arn(self.arn(message.topic));
        published(call.set_subject(subject).message(message.text())).await
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
