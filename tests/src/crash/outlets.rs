//! The decorators of the model, the topics and the signals.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};
use shared::gauge::{PutSignals, PutSignalsError, Reading};
use shared::page::{Message, Publish, PublishError};
use shared::ports::{
    AskModel, BadReply, Line, Log, ModelError, Question, RawReply, Reply, Stop, ToolCall, Usage,
};
use shared::time::{Millis, Timestamp};
use sim::aws::Published;
use sim::clock::SimClock;

use super::effects::{Effects, Failure};
use super::mutants::Saboteur;
use super::phases::Method;
use super::stream::Stream;

/// A model that says what the scenario has it say.
#[derive(Clone)]
pub struct Script {
    /// What it says when asked now.
    pub says: Rc<dyn Fn() -> Value>,
    /// The counter.
    pub effects: Rc<Effects>,
}

impl AskModel for Script {
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let apply = || Ok(RawReply { body: (self.says)().to_string().into_bytes() });
        let failed = |failure| {
            Err(match failure {
                Failure::Busy => ModelError::Throttled { wait: Some(Millis::from_secs(5)) },
                Failure::Clean | Failure::Refused | Failure::NoAnswer => {
                    ModelError::Unavailable(format!("{failure:?}"))
                }
            })
        };
        let nothing = || -> Box<dyn FnOnce()> { Box::new(|| {}) };
        let what = || question.model.clone();
        self.effects.pass(Method::Ask, what, apply, failed, apply, nothing).await
    }

    fn read(&self, _: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        let input: Value =
            serde_json::from_slice(&reply.body).map_err(|error| BadReply(error.to_string()))?;
        Ok(Reply {
            stop: Stop::Tool,
            text: String::new(),
            calls: vec![ToolCall { id: "t".to_owned(), name: "decide".to_owned(), input }],
            usage: Usage { tokens_in: 800, tokens_out: 60, ..Usage::default() },
        })
    }
}

/// What a model says that wants nothing.
pub fn holds() -> Value {
    json!({"action": "hold", "reason": "calm"})
}

/// The topics: every message that they took.
#[derive(Clone)]
pub struct Topics {
    /// Messages, oldest first.
    pub taken: Rc<RefCell<Vec<Published>>>,
    /// The counter.
    pub effects: Rc<Effects>,
    /// The clock.
    pub clock: SimClock,
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
    /// The tables beneath.
    pub stream: Stream,
    /// `tradai-dev`.
    pub stage: String,
}

impl Topics {
    fn take(&self, message: &Message) {
        self.taken.borrow_mut().push(Published {
            topic_arn: format!("arn:aws:sns:sim:1:{}-{}", self.stage, message.topic.as_str()),
            subject: Some(message.subject_line()),
            message: message.text().to_owned(),
            at: self.clock.now(),
        });
    }
}

impl Publish for Topics {
    async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        let apply = || {
            self.take(message);
            Ok(())
        };
        let failed = |failure| {
            Err(match failure {
                Failure::Clean | Failure::Busy | Failure::Refused => {
                    PublishError::NotDone("throttled".to_owned())
                }
                Failure::NoAnswer => PublishError::NoAnswer("timeout".to_owned()),
            })
        };
        let ghost = || -> Box<dyn FnOnce()> {
            let (topics, message) = (self.clone(), message.clone());
            Box::new(move || topics.take(&message))
        };
        let what = || message.subject.clone();
        let answer = self.effects.pass(Method::Publish, what, apply, failed, || Ok(()), ghost).await;
        self.saboteur.after_publish(answer, &self.stream)
    }
}

/// The signals: how often they were put.
#[derive(Clone)]
pub struct Signals {
    /// Minutes of which they were put.
    pub put: Rc<RefCell<Vec<Timestamp>>>,
    /// The counter.
    pub effects: Rc<Effects>,
}

impl PutSignals for Signals {
    async fn put(&self, at: Timestamp, _: &[Reading]) -> Result<(), PutSignalsError> {
        let apply = || {
            self.put.borrow_mut().push(at);
            Ok(())
        };
        let failed = |failure| {
            Err(match failure {
                Failure::Clean | Failure::Busy | Failure::Refused => {
                    PutSignalsError::NotDone("throttled".to_owned())
                }
                Failure::NoAnswer => PutSignalsError::NoAnswer("timeout".to_owned()),
            })
        };
        let ghost = || -> Box<dyn FnOnce()> {
            let put = self.put.clone();
            Box::new(move || put.borrow_mut().push(at))
        };
        self.effects.pass(Method::PutSignals, || at.to_string(), apply, failed, || Ok(()), ghost).await
    }
}

/// Every line that the functions wrote.
#[derive(Clone, Default)]
pub struct Journal(pub Rc<RefCell<Vec<Line>>>);

impl Log for Journal {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}
