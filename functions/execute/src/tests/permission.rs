//! The authority table through the submit transaction: every status, every hold, every kind of order, set before
//! the tick or at the last moment before its first write.

use shared::books::PositionStatus;
use shared::ids::PositionId;
use shared::order::Origin;
use shared::state::Target;
use shared::status::{Act, Hold, Status, may};

use super::FLAT;
use crate::testing::{Bench, Wanted, bench, limit, market, price};

/// A bench in which the next tick does exactly `act`.
fn wanting(act: Act) -> (Bench, Option<PositionId>) {
    let high = ([110, 110, 110, 110], 1_000);
    let bench = bench(&[FLAT, if act == Act::ExitByRule { high } else { FLAT }, FLAT]);
    let held = |take_profit: Option<&str>| {
        let id = bench.intend(&Wanted { take_profit: take_profit.map(price), ..market("1", "90") });
        bench.tick(0);
        Some(id)
    };
    let id = match act {
        Act::Open => {
            bench.tick(0);
            bench.intend(&market("1", "90"));
            None
        }
        Act::CancelEntry => {
            let position = bench.intend(&limit("1", "99", "90"));
            bench.tick(0);
            let order_id = bench.orders()[0].terms.order_id.clone();
            bench.wish(Target::Cancel { position, order_id }, Origin::Person);
            None
        }
        Act::ProtectiveStop => {
            let id = held(None);
            bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
            id
        }
        Act::ExitByRule => held(Some("105")),
        Act::ExitByModel | Act::ExitByPerson => {
            let id = held(None);
            let origin = if act == Act::ExitByModel { Origin::Model } else { Origin::Person };
            bench.wish(Target::Close(id.clone().unwrap()), origin);
            id
        }
    };
    (bench, id)
}

/// Whether it was done, as the exchange and the books show it.
fn was_done(bench: &Bench, act: Act, id: Option<&PositionId>) -> bool {
    match act {
        Act::Open => !bench.at_venue().is_empty(),
        Act::CancelEntry => bench.resting().is_empty(),
        Act::ProtectiveStop => bench.resting() == ["SELL 0.999"],
        Act::ExitByRule | Act::ExitByModel | Act::ExitByPerson => {
            id.is_some_and(|id| bench.position(id).status == PositionStatus::Closed)
        }
    }
}

fn set(bench: &Bench, status: Status, hold: Option<Hold>) {
    bench.set_status(status);
    if let Some(hold) = hold {
        bench.impose(hold);
    }
}

#[test]
fn the_whole_authority_table_holds_through_the_submit_transaction() {
    for act in Act::ALL {
        for status in Status::ALL {
            for hold in std::iter::once(None).chain(Hold::ALL.map(Some)) {
                for at_the_last_moment in [false, true] {
                    let (bench, id) = wanting(act);
                    if at_the_last_moment {
                        let other = bench.other();
                        bench.faults.writes.set(0);
                        let edit: Box<dyn FnOnce()> = Box::new(move || set(&other, status, hold));
                        *bench.faults.before_write.borrow_mut() = Some((0, edit));
                    } else {
                        set(&bench, status, hold);
                    }
                    bench.tick(1);
                    let expected = may(act, status, hold.is_some());
                    let what = format!("{act:?} in {status:?} under {hold:?}, late: {at_the_last_moment}");
                    assert_eq!(
                        was_done(&bench, act, id.as_ref()),
                        expected,
                        "{what}: {:?}",
                        bench.statuses()
                    );
                    bench.books_agree();
                }
            }
        }
    }
}
