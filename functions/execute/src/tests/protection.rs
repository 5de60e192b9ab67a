//! What is held has its stop at the venue, or is on its way out.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::Leg;
use shared::ports::VenueError;
use shared::status::Status;
use shared::store::Attr;

use sim::exchange::OrderKind;

use super::{FLAT, flat, holding};
use crate::testing::{Fault, bench, d, limit, market, minute, qty};

#[test]
fn a_stop_that_triggers_closes_the_position_by_its_fills_and_leaves_nothing_live() {
    let (bench, id) = holding(&[FLAT, ([95, 95, 85, 88], 1_000), ([88, 88, 88, 88], 1_000), FLAT]);
    bench.tick(2);
    let position = bench.position(&id);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 filled"]);
    assert_eq!(
        (position.status, position.exit_reason),
        (PositionStatus::Closed, Some(ExitReason::StopTriggered))
    );
    bench.is_over();
}

#[test]
fn a_stop_at_the_market_sells_however_far_the_market_falls() {
    let (bench, id) = holding(&[FLAT, ([60, 60, 60, 60], 1_000), ([60, 60, 60, 60], 1_000), FLAT]);
    assert_eq!(bench.at_venue()[1].kind, OrderKind::StopLoss);
    bench.tick(1);
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 filled"]);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopTriggered));
    bench.is_over();
}

#[test]
fn a_stop_with_a_limit_that_was_gapped_through_is_replaced_by_an_exit() {
    let bench = bench(&[FLAT, ([80, 80, 80, 80], 1_000), ([80, 80, 80, 80], 1_000), FLAT]);
    bench.exchange.drop_order_type(bench.clock.now(), OrderKind::StopLoss);
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!((bench.at_venue()[1].kind, bench.at_venue()[1].price), (OrderKind::StopLossLimit, d("85.5")));
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopTriggered));
    bench.is_over();
}

#[test]
fn a_stop_that_the_venue_leaves_behind_the_market_is_replaced_by_an_exit() {
    // The last minute closed below it, and the venue has not sold.
    let (bench, id) = holding(&[FLAT, ([88, 88, 88, 88], 0), ([88, 88, 88, 88], 1_000), FLAT, FLAT]);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"], "one look is not enough");
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopTriggered));
    bench.is_over();
}

#[test]
fn a_stop_that_triggered_and_filled_in_part_is_replaced_by_an_exit() {
    // It triggers at 90 where only 0.4 trades, and the venue drops the rest.
    let (bench, id) = holding(&[FLAT, ([95, 95, 89, 90], 4), ([90, 90, 90, 90], 1_000), FLAT]);
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 expired", "exit 0 filled"]);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_that_someone_cancelled_is_placed_anew() {
    let (bench, id) = holding(&flat(4));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "stop 1 open"]);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.exchange.expire(bench.clock.now(), bench.at_venue()[2].id).unwrap();
    bench.tick(2);
    assert_eq!(bench.order(&id, Leg::Stop, 2).as_str(), "open");
    bench.books_agree();
}

#[test]
fn a_stop_that_the_venue_refuses_exits_the_position_in_the_same_tick() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().extend([None, Some(Fault::Refused)]);
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 rejected", "exit 0 filled"]);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopMissing));
    assert_eq!(bench.state().recent_exec[0].order_failures, 1);
    bench.is_over();
}

/// Its stop triggers at 90; the venue's least value is 5.
#[test]
fn what_would_be_too_little_for_its_stop_is_not_bought() {
    // Neither is bought: the second would be large enough, but for its fee.
    for little in ["0.0555", "0.0556"] {
        let bench = bench(&flat(4));
        bench.intend(&market(little, "90"));
        bench.tick(0);
        assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 refused".to_owned()], 0));
    }
    let enough = bench(&flat(4));
    enough.intend(&market("0.0557", "90"));
    enough.tick(0);
    assert_eq!(enough.statuses(), ["entry 0 filled", "stop 0 open"]);
}

#[test]
fn in_stopped_a_stop_that_the_venue_refuses_is_left_to_a_person() {
    let (bench, id) = holding(&flat(6));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.set_status(Status::Stopped);
    *bench.faults.always.borrow_mut() = Some(Fault::Refused);
    for n in 1..6 {
        bench.tick(n);
        assert_eq!(bench.position(&id).status, PositionStatus::Open);
    }
    assert_eq!(bench.faults.places.borrow().len(), 2 + 5, "one attempt a tick");
    assert!(bench.state().alerts.contains_key("order-failures"));
}

#[test]
fn a_stop_that_could_not_leave_is_placed_by_the_next_tick() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().extend([None, Some(Fault::Throttled)]);
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 expired"]);
    bench.tick(1);
    assert_eq!(bench.order(&id, Leg::Stop, 1).as_str(), "open");
    bench.books_agree();
}

/// Whether it rests, nobody knows: three minutes without this beat page.
#[test]
fn a_stop_that_cannot_be_read_or_that_the_venue_knows_no_more_ends_each_turn_without_a_beat() {
    for unreadable in [true, false] {
        let (bench, id) = holding(&flat(12));
        if unreadable {
            *bench.faults.order_error.borrow_mut() = Some(VenueError::BadReply("PENDING_CANCEL".to_owned()));
        } else {
            bench.faults.orders_gone.set(true);
        }
        for n in 1..11 {
            assert_eq!((bench.tick(n).failed, bench.state().last_executed_at), (1, minute(0)));
        }
        let error = bench.line("strategy not served").fields["error"].as_str().unwrap().to_owned();
        assert!(error.contains(if unreadable { "PENDING_CANCEL" } else { "does not know order" }), "{error}");
        assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"], "no second stop beside it");
        *bench.faults.order_error.borrow_mut() = None;
        bench.faults.orders_gone.set(false);
        assert_eq!((bench.tick(11).served, bench.position(&id).status), (1, PositionStatus::Open));
    }
}

/// 503 to every order while every question is answered: no refusal ever tells of it.
#[test]
fn stops_that_never_come_to_be_page_and_the_position_is_exited() {
    let (bench, id) = holding(&flat(9));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    *bench.faults.always.borrow_mut() = Some(Fault::LostRequest);
    for n in 1..3 {
        bench.tick(n);
    }
    assert!(!bench.state().alerts.contains_key("order-failures"), "the second one is still on its way");
    bench.tick(3);
    assert_eq!(
        bench.statuses()[1..],
        ["stop 0 cancelled", "stop 1 expired", "stop 2 expired", "exit 0 unknown"]
    );
    assert!(bench.state().alerts["order-failures"].detail.contains("never come to be"));
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopMissing));
    // Nor do the sells: known only in the ticks after each was sent.
    for n in 4..6 {
        bench.tick(n);
    }
    assert_eq!(bench.position(&id).exit_failures, 2);
    assert!(bench.state().alerts["order-failures"].detail.contains("2 exits"));
    *bench.faults.always.borrow_mut() = None;
    bench.tick(6);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn in_stopped_stops_that_never_come_to_be_are_tried_once_a_tick_and_page_until_one_rests() {
    let (bench, id) = holding(&flat(9));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.set_status(Status::Stopped);
    *bench.faults.always.borrow_mut() = Some(Fault::LostRequest);
    for n in 1..6 {
        bench.tick(n);
        assert_eq!(bench.position(&id).status, PositionStatus::Open);
    }
    assert_eq!(bench.faults.places.borrow().len(), 2 + 5, "one attempt a tick");
    assert!(bench.state().alerts.contains_key("order-failures"));
    *bench.faults.always.borrow_mut() = None;
    bench.tick(6);
    assert_eq!((bench.resting(), bench.position(&id).stop_failures), (vec!["SELL 0.999".to_owned()], 0));
    bench.tick(8);
    assert!(!bench.state().alerts.contains_key("order-failures"));
}

#[test]
fn a_stop_for_less_than_the_books_say_is_not_replaced_in_every_tick() {
    let (bench, _) = holding(&flat(6));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    let by_hand = sim::exchange::NewOrder::market(sim::exchange::Side::Sell, d("0.5"));
    bench.exchange.manual_order(bench.clock.now(), &by_hand).unwrap();
    for n in 1..5 {
        bench.tick(n);
    }
    assert_eq!(bench.resting(), ["SELL 0.499"]);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "stop 1 open"]);
}

/// It may be the venue's balances that are late: what stands in the books is reconcile's to explain.
#[test]
fn a_position_of_which_the_venue_holds_nothing_is_neither_sold_nor_closed() {
    let (bench, id) = holding(&flat(6));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    let by_hand = sim::exchange::NewOrder::market(sim::exchange::Side::Sell, d("0.999"));
    bench.exchange.manual_order(bench.clock.now(), &by_hand).unwrap();
    for n in 1..4 {
        bench.tick(n);
        assert_eq!(bench.position(&id).status, PositionStatus::Open);
    }
    // Two tries find out that it is not the account that lags; then a person is told.
    let tried = ["entry 0 filled", "stop 0 cancelled", "stop 1 rejected", "stop 2 rejected"];
    assert_eq!(bench.statuses(), tried);
    assert!(bench.state().alerts.contains_key("order-failures"), "{:?}", bench.state().alerts);
}

#[test]
fn a_position_that_a_person_closed_loses_its_orders_and_its_live_entries() {
    let bench = bench(&[FLAT, ([100, 100, 98, 100], 4), FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    assert_eq!(bench.resting(), ["BUY 1", "SELL 0.3996"]);
    let key = shared::records::position::key(&id);
    bench.edit(key.clone(), "status", Attr::S("closed".to_owned()));
    bench.edit(key.clone(), "closed_manually", Attr::Bool(true));
    bench.edit(key, "closed_at", Attr::S("2023-03-01T00:02:30+00:00".to_owned()));
    bench.tick(3);
    assert_eq!(bench.resting(), Vec::<String>::new());
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 cancelled"]);
    assert_eq!((bench.position(&id).quantity, bench.at_venue().len()), (qty("0.3996"), 2));
    bench.is_over();
}

#[test]
fn one_market_without_quotes_keeps_no_position_from_its_exit() {
    let (bench, id) = holding(&flat(5));
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.faults.quotes_fail.set(true);
    let report = bench.tick(1);
    assert_eq!((report.served, report.failed), (0, 1), "no quote, no beat");
    assert_eq!(bench.state().last_executed_at, minute(0));
    assert_eq!(bench.resting(), ["SELL 0.999"], "a stop needs no quote");
    bench.faults.quotes_fail.set(false);
    assert_eq!(bench.tick(2).served, 1);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.books_agree();
}

#[test]
fn without_the_accounts_ledger_nothing_is_recorded_that_it_would_miss() {
    let (bench, id) = holding(&[FLAT, ([95, 95, 85, 88], 1_000), FLAT, FLAT]);
    bench.faults.no_ledger.set(true);
    let report = bench.tick(2);
    assert_eq!((report.failed, bench.position(&id).status), (1, PositionStatus::Open));
    bench.faults.no_ledger.set(false);
    bench.tick(3);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn an_account_that_lags_behind_a_buy_keeps_no_stop_from_being_placed() {
    let bench = bench(&flat(3));
    bench.faults.balances_lag.set(true);
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!(
        (bench.resting(), bench.position(&id).quantity),
        (vec!["SELL 0.999".to_owned()], qty("0.999"))
    );
    bench.books_agree();
}

#[test]
fn what_has_become_too_little_for_a_stop_is_sold() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("0.06", "90"));
    bench.tick(0);
    let mut filters = sim::exchange::Filters::btcusdt();
    filters.notional.min = d("5.5");
    bench.exchange.set_filters(bench.clock.now(), filters);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.tick(1);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopMissing));
    let detail = bench.state().alerts["order-failures"].detail.clone();
    assert!(detail.contains("too little for a stop"), "{detail}");
    bench.is_over();
}

#[test]
fn the_second_stop_in_a_row_that_is_refused_lets_a_strategy_only_reduce() {
    let bench = bench(&flat(4));
    for (n, status) in [(0, Status::Running), (2, Status::Reducing)] {
        bench.intend(&market("1", "90"));
        bench.faults.place.borrow_mut().extend([None, Some(Fault::Refused)]);
        bench.tick(n);
        assert_eq!((bench.state().status, bench.state().holds.len()), (status, 0));
    }
    assert_eq!(bench.state().halt_reason.as_deref(), Some("2 stops in a row did not come to rest"));
    bench.is_over();
}

#[test]
fn a_stop_that_rests_for_ten_minutes_ends_the_row() {
    let (bench, _) = holding(&flat(14));
    bench.change_state(|state| state.breaker.missing_stops = 1);
    bench.tick(9);
    assert_eq!(bench.state().breaker.missing_stops, 1);
    bench.tick(10);
    assert_eq!(bench.state().breaker.missing_stops, 0);
}
