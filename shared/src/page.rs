//! Messages to people: what heartbeat alone publishes.

use crate::tables::Topic;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who gets it.
    pub topic: Topic,
    /// One line.
    pub subject: String,
    /// All of it.
    pub body: String,
}

/// Why a message was not published, or may have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It was not: throttled, refused, never sent.
    #[error("not published: {0}")]
    NotDone(String),
    /// It may have been: published again, people may see it twice.
    #[error("no answer to a publish: {0}")]
    NoAnswer(String),
}

/// Publishes messages: heartbeat alone.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait Publish {
    /// Publishes one message; success means that the topic has it.
    async fn publish(&self, message: &Message) -> Result<(), PublishError>;
}

/// Longest subject (SNS: less than 100 characters).
const LONGEST_SUBJECT: usize = 99;
/// Longest body in bytes (SNS: 256 KiB).
const LONGEST_BODY: usize = 256 * 1024;

impl Message {
    /// The subject as a topic takes it: one line of printable ASCII. A page never fails over its subject.
    pub fn subject_line(&self) -> String {
        let plain = |letter: char| match letter {
            ' '..='~' => letter,
            letter if letter.is_ascii() => ' ',
            _ => '?',
        };
        let line: String = self.subject.chars().map(plain).collect();
        let line: String = line.trim().chars().take(LONGEST_SUBJECT).collect();
        line.trim_end().to_owned()
    }

    /// The body as a topic takes it: the beginning of one that is too long, the subject for an empty one.
    pub fn text(&self) -> &str {
        let text = if self.body.is_empty() { &self.subject } else { &self.body };
        let mut end = text.len().min(LONGEST_BODY);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        text.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, body: &str) -> Message {
        Message { topic: Topic::Alerts, subject: subject.to_owned(), body: body.to_owned() }
    }

    #[test]
    fn a_subject_is_one_printable_line() {
        assert_eq!(message(" hält\nan\t", "").subject_line(), "h?lt an");
        assert_eq!(message(&"x".repeat(300), "").subject_line().len(), LONGEST_SUBJECT);
    }

    #[test]
    fn a_body_is_never_empty_nor_too_long() {
        assert_eq!(message("s", "").text(), "s");
        let long = message("s", &"ä".repeat(LONGEST_BODY));
        assert_eq!(long.text().len(), LONGEST_BODY);
    }
}
