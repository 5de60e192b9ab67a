//! One cycle: snapshot, features, prompt, model, verdict, intent.

use shared::decision::{Action, Outcome, Why};
use shared::ports::{AskModel, Level, WriteTables, model_name};
use shared::records::llm::Fate;
use shared::status::Hold;
use shared::store::WriteError;
use shared::time::Millis;

use crate::actions;
use crate::ask::{self, Answer};
use crate::market::Market;
use crate::mirror;
use crate::notes;
use crate::prompt::{self, Prompt};
use crate::providers::{Chain, Told, provider_of};
use crate::settle::{NotSettled, settle};
use crate::shift::Turn;
use crate::snapshot::{self, Books, NoBooks};
use crate::unanswered;
use crate::worth;

/// What became of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cycled {
    /// It has an outcome.
    Decided(String),
    /// There is nothing that the model may do: it was not asked.
    NotAsked,
    /// Another invocation has this minute.
    Taken,
}

/// Why a cycle has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The books cannot be read.
    #[error(transparent)]
    Books(#[from] NoBooks),
    /// The answer could not be recorded: it is not read.
    #[error("answer not recorded: {0}")]
    Record(#[from] WriteError),
    /// The outcome could not be written.
    #[error("outcome not written: {0}")]
    Settle(#[from] NotSettled),
}

/// Decides for one strategy.
pub async fn cycle<T, V, A>(turn: &Turn<'_, T, V, A>) -> Result<Cycled, Broken>
where
    T: WriteTables,
    A: AskModel,
{
    let began = turn.shift.now();
    let mut books = snapshot::books(turn).await?;
    let off = turn.shift.purse.fleet_off();
    let (stood, is_off) = (turn.state.holds.contains_key(&Hold::ModelOff), off.is_some());
    mirror::model_off(turn, stood, is_off).await?;
    let (state, symbols) = (mirror::mirrored(turn, is_off), &turn.settings.symbols);
    let allowed = actions::allowed(&state, &books, symbols);
    let lacking = allowed.is_empty() && actions::lack_balances(&state, &books, symbols);
    if allowed.is_empty() && !is_off && !lacking {
        return Ok(Cycled::NotAsked);
    }
    let answer = match (&turn.sight, off) {
        (_, Some(why)) => Some(ask::unasked(turn, "", Why::ModelOff, why)),
        (Err(problem), None) => Some(ask::unasked(turn, "", Why::StaleMarket, problem.to_string())),
        (Ok(_), None) if lacking => {
            let why = format!("the books do not say what account {} holds", turn.settings.account);
            Some(ask::unasked(turn, "", Why::UnknownBalance, why))
        }
        (Ok(markets), None) => {
            books.notes = notes::notes(turn).await.map_err(NoBooks::Read)?;
            asked(turn, &books, &allowed, markets).await?
        }
    };
    let Some(answer) = answer else { return Ok(Cycled::Taken) };
    if answer.outcome == Outcome::Abstain(Why::ModelOff) {
        mirror::model_off(turn, is_off, true).await?;
    }
    let outcome = settle(turn, &books, &answer).await?;
    tell_of_chain(turn, &books, &answer);
    log(turn, &answer, &outcome, turn.shift.now().since(began));
    Ok(Cycled::Decided(outcome))
}

/// What the model answers, or that it is not worth asking; none where another invocation asks in this minute.
async fn asked<T, V, A>(
    turn: &Turn<'_, T, V, A>,
    books: &Books,
    allowed: &[Action],
    markets: &[Market],
) -> Result<Option<Answer>, WriteError>
where
    T: WriteTables,
    A: AskModel,
{
    let (now, print) = (turn.shift.now(), worth::print(turn, books, allowed));
    let moved = turn.settings.ask_when_moved;
    if let Some(why) = worth::unchanged(moved, books.seen.as_ref(), print.as_deref(), markets, now) {
        return Ok(Some(unasked_again(turn, books, why)));
    }
    let symbols = turn.settings.symbols.clone();
    let facts = prompt::facts(&turn.settings, markets, books, allowed, now);
    let inputs = snapshot::inputs(turn, &turn.state, books);
    ask::ask(turn, &Prompt { facts, tool: prompt::tool(&symbols), symbols, print, inputs }).await
}

/// Has people told, once for all strategies whose chain begins with the same model, that no model of it answers; not where
/// they know already that each of them needs a person.
fn tell_of_chain<T, V, A>(turn: &Turn<'_, T, V, A>, books: &Books, answer: &Answer) {
    let (settings, purse, now) = (&turn.settings, &turn.shift.purse, turn.shift.now());
    let Some(provider) = provider_of(&settings.model) else { return };
    let model = model_name(&settings.model);
    let tell = |chain| purse.tell(&provider, Told { chain, ..Told::of(model, now, Fate::Failed) });
    if unanswered::is_answered(&answer.outcome) {
        if purse.is_silent(&provider, model) {
            tell(Chain::Answers);
        }
        return;
    }
    let mut models = std::iter::once(&settings.model).chain(&settings.model_fallbacks);
    let needs_person = |model: &String| {
        provider_of(model).is_some_and(|provider| purse.needs_person(&provider, model_name(model), now))
    };
    if answer.outcome != Outcome::Abstain(Why::Unavailable) || models.all(needs_person) {
        return;
    }
    let told = unanswered::detail(books.unanswered, settings.decide_every, turn.minute(), &answer.reason);
    if let Some(words) = told {
        tell(Chain::Silent(format!("{}: {words}", turn.id())));
    }
}

/// The last answer still holds, and the next cycle goes by it too.
fn unasked_again<T, V, A>(turn: &Turn<'_, T, V, A>, books: &Books, why: String) -> Answer {
    let mut answer = ask::unasked(turn, "", Why::Unchanged, why);
    answer.record.seen.clone_from(&books.seen);
    answer
}

fn log<T, V, A>(turn: &Turn<'_, T, V, A>, answer: &Answer, outcome: &str, took: Millis) {
    let level = match &answer.outcome {
        Outcome::Abstain(Why::ByModel | Why::Unchanged) | Outcome::Trade(_) | Outcome::Hold => Level::Info,
        Outcome::Abstain(_) => Level::Warn,
    };
    let line = turn.line(level, "decided").with("outcome", outcome).with("reason", &answer.reason);
    let line = line.with("model", &answer.record.model).with("prompt_hash", &answer.record.prompt_hash);
    let line = line.count("tokens_in", answer.tally.tokens_in.into());
    let line = line.count("tokens_out", answer.tally.tokens_out.into()).with("usd", answer.tally.usd);
    turn.shift.write(line.with("llm_decision_duration_seconds", seconds(took)));
}

/// Exact to the millisecond.
fn seconds(span: Millis) -> String {
    format!("{}.{:03}", span.0.div_euclid(1_000), span.0.rem_euclid(1_000))
}
