//! What cannot be read, what trades after it was closed, and markets that close while something is held.

use shared::books::PositionStatus;
use shared::ids::{Leg, PositionId, StrategyId, Symbol};
use shared::order::{Order, Origin};
use shared::ports::KeyRights;
use shared::records::{self, Shard};
use shared::state::{Live, StrategyState, Target};
use shared::status::{Holds, Status};
use shared::store::{Attr, Key};
use shared::time::Millis;
use sim::exchange::SymbolStatus;

use super::{FLAT, flat};
use crate::testing::{
    Bench, Fault, Wanted, bench, demo, limit, market, minute, percent, price, qty, settings,
};

/// The item of one order.
fn order_key(bench: &Bench, id: &PositionId, leg: Leg) -> Key {
    let orders = bench.orders().into_iter();
    let mut of = orders.filter(|one| one.terms.position_id == *id && one.terms.leg == leg);
    records::order::key(id, &of.next().unwrap().terms.order_id)
}

fn spoil(bench: &Bench, key: &Key, name: &str) -> Attr {
    let before = bench.tables.store.snapshot()[key][name].clone();
    bench.edit(key.clone(), name, Attr::S("Running".to_owned()));
    before
}

#[test]
fn a_damaged_order_counts_as_halted_while_the_rules_of_what_is_readable_go_on() {
    let high = ([110, 110, 110, 110], 1_000);
    let bench = bench(&[FLAT, high, high, high, high]);
    let id = bench.intend(&Wanted { take_profit: Some(price("105")), ..market("1", "90") });
    bench.tick(0);
    let (bad, good) = (bench.intend(&limit("1", "80", "70")), bench.intend(&limit("1", "81", "70")));
    let key = order_key(&bench, &bad, Leg::Entry);
    let was = spoil(&bench, &key, "status");
    let before = bench.state();
    let report = bench.tick(1);
    assert_eq!((report.served, report.failed), (0, 1));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed, "its take-profit was reached");
    let state = bench.state();
    assert_eq!(state.status, Status::Running, "the status is a person's; this tick acted as if halted");
    assert_eq!(
        (state.last_heartbeat, state.last_executed_at),
        (before.last_heartbeat, before.last_executed_at)
    );
    assert!(state.alerts["books-damaged"].detail.contains("status"), "{:?}", state.alerts);
    let error = bench.line("strategy not served").fields["error"].as_str().unwrap().to_owned();
    assert!(error.contains("tradai-orders") && error.contains("attribute status"), "{error}");
    bench.edit(key, "status", was);
    assert_eq!(bench.order(&good, Leg::Entry, 0).as_str(), "refused");
    assert_eq!(bench.order(&bad, Leg::Entry, 0).as_str(), "intended", "what cannot be read is not touched");
    let report = bench.tick(2);
    assert_eq!((report.served, bench.state().alerts.contains_key("books-damaged")), (1, false));
    bench.books_agree();
}

#[test]
fn a_position_with_a_damaged_stop_is_left_alone_and_its_entry_is_taken_back() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    assert_eq!(bench.resting(), ["BUY 1", "SELL 0.3996"]);
    let key = order_key(&bench, &id, Leg::Stop);
    let was = spoil(&bench, &key, "quantity");
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(3);
    assert_eq!(bench.resting(), ["SELL 0.3996"], "no second stop, no sell: its first stop rests");
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.edit(key, "quantity", was);
    bench.tick(4);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed, "a person's wish has waited");
    bench.is_over();
}

#[test]
fn what_a_damaged_position_trades_is_recorded_once_it_is_mended() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, thin, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    let key = records::position::key(&id);
    let was = spoil(&bench, &key, "version");
    bench.tick(3);
    assert_eq!(bench.resting(), ["SELL 0.3996"], "the entry is taken back");
    bench.edit(key, "version", was);
    bench.tick(4);
    assert_eq!(bench.position(&id).bought, qty("0.7992"));
    assert_eq!(bench.resting(), ["SELL 0.7992"]);
    bench.books_agree();
}

#[test]
fn a_missing_order_item_stops_only_its_own_position() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.change_state(|state| {
        let position = PositionId { strategy: demo(), seq: 7 };
        let live = shared::state::Live::Order { position, leg: Leg::Entry };
        state.live.insert("gone".to_owned(), live);
    });
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    let report = bench.tick(1);
    assert_eq!((report.failed, bench.resting()), (1, vec!["SELL 0.999".to_owned()]));
    assert!(bench.state().alerts["books-damaged"].detail.contains("gone"));
}

fn state_key() -> Key {
    records::state::key(&demo())
}

fn settings_key() -> Key {
    records::strategy_config::key(&demo())
}

fn account_key() -> Key {
    records::account::key(&settings().account)
}

/// Something is held, its stop was taken away by hand, an entry rests and another is wanted.
fn exposed() -> Bench {
    let bench = bench(&flat(8));
    bench.settings(|settings| settings.limits.allowed_symbols.push(Symbol::parse("ETH-USDT").unwrap()));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.intend(&limit("1", "80", "70"));
    bench
}

/// What was taken away rests again, nothing was opened, and a person is told what is damaged.
fn is_protected_and_told(bench: &Bench, words: &[&str]) {
    assert_eq!(bench.resting(), ["SELL 0.999"], "{words:?}");
    let entries = bench.at_venue().iter().filter(|one| one.side.as_str() == "BUY").count();
    assert_eq!(entries, 1, "{words:?}");
    let state = records::state::remains(&bench.tables.store.snapshot()[&state_key()]).unwrap();
    let detail = &state.alerts["books-damaged"].detail;
    assert!(words.iter().all(|word| detail.contains(word)), "{words:?} in {detail}");
    assert_eq!(state.last_heartbeat, minute(0) + Millis::from_secs(4), "failing is not an outcome");
}

#[test]
fn a_status_that_cannot_be_read_is_halted_and_what_is_held_stays_protected() {
    for typo in [Attr::S("Running".to_owned()), Attr::Null, Attr::N("1".to_owned())] {
        let bench = exposed();
        bench.edit(state_key(), "status", typo.clone());
        let report = bench.tick(1);
        assert_eq!((report.served, report.failed), (0, 1));
        is_protected_and_told(&bench, &["tradai-trading-state", "attribute status"]);
        assert_eq!(bench.tables.store.snapshot()[&state_key()]["status"], typo, "it is a person's");
        bench.set_status(Status::Running);
        assert_eq!(
            bench.statuses(),
            ["entry 0 filled", "stop 0 cancelled", "stop 1 open", "entry 0 refused"]
        );
        assert_eq!((bench.tick(2).served, bench.state().alerts.contains_key("books-damaged")), (1, false));
        bench.books_agree();
    }
}

#[test]
fn what_others_write_into_the_state_keeps_nothing_from_being_protected() {
    let of_others = ["llm_day", "recent_llm", "bad_cycles", "last_decided_at", "episodes", "gate_reset"];
    for name in of_others.into_iter().chain(["status_ack", "last_executed_at", "intent_seq", "halt_reason"]) {
        let bench = exposed();
        bench.edit(state_key(), name, Attr::Null);
        bench.tick(1);
        assert_eq!(bench.resting(), ["SELL 0.999"], "{name}");
        let item = &bench.tables.store.snapshot()[&state_key()];
        assert_eq!(item[name], Attr::Null, "{name} is not overwritten");
        assert!(records::state::remains(item).unwrap().alerts["books-damaged"].detail.contains(name));
    }
}

#[test]
fn damaged_settings_open_nothing_and_protect_with_what_the_position_carries() {
    let names = ["symbols", "safety_mode", "limits", "gate", "pnl_gate", "exits", "crash", "model_fallbacks"];
    for name in names.into_iter().chain(["order_cooldown_seconds", "decide_every_seconds"]) {
        let bench = exposed();
        let was = spoil(&bench, &settings_key(), name);
        bench.tick(1);
        is_protected_and_told(&bench, &["tradai-strategy-config", name]);
        assert_eq!(
            bench.state().holds,
            Holds::new(),
            "{name}: no gate is judged by a limit that is not known"
        );
        bench.edit(settings_key(), name, was);
        assert_eq!((bench.tick(2).served, bench.state().alerts.contains_key("books-damaged")), (1, false));
        bench.books_agree();
    }
}

#[test]
fn the_rules_of_damaged_settings_that_can_be_read_go_on() {
    let high = ([110, 110, 110, 110], 1_000);
    for own in [true, false] {
        let bench = bench(&[FLAT, high, high]);
        bench.settings(|settings| settings.exits.take_profit = (!own).then(|| percent("5")));
        let wanted = market("1", "90");
        let id = bench.intend(&Wanted { take_profit: own.then(|| price("105")), ..wanted });
        bench.tick(0);
        spoil(&bench, &settings_key(), "limits");
        bench.tick(1);
        assert_eq!(bench.position(&id).status, PositionStatus::Closed, "its own: {own}");
        bench.is_over();
    }
}

#[test]
fn settings_that_do_not_say_where_orders_rest_page_in_the_same_tick() {
    for name in ["account", "venue", "backend", "testnet"] {
        let bench = exposed();
        let was = bench.tables.store.snapshot()[&settings_key()][name].clone();
        bench.edit(settings_key(), name, Attr::Null);
        let report = bench.tick(1);
        assert_eq!((report.failed, bench.resting()), (1, Vec::<String>::new()), "nothing can be done");
        let alert = bench.state().alerts["books-damaged"].clone();
        assert!(alert.detail.contains("tradai-strategy-config") && alert.detail.contains(name), "{alert:?}");
        bench.tick(2);
        assert_eq!(bench.state().alerts["books-damaged"], alert, "one episode");
        bench.edit(settings_key(), name, was);
        assert_eq!((bench.tick(3).served, bench.state().alerts.contains_key("books-damaged")), (1, false));
    }
}

#[test]
fn a_state_without_settings_pages_and_stops_no_other() {
    let (bench, lone) = (exposed(), StrategyId::parse("lone").unwrap());
    let (store, key) = (&bench.tables.store, records::state::key(&lone));
    let strategies = vec![lone.clone(), demo()];
    store.plant(records::shard::key(0), records::shard::encode(&Shard { shard: 0, strategies }));
    store.plant(key.clone(), records::state::encode(&StrategyState::first(lone, Status::Halted, minute(0))));
    let report = bench.tick(1);
    assert_eq!((report.served, report.failed), (1, 1));
    let state = records::state::decode(&store.snapshot()[&key]).unwrap();
    assert_eq!(state.alerts["books-damaged"].detail, "no item strategy-config lone");
}

#[test]
fn a_damaged_account_stops_no_protection_and_its_fills_are_recorded_where_its_sums_can_be_read() {
    for name in ["opening", "external", "cursors", "differences", "alerts", "episodes"] {
        let bench = exposed();
        let was = spoil(&bench, &account_key(), name);
        bench.tick(1);
        is_protected_and_told(&bench, &["account#main", name]);
        let id = bench.orders()[0].terms.position_id.clone();
        bench.wish(Target::Close(id.clone()), Origin::Person);
        bench.tick(2);
        assert_eq!(bench.position(&id).status, PositionStatus::Closed, "{name}");
        bench.edit(account_key(), name, was);
        bench.is_over();
    }
}

#[test]
fn where_the_accounts_sums_cannot_be_read_a_stop_rests_and_its_fills_wait() {
    let fall = ([95, 95, 85, 88], 1_000);
    let bench = bench(&[FLAT, FLAT, fall, FLAT, FLAT, FLAT]);
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    let was = spoil(&bench, &account_key(), "fills");
    bench.tick(1);
    is_protected_and_told(&bench, &["account#main", "fills"]);
    bench.tick(3);
    assert_eq!(
        (bench.resting().len(), bench.position(&id).quantity),
        (0, qty("0.999")),
        "it sold, and waits"
    );
    bench.tick(4);
    assert_eq!(bench.at_venue().len(), 3, "what is left to sell is not known: nothing is sold twice");
    bench.edit(account_key(), "fills", was);
    bench.tick(5);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn with_a_damaged_account_a_key_that_may_withdraw_still_sends_nothing() {
    let bench = exposed();
    spoil(&bench, &account_key(), "key_check");
    let rights = KeyRights { trade: true, withdraw: true, transfer: false, address_bound: true };
    *bench.faults.rights.borrow_mut() = Some(Ok(rights));
    bench.tick(1);
    assert_eq!((bench.resting().len(), bench.state().status), (0, Status::Halted));
}

/// Half filled, then declared closed, then filled further.
fn closed_and_filled(by_hand: bool) -> (Bench, PositionId) {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, thin, FLAT, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    bench.edit(records::position::key(&id), "status", Attr::S("closed".to_owned()));
    bench.edit(records::position::key(&id), "closed_manually", Attr::Bool(by_hand));
    bench.tick(3);
    (bench, id)
}

/// What reconcile writes about an order that traded after its end.
fn name_again(bench: &Bench, position: &PositionId, order: &Order) {
    let live = Live::Order { position: position.clone(), leg: order.terms.leg };
    bench.change_state(|state| drop(state.live.insert(order.terms.order_id.to_string(), live)));
}

#[test]
fn an_entry_that_was_proven_absent_and_traded_after_all_is_recorded_and_protected() {
    let bench = bench(&flat(6));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    let id = bench.intend(&market("1", "90"));
    for n in 0..3 {
        bench.tick(n);
    }
    assert_eq!((bench.statuses(), bench.state().live.len()), (vec!["entry 0 expired".to_owned()], 0));
    let order = bench.orders()[0].clone();
    bench.arrives_late(&order);
    name_again(&bench, &id, &order);
    bench.tick(3);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    assert_eq!(
        (bench.position(&id).quantity, bench.resting()),
        (qty("0.999"), vec!["SELL 0.999".to_owned()])
    );
    bench.books_agree();
}

/// Half filled, sold and closed; then the entry that the venue called cancelled fills all the same, and reconcile names
/// it again.
fn closed_and_traded_after_all() -> (Bench, PositionId) {
    let (thin, deep) = (([100, 100, 98, 100], 4), ([100, 100, 98, 100], 1_000));
    let bench = bench(&[FLAT, thin, FLAT, FLAT, deep, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.faults.cancels_lie.set(true);
    bench.tick(3);
    bench.faults.cancels_lie.set(false);
    assert_eq!((bench.position(&id).status, bench.state().live.len()), (PositionStatus::Closed, 0));
    let entry = bench.orders()[0].clone();
    name_again(&bench, &id, &entry);
    (bench, id)
}

fn opened_again_and_sold(bench: &Bench, id: &PositionId) {
    assert!(bench.state().alerts["fill-after-close"].detail.contains("traded after"));
    assert_eq!(bench.position(id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_trade_after_an_orders_last_word_opens_its_closed_position_again_and_sells() {
    let (bench, id) = closed_and_traded_after_all();
    bench.tick(5);
    opened_again_and_sold(&bench, &id);
}

/// The order says at once that it traded, and its trades are listed a tick later: its position stands outside `live`
/// meanwhile.
#[test]
fn such_a_trade_that_is_listed_late_is_recorded_on_the_position_that_there_is() {
    let (bench, id) = closed_and_traded_after_all();
    bench.faults.trades_seen.set(Some(0));
    assert_eq!(bench.tick(5).served, 1);
    assert_eq!((bench.fills().len(), bench.state().live.len()), (2, 1), "it waits for its trades");
    bench.faults.trades_seen.set(None);
    assert_eq!(bench.tick(6).served, 1);
    opened_again_and_sold(&bench, &id);
}

#[test]
fn an_order_that_is_named_again_and_has_nothing_more_leaves_live_again() {
    let bench = bench(&flat(4));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let order = bench.orders()[0].clone();
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[0].id).unwrap();
    bench.tick(1);
    name_again(&bench, &id, &order);
    assert_eq!((bench.tick(2).served, bench.state().live.len()), (1, 0));
    assert_eq!(bench.statuses(), ["entry 0 cancelled"]);
}

#[test]
fn a_fill_after_closed_makes_the_position_closing_again_and_pages() {
    let (bench, id) = closed_and_filled(false);
    let alert = bench.state().alerts["fill-after-close"].clone();
    assert_eq!(alert.key, id.to_string());
    assert!(alert.detail.contains("traded after"), "{}", alert.detail);
    let position = bench.position(&id);
    assert_eq!((position.status, position.bought), (PositionStatus::Closed, qty("0.7992")));
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 cancelled", "exit 0 filled"]);
    bench.is_over();
    bench.tick(5);
    assert!(!bench.state().alerts.contains_key("fill-after-close"));
}

#[test]
fn what_a_person_closed_stays_closed_and_a_fill_of_it_pages() {
    let (bench, id) = closed_and_filled(true);
    assert!(bench.state().alerts.contains_key("fill-after-close"));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert_eq!(bench.resting(), Vec::<String>::new());
    assert_eq!(bench.state().live.len(), 0);
}

#[test]
fn a_market_that_closes_while_something_is_held_pages_once_an_episode() {
    for delisted in [false, true] {
        let bench = bench(&flat(20));
        bench.intend(&market("1", "90"));
        bench.tick(0);
        let close = |closed: bool| {
            if delisted {
                bench.faults.is_delisted.set(closed);
            } else {
                let status = if closed { SymbolStatus::Halt } else { SymbolStatus::Trading };
                bench.exchange.set_status(bench.clock.now(), status);
            }
        };
        close(true);
        bench.tick(4);
        assert!(!bench.state().alerts.contains_key("market-closed"), "looked at every five minutes");
        bench.tick(5);
        let alert = bench.state().alerts["market-closed"].clone();
        assert!(alert.detail.contains("BTC-USDT"), "{}", alert.detail);
        bench.tick(6);
        assert_eq!(bench.state().alerts["market-closed"], alert, "one episode");
        close(false);
        bench.tick(7);
        assert!(!bench.state().alerts.contains_key("market-closed"));
    }
}

#[test]
fn the_days_cancels_bind_the_models_wishes_alone_and_count_them_all() {
    let bench = bench(&flat(8));
    bench.settings(|settings| settings.limits.max_daily_cancels = 1);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let order_id = bench.orders()[0].terms.order_id.clone();
    let wish =
        |origin| bench.wish(Target::Cancel { position: id.clone(), order_id: order_id.clone() }, origin);
    bench.change_state(|state| state.exec_day.cancels = 1);
    wish(Origin::Model);
    bench.tick(1);
    assert_eq!((bench.resting().len(), bench.state().live.len()), (1, 1), "the wish ended, the entry rests");
    let line = bench.line("order refused");
    assert_eq!(line.fields["detail"], "daily cancel count 2 exceeds limit 1");
    assert_eq!((&line.fields["rule"], &line.fields["tool"]), (&"max_daily_cancels".into(), &"cancel".into()));
    assert_eq!(bench.state().recent_exec.iter().map(|one| one.risk_rejections).sum::<u32>(), 1);
    assert_eq!(bench.state().breaker.rejections, 0, "it adds no risk");
    wish(Origin::Person);
    bench.tick(2);
    assert_eq!((bench.resting().len(), bench.state().exec_day.cancels), (0, 2));
    // Stops, exits and withdrawals go on over it, and are counted.
    let id = bench.intend(&market("1", "90"));
    bench.tick(3);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(4);
    assert_eq!((bench.position(&id).status, bench.state().exec_day.cancels), (PositionStatus::Closed, 3));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(6);
    bench.set_status(Status::Halted);
    bench.tick(7);
    assert_eq!((bench.resting().len(), bench.state().exec_day.cancels), (0, 4));
}
