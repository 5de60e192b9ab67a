//! The authority table of contract section 2, as it shows at the exchange.

use shared::books::PositionStatus;
use shared::ids::PositionId;
use shared::order::{Origin, State};
use shared::state::Target;
use shared::status::{Hold, Status};

use super::{FLAT, flat};
use crate::testing::{Bench, Fault, Wanted, bench, limit, market, minute, price};

/// One unit with a take-profit at 105, then a market at 110.
fn in_profit() -> (Bench, PositionId) {
    let high = ([110, 110, 110, 110], 1_000);
    let bench = bench(&[FLAT, high, high, high]);
    let id = bench.intend(&Wanted { take_profit: Some(price("105")), ..market("1", "90") });
    bench.tick(0);
    (bench, id)
}

#[test]
fn stopped_does_nothing_by_rule_and_a_person_still_closes() {
    let (bench, id) = in_profit();
    bench.set_status(Status::Stopped);
    bench.tick(1);
    assert_eq!(
        (bench.position(&id).status, bench.resting()),
        (PositionStatus::Open, vec!["SELL 0.999".to_owned()])
    );
    assert_eq!(bench.state().status_ack, Some(Status::Stopped));
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    assert_eq!(bench.state().live.len(), 2, "a wish is answered once");
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(3);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn stopped_puts_a_missing_stop_back() {
    let bench = bench(&flat(3));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.set_status(Status::Stopped);
    bench.tick(1);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn every_status_but_running_cancels_entries_and_refuses_intents() {
    for status in [Status::Warmup, Status::Reducing, Status::Halted, Status::Stopped] {
        let bench = bench(&flat(4));
        bench.intend(&limit("1", "99", "90"));
        bench.tick(0);
        let waiting = bench.intend(&market("1", "90"));
        bench.set_status(status);
        let report = bench.tick(1);
        assert_eq!(bench.resting(), Vec::<String>::new(), "{status:?}");
        let State::Refused { rule, message } = bench.order(&waiting, shared::ids::Leg::Entry, 0) else {
            panic!("{status:?}")
        };
        assert_eq!((rule.as_str(), message), ("authority", format!("status is {}", status.as_str())));
        assert_eq!((report.sent, bench.at_venue().len()), (0, 1));
        assert_eq!(bench.state().status_ack, Some(status));
        bench.is_over();
    }
}

#[test]
fn a_rule_closes_in_every_status_but_stopped_and_the_model_in_running_and_reducing() {
    for (status, by_model) in
        [(Status::Warmup, false), (Status::Running, true), (Status::Reducing, true), (Status::Halted, false)]
    {
        let (bench, id) = in_profit();
        bench.set_status(status);
        bench.tick(1);
        assert_eq!(bench.position(&id).status, PositionStatus::Closed, "{status:?}");
        bench.is_over();
        let bench = self::bench(&flat(3));
        let id = bench.intend(&market("1", "90"));
        bench.tick(0);
        bench.set_status(status);
        bench.wish(Target::Close(id.clone()), Origin::Model);
        bench.tick(1);
        assert_eq!(bench.position(&id).status == PositionStatus::Closed, by_model, "{status:?}");
        bench.books_agree();
    }
}

#[test]
fn under_a_hold_intents_wait_and_entries_rest_and_a_crash_takes_both_back() {
    for hold in Hold::ALL {
        let bench = bench(&flat(4));
        bench.intend(&limit("1", "99", "90"));
        bench.tick(0);
        bench.intend(&market("1", "90"));
        bench.impose(hold);
        bench.tick(1);
        let expected = match hold {
            Hold::Crash => ["entry 0 cancelled", "entry 0 refused"],
            Hold::Divergence | Hold::RejectionGate | Hold::PnlGate | Hold::ModelOff | Hold::VenueBan => {
                ["entry 0 open", "entry 0 intended"]
            }
        };
        assert_eq!(bench.statuses(), expected, "{hold:?}");
        assert_eq!(bench.at_venue().len(), 1);
    }
}

#[test]
fn a_hold_stops_no_exit() {
    let (bench, id) = in_profit();
    bench.change_state(|state| {
        state.holds.insert(Hold::Divergence, minute(0));
    });
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_key_that_the_venue_refuses_halts_and_never_lifts_stopped() {
    let bench = bench(&flat(3));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::Fatal));
    bench.tick(0);
    let state = bench.state();
    assert_eq!((state.status, bench.at_venue().len()), (Status::Halted, 0));
    assert!(state.halt_reason.is_some_and(|reason| reason.contains("-2015")));
    bench.is_over();

    let bench = self::bench(&flat(3));
    bench.intend(&market("1", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::Fatal));
    // Write 0 records the send; a person stops the strategy before its answer is recorded.
    let other = bench.other();
    *bench.faults.before_write.borrow_mut() = Some((1, Box::new(move || other.set_status(Status::Stopped))));
    bench.tick(0);
    assert_eq!(bench.state().status, Status::Stopped);
    bench.tick(1);
    bench.is_over();
}

#[test]
fn a_stop_that_is_edited_before_a_send_is_recorded_prevents_it() {
    let bench = bench(&flat(3));
    bench.intend(&market("1", "90"));
    let other = bench.other();
    *bench.faults.before_write.borrow_mut() = Some((0, Box::new(move || other.set_status(Status::Stopped))));
    bench.tick(0);
    assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 refused".to_owned()], 0));
    assert_eq!(bench.state().status_ack, Some(Status::Stopped));
    bench.is_over();
}

#[test]
fn stops_and_exits_are_never_refused_by_limits_or_a_full_state() {
    let (bench, id) = in_profit();
    bench.settings(|settings| {
        settings.limits.max_daily_orders = 0;
        settings.limits.max_order_notional = crate::testing::notional("1");
        settings.limits.allowed_symbols.clear();
        settings.limits.max_opens_per_hour = 0;
    });
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    for _ in 0..14 {
        let target =
            Target::Cancel { position: id.clone(), order_id: shared::ids::OrderId::parse("gone").unwrap() };
        bench.wish(target, Origin::Person);
    }
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn one_strategys_damage_leaves_the_others_served() {
    let bench = bench(&flat(3));
    let strategies = ["gone", "demo", "broken"].map(|id| shared::ids::StrategyId::parse(id).unwrap());
    let shard = shared::records::Shard { shard: 0, strategies: strategies.to_vec() };
    let store = &bench.tables.store;
    store.plant(shared::records::shard::key(0), shared::records::shard::encode(&shard));
    let [_, demo, broken] = strategies;
    let state = shared::records::state::key(&demo);
    let mut item = store.snapshot()[&state].clone();
    item.insert("status".to_owned(), shared::store::Attr::S("Running".to_owned()));
    store.plant(shared::records::state::key(&broken), item);
    bench.intend(&market("1", "90"));
    let report = bench.tick(0);
    assert_eq!((report.strategies, report.served, report.failed), (3, 1, 2));
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    let lines = bench.log.0.borrow();
    let named = lines.iter().filter(|line| line.what == "strategy not served");
    assert_eq!(named.count(), 2, "each is named once");
}
