//! Exits: the stop goes once a sell can follow, then what is left is sold, and nothing is lost on the way.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::{Leg, PositionId};
use shared::order::Origin;
use shared::state::{Live, Target};
use shared::status::Status;
use shared::time::{Millis, Timestamp};
use sim::exchange::{Filters, SymbolStatus};

use super::{FLAT, SILENT, flat, holding};
use crate::testing::{Bench, Fault, Wanted, bench, d, limit, market, minute, percent, price, qty};

#[test]
fn a_take_profit_cancels_the_stop_then_sells_and_closes() {
    let bench = bench(&[FLAT, FLAT, ([110, 110, 110, 110], 1_000), FLAT]);
    let id = bench.intend(&Wanted { take_profit: Some(price("109")), ..market("1", "90") });
    bench.tick(0);
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    let position = bench.position(&id);
    assert_eq!(position.exit_reason, Some(ExitReason::TakeProfit));
    assert_eq!((position.status, position.residue), (PositionStatus::Closed, None));
    bench.is_over();
}

#[test]
fn the_settings_take_profit_counts_from_the_entry_with_its_fees() {
    let bench = bench(&[FLAT, ([104, 104, 104, 104], 1_000), ([106, 106, 106, 106], 1_000)]);
    bench.settings(|settings| settings.exits.take_profit = Some(percent("5")));
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.tick(2);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::TakeProfit));
    bench.is_over();
}

#[test]
fn trailing_follows_the_peak_up_and_never_down() {
    let at = |price: i64| ([price; 4], 1_000);
    let bench = bench(&[FLAT, at(120), at(115), at(114), at(107), FLAT]);
    bench.settings(|settings| settings.exits.trailing = Some(percent("10")));
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.tick(1);
    assert_eq!(bench.position(&id).peak, Some(price("119.99")));
    for n in 2..4 {
        bench.tick(n);
        assert_eq!(bench.position(&id).peak, Some(price("119.99")));
        assert_eq!(bench.position(&id).status, PositionStatus::Open);
    }
    bench.tick(4);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::Trailing));
    bench.is_over();
}

#[test]
fn an_exit_that_finds_no_volume_expires_and_is_planned_anew_under_a_new_number() {
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    let put_back = ["entry 0 filled", "stop 0 cancelled", "stop 1 open", "exit 0 expired"];
    assert_eq!(bench.statuses(), put_back);
    assert_eq!((bench.position(&id).status, bench.position(&id).exit_failures), (PositionStatus::Closing, 1));
    bench.tick(2);
    assert_eq!(bench.statuses()[2..], ["stop 1 cancelled", "exit 0 expired", "exit 1 filled"]);
    bench.is_over();
}

/// Also those that a later tick plans, whoever died in between.
#[test]
fn every_order_of_an_exit_names_the_decision_that_wished_it() {
    let decisions = |bench: &Bench, leg: Leg| -> Vec<Option<Timestamp>> {
        let orders = bench.orders().into_iter().filter(|order| order.terms.leg == leg);
        orders.map(|order| order.terms.decision).collect()
    };
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    let wished = Some(bench.clock.now().minute());
    bench.tick(1);
    bench.tick(2);
    assert_eq!(bench.statuses()[2..], ["stop 1 cancelled", "exit 0 expired", "exit 1 filled"]);
    assert_eq!(decisions(&bench, Leg::Exit), [wished, wished]);
    assert_eq!(bench.position(&id).exit_decision, wished);
    assert_eq!(decisions(&bench, Leg::Stop), [None, None], "it protects what is held, whoever decided");
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    bench.wish(Target::Close(id), Origin::Person);
    bench.time_left.set(Millis::from_secs(10));
    bench.tick(2);
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(3);
    assert_eq!(decisions(&bench, Leg::Exit), [wished, None], "a person took over");
}

/// A wish of before decisions were kept with it.
#[test]
fn a_wish_without_its_decision_closes_all_the_same() {
    let (bench, id) = holding(&flat(4));
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.change_state(|state| {
        for entry in state.live.values_mut() {
            if let Live::Wish(wish) = entry {
                wish.decision = None;
            }
        }
    });
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert!(
        bench.orders().iter().all(|order| order.terms.leg != Leg::Exit || order.terms.decision.is_none())
    );
}

/// `status` is a person's to edit; the moment of it is not in the item then.
#[test]
fn an_exit_that_a_person_ordered_in_the_table_is_due_like_any_other() {
    let (bench, id) = holding(&[vec![FLAT, SILENT, SILENT], flat(6)].concat());
    let key = shared::records::position::key(&id);
    bench.edit(key, "status", shared::store::Attr::S("closing".to_owned()));
    let seen_at = minute(1) + Millis::from_secs(4);
    for n in 1..3 {
        bench.tick(n);
        assert_eq!(bench.position(&id).closing_since, Some(seen_at));
        assert_eq!(bench.state().due_what, Some(format!("positions {id}")));
    }
    // Two sells in a row have sold nothing: the next is sent five minutes later.
    bench.tick(7);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn what_one_exit_leaves_the_next_one_sells() {
    let (bench, id) = holding(&[FLAT, ([100, 100, 100, 100], 4), FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(1);
    assert_eq!(bench.position(&id).quantity, qty("0.599"));
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn an_exit_above_the_greatest_market_lot_leaves_nothing_that_cannot_be_sold() {
    let (bench, id) = holding(&flat(6));
    let mut filters = Filters::btcusdt();
    filters.market_lot.max = d("0.97");
    bench.exchange.set_filters(bench.clock.now(), filters);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(1);
    bench.tick(2);
    let sells = bench.at_venue().into_iter().filter(|one| one.kind == sim::exchange::OrderKind::Market);
    let sold: Vec<String> = sells.map(|one| one.quantity.to_string()).collect();
    assert_eq!(sold, ["0.4995", "0.4995"], "0.97 would have left 0.029, worth less than any order");
    assert_eq!((bench.position(&id).status, bench.position(&id).residue), (PositionStatus::Closed, None));
    bench.is_over();
}

#[test]
fn dust_closes_with_its_residue() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("0.12345", "90"));
    bench.tick(0);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    let position = bench.position(&id);
    assert_eq!((position.status, position.residue), (PositionStatus::Closed, Some(qty("0.00000655"))));
    bench.is_over();
}

#[test]
fn a_sell_that_is_refused_is_counted_once_a_tick_and_the_second_in_a_row_alerts() {
    let (bench, id) = holding(&flat(12));
    bench.settings(|settings| settings.exits.trailing = Some(percent("50")));
    bench.tick(1);
    let before = bench.position(&id);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    *bench.faults.always.borrow_mut() = Some(Fault::Refused);
    bench.tick(2);
    let position = bench.position(&id);
    assert_eq!((position.exit_failures, position.status), (1, PositionStatus::Closing));
    assert!(!bench.state().alerts.contains_key("order-failures"));
    bench.tick(3);
    let position = bench.position(&id);
    assert_eq!(position.exit_failures, 2);
    assert_eq!(
        (position.entry(), position.peak),
        (before.entry(), before.peak),
        "a failed sell changes no plan"
    );
    assert!(bench.state().alerts.contains_key("order-failures"));
    // A person has been paged: what the venue refuses is not sent again every minute.
    let sent = bench.faults.places.borrow().len();
    for n in 4..8 {
        bench.tick(n);
    }
    assert_eq!(bench.faults.places.borrow().len(), sent);
    *bench.faults.always.borrow_mut() = None;
    bench.tick(8);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.tick(9);
    assert!(!bench.state().alerts.contains_key("order-failures"));
    bench.is_over();
}

#[test]
fn a_sell_that_could_not_leave_counts_as_a_failure_and_one_that_was_not_tried_does_not() {
    let (bench, id) = holding(&flat(6));
    bench.wish(Target::Close(id.clone()), Origin::Model);
    *bench.faults.always.borrow_mut() = Some(Fault::NeverSent);
    bench.tick(1);
    assert_eq!(bench.position(&id).exit_failures, 1);
    bench.time_left.set(Millis::from_secs(10));
    bench.tick(2);
    assert_eq!(bench.position(&id).exit_failures, 1);
    assert_eq!(bench.position(&id).next_exit, 1, "what was not sent takes no number");
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(3);
    assert_eq!(bench.position(&id).exit_failures, 2);
    assert!(bench.state().alerts.contains_key("order-failures"));
    *bench.faults.always.borrow_mut() = None;
    bench.tick(4);
    bench.is_over();
}

/// One unit of which the owner took `taken` away by hand, with its stop, and that a person wants closed.
fn taken_away(taken: &str) -> (Bench, PositionId) {
    let (bench, id) = holding(&flat(9));
    let stop = bench.at_venue()[1].id;
    bench.exchange.manual_cancel(bench.clock.now(), stop).unwrap();
    bench.exchange.withdraw(bench.clock.now(), "BTC", d(taken)).unwrap();
    bench.wish(Target::Close(id.clone()), Origin::Person);
    (bench, id)
}

/// A residue is what is too little to sell. What is missing may come back, and would stand unprotected.
#[test]
fn an_exit_never_sells_more_than_the_venue_holds_and_what_is_missing_is_no_residue() {
    for (taken, sold) in [("0.5", "0.499"), ("0.999", "0")] {
        let (bench, id) = taken_away(taken);
        for n in 1..5 {
            bench.tick(n);
            assert_eq!(bench.position(&id).sold, qty(sold));
        }
        assert_eq!(bench.position(&id).status, PositionStatus::Closing);
        assert_eq!(bench.position(&id).residue, None);
        assert!(bench.state().alerts["order-failures"].detail.contains("2 exits"), "a person is told");
        let version = bench.position(&id).version;
        bench.tick(5);
        assert_eq!(bench.position(&id).version, version, "and nothing more is written");
        bench.exchange.deposit(bench.clock.now(), "BTC", d(taken)).unwrap();
        bench.tick(6);
        assert_eq!((bench.position(&id).status, bench.position(&id).residue), (PositionStatus::Closed, None));
        bench.is_over();
    }
}

#[test]
fn an_exit_cancels_an_entry_that_still_rests() {
    let bench = bench(&[FLAT, ([100, 100, 98, 100], 4), FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(3);
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 cancelled", "exit 0 filled"]);
    bench.is_over();
}

#[test]
fn a_stop_that_cannot_be_cancelled_lets_nothing_be_sold() {
    let (bench, id) = holding(&flat(5));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.faults.cancels_fail.set(true);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    assert_eq!(bench.position(&id).status, PositionStatus::Closing);
    bench.faults.cancels_fail.set(false);
    bench.tick(2);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    bench.is_over();
}

#[test]
fn an_exit_that_the_table_forbids_meanwhile_puts_the_stop_back() {
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Closing);
    bench.set_status(Status::Halted);
    bench.tick(2);
    let position = bench.position(&id);
    assert_eq!((position.status, position.closing_since), (PositionStatus::Open, None));
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn the_stop_is_not_put_back_before_an_exit_of_unknown_fate_is_settled() {
    let (bench, id) = holding(&flat(6));
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(1);
    assert_eq!(bench.order(&id, Leg::Exit, 0).as_str(), "unknown");
    bench.set_status(Status::Halted);
    // Fifteen seconds later: before the fence.
    bench.clock.set(minute(1) + Millis::from_secs(19));
    bench.serve();
    assert_eq!(bench.resting(), Vec::<String>::new());
    bench.tick(2);
    assert_eq!(bench.order(&id, Leg::Exit, 0).as_str(), "expired");
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn a_persons_wish_takes_over_an_exit_that_the_model_began() {
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.set_status(Status::Running);
    bench.time_left.set(Millis::from_secs(10));
    bench.tick(2);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::Person));
    bench.set_status(Status::Stopped);
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(3);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_rests_while_the_market_takes_no_sell() {
    for status in [SymbolStatus::CancelOnly, SymbolStatus::Halt, SymbolStatus::Break] {
        let (bench, id) = holding(&flat(6));
        bench.exchange.set_status(bench.clock.now(), status);
        bench.wish(Target::Close(id.clone()), Origin::Person);
        for n in 1..3 {
            bench.tick(n);
            assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
            assert_eq!(bench.position(&id).status, PositionStatus::Closing);
        }
        bench.exchange.set_status(bench.clock.now(), SymbolStatus::Trading);
        bench.tick(3);
        assert_eq!(bench.position(&id).status, PositionStatus::Closed);
        bench.is_over();
    }
}

#[test]
fn a_stop_rests_while_no_time_is_left_for_its_cancel_and_a_sell() {
    let (bench, id) = holding(&flat(4));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.time_left.set(Millis::from_secs(20));
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    bench.time_left.set(Millis::from_secs(55));
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_rests_while_the_balances_cannot_be_read() {
    let (bench, id) = holding(&flat(4));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.faults.balances_fail.set(true);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    bench.faults.balances_fail.set(false);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_sell_follows_the_cancel_though_nothing_can_be_read_after_it() {
    let (bench, id) = holding(&flat(4));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.faults.reads_fail_after_cancel.set(true);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_is_put_back_though_nothing_can_be_read_after_its_cancel() {
    let (bench, id) = holding(&flat(4));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.faults.reads_fail_after_cancel.set(true);
    bench.faults.place.borrow_mut().push_back(Some(Fault::Refused));
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "stop 1 open", "exit 0 rejected"]);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_that_a_crash_left_cancelled_is_put_back_where_the_market_cannot_be_read() {
    let (bench, id) = holding(&flat(5));
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.faults.balances_fail.set(true);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "stop 1 open"]);
    assert_eq!(bench.position(&id).status, PositionStatus::Closing);
    bench.faults.balances_fail.set(false);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}
