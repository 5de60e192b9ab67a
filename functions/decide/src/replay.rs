//! A recorded answer read again, by the code that read it first and from nothing but its record.

use serde_json::Value;
use shared::decision::{Outcome, Why};
use shared::ids::{Env, Symbol};
use shared::model::{self, Ask, Servers};
use shared::order::Terms;
use shared::ports::RawReply;
use shared::records::decision::{Asked, Came, DecisionRecord};

use crate::effect::Effect;
use crate::judge;
use crate::record;
use crate::verdict::Verdict;

/// What a record holds, unpacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What was asked; none where nothing was.
    pub prompt: Option<Asking>,
    /// What was answered, as far as the record holds it, with the model that it came from.
    pub answers: Vec<Answered>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    /// The facts, as the model read them.
    pub facts: String,
    /// The fixed text.
    pub system: String,
    /// The one tool.
    pub tool: Value,
    /// The symbols that the tool let the model name.
    pub symbols: Vec<Symbol>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The model that was asked, as `provider/name`.
    pub model: String,
    /// How it was asked for, where that was recorded.
    pub ask: Option<Ask>,
    /// The model that answered, as `provider/name`, where it was another one than was asked.
    pub other: Option<String>,
    /// It, or its beginning.
    pub raw: RawReply,
    /// Whether it is all of it.
    pub is_whole: bool,
}

/// What a record's answers come to, read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The reason, in the model's words or ours.
    pub reason: String,
    /// What it wants done.
    pub effect: Effect,
}

/// One field that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: &'static str,
    /// What stands in the tables.
    pub recorded: String,
    /// What the answers say.
    pub replayed: String,
}

/// Why a record cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReplayed {
    /// Whoever decided died before the answer was read: nothing came of it.
    #[error("it has no outcome: decide ended before it had read the answer, and nothing came of it")]
    Unfinished,
    /// It was written before records held what this needs.
    #[error("it holds no inputs: an older version wrote it")]
    Older,
    /// It contradicts itself.
    #[error("{field} of the record cannot be read: {why}")]
    Damaged {
        /// The attribute.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

fn damaged(field: &'static str, why: impl ToString) -> NotReplayed {
    NotReplayed::Damaged { field, why: why.to_string() }
}

/// Unpacks what `record` holds.
pub fn open(record: &DecisionRecord) -> Result<Opened, NotReplayed> {
    let prompt = record::unpacked(&record.prompt).map_err(|error| damaged("prompt", error))?;
    let prompt = String::from_utf8(prompt).map_err(|error| damaged("prompt", error))?;
    if record::hash(&prompt) != record.prompt_hash {
        return Err(damaged("prompt", "its hash is not prompt_hash"));
    }
    Ok(Opened { prompt: asking(&prompt)?, answers: answers(record)? })
}

fn asking(prompt: &str) -> Result<Option<Asking>, NotReplayed> {
    if prompt.is_empty() {
        return Ok(None);
    }
    let whole: Value = serde_json::from_str(prompt).map_err(|error| damaged("prompt", error))?;
    let text = |name: &str| {
        let text = whole.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| damaged("prompt", format!("it has no {name}")))
    };
    let tool = whole.get("tool").cloned().unwrap_or_default();
    let named = tool.pointer("/schema/properties/symbol/enum").and_then(Value::as_array);
    let named = named.ok_or_else(|| damaged("prompt", "its tool lists no symbols"))?;
    let symbols = named.iter().map(|name| Symbol::parse(name.as_str().unwrap_or_default()));
    let symbols = symbols.collect::<Result<_, _>>().map_err(|error| damaged("prompt", error))?;
    Ok(Some(Asking { facts: text("facts")?, system: text("system")?, tool, symbols }))
}

/// The answers stand one after the other; how long each is, its question says.
fn answers(record: &DecisionRecord) -> Result<Vec<Answered>, NotReplayed> {
    if record.reply.is_empty() {
        return Ok(Vec::new());
    }
    let reply = record::unpacked(&record.reply).map_err(|error| damaged("reply", error))?;
    let (mut rest, mut answers) = (reply.as_slice(), Vec::new());
    for Asked { model, came } in &record.asked {
        let Came::Answer { bytes, kept, ask, other } = came else { continue };
        let taken = usize::try_from(*kept).ok().and_then(|kept| rest.split_at_checked(kept));
        let (body, left) = taken.ok_or_else(|| damaged("reply", "it ends before its answers do"))?;
        rest = left;
        let raw = RawReply { body: body.to_vec() };
        let (model, other) = (model.clone(), other.clone());
        answers.push(Answered { model, ask: *ask, other, raw, is_whole: kept == bytes });
    }
    match rest {
        [] => Ok(answers),
        _ => Err(damaged("reply", "it holds more than its answers")),
    }
}

/// Reads the answers of `record` again; `env` is the stage, part of every order id, and `servers` its own model servers.
pub fn replay(env: &Env, servers: &Servers, record: &DecisionRecord) -> Result<Replayed, NotReplayed> {
    let outcome = record.outcome.as_deref().ok_or(NotReplayed::Unfinished)?;
    let inputs = record.inputs.as_ref().ok_or(NotReplayed::Older)?;
    let Opened { prompt, answers } = open(record)?;
    let symbols = prompt.map(|prompt| prompt.symbols).unwrap_or_default();
    let (decided, reason) = match (record.asked.is_empty(), answers.as_slice()) {
        (true, _) => (not_asked(outcome)?, record.reason.clone().unwrap_or_default()),
        (false, []) => {
            let (why, reason) = judge::unanswered(&record.asked);
            (Outcome::Abstain(why), reason)
        }
        (false, [first]) => match read(servers, first, &symbols) {
            Verdict::Final(outcome, reason) => (outcome, reason),
            Verdict::Malformed(problem) => second_failed(&record.asked, &problem)?,
        },
        (false, [first, second]) => match read(servers, first, &symbols) {
            Verdict::Final(Outcome::Abstain(Why::Truncated | Why::Unavailable), _)
            | Verdict::Malformed(_) => judge::again(read(servers, second, &symbols)),
            Verdict::Final(..) => {
                return Err(damaged("asked", "the model was asked again after a well-formed answer"));
            }
        },
        (false, [_, _, ..]) => return Err(damaged("asked", "a cycle has two answers at most")),
    };
    Ok(Replayed { reason, effect: Effect::of(env, record, inputs, &decided) })
}

fn read(servers: &Servers, answer: &Answered, symbols: &[Symbol]) -> Verdict {
    let ask = answer.ask.unwrap_or(servers.capabilities(&answer.model).ask);
    let read = |raw: &RawReply| model::read_as(servers, &answer.model, ask, raw);
    let reply = judge::reply(&answer.raw, answer.is_whole, read);
    judge::verdict(answer.other.as_deref(), &reply, symbols)
}

/// The second question had no answer: the last one says why.
fn second_failed(asked: &[Asked], problem: &str) -> Result<(Outcome, String), NotReplayed> {
    match asked.last().map(|last| &last.came) {
        Some(Came::Nothing { why, text }) => Ok(judge::not_again(*why, text, problem)),
        Some(Came::Answer { .. }) | None => {
            Err(damaged("asked", "the model was not asked again after a malformed answer"))
        }
    }
}

/// Nobody was asked: the record alone says why, and only few reasons are possible.
fn not_asked(outcome: &str) -> Result<Outcome, NotReplayed> {
    let possible =
        [Why::StaleMarket, Why::UnknownBalance, Why::ModelOff, Why::Unchanged].map(Outcome::Abstain);
    let found = possible.into_iter().find(|one| one.to_string() == outcome);
    found.ok_or_else(|| damaged("asked", format!("nobody was asked, and the outcome is {outcome}")))
}

/// What `record` says of itself beside what its answers say.
pub fn differences(record: &DecisionRecord, replayed: &Replayed) -> Vec<Difference> {
    let Replayed { reason, effect } = replayed;
    let order = effect.order.as_ref().map(|order| &order.terms.order_id);
    let mut found = Vec::new();
    compare(&mut found, "outcome", record.outcome.as_deref(), Some(effect.outcome.as_str()));
    compare(&mut found, "reason", record.reason.as_deref(), Some(reason.as_str()));
    compare(&mut found, "position_id", record.position_id.as_ref(), effect.position.as_ref());
    compare(&mut found, "order_id", record.order_id.as_ref(), order);
    found
}

/// What the order in the tables says beside the one that the answers want.
pub fn differences_of_order(recorded: &Terms, wanted: &Terms) -> Vec<Difference> {
    let mut found = Vec::new();
    let (one, other) = (recorded, wanted);
    compare(&mut found, "order's order_id", Some(&one.order_id), Some(&other.order_id));
    compare(&mut found, "order's position_id", Some(&one.position_id), Some(&other.position_id));
    compare(&mut found, "order's strategy_id", Some(&one.strategy_id), Some(&other.strategy_id));
    compare(&mut found, "order's account", Some(&one.account), Some(&other.account));
    compare(&mut found, "order's symbol", Some(&one.symbol), Some(&other.symbol));
    compare(&mut found, "order's leg", Some(one.leg.as_str()), Some(other.leg.as_str()));
    compare(&mut found, "order's plan", Some(one.plan), Some(other.plan));
    compare(&mut found, "order's origin", Some(one.origin.as_str()), Some(other.origin.as_str()));
    compare(&mut found, "order's side", Some(one.side.as_str()), Some(other.side.as_str()));
    compare(&mut found, "order's kind", Some(one.kind), Some(other.kind));
    compare(&mut found, "order's quantity", Some(one.quantity), Some(other.quantity));
    compare(&mut found, "order's stop_loss", one.stop_loss, other.stop_loss);
    compare(&mut found, "order's take_profit", one.take_profit, other.take_profit);
    compare(&mut found, "order's decided_price", one.decided_price, other.decided_price);
    compare(&mut found, "order's decided_at", Some(one.decided_at), Some(other.decided_at));
    compare(&mut found, "order's decision", one.decision, other.decision);
    compare(&mut found, "order's created_at", Some(one.created_at), Some(other.created_at));
    compare(&mut found, "order's trace", Some(&one.trace), Some(&other.trace));
    found
}

fn compare<T: ToString + PartialEq>(
    found: &mut Vec<Difference>,
    field: &'static str,
    recorded: Option<T>,
    replayed: Option<T>,
) {
    if recorded != replayed {
        let words = |it: Option<T>| it.map_or_else(|| "none".to_owned(), |it| it.to_string());
        found.push(Difference { field, recorded: words(recorded), replayed: words(replayed) });
    }
}
