//! Lost requests, lost replies and lost writes: one order item is one client id is at most one venue order.

use shared::books::PositionStatus;
use shared::ids::Leg;
use shared::order::Origin;
use shared::state::Target;
use shared::store::WriteError;
use shared::time::Millis;

use super::flat;
use crate::testing::{Bench, Fault, bench, limit, market, minute};

#[test]
fn a_lost_reply_is_looked_up_in_the_same_invocation() {
    let bench = bench(&flat(3));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostReply));
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    bench.books_agree();
}

#[test]
fn a_lost_request_is_unknown_until_its_fence_and_then_absent() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(0);
    assert_eq!(bench.order(&id, Leg::Entry, 0).as_str(), "unknown");
    let sent_at = minute(0) + Millis::from_secs(4);
    let due = bench.state().due_at;
    assert_eq!(due, Some(sent_at + Millis::from_secs(27) + Millis::from_secs(120)));
    bench.clock.set(sent_at + Millis::from_secs(27));
    bench.serve();
    assert_eq!(bench.order(&id, Leg::Entry, 0).as_str(), "unknown", "at the fence nothing is proven yet");
    bench.clock.advance(Millis(1));
    bench.serve();
    assert_eq!(bench.statuses(), ["entry 0 expired"]);
    assert_eq!((bench.state().due_at, bench.at_venue().len()), (None, 0));
    bench.is_over();
}

/// Asked before the fence and answered after it: the venue may have looked before the request arrived.
#[test]
fn a_question_that_was_asked_before_the_fence_proves_nothing() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(0);
    bench.faults.call_takes.set(Millis::from_secs(10));
    bench.clock.set(minute(0) + Millis::from_secs(4 + 20));
    bench.serve();
    assert_eq!(bench.statuses(), ["entry 0 unknown"]);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 expired"]);
}

#[test]
fn an_order_that_is_invisible_for_a_while_is_found_before_its_fence() {
    let bench = bench(&flat(4));
    bench.exchange.set_read_lag(Millis::from_secs(9));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostReply));
    bench.tick(0);
    assert_eq!(bench.statuses(), ["entry 0 unknown"]);
    bench.tick(1);
    assert_eq!(bench.statuses(), ["entry 0 filled", "stop 0 open"]);
    bench.books_agree();
}

#[test]
fn what_is_unknown_counts_in_full() {
    let bench = bench(&flat(4));
    bench.settings(|settings| settings.order_cooldown = Millis::from_secs(0));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(0);
    let second = bench.intend(&market("1", "90"));
    bench.clock.advance(Millis::from_secs(5));
    bench.serve();
    assert_eq!(bench.order(&second, Leg::Entry, 0).as_str(), "refused");
    assert_eq!(bench.at_venue().len(), 0);
}

#[test]
fn an_order_that_could_not_leave_ends_and_is_not_sent_again() {
    for fault in [Fault::NeverSent, Fault::Throttled, Fault::Refused] {
        let bench = bench(&flat(4));
        bench.intend(&market("1", "90"));
        bench.faults.place.borrow_mut().push_back(Some(fault.clone()));
        bench.tick(0);
        bench.tick(1);
        let expected = if fault == Fault::Refused { "entry 0 rejected" } else { "entry 0 expired" };
        assert_eq!((bench.statuses(), bench.at_venue().len()), (vec![expected.to_owned()], 0));
        bench.is_over();
    }
}

/// Enter, hold, close by wish: every write of it fails once, applied or not, with every kind of error.
#[test]
fn whichever_write_is_lost_no_order_is_sent_twice_and_the_books_agree() {
    let errors = [
        WriteError::Conflict,
        WriteError::NotDone("as scripted".to_owned()),
        WriteError::NoAnswer("as scripted".to_owned()),
    ];
    for error in errors {
        for applied in [false, true] {
            if applied && !matches!(error, WriteError::NoAnswer(_)) {
                continue;
            }
            let whole = enter_and_close(|_| {});
            for number in 0..whole {
                enter_and_close(|bench| {
                    bench.faults.writes_fail.borrow_mut().insert(number, (error.clone(), applied));
                });
            }
        }
    }
}

/// The same with every pair of placement faults.
#[test]
fn whatever_befalls_the_placements_no_order_is_sent_twice_and_the_books_agree() {
    let faults = [
        None,
        Some(Fault::LostReply),
        Some(Fault::LostRequest),
        Some(Fault::NeverSent),
        Some(Fault::Refused),
    ];
    for entry in &faults {
        for stop in &faults {
            for exit in &faults {
                enter_and_close(|bench| {
                    bench.faults.place.borrow_mut().extend([entry.clone(), stop.clone(), exit.clone()]);
                });
            }
        }
    }
}

/// Answers how many writes it took.
fn enter_and_close(arm: impl FnOnce(&Bench)) -> usize {
    let bench = bench(&flat(12));
    arm(&bench);
    let id = bench.intend(&market("1", "90"));
    for n in 0..4 {
        bench.tick(n);
    }
    if bench.maybe_position(&id).is_some_and(|one| one.status == PositionStatus::Open) {
        bench.wish(Target::Close(id.clone()), Origin::Person);
    }
    for n in 4..10 {
        bench.tick(n);
    }
    bench.is_over();
    bench.faults.writes.get()
}

#[test]
fn an_answer_whose_record_is_lost_is_settled_by_the_next_tick() {
    let bench = bench(&flat(4));
    bench.intend(&limit("1", "99", "90"));
    let error = WriteError::NoAnswer("as scripted".to_owned());
    bench.faults.writes_fail.borrow_mut().insert(1, (error, false));
    let report = bench.tick(0);
    assert_eq!((report.failed, bench.statuses()), (1, vec!["entry 0 pending".to_owned()]));
    bench.tick(1);
    assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 open".to_owned()], 1));
}
