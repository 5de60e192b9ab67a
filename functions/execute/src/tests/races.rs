//! Two executors on the same tables: one wins, the other reads again, and the venue sees one order.

use shared::order::{Event, Origin, Sent};
use shared::state::Target;
use shared::store::WriteError;
use shared::testkit::at_once;
use shared::time::Millis;

use super::flat;
use crate::desk::{Binds, Books, Desk};
use crate::testing::{Bench, bench, limit, market, qty, settings};

/// Runs a whole other invocation before the `number`-th write of `bench`.
fn interleave(bench: &Bench, number: usize) {
    let other = bench.other();
    let run = move || {
        other.serve();
    };
    bench.faults.writes.set(0);
    *bench.faults.before_write.borrow_mut() = Some((number, Box::new(run)));
}

#[test]
fn wherever_two_executors_meet_an_entry_is_sent_once_and_protected_once() {
    for number in 0..12 {
        let bench = bench(&flat(5));
        bench.intend(&market("1", "90"));
        interleave(&bench, number);
        bench.tick(0);
        bench.tick(1);
        assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"], "write {number}");
        assert_eq!(bench.resting(), ["SELL 0.999"]);
        bench.books_agree();
    }
}

#[test]
fn wherever_two_executors_meet_a_position_is_sold_once() {
    for number in 0..12 {
        let bench = bench(&flat(6));
        let id = bench.intend(&market("1", "90"));
        bench.tick(0);
        bench.wish(Target::Close(id), Origin::Person);
        interleave(&bench, number);
        bench.tick(1);
        bench.tick(2);
        assert_eq!(
            bench.statuses(),
            ["entry 0 filled", "stop 0 cancelled", "exit 0 filled"],
            "write {number}"
        );
        bench.is_over();
    }
}

#[test]
fn wherever_two_executors_meet_partial_fills_are_recorded_once() {
    for number in 0..12 {
        let thin = ([100, 100, 98, 100], 4);
        let bench = bench(&[super::FLAT, thin, thin, super::FLAT, super::FLAT, super::FLAT]);
        bench.intend(&limit("1", "99", "90"));
        bench.tick(0);
        bench.tick(2);
        interleave(&bench, number);
        bench.tick(3);
        bench.tick(4);
        bench.books_agree();
        assert_eq!(bench.resting(), ["BUY 1", "SELL 0.7992"], "write {number}");
    }
}

/// An update of an order that depended on its status alone would put an old `executed` beside a newer
/// `recorded`, which reads as damage.
#[test]
fn a_late_look_at_an_order_never_overwrites_a_later_one() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[super::FLAT, thin, thin, thin, super::FLAT, super::FLAT, super::FLAT]);
    bench.intend(&limit("2", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    // This one sees 0.8 executed and none of the new trades; meanwhile the other sees and records 1.2.
    bench.faults.trades_seen.set(Some(1));
    bench.faults.writes.set(0);
    let other = bench.other();
    let run = move || {
        other.clock.advance(Millis::from_minutes(1));
        other.exchange.advance(other.clock.now());
        other.serve();
    };
    *bench.faults.before_write.borrow_mut() = Some((0, Box::new(run)));
    bench.tick(3);
    let entry = bench.orders()[0].state.clone();
    assert_eq!((entry.as_str(), entry.recorded()), ("partially_filled", qty("1.2")));
    bench.faults.trades_seen.set(None);
    bench.tick(5);
    bench.books_agree();
}

/// Caps are computed from what was read after `send_seq`: whoever sends something else in between forces a
/// new plan, although the two orders have nothing in common.
#[test]
fn two_sends_planned_from_one_reading_do_not_both_happen() {
    let bench = bench(&flat(3));
    bench.intend(&limit("1", "99", "90"));
    bench.intend(&limit("2", "98", "90"));
    let (orders, sent_at) = (bench.orders(), bench.clock.now());
    let read = || {
        let books = Books {
            unread_status: None,
            state: bench.state(),
            orders: orders.iter().map(|one| (one.terms.order_id.clone(), one.clone())).collect(),
            positions: Default::default(),
            account: Some(bench.account()),
            approvals: Default::default(),
            damaged: Default::default(),
        };
        Desk::new(settings(), books)
    };
    let (mut one, mut other) = (read(), read());
    for (desk, order) in [(&mut one, &orders[0]), (&mut other, &orders[1])] {
        let sent = Sent { at: sent_at, fence: sent_at, limit: None };
        desk.advance(&order.terms.order_id, Event::Submit(sent)).unwrap();
    }
    assert_eq!(at_once(one.commit(&bench.tables, Binds::Authority)), Ok(()));
    let lost = at_once(other.commit(&bench.tables, Binds::Authority));
    assert!(matches!(lost, Err(WriteError::Lost { .. })), "{lost:?}");
    assert_eq!(bench.statuses(), ["entry 0 pending", "entry 0 intended"]);
}
