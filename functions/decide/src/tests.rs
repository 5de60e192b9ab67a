//! What one tick does, seen in the tables, the log and what the model was asked.

use serde_json::json;
use shared::books::{Position, PositionStatus};
use shared::decision::{Outcome, Why};
use shared::ids::{Env, Leg, OrderId, PositionId, StrategyId};
use shared::money::{Notional, Qty};
use shared::order::{AtVenue, Ended, Kind, Origin, State};
use shared::ports::{
    AskModel, BadReply, Level, ModelError, Question, RawReply, ReadTables, Reply, WriteTables,
};
use shared::records::{self, DecisionRecord};
use shared::roster::Trail;
use shared::signal::Signal;
use shared::state::{Live, LlmDay, LlmMinute, Target};
use shared::status::{Hold, Status};
use shared::store::{self, Attr, Item, Key, ReadError, Write, WriteAct, WriteError};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::meddled::Meddled;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::Millis;

use crate::shift::Ports;
use crate::testing::{World, at, holding, mutters, opens, outcome, resting, says, settings, stored};
use crate::{handle, tokens};

#[test]
fn a_repeated_event_asks_once() {
    let world = World::new();
    let first = world.tick();
    assert_eq!((first.strategies, first.cycles, outcome(&first).as_str()), (1, 1, "hold"));
    let second = world.tick();
    assert_eq!((second.cycles, second.failed), (0, 0));
    assert_eq!((world.asked(), world.decisions().len()), (1, 1));
}

#[test]
fn a_tick_older_than_its_period_is_dropped() {
    let world = World::new();
    let before = world.tables.snapshot();
    assert_eq!(world.tick_at(at("2023-03-01T15:59:00Z")).strategies, 0);
    assert_eq!((world.asked(), world.lines("tick dropped")), (0, 1));
    assert_eq!(world.tables.snapshot(), before);
}

#[test]
fn an_idle_tick_beats_and_asks_nobody() {
    let world = World::new();
    world.set(|settings| settings.decide_every = Millis::from_minutes(25));
    let cycles: u32 = world.minutes(25).iter().map(|report| report.cycles).sum();
    assert_eq!((cycles, world.asked()), (1, 1));
    assert_eq!(world.state().last_decided_at, at("2023-03-01T16:24:00Z"));
    assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:24:05Z"));
}

#[test]
fn the_model_is_asked_only_where_it_may_do_something_and_every_status_beats() {
    for status in Status::ALL {
        let world = World::new();
        world.change(|state| {
            state.status = status;
            state.last_reconciled_at = None;
        });
        let report = world.tick();
        assert_eq!(report.failed, 0);
        assert_eq!(world.asked(), usize::from(status == Status::Running), "{}", status.as_str());
        assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:00:05Z"));
        assert_eq!(world.state().last_decided_at, at("2023-03-01T16:00:00Z"));
        assert_eq!(world.state().status, status);
    }
}

#[test]
fn warmup_ends_with_history_a_reconcile_and_no_divergence() {
    let warm = |reconciled: bool, diverges: bool| {
        let world = World::new();
        world.change(|state| {
            state.status = Status::Warmup;
            state.last_reconciled_at = reconciled.then(|| at("2023-03-01T15:55:00Z"));
            if diverges {
                state.holds.insert(Hold::Divergence, at("2023-03-01T15:55:00Z"));
            }
        });
        world.tick();
        world.state().status
    };
    assert_eq!(warm(true, false), Status::Running);
    assert_eq!(warm(true, true), Status::Warmup);
    assert_eq!(warm(false, false), Status::Warmup);
}

#[test]
fn a_market_that_cannot_be_read_stops_the_beat_and_not_the_claim() {
    let world = World::new();
    world.venues.0.borrow_mut().fails = true;
    let before = world.state().last_heartbeat;
    let report = world.tick();
    assert_eq!(outcome(&report), "abstain:stale_market");
    assert_eq!(world.state().last_heartbeat, before);
    assert_eq!(world.state().last_decided_at, at("2023-03-01T16:00:00Z"));
    assert_eq!(world.asked(), 0);
}

#[test]
fn stale_candles_are_an_abstention_with_a_beat_and_no_byte_is_sent() {
    let world = World::new();
    world.venues.0.borrow_mut().lags = Millis::from_minutes(3);
    assert_eq!(outcome(&world.tick()), "abstain:stale_market");
    assert_eq!(world.asked(), 0);
    assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:00:05Z"));
    assert_eq!(world.decisions()[0].outcome, stored(&Outcome::Abstain(Why::StaleMarket)));
    assert_eq!(world.state().bad_cycles, 0);
}

#[test]
fn an_account_whose_books_are_gone_opens_nothing_and_the_cycle_says_so() {
    let world = World::new();
    world.tables.forget(Table::Ledgers);
    world.shard(&["demo"]);
    assert_eq!(outcome(&world.tick()), "abstain:unknown_balance");
    assert_eq!((world.asked(), world.orders().len()), (0, 0));
    let decisions = world.decisions();
    let reason = decisions[0].reason.as_deref();
    assert_eq!(reason, Some("the books do not say what account main holds"));
    // What is held may still be closed.
    world.plant_books(&holding());
    world.clock.0.set(world.clock.0.get() + Millis::from_minutes(1));
    world.will(Ok(says(json!({"action": "close", "symbol": "BTC-USDT", "reason": "it falls"}))));
    assert_eq!(outcome(&world.tick()), "close");
}

#[test]
fn the_reply_is_recorded_before_it_is_read() {
    let world = World::new();
    world.tick();
    let seen = world.model.recorded.borrow();
    let seen = records::decision::decode(&seen[0]).unwrap();
    assert_eq!(seen.outcome, None);
    assert!(crate::testing::unpacked(&seen.reply).contains("calm"));
    let prompt = crate::testing::unpacked(&seen.prompt);
    assert!(prompt.contains("allowed_actions") && prompt.contains("Answer with exactly one call"));
    let decision = &world.decisions()[0];
    assert_eq!(decision.outcome.as_deref(), Some("hold"));
    assert_eq!((decision.tokens_in, decision.tokens_out), (800, 60));
    assert_eq!(decision.usd.to_string(), "0.0011");
    assert_eq!(decision.trace, "demo-27961440");
    assert!(decision.expires_at.is_some());
}

#[test]
fn the_second_reply_is_recorded_before_it_is_read() {
    let world = World::new();
    world.will(Ok(mutters("end", "I would buy a little.")));
    world.will(Ok(says(opens())));
    assert_eq!(outcome(&world.tick()), "open");
    let seen = world.model.recorded.borrow();
    let seen = records::decision::decode(&seen[0]).unwrap();
    let replies = crate::testing::unpacked(&seen.reply);
    assert!(replies.contains("I would buy a little.") && replies.contains("it rises"), "{replies}");
    assert_eq!((seen.outcome, seen.asked.len()), (None, 2));
}

#[test]
fn a_second_reply_that_cannot_be_recorded_is_not_acted_on() {
    let world = World::new();
    world.will(Ok(mutters("end", "I would buy a little.")));
    world.will(Ok(says(opens())));
    let one_alone = Meddled(world.tables.clone(), |tables: &MemoryStore, writes: Vec<Write>| {
        let is_second =
            |write: &Write| write.key.table == Table::Decisions && matches!(write.act, WriteAct::Update(_));
        // What it comes to would be one transaction with its order.
        match writes.len() == 1 && writes.iter().any(is_second) {
            true => Err(WriteError::NotDone("no more room".to_owned())),
            false => at_once(tables.write(writes)),
        }
    });
    let report = world.tick_over(&one_alone, &Trail::default(), world.clock.0.get().minute());
    assert_eq!((report.cycles, report.unrecorded, world.asked()), (0, 1, 2));
    assert!(world.orders().is_empty());
}

#[test]
fn a_minute_that_is_already_recorded_is_not_decided_again() {
    let world = World::new();
    world.tick();
    let decision = world.decisions();
    world.change(|state| state.last_decided_at = at("2023-03-01T15:59:00Z"));
    world.will(Ok(says(opens())));
    let report = world.tick();
    assert_eq!((report.cycles, report.failed), (0, 0));
    assert_eq!(world.decisions(), decision);
    assert!(world.orders().is_empty());
}

#[test]
fn an_opening_writes_intent_live_entry_and_decision_at_once() {
    let world = World::new();
    let seq = world.state().intent_seq + 1;
    world.will(Ok(says(opens())));
    assert_eq!(outcome(&world.tick()), "open");
    let (state, orders, decisions) = (world.state(), world.orders(), world.decisions());
    let terms = &orders[0].terms;
    assert_eq!(orders[0].state, State::Intended);
    assert_eq!(
        (terms.leg, terms.plan, terms.origin, terms.kind),
        (Leg::Entry, 0, Origin::Model, Kind::Market)
    );
    assert_eq!(terms.position_id, PositionId { strategy: world.id(), seq });
    assert_eq!(terms.decided_at, at("2023-03-01T16:00:05Z"));
    assert_eq!(terms.decision, Some(at("2023-03-01T16:00:00Z")));
    assert_eq!(terms.decided_price.unwrap().to_string(), "22998.5");
    assert_eq!(terms.trace, decisions[0].trace);
    assert_eq!(state.intent_seq, seq);
    let entry = Live::Order { position: terms.position_id.clone(), leg: Leg::Entry };
    assert_eq!(state.live.get(terms.order_id.as_str()), Some(&entry));
    assert_eq!(decisions[0].order_id.as_ref(), Some(&terms.order_id));
    assert_eq!(decisions[0].position_id.as_ref(), Some(&terms.position_id));
    assert_eq!(decisions[0].expires_at, None);
}

/// C17: nothing is clamped here.
#[test]
fn a_wish_over_every_limit_is_recorded_as_it_is() {
    let world = World::new();
    let mut greedy = opens();
    greedy["quantity"] = json!("100");
    world.will(Ok(says(greedy)));
    world.tick();
    assert_eq!(world.orders()[0].terms.quantity.to_string(), "100");
}

#[test]
fn an_opening_without_room_leaves_only_its_decision() {
    let world = World::new();
    world.plant_books(&holding());
    world.change(|state| {
        for seq in 0..12 {
            state.live.insert(
                format!("w-{seq}"),
                crate::testing::close_wish(&PositionId::parse("demo.1").unwrap()),
            );
        }
    });
    world.will(Ok(says(opens())));
    assert_eq!(outcome(&world.tick()), "open:no_room");
    assert!(world.orders().is_empty());
    assert_eq!(world.state().live.len(), 13);
}

#[test]
fn a_close_leaves_a_wish_that_names_the_position() {
    let world = World::new();
    world.plant_books(&holding());
    world.change(|state| state.status = Status::Reducing);
    world.will(Ok(says(json!({"action": "close", "symbol": "BTC-USDT", "reason": "enough"}))));
    assert_eq!(outcome(&world.tick()), "close");
    let state = world.state();
    let Some(Live::Wish(wish)) = state.live.get(&format!("w-{}", state.intent_seq)) else {
        panic!("no wish in {:?}", state.live)
    };
    assert_eq!(wish.target, Target::Close(holding().positions[0].id.clone()));
    assert_eq!(wish.origin, Origin::Model);
    assert_eq!(world.decisions()[0].expires_at, None);
    assert!(world.orders().is_empty());
}

#[test]
fn a_cancel_leaves_a_wish_that_names_the_entry() {
    let world = World::new();
    world.plant_books(&resting());
    let id = resting().orders[0].terms.order_id.clone();
    let cancel = |id: &OrderId| {
        says(json!({"action": "cancel", "symbol": "BTC-USDT", "order_id": id.as_str(), "reason": "old"}))
    };
    world.will(Ok(cancel(&id)));
    assert_eq!(outcome(&world.tick()), "cancel");
    let state = world.state();
    let wished = state.live.values().any(|entry| matches!(entry, Live::Wish(wish)
        if wish.target == Target::Cancel { position: resting().orders[0].terms.position_id.clone(), order_id: id.clone() }));
    assert!(wished, "{:?}", state.live);
    world.change(|state| state.live.retain(|_, entry| !matches!(entry, Live::Wish(_))));
    world.clock.0.set(at("2023-03-01T16:05:05Z"));
    world.will(Ok(cancel(&OrderId::parse("stranger").unwrap())));
    assert_eq!(outcome(&world.tick()), "cancel:no_entry");
}

#[test]
fn closing_what_is_not_held_changes_nothing() {
    let world = World::new();
    world.will(Ok(says(json!({"action": "close", "symbol": "BTC-USDT", "reason": "r"}))));
    let before = world.state();
    assert_eq!(outcome(&world.tick()), "close:no_position");
    assert_eq!((world.state().live, world.state().intent_seq), (before.live, before.intent_seq));
}

#[test]
fn one_format_error_is_sent_back_and_the_second_answer_counts() {
    let world = World::new();
    let mut bad = opens();
    bad["leverage"] = json!("20");
    world.will(Ok(says(bad)));
    world.will(Ok(says(opens())));
    assert_eq!(outcome(&world.tick()), "open");
    assert_eq!(world.asked(), 2);
    let asked = world.model.asked.borrow();
    let error = asked[1].format_error.as_deref().unwrap();
    assert!(error.starts_with("Fixed Format Error") && error.contains("leverage"), "{error}");
    assert_eq!(asked[1].facts, asked[0].facts);
    let decision = &world.decisions()[0];
    assert_eq!(decision.tokens_in, 1_600);
    assert_eq!(crate::testing::unpacked(&decision.reply).matches("\"stop\"").count(), 2);
}

#[test]
fn a_second_malformed_answer_holds_and_is_critical() {
    let world = World::new();
    world.will(Ok(mutters("end", "I would buy a little.")));
    world.will(Ok(mutters("end", "As I said.")));
    assert_eq!(outcome(&world.tick()), "abstain:malformed");
    assert_eq!(world.asked(), 2, "no third call");
    let critical = world.log.0.borrow().iter().filter(|line| line.level == Level::Critical).count();
    assert_eq!(critical, 1);
    assert_eq!(world.state().bad_cycles, 1);
    assert!(world.orders().is_empty());
}

#[test]
fn an_empty_answer_is_a_bad_one_and_is_not_asked_again() {
    let world = World::new();
    for _ in 0..3 {
        world.will(Ok(mutters("end", " ")));
    }
    assert_eq!(outcome(&world.tick()), "abstain:empty");
    assert_eq!((world.asked(), world.state().bad_cycles), (1, 1));
    assert_eq!(world.decisions()[0].reason.as_deref(), Some("the answer was empty"));
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    world.minutes(2);
    assert_eq!((world.asked(), world.state().status), (3, Status::Reducing));
}

/// Its tokens are unknown, so the most that it can have used is counted; five minutes hold that twice.
#[test]
fn an_answer_that_is_no_answer_is_counted_in_full_and_leaves_room_to_ask_once_more() {
    let world = World::new();
    world.set(|settings| settings.llm_tokens = shared::settings::Tokens::new(7_000).unwrap());
    for _ in 0..2 {
        world.will(Ok(shared::ports::RawReply { body: b"<html>".to_vec() }));
    }
    assert_eq!(outcome(&world.tick()), "abstain:malformed");
    assert_eq!((world.asked(), world.state().bad_cycles), (2, 1));
    let critical = world.log.0.borrow().iter().filter(|line| line.level == Level::Critical).count();
    assert_eq!(critical, 1);
    let decision = &world.decisions()[0];
    assert!(decision.tokens_in > 3_000 && decision.tokens_out == 2_000, "{decision:?}");
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    assert_eq!((outcome(&world.tick()).as_str(), world.asked()), ("abstain:over_budget", 2));
}

#[test]
fn a_refusal_is_counted_not_repeated_and_pages_at_three_in_a_row() {
    let world = World::new();
    world.set(|settings| settings.decide_every = Millis::from_minutes(5));
    for _ in 0..3 {
        world.will(Ok(mutters("end", "I'm sorry, but as an AI I cannot assist.")));
    }
    let reports = world.minutes(15);
    assert_eq!(
        reports
            .iter()
            .map(|report| report.outcomes.get("abstain:refused").copied().unwrap_or(0))
            .sum::<u32>(),
        3
    );
    let state = world.state();
    assert_eq!((world.asked(), state.bad_cycles), (3, 3));
    assert_eq!(state.recent_llm.iter().map(|minute| minute.refusals).sum::<u32>(), 1, "within five minutes");
    assert!(state.alerts.contains_key(Signal::LlmRefusals.as_str()));
    assert_eq!(state.status, Status::Reducing);
    assert!(state.halt_reason.is_some());
    assert!(state.alerts["bad-cycles"].detail.contains("lowered to reducing"), "a lowered status pages");
    world.minutes(1);
    assert!(world.state().alerts.contains_key("bad-cycles"));
    world.change(|state| state.status = Status::Stopped);
    world.minutes(1);
    assert!(!world.state().alerts.contains_key("bad-cycles"), "until a person sets it");
}

#[test]
fn three_bad_cycles_never_touch_what_a_person_set() {
    let world = World::new();
    world.plant_books(&holding());
    world.change(|state| {
        state.bad_cycles = 7;
        state.status = Status::Reducing;
    });
    world.will(Ok(mutters("length", "")));
    assert_eq!(outcome(&world.tick()), "abstain:truncated");
    assert_eq!((world.state().status, world.state().halt_reason), (Status::Reducing, None));
    assert_eq!(world.state().bad_cycles, 8);
}

#[test]
fn what_could_not_be_asked_never_lowers_a_status_that_a_person_raised() {
    let world = World::new();
    world.change(|state| state.bad_cycles = 3);
    world.will(Err(ModelError::Overloaded));
    world.tick();
    assert_eq!(world.state().status, Status::Running);
}

#[test]
fn one_poisoned_strategy_does_not_stop_another() {
    let world = World::new();
    world.shard(&["broken", "lost", "unset", "demo"]);
    world.plant_other("broken");
    let key = records::state::key(&StrategyId::parse("broken").unwrap());
    let mut item = world.tables.snapshot()[&key].clone();
    item.insert("status".to_owned(), Attr::S("Running".to_owned()));
    world.tables.plant(key.clone(), item);
    // `lost` names a position that is not there, and `unset` has nothing at all.
    world.plant_other("lost");
    let mut state = world.state_of("lost");
    state.live.insert("lost.1".to_owned(), Live::Position);
    world.tables.plant(records::state::key(&state.strategy_id), records::state::encode(&state));
    let report = world.tick();
    assert_eq!((report.strategies, report.cycles, report.failed), (4, 1, 3));
    assert_eq!(world.asked(), 1);
    assert_eq!(world.lines("strategy not served"), 3);
    let claimed = world.tables.snapshot()[&key]["last_decided_at"].clone();
    assert_eq!(claimed, Attr::S("2023-03-01T16:00:00Z".to_owned()));
    let unset = records::state::key(&StrategyId::parse("unset").unwrap());
    assert!(!world.tables.snapshot().contains_key(&unset));
}

#[test]
fn over_the_days_dollars_no_byte_is_sent() {
    let world = World::new();
    world.change(|state| {
        let usd = Notional::parse("0.9999").unwrap();
        state.llm_day = LlmDay { day: at("2023-03-01T00:00:00Z").day(), calls: 9, usd };
    });
    assert_eq!(outcome(&world.tick()), "abstain:over_budget");
    assert_eq!(world.asked(), 0);
    assert_eq!(world.decisions()[0].outcome, stored(&Outcome::Abstain(Why::OverBudget)));
    assert_eq!((world.state().llm_day.calls, world.state().bad_cycles), (9, 0));
}

/// C04.
#[test]
fn over_five_minutes_of_tokens_no_byte_is_sent_and_later_it_is() {
    let world = World::new();
    world.set(|settings| settings.llm_tokens = shared::settings::Tokens::new(5_000).unwrap());
    world.change(|state| {
        let minute = at("2023-03-01T15:59:00Z").minute_number();
        state.recent_llm = vec![LlmMinute { minute, calls: 3, refusals: 0, throttled: 0, tokens: 4_000 }];
    });
    assert_eq!(outcome(&world.tick()), "abstain:over_budget");
    assert_eq!(world.asked(), 0);
    world.clock.0.set(at("2023-03-01T16:04:05Z"));
    assert_eq!(outcome(&world.tick()), "hold");
}

#[test]
fn a_provider_that_fails_is_replaced_by_each_fallback_once() {
    let world = World::new();
    world.set(|settings| {
        settings.model_fallbacks = vec!["other/model".to_owned(), "anthropic/claude-sonnet-5".to_owned()];
    });
    world.will(Err(ModelError::Overloaded));
    assert_eq!(outcome(&world.tick()), "hold");
    let names: Vec<String> = world.model.asked.borrow().iter().map(|one| one.model.clone()).collect();
    assert_eq!(names, ["anthropic/claude-haiku-4-5", "anthropic/claude-sonnet-5"]);
    assert_eq!(world.decisions()[0].model, "anthropic/claude-sonnet-5");
    let minute = world.state().recent_llm[0];
    assert_eq!((minute.calls, minute.throttled), (2, 0));
}

#[test]
fn a_chain_of_models_goes_through_every_provider_and_ends_in_a_hold() {
    let world = World::new();
    let chain = ["openai/gpt-5-mini", "bedrock/us.amazon.nova-lite-v1:0"];
    world.set(|settings| settings.model_fallbacks = chain.map(str::to_owned).into());
    world.will(Err(ModelError::Throttled { wait: None }));
    world.will(Err(ModelError::Overloaded));
    world.will(Err(ModelError::Unavailable("timeout".to_owned())));
    assert_eq!(outcome(&world.tick()), "abstain:unavailable");
    let names: Vec<String> = world.model.asked.borrow().iter().map(|one| one.model.clone()).collect();
    assert_eq!(names, ["anthropic/claude-haiku-4-5", chain[0], chain[1]]);
    assert!(world.orders().is_empty());
}

#[test]
fn an_answer_that_was_cut_off_is_asked_once_of_the_next_model() {
    let next = "anthropic/claude-sonnet-5";
    for (second, expected, bad) in [
        (says(opens()), "open", 0),
        (mutters("length", "{"), "abstain:truncated", 1),
        (mutters("end", "I would buy."), "abstain:malformed", 1),
    ] {
        let world = World::new();
        world.set(|settings| settings.model_fallbacks = vec![next.to_owned(), "openai/gpt-5.4".to_owned()]);
        world.will(Ok(mutters("length", "{")));
        world.will(Ok(second));
        assert_eq!(outcome(&world.tick()), expected);
        let names: Vec<String> = world.model.asked.borrow().iter().map(|one| one.model.clone()).collect();
        assert_eq!(names, ["anthropic/claude-haiku-4-5", next]);
        assert_eq!(world.state().bad_cycles, bad);
        let decision = &world.decisions()[0];
        assert_eq!((decision.tokens_in, decision.asked.len()), (1_600, 2));
    }
    let world = World::new();
    world.will(Ok(mutters("length", "{")));
    assert_eq!(outcome(&world.tick()), "abstain:truncated");
    assert_eq!((world.asked(), world.state().bad_cycles), (1, 1), "there is no other model");
}

#[test]
fn a_question_that_never_left_costs_nothing_and_keeps_no_reservation() {
    for error in [
        ModelError::NotSent("connection refused".to_owned()),
        ModelError::NotAnswered("an answer without choices".to_owned()),
        ModelError::NoKey("the key has a line feed".to_owned()),
        ModelError::Unfit("HTTP 400: tool_choice".to_owned()),
    ] {
        let world = World::new();
        world.will(Err(error.clone()));
        assert_eq!(outcome(&world.tick()), "abstain:unavailable", "{error}");
        let (state, decision) = (world.state(), &world.decisions()[0]);
        assert_eq!(
            (decision.tokens_in, decision.tokens_out, decision.usd),
            (0, 0, Notional::ZERO),
            "{error}"
        );
        assert_eq!((state.llm_day.usd, state.recent_llm[0].tokens), (Notional::ZERO, 0), "{error}");
        assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, Notional::ZERO, "{error}");
    }
}

/// The page comes with the first such decision, whatever the interval.
#[test]
fn a_refusal_for_capability_key_credit_or_name_pages_at_once() {
    for (error, kind) in [
        (
            ModelError::Unfit("HTTP 400: Thinking mode does not support this tool_choice".to_owned()),
            "model-unusable",
        ),
        (ModelError::NoKey("secret x does not exist".to_owned()), "model-unusable"),
        (ModelError::Refused { status: 401, text: "invalid".to_owned() }, "model-unusable"),
        (ModelError::NoSuchModel("model: claude".to_owned()), "model-unusable"),
        (ModelError::SpendLimit("credit balance is too low".to_owned()), "llm-cost"),
    ] {
        for every in [1, 25, 1_440] {
            let world = World::new();
            world.set(|settings| settings.decide_every = Millis::from_minutes(every));
            world.clock.0.set(due_at(&world, every));
            world.will(Err(error.clone()));
            world.tick();
            let alerts = world.ledger("anthropic").unwrap().alerts;
            assert_eq!(alerts.keys().collect::<Vec<_>>(), [kind], "{error} every {every} minutes");
            let words = alerts[kind].detail.clone();
            let told = error.to_string();
            assert!(words.contains(told.split(": ").last().unwrap()), "{words}");
            assert!(world.state().alerts.is_empty(), "{error}: one fact, one page");
        }
    }
}

/// The first minute from now on in which the strategy is due.
fn due_at(world: &World, every: i64) -> shared::time::Timestamp {
    let (start, every) = (world.clock.0.get(), Millis::from_minutes(every));
    let mut minutes = (0..1_440).map(|minute| start + Millis::from_minutes(minute));
    minutes.find(|minute| crate::due::is_due(&world.id(), minute.minute(), every)).unwrap()
}

#[test]
fn a_chain_of_models_goes_on_where_one_of_them_needs_a_person() {
    for error in [
        ModelError::SpendLimit("used up".to_owned()),
        ModelError::NoSuchModel("retired".to_owned()),
        ModelError::NoKey("secret x does not exist".to_owned()),
        ModelError::Refused { status: 400, text: "no".to_owned() },
        ModelError::Refused { status: 401, text: "no".to_owned() },
    ] {
        let world = World::new();
        world.set(|settings| settings.model_fallbacks = vec!["openai/gpt-5-mini".to_owned()]);
        world.will(Err(error.clone()));
        assert_eq!(outcome(&world.tick()), "hold", "{error}");
        assert_eq!((world.asked(), world.decisions()[0].model.as_str()), (2, "openai/gpt-5-mini"), "{error}");
    }
}

#[test]
fn a_model_that_fails_is_an_abstention_and_is_not_asked_again() {
    for (error, calls) in [
        (ModelError::Overloaded, 1),
        (ModelError::SpendLimit("used up".to_owned()), 1),
        (ModelError::Refused { status: 401, text: "key".to_owned() }, 1),
        (ModelError::Unavailable("timeout".to_owned()), 1),
    ] {
        let world = World::new();
        world.will(Err(error.clone()));
        assert_eq!(outcome(&world.tick()), "abstain:unavailable", "{error}");
        assert_eq!(world.asked(), calls);
        assert_eq!(world.state().bad_cycles, 0);
        let paid = !world.state().llm_day.usd.value().is_zero();
        assert_eq!(
            paid,
            matches!(error, ModelError::Unavailable(_)),
            "what may have been answered is paid for"
        );
    }
}

#[test]
fn the_refusals_of_our_own_rules_are_shown_in_the_next_prompt() {
    let world = World::new();
    world.will(Ok(says(opens())));
    world.tick();
    let mut order = world.orders().remove(0);
    let message = "order notional 230 exceeds limit 100".to_owned();
    order.state = State::Refused { rule: "max_order_notional".to_owned(), message: message.clone() };
    let key = records::order::key(&order.terms.position_id, &order.terms.order_id);
    world.tables.plant(key, records::order::encode(&order));
    world.change(|state| state.live.clear());
    world.clock.0.set(at("2023-03-01T16:05:05Z"));
    world.tick();
    let asked = world.model.asked.borrow();
    assert!(asked[1].facts.contains(&message), "{}", asked[1].facts);
}

/// Answers slowly: half a minute passes everywhere.
struct Slow<'a>(&'a World);

impl AskModel for Slow<'_> {
    fn servers(&self) -> &shared::model::Servers {
        self.0.model.servers()
    }
    fn serves(&self, provider: &str) -> bool {
        self.0.model.serves(provider)
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let later = self.0.clock.0.get() + Millis::from_secs(30);
        self.0.clock.0.set(later);
        self.0.venues.0.borrow().now.set(later);
        self.0.model.ask(question).await
    }
    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        self.0.model.read(model, reply)
    }
}

#[test]
fn a_strategy_whose_turn_comes_late_looks_at_the_market_again() {
    let world = World::new();
    world.shard(&["demo", "patient"]);
    world.plant_other("patient");
    let began = world.clock.0.get();
    let (env, trail) = (Env::parse("dev").unwrap(), Trail::default());
    let tick = Tick { shard: 0, of: 1, scheduled_at: began.minute() };
    let World { tables, venues, clock, log, .. } = &world;
    let ports = Ports { trail: &trail, tables, venues, model: &Slow(&world), clock, log };
    at_once(handle(tick, began + Millis::from_minutes(2), &env, &ports)).unwrap();
    let seen = |record: &DecisionRecord| {
        record.inputs.as_ref().unwrap().markets[&crate::testing::symbol()].at.since(began)
    };
    let seen: Vec<Millis> = world.decisions().iter().map(seen).collect();
    assert_eq!(seen, [Millis(0), Millis::from_secs(30)]);
}

/// The facts of the newest question.
fn facts(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.model.asked.borrow().last().unwrap().facts).unwrap()
}

#[test]
fn the_model_is_shown_what_it_decided_lately_and_what_became_of_it() {
    let world = World::new();
    world.will(Ok(says(opens())));
    world.tick();
    assert_eq!(facts(&world)["recent_decisions"], json!([]));
    let mut order = world.orders().remove(0);
    let (id, bought) = (order.terms.position_id.clone(), order.terms.quantity);
    let venue_id = "7".to_owned();
    let venue = AtVenue { venue_id, executed: bought, recorded: bought, sent_at: world.clock.0.get() };
    order.state = State::Done { venue, ended: Ended::Filled };
    world.tables.plant(records::order::key(&id, &order.terms.order_id), records::order::encode(&order));
    world.change(|state| state.live.clear());
    let shown = |position: Option<Position>| {
        if let Some(position) = position {
            world.tables.plant(records::position::key(&id), records::position::encode(&position));
        }
        world.clock.0.set(world.clock.0.get() + Millis::from_minutes(5));
        world.tick();
        facts(&world)["recent_decisions"].clone()
    };
    assert_eq!(shown(None), json!(["5m: opened, filled"]));
    let (cost, proceeds) = (Notional::parse("230").unwrap(), Notional::parse("227.7").unwrap());
    let held = holding().positions.remove(0);
    let position =
        Position { id: id.clone(), quantity: Qty::ZERO, bought, sold: bought, cost, proceeds, ..held };
    let position = Position { status: PositionStatus::Closed, ..position };
    assert_eq!(shown(Some(position)), json!(["5m: held", "10m: opened, filled, gain -1.00%"]));
}

#[test]
fn a_cycle_is_one_log_line_with_trace_cost_and_duration() {
    let world = World::new();
    world.tick();
    let lines = world.log.0.borrow();
    let decided: Vec<_> = lines.iter().filter(|line| line.what == "decided").collect();
    assert_eq!(decided.len(), 1);
    for (name, value) in [
        ("strategy_id", "demo"),
        ("trace", "demo-27961440"),
        ("outcome", "hold"),
        ("usd", "0.0011"),
        ("llm_decision_duration_seconds", "0.000"),
    ] {
        assert_eq!(decided[0].fields[name], value, "{name}");
    }
}

#[test]
fn what_cannot_be_recorded_is_asked_within_the_budget_and_fails_the_invocation() {
    let world = World::new();
    let full = Meddled(world.tables.clone(), |tables: &MemoryStore, writes: Vec<Write>| {
        match writes.iter().any(|write| write.key.table == Table::Decisions) {
            true => Err(WriteError::NotDone("no more room".to_owned())),
            false => at_once(tables.write(writes)),
        }
    });
    let mut tokens = Vec::new();
    for _ in 0..10 {
        let before = world.asked();
        let report = world.tick_over(&full, &Trail::default(), world.clock.0.get().minute());
        assert_eq!((report.cycles, report.unrecorded, report.answer().is_err()), (0, 1, true));
        let asked = world.model.asked.borrow();
        let bound = |question: &Question| {
            let takes = shared::model::capabilities::of(&question.model);
            tokens::asked(&takes, &question.tool, &[&question.facts]) + question.max_tokens
        };
        tokens.push(asked[before..].iter().map(bound).sum::<u32>());
        world.clock.0.set(world.clock.0.get() + Millis::from_minutes(1));
    }
    for five in tokens.windows(5) {
        assert!(five.iter().sum::<u32>() <= settings().llm_tokens.get(), "{tokens:?}");
    }
    assert!(world.asked() >= 2, "{tokens:?}");
    let calls: u32 = world.state().recent_llm.iter().map(|minute| minute.calls).sum();
    assert!(calls >= 1, "who died after asking has asked");
}

/// Tables without the notes of the user's pipeline.
struct NoNotes<'a>(&'a MemoryStore);

impl ReadTables for NoNotes<'_> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        self.0.get(keys).await
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: store::Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        if table == Table::Context {
            return Err(ReadError::Unavailable("down".to_owned()));
        }
        self.0.query(table, hash, prefix, order, limit).await
    }
}

impl WriteTables for NoNotes<'_> {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        self.0.write(writes).await
    }
}

#[test]
fn notes_that_cannot_be_read_stop_only_a_cycle_that_would_ask() {
    let world = World::new();
    world.set(|settings| settings.context_top_k = 3);
    let tick = || world.tick_over(&NoNotes(&world.tables), &Trail::default(), world.clock.0.get().minute());
    world.venues.0.borrow_mut().fails = true;
    assert_eq!(outcome(&tick()), "abstain:stale_market");
    world.venues.0.borrow_mut().fails = false;
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    let report = tick();
    assert_eq!((report.cycles, report.failed, world.asked()), (0, 1, 0));
}
