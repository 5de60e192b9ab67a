//! The verdict on an answer: untrusted input becomes a trade, a hold, an abstention, or a format error.
//!
//! Nothing is repaired and nothing is clamped: a form that is not exactly the contract's is named back once.

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use shared::decision::{Action, Opening, Outcome, Why, Wish};
use shared::ids::{OrderId, Symbol};
use shared::market::Side;
use shared::money::{Price, Qty};
use shared::order::TimeInForce;
use shared::ports::{BadReply, Reply, Stop};

pub use shared::model::TOOL;

/// Every field of the tool, in the order of the contract.
pub const FIELDS: [&str; 12] = [
    "analysis",
    "action",
    "symbol",
    "side",
    "quantity",
    "order_type",
    "limit_price",
    "time_in_force",
    "stop_loss",
    "take_profit",
    "order_id",
    "reason",
];

/// Phrases of a refusal in prose; only a second signal, after the provider's own.
const APOLOGIES: [&str; 7] =
    ["i'm sorry", "i\u{2019}m sorry", "i am sorry", "i cannot assist", "i can't assist", "as an ai", STEM];
/// Of apology and apologise.
const STEM: &str = "apolog";

/// Most characters of the model's own text that are kept or said back.
const MOST_SHOWN: usize = 60;
/// Most characters of a reason that are kept.
const MOST_REASON: usize = 400;

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is an outcome, for this reason.
    Final(Outcome, String),
    /// It has the wrong form: what is wrong.
    Malformed(String),
}

/// The verdict on an answer of `other` (`provider/name`), which was not asked: whatever it says, it is not acted on.
pub fn of_another(other: &str) -> Verdict {
    let other = shorten(other, MOST_SHOWN);
    let mend = "name the one that answered in model or model_fallbacks, or a third, and apply it";
    abstain(Why::Unavailable, &format!("{other} answered, and not the model that was asked; {mend}"))
}

/// Judges an answer: how it stopped, then what it says.
pub fn verdict(reply: &Result<Reply, BadReply>, symbols: &[Symbol]) -> Verdict {
    let reply = match reply {
        Ok(reply) => reply,
        Err(bad) => return Verdict::Malformed(shorten(&bad.to_string(), MOST_REASON)),
    };
    match &reply.stop {
        Stop::Refusal => abstain(Why::Refused, &reply.text),
        Stop::Length => abstain(Why::Truncated, "the answer was cut off"),
        Stop::Tool | Stop::End if is_empty(reply) => abstain(Why::Empty, "the answer was empty"),
        Stop::Tool | Stop::End if apologises(reply) => abstain(Why::Refused, &reply.text),
        Stop::Tool | Stop::End => match decided(reply, symbols) {
            Ok((outcome, reason)) if is_idle(&outcome) && begins_with_apology(&reason) => {
                abstain(Why::Refused, &reason)
            }
            Ok((outcome, reason)) => Verdict::Final(outcome, reason),
            Err(problem) => Verdict::Malformed(problem),
        },
        Stop::Other(reason) => Verdict::Malformed(format!("stopped for {:?}", shorten(reason, MOST_SHOWN))),
    }
}

fn abstain(why: Why, reason: &str) -> Verdict {
    Verdict::Final(Outcome::Abstain(why), shorten(reason, MOST_REASON))
}

/// There is no form in it that could be wrong: to ask again would only be to pay again.
fn is_empty(reply: &Reply) -> bool {
    reply.calls.is_empty() && reply.text.trim().is_empty()
}

fn apologises(reply: &Reply) -> bool {
    let text = reply.text.to_lowercase();
    reply.calls.is_empty() && APOLOGIES.iter().any(|phrase| text.contains(phrase))
}

/// A reason may speak of somebody else's apology, or of "an aimless range".
fn begins_with_apology(reason: &str) -> bool {
    let text = reason.trim_start().to_lowercase();
    let mut rests = APOLOGIES.iter().filter_map(|phrase| Some((*phrase, text.strip_prefix(phrase)?)));
    rests.any(|(phrase, rest)| phrase == STEM || !rest.starts_with(char::is_alphanumeric))
}

/// Whether it wants nothing: with an apology for its reason it is a refusal that keeps to the form.
const fn is_idle(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Hold | Outcome::Abstain(Why::ByModel))
}

/// What the one call of the one tool says, and its reason.
fn decided(reply: &Reply, symbols: &[Symbol]) -> Result<(Outcome, String), String> {
    let [call] = reply.calls.as_slice() else {
        return Err(format!("expected exactly one call of {TOOL}, found {}", reply.calls.len()));
    };
    // Its own words are not repeated: servers refuse a conversation with the name of a tool that is none.
    if call.name != TOOL {
        return Err(format!("the tool is {TOOL}, and another was called"));
    }
    let fields = call.input.as_object().ok_or("the input must be one object")?;
    no_unknown_field(fields)?;
    let form = Form { fields: &said(fields), symbols };
    form.maybe("analysis", |form| form.need("analysis"))?;
    let reason = shorten(form.need("reason")?, MOST_REASON);
    Ok((form.outcome()?, reason))
}

fn no_unknown_field(fields: &Map<String, Value>) -> Result<(), String> {
    match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown field {:?}", shorten(name, MOST_SHOWN))),
        None => Ok(()),
    }
}

/// The fields that say something. Null, an empty text and zero say nothing in an optional field: a strict schema cannot
/// leave a field out.
fn said(fields: &Map<String, Value>) -> Map<String, Value> {
    let is_zero = |text: &str| Decimal::from_str_exact(text.trim()).is_ok_and(|number| number.is_zero());
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty() || is_zero(text),
        Value::Number(number) => is_zero(&number.to_string()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    let is_required = |name: &str| matches!(name, "action" | "reason");
    let kept = fields.iter().filter(|(name, value)| is_required(name) || !is_empty(value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The input of the tool, read strictly.
struct Form<'a> {
    fields: &'a Map<String, Value>,
    symbols: &'a [Symbol],
}

impl<'a> Form<'a> {
    fn outcome(&self) -> Result<Outcome, String> {
        let action = self.word("action", &Action::ALL.map(Action::as_str), Action::parse)?;
        match action {
            Action::Open => self.opening().map(|opening| Outcome::Trade(Wish::Open(opening))),
            Action::Close => {
                self.only(action, &["symbol"])?;
                Ok(Outcome::Trade(Wish::Close { symbol: self.symbol()? }))
            }
            Action::Cancel => {
                self.only(action, &["symbol", "order_id"])?;
                Ok(Outcome::Trade(Wish::Cancel { symbol: self.symbol()?, order_id: self.order_id()? }))
            }
            Action::Hold => self.nothing(action).map(|()| Outcome::Hold),
            Action::Abstain => self.nothing(action).map(|()| Outcome::Abstain(Why::ByModel)),
        }
    }

    fn opening(&self) -> Result<Opening, String> {
        let terms = [
            "symbol",
            "side",
            "quantity",
            "order_type",
            "limit_price",
            "time_in_force",
            "stop_loss",
            "take_profit",
        ];
        self.only(Action::Open, &terms)?;
        Ok(Opening {
            symbol: self.symbol()?,
            side: self.word("side", &Side::ALL.map(Side::as_str), Side::parse)?,
            quantity: self.quantity()?,
            limit: self.limit()?,
            stop_loss: self.price("stop_loss")?,
            take_profit: self.maybe("take_profit", |form| form.price("take_profit"))?,
        })
    }

    fn limit(&self) -> Result<Option<(Price, TimeInForce)>, String> {
        let is_limit = self.word("order_type", &["market", "limit"], |text| match text {
            "market" => Some(false),
            "limit" => Some(true),
            _ => None,
        })?;
        if is_limit {
            let times = TimeInForce::ALL.map(TimeInForce::as_str);
            let time_in_force = self.word("time_in_force", &times, TimeInForce::parse)?;
            return Ok(Some((self.price("limit_price")?, time_in_force)));
        }
        match ["limit_price", "time_in_force"].into_iter().find(|name| self.fields.contains_key(*name)) {
            Some(name) => Err(format!("{name} does not go with order_type market")),
            None => Ok(None),
        }
    }

    /// To hold or abstain; a symbol may be named.
    fn nothing(&self, action: Action) -> Result<(), String> {
        self.only(action, &["symbol"])?;
        self.maybe("symbol", Form::symbol).map(drop)
    }

    /// A field that does not apply is a contradiction: nobody guesses which half was meant.
    fn only(&self, action: Action, allowed: &[&str]) -> Result<(), String> {
        let always = ["analysis", "action", "reason"];
        let applies = |name: &&String| allowed.contains(&name.as_str()) || always.contains(&name.as_str());
        match self.fields.keys().find(|name| !applies(name)) {
            Some(name) => Err(format!("{name} does not go with action {}", action.as_str())),
            None => Ok(()),
        }
    }

    fn maybe<T>(
        &self,
        name: &str,
        read: impl Fn(&Form<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        if self.fields.contains_key(name) { read(self).map(Some) } else { Ok(None) }
    }

    fn need(&self, name: &str) -> Result<&'a str, String> {
        let value = self.fields.get(name).ok_or_else(|| format!("{name} is missing"))?;
        value.as_str().ok_or_else(|| format!("{name} must be a string"))
    }

    fn word<T>(&self, name: &str, all: &[&str], read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        read(self.need(name)?).ok_or_else(|| format!("{name} must be one of {}", all.join(", ")))
    }

    fn symbol(&self) -> Result<Symbol, String> {
        let text = self.need("symbol")?;
        let listed = self.symbols.iter().find(|symbol| symbol.to_string() == text);
        listed.cloned().ok_or_else(|| format!("symbol {:?} is not in the list", shorten(text, MOST_SHOWN)))
    }

    fn quantity(&self) -> Result<Qty, String> {
        let read = Qty::parse(self.need("quantity")?).ok().filter(|quantity| !quantity.is_zero());
        read.ok_or_else(|| not_a_number("quantity"))
    }

    fn price(&self, name: &str) -> Result<Price, String> {
        Price::parse(self.need(name)?).map_err(|_| not_a_number(name))
    }

    fn order_id(&self) -> Result<OrderId, String> {
        OrderId::parse(self.need("order_id")?).map_err(|_| "order_id is not an order id".to_owned())
    }
}

fn not_a_number(name: &str) -> String {
    format!("{name} must be a decimal string above zero")
}

/// At most `most` characters, without control characters.
pub fn shorten(text: &str, most: usize) -> String {
    text.chars().filter(|one| !one.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::ports::{ReportedUsage, ToolCall};

    fn symbols() -> Vec<Symbol> {
        vec![Symbol::parse("BTC-USDT").unwrap(), Symbol::parse("ETH-USDT").unwrap()]
    }
    fn reply(stop: Stop, text: &str, calls: Vec<ToolCall>) -> Result<Reply, BadReply> {
        Ok(Reply { stop, text: text.to_owned(), calls, usage: ReportedUsage::default(), note: None })
    }
    fn call(name: &str, input: Value) -> ToolCall {
        ToolCall { name: name.to_owned(), input }
    }
    fn judged(input: Value) -> Verdict {
        verdict(&reply(Stop::Tool, "", vec![call(TOOL, input)]), &symbols())
    }
    fn market() -> Value {
        json!({"action": "open", "symbol": "BTC-USDT", "side": "buy", "quantity": "0.01",
               "order_type": "market", "stop_loss": "22900", "reason": "trend"})
    }
    fn limit() -> Value {
        let mut input = market();
        input["order_type"] = json!("limit");
        input["limit_price"] = json!("23100.5");
        input["time_in_force"] = json!("GTC");
        input["take_profit"] = json!("2.5E4");
        input
    }
    fn with(mut input: Value, name: &str, value: Value) -> Value {
        input[name] = value;
        input
    }
    fn without(mut input: Value, name: &str) -> Value {
        input.as_object_mut().unwrap().remove(name);
        input
    }

    #[test]
    fn every_action_is_read_in_its_exact_form() {
        let symbol = symbols().remove(0);
        let opening = Opening {
            symbol: symbol.clone(),
            side: Side::Buy,
            quantity: Qty::parse("0.01").unwrap(),
            limit: None,
            stop_loss: Price::parse("22900").unwrap(),
            take_profit: None,
        };
        let limited = Opening {
            limit: Some((Price::parse("23100.5").unwrap(), TimeInForce::Gtc)),
            take_profit: Some(Price::parse("25000").unwrap()),
            ..opening.clone()
        };
        let close = json!({"action": "close", "symbol": "BTC-USDT", "reason": "r"});
        let cancel = json!({"action": "cancel", "symbol": "BTC-USDT", "order_id": "abc", "reason": "r"});
        let order_id = OrderId::parse("abc").unwrap();
        for (input, outcome) in [
            (market(), Outcome::Trade(Wish::Open(opening))),
            (limit(), Outcome::Trade(Wish::Open(limited))),
            (close, Outcome::Trade(Wish::Close { symbol: symbol.clone() })),
            (cancel, Outcome::Trade(Wish::Cancel { symbol, order_id })),
            (json!({"action": "hold", "reason": "r"}), Outcome::Hold),
            (json!({"action": "hold", "symbol": "ETH-USDT", "reason": "r"}), Outcome::Hold),
            (json!({"action": "abstain", "reason": "r"}), Outcome::Abstain(Why::ByModel)),
        ] {
            match judged(input.clone()) {
                Verdict::Final(found, _) => assert_eq!(found, outcome, "{input}"),
                Verdict::Malformed(problem) => panic!("{input}: {problem}"),
            }
        }
    }

    /// A wish over any limit is well formed: execute refuses it, nobody clamps it.
    #[test]
    fn a_wish_over_a_limit_or_to_sell_is_well_formed() {
        for input in [
            with(market(), "quantity", json!("1000000")),
            with(market(), "side", json!("sell")),
            with(market(), "stop_loss", json!("99999")),
        ] {
            assert!(matches!(judged(input), Verdict::Final(Outcome::Trade(_), _)));
        }
    }

    #[test]
    fn every_other_form_is_malformed_and_named() {
        let mut inputs = vec![
            (json!([market()]), "object"),
            (json!("open"), "object"),
            (Value::Null, "object"),
            (json!({}), "reason is missing"),
            (without(market(), "reason"), "reason is missing"),
            (with(market(), "reason", json!(1)), "reason must be a string"),
            (with(market(), "leverage", json!("20")), "unknown field"),
            (with(market(), "Action", json!("open")), "unknown field"),
            (with(market(), "action", json!("yolo")), "action must be one of"),
            (with(market(), "action", json!("OPEN")), "action must be one of"),
            (with(market(), "action", json!(["open"])), "action must be a string"),
            (without(market(), "action"), "action is missing"),
            (with(market(), "symbol", json!("DOGE-USDT")), "not in the list"),
            (with(market(), "symbol", json!("btc-usdt")), "not in the list"),
            (with(market(), "symbol", json!("BTCUSDT")), "not in the list"),
            (with(market(), "side", json!("long")), "side must be one of"),
            (with(market(), "order_type", json!("stop")), "order_type must be one of"),
            (with(market(), "order_id", json!("abc")), "order_id does not go with"),
            (with(market(), "limit_price", json!("1")), "limit_price does not go with"),
            (with(market(), "time_in_force", json!("GTC")), "time_in_force does not go with"),
            (without(limit(), "limit_price"), "limit_price is missing"),
            (without(limit(), "time_in_force"), "time_in_force is missing"),
            (with(limit(), "time_in_force", json!("GTD")), "time_in_force must be one of"),
            (json!({"action": "close", "reason": "r"}), "symbol is missing"),
            (
                json!({"action": "close", "symbol": "BTC-USDT", "quantity": "1", "reason": "r"}),
                "quantity does not go",
            ),
            (json!({"action": "cancel", "symbol": "BTC-USDT", "reason": "r"}), "order_id is missing"),
            (
                json!({"action": "cancel", "symbol": "BTC-USDT", "order_id": "a b", "reason": "r"}),
                "not an order id",
            ),
            (json!({"action": "hold", "quantity": "1", "reason": "r"}), "quantity does not go"),
            (json!({"action": "hold", "symbol": "X-Y", "reason": "r"}), "not in the list"),
            (json!({"action": "abstain", "side": "buy", "reason": "r"}), "side does not go"),
        ];
        for name in ["symbol", "side", "quantity", "order_type", "stop_loss"] {
            inputs.push((without(market(), name), "is missing"));
            inputs.push((with(market(), name, Value::Null), "is missing"));
        }
        for name in ["quantity", "stop_loss", "take_profit", "limit_price"] {
            for bad in [" 1", "NaN", "inf", "-0.01", "1e400", "1,5", "0x10", "1_000x", "one", "1e99"] {
                inputs.push((with(limit(), name, json!(bad)), "must be a decimal string above zero"));
            }
            inputs.push((with(limit(), name, json!(0.01)), "must be a string"));
            inputs.push((with(limit(), name, json!(["1"])), "must be a string"));
        }
        for nothing in [json!(""), json!("0"), json!("0.0"), json!(0), Value::Null] {
            for name in ["quantity", "stop_loss", "limit_price"] {
                inputs.push((with(limit(), name, nothing.clone()), "is missing"));
            }
            inputs.push((with(market(), "action", nothing), "action must be"));
        }
        for (input, expected) in inputs {
            match judged(input.clone()) {
                Verdict::Malformed(problem) => assert!(problem.contains(expected), "{input}: {problem}"),
                Verdict::Final(outcome, _) => panic!("{input} was read as {outcome:?}"),
            }
        }
    }

    #[test]
    fn what_says_nothing_and_does_not_apply_is_absent() {
        for nothing in [json!(""), json!(" "), json!("0"), json!("0.00"), json!(0), json!(0.0), Value::Null] {
            let mut hold = json!({"action": "hold", "reason": "r"});
            for name in FIELDS.iter().filter(|name| !matches!(**name, "action" | "reason")) {
                hold[*name] = nothing.clone();
            }
            let held = Verdict::Final(Outcome::Hold, "r".to_owned());
            assert_eq!(judged(hold), held, "{nothing}");
            let opened = judged(with(market(), "limit_price", nothing.clone()));
            assert!(matches!(opened, Verdict::Final(Outcome::Trade(Wish::Open(_)), _)), "{nothing}");
        }
    }

    #[test]
    fn another_tools_name_is_not_repeated() {
        let channel =
            verdict(&reply(Stop::Tool, "", vec![call("decide<|channel|>commentary", market())]), &symbols());
        let Verdict::Malformed(problem) = channel else { panic!("{channel:?}") };
        assert!(!problem.contains("channel"), "{problem}");
    }

    #[test]
    fn exactly_one_call_of_the_one_tool_is_a_decision() {
        let twice = vec![call(TOOL, market()), call(TOOL, market())];
        for calls in [Vec::new(), twice, vec![call("execute_trade", market())]] {
            let judged = verdict(&reply(Stop::Tool, "I would buy.", calls), &symbols());
            assert!(matches!(judged, Verdict::Malformed(_)), "{judged:?}");
        }
        let unreadable = Err(BadReply("no content".to_owned()));
        assert!(matches!(verdict(&unreadable, &symbols()), Verdict::Malformed(_)));
        let paused = reply(Stop::Other("pause_turn".to_owned()), "", vec![call(TOOL, market())]);
        assert!(matches!(verdict(&paused, &symbols()), Verdict::Malformed(_)));
    }

    #[test]
    fn how_it_stopped_is_judged_before_what_it_says() {
        for (stop, why) in [(Stop::Refusal, Why::Refused), (Stop::Length, Why::Truncated)] {
            let judged = verdict(&reply(stop, "", vec![call(TOOL, market())]), &symbols());
            assert!(matches!(judged, Verdict::Final(Outcome::Abstain(found), _) if found == why));
        }
    }

    #[test]
    fn an_answer_without_call_and_words_is_empty_and_final() {
        for (stop, text) in [(Stop::End, ""), (Stop::Tool, " \n\t"), (Stop::End, "\u{a0}")] {
            let judged = verdict(&reply(stop, text, Vec::new()), &symbols());
            let empty = Verdict::Final(Outcome::Abstain(Why::Empty), "the answer was empty".to_owned());
            assert_eq!(judged, empty, "{text:?}");
        }
    }

    #[test]
    fn an_apology_is_a_refusal_only_without_a_tool_call() {
        for text in
            ["I'm sorry, no.", "I cannot assist with that", "As an AI, I", "My apologies", "I apologize"]
        {
            let alone = verdict(&reply(Stop::End, text, Vec::new()), &symbols());
            assert!(matches!(alone, Verdict::Final(Outcome::Abstain(Why::Refused), _)), "{text}");
            let called = verdict(&reply(Stop::Tool, text, vec![call(TOOL, market())]), &symbols());
            assert!(matches!(called, Verdict::Final(Outcome::Trade(_), _)), "{text}");
        }
    }

    #[test]
    fn an_apology_for_doing_nothing_is_a_refusal_and_for_a_trade_is_its_reason() {
        for action in ["hold", "abstain"] {
            let sorry = judged(json!({"action": action, "reason": "I'm sorry, but I cannot give advice."}));
            let refused = |found: &Verdict| matches!(found, Verdict::Final(Outcome::Abstain(Why::Refused), reason) if reason.starts_with("I'm sorry"));
            assert!(refused(&sorry), "{sorry:?}");
        }
        for reason in [
            "a sorry market, no trend",
            "BTC has an aimless range",
            "as an airdrop nears, volume thins",
            "the exchange apologised for its outage: wait",
        ] {
            let plain = judged(json!({"action": "hold", "reason": reason}));
            assert!(matches!(plain, Verdict::Final(Outcome::Hold, _)), "{plain:?}");
        }
        for reason in ["As an AI, I do not trade.", " Apologies, no."] {
            let sorry = judged(json!({"action": "hold", "reason": reason}));
            assert!(matches!(sorry, Verdict::Final(Outcome::Abstain(Why::Refused), _)), "{sorry:?}");
        }
        let trade = judged(with(market(), "reason", json!("my apologies for the late entry")));
        assert!(matches!(trade, Verdict::Final(Outcome::Trade(_), _)), "{trade:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_input_is_read_with_a_quantity_that_is_not_positive(text in "[-+0-9.eE]{0,12}") {
            if let Verdict::Final(Outcome::Trade(Wish::Open(opening)), _) = judged(with(market(), "quantity", json!(text))) {
                proptest::prop_assert!(!opening.quantity.is_zero());
            }
        }
    }
}
