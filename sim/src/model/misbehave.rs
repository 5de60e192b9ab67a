//! What goes wrong with models: refusals, nonsense, throttling and overreach, each in a fixed order.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Outcome;
use super::answer::{Answer, Block, Stop};
use super::ask::Ask;
use super::decision::Decision;
use super::facts::Symbol;
use super::fault::{Fault, Kind};

/// The apology that keyword filters look for.
const APOLOGY: &str = "I'm sorry, but as an AI I cannot assist with that request. Trading decisions carry \
                       real financial risk, and I apologize for any inconvenience.";

/// Odd calls apologise as an ordinary end of turn; even ones say `refusal` in the structured field.
pub(super) fn refuse(nth: u64) -> Answer {
    let stop = if nth.is_multiple_of(2) { Stop::Refusal } else { Stop::EndTurn };
    Answer::new(vec![Block::Text(APOLOGY.to_owned())], stop)
}

/// Every 2nd call is throttled, every 5th meets an overload, every 11th the end of the budget.
pub(super) fn throttle(nth: u64) -> Option<(Outcome, Fault)> {
    let every = |period: u64| nth.is_multiple_of(period);
    if every(11) {
        return Some((Outcome::SpendLimited, Fault::new(Kind::SpendLimit, "")));
    }
    if every(5) {
        return Some((Outcome::Overloaded, Fault::new(Kind::Overloaded, "")));
    }
    every(2).then(|| (Outcome::Throttled, Fault::new(Kind::RateLimit { seconds: 30 }, "")))
}

/// Opens with 100 times what is permitted, whatever is permitted.
pub(super) fn overreach(ask: &Ask) -> Answer {
    let most = first(ask).and_then(|symbol| symbol.bounds.max_quantity).unwrap_or(Decimal::ONE_HUNDRED);
    let quantity = most.checked_mul(Decimal::ONE_HUNDRED).unwrap_or(Decimal::MAX);
    wish(ask, "This cannot fail: putting everything in, a hundred times over.")
        .with_number("quantity", quantity)
        .answer(ask)
}

fn first(ask: &Ask) -> Option<&Symbol> {
    ask.facts()?.symbols.first()
}

/// The market that it is asked about first.
pub(super) fn market(ask: &Ask) -> &str {
    first(ask).map_or("BTC-USDT", |symbol| symbol.name.as_str())
}

/// A market entry that is well formed but for its quantity, which the caller sets.
pub(super) fn wish(ask: &Ask, reason: &str) -> Decision {
    Decision::new("open", reason)
        .with("symbol", market(ask))
        .with("side", "buy")
        .with("order_type", "market")
        .with_number("stop_loss", stop(ask).unwrap_or(Decimal::ONE))
}

/// 1 % under the last price, in whole units: on every tick that divides one.
fn stop(ask: &Ask) -> Option<Decimal> {
    let last = first(ask)?.features.last?;
    let stop = last.checked_mul(Decimal::new(99, 2))?.floor();
    (stop > Decimal::ZERO).then_some(stop)
}

/// A kind of answer that is not one well-formed decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Garbage {
    /// Prose, no tool call.
    Prose,
    /// An action that does not exist.
    WrongEnum,
    /// The quantity as a JSON number.
    QuantityAsNumber,
    /// A quantity that is not a number.
    QuantityNan,
    /// A field that the schema does not have.
    UnknownField,
    /// An entry without a stop.
    MissingStopLoss,
    /// A quantity below zero.
    NegativeQuantity,
    /// A tool that was not offered.
    OtherTool,
    /// An array instead of an object.
    ArrayInput,
    /// Cut off in the middle of the tool's input.
    Truncated,
    /// Two decisions at once.
    TwoToolCalls,
    /// Nothing at all.
    EmptyContent,
    /// A symbol that was not listed.
    SymbolNotListed,
}

impl Garbage {
    /// Every kind. Their number is odd, so that over two rounds each comes first and second in a cycle
    /// that asks twice.
    pub const ALL: [Garbage; 13] = [
        Garbage::Prose,
        Garbage::WrongEnum,
        Garbage::QuantityAsNumber,
        Garbage::QuantityNan,
        Garbage::UnknownField,
        Garbage::MissingStopLoss,
        Garbage::NegativeQuantity,
        Garbage::OtherTool,
        Garbage::ArrayInput,
        Garbage::Truncated,
        Garbage::TwoToolCalls,
        Garbage::EmptyContent,
        Garbage::SymbolNotListed,
    ];

    /// The kind of the `nth` call, from 1.
    pub(super) fn nth(nth: u64) -> Garbage {
        let kinds = Garbage::ALL.into_iter().cycle();
        let turn = nth.wrapping_sub(1) % 13;
        let mut at = kinds.skip(usize::try_from(turn).unwrap_or_default());
        at.next().unwrap_or(Garbage::Prose)
    }

    /// The answer of this kind.
    pub(super) fn answer(self, ask: &Ask) -> Answer {
        match self {
            Garbage::Prose => Answer::new(vec![Block::Text(PROSE.to_owned())], Stop::EndTurn),
            Garbage::WrongEnum => called(ask, spoilt(ask, "action", json!("yolo"))),
            Garbage::QuantityAsNumber => called(ask, spoilt(ask, "quantity", json!(0.01))),
            Garbage::QuantityNan => called(ask, spoilt(ask, "quantity", json!("NaN"))),
            Garbage::UnknownField => called(ask, spoilt(ask, "leverage", json!("20"))),
            Garbage::MissingStopLoss => called(ask, spoilt(ask, "stop_loss", Value::Null)),
            Garbage::NegativeQuantity => called(ask, spoilt(ask, "quantity", json!("-0.01"))),
            Garbage::OtherTool => using("execute_trade", ask.filled(sound(ask))),
            Garbage::ArrayInput => called(ask, json!([sound(ask)])),
            Garbage::Truncated => truncated(ask),
            Garbage::TwoToolCalls => twice(ask),
            Garbage::EmptyContent => Answer::new(Vec::new(), Stop::EndTurn),
            Garbage::SymbolNotListed => called(ask, spoilt(ask, "symbol", json!("DOGE-USDT"))),
        }
    }
}

const PROSE: &str = "Given the recent price action I would lean towards a small long here, perhaps 0.01 BTC \
                     with a stop a little under support.";

fn sound(ask: &Ask) -> Value {
    wish(ask, "A well-formed entry, but for one thing.").with("quantity", "0.01").input()
}

/// A sound input with one field replaced, or removed for null.
fn spoilt(ask: &Ask, field: &str, value: Value) -> Value {
    let mut input = sound(ask);
    if let Some(fields) = input.as_object_mut() {
        match value.is_null() {
            true => drop(fields.remove(field)),
            false => drop(fields.insert(field.to_owned(), value)),
        }
    }
    input
}

/// A call of the tool with `input`.
pub(super) fn called(ask: &Ask, input: Value) -> Answer {
    using(&ask.tool, ask.filled(input))
}

fn using(name: &str, input: Value) -> Answer {
    Answer::new(vec![Block::ToolUse { name: name.to_owned(), input }], Stop::ToolUse)
}

fn truncated(ask: &Ask) -> Answer {
    let input = json!({"action": "open", "symbol": "BTC-US"});
    Answer::new(vec![Block::ToolUse { name: ask.tool.clone(), input }], Stop::MaxTokens)
}

fn twice(ask: &Ask) -> Answer {
    let call = || Block::ToolUse { name: ask.tool.clone(), input: ask.filled(sound(ask)) };
    Answer::new(vec![call(), call()], Stop::ToolUse)
}
