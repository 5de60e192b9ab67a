//! Whatever a cycle comes to, its record alone says the same again; and what a record says otherwise is named.

use serde_json::{Value, json};
use shared::decision::{Outcome, Why};
use shared::ids::{Env, OrderId, Symbol};
use shared::model::{Ask, Servers};
use shared::money::{Notional, Price, Qty};
use shared::ports::{ModelError, RawReply, Usage};
use shared::records::DecisionRecord;
use shared::records::decision::{Came, NoAnswer};
use shared::roster::Trail;
use shared::testkit::counted::{Call, Counted};
use shared::time::Millis;

use crate::replay::{NotReplayed, Replayed, differences, differences_of_order, open, replay};
use crate::testing::{World, holding, opens, outcome, resting, unpacked};

fn env() -> Env {
    Env::parse("dev").unwrap()
}

/// Everything in which the records of `world` and its orders differ from what the records' answers say.
pub(crate) fn replayed(world: &World) -> Vec<String> {
    let orders = world.orders();
    let check = |record: &DecisionRecord| -> Vec<String> {
        let replayed = match replay(&env(), &Servers::NONE, record) {
            Ok(replayed) => replayed,
            Err(why) => return vec![why.to_string()],
        };
        let mut found = differences(record, &replayed);
        if let Some(wanted) = &replayed.effect.order {
            let stands = orders.iter().find(|order| order.terms.order_id == wanted.terms.order_id);
            found.extend(stands.map(|order| differences_of_order(&order.terms, &wanted.terms)).unwrap());
        }
        found.iter().map(|one| format!("{}: {} {}", one.field, one.recorded, one.replayed)).collect()
    };
    world.decisions().iter().flat_map(check).collect()
}

/// A body of Anthropic's with these calls of the tool.
fn body(calls: &[Value]) -> RawReply {
    let block = |input: &Value| json!({"type": "tool_use", "id": "t", "name": "decide", "input": input});
    said("tool_use", calls.iter().map(block).collect())
}

fn said(stop: &str, content: Vec<Value>) -> RawReply {
    let usage = json!({"input_tokens": 800, "output_tokens": 60});
    let body = json!({"type": "message", "role": "assistant", "content": content, "stop_reason": stop, "usage": usage});
    RawReply { body: body.to_string().into_bytes() }
}

fn mutters(stop: &str, text: &str) -> RawReply {
    said(stop, vec![json!({"type": "text", "text": text})])
}

/// As many bytes that nothing can compress, in letters of a JSON string.
fn noise(length: usize) -> String {
    let mut seed = 7u64;
    let mut letter = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + seed.to_be_bytes()[0] % 26)
    };
    (0..length).map(|_| letter()).collect()
}

/// One cycle with these answers.
fn cycle(answers: Vec<Result<RawReply, ModelError>>, before: impl FnOnce(&World)) -> (World, String) {
    let world = World::new();
    world.model.speaks_its_own.set(true);
    before(&world);
    for answer in answers {
        world.will(answer);
    }
    let found = outcome(&world.tick());
    (world, found)
}

fn with(mut input: Value, name: &str, value: &str) -> Value {
    input[name] = json!(value);
    input
}

fn failures() -> Vec<ModelError> {
    vec![
        ModelError::Throttled { wait: Some(Millis::from_secs(30)) },
        ModelError::SpendLimit("paid up".to_owned()),
        ModelError::Overloaded,
        ModelError::NoSuchModel("gone".to_owned()),
        ModelError::Refused { status: 403, text: "no".repeat(300) },
        ModelError::Unavailable("timed out".to_owned()),
    ]
}

#[test]
fn every_answer_is_read_again_as_it_was_and_wants_the_same_order() {
    let limit = with(with(opens(), "order_type", "limit"), "limit_price", "22990.10");
    let limit = with(with(limit, "time_in_force", "GTC"), "take_profit", "2.5E4");
    let close = json!({"action": "close", "symbol": "BTC-USDT", "reason": "enough"});
    for (input, expected, orders) in [
        (opens(), "open", 1),
        (with(opens(), "quantity", "100.50"), "open", 1),
        (limit, "open", 1),
        (close, "close:no_position", 0),
        (json!({"action": "hold", "reason": "calm\u{7}"}), "hold", 0),
        (json!({"action": "abstain", "reason": "r"}), "abstain:by_model", 0),
    ] {
        let (world, found) = cycle(vec![Ok(body(&[input]))], |_| {});
        assert_eq!((found.as_str(), world.orders().len()), (expected, orders));
        assert_eq!(replayed(&world), [""; 0], "{expected}");
    }
}

#[test]
fn what_an_answer_was_about_is_found_again() {
    let close = json!({"action": "close", "symbol": "BTC-USDT", "reason": "enough"});
    let (world, found) = cycle(vec![Ok(body(&[close]))], |world| world.plant_books(&holding()));
    assert_eq!(found, "close");
    assert_eq!(replayed(&world), [""; 0]);
    let entry = resting().orders[0].terms.order_id.clone();
    for (id, expected) in [(entry, "cancel"), (OrderId::parse("stranger").unwrap(), "cancel:no_entry")] {
        let cancel =
            json!({"action": "cancel", "symbol": "BTC-USDT", "order_id": id.as_str(), "reason": "r"});
        let (world, found) = cycle(vec![Ok(body(&[cancel]))], |world| world.plant_books(&resting()));
        assert_eq!((found.as_str(), replayed(&world)), (expected, Vec::new()));
    }
}

#[test]
fn refusals_cuts_and_malformed_answers_are_read_again_as_they_were() {
    let prose = || Ok(mutters("end_turn", "I would buy a little."));
    let raw = |bytes: &[u8]| Ok(RawReply { body: bytes.to_vec() });
    for (answers, expected) in [
        (vec![Ok(mutters("refusal", ""))], "abstain:refused"),
        (vec![Ok(mutters("end_turn", "I'm sorry."))], "abstain:refused"),
        (vec![Ok(mutters("max_tokens", "I")), Ok(mutters("max_tokens", "I"))], "abstain:truncated"),
        (vec![prose(), prose()], "abstain:malformed"),
        (vec![prose(), Ok(body(&[opens()]))], "open"),
        (vec![prose(), Ok(mutters("refusal", "no"))], "abstain:refused"),
        (
            vec![Ok(body(&[opens(), opens()])), Ok(body(&[with(opens(), "leverage", "20")]))],
            "abstain:malformed",
        ),
        (vec![Ok(mutters("max_tokens", "I")), Ok(body(&[opens()]))], "open"),
        (vec![raw(b"<html>")], "abstain:malformed"),
        (vec![raw(b"")], "abstain:malformed"),
        (vec![raw(b"\x1e{}\x00\xff")], "abstain:malformed"),
    ] {
        let (world, found) = cycle(answers, |world| {
            world.set(|settings| settings.model_fallbacks = vec!["anthropic/claude-sonnet-5".to_owned()]);
        });
        assert_eq!((found.as_str(), replayed(&world)), (expected, Vec::new()));
    }
}

/// How a question failed is in the record, the first as well as the second.
#[test]
fn questions_without_an_answer_are_told_again_as_they_failed() {
    for error in failures() {
        let (world, found) = cycle(vec![Err(error.clone())], |_| {});
        assert_eq!((found.as_str(), replayed(&world)), ("abstain:unavailable", Vec::new()), "{error}");
        let again = vec![Ok(mutters("end_turn", "I would buy.")), Err(error.clone())];
        let (world, found) = cycle(again, |_| {});
        assert_eq!((found.as_str(), replayed(&world)), ("abstain:unavailable", Vec::new()), "{error}");
    }
    let fallbacks = |world: &World| {
        world.set(|settings| {
            settings.model_fallbacks = vec!["mistral/large".into(), "openai/gpt-5-mini".into()]
        });
    };
    let (world, found) = cycle(vec![Err(ModelError::Overloaded), Err(ModelError::Overloaded)], fallbacks);
    assert_eq!((found.as_str(), replayed(&world)), ("abstain:unavailable", Vec::new()));
    let record = world.decisions().remove(0);
    let why = record.asked.iter().map(|one| match &one.came {
        Came::Nothing { why, .. } => *why,
        Came::Answer { .. } => panic!("{one:?}"),
    });
    let expected = [NoAnswer::Overloaded, NoAnswer::NotServed, NoAnswer::Overloaded];
    assert_eq!(why.collect::<Vec<_>>(), expected);
}

#[test]
fn a_cycle_in_which_nobody_was_asked_is_told_again() {
    let stale = |world: &World| world.venues.0.borrow_mut().lags = Millis::from_minutes(3);
    let poor = |world: &World| world.set(|settings| settings.llm_usd_per_day = shared::money::Notional::ZERO);
    for (before, expected) in
        [(&stale as &dyn Fn(&World), "abstain:stale_market"), (&poor, "abstain:over_budget")]
    {
        let (world, found) = cycle(Vec::new(), before);
        assert_eq!((found.as_str(), replayed(&world)), (expected, Vec::new()));
    }
}

/// An answer of which the record holds the beginning alone could not be explained afterwards: it is not acted on.
#[test]
fn an_answer_too_long_for_its_record_is_malformed_and_not_acted_on() {
    let mut long = opens();
    long["reason"] = json!(noise(60_000));
    let long = || Ok(body(std::slice::from_ref(&long)));
    let (world, found) = cycle(vec![long(), long()], |_| {});
    assert_eq!((found.as_str(), world.orders().len()), ("abstain:malformed", 0));
    assert_eq!(replayed(&world), [""; 0]);
    let record = world.decisions().remove(0);
    let Came::Answer { bytes, kept, .. } = record.asked[0].came else { panic!("{:?}", record.asked) };
    assert!(bytes > 60_000 && kept < bytes, "{bytes} {kept}");
    assert!(!open(&record).unwrap().answers[0].is_whole);
    assert!(record.reply.len() < 30 * 1024);
    assert!(record.reason.unwrap().contains("longer than a record holds"));
}

fn opened() -> (World, DecisionRecord, Replayed) {
    let (world, _) = cycle(vec![Ok(body(&[opens()]))], |_| {});
    let record = world.decisions().remove(0);
    let replayed = replay(&env(), &Servers::NONE, &record).unwrap();
    (world, record, replayed)
}

#[test]
fn a_record_that_says_something_else_than_its_answer_is_named_by_field() {
    let (_, record, replayed) = opened();
    let fields = |change: &dyn Fn(&mut DecisionRecord)| {
        let mut other = record.clone();
        change(&mut other);
        let found = differences(&other, &replayed);
        found.into_iter().map(|one| one.field).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields(&|_| {}), "");
    assert_eq!(fields(&|record| record.outcome = Some(Outcome::Hold.to_string())), "outcome");
    assert_eq!(fields(&|record| record.reason = None), "reason");
    assert_eq!(fields(&|record| record.position_id = None), "position_id");
    assert_eq!(fields(&|record| record.order_id = Some(OrderId::parse("another").unwrap())), "order_id");
}

#[test]
fn an_order_that_is_not_what_the_answer_wants_is_named_by_field() {
    let (world, _, replayed) = opened();
    let wanted = replayed.effect.order.unwrap().terms;
    let mut terms = world.orders().remove(0).terms;
    assert_eq!(differences_of_order(&terms, &wanted), []);
    terms.quantity = Qty::parse("0.0100").unwrap();
    assert_eq!(differences_of_order(&terms, &wanted), [], "the same amount");
    terms.quantity = Qty::parse("0.02").unwrap();
    terms.stop_loss = Some(Price::parse("22499").unwrap());
    terms.symbol = Symbol::parse("ETH-USDT").unwrap();
    terms.trace.push('x');
    let found = differences_of_order(&terms, &wanted);
    let fields: Vec<&str> = found.iter().map(|one| one.field).collect();
    assert_eq!(fields, ["order's symbol", "order's quantity", "order's stop_loss", "order's trace"]);
    assert_eq!((found[1].recorded.as_str(), found[1].replayed.as_str()), ("0.02", "0.01"));
}

#[test]
fn a_record_that_is_damaged_unfinished_or_old_says_so() {
    let (_, record, _) = opened();
    let why = |change: &dyn Fn(&mut DecisionRecord)| {
        let mut other = record.clone();
        change(&mut other);
        replay(&env(), &Servers::NONE, &other).unwrap_err()
    };
    assert_eq!(why(&|record| record.outcome = None), NotReplayed::Unfinished);
    assert_eq!(why(&|record| record.inputs = None), NotReplayed::Older);
    for (change, field) in [
        (
            &(|record: &mut DecisionRecord| record.prompt_hash = "0".repeat(64))
                as &dyn Fn(&mut DecisionRecord),
            "prompt",
        ),
        (&|record| record.prompt.truncate(20), "prompt"),
        (&|record| record.reply.truncate(20), "reply"),
        (&|record| record.asked.clear(), "reply"),
        (&|record| record.asked.push(record.asked[0].clone()), "reply"),
    ] {
        let NotReplayed::Damaged { field: found, .. } = why(change) else { panic!("{field}") };
        assert_eq!(found, field);
    }
    let not_asked = |record: &mut DecisionRecord| {
        record.asked.clear();
        record.outcome = Some(Outcome::Abstain(Why::Unchanged).to_string());
    };
    let mut other = record.clone();
    not_asked(&mut other);
    assert!(
        replay(&env(), &Servers::NONE, &other).is_err(),
        "it holds an answer, and says that nobody was asked"
    );
    assert!(unpacked(&record.prompt).contains("allowed_actions"));
}

/// What was read of an answer before is what its code reads today: a record that was cut after its first answer, as a
/// crash leaves it, is no decision.
#[test]
fn a_record_whose_second_answer_is_missing_is_damaged() {
    let prose = || Ok(mutters("end_turn", "I would buy a little."));
    let (world, _) = cycle(vec![prose(), prose()], |_| {});
    let mut record = world.decisions().remove(0);
    let first = record.asked[0].clone();
    let Came::Answer { kept, .. } = first.came else { panic!() };
    let whole = crate::record::unpacked(&record.reply).unwrap();
    let half = RawReply { body: whole[..kept as usize].to_vec() };
    (record.reply, record.asked) = (crate::record::replies(&[half]), vec![first]);
    assert!(matches!(
        replay(&env(), &Servers::NONE, &record),
        Err(NotReplayed::Damaged { field: "asked", .. })
    ));
}

/// An answer to `decide` that `model` says it gave.
fn by(model: &str, input: &Value) -> RawReply {
    let mut body: Value = serde_json::from_slice(&body(std::slice::from_ref(input)).body).unwrap();
    body["model"] = json!(model);
    RawReply { body: body.to_string().into_bytes() }
}

#[test]
fn an_answer_of_another_model_is_paid_paged_and_not_acted_on() {
    let next = "anthropic/claude-sonnet-5";
    let used = Usage { tokens_in: 800, tokens_out: 60, ..Usage::default() };
    for (fallbacks, expected, orders) in [(vec![], "abstain:unavailable", 0), (vec![next], "open", 1)] {
        let given = ["claude-opus-4-8", "claude-sonnet-5"].map(|model| Ok(by(model, &opens())));
        let given = given.into_iter().take(fallbacks.len() + 1).collect();
        let (world, found) = cycle(given, |world| {
            world.set(|settings| {
                settings.model_fallbacks = fallbacks.iter().map(|name| (*name).to_owned()).collect();
            });
        });
        assert_eq!((found.as_str(), world.orders().len()), (expected, orders));
        assert_eq!(replayed(&world), [""; 0], "{expected}");
        let record = world.decisions().remove(0);
        let price = |model: &str| Servers::NONE.dollars(model, record.decided_at, used);
        let second = fallbacks.iter().fold(Notional::ZERO, |sum, model| sum + price(model));
        assert_eq!(record.usd, price("anthropic/claude-opus-4-8") + second, "the dearer of the two");
        let ledger = world.ledger("anthropic").unwrap();
        let counted = &ledger.minutes[0];
        assert_eq!((counted.answered as usize, counted.usd), (fallbacks.len() + 1, record.usd));
        let alert = &ledger.alerts["model-unusable"].detail;
        assert!(alert.contains("claude-opus-4-8 answered, and not the model that was asked"), "{alert}");
    }
    let (_, found) = cycle(vec![Ok(by("claude-haiku-4-5-20251001", &opens()))], |_| {});
    assert_eq!(found, "open", "a dated snapshot is the model that was asked");
}

#[test]
fn prose_of_another_model_is_not_corrected() {
    let mut body: Value = serde_json::from_slice(&mutters("end_turn", "I would buy.").body).unwrap();
    body["model"] = json!("claude-opus-4-8");
    let (world, found) = cycle(vec![Ok(RawReply { body: body.to_string().into_bytes() })], |_| {});
    assert_eq!((found.as_str(), world.asked()), ("abstain:unavailable", 1));
    assert!(world.ledger("anthropic").unwrap().unusable.contains_key("claude-haiku-4-5"));
    assert_eq!(replayed(&world), [""; 0]);
}

#[test]
fn tokens_of_another_model_leave_the_asked_models_bound() {
    let mut body: Value = serde_json::from_slice(&by("claude-opus-4-8", &opens()).body).unwrap();
    body["usage"]["input_tokens"] = json!(90_000);
    let (world, _) = cycle(vec![Ok(RawReply { body: body.to_string().into_bytes() })], |_| {});
    let ledger = world.ledger("anthropic").unwrap();
    assert_eq!((ledger.factors.len(), ledger.alerts.contains_key("token-bound")), (0, false));
}

/// Records of before answers were compared with the question have no other model: their decisions were acted on.
#[test]
fn an_older_record_of_another_model_replays_as_it_acted() {
    let (world, _) = cycle(vec![Ok(by("claude-opus-4-8", &opens()))], |_| {});
    let mut record = world.decisions().remove(0);
    let Came::Answer { other, .. } = &mut record.asked[0].came else { panic!() };
    assert_eq!(other.take().as_deref(), Some("anthropic/claude-opus-4-8"));
    assert_eq!(replay(&env(), &Servers::NONE, &record).unwrap().effect.outcome, "open");
}

#[test]
fn another_models_answer_is_told_before_the_next_question() {
    let world = World::new();
    world.model.speaks_its_own.set(true);
    world.set(|settings| settings.model_fallbacks = vec!["anthropic/claude-sonnet-5".to_owned()]);
    world.will(Ok(by("claude-opus-4-8", &opens())));
    world.will(Ok(by("claude-sonnet-5", &opens())));
    let tables = Counted::over(&world.tables);
    world.tick_over(&tables, &Trail::default(), world.clock.0.get().minute());
    let writes =
        |call: &Call| matches!(call, Call::Write(keys) if keys.iter().any(|key| key.hash == "llm#anthropic"));
    assert_eq!(tables.take().iter().filter(|call| writes(call)).count(), 2, "once for each answer");
}

/// One cycle of a model that is asked for structured output.
fn structured(answers: Vec<Vec<&str>>) -> (World, String) {
    let block = |text: &str| json!({"type": "text", "text": text});
    let answer = |parts: Vec<&str>| Ok(said("end_turn", parts.into_iter().map(block).collect()));
    cycle(answers.into_iter().map(answer).collect(), |world| {
        world.set(|settings| settings.model = "anthropic/claude-opus-5-5".to_owned());
    })
}

#[test]
fn an_answer_is_read_again_as_it_was_asked_for() {
    let (world, found) = structured(vec![vec![r#"{"action":"hold","#, r#""reason":"flat"}"#]]);
    assert_eq!((found.as_str(), replayed(&world)), ("hold", Vec::new()));
    // Its model is asked with a tool by now.
    let mut record = world.decisions().remove(0);
    record.asked[0].model = "anthropic/claude-haiku-4-5".to_owned();
    assert_eq!(differences(&record, &replay(&env(), &Servers::NONE, &record).unwrap()), []);
    let Came::Answer { ask, .. } = &mut record.asked[0].came else { panic!() };
    assert_eq!(ask.take(), Some(Ask::Schema));
    assert!(replay(&env(), &Servers::NONE, &record).is_err(), "an older record is read by the table");
}

#[test]
fn a_key_named_twice_in_two_parts_is_malformed() {
    let twice = || vec![r#"{"action":"hold","reason":"flat","#, r#""reason":"up"}"#];
    let (world, found) = structured(vec![twice(), twice()]);
    assert_eq!((found.as_str(), replayed(&world)), ("abstain:malformed", Vec::new()));
    assert!(world.decisions()[0].reason.as_ref().unwrap().contains("a key is named twice"));
}
