//! The crash guard: what a fall within the window sets, does and clears.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::Leg;
use shared::settings::CrashAction;
use shared::status::{Hold, Status};
use shared::time::Millis;

use super::FLAT;
use crate::testing::{Bench, bench, limit, market, percent};

const fn at(price: i64) -> ([i64; 4], i64) {
    ([price; 4], 1_000)
}

/// One unit bought at 100 in minute 0, and an entry resting at 80; then 92, and 99 from minute 6 on.
fn falling(action: CrashAction) -> (Bench, shared::ids::PositionId) {
    let mut candles = vec![FLAT, FLAT, at(92), at(92), at(92), at(92)];
    candles.extend([at(92); 8]);
    let bench = bench(&candles);
    bench.settings(|settings| {
        settings.crash.fall = percent("5");
        settings.crash.window = Millis::from_minutes(5);
        settings.crash.action = action;
    });
    let id = bench.intend(&market("1", "60"));
    bench.tick(0);
    bench.tick(1);
    assert!(bench.state().holds.is_empty());
    (bench, id)
}

#[test]
fn a_fall_within_the_window_holds_pages_and_clears_once_the_window_no_longer_shows_it() {
    let (bench, id) = falling(CrashAction::Reduce);
    bench.tick(2);
    let state = bench.state();
    assert_eq!((state.status, state.holds.contains_key(&Hold::Crash)), (Status::Reducing, true));
    let words = &state.alerts["market-crash"].detail;
    assert!(words.contains("BTC-USDT fell 8.01 %") && words.contains("from 100 to 91.99"), "{words}");
    assert!(state.alerts["status-lowered"].detail.contains("reducing"), "the lowered status pages too");
    assert_eq!(bench.position(&id).status, PositionStatus::Open, "its stop rests on");
    // The last 100 was at the end of minute 1, which is two minutes after the start of minute 0.
    bench.tick(6);
    assert!(bench.state().holds.contains_key(&Hold::Crash));
    bench.tick(8);
    let state = bench.state();
    assert!(state.holds.is_empty() && !state.alerts.contains_key("market-crash"), "{:?}", state.holds);
    assert_eq!(state.status, Status::Reducing, "a person sets it");
    assert!(state.alerts.contains_key("status-lowered"));
    bench.set_status(Status::Running);
    bench.tick(9);
    assert!(!bench.state().alerts.contains_key("status-lowered"));
    assert_eq!(bench.resting(), ["SELL 0.999"]);
}

#[test]
fn a_fall_that_took_longer_than_the_window_is_none() {
    let bench = bench(&[FLAT, FLAT, at(98), at(98), at(96), at(96), at(94), at(94), at(92)]);
    bench.settings(|settings| {
        settings.crash.fall = percent("5");
        settings.crash.window = Millis::from_minutes(2);
    });
    bench.intend(&market("1", "60"));
    for n in 0..9 {
        bench.tick(n);
        assert!(bench.state().holds.is_empty(), "minute {n}");
    }
}

#[test]
fn exit_sells_what_is_held_by_the_rule_crash_and_takes_entries_back() {
    let (bench, id) = falling(CrashAction::Exit);
    bench.settings(|settings| {
        settings.crash.fall = percent("5");
        settings.crash.action = CrashAction::Exit;
        settings.order_cooldown = Millis(0);
    });
    let waiting = bench.intend(&limit("1", "80", "60"));
    bench.tick(2);
    assert_eq!(bench.position(&id).exit_reason, Some(ExitReason::Crash));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert_eq!(bench.order(&waiting, Leg::Entry, 0).as_str(), "refused");
    assert_eq!(bench.state().status, Status::Running, "no status is lowered");
    bench.is_over();
    // Nothing lives, and the hold still clears by itself.
    bench.tick(8);
    assert!(bench.state().holds.is_empty());
}

#[test]
fn halt_halts_and_leaves_the_stop() {
    let (bench, id) = falling(CrashAction::Halt);
    bench.tick(2);
    let state = bench.state();
    assert_eq!(state.status, Status::Halted);
    assert!(state.halt_reason.is_some_and(|reason| reason.contains("fell 8.01 %")));
    assert_eq!(
        (bench.position(&id).status, bench.resting()),
        (PositionStatus::Open, vec!["SELL 0.999".to_owned()])
    );
}

#[test]
fn a_crash_never_lifts_what_a_person_lowered_further() {
    for status in [Status::Halted, Status::Stopped] {
        let (bench, _) = falling(CrashAction::Reduce);
        bench.set_status(status);
        bench.tick(2);
        assert_eq!(bench.state().status, status);
        assert!(bench.state().holds.contains_key(&Hold::Crash));
    }
}
