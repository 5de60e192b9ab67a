//! The rejection gate and the daily loss gate, as they show in what is sent.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::{Leg, PositionId};
use shared::order::{Origin, State};
use shared::records;
use shared::settings::SafetyMode;
use shared::state::{GateReset, Phase, Target};
use shared::status::Hold;
use shared::testkit::at_once;
use shared::time::{Millis, Timestamp};

use super::{FLAT, flat};
use crate::gates;
use crate::testing::{Bench, Fault, bench, d, demo, limit, market, minute, notional, price, settings};

/// A bench whose gate opens after three refusals in a row, for three minutes.
fn gated(minutes: usize) -> Bench {
    let bench = bench(&flat(minutes));
    bench.settings(|settings| {
        settings.gate.threshold = 3;
        settings.gate.cooldown = Millis::from_minutes(3);
        settings.limits.max_decision_age = Millis::from_minutes(60);
        settings.order_cooldown = Millis(0);
    });
    bench
}

/// An entry whose stop lies further away than the settings allow.
fn too_wide(bench: &Bench) -> PositionId {
    bench.intend(&market("0.1", "40"))
}

/// Three refusals in minute 0.
fn open(bench: &Bench) {
    for _ in 0..3 {
        too_wide(bench);
    }
    bench.tick(0);
    assert!(matches!(bench.state().breaker.phase, Phase::Open { .. }));
}

fn state_of(bench: &Bench, id: &PositionId) -> String {
    bench.order(id, Leg::Entry, 0).as_str().to_owned()
}

#[test]
fn refusals_in_a_row_open_the_gate_with_its_hold_in_the_same_write_and_it_pages() {
    let bench = gated(8);
    too_wide(&bench);
    too_wide(&bench);
    bench.tick(0);
    assert_eq!((bench.state().breaker.rejections, bench.state().holds.len()), (2, 0));
    too_wide(&bench);
    // Write 0 is the third refusal: nothing else of the tick is written.
    bench.faults.writes.set(0);
    for number in 1..9 {
        let error = shared::store::WriteError::NotDone("as scripted".to_owned());
        bench.faults.writes_fail.borrow_mut().insert(number, (error, false));
    }
    bench.tick(1);
    let state = bench.state();
    assert!(
        matches!(state.breaker.phase, Phase::Open { .. }) && state.holds.contains_key(&Hold::RejectionGate)
    );
    bench.faults.writes_fail.borrow_mut().clear();
    let waiting = bench.intend(&market("1", "90"));
    bench.tick(2);
    let state = bench.state();
    assert_eq!(
        state.alerts["gate-open"].detail,
        "circuit breaker open (rejections=3, cooldown_remaining_ms=120000)"
    );
    assert_eq!((state_of(&bench, &waiting), bench.at_venue().len()), ("intended".to_owned(), 0));
}

#[test]
fn after_the_cooldown_one_trial_is_sent_and_its_success_closes_the_gate() {
    let bench = gated(8);
    open(&bench);
    let (trial, next) = (bench.intend(&limit("1", "99", "90")), too_wide(&bench));
    bench.tick(2);
    assert_eq!(state_of(&bench, &trial), "intended", "a minute before the end of the cooldown");
    bench.tick(3);
    let state = bench.state();
    assert_eq!(
        (state_of(&bench, &trial), state_of(&bench, &next)),
        ("open".to_owned(), "refused".to_owned())
    );
    assert_eq!((&state.breaker.phase, state.breaker.rejections), (&Phase::Closed, 1), "counted from zero");
    assert!(state.holds.is_empty() && !state.alerts.contains_key("gate-open"));
}

/// A breaker without a half-open state would need three refusals again.
#[test]
fn a_refused_trial_opens_the_gate_again_at_once_for_a_whole_cooldown() {
    let bench = gated(12);
    open(&bench);
    let (trial, next) = (too_wide(&bench), bench.intend(&limit("1", "99", "90")));
    bench.tick(3);
    assert_eq!(state_of(&bench, &trial), "refused");
    assert_eq!(state_of(&bench, &next), "intended");
    assert_eq!(bench.state().breaker.phase, Phase::Open { since: minute(3) + Millis::from_secs(4) });
    bench.tick(5);
    assert_eq!(state_of(&bench, &next), "intended");
    bench.tick(6);
    assert_eq!((state_of(&bench, &next), bench.state().breaker.phase), ("open".to_owned(), Phase::Closed));
}

#[test]
fn while_a_trial_is_of_unknown_fate_no_other_is_reviewed_and_one_that_never_came_to_be_leaves_room() {
    let bench = gated(12);
    open(&bench);
    let trial = bench.intend(&limit("1", "99", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::LostRequest));
    bench.tick(3);
    assert!(matches!(bench.state().breaker.phase, Phase::HalfOpen { trial: Some(_) }));
    let next = too_wide(&bench);
    bench.clock.advance(Millis::from_secs(10));
    bench.serve();
    assert_eq!(
        (state_of(&bench, &trial), state_of(&bench, &next)),
        ("unknown".to_owned(), "intended".to_owned())
    );
    // Proven absent: neither a success nor a refusal.
    bench.tick(4);
    assert_eq!(
        (state_of(&bench, &trial), state_of(&bench, &next)),
        ("expired".to_owned(), "refused".to_owned())
    );
    assert!(matches!(bench.state().breaker.phase, Phase::Open { .. }));
}

#[test]
fn wherever_two_executors_meet_exactly_one_trial_is_sent() {
    for number in 0..10 {
        let bench = gated(8);
        open(&bench);
        bench.intend(&limit("1", "99", "90"));
        bench.intend(&limit("1", "98", "90"));
        // Whatever is sent stays without an answer, so that no trial ends within the tick.
        let other = bench.other();
        for bench in [&bench, &other] {
            *bench.faults.always.borrow_mut() = Some(Fault::LostReply);
            bench.faults.orders_fail.set(true);
        }
        bench.faults.writes.set(0);
        let run = move || {
            other.serve();
        };
        *bench.faults.before_write.borrow_mut() = Some((number, Box::new(run)));
        bench.tick(3);
        assert_eq!(bench.at_venue().len(), 1, "write {number}: {:?}", bench.statuses());
    }
}

/// A model that alternates good dry runs and bad orders must not keep the gate from opening.
#[test]
fn dry_runs_and_proposals_neither_clear_the_count_nor_use_up_the_trial() {
    for (mode, end) in [(SafetyMode::DryRun, "dry_run"), (SafetyMode::TwoPhase, "awaiting_approval")] {
        let bench = gated(12);
        bench.settings(|settings| {
            settings.gate.threshold = 3;
            settings.gate.cooldown = Millis::from_minutes(3);
            settings.safety_mode = mode;
        });
        for n in 0..2 {
            too_wide(&bench);
            let good = bench.intend(&market("1", "90"));
            bench.tick(n);
            // Only one at a time may stand in an asset: end what was proposed.
            if state_of(&bench, &good) == "awaiting_approval" {
                let order = bench.orders().into_iter().find(|one| one.terms.position_id == good).unwrap();
                let (position, order_id) = (good.clone(), order.terms.order_id);
                bench.wish(Target::Cancel { position, order_id }, Origin::Person);
            } else {
                assert_eq!(state_of(&bench, &good), end);
            }
            assert_eq!(bench.state().breaker.rejections, u32::try_from(n).unwrap() + 1, "{mode:?}");
        }
        too_wide(&bench);
        bench.tick(2);
        assert!(matches!(bench.state().breaker.phase, Phase::Open { .. }), "{mode:?}");
        let good = bench.intend(&market("1", "90"));
        bench.tick(5);
        assert_eq!(state_of(&bench, &good), end);
        assert_eq!(bench.state().breaker.phase, Phase::HalfOpen { trial: None }, "{mode:?}");
        assert_eq!(bench.at_venue().len(), 0);
    }
}

#[test]
fn what_the_venue_fails_to_do_neither_adds_nor_clears() {
    let bench = gated(8);
    too_wide(&bench);
    bench.tick(0);
    for fault in [Fault::NeverSent, Fault::Throttled, Fault::Refused] {
        bench.intend(&market("1", "90"));
        bench.faults.place.borrow_mut().push_back(Some(fault.clone()));
        bench.clock.advance(Millis::from_secs(1));
        bench.serve();
        assert_eq!(bench.state().breaker.rejections, 1, "{fault:?}");
    }
    bench.intend(&limit("1", "99", "90"));
    bench.tick(1);
    assert_eq!(bench.state().breaker.rejections, 0, "a success clears the count");
}

/// The counter of the day is raised by what is sent, in the tables: refusals, dry runs and a process that ends
/// leave it as it was.
#[test]
fn only_what_is_sent_uses_up_the_day() {
    let bench = gated(8);
    bench.settings(|settings| settings.limits.max_daily_orders = 2);
    too_wide(&bench);
    too_wide(&bench);
    bench.tick(0);
    assert_eq!(bench.state().exec_day.orders, 0);
    bench.intend(&limit("1", "99", "90"));
    // Every tick is a process of its own.
    bench.tick(1);
    bench.tick(2);
    assert_eq!(bench.state().exec_day.orders, 1);
}

/// Two buys that both wait would each pass a check that looks at positions alone.
#[test]
fn what_waits_and_what_rests_counts_towards_the_position() {
    let bench = gated(8);
    bench.settings(|settings| settings.limits.max_position_abs = shared::money::Qty::parse("1.5").unwrap());
    let (first, second) = (bench.intend(&limit("1", "99", "90")), bench.intend(&limit("1", "98", "90")));
    bench.tick(0);
    let State::Refused { message, .. } = bench.order(&first, Leg::Entry, 0) else { panic!("it is refused") };
    assert_eq!(message, "projected position 2 exceeds max abs 1.5");
    assert_eq!((state_of(&bench, &second), bench.at_venue().len()), ("open".to_owned(), 1));
    // What rests counts as what waits did; another asset's position would not.
    let third = bench.intend(&market("1", "90"));
    bench.tick(1);
    assert_eq!(state_of(&bench, &third), "refused");
}

/// Bought at 100 with 0.999 left after the fee: at 90 the day stands 10.09 lower.
fn losing() -> (Bench, PositionId) {
    let low = ([90, 90, 90, 90], 1_000);
    let bench = bench(&[FLAT, low, low, low, FLAT, FLAT]);
    bench.settings(|settings| settings.pnl_gate = notional("10"));
    let id = bench.intend(&market("1", "80"));
    bench.tick(0);
    (bench, id)
}

#[test]
fn a_days_loss_at_the_bid_opens_the_loss_gate_until_the_next_utc_day_and_exits_go_on() {
    let (bench, id) = losing();
    assert!(bench.state().holds.is_empty());
    bench.tick(1);
    let state = bench.state();
    assert!(state.holds.contains_key(&Hold::PnlGate) && state.alerts.contains_key("gate-open"));
    let wanted = bench.intend(&market("1", "80"));
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(2);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert_eq!(
        (bench.position(&id).exit_reason, state_of(&bench, &wanted)),
        (Some(ExitReason::Model), "intended".to_owned())
    );
    bench.tick(4);
    assert!(bench.state().holds.contains_key(&Hold::PnlGate), "a loss that is realised stays");
    bench.tick_at(Timestamp::parse("2023-03-02T00:00:00Z").unwrap());
    let state = bench.state();
    assert!(state.holds.is_empty() && !state.alerts.contains_key("gate-open"), "{:?}", state.holds);
}

/// One unit at 100 for a fee of 0.1 % less a quarter, in a coin at 300; the spread alone is a loss of 0.02.
#[test]
fn fees_in_a_third_asset_count_as_loss_and_what_cannot_be_priced_is_said() {
    for priced in [true, false] {
        let bench = bench(&flat(4));
        bench.settings(|settings| settings.pnl_gate = notional("0.05"));
        bench.exchange.deposit(minute(0), "BNB", d("1")).unwrap();
        bench.faults.fee_price.set(priced.then(|| price("300")));
        bench.intend(&market("1", "90"));
        bench.tick(0);
        bench.tick(1);
        let paid: rust_decimal::Decimal = bench.fills().iter().map(|fill| fill.fee.value() * d("300")).sum();
        assert_eq!(bench.state().exec_day.fees.value(), if priced { paid } else { d("0") });
        assert_eq!(bench.state().holds.contains_key(&Hold::PnlGate), priced);
        assert_eq!(bench.said("fee without a price: not in the day's result"), !priced);
        assert_eq!(bench.state().recent_exec.len(), 0, "no failure of the venue's");
        bench.books_agree();
    }
}

#[test]
fn where_a_position_cannot_be_priced_nothing_is_opened() {
    let (bench, _) = losing();
    let wanted = bench.intend(&market("1", "80"));
    bench.faults.quotes_fail.set(true);
    let report = bench.tick(1);
    assert_eq!((report.failed, state_of(&bench, &wanted)), (1, "intended".to_owned()));
}

#[test]
fn a_persons_request_closes_both_gates_once_and_says_who_and_when() {
    let (bench, _) = losing();
    bench.change_state(|state| state.breaker.rejections = 9);
    bench.impose(Hold::RejectionGate);
    bench.settings(|settings| {
        settings.pnl_gate = notional("10");
        settings.gate.cooldown = Millis::from_minutes(60);
    });
    bench.tick(1);
    assert_eq!(bench.state().holds.len(), 2);
    let reset = GateReset { gate: None, by: "ada".to_owned(), at: bench.clock.now() };
    at_once(shared::ports::WriteTables::write(
        &bench.tables.store,
        vec![records::state::ask_gate_reset(&demo(), &reset)],
    ))
    .unwrap();
    bench.tick(2);
    let state = bench.state();
    assert!(state.holds.is_empty(), "{:?}", state.holds);
    assert_eq!((state.breaker.rejections, state.breaker.reset_at), (0, Some(reset.at)));
    let line = bench.line("gates reset by a person");
    assert_eq!(
        (line.fields["by"].as_str(), line.fields["asked_at"].as_str()),
        (Some("ada"), Some(&*reset.at.to_string()))
    );
    // The request is granted once; another loss of the whole limit opens the gate again.
    bench.settings(|settings| settings.pnl_gate = notional("0.000001"));
    bench.impose(Hold::RejectionGate);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    bench.tick(3);
    assert!(bench.state().holds.contains_key(&Hold::RejectionGate), "not granted twice");
}

#[test]
fn the_gate_is_a_matter_of_the_wish_and_not_of_the_moment() {
    let mut state = bench(&flat(2)).state();
    let gate = shared::settings::Gate { threshold: 1, ..settings().gate };
    use crate::risk::Rule;
    for rule in [Rule::Authority, Rule::NoRoom, Rule::MarketClosed, Rule::DecisionAge, Rule::PriceDrift] {
        gates::count_refusal(&mut state, rule, &gate, minute(0));
        assert_eq!(state.breaker.rejections, 0, "{rule:?}");
    }
    gates::count_refusal(&mut state, Rule::MaxDailyOrders, &gate, minute(0));
    assert_eq!(state.breaker.phase, Phase::Open { since: minute(0) });
}
