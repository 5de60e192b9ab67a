//! What instances share of the model: dollars that together they cannot exceed, waits, the breaker, and the switch.

use std::cell::Cell;

use shared::ids::ProviderId;
use shared::money::Notional;
use shared::ports::{ModelError, RawReply, ReadTables, WriteTables};
use shared::records;
use shared::records::llm::{Fate, Hour, LlmLedger, Resumed, SwitchedOff};
use shared::roster::Trail;
use shared::settings::Tokens;
use shared::state::{Alert, LlmDay};
use shared::status::Hold;
use shared::store::{Attr, Change, Cond, Key, Path, Write, WriteError};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::counted::{Call, Counted};
use shared::testkit::meddled::Meddled;
use shared::testkit::memory::MemoryStore;
use shared::time::Millis;

use crate::budget::{self, Bound};
use crate::meters::Tally;
use crate::providers::{self, Told};
use crate::purse::{Most, NotReserved, Purse};
use crate::testing::{World, at, holding, mutters, outcome, state};
use crate::tokens;

fn usd(text: &str) -> Notional {
    Notional::parse(text).unwrap()
}
/// So many dollars, and the tokens of a usual question with its answer.
fn most(text: &str) -> Most {
    Most { usd: usd(text), tokens: 2_000 }
}
fn fleet() -> LlmLedger {
    LlmLedger::first(ProviderId::parse("fleet").unwrap())
}
fn purse(tables: &MemoryStore) -> Purse {
    let (purse, name) = (Purse::default(), fleet().name);
    let item = at_once(tables.get(&[records::llm::key(&name)])).unwrap().remove(0);
    purse.adopt([(name, item)]);
    purse
}
fn throttled() -> ModelError {
    ModelError::Throttled { wait: Some(Millis::from_secs(30)) }
}

fn now() -> shared::time::Timestamp {
    at("2023-03-01T16:00:05Z")
}
fn plain(name: &str) -> shared::state::StrategyState {
    shared::state::StrategyState { strategy_id: shared::ids::StrategyId::parse(name).unwrap(), ..state() }
}

#[test]
fn instances_that_reserve_at_once_never_exceed_the_hour_together() {
    let world = World::new();
    world.plant_other("other");
    // Each of them would fit alone: four of 100 by others, each just before a write of ours, and 150 of ours do not fit
    // into 500.
    let left = Cell::new(4);
    let busy = Meddled(world.tables.clone(), |tables: &MemoryStore, writes| {
        if left.get() > 0 {
            left.set(left.get() - 1);
            let item =
                at_once(tables.get(&[records::state::key(&plain("other").strategy_id)])).unwrap().remove(0);
            let state = records::state::decode(&item.unwrap()).unwrap();
            let other = purse(tables);
            at_once(other.reserve(tables, &state, &mut Tally::default(), most("100"), now())).unwrap();
        }
        at_once(tables.write(writes))
    });
    let ours = purse(&world.tables);
    let mut tally = Tally::default();
    let got = at_once(ours.reserve(&busy, &state(), &mut tally, most("150"), now()));
    let fleet = world.ledger("fleet").unwrap();
    assert!(fleet.hour.unwrap().usd <= usd("500"));
    assert!(matches!(got, Err(NotReserved::Off(_) | NotReserved::Unknown(_))), "{got:?}");
    assert_eq!(tally.booked, None);
    assert_eq!(world.state().llm_day.usd, Notional::ZERO, "nothing is booked that was not reserved");
}

#[test]
fn two_cycles_of_one_strategy_cannot_both_take_the_last_dollar_of_its_day() {
    let world = World::new();
    let (one, two) = (purse(&world.tables), purse(&world.tables));
    let reserve = |purse: &Purse| {
        at_once(purse.reserve(&world.tables, &state(), &mut Tally::default(), most("1"), now()))
    };
    assert_eq!(reserve(&one), Ok(()));
    assert!(matches!(reserve(&two), Err(NotReserved::Unknown(_))));
    assert_eq!(world.state().llm_day.usd, usd("1"));
}

#[test]
fn what_is_reserved_is_given_back_once_the_answer_is_counted() {
    let world = World::new();
    world.tick();
    assert_eq!(world.state().llm_day.usd.to_string(), "0.0011", "the day has what it cost");
    let fleet = world.ledger("fleet").unwrap();
    assert_eq!(fleet.hour.unwrap().usd.to_string(), "0.0011", "and so has the hour");
    let provider = world.ledger("anthropic").unwrap();
    assert_eq!((provider.calls.len(), provider.minutes[0].usd.to_string()), (1, "0.0011".to_owned()));
}

#[test]
fn who_dies_after_reserving_has_spent_too_much_on_paper_and_never_too_little() {
    let world = World::new();
    let dies = purse(&world.tables);
    at_once(dies.reserve(&world.tables, &state(), &mut Tally::default(), most("0.25"), now())).unwrap();
    drop(dies);
    assert_eq!(world.state().llm_day.usd, usd("0.25"));
    assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, usd("0.25"));
    world.tick();
    assert_eq!(world.state().llm_day.usd.to_string(), "0.2511");
}

#[test]
fn what_an_unheard_reservation_gave_back_is_not_given_back_again() {
    let world = World::new();
    world.plant_other("other");
    world.shard(&["demo", "other"]);
    // Every write is made; the answer to the second reservation is lost.
    let reservations = Cell::new(0);
    let unheard = Meddled(world.tables.clone(), |tables: &MemoryStore, writes: Vec<Write>| {
        let is_one = writes.iter().map(|write| write.key.table).eq([Table::TradingState, Table::Ledgers]);
        reservations.set(reservations.get() + u32::from(is_one));
        at_once(tables.write(writes))?;
        if is_one && reservations.get() == 2 {
            Err(WriteError::NoAnswer("timeout".to_owned()))
        } else {
            Ok(())
        }
    });
    world.tick_over(&unheard, &Trail::default(), now().minute());
    assert_eq!((world.asked(), reservations.get()), (1, 2));
    let days = world.state().llm_day.usd + world.state_of("other").llm_day.usd;
    assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, days, "too much on paper, never too little");
}

#[test]
fn above_the_hours_ceiling_the_model_is_off_until_a_person_resumes_it() {
    let world = World::new();
    world.plant_other("other");
    world.shard(&["demo", "other"]);
    let hour = Hour { hour: now().minute_number() / 60, after: None, usd: usd("499.999") };
    world.plant_ledger(&LlmLedger { hour: Some(hour), ..fleet() });
    assert_eq!(outcome(&world.tick()), "abstain:model_off");
    assert_eq!(world.asked(), 0, "no byte is sent");
    for name in ["demo", "other"] {
        assert!(world.state_of(name).holds.contains_key(&Hold::ModelOff), "{name}");
        assert_eq!(world.state_of(name).bad_cycles, 0);
    }
    let ledger = world.ledger("fleet").unwrap();
    assert!(ledger.alerts["llm-cost"].detail.contains("tradai model resume"), "{ledger:?}");
    // Neither time nor a new day resumes it.
    world.clock.0.set(at("2023-03-02T09:00:05Z"));
    assert_eq!(outcome(&world.tick()), "abstain:model_off");
    let off = ledger.off().unwrap().at;
    let resumed = Resumed { of: off, by: "ada".to_owned(), at: world.clock.0.get() };
    let write = records::llm::resume(&ledger, ledger.off().unwrap(), &resumed);
    at_once(world.tables.write(vec![write])).unwrap();
    world.clock.0.set(at("2023-03-02T09:01:05Z"));
    assert_eq!(outcome(&world.tick()), "hold");
    assert!(!world.state().holds.contains_key(&Hold::ModelOff));
    assert!(world.ledger("fleet").unwrap().alerts.is_empty());
}

#[test]
fn resumed_within_the_same_hour_the_count_begins_anew() {
    let world = World::new();
    let hour = Hour { hour: now().minute_number() / 60, after: None, usd: usd("500") };
    world.plant_ledger(&LlmLedger { hour: Some(hour), ..fleet() });
    world.tick();
    let ledger = world.ledger("fleet").unwrap();
    let off = ledger.off().unwrap();
    let resumed = Resumed { of: off.at, by: "ada".to_owned(), at: now() };
    at_once(world.tables.write(vec![records::llm::resume(&ledger, off, &resumed)])).unwrap();
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    assert_eq!(outcome(&world.tick()), "hold");
    let hour = world.ledger("fleet").unwrap().hour.unwrap();
    assert_eq!((hour.usd.to_string().as_str(), hour.after), ("0.0011", Some(off.at)));
}

#[test]
fn a_persons_ceiling_binds_and_one_that_cannot_be_read_asks_nobody() {
    let world = World::new();
    world.plant_ledger(&LlmLedger { usd_per_hour: Some(usd("0.001")), ..fleet() });
    assert_eq!(outcome(&world.tick()), "abstain:model_off");
    let world = World::new();
    let key = records::llm::key(&fleet().name);
    world.plant_ledger(&fleet());
    let set = Change::Set(Path::of("usd_per_hour"), Attr::S("much".to_owned()));
    at_once(world.tables.write(vec![Write::update(key, vec![set], vec![Cond::Present(Path::of("count"))])]))
        .unwrap();
    assert_eq!(outcome(&world.tick()), "abstain:unavailable");
    assert_eq!(world.asked(), 0);
}

#[test]
fn the_hold_follows_the_switch_whoever_set_it() {
    let world = World::new();
    world.plant_books(&holding());
    world.change(|state| {
        state.holds.insert(Hold::ModelOff, at("2023-03-01T15:00:00Z"));
    });
    assert_eq!(outcome(&world.tick()), "hold", "nothing is switched off");
    assert!(world.state().holds.is_empty());
}

#[test]
fn a_wait_binds_every_model_of_the_provider_and_every_instance() {
    let world = World::new();
    world.set(|settings| settings.model_fallbacks = vec!["anthropic/claude-sonnet-5".to_owned()]);
    world.plant_other("other");
    world.shard(&["demo", "other"]);
    world.will(Err(throttled()));
    world.tick();
    assert_eq!(world.asked(), 1, "neither the fallback nor the other strategy asks during the wait");
    assert_eq!(world.ledger("anthropic").unwrap().not_before, Some(at("2023-03-01T16:00:35Z")));
    assert_eq!(world.state().llm_day.usd, Notional::ZERO, "a 429 costs nothing");
    assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, Notional::ZERO);
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    world.tick();
    assert_eq!(world.asked(), 3);
}

#[test]
fn an_open_breaker_answers_without_an_attempt_and_one_call_closes_it() {
    let world = World::new();
    world.model.mood.set(Some(|| Err(throttled())));
    world.minutes(5);
    assert_eq!(world.asked(), 5);
    let ledger = world.ledger("anthropic").unwrap();
    assert!(ledger.breaker.is_some() && ledger.alerts.contains_key("llm-throttled"));
    // The fifth call was at 16:04:05.
    world.minutes(4);
    assert_eq!(world.asked(), 5, "no attempt");
    assert!(world.decisions().iter().all(|one| one.outcome.as_deref() == Some("abstain:unavailable")));
    world.model.mood.set(None);
    world.minutes(2);
    assert_eq!(world.asked(), 7);
    assert_eq!(world.ledger("anthropic").unwrap().breaker, None);
}

#[test]
fn what_one_question_is_refused_for_shuts_neither_its_model_nor_its_neighbours() {
    let world = World::new();
    let (refusing, well) = ("bedrock/us.amazon.nova-lite-v1:0", "bedrock/us.amazon.nova-pro-v1:0");
    world.set(|settings| {
        settings.decide_every = Millis::from_minutes(5);
        settings.model = refusing.to_owned();
        settings.model_fallbacks = vec![well.to_owned()];
    });
    let calm = || crate::testing::says(serde_json::json!({"action": "hold", "reason": "calm"}));
    for status in [403, 400, 404, 403, 400, 404, 403, 400, 404, 403] {
        world.will(Err(ModelError::Refused { status, text: "not this".to_owned() }));
        world.will(Ok(calm()));
    }
    world.minutes(50);
    let decisions = world.decisions();
    let answered = decisions.iter().filter(|one| one.model == well && one.outcome.as_deref() == Some("hold"));
    assert_eq!((answered.count(), decisions.len(), world.asked()), (10, 10, 20));
    let ledger = world.ledger("bedrock").unwrap();
    assert_eq!((ledger.calls.as_slice(), ledger.breaker), ([Fate::Answered; 10].as_slice(), None));
    assert!(ledger.unusable.is_empty(), "{ledger:?}");
    assert_eq!(
        ledger.alerts["model-unusable"].since,
        now() + Millis::from_minutes(21),
        "it answers this one nothing"
    );
    world.will(Ok(calm()));
    world.minutes(5);
    assert!(world.ledger("bedrock").unwrap().alerts.is_empty());
}

#[test]
fn a_spend_limit_is_asked_once_and_told_once() {
    let world = World::new();
    world.model.mood.set(Some(|| Err(ModelError::SpendLimit("quota".to_owned()))));
    world.minutes(30);
    assert_eq!(world.asked(), 1);
    assert_eq!(world.ledger("anthropic").unwrap().alerts.len(), 1);
}

#[test]
fn a_chain_that_needs_a_person_is_asked_once_an_hour_by_all_strategies_together_and_changes_no_books() {
    let world = World::new();
    let names = ["demo", "second", "third"];
    for name in names.iter().skip(1) {
        world.plant_other(name);
    }
    world.shard(&names);
    let before = world.account();
    world.model.mood.set(Some(|| Err(ModelError::NoSuchModel("model: claude-haiku-4-5".to_owned()))));
    world.minutes(150);
    assert_eq!(world.asked(), 3, "in 150 minutes");
    let ledger = world.ledger("anthropic").unwrap();
    let alert = &ledger.alerts["model-unusable"];
    assert_eq!((ledger.alerts.len(), alert.since), (1, now()), "one fact");
    assert!(world.orders().is_empty());
    assert_eq!(world.account(), before);
    assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, Notional::ZERO);
    let held = world.decisions().iter().all(|one| one.outcome.as_deref() == Some("abstain:unavailable"));
    assert!(held, "every cycle holds");
    for name in names {
        assert_eq!(world.state_of(name).bad_cycles, 0, "what is not answered is no bad answer");
    }
    // It is back: nobody has to say so.
    world.model.mood.set(None);
    world.minutes(40);
    assert!(world.ledger("anthropic").unwrap().alerts.is_empty());
    assert!(world.asked() > 12, "{}", world.asked());
}

#[test]
fn a_mended_key_is_used_at_once_where_a_person_says_so() {
    let world = World::new();
    world.model.mood.set(Some(|| Err(ModelError::Refused { status: 401, text: "invalid key".to_owned() })));
    world.minutes(10);
    assert_eq!(world.asked(), 1);
    let ledger = world.ledger("anthropic").unwrap();
    let (_, one) = ledger.standing().next().unwrap();
    let mended = Resumed { of: one.tried_at, by: "ada".to_owned(), at: world.clock.0.get() };
    at_once(world.tables.write(vec![records::llm::mend(&ledger, &mended)])).unwrap();
    world.model.mood.set(None);
    assert_eq!(outcome(&world.tick()), "hold");
    let ledger = world.ledger("anthropic").unwrap();
    assert!(ledger.alerts.is_empty() && ledger.unusable.is_empty(), "{ledger:?}");
    assert_eq!(ledger.mended, Some(mended), "it is the person's to say");
}

#[test]
fn a_ledger_of_before_models_were_judged_one_by_one_takes_the_first_of_them() {
    let world = World::new();
    world.tick();
    let old = world.ledger("anthropic").unwrap();
    assert!(!records::llm::encode(&old).contains_key("unusable"));
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    world.will(Err(ModelError::NoSuchModel("gone".to_owned())));
    assert_eq!(outcome(&world.tick()), "abstain:unavailable");
    assert!(world.ledger("anthropic").unwrap().unusable.contains_key("claude-haiku-4-5"));
}

#[test]
fn a_provider_that_refuses_everyone_is_one_alert_and_not_one_for_each_strategy() {
    let world = World::new();
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    for name in &names {
        world.plant_other(name);
    }
    world.shard(&names.iter().map(String::as_str).collect::<Vec<_>>());
    world.model.mood.set(Some(|| Ok(mutters("refusal", "I cannot assist"))));
    world.minutes(10);
    assert!(world.ledger("anthropic").unwrap().alerts.contains_key("llm-refusals"));
    for name in &names {
        let state = world.state_of(name);
        assert!(state.alerts.is_empty(), "{:?}", state.alerts);
        assert_eq!(state.status, shared::status::Status::Reducing);
    }
    assert_eq!(world.asked(), 60, "three bad answers in a row, and nothing is open");
}

#[test]
fn refusals_after_those_that_are_over_are_told_anew_before_a_status_is_lowered() {
    let world = World::new();
    let refusals = "llm-refusals";
    let mut old = LlmLedger::first(ProviderId::parse("anthropic").unwrap());
    let monday = now() - Millis::from_minutes(3 * 24 * 60);
    let told: Vec<Told> = [Fate::Answered, Fate::Refused, Fate::Answered, Fate::Answered, Fate::Answered]
        .map(|fate| Told::of("claude-haiku-4-5", monday, fate))
        .to_vec();
    old = providers::after(old, &told);
    assert_eq!(old.alerts[refusals].since, monday);
    world.plant_ledger(&old);
    let purse = purse(&world.tables);
    purse.adopt([(old.name.clone(), Some(records::llm::encode(&old)))]);
    let an_hour_later = monday + Millis::from_minutes(60);
    assert!(purse.is_refusing(&old.name, an_hour_later) && !purse.is_refusing(&old.name, now()));
    world.model.mood.set(Some(|| Ok(mutters("refusal", "I cannot assist"))));
    world.minutes(1);
    assert_eq!(world.ledger("anthropic").unwrap().alerts[refusals].since, now(), "it is another fact");
    world.minutes(9);
    assert_eq!(world.state().status, shared::status::Status::Reducing);
    assert_eq!(world.ledger("anthropic").unwrap().alerts[refusals].since, now());
}

#[test]
fn a_strategy_that_is_lowered_while_only_an_old_alert_of_its_provider_stands_is_told_itself() {
    let world = World::new();
    let mut old = LlmLedger::first(ProviderId::parse("anthropic").unwrap());
    let monday = now() - Millis::from_minutes(3 * 24 * 60);
    let alert = Alert { since: monday, key: "anthropic".to_owned(), detail: "refuses".to_owned() };
    old.alerts.insert("llm-refusals".to_owned(), alert);
    world.plant_ledger(&old);
    world.model.mood.set(Some(|| Ok(mutters("refusal", "I cannot assist"))));
    world.minutes(10);
    let state = world.state();
    assert_eq!(state.status, shared::status::Status::Reducing);
    assert!(state.alerts.contains_key("bad-cycles") && state.alerts.contains_key("llm-refusals"));
    assert!(world.ledger("anthropic").unwrap().alerts.is_empty(), "three answers say nothing of a provider");
    world.minutes(70);
    let kinds: Vec<String> = world.state().alerts.into_keys().collect();
    assert_eq!(kinds, ["bad-cycles"], "it asks nobody any more, and waits for a person");
}

#[test]
fn a_lowering_that_outlasts_the_alert_of_its_provider_is_told_itself() {
    let world = World::new();
    let told = [Fate::Answered, Fate::Refused, Fate::Refused, Fate::Refused, Fate::Refused];
    let told = told.map(|fate| Told::of("claude-haiku-4-5", now(), fate));
    world.plant_ledger(&providers::after(LlmLedger::first(ProviderId::parse("anthropic").unwrap()), &told));
    world.model.mood.set(Some(|| Ok(mutters("refusal", "I cannot assist"))));
    world.minutes(60);
    let state = world.state();
    assert_eq!((state.status, state.alerts.len()), (shared::status::Status::Reducing, 0));
    world.minutes(10);
    let alert = &world.state().alerts["bad-cycles"];
    assert!(alert.detail.contains("lowered to reducing: 3 cycles"), "{}", alert.detail);
    world.change(|state| state.status = shared::status::Status::Stopped);
    world.minutes(1);
    assert!(world.state().alerts.is_empty(), "a person has acted");
}

#[test]
fn after_three_bad_answers_a_strategy_asks_at_most_every_ten_minutes() {
    let world = World::new();
    world.plant_books(&holding());
    world.model.mood.set(Some(|| Ok(mutters("refusal", "I cannot assist"))));
    world.minutes(60);
    assert_eq!(world.asked(), 8);
}

#[test]
fn an_hour_of_malformed_answers_is_asked_twelve_times_at_most() {
    let world = World::new();
    world.set(|settings| settings.llm_tokens = Tokens::new(Tokens::MOST).unwrap());
    world.plant_books(&holding());
    world.model.mood.set(Some(|| Ok(mutters("end", "I would buy a little."))));
    world.minutes(60);
    assert_eq!(world.asked(), 10, "five cycles, each asks again");
}

/// The kind of a call, and whether it is about a ledger of the models.
fn told(call: &Call) -> (&'static str, bool) {
    let of_models = |keys: &[Key]| keys.iter().any(|key| key.hash.starts_with("llm#"));
    match call {
        Call::Get(keys) => ("get", of_models(keys)),
        Call::Query(_) => ("query", false),
        Call::Write(keys) => ("write", of_models(keys)),
    }
}

#[test]
fn an_idle_tick_calls_no_table_more_and_an_asking_one_two() {
    let world = World::new();
    world.set(|settings| settings.decide_every = Millis::from_minutes(25));
    let (tables, trail) = (Counted::over(&world.tables), Trail::default());
    let calls: Vec<Vec<(&str, bool)>> = (0..26)
        .map(|_| {
            world.tick_over(&tables, &trail, world.clock.0.get().minute());
            world.clock.0.set(world.clock.0.get() + Millis::from_minutes(1));
            tables.take().iter().map(told).collect()
        })
        .collect();
    assert_eq!(world.asked(), 1);
    let (idle, asking): (Vec<_>, Vec<_>) = calls.iter().skip(1).partition(|calls| calls.len() == 2);
    assert_eq!(idle.len(), 24);
    assert!(
        idle.iter().all(|calls| ***calls == [("get", false), ("write", false)]),
        "its roster and its claim"
    );
    // The ledgers are read with the books; what the answer was and what came of it is written in between.
    let reserved_and_told = [("write", true), ("write", false), ("write", false), ("write", true)];
    let books = [("get", false), ("write", false), ("query", false), ("get", true)];
    assert_eq!(asking, [&[books, reserved_and_told].concat()]);
    let day = world.state().llm_day;
    assert_eq!(day, LlmDay { day: day.day, calls: 1, usd: usd("0.0011") });
}

#[test]
fn a_model_that_uses_more_than_its_bound_raises_it_for_everyone_and_is_told() {
    let world = World::new();
    world.model.tokens_in.set(Some(20_000));
    world.tick();
    let ledger = world.ledger("anthropic").unwrap();
    let factor = ledger.factors["claude-haiku-4-5"];
    assert!(factor > 100 && ledger.alerts.contains_key("token-bound"), "{ledger:?}");
    // The next question is bounded at twenty thousand, which five minutes do not allow.
    world.model.tokens_in.set(None);
    world.clock.0.set(at("2023-03-01T16:10:05Z"));
    assert_eq!(outcome(&world.tick()), "abstain:over_budget");
    assert_eq!(world.ledger("anthropic").unwrap().factors["claude-haiku-4-5"], factor);
}

#[test]
fn an_answer_longer_than_its_bound_raises_it_and_is_told() {
    let world = World::new();
    world.model.tokens_out.set(Some(1_000));
    world.tick();
    assert!(world.ledger("anthropic").unwrap().factors.is_empty());
    world.model.tokens_out.set(Some(1_001));
    world.clock.0.set(at("2023-03-01T16:05:05Z"));
    world.tick();
    let ledger = world.ledger("anthropic").unwrap();
    assert_eq!((ledger.factors["claude-haiku-4-5"], ledger.alerts.len()), (101, 1));
    world.clock.0.set(at("2023-03-01T16:10:05Z"));
    world.tick();
    assert!(world.ledger("anthropic").unwrap().alerts.is_empty(), "it keeps to the raised bound");
    // As much more is reserved for an answer: one that does not say its use counts as all of it.
    world.will(Ok(RawReply { body: b"<html>".to_vec() }));
    world.clock.0.set(at("2023-03-01T16:15:05Z"));
    world.tick();
    assert_eq!(world.decisions()[3].tokens_out, 1_010 + 1_001, "and what was used when it was asked again");
}

#[test]
fn a_question_too_large_for_one_model_goes_to_the_next_of_its_chain() {
    let world = World::new();
    world.set(|settings| settings.model_fallbacks = vec!["openai/gpt-5-mini".to_owned()]);
    let provider = || ProviderId::parse("anthropic").unwrap();
    for factor in [1_000, 100_000] {
        let factors = [("claude-haiku-4-5".to_owned(), factor)].into();
        world.plant_ledger(&LlmLedger { factors, ..LlmLedger::first(provider()) });
        assert_eq!(outcome(&world.tick()), "hold", "{factor}");
        world.clock.0.set(world.clock.0.get() + Millis::from_minutes(5));
    }
    assert!(world.model.asked.borrow().iter().all(|question| question.model == "openai/gpt-5-mini"));
    // Whoever has spent the day has spent it for every model.
    world.change(|state| {
        state.llm_day = LlmDay { day: now().day(), calls: 9, usd: usd("0.99999") };
    });
    assert_eq!(outcome(&world.tick()), "abstain:over_budget");
    assert_eq!((world.asked(), world.decisions().pop().unwrap().asked.len()), (2, 2));
}

#[test]
fn an_answer_that_does_not_say_its_use_costs_all_that_was_reserved_for_it() {
    let world = World::new();
    let factors = [("claude-haiku-4-5".to_owned(), 180)].into();
    let provider = ProviderId::parse("anthropic").unwrap();
    world.plant_ledger(&LlmLedger { factors, ..LlmLedger::first(provider) });
    // Five minutes have no room to ask again.
    world.set(|settings| settings.llm_tokens = Tokens::new(6_000).unwrap());
    world.will(Ok(RawReply { body: b"<html>".to_vec() }));
    assert_eq!(outcome(&world.tick()), "abstain:malformed");
    let asked = world.model.asked.borrow();
    let facts = &asked[0].facts;
    let (takes, limit) = (world.model.servers.capabilities(&asked[0].model), asked[0].max_tokens);
    let bound = Bound::raised(tokens::asked(&takes, &asked[0].tool, &[facts]), limit, 180);
    let decision = &world.decisions()[0];
    assert_eq!((decision.tokens_in, decision.tokens_out), (bound.tokens_in, 1_800));
    let usd = budget::most_cost(&world.model.servers, &asked[0].model, bound, now());
    assert_eq!(world.state().llm_day.usd, usd);
    assert_eq!(world.ledger("fleet").unwrap().hour.unwrap().usd, usd, "nothing of it is given back");
}

#[test]
fn what_is_switched_off_is_told_once_and_the_hold_is_written_once() {
    let world = World::new();
    let off = SwitchedOff { at: at("2023-03-01T15:00:00Z"), detail: "dear".to_owned() };
    world.plant_ledger(&LlmLedger { switched_off: Some(off), ..fleet() });
    assert_eq!(outcome(&world.tick()), "abstain:model_off");
    assert!(world.state().holds.contains_key(&Hold::ModelOff));
    assert_eq!(world.lines("model off"), 1);
    world.clock.0.set(at("2023-03-01T16:01:05Z"));
    world.tick();
    assert_eq!(world.lines("model off"), 1, "it stands");
}

#[test]
fn what_is_switched_off_again_in_the_cycle_that_would_resume_holds_the_strategy() {
    let world = World::new();
    world.change(|state| {
        state.holds.insert(Hold::ModelOff, at("2023-03-01T15:00:00Z"));
    });
    world.plant_ledger(&LlmLedger { usd_per_hour: Some(usd("0.001")), ..fleet() });
    assert_eq!(outcome(&world.tick()), "abstain:model_off");
    assert!(world.ledger("fleet").unwrap().off().is_some());
    assert!(world.state().holds.contains_key(&Hold::ModelOff));
    assert_eq!((world.lines("model on"), world.lines("model off")), (1, 1));
}
