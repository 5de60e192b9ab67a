//! Asks the model: within budget, once, with fallbacks where a provider fails; then one Fixed Format Error.
//!
//! The order is the safety: budget, ask, record, read, judge. Nothing is asked again because it failed.

use shared::decision::{Outcome, Why};
use shared::ids::ProviderId;
use shared::model::{self, Capabilities};
use shared::money::Notional;
use shared::ports::{AskModel, BadReply, Level, ModelError, RawReply, Reply, Usage, WriteTables, model_name};
use shared::records::decision::{Asked, Came, DecisionRecord, NoAnswer, Seen};
use shared::records::llm::{Cause, Fate};
use shared::store::WriteError;
use shared::time::Millis;

use crate::budget::{self, Bound, Exceeded, answer_limit};
use crate::judge;
use crate::meters::Tally;
use crate::prompt::Prompt;
use crate::providers::{Kept, Told, provider_of};
use crate::purse::{self, Most, NotReserved};
use crate::record::{self, Put};
use crate::shift::Turn;
use crate::tokens;
use crate::unusable;
use crate::verdict::{Verdict, shorten};

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

/// Asks. An answer of the wrong form is corrected once. One that was cut off, or that another model gave, is asked for once
/// more of the next model of the chain. None: another invocation has this minute.
pub async fn ask<T, V, A>(turn: &Turn<'_, T, V, A>, prompt: &Prompt) -> Result<Option<Answer>, WriteError>
where
    T: WriteTables,
    A: AskModel,
{
    let settings = &turn.settings;
    let chain: Vec<&str> =
        std::iter::once(&settings.model).chain(&settings.model_fallbacks).map(String::as_str).collect();
    let (mut tally, mut asked) = (Tally::default(), Vec::new());
    let Some(First { model, raw, tokens, rest }) =
        first_answer(turn, prompt, &chain, &mut tally, &mut asked).await
    else {
        let (why, reason) = judge::unanswered(&asked);
        let mut answer = Answer { tally, ..unasked(turn, &prompt.text(), why, reason) };
        answer.record.asked = asked;
        return Ok(Some(answer));
    };
    let mut record = record::draft(turn, model, &prompt.text());
    record.reply = record::replies(std::slice::from_ref(&raw));
    record.asked = asked;
    record.seen = prompt.print.clone().map(|books| Seen { at: turn.minute(), books });
    record.inputs = Some(prompt.inputs.clone());
    if record::put(turn.shift.ports.tables, &record).await? == Put::Taken {
        return Ok(None);
    }
    let mut talk = Talk { turn, prompt, model, rest, tokens, tally, record };
    let (outcome, reason) = talk.judged(raw).await?;
    let Talk { tally, record, .. } = talk;
    Ok(Some(Answer { outcome, reason, tally, record, is_recorded: true }))
}

/// An answer that came, unread.
struct First<'a> {
    model: &'a str,
    raw: RawReply,
    tokens: u32,
    /// The models that follow in the chain.
    rest: &'a [&'a str],
}

/// Asks each model of the chain once until one answers. None: no model answered.
async fn first_answer<'a, T: WriteTables, V, A: AskModel>(
    turn: &Turn<'_, T, V, A>,
    prompt: &Prompt,
    chain: &'a [&'a str],
    tally: &mut Tally,
    asked: &mut Vec<Asked>,
) -> Option<First<'a>> {
    let mut rest = chain;
    while let Some((model, others)) = rest.split_first() {
        rest = others;
        let takes = turn.shift.ports.model.servers().capabilities(model);
        let tokens = tokens::asked(&takes, &prompt.tool, &[&prompt.facts]);
        match question(turn, prompt, model, &takes, None, tokens, tally).await {
            Ok(raw) => {
                asked.push(answered(turn, model, &raw));
                return Some(First { model, raw, tokens, rest });
            }
            Err(none) => {
                let is_final = none.is_final;
                asked.push(none.of(model));
                if is_final {
                    break;
                }
            }
        }
    }
    None
}

/// A question that was answered, for the record.
fn answered<T, V, A: AskModel>(turn: &Turn<'_, T, V, A>, model: &str, raw: &RawReply) -> Asked {
    let servers = turn.shift.ports.model.servers();
    let count = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let (bytes, kept) = (count(&raw.body), count(record::kept(raw)));
    let other = model::other(servers, model, raw).map(|other| shorten(&other, MOST_DETAIL));
    let ask = Some(servers.capabilities(model).ask);
    let came = Came::Answer { bytes, kept, ask, other };
    Asked { model: model.to_owned(), came }
}

/// A question without an answer.
struct Unanswered {
    why: NoAnswer,
    text: String,
    /// Whether no other model is asked after it.
    is_final: bool,
}

impl Unanswered {
    fn new(why: NoAnswer, text: impl ToString) -> Unanswered {
        let is_final = judge::is_over(why);
        Unanswered { why, text: shorten(&text.to_string(), MOST_DETAIL), is_final }
    }

    fn of(self, model: &str) -> Asked {
        Asked { model: model.to_owned(), came: Came::Nothing { why: self.why, text: self.text } }
    }
}

/// What is too large for one model may fit into another, whose vocabulary and factor are its own.
impl From<Exceeded> for Unanswered {
    fn from(exceeded: Exceeded) -> Unanswered {
        let is_final = exceeded.is_of_every_model();
        Unanswered { is_final, ..Unanswered::new(NoAnswer::OverBudget, exceeded) }
    }
}

impl From<NotReserved> for Unanswered {
    fn from(not: NotReserved) -> Unanswered {
        match not {
            NotReserved::Off(why) => Unanswered::new(NoAnswer::ModelOff, why),
            NotReserved::Unknown(why) => Unanswered::new(NoAnswer::NotReserved, why),
        }
    }
}

impl From<ModelError> for Unanswered {
    fn from(error: ModelError) -> Unanswered {
        let why = match &error {
            ModelError::Throttled { .. } => NoAnswer::Throttled,
            ModelError::SpendLimit(_) => NoAnswer::SpendLimit,
            ModelError::Overloaded => NoAnswer::Overloaded,
            ModelError::NoSuchModel(_) => NoAnswer::NoSuchModel,
            ModelError::NoKey(_) | ModelError::Unfit(_) | ModelError::Refused { .. } => NoAnswer::Refused,
            ModelError::NotSent(_) | ModelError::NotAnswered(_) | ModelError::Unavailable(_) => {
                NoAnswer::Unavailable
            }
        };
        Unanswered::new(why, error)
    }
}

async fn question<T: WriteTables, V, A: AskModel>(
    turn: &Turn<'_, T, V, A>,
    prompt: &Prompt,
    model: &str,
    takes: &Capabilities,
    error: Option<&str>,
    tokens: u32,
    tally: &mut Tally,
) -> Result<RawReply, Unanswered> {
    let now = turn.shift.now();
    let not_served = || Unanswered::new(NoAnswer::NotServed, "its provider is not served here");
    if !is_served(model, turn.shift.ports.model) {
        return Err(not_served());
    }
    let timeout = Millis(turn.shift.deadline.since(now + TO_RECORD).0.min(LONGEST.0));
    if timeout < SHORTEST {
        return Err(Unanswered::new(NoAnswer::NoTime, "no time left to ask"));
    }
    let provider = provider_of(model).ok_or_else(not_served)?;
    let answer = answer_limit(&turn.settings, takes);
    let bound = Bound::raised(tokens, answer, turn.shift.purse.factor(&provider, model_name(model)));
    let usd = budget::most_cost(turn.shift.ports.model.servers(), model, bound, now);
    budget::check(&turn.settings, &turn.state, tally, takes, bound, usd, now)?;
    let (purse, tables) = (&turn.shift.purse, turn.shift.ports.tables);
    if let Some(why) = purse.shut(&provider, model_name(model), now) {
        return Err(Unanswered::new(NoAnswer::Shut, why));
    }
    let most = Most { usd, tokens: bound.tokens() };
    purse.reserve(tables, &turn.state, tally, most, now).await?;
    tally.calls = tally.calls.saturating_add(1);
    match turn.shift.ports.model.ask(&prompt.question(model, error, answer, timeout)).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            if let Some(told) = count_failure(turn, model, bound, &error, tally) {
                purse.tell(&provider, told);
            }
            // Everybody has to know before the next question, whoever asks it.
            purse.settle(tables, turn.shift.ports.log, turn.shift.now()).await;
            Err(error.into())
        }
    }
}

/// Whether the port has a way to the model's provider.
fn is_served(model: &str, port: &impl AskModel) -> bool {
    model.split_once('/').is_some_and(|(provider, _)| port.serves(provider))
}

/// Counts a failure, and says what it tells of the provider: nothing, where the provider was not asked.
fn count_failure<T, V, A: AskModel>(
    turn: &Turn<'_, T, V, A>,
    model: &str,
    bound: Bound,
    error: &ModelError,
    tally: &mut Tally,
) -> Option<Told> {
    let now = turn.shift.now();
    let line = turn.line(Level::Warn, "model gave no answer").with("model", model);
    turn.shift.write(line.with("error", shorten(&error.to_string(), MOST_DETAIL)));
    let failed = |usd| purse::unanswered(model, now, Fate::Failed, usd, None);
    // It may have been answered, and is then paid for.
    let is_paid = matches!(error, ModelError::Unavailable(_));
    let usage = if is_paid { bound.usage() } else { Usage::default() };
    let usd = charge(turn, model, usage, &budget::Reported::default(), tally);
    Some(match error {
        ModelError::Throttled { wait } => {
            tally.throttled = tally.throttled.saturating_add(1);
            purse::unanswered(model, now, Fate::Throttled, usd, *wait)
        }
        ModelError::NotSent(_)
        | ModelError::NotAnswered(_)
        | ModelError::Unavailable(_)
        | ModelError::Overloaded => failed(usd),
        ModelError::SpendLimit(text) => Told { spend_limit: Some(shorten(text, MOST_DETAIL)), ..failed(usd) },
        ModelError::NoSuchModel(_)
        | ModelError::NoKey(_)
        | ModelError::Unfit(_)
        | ModelError::Refused { .. } => {
            let words = shorten(&error.to_string(), MOST_DETAIL);
            match unusable::cause(error) {
                Some(cause) => Told { refused: Some((cause, words)), ..failed(usd) },
                None if unusable::is_declined(error) => {
                    Told { declined: Some(words), asked_by: Some(turn.id().clone()), ..failed(usd) }
                }
                None => return None,
            }
        }
    })
}

/// Counts what an answer used and cost.
fn charge<T, V, A: AskModel>(
    turn: &Turn<'_, T, V, A>,
    model: &str,
    usage: Usage,
    told: &budget::Reported,
    tally: &mut Tally,
) -> Notional {
    let usd = told.cost(turn.shift.ports.model.servers(), model, usage, turn.shift.now());
    turn.shift.purse.spent(usd);
    tally.add(usage, usd);
    usd
}

/// Rounded up.
fn percent(used: u32, of: u32) -> u32 {
    let percent = u64::from(used).saturating_mul(100).div_ceil(of.max(1).into());
    u32::try_from(percent).unwrap_or(u32::MAX)
}

/// One cycle's conversation.
struct Talk<'a, 'b, T, V, A> {
    turn: &'a Turn<'b, T, V, A>,
    prompt: &'a Prompt,
    /// The model whose answer is read.
    model: &'a str,
    /// The models that follow in the chain.
    rest: &'a [&'a str],
    /// The bound of the last question, not raised.
    tokens: u32,
    tally: Tally,
    /// As it stands in the tables, but for a second question without an answer.
    record: DecisionRecord,
}

impl<T: WriteTables, V, A: AskModel> Talk<'_, '_, T, V, A> {
    /// The outcome of the first answer, or of the second where the first had the wrong form, was cut off, or came from
    /// another model than was asked.
    async fn judged(&mut self, first: RawReply) -> Result<(Outcome, String), WriteError> {
        let (outcome, reason) = match self.read(&first) {
            Verdict::Final(Outcome::Abstain(why @ (Why::Truncated | Why::Unavailable)), reason) => {
                if why == Why::Unavailable {
                    self.settle().await;
                }
                match self.ask_next().await {
                    Some(second) => self.second(first, second).await?,
                    None => (Outcome::Abstain(why), reason),
                }
            }
            Verdict::Final(outcome, reason) => return Ok((outcome, reason)),
            Verdict::Malformed(problem) => {
                let line = self.turn.line(Level::Warn, "malformed answer").with("model", self.model);
                self.turn.shift.write(line.with("problem", &problem));
                match self.ask_again(&problem).await {
                    Ok(second) => {
                        self.record.asked.push(answered(self.turn, self.model, &second));
                        self.second(first, second).await?
                    }
                    Err(none) => {
                        let came_to = judge::not_again(none.why, &none.text, &problem);
                        self.record.asked.push(none.of(self.model));
                        came_to
                    }
                }
            }
        };
        if outcome == Outcome::Abstain(Why::Malformed) {
            let line = self.turn.line(Level::Critical, "malformed again: the cycle holds");
            self.turn.shift.write(line.with("model", self.model).with("problem", &reason));
        }
        Ok((outcome, reason))
    }

    /// Records the second answer before it is read, and says what the cycle comes to by it.
    async fn second(&mut self, first: RawReply, second: RawReply) -> Result<(Outcome, String), WriteError> {
        let answers = [first, second];
        self.record.reply = record::replies(&answers);
        record::add(self.turn.shift.ports.tables, &self.record).await?;
        let [_, second] = answers;
        Ok(judge::again(self.read(&second)))
    }

    /// Reads an answer and counts what it used; what it does not say is counted at its bound.
    fn read(&mut self, raw: &RawReply) -> Verdict {
        let is_whole = record::kept(raw).len() == raw.body.len();
        let reply = judge::reply(raw, is_whole, |raw| self.turn.shift.ports.model.read(self.model, raw));
        // Before anything is told: what the question was reserved with.
        let bound = self.bound();
        let answered = budget::Reported::of(&reply, self.other());
        let usage = answered.usage.or_bound(bound.usage());
        let usd = charge(self.turn, self.model, usage, &answered, &mut self.tally);
        self.note(&reply);
        let judged = judge::verdict(answered.other.as_deref(), &reply, &self.prompt.symbols);
        let is_refusal = matches!(&judged, Verdict::Final(Outcome::Abstain(Why::Refused), _));
        if let Some(provider) = provider_of(self.model) {
            let told = purse::answered(self.model, self.turn.shift.now(), is_refusal, usd);
            // What another model used says nothing of the bound on this one.
            let is_told = answered.usage.tokens_in.is_some() && answered.other.is_none();
            let kept = if is_told { self.kept(bound, usage) } else { Kept::Unknown };
            let asked_by = Some(self.turn.id().clone());
            // Another model will answer the next question, too.
            let refused = match &judged {
                Verdict::Final(Outcome::Abstain(Why::Unavailable), reason) => {
                    Some((Cause::Gone, shorten(reason, MOST_DETAIL)))
                }
                Verdict::Final(..) | Verdict::Malformed(_) => None,
            };
            self.turn.shift.purse.tell(&provider, Told { kept, asked_by, refused, ..told });
        }
        judged
    }

    /// The model that gave the answer, where it is another one than was asked.
    fn other(&self) -> Option<String> {
        match self.record.asked.last().map(|last| &last.came) {
            Some(Came::Answer { other, .. }) => other.clone(),
            Some(Came::Nothing { .. }) | None => None,
        }
    }

    /// Logs what is unusual about an answer that was read.
    fn note(&self, reply: &Result<Reply, BadReply>) {
        if let Some(note) = reply.as_ref().ok().and_then(|reply| reply.note) {
            let line = self.turn.line(Level::Warn, "answer of unusual shape").with("model", self.model);
            self.turn.shift.write(line.with("note", note));
        }
    }

    fn takes(&self, model: &str) -> Capabilities {
        self.turn.shift.ports.model.servers().capabilities(model)
    }

    /// The bound on the last question and its answer, raised as it was reserved.
    fn bound(&self) -> Bound {
        let factor = |of: ProviderId| self.turn.shift.purse.factor(&of, model_name(self.model));
        let answer = answer_limit(&self.turn.settings, &self.takes(self.model));
        Bound::raised(self.tokens, answer, provider_of(self.model).map_or(100, factor))
    }

    /// Whether neither question nor answer used more than its `bound`, else how much of the plain one.
    fn kept(&self, bound: Bound, usage: Usage) -> Kept {
        let answer = answer_limit(&self.turn.settings, &self.takes(self.model));
        let uses =
            [(usage.tokens_in, bound.tokens_in, self.tokens), (usage.tokens_out, bound.tokens_out, answer)];
        let over = uses.into_iter().filter(|(used, raised, _)| used > raised);
        over.map(|(used, _, plain)| percent(used, plain)).max().map_or(Kept::Yes, Kept::No)
    }

    /// The same question with the Fixed Format Error. The answer is not shown back.
    async fn ask_again(&mut self, problem: &str) -> Result<RawReply, Unanswered> {
        let error =
            format!("Fixed Format Error: {problem}. Answer again with one well-formed call of decide.");
        let takes = self.takes(self.model);
        self.tokens = tokens::asked(&takes, &self.prompt.tool, &[&self.prompt.facts, &error]);
        question(self.turn, self.prompt, self.model, &takes, Some(&error), self.tokens, &mut self.tally).await
    }

    /// Tells everybody what the answer said of its provider, before the next question.
    async fn settle(&self) {
        let shift = self.turn.shift;
        shift.purse.settle(shift.ports.tables, shift.ports.log, shift.now()).await;
    }

    /// The same question to the next model of the chain that answers.
    async fn ask_next(&mut self) -> Option<RawReply> {
        let First { model, raw, tokens, rest } =
            first_answer(self.turn, self.prompt, self.rest, &mut self.tally, &mut self.record.asked).await?;
        (self.model, self.tokens, self.rest) = (model, tokens, rest);
        Some(raw)
    }
}
