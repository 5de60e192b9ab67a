//! What the model saw, said and cost: `tradai-decisions`. From nothing but this record its answer is read again.

use std::collections::BTreeMap;

use crate::ids::{AccountId, OrderId, PositionId, StrategyId, Symbol};
use crate::model::Ask;
use crate::money::{Notional, Price};
use crate::records::attrs::{Draft, list, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read, one_of};
use crate::records::strategy_config::{limits, limits_attr};
use crate::settings::Limits;
use crate::store::{Attr, Change, Item, Key};
use crate::tables::Table;
use crate::time::{Millis, Timestamp};

/// One question to the model and its answer, put before the answer is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Who asked.
    pub strategy_id: StrategyId,
    /// The scheduled minute, so that a repeated event collides.
    pub decided_at: Timestamp,
    /// For whose money.
    pub account: AccountId,
    /// Who answered, as `provider/name`.
    pub model: String,
    /// What was asked, compressed by the caller.
    pub prompt: Vec<u8>,
    /// What was answered, compressed by the caller: every answer of the cycle, one after the other.
    pub reply: Vec<u8>,
    /// Every question of the cycle, also those that were not answered, in order; none in items of before.
    pub asked: Vec<Asked>,
    /// The hash of the uncompressed prompt.
    pub prompt_hash: String,
    /// Tokens asked.
    pub tokens_in: u32,
    /// Tokens answered.
    pub tokens_out: u32,
    /// What it cost, in dollars.
    pub usd: Notional,
    /// The market price that the prompt showed.
    pub market_price: Option<Price>,
    /// What came of it (`decision::Outcome` as text); none until the answer was read.
    pub outcome: Option<String>,
    /// The model's reason, or ours for not following it.
    pub reason: Option<String>,
    /// The order that came of it.
    pub order_id: Option<OrderId>,
    /// The position that it opened or is about.
    pub position_id: Option<PositionId>,
    /// What the last answer saw that this cycle goes by; only where unchanged cycles are not asked about.
    pub seen: Option<Seen>,
    /// What it was decided on beside the prompt; none in items of before.
    pub inputs: Option<Inputs>,
    /// The strategy's limits at the time; none in items of before.
    pub limits: Option<Limits>,
    /// One id from decision to fill.
    pub trace: String,
    /// When the tables may drop it, to the second; none with an order.
    pub expires_at: Option<Timestamp>,
}

/// What an answer saw beside the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The scheduled minute of the answer.
    pub at: Timestamp,
    /// A fingerprint of books, refusals, notes and settings.
    pub books: String,
}

/// One question, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The model, as `provider/name`.
    pub model: String,
    /// What came.
    pub came: Came,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// An answer.
    Answer {
        /// Its bytes.
        bytes: u32,
        /// As many of them, from its beginning, as the record holds: fewer where it is too long for one.
        kept: u32,
        /// How it was asked for; none in a record of before this was kept.
        ask: Option<Ask>,
        /// The model that answered, as `provider/name`, where it is not the one that was asked.
        other: Option<String>,
    },
    /// No answer.
    Nothing {
        /// Why.
        why: NoAnswer,
        /// In words.
        text: String,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoAnswer {
    /// It was not asked: the model's provider is not served here.
    NotServed,
    /// It was not asked: a budget forbids it.
    OverBudget,
    /// It was not asked: no time was left to record an answer.
    NoTime,
    /// It was not asked: its provider asked to wait, its breaker is open, or it is switched off.
    Shut,
    /// It was not asked: models are switched off.
    ModelOff,
    /// It was not asked: what it may cost could not be reserved.
    NotReserved,
    /// The provider said 429.
    Throttled,
    /// The provider is owed money.
    SpendLimit,
    /// The provider is overloaded.
    Overloaded,
    /// The provider has no such model.
    NoSuchModel,
    /// The provider refused the request or the key.
    Refused,
    /// It was asked in vain.
    Unavailable,
}

impl NoAnswer {
    /// Every reason.
    pub const ALL: [NoAnswer; 12] = [
        NoAnswer::NotServed,
        NoAnswer::OverBudget,
        NoAnswer::NoTime,
        NoAnswer::Shut,
        NoAnswer::ModelOff,
        NoAnswer::NotReserved,
        NoAnswer::Throttled,
        NoAnswer::SpendLimit,
        NoAnswer::Overloaded,
        NoAnswer::NoSuchModel,
        NoAnswer::Refused,
        NoAnswer::Unavailable,
    ];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoAnswer::NotServed => "not_served",
            NoAnswer::OverBudget => "over_budget",
            NoAnswer::NoTime => "no_time",
            NoAnswer::Shut => "shut",
            NoAnswer::ModelOff => "model_off",
            NoAnswer::NotReserved => "not_reserved",
            NoAnswer::Throttled => "throttled",
            NoAnswer::SpendLimit => "spend_limit",
            NoAnswer::Overloaded => "overloaded",
            NoAnswer::NoSuchModel => "no_such_model",
            NoAnswer::Refused => "refused",
            NoAnswer::Unavailable => "unavailable",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<NoAnswer> {
        NoAnswer::ALL.into_iter().find(|why| why.as_str() == text)
    }
}

/// The stored word of an answer; any other is the reason for none.
const ANSWERED: &str = "answered";

/// The reason for no answer; none where there was one.
struct Missing(Option<NoAnswer>);

impl FromText for Missing {
    fn from_text(text: &str) -> Result<Missing, Problem> {
        if text == ANSWERED {
            return Ok(Missing(None));
        }
        one_of(text, &NoAnswer::ALL.map(NoAnswer::as_str), NoAnswer::parse).map(|why| Missing(Some(why)))
    }
}

/// What a decision was made of beside its prompt, which has no dates and no names of ours for what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// When what it wants was written: the age of an order counts from here.
    pub at: Timestamp,
    /// The number of the intent or wish that it may leave.
    pub seq: u64,
    /// Whether `live` had room for a new position.
    pub has_room: bool,
    /// What was seen of each market.
    pub markets: BTreeMap<Symbol, SeenMarket>,
    /// The position in each market that has one.
    pub positions: BTreeMap<Symbol, PositionId>,
    /// The entries that could be cancelled.
    pub entries: BTreeMap<OrderId, SeenEntry>,
}

/// One market as a decision saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenMarket {
    /// What a seller got.
    pub bid: Price,
    /// What a buyer paid.
    pub ask: Price,
    /// When both were read.
    pub at: Timestamp,
    /// The minute of the last closed candle.
    pub candle: Option<Timestamp>,
}

/// One entry as a decision saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenEntry {
    /// Its market.
    pub symbol: Symbol,
    /// Its position.
    pub position: PositionId,
}

/// Where each attribute is that is set after the put.
pub mod path {
    use crate::records::attrs::paths;

    paths!(outcome, reason, order_id, position_id, expires_at);
}

/// The item of a decision.
pub fn key(strategy: &StrategyId, decided_at: Timestamp) -> Key {
    Key { table: Table::Decisions, hash: strategy.to_string(), range: Some(decided_at.to_string()) }
}

/// The whole item.
pub fn encode(decision: &DecisionRecord) -> Item {
    Draft::under(key(&decision.strategy_id, decision.decided_at))
        .with("account", text(&decision.account))
        .with("model", text(&decision.model))
        .with("prompt", Attr::B(decision.prompt.clone()))
        .with("reply", Attr::B(decision.reply.clone()))
        .maybe("asked", (!decision.asked.is_empty()).then(|| list(&decision.asked, asked_attr)))
        .with("prompt_hash", text(&decision.prompt_hash))
        .with("tokens_in", number(decision.tokens_in))
        .with("tokens_out", number(decision.tokens_out))
        .with("usd", number(decision.usd))
        .maybe("market_price", decision.market_price.map(number))
        .maybe("outcome", decision.outcome.as_ref().map(text))
        .maybe("reason", decision.reason.as_ref().map(text))
        .maybe("order_id", decision.order_id.as_ref().map(text))
        .maybe("position_id", decision.position_id.as_ref().map(text))
        .maybe("seen", decision.seen.as_ref().map(seen_attr))
        .maybe("inputs", decision.inputs.as_ref().map(inputs_attr))
        .maybe("limits", decision.limits.as_ref().map(limits_attr))
        .with("trace", text(&decision.trace))
        .maybe("expires_at", decision.expires_at.map(expiry_attr))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<DecisionRecord, Corrupt> {
    let fields = Fields::of(Table::Decisions, item);
    Ok(DecisionRecord {
        strategy_id: fields.need("strategy_id", Found::word)?,
        decided_at: fields.need("decided_at", Found::word)?,
        account: fields.need("account", Found::word)?,
        model: fields.need("model", Found::filled)?,
        prompt: fields.need("prompt", Found::bytes)?,
        reply: fields.need("reply", Found::bytes)?,
        asked: fields.maybe("asked", |found| found.list(asked))?.unwrap_or_default(),
        prompt_hash: fields.need("prompt_hash", Found::filled)?,
        tokens_in: fields.need("tokens_in", Found::number)?,
        tokens_out: fields.need("tokens_out", Found::number)?,
        usd: fields.need("usd", Found::number)?,
        market_price: fields.maybe("market_price", Found::number)?,
        outcome: fields.maybe("outcome", Found::filled)?,
        reason: fields.maybe("reason", Found::text)?,
        order_id: fields.maybe("order_id", Found::word)?,
        position_id: fields.maybe("position_id", Found::word)?,
        seen: fields.maybe("seen", seen)?,
        inputs: fields.maybe("inputs", inputs)?,
        limits: fields.maybe("limits", limits)?,
        trace: fields.need("trace", Found::filled)?,
        expires_at: fields.maybe("expires_at", expiry)?,
    })
}

fn seen_attr(seen: &Seen) -> Attr {
    Draft::new().with("at", time(seen.at)).with("books", text(&seen.books)).map()
}

fn seen(found: Found<'_>) -> Read<Seen> {
    let fields = found.fields()?;
    Ok(Seen { at: fields.need("at", Found::word)?, books: fields.need("books", Found::filled)? })
}

fn asked_attr(asked: &Asked) -> Attr {
    let draft = Draft::new().with("model", text(&asked.model));
    let draft = match &asked.came {
        Came::Answer { bytes, kept, ask, other } => {
            let draft = draft.with("came", text(ANSWERED)).with("bytes", number(bytes));
            let draft = draft.with("kept", number(kept)).maybe("ask", ask.map(|ask| text(ask.as_str())));
            draft.maybe("other", other.as_ref().map(text))
        }
        Came::Nothing { why, text: words } => {
            draft.with("came", text(why.as_str())).with("text", text(words))
        }
    };
    draft.map()
}

fn asked(found: Found<'_>) -> Read<Asked> {
    let fields = found.fields()?;
    let came = match fields.need("came", Found::word)? {
        Missing(Some(why)) => Came::Nothing { why, text: fields.need("text", Found::text)? },
        Missing(None) => Came::Answer {
            bytes: fields.need("bytes", Found::number)?,
            kept: fields.need("kept", Found::number)?,
            ask: fields.maybe("ask", Found::word)?,
            other: fields.maybe("other", Found::filled)?,
        },
    };
    Ok(Asked { model: fields.need("model", Found::filled)?, came })
}

fn inputs_attr(inputs: &Inputs) -> Attr {
    Draft::new()
        .with("at", time(inputs.at))
        .with("seq", number(inputs.seq))
        .with("has_room", Attr::Bool(inputs.has_room))
        .with("markets", map(&inputs.markets, market_attr))
        .with("positions", map(&inputs.positions, |id| text(id)))
        .with("entries", map(&inputs.entries, entry_attr))
        .map()
}

fn inputs(found: Found<'_>) -> Read<Inputs> {
    let fields = found.fields()?;
    Ok(Inputs {
        at: fields.need("at", Found::word)?,
        seq: fields.need("seq", Found::number)?,
        has_room: fields.need("has_room", Found::flag)?,
        markets: fields.need("markets", |found| found.map(market))?,
        positions: fields.need("positions", |found| found.map(Found::word))?,
        entries: fields.need("entries", |found| found.map(entry))?,
    })
}

fn market_attr(market: &SeenMarket) -> Attr {
    Draft::new()
        .with("bid", number(market.bid))
        .with("ask", number(market.ask))
        .with("at", time(market.at))
        .maybe("candle", market.candle.map(time))
        .map()
}

fn market(found: Found<'_>) -> Read<SeenMarket> {
    let fields = found.fields()?;
    Ok(SeenMarket {
        bid: fields.need("bid", Found::number)?,
        ask: fields.need("ask", Found::number)?,
        at: fields.need("at", Found::word)?,
        candle: fields.maybe("candle", Found::word)?,
    })
}

fn entry_attr(entry: &SeenEntry) -> Attr {
    Draft::new().with("symbol", text(&entry.symbol)).with("position", text(&entry.position)).map()
}

fn entry(found: Found<'_>) -> Read<SeenEntry> {
    let fields = found.fields()?;
    Ok(SeenEntry {
        symbol: fields.need("symbol", Found::word)?,
        position: fields.need("position", Found::word)?,
    })
}

/// The changes that say what came of a decision. One with an order or a position never expires.
pub fn outcome_changes(
    outcome: &str,
    reason: &str,
    position: Option<&PositionId>,
    order: Option<&OrderId>,
) -> Vec<Change> {
    let mut changes =
        vec![Change::Set(path::outcome(), text(outcome)), Change::Set(path::reason(), text(reason))];
    changes.extend(position.map(|id| Change::Set(path::position_id(), text(id))));
    changes.extend(order.map(|id| Change::Set(path::order_id(), text(id))));
    if position.is_some() || order.is_some() {
        changes.push(Change::Remove(path::expires_at()));
    }
    changes
}

/// DynamoDB's rule for a time to live: a number of whole seconds since the epoch.
pub fn expiry_attr(at: Timestamp) -> Attr {
    number(at.as_secs())
}

/// Reads a time to live.
pub(super) fn expiry(found: Found<'_>) -> Read<Timestamp> {
    let seconds: u32 = found.number()?;
    Ok(Timestamp::from_millis(0) + Millis::from_secs(seconds.into()))
}
