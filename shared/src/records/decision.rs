//! What the model saw, said and cost: `tradai-decisions`.

use crate::ids::{AccountId, OrderId, PositionId, StrategyId};
use crate::money::{Notional, Price};
use crate::records::attrs::{Draft, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, Read};
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
    /// What was answered, compressed by the caller.
    pub reply: Vec<u8>,
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
