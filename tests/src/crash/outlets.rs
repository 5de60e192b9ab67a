//! The decorators of the model, the topics and the signals.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};
use shared::gauge::{PutSignals, PutSignalsError, Reading};
use shared::model::Servers;
use shared::page::{Message, Publish, PublishError};
use shared::ports::{
    AskModel, BadReply, Line, Log, ModelError, Question, RawReply, Reply, ReportedUsage, Stop, ToolCall,
    Usage,
};
use shared::time::{Millis, Timestamp};
use sim::aws::Published;
use sim::clock::SimClock;

use crate::permissions::ANY;

use super::effects::{Effects, Failure};
use super::mutants::Saboteur;
use super::phases::Method;
use super::stream::Stream;

/// A question that reached the model, and what it used.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asked.
    pub invocation: usize,
    /// When.
    pub at: Timestamp,
    /// Which model.
    pub model: String,
    /// How long it was.
    pub bytes: usize,
    /// What the provider counts for it.
    pub usage: Usage,
    /// Whether its answer has no form that may be acted on.
    pub is_bad: bool,
}

impl Asked {
    /// Tokens in and out.
    pub const fn tokens(&self) -> u32 {
        self.usage.tokens_in.saturating_add(self.usage.tokens_out)
    }
}

/// A model that says what the scenario has it say.
#[derive(Clone)]
pub struct Script {
    /// What it says when asked now, and whether that is no answer.
    pub says: Rc<dyn Fn() -> (String, bool)>,
    /// What each answer uses.
    pub usage: Usage,
    /// What it was asked.
    pub asked: Rc<RefCell<Vec<Asked>>>,
    /// The counter.
    pub effects: Rc<Effects>,
    /// The clock.
    pub clock: SimClock,
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
}

impl Script {
    fn answer(&self, question: &Question) -> RawReply {
        let (body, is_bad) = (self.says)();
        self.asked.borrow_mut().push(Asked {
            invocation: self.effects.invocation(),
            at: self.clock.now(),
            model: question.model.clone(),
            bytes: length(question),
            usage: self.usage,
            is_bad,
        });
        RawReply { body: body.into_bytes() }
    }
}

fn length(question: &Question) -> usize {
    let tool = &question.tool;
    let fixed = [question.system.len(), tool.description.len(), tool.schema.to_string().len()];
    fixed.into_iter().sum::<usize>() + question.message().len()
}

impl AskModel for Script {
    fn servers(&self) -> &Servers {
        Servers::none()
    }
    fn serves(&self, provider: &str) -> bool {
        provider == "anthropic"
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let apply = || Ok(self.answer(question));
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
        let said = serde_json::from_slice(&reply.body).map_err(|error| BadReply(error.to_string()));
        let said: Value = self.saboteur.after_answer(said)?;
        let stop = match said.get("stop").and_then(Value::as_str) {
            Some("refusal") => Stop::Refusal,
            Some("length") => Stop::Length,
            _ => Stop::Tool,
        };
        let call = ToolCall { name: "decide".to_owned(), input: said };
        let calls = if stop == Stop::Tool { vec![call] } else { Vec::new() };
        let usage = ReportedUsage {
            tokens_in: Some(self.usage.tokens_in),
            tokens_out: Some(self.usage.tokens_out),
            ..ReportedUsage::default()
        };
        Ok(Reply { stop, text: String::new(), calls, usage, note: None })
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
        self.effects.needs("sns:Publish", message.topic.as_str());
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
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
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
        if self.saboteur.drops_signals() {
            return Ok(());
        }
        self.effects.needs("cloudwatch:PutMetricData", ANY);
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
