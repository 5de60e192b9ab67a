//! The prompt: fixed instructions, one tool, and the facts of this cycle as one JSON object without dates.
//!
//! Keys are written in alphabetical order. Texts in the facts are ours: symbols, ids, names and messages of
//! our own rules. What others wrote stands in `notes_of_others` alone, as plain text ([`crate::notes`]).

use serde_json::{Value, json};
use shared::books::Position;
use shared::decision::Action;
use shared::ids::Symbol;
use shared::market::Side;
use shared::model::Capabilities;
use shared::money::{Amount, Price};
use shared::order::{Kind, Order, State, TimeInForce};
use shared::ports::{Question, Tool};
use shared::records::decision::Inputs;
use shared::settings::Settings;
use shared::time::{Millis, Timestamp};

use crate::bounds::max_quantity;
use crate::due;
use crate::features::{Features, features};
use crate::market::Market;
use crate::notes::Shown;
use crate::record;
use crate::snapshot::{Books, Earlier};
use crate::tokens;
use crate::verdict::{TOOL, shorten};

/// What never changes.
pub const SYSTEM: &str = include_str!("system.txt");

/// Earlier decisions that are shown.
const MOST_EARLIER: usize = 2;
/// Characters of why one was refused that are shown.
const MOST_MESSAGE: usize = 100;
/// Tokens, by their bound, of the facts about one market in which nothing is held or ordered: less than any has.
const LEAST_MARKET: u32 = 120;

/// What is asked in one cycle, of whichever model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The facts.
    pub facts: String,
    /// The one tool.
    pub tool: Tool,
    /// The symbols that may be named.
    pub symbols: Vec<Symbol>,
    /// What this cycle sees beside the market, where unchanged cycles are not asked about.
    pub print: Option<String>,
    /// What it is decided on beside the facts, for the record.
    pub inputs: Inputs,
}

impl Prompt {
    /// The question to `model`, with the error about the answer before where there was one, for an answer of at most
    /// `max_tokens`.
    pub fn question(&self, model: &str, error: Option<&str>, max_tokens: u32, timeout: Millis) -> Question {
        Question {
            model: model.to_owned(),
            system: SYSTEM.to_owned(),
            tool: self.tool.clone(),
            facts: self.facts.clone(),
            format_error: error.map(str::to_owned),
            max_tokens,
            timeout,
        }
    }
    /// The whole prompt as it is recorded.
    pub fn text(&self) -> String {
        text(&self.facts, SYSTEM, &self.tool)
    }
}

/// A whole prompt as it is recorded: with it the question can be asked again, byte by byte.
fn text(facts: &str, system: &str, tool: &Tool) -> String {
    json!({
        "facts": facts,
        "system": system,
        "tool": {"description": tool.description, "name": tool.name, "schema": tool.schema},
    })
    .to_string()
}

/// The hash under which the prompt of `question` is recorded.
pub fn hash(question: &Question) -> String {
    record::hash(&text(&question.facts, &question.system, &question.tool))
}

/// The one tool, for these symbols.
pub fn tool(symbols: &[Symbol]) -> Tool {
    let text = || json!({"type": "string"});
    let one_of = |words: Vec<String>| json!({"enum": words, "type": "string"});
    let words = |words: &[&str]| one_of(words.iter().map(|word| (*word).to_owned()).collect());
    Tool {
        name: TOOL.to_owned(),
        description: "Your decision.".to_owned(),
        schema: json!({
            "additionalProperties": false,
            "properties": {
                // First, so that what the facts say is said before it is decided.
                "analysis": text(),
                "action": words(&Action::ALL.map(Action::as_str)),
                "limit_price": text(),
                "order_id": text(),
                "order_type": words(&["market", "limit"]),
                "quantity": text(),
                "reason": text(),
                "side": words(&Side::ALL.map(Side::as_str)),
                "stop_loss": text(),
                "symbol": one_of(symbols.iter().map(Symbol::to_string).collect()),
                "take_profit": text(),
                "time_in_force": words(&TimeInForce::ALL.map(TimeInForce::as_str)),
            },
            "required": ["analysis", "action", "reason"],
            "type": "object",
        }),
    }
}

/// The facts as the model reads them.
pub fn facts(
    settings: &Settings,
    markets: &[Market],
    books: &Books,
    allowed: &[Action],
    now: Timestamp,
) -> String {
    let actions: Vec<&str> =
        allowed.iter().chain(&[Action::Hold, Action::Abstain]).map(|action| action.as_str()).collect();
    let quote = settings.symbols.first().and_then(|symbol| books.free(&symbol.quote));
    let earlier = books.recent.iter().take(MOST_EARLIER);
    let has_one = settings.symbols.len() == 1;
    let earlier: Vec<String> = earlier.map(|one| decision(one, has_one, now)).collect();
    let notes: Vec<Value> = books.notes.iter().map(note).collect();
    let symbols: Vec<Value> = markets.iter().map(|market| symbol(settings, market, books, now)).collect();
    let mut facts = json!({
        "allowed_actions": actions,
        "decides_every_minutes": due::minutes(settings.decide_every),
        "notes_of_others": notes,
        "quote_balance": quote.map(|amount: Amount| amount.to_string()),
        "recent_decisions": earlier,
        "symbols": symbols,
    });
    if let (true, Some(facts)) = (books.notes.is_empty(), facts.as_object_mut()) {
        facts.shift_remove("notes_of_others");
    }
    facts.to_string()
}

/// The least that a question about the markets of `settings` has, in tokens by their bound: nothing is held, ordered or
/// noted. Settings in which this does not fit can never ask.
pub fn least(settings: &Settings, takes: &Capabilities, now: Timestamp) -> u32 {
    let facts = facts(settings, &[], &Books::default(), &[], now);
    let markets = u32::try_from(settings.symbols.len()).unwrap_or(u32::MAX);
    let plain = tokens::asked(takes, &tool(&settings.symbols), &[&facts]);
    plain.saturating_add(markets.saturating_mul(LEAST_MARKET))
}

/// In few words, since tokens are few: `75m: opened BTC-USDT, filled, gain -1.25%`, without the symbol where there is but
/// one. What was done is in the past: in facts stands nothing that could be taken for an order to do it.
fn decision(earlier: &Earlier, has_one: bool, now: Timestamp) -> String {
    let done = match earlier.outcome.as_str() {
        "open" => "opened",
        "close" => "closed",
        "cancel" => "cancelled",
        "hold" => "held",
        other => other,
    };
    let mut told = format!("{}m: {done}", age(earlier.at, now));
    told.extend(earlier.symbol.iter().filter(|_| !has_one).map(|symbol| format!(" {symbol}")));
    told.extend(earlier.order.iter().map(|order| format!(", {}", became(order))));
    told.extend(earlier.gain.iter().map(|gain| format!(", gain {gain}%")));
    told
}

/// A refusal by our own rules with the documented message, so that it is not tried again.
fn became(order: &State) -> String {
    if let State::Refused { message, .. } = order {
        return format!("{order}: {}", shorten(message, MOST_MESSAGE));
    }
    order.to_string()
}

/// A stranger's text in an envelope of its own: nothing else is made of it.
fn note(note: &Shown) -> Value {
    json!({
        "age_minutes": note.age_minutes,
        "similarity": note.similarity.to_string(),
        "source": note.source,
        "text": note.text,
    })
}

fn symbol(settings: &Settings, market: &Market, books: &Books, now: Timestamp) -> Value {
    let symbol = &market.instrument.symbol;
    let orders: Vec<Value> = books
        .orders
        .iter()
        .filter(|order| order.terms.symbol == *symbol)
        .map(|one| order(one, now))
        .collect();
    json!({
        "bounds": bounds(settings, market, books),
        "features": figures(&features(&market.candles)),
        "open_orders": orders,
        "position": books.position(symbol).map(|held| position(held, market, now)),
        "symbol": symbol.to_string(),
    })
}

fn bounds(settings: &Settings, market: &Market, books: &Books) -> Value {
    let instrument = &market.instrument;
    let symbol = &instrument.symbol;
    let free = books.free(&symbol.quote);
    let most = max_quantity(market, &settings.limits, books.held(symbol), books.is_taken(symbol), free);
    json!({
        "max_quantity": most.to_string(),
        "min_notional": instrument.min_notional.to_string(),
        "min_quantity": instrument.min_qty.to_string(),
        "price_tick": instrument.tick.normalize().to_string(),
        "quantity_step": instrument.step.to_string(),
    })
}

fn figures(features: &Features) -> Value {
    let Features {
        last,
        return_15m_pct,
        return_60m_pct,
        return_4h_pct,
        return_12h_pct,
        range_12h_pct,
        ema_fast,
        ema_slow,
        rsi_14,
        atr_60m_pct,
        volume_ratio,
    } = features;
    json!({
        "atr_60m_pct": atr_60m_pct,
        "ema_fast": ema_fast,
        "ema_slow": ema_slow,
        "last": last,
        "range_12h_pct": range_12h_pct,
        "return_12h_pct": return_12h_pct,
        "return_15m_pct": return_15m_pct,
        "return_4h_pct": return_4h_pct,
        "return_60m_pct": return_60m_pct,
        "rsi_14": rsi_14,
        "volume_ratio": volume_ratio,
    })
}

fn position(held: &Position, market: &Market, now: Timestamp) -> Value {
    let entry = held.entry();
    json!({
        "age_minutes": age(held.opened_at, now),
        "entry_price": entry.map(|price| price.to_string()),
        "gain_pct": entry.and_then(|entry| gain(entry, market.quote.bid)),
        "quantity": held.quantity.to_string(),
        "status": held.status.as_str(),
        "stop": held.stop.to_string(),
        "take_profit": held.take_profit.map(|price| price.to_string()),
    })
}

/// The gain from `entry` to `bid` in percent, with two decimals.
fn gain(entry: Price, bid: Price) -> Option<String> {
    let ratio = bid.value().checked_sub(entry.value())?.checked_div(entry.value())?;
    Some(ratio.checked_mul(rust_decimal::Decimal::ONE_HUNDRED)?.round_dp(2).to_string())
}

fn order(order: &Order, now: Timestamp) -> Value {
    let terms = &order.terms;
    let price = match terms.kind {
        Kind::Market => None,
        Kind::Limit { price, .. } => Some(price),
        Kind::Stop { stop } | Kind::StopLimit { stop, .. } => Some(stop),
    };
    json!({
        "age_minutes": age(began(order), now),
        "leg": terms.leg.as_str(),
        "order_id": terms.order_id.to_string(),
        "price": price.map(|price| price.to_string()),
        "quantity": order.outstanding().to_string(),
        "side": terms.side.as_str(),
    })
}

/// When it was sent, or recorded where it was not.
fn began(order: &Order) -> Timestamp {
    match &order.state {
        State::Pending(sent) | State::Unknown(sent) => sent.at,
        State::Live { venue, .. } | State::Done { venue, .. } => venue.sent_at,
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::Refused { .. }
        | State::DryRun => order.terms.created_at,
    }
}

fn age(since: Timestamp, now: Timestamp) -> i64 {
    now.since(since).as_secs().div_euclid(60).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, at};
    use shared::model::capabilities::of;

    fn now() -> Timestamp {
        at("2023-03-01T16:00:05Z")
    }
    fn rendered(books: &Books) -> String {
        facts(&testing::settings(), &[testing::market(now())], books, &[Action::Open], now())
    }
    fn full() -> Books {
        let mut books = testing::holding();
        books.orders = testing::resting().orders;
        books.account = Some(testing::account("1000"));
        let earlier = |at: &str, outcome: &str, order| Earlier {
            at: testing::at(at),
            outcome: outcome.to_owned(),
            symbol: Some(testing::symbol()),
            order,
            gain: None,
        };
        let refused =
            |message: &str| Some(State::Refused { rule: "a rule".to_owned(), message: message.to_owned() });
        let taken = refused("this account already has a position or entry in this asset");
        let large = refused("order notional 500 exceeds limit 100");
        let close = earlier("2023-03-01T14:45:00Z", "close", None);
        books.recent = vec![
            earlier("2023-03-01T15:35:00Z", "open", taken),
            earlier("2023-03-01T15:10:00Z", "open", large),
            Earlier { gain: Some(rust_decimal::Decimal::new(-125, 2)), ..close },
            Earlier { symbol: None, ..earlier("2023-03-01T14:20:00Z", "hold", None) },
        ];
        books
    }

    #[test]
    fn the_whole_prompt_is_this() {
        insta::assert_snapshot!("system", SYSTEM);
        let tool = tool(&[testing::symbol()]);
        insta::assert_snapshot!("tool", serde_json::to_string_pretty(&tool.schema).unwrap());
        let facts: Value = serde_json::from_str(&rendered(&full())).unwrap();
        insta::assert_snapshot!("facts", serde_json::to_string_pretty(&facts).unwrap());
    }

    #[test]
    fn the_facts_have_no_date() {
        let text = rendered(&full());
        assert!(!text.contains("2023") && !text.contains("1677"), "{text}");
        let text = rendered(&Books::default());
        assert!(!text.contains("2023") && !text.contains("1677"), "{text}");
    }

    #[test]
    fn keys_are_in_alphabetical_order_at_every_depth() {
        // Written back from a sorted map, nothing changes.
        fn sorted(value: Value) -> String {
            match value {
                Value::Object(map) => {
                    let map: std::collections::BTreeMap<String, Value> = map.into_iter().collect();
                    let fields = map.into_iter().map(|(key, value)| format!("{:?}:{}", key, sorted(value)));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
                }
                Value::Array(list) => {
                    format!("[{}]", list.into_iter().map(sorted).collect::<Vec<_>>().join(","))
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
            }
        }
        let text = rendered(&full());
        assert_eq!(sorted(serde_json::from_str(&text).unwrap()), text);
    }

    #[test]
    fn the_analysis_comes_before_the_action() {
        let schema = tool(&[testing::symbol()]).schema;
        let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names[..2], ["analysis", "action"]);
    }

    #[test]
    fn the_same_moment_a_day_later_says_the_same() {
        let day = shared::time::Millis::from_minutes(1_440);
        let later = facts(
            &testing::settings(),
            &[testing::market(now() + day)],
            &Books::default(),
            &[Action::Open],
            now() + day,
        );
        assert_eq!(later, rendered(&Books::default()));
    }

    /// With everything that one symbol may show, for every model: five minutes hold it twice.
    #[test]
    fn one_symbols_prompt_with_its_answer_leaves_room_to_ask_again_within_the_session() {
        let tool = tool(&[testing::symbol()]);
        let most = |model: &str, books: &Books| tokens::asked(&of(model), &tool, &[&rendered(books)]);
        let mut noted = full();
        noted.notes = vec![Shown {
            age_minutes: 12,
            similarity: rust_decimal::Decimal::new(87, 2),
            source: "exchange announcements".to_owned(),
            // About as long as a note may be.
            text: "Silvergate delays its annual report and its shares fall by 46%; Coinbase, Paxos and \
                   Galaxy stop taking its payments, and the price of bitcoin has hardly moved"
                .to_owned(),
        }];
        for model in
            ["anthropic/claude-opus-5-5", "openai/gpt-5-mini", "bedrock/amazon.nova-lite", "compatible/x"]
        {
            let (plain, noted) = (most(model, &full()), most(model, &noted));
            println!("{model}: {plain}, with a note {noted}");
            assert!(plain <= 2_100 && noted <= 2_100, "{model}: {plain}, with a note {noted}");
        }
    }

    /// Letters of other scripts are a token for each byte: a note of them costs the second question, never the first.
    #[test]
    fn a_note_in_any_script_leaves_room_for_the_question() {
        let mut noted = full();
        noted.notes = vec![Shown {
            age_minutes: 12,
            similarity: rust_decimal::Decimal::new(87, 2),
            source: crate::notes::plain(&"路透社".repeat(20), crate::notes::MOST_SOURCE),
            text: crate::notes::plain(&"比特币下跌".repeat(100), crate::notes::MOST_TEXT),
        }];
        let tool = tool(&[testing::symbol()]);
        let asked = tokens::asked(&of("anthropic/claude-opus-5-5"), &tool, &[&rendered(&noted)]);
        assert!(asked <= 2_700, "{asked}");
    }

    #[test]
    fn the_least_of_a_question_is_below_every_real_one_and_not_far() {
        for model in ["anthropic/claude-haiku-4-5", "openai/gpt-5-mini"] {
            let real =
                tokens::asked(&of(model), &tool(&[testing::symbol()]), &[&rendered(&Books::default())]);
            let least = least(&testing::settings(), &of(model), now());
            assert!(least < real && real - least < 300, "{model}: {least} {real}");
        }
    }
}
