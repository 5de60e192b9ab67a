//! The field note of the 35 hours: 0.00111 BTC on the books, 0.001109 at the exchange, a trailing stop that
//! tried to sell every five minutes and told nobody. Here its stop rests, so that nothing is free.

use shared::books::{ExitReason, Position, PositionStatus};
use shared::ids::{Leg, PositionId};
use shared::money::{Amount, Price};
use shared::order::State;

use crate::testing::{Bench, Fault, bench, market, percent, qty};

/// Bought at 20,000, risen to 22,000, and 20,500 from minute 2 on: five percent below the peak are passed.
fn falling(minutes: usize) -> (Bench, PositionId, Position) {
    let at = |price: i64| ([price; 4], 1_000);
    let mut candles = vec![at(20_000), at(22_000)];
    candles.extend(vec![at(20_500); minutes]);
    let bench = bench(&candles);
    bench.settings(|settings| settings.exits.trailing = Some(percent("5")));
    let id = bench.intend(&market("0.00111", "18000"));
    bench.tick(0);
    bench.tick(1);
    assert_eq!(bench.resting(), ["SELL 0.0011"]);
    let (held, before) = (bench.exchange.balance("BTC"), bench.position(&id));
    assert_eq!(before.quantity, qty("0.00110889"), "net of the fee in base");
    assert!(held.free < crate::testing::d("0.00001"), "nothing is free: {held:?}");
    (bench, id, before)
}

fn plan(position: &Position) -> (Option<Price>, Option<Price>) {
    (position.entry(), position.peak)
}

#[test]
fn what_is_held_is_sold_in_one_try_and_the_rest_closes_as_residue() {
    let (bench, id, before) = falling(3);
    bench.tick(2);
    let position = bench.position(&id);
    assert_eq!((position.status, position.exit_reason), (PositionStatus::Closed, Some(ExitReason::Trailing)));
    assert_eq!((position.residue, plan(&position)), (Some(qty("0.00000889")), plan(&before)));
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"]);
    bench.is_over();
}

#[test]
fn a_balance_below_the_books_is_corrected_downwards_and_planned_once_more() {
    let (bench, id, before) = falling(3);
    *bench.faults.place.borrow_mut() = [Some(Fault::Withdrawn("0.0004"))].into();
    bench.tick(2);
    assert_eq!(
        bench.statuses(),
        ["entry 0 filled", "stop 0 cancelled", "exit 0 rejected", "exit 1 filled"],
        "one more try in the same tick"
    );
    bench.tick(3);
    bench.tick(4);
    let position = bench.position(&id);
    assert_eq!((position.status, position.sold), (PositionStatus::Closing, qty("0.0007")));
    assert_eq!(
        position.residue, None,
        "what the venue does not hold is not sold, and not too little to sell"
    );
    assert_eq!(plan(&position), plan(&before), "a failed sell changes no plan");
    assert!(bench.state().alerts["order-failures"].detail.contains("2 exits"));
    bench.books_agree();
}

#[test]
fn any_other_refusal_leaves_the_books_alone_and_the_second_one_pages() {
    let (bench, id, before) = falling(65);
    *bench.faults.always.borrow_mut() = Some(Fault::Refused);
    let tries = |leg: Leg| {
        let orders = bench.orders().into_iter().filter(|one| one.terms.leg == leg);
        orders.filter(|one| matches!(one.state, State::Rejected { .. })).count()
    };
    bench.tick(2);
    assert_eq!((tries(Leg::Exit), bench.state().alerts.contains_key("order-failures")), (1, false));
    bench.tick(3);
    assert_eq!((tries(Leg::Exit), tries(Leg::Stop)), (2, 2), "one more try, and its stop put back");
    assert!(bench.state().alerts["order-failures"].detail.contains("2 exits"));
    for n in 4..62 {
        bench.tick(n);
    }
    assert!(tries(Leg::Exit) <= 2 + 12, "{} tries in an hour", tries(Leg::Exit));
    assert_eq!(tries(Leg::Stop), 2, "a stop that is refused twice is not tried again");
    let position = bench.position(&id);
    assert_eq!((position.quantity, plan(&position)), (before.quantity, plan(&before)));
    assert_eq!(position.realised(), Amount::ZERO);
    *bench.faults.always.borrow_mut() = None;
    bench.tick(66);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_that_cannot_be_cancelled_pages_within_two_ticks_too() {
    let (bench, id, before) = falling(5);
    bench.faults.cancels_fail.set(true);
    bench.tick(2);
    bench.tick(3);
    assert!(bench.state().alerts.contains_key("order-failures"));
    let position = bench.position(&id);
    assert_eq!((position.quantity, plan(&position)), (before.quantity, plan(&before)));
    bench.faults.cancels_fail.set(false);
    bench.tick(4);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_stop_that_the_venue_refuses_pages_although_the_position_is_out_in_the_same_tick() {
    let bench = bench(&super::flat(4));
    let id = bench.intend(&market("1", "90"));
    *bench.faults.place.borrow_mut() = [None, Some(Fault::Refused)].into();
    bench.tick(0);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::StopMissing));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert!(bench.state().alerts["order-failures"].detail.contains("refused the stop"));
    bench.tick(1);
    assert!(bench.state().alerts.contains_key("order-failures"), "it stands until heartbeat has seen it");
    bench.tick(2);
    assert!(!bench.state().alerts.contains_key("order-failures"));
}
