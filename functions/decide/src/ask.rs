//! Asks the model: within budget, once, with fallbacks where a provider fails; then one Fixed Format Error.
//!
//! The order is the safety: budget, ask, record, read, judge. Nothing is asked again because it failed.

use shared::decision::{Outcome, Why};
use shared::model_prices::dollars;
use shared::ports::{
    AskModel, BadReply, Level, ModelError, RawReply, Reply, Turn as Said, Usage, WriteTables,
};
use shared::records::decision::DecisionRecord;
use shared::store::WriteError;
use shared::time::Millis;

use crate::budget;
use crate::meters::Tally;
use crate::prompt::Prompt;
use crate::record::{self, Put};
use crate::shift::Turn;
use crate::tokens;
use crate::verdict::{Verdict, shorten, verdict};

/// The longest wait for one answer.
const LONGEST: Millis = Millis::from_secs(30);
/// What recording an answer and its outcome may take.
const TO_RECORD: Millis = Millis::from_secs(5);
/// With less than this an answer is not waited for.
const SHORTEST: Millis = Millis::from_secs(3);
/// Most characters of an error that are kept.
const MOST_DETAIL: usize = 200;

/// What a cycle came to, and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in the model's words or ours.
    pub reason: String,
    /// What it used.
    pub tally: Tally,
    /// Its record, as far as it is known.
    pub record: DecisionRecord,
    /// Whether the record stands in the tables already.
    pub is_recorded: bool,
}

/// An abstention without an answer: nothing is in the tables yet.
pub fn unasked<T, V, A>(turn: &Turn<'_, T, V, A>, prompt: &str, why: Why, reason: String) -> Answer {
    Answer {
        outcome: Outcome::Abstain(why),
        reason: shorten(&reason, MOST_DETAIL),
        tally: Tally::default(),
        record: record::draft(turn, &turn.settings.model, prompt),
        is_recorded: false,
    }
}

/// Asks, and asks once more if the answer has the wrong form. None: another invocation has this minute.
pub async fn ask<T, V, A>(turn: &Turn<'_, T, V, A>, prompt: &Prompt) -> Result<Option<Answer>, WriteError>
where
    T: WriteTables,
    A: AskModel,
{
    let mut tally = Tally::default();
    let first = match first_answer(turn, prompt, &mut tally).await {
        Ok(first) => first,
        Err((why, reason)) => {
            return Ok(Some(Answer { tally, ..unasked(turn, &prompt.text(), why, reason) }));
        }
    };
    let mut record = record::draft(turn, first.model, &prompt.text());
    record.reply = record::replies(std::slice::from_ref(&first.raw));
    if record::put(turn.shift.ports.tables, &record).await? == Put::Taken {
        return Ok(None);
    }
    let mut talk =
        Talk { turn, prompt, model: first.model, tokens: first.tokens, tally, replies: Vec::new() };
    let (outcome, reason) = talk.judged(first.raw).await;
    record.reply = record::replies(&talk.replies);
    let Talk { tally, .. } = talk;
    Ok(Some(Answer { outcome, reason, tally, record, is_recorded: true }))
}

/// An answer that came, unread.
struct Came<'a> {
    model: &'a str,
    raw: RawReply,
    tokens: u32,
}

/// Asks the model, and each fallback once where a provider fails.
async fn first_answer<'a, T, V, A: AskModel>(
    turn: &'a Turn<'_, T, V, A>,
    prompt: &Prompt,
    tally: &mut Tally,
) -> Result<Came<'a>, (Why, String)> {
    let mut last = (Why::Unavailable, "no model is served here".to_owned());
    for model in std::iter::once(&turn.settings.model).chain(&turn.settings.model_fallbacks) {
        let said = vec![Said::Facts(prompt.facts.clone())];
        let tokens = tokens::asked(&prompt.tool, &[&prompt.facts]);
        match question(turn, prompt, model, said, tokens, tally).await {
            Ok(raw) => return Ok(Came { model, raw, tokens }),
            Err(NoAnswer::OverBudget(why)) => return Err((Why::OverBudget, why)),
            Err(NoAnswer::NoTime) => return Err((Why::Unavailable, "no time left to ask".to_owned())),
            Err(NoAnswer::NotServed) => {}
            Err(NoAnswer::Model(error)) => {
                // Where a provider fails another may answer; where it refuses us, nobody is asked.
                let is_over = error.needs_a_person();
                last = (Why::Unavailable, error.to_string());
                if is_over {
                    break;
                }
            }
        }
    }
    Err(last)
}

/// Why one question has no answer.
enum NoAnswer {
    /// It was not asked: a budget forbids it.
    OverBudget(String),
    /// It was not asked: no time is left to record an answer.
    NoTime,
    /// It was not asked: the port does not serve this provider.
    NotServed,
    /// It was asked in vain.
    Model(ModelError),
}

async fn question<T, V, A: AskModel>(
    turn: &Turn<'_, T, V, A>,
    prompt: &Prompt,
    model: &str,
    said: Vec<Said>,
    tokens: u32,
    tally: &mut Tally,
) -> Result<RawReply, NoAnswer> {
    let now = turn.shift.now();
    if !is_served(model, turn.shift.ports.model) {
        return Err(NoAnswer::NotServed);
    }
    let timeout = Millis(turn.shift.deadline.since(now + TO_RECORD).0.min(LONGEST.0));
    if timeout < SHORTEST {
        return Err(NoAnswer::NoTime);
    }
    budget::check(&turn.settings, &turn.state, tally, model, tokens, now)
        .map_err(|exceeded| NoAnswer::OverBudget(exceeded.to_string()))?;
    tally.calls = tally.calls.saturating_add(1);
    let answer = turn.shift.ports.model.ask(&prompt.question(model, said, timeout)).await;
    answer.map_err(|error| {
        count_failure(turn, model, tokens, &error, tally);
        NoAnswer::Model(error)
    })
}

/// Whether the port has a way to the model's provider.
fn is_served(model: &str, port: &impl AskModel) -> bool {
    model.split_once('/').is_some_and(|(provider, _)| port.serves(provider))
}

fn count_failure<T, V, A>(
    turn: &Turn<'_, T, V, A>,
    model: &str,
    tokens: u32,
    error: &ModelError,
    tally: &mut Tally,
) {
    match error {
        ModelError::Throttled { .. } => tally.throttled = tally.throttled.saturating_add(1),
        // It may have been answered, and is then paid for.
        ModelError::Unavailable(_) => charge(turn, model, budget::most_usage(tokens), tally),
        ModelError::SpendLimit(_)
        | ModelError::Overloaded
        | ModelError::NoSuchModel(_)
        | ModelError::Refused { .. } => {}
    }
    let line = turn.line(Level::Warn, "model gave no answer").with("model", model);
    turn.shift.write(line.with("error", shorten(&error.to_string(), MOST_DETAIL)));
}

fn charge<T, V, A>(turn: &Turn<'_, T, V, A>, model: &str, usage: Usage, tally: &mut Tally) {
    tally.add(usage, dollars(model, turn.shift.now().day(), usage));
}

/// One cycle's conversation with one model.
struct Talk<'a, 'b, T, V, A> {
    turn: &'a Turn<'b, T, V, A>,
    prompt: &'a Prompt,
    model: &'a str,
    /// The bound of the last question.
    tokens: u32,
    tally: Tally,
    replies: Vec<RawReply>,
}

impl<T, V, A: AskModel> Talk<'_, '_, T, V, A> {
    /// The outcome of the first answer, or of the second where the first had the wrong form.
    async fn judged(&mut self, first: RawReply) -> (Outcome, String) {
        let (reply, judged) = self.read(&first);
        self.replies.push(first.clone());
        let problem = match judged {
            Verdict::Final(outcome, reason) => return (outcome, reason),
            Verdict::Malformed(problem) => problem,
        };
        let line = self.turn.line(Level::Warn, "malformed answer").with("model", self.model);
        self.turn.shift.write(line.with("problem", &problem));
        let second = match self.ask_again(first, reply, &problem).await {
            Ok(second) => second,
            Err(NoAnswer::OverBudget(_) | NoAnswer::NotServed) => return self.malformed(&problem),
            Err(NoAnswer::NoTime) => return (Outcome::Abstain(Why::Unavailable), problem),
            Err(NoAnswer::Model(error)) => {
                return (Outcome::Abstain(Why::Unavailable), shorten(&error.to_string(), MOST_DETAIL));
            }
        };
        let (_, judged) = self.read(&second);
        self.replies.push(second);
        match judged {
            Verdict::Final(outcome, reason) => (outcome, reason),
            Verdict::Malformed(problem) => self.malformed(&problem),
        }
    }

    /// Reads an answer and counts what it used; where it does not say, the most that it can have used.
    fn read(&mut self, raw: &RawReply) -> (Result<Reply, BadReply>, Verdict) {
        let reply = self.turn.shift.ports.model.read(self.model, raw);
        let usage = match &reply {
            Ok(reply) => reply.usage,
            Err(_) => budget::most_usage(self.tokens),
        };
        charge(self.turn, self.model, usage, &mut self.tally);
        let judged = verdict(&reply, &self.prompt.symbols);
        (reply, judged)
    }

    async fn ask_again(
        &mut self,
        first: RawReply,
        reply: Result<Reply, BadReply>,
        problem: &str,
    ) -> Result<RawReply, NoAnswer> {
        let error =
            format!("Fixed Format Error: {problem}. Answer again with one well-formed call of decide.");
        let shown = match &reply {
            Ok(reply) => tokens::shown(reply),
            Err(_) => String::from_utf8_lossy(&first.body).into_owned(),
        };
        self.tokens = tokens::asked(&self.prompt.tool, &[&self.prompt.facts, &shown, &error]);
        let said = vec![
            Said::Facts(self.prompt.facts.clone()),
            Said::Answered(Box::new(first)),
            Said::FormatError(error),
        ];
        question(self.turn, self.prompt, self.model, said, self.tokens, &mut self.tally).await
    }

    /// The second malformed answer, or the first where no budget allows another.
    fn malformed(&self, problem: &str) -> (Outcome, String) {
        let line = self.turn.line(Level::Critical, "malformed again: the cycle holds");
        self.turn.shift.write(line.with("model", self.model).with("problem", problem));
        (Outcome::Abstain(Why::Malformed), problem.to_owned())
    }
}
