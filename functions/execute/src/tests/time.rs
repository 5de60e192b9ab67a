//! Days, deadlines and slow calls.

use shared::order::Origin;
use shared::state::Target;
use shared::time::{Millis, Timestamp};

use super::{FLAT, flat};
use crate::testing::{Bench, bench, limit, market, minute, percent, qty};

#[test]
fn a_later_day_resets_the_counters_also_where_only_fills_are_recorded() {
    let start = Timestamp::parse("2023-03-01T23:58:00Z").unwrap();
    let bench = Bench::over(&[FLAT, FLAT, FLAT, ([95, 95, 85, 88], 1_000), FLAT, FLAT], start);
    bench.tick_at(start);
    bench.intend(&market("1", "90"));
    bench.tick_at(start + Millis::from_minutes(1));
    assert_eq!(bench.state().exec_day.orders, 2);
    // The stop triggers in the second minute of the next day; nothing is sent.
    bench.tick_at(start + Millis::from_minutes(4));
    let day = bench.state().exec_day;
    assert_eq!((day.day, day.orders), ((start + Millis::from_minutes(4)).day(), 0));
    assert!(day.realised.value() < 0.into());
    bench.is_over();
}

#[test]
fn slow_calls_do_not_make_a_fresh_quote_stale() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.faults.call_takes.set(Millis::from_secs(3));
    bench.time_left.set(Millis::from_secs(55));
    let report = bench.tick(0);
    assert_eq!((report.served, bench.statuses().first().cloned()), (1, Some("entry 0 filled".to_owned())));
    bench.faults.call_takes.set(Millis(0));
    bench.tick(1);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn an_entry_priced_with_an_old_quote_is_not_sent() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.faults.call_takes.set(Millis::from_secs(6));
    bench.time_left.set(Millis::from_secs(59));
    bench.tick(0);
    assert_eq!((bench.statuses(), bench.at_venue().len()), (vec!["entry 0 intended".to_owned()], 0));
    bench.faults.call_takes.set(Millis(0));
    bench.tick(1);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    bench.books_agree();
}

#[test]
fn what_is_due_next_is_named_and_goes_with_its_cause() {
    let bench = bench(&flat(8));
    bench.settings(|settings| settings.exits.entry_timeout = Millis::from_minutes(10));
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let state = bench.state();
    let order = bench.orders()[0].terms.order_id.clone();
    let sent_at = minute(0) + Millis::from_secs(4);
    assert_eq!(state.due_at, Some(sent_at + Millis::from_minutes(12)));
    assert_eq!(state.due_what, Some(format!("orders {order}")));
    bench.wish(Target::Cancel { position: id, order_id: order }, Origin::Model);
    bench.tick(1);
    assert_eq!((bench.state().due_at, bench.state().due_what), (None, None));
}

#[test]
fn an_ordered_exit_is_due_at_its_limit_and_a_resting_stop_never_is() {
    let bench = bench(&[vec![FLAT, super::SILENT, super::SILENT], flat(6)].concat());
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!(bench.state().due_at, None);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    let ordered = minute(1) + Millis::from_secs(4);
    let state = bench.state();
    assert_eq!(state.due_at, Some(ordered + Millis::from_minutes(5)));
    assert_eq!(state.due_what, Some(format!("positions {id}")));
    bench.tick(2);
    assert_eq!(bench.state().due_at, Some(ordered + Millis::from_minutes(5)), "trying again is no new exit");
    bench.tick(7);
    assert_eq!(bench.state().due_at, None);
    bench.is_over();
}

#[test]
fn a_peak_is_kept_over_ticks_and_every_change_raises_the_version_by_one() {
    let at = |price: i64| ([price; 4], 1_000);
    let bench = bench(&[FLAT, at(101), at(102), at(102), at(103)]);
    bench.settings(|settings| settings.exits.trailing = Some(percent("50")));
    let id = bench.intend(&market("1", "51"));
    bench.tick(0);
    let mut version = bench.position(&id).version;
    for (n, raised) in [(1, 1), (2, 1), (3, 0), (4, 1)] {
        bench.tick(n);
        assert_eq!(bench.position(&id).version, version + raised, "minute {n}");
        version += raised;
    }
    assert_eq!(bench.position(&id).quantity, qty("0.999"));
}

#[test]
fn a_tick_older_than_its_minute_does_nothing() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.clock.set(minute(2));
    let before = bench.tables.store.snapshot();
    let shift = crate::turn::Shift {
        env: &shared::ids::Env::parse("dev").unwrap(),
        trail: &shared::roster::Trail::default(),
        tick: shared::tick::Tick { shard: 0, of: 1, scheduled_at: minute(1) },
        deadline: minute(3),
        tables: &bench.tables,
        clock: &bench.clock,
        log: &bench.log,
        approval_key: None,
    };
    let report = shared::testkit::at_once(crate::handle(&shift, &bench.venue)).unwrap();
    assert_eq!((report.strategies, bench.tables.store.snapshot()), (0, before));
    assert!(bench.said("tick dropped"));
}
