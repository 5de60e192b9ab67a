//! Entries: sent once, recorded fill by fill, protected in the same invocation.

use shared::books::PositionStatus;
use shared::ids::{Leg, Symbol};
use shared::money::Amount;
use shared::order::{Kind, Origin, State, TimeInForce};
use shared::settings::SafetyMode;
use shared::state::Target;
use shared::time::Millis;
use sim::exchange::{OrderKind, TimeInForce as SimTif};

use super::{FLAT, SILENT, flat};
use crate::testing::{Fault, Wanted, bench, d, limit, market, minute, notional, price, qty};

#[test]
fn what_a_market_entry_bought_is_recorded_and_its_stop_rests_in_the_same_tick() {
    let bench = bench(&flat(3));
    let id = bench.intend(&market("1", "90"));
    let report = bench.tick(0);
    assert_eq!((report.served, report.sent), (1, 2));
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    let position = bench.position(&id);
    assert_eq!((position.status, position.quantity), (PositionStatus::Open, qty("0.999")));
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    assert_eq!(bench.at_venue()[1].stop_price, d("90"));
    bench.books_agree();
}

#[test]
fn a_stop_never_covers_more_than_the_fee_left() {
    let bench = bench(&flat(3));
    let id = bench.intend(&market("0.12345", "90"));
    bench.tick(0);
    assert_eq!(bench.position(&id).quantity, qty("0.12332655"));
    assert_eq!(bench.resting(), ["SELL 0.12332"]);
    bench.tick(1);
    assert_eq!(bench.at_venue().len(), 2, "a stop that covers all that can be sold is left alone");
}

#[test]
fn a_resting_entry_is_protected_as_it_fills_and_its_stop_grows_with_it() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, thin, ([100, 100, 98, 100], 100), FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    assert_eq!((bench.statuses(), bench.maybe_position(&id)), (vec!["entry 0 open".to_owned()], None));
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 partially_filled", "stop 0 open"]);
    assert_eq!(bench.resting(), ["BUY 1", "SELL 0.3996"]);
    bench.tick(3);
    assert_eq!(bench.statuses(), ["entry 0 partially_filled", "stop 0 cancelled", "stop 1 open"]);
    assert_eq!(bench.resting(), ["BUY 1", "SELL 0.7992"]);
    bench.tick(4);
    assert_eq!(bench.order(&id, Leg::Entry, 0).as_str(), "filled");
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn an_entry_that_rests_too_long_is_cancelled_and_keeps_its_fills() {
    let bench = bench(&[FLAT, ([100, 100, 98, 100], 4), FLAT, FLAT, FLAT]);
    bench.settings(|settings| settings.exits.entry_timeout = Millis::from_minutes(3));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    assert_eq!(bench.order(&id, Leg::Entry, 0).as_str(), "partially_filled");
    bench.tick(3);
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 open"]);
    assert_eq!(bench.position(&id).quantity, qty("0.3996"));
    bench.books_agree();
}

#[test]
fn an_entry_that_fills_while_it_is_cancelled_begins_its_position_and_is_protected() {
    let bench = bench(&[FLAT, ([100, 100, 98, 100], 4), FLAT, FLAT]);
    bench.settings(|settings| settings.exits.entry_timeout = Millis::from_minutes(2));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.faults.orders_fail.set(true);
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 open"]);
    assert_eq!(bench.position(&id).quantity, qty("0.3996"));
    bench.books_agree();
}

#[test]
fn too_little_to_sell_waits_while_its_entry_may_fill_and_then_closes_with_its_residue() {
    let sliver = ([100, 100, 98, 100], 0);
    let mut candles = vec![FLAT, sliver, FLAT, FLAT, FLAT];
    candles[1] = ([100, 100, 99, 100], 1);
    let bench = bench(&candles);
    // A tenth of the volume is 0.1, of which the limit takes what it wants: 0.04 is under 5 USDT.
    bench.settings(|settings| settings.exits.entry_timeout = Millis::from_minutes(3));
    bench.exchange.manual_order(minute(0), &by_hand("0.06", "99.5")).unwrap();
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    assert_eq!(bench.position(&id).quantity, qty("0.03996"));
    assert_eq!(bench.statuses(), ["entry 0 partially_filled"]);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.tick(3);
    let position = bench.position(&id);
    assert_eq!((position.status, position.residue), (PositionStatus::Closed, Some(qty("0.03996"))));
    bench.is_over();
}

fn by_hand(quantity: &str, at: &str) -> sim::exchange::NewOrder {
    sim::exchange::NewOrder::limit(sim::exchange::Side::Buy, d(quantity), d(at))
}

#[test]
fn an_order_of_more_fills_than_one_transaction_holds_is_recorded_whole() {
    let thin = ([100, 100, 98, 100], 1);
    let mut candles = vec![FLAT];
    candles.extend(vec![thin; 25]);
    candles.extend(flat(3));
    let bench = bench(&candles);
    let id = bench.intend(&limit("3", "99", "50"));
    bench.tick(0);
    bench.tick(26);
    assert_eq!(bench.fills().len(), 25);
    assert_eq!(bench.order(&id, Leg::Entry, 0).recorded(), qty("2.5"));
    assert_eq!(bench.resting(), ["BUY 3", "SELL 2.4975"]);
    bench.books_agree();
}

#[test]
fn trades_that_the_venue_lists_late_are_recorded_once_when_they_come() {
    let bench = bench(&[FLAT, ([100, 100, 98, 100], 4), ([100, 100, 98, 100], 100), FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.faults.trades_seen.set(Some(1));
    bench.tick(3);
    let entry = bench.order(&id, Leg::Entry, 0);
    assert_eq!((entry.as_str(), entry.recorded()), ("partially_filled", qty("0.4")));
    assert_eq!(bench.position(&id).quantity, qty("0.3996"));
    bench.faults.trades_seen.set(None);
    bench.tick(4);
    assert_eq!(bench.order(&id, Leg::Entry, 0).as_str(), "filled");
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn an_older_trade_that_is_listed_after_a_newer_one_is_recorded() {
    for second in [4, 8] {
        let thin = ([100, 100, 98, 100], 4);
        let bench = bench(&[FLAT, thin, ([100, 100, 98, 100], second), FLAT, FLAT]);
        let id = bench.intend(&limit("2", "99", "90"));
        bench.tick(0);
        bench.faults.trades_late.set(1);
        bench.tick(3);
        assert_eq!(bench.fills().len(), 1, "the newer one");
        bench.faults.trades_late.set(0);
        bench.tick(4);
        assert_eq!(bench.fills().len(), 2);
        assert_eq!(
            bench.order(&id, Leg::Entry, 0).recorded(),
            if second == 4 { qty("0.8") } else { qty("1.2") }
        );
        bench.books_agree();
    }
}

#[test]
fn a_dry_run_sends_nothing() {
    let bench = bench(&flat(3));
    bench.settings(|settings| settings.safety_mode = SafetyMode::DryRun);
    bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 dry_run".to_owned()], 0));
    assert_eq!(bench.state().exec_day.orders, 0);
    bench.is_over();
}

#[test]
fn a_refusal_is_recorded_with_its_rule_and_message_and_counted() {
    let bench = bench(&flat(3));
    bench.settings(|settings| settings.limits.max_order_notional = notional("50"));
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    let State::Refused { rule, message } = bench.order(&id, Leg::Entry, 0) else { panic!() };
    assert_eq!(rule, "max_order_notional");
    assert_eq!(message, "order notional 100.51 exceeds limit 50");
    let state = bench.state();
    assert_eq!((state.breaker.rejections, state.exec_day.orders), (1, 0));
    assert_eq!(state.recent_exec[0].risk_rejections, 1);
    bench.is_over();
}

#[test]
fn a_symbol_outside_the_list_is_refused_even_where_the_venue_does_not_know_it() {
    let bench = bench(&flat(3));
    let symbol = Symbol::parse("DOGE-USDT").unwrap();
    let id = bench.intend(&Wanted { symbol, ..market("1", "90") });
    let report = bench.tick(0);
    let State::Refused { rule, message } = bench.order(&id, Leg::Entry, 0) else { panic!() };
    assert_eq!(rule, "allowed_symbols");
    assert_eq!(message, "symbol 'DOGE-USDT' not in allowed list");
    assert_eq!(report.served, 1);
}

#[test]
fn a_second_entry_in_one_asset_is_refused() {
    let bench = bench(&flat(5));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    let second = bench.intend(&market("1", "90"));
    bench.tick(2);
    let State::Refused { rule, .. } = bench.order(&second, Leg::Entry, 0) else { panic!() };
    assert_eq!(rule, "position_open");
    bench.books_agree();
}

#[test]
fn of_two_intents_in_one_asset_one_is_sent() {
    let bench = bench(&flat(5));
    bench.settings(|settings| settings.order_cooldown = Millis::from_secs(0));
    bench.intend(&limit("1", "99", "90"));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    assert_eq!(bench.at_venue().len(), 1);
    let mut statuses: Vec<String> = bench.orders().iter().map(|order| order.state.to_string()).collect();
    statuses.sort();
    assert_eq!(statuses, ["open", "refused"]);
}

#[test]
fn an_account_without_an_opening_balance_opens_nothing() {
    let bench = bench(&flat(3));
    let mut ledger = bench.account();
    ledger.book.opening.clear();
    let (key, item) =
        (shared::records::account::key(&ledger.account), shared::records::account::encode(&ledger));
    bench.tables.store.plant(key, item);
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!((bench.order(&id, Leg::Entry, 0).as_str(), bench.at_venue().len()), ("refused", 0));
}

#[test]
fn a_wish_cancels_an_entry_that_rests_and_ends_one_that_was_never_sent() {
    let bench = bench(&flat(5));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let order_id = bench.orders()[0].terms.order_id.clone();
    bench.wish(Target::Cancel { position: id, order_id }, Origin::Model);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 cancelled"]);
    bench.is_over();
    let bench = self::bench(&flat(5));
    let id = bench.intend(&limit("1", "99", "90"));
    let order_id = bench.orders()[0].terms.order_id.clone();
    bench.wish(Target::Cancel { position: id, order_id }, Origin::Model);
    bench.tick(1);
    assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 refused".to_owned()], 0));
    bench.is_over();
}

#[test]
fn a_wish_to_cancel_that_finds_no_time_is_kept() {
    let bench = bench(&flat(5));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let order_id = bench.orders()[0].terms.order_id.clone();
    bench.wish(Target::Cancel { position: id, order_id }, Origin::Person);
    bench.time_left.set(Millis::from_secs(10));
    bench.tick(1);
    assert_eq!((bench.statuses(), bench.state().live.len()), (vec!["entry 0 open".to_owned()], 2));
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 cancelled"]);
    bench.is_over();
}

#[test]
fn an_entry_without_time_left_is_not_sent_and_waits_for_the_next_tick() {
    let bench = bench(&flat(5));
    bench.intend(&market("1", "90"));
    bench.time_left.set(Millis::from_secs(10));
    let report = bench.tick(0);
    assert_eq!((report.served, report.sent), (1, 0));
    let state = bench.state();
    assert_eq!(bench.statuses(), ["entry 0 intended"]);
    assert_eq!(
        (state.exec_day.orders, state.breaker.opens.len()),
        (0, 0),
        "what was not sent is not counted"
    );
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    bench.books_agree();
}

#[test]
fn what_does_not_fill_at_once_of_an_ioc_ends() {
    let bench = bench(&[([100, 100, 100, 100], 4), FLAT, FLAT]);
    let kind = Kind::Limit { price: price("101"), time_in_force: TimeInForce::Ioc };
    let id = bench.intend(&Wanted { kind, ..market("1", "90") });
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 expired", "stop 0 open"]);
    assert_eq!(bench.position(&id).quantity, qty("0.3996"));
    bench.books_agree();
}

#[test]
fn a_fee_in_a_third_asset_moves_that_asset_alone() {
    let bench = bench(&flat(3));
    bench.exchange.deposit(minute(0), "BNB", d("1")).unwrap();
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!(bench.position(&id).quantity, qty("1"));
    let book = bench.account().book;
    let fee = book.fills.get(&shared::ids::Asset::parse("BNB").unwrap()).copied();
    assert!(fee.is_some_and(|fee| fee < Amount::ZERO), "{fee:?}");
    bench.books_agree();
}

#[test]
fn an_entry_at_the_market_is_sent_as_a_limit_at_its_worst_price() {
    let bench = bench(&flat(3));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    let sent = &bench.at_venue()[0];
    assert_eq!((sent.kind, sent.time_in_force), (OrderKind::Limit, SimTif::Ioc));
    assert_eq!(sent.price, d("100.51"), "the ask of 100.01 with half a percent, on a tick");
    assert_eq!((bench.orders()[0].terms.kind, bench.state().breaker.opens.len()), (Kind::Market, 1));
}

#[test]
fn the_limit_of_an_entry_is_on_record_before_it_is_sent() {
    let bench = bench(&flat(3));
    let id = bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(0);
    let State::Unknown(sent) = bench.order(&id, Leg::Entry, 0) else { panic!("{:?}", bench.statuses()) };
    assert_eq!(sent.limit, Some(price("100.51")));
}

#[test]
fn an_entry_that_buys_nothing_is_no_opening_and_no_refusal() {
    // The market jumps above the bound while the order is on its way.
    let bench = bench(&[SILENT, FLAT, FLAT]);
    bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 expired"]);
    let state = bench.state();
    assert_eq!((state.breaker.opens, state.breaker.rejections), (Vec::new(), 0));
    assert!(state.live.is_empty() && state.alerts.is_empty(), "{:?}", state.alerts);
}
