//! Where the older system broke its own contract, as far as it is about the model: each judge finds the break in a
//! faithful imitation, and none in ours.

use serde_json::{Value, json};
use shared::decision::Action;
use shared::ids::ProviderId;
use shared::ports::{Reply, ReportedUsage, Stop, ToolCall};
use shared::records::llm::{Fate, LlmLedger};
use shared::time::{Millis, Timestamp};

use crate::prompt::tool;
use crate::providers::{after, shut};
use crate::purse::unanswered;
use crate::testing::{Mood, World, at, mutters, outcome, symbol};
use crate::verdict::{TOOL, Verdict, verdict};

/// The actions of a published schema whose answers the reader refuses although they obey it: flat, and with no field
/// that the schema does not name.
fn refused_although_obeying(schema: &Value, reads: impl Fn(&Value) -> bool) -> Vec<String> {
    let values = json!({
        "symbol": "BTC-USDT", "side": "buy", "quantity": "0.01", "order_type": "market", "stop_loss": "22500",
        "order_id": "abc", "reason": "r",
    });
    let needs = |action: &str| match action {
        "open" => vec!["symbol", "side", "quantity", "order_type", "stop_loss", "reason"],
        "close" => vec!["symbol", "reason"],
        "cancel" | "replace" => vec!["symbol", "order_id", "reason"],
        _ => vec!["reason"],
    };
    let actions = schema["properties"]["action"]["enum"].as_array().unwrap();
    let actions = actions.iter().map(|action| action.as_str().unwrap());
    let obeys = |action: &str| {
        let fields = needs(action).into_iter().filter(|name| schema["properties"].get(*name).is_some());
        let mut input: Value = fields.map(|name| (name.to_owned(), values[name].clone())).collect();
        input["action"] = json!(action);
        input
    };
    actions.filter(|action| !reads(&obeys(action))).map(str::to_owned).collect()
}

fn is_read(input: &Value) -> bool {
    let call = ToolCall { name: TOOL.to_owned(), input: input.clone() };
    let reply = Reply {
        stop: Stop::Tool,
        text: String::new(),
        calls: vec![call],
        usage: ReportedUsage::default(),
        note: None,
    };
    matches!(verdict(&Ok(reply), &[symbol()]), Verdict::Final(_, _))
}

#[test]
fn break_8_who_obeys_the_published_schema_is_read_and_replacing_does_not_exist() {
    let schema = tool(&[symbol()]).schema;
    assert_eq!(refused_although_obeying(&schema, is_read), Vec::<String>::new());
    assert_eq!(Action::parse("replace"), None);
    let nested = |input: &Value| input["action"] != "replace" || input.get("new_req").is_some();
    let mut imitation = schema;
    imitation["properties"]["action"]["enum"] = json!(["open", "replace"]);
    assert_eq!(refused_although_obeying(&imitation, nested), ["replace"]);
}

/// The waits, in seconds, that are over before the provider said so.
fn cut_short(first_allowed: impl Fn(Millis) -> Millis) -> Vec<i64> {
    let waits = [1, 10, 30, 90, 3_600, 86_400].map(Millis::from_secs);
    waits.into_iter().filter(|wait| first_allowed(*wait).0 < wait.0).map(Millis::as_secs).collect()
}

#[test]
fn break_9_a_wait_is_obeyed_in_full_however_long() {
    let now = at("2023-03-01T16:00:00Z");
    let ours = |wait: Millis| {
        let ledger = LlmLedger::first(ProviderId::parse("anthropic").unwrap());
        let told = unanswered("anthropic/m", now, Fate::Throttled, shared::money::Notional::ZERO, Some(wait));
        let ledger = after(ledger, &[told]);
        let is_open = |at: &Timestamp| shut(&ledger, "m", *at).is_none();
        let seconds = (0..=wait.as_secs()).map(|second| now + Millis::from_secs(second));
        seconds.into_iter().find(is_open).unwrap().since(now)
    };
    assert_eq!(cut_short(ours), Vec::<i64>::new());
    let backoff = Millis::from_secs(10);
    assert_eq!(cut_short(|wait| Millis(wait.0.min(backoff.0))), [30, 90, 3_600, 86_400]);
}

/// There is no conversation to compact: a cycle is one question, and one more after a malformed answer.
#[test]
fn break_10_no_answer_however_long_makes_a_cycle_ask_more_than_twice() {
    let once: Mood = || Ok(mutters("end", "and so on"));
    let on_and_on: Mood = || Ok(mutters("end", &"and so on ".repeat(2_000)));
    for mood in [once, on_and_on] {
        let world = World::new();
        world.model.mood.set(Some(mood));
        assert_eq!(outcome(&world.tick()), "abstain:malformed");
        let asked = world.model.asked.borrow();
        let corrects: Vec<bool> = asked.iter().map(|question| question.format_error.is_some()).collect();
        assert_eq!(corrects, [false, true]);
        assert!(asked[1].message().len() < asked[0].message().len() + 200, "the answer is not shown back");
    }
}
