//! What cannot be read, what trades after it was closed, and markets that close while something is held.

use shared::books::PositionStatus;
use shared::ids::{Leg, PositionId};
use shared::order::Origin;
use shared::records;
use shared::state::Target;
use shared::status::Status;
use shared::store::{Attr, Key};
use sim::exchange::SymbolStatus;

use super::{FLAT, flat};
use crate::testing::{Bench, Wanted, bench, demo, limit, market, price, qty};

/// The item of one order.
fn order_key(bench: &Bench, id: &PositionId, leg: Leg) -> Key {
    let orders = bench.orders().into_iter();
    let mut of = orders.filter(|one| one.terms.position_id == *id && one.terms.leg == leg);
    records::order::key(id, &of.next().unwrap().terms.order_id)
}

fn spoil(bench: &Bench, key: &Key, name: &str) -> Attr {
    let before = bench.tables.store.snapshot()[key][name].clone();
    bench.edit(key.clone(), name, Attr::S("Running".to_owned()));
    before
}

#[test]
fn a_damaged_order_counts_as_halted_while_the_rules_of_what_is_readable_go_on() {
    let high = ([110, 110, 110, 110], 1_000);
    let bench = bench(&[FLAT, high, high, high, high]);
    let id = bench.intend(&Wanted { take_profit: Some(price("105")), ..market("1", "90") });
    bench.tick(0);
    let (bad, good) = (bench.intend(&limit("1", "80", "70")), bench.intend(&limit("1", "81", "70")));
    let key = order_key(&bench, &bad, Leg::Entry);
    let was = spoil(&bench, &key, "status");
    let before = bench.state();
    let report = bench.tick(1);
    assert_eq!((report.served, report.failed), (0, 1));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed, "its take-profit was reached");
    let state = bench.state();
    assert_eq!(state.status, Status::Running, "the status is a person's; this tick acted as if halted");
    assert_eq!(
        (state.last_heartbeat, state.last_executed_at),
        (before.last_heartbeat, before.last_executed_at)
    );
    assert!(state.alerts["books-damaged"].detail.contains("status"), "{:?}", state.alerts);
    let error = bench.line("strategy not served").fields["error"].as_str().unwrap().to_owned();
    assert!(error.contains("tradai-orders") && error.contains("attribute status"), "{error}");
    bench.edit(key, "status", was);
    assert_eq!(bench.order(&good, Leg::Entry, 0).as_str(), "refused");
    assert_eq!(bench.order(&bad, Leg::Entry, 0).as_str(), "intended", "what cannot be read is not touched");
    let report = bench.tick(2);
    assert_eq!((report.served, bench.state().alerts.contains_key("books-damaged")), (1, false));
    bench.books_agree();
}

#[test]
fn a_position_with_a_damaged_stop_is_left_alone_and_its_entry_is_taken_back() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    assert_eq!(bench.resting(), ["BUY 1", "SELL 0.3996"]);
    let key = order_key(&bench, &id, Leg::Stop);
    let was = spoil(&bench, &key, "quantity");
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(3);
    assert_eq!(bench.resting(), ["SELL 0.3996"], "no second stop, no sell: its first stop rests");
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    bench.edit(key, "quantity", was);
    bench.tick(4);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed, "a person's wish has waited");
    bench.is_over();
}

#[test]
fn what_a_damaged_position_trades_is_recorded_once_it_is_mended() {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, thin, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    let key = records::position::key(&id);
    let was = spoil(&bench, &key, "version");
    bench.tick(3);
    assert_eq!(bench.resting(), ["SELL 0.3996"], "the entry is taken back");
    bench.edit(key, "version", was);
    bench.tick(4);
    assert_eq!(bench.position(&id).bought, qty("0.7992"));
    assert_eq!(bench.resting(), ["SELL 0.7992"]);
    bench.books_agree();
}

#[test]
fn a_missing_order_item_stops_only_its_own_position() {
    let bench = bench(&flat(4));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.change_state(|state| {
        let position = PositionId { strategy: demo(), seq: 7 };
        let live = shared::state::Live::Order { position, leg: Leg::Entry };
        state.live.insert("gone".to_owned(), live);
    });
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    let report = bench.tick(1);
    assert_eq!((report.failed, bench.resting()), (1, vec!["SELL 0.999".to_owned()]));
    assert!(bench.state().alerts["books-damaged"].detail.contains("gone"));
}

/// Half filled, then declared closed, then filled further.
fn closed_and_filled(by_hand: bool) -> (Bench, PositionId) {
    let thin = ([100, 100, 98, 100], 4);
    let bench = bench(&[FLAT, thin, thin, FLAT, FLAT, FLAT, FLAT]);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    bench.tick(2);
    bench.edit(records::position::key(&id), "status", Attr::S("closed".to_owned()));
    bench.edit(records::position::key(&id), "closed_manually", Attr::Bool(by_hand));
    bench.tick(3);
    (bench, id)
}

#[test]
fn a_fill_after_closed_makes_the_position_closing_again_and_pages() {
    let (bench, id) = closed_and_filled(false);
    let alert = bench.state().alerts["fill-after-close"].clone();
    assert_eq!(alert.key, id.to_string());
    assert!(alert.detail.contains("traded after"), "{}", alert.detail);
    let position = bench.position(&id);
    assert_eq!((position.status, position.bought), (PositionStatus::Closed, qty("0.7992")));
    assert_eq!(bench.statuses(), ["entry 0 cancelled", "stop 0 cancelled", "exit 0 filled"]);
    bench.is_over();
    bench.tick(5);
    assert!(!bench.state().alerts.contains_key("fill-after-close"));
}

#[test]
fn what_a_person_closed_stays_closed_and_a_fill_of_it_pages() {
    let (bench, id) = closed_and_filled(true);
    assert!(bench.state().alerts.contains_key("fill-after-close"));
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    assert_eq!(bench.resting(), Vec::<String>::new());
    assert_eq!(bench.state().live.len(), 0);
}

#[test]
fn a_market_that_closes_while_something_is_held_pages_once_an_episode() {
    for delisted in [false, true] {
        let bench = bench(&flat(20));
        bench.intend(&market("1", "90"));
        bench.tick(0);
        let close = |closed: bool| {
            if delisted {
                bench.faults.is_delisted.set(closed);
            } else {
                let status = if closed { SymbolStatus::Halt } else { SymbolStatus::Trading };
                bench.exchange.set_status(bench.clock.now(), status);
            }
        };
        close(true);
        bench.tick(4);
        assert!(!bench.state().alerts.contains_key("market-closed"), "looked at every five minutes");
        bench.tick(5);
        let alert = bench.state().alerts["market-closed"].clone();
        assert!(alert.detail.contains("BTC-USDT"), "{}", alert.detail);
        bench.tick(6);
        assert_eq!(bench.state().alerts["market-closed"], alert, "one episode");
        close(false);
        bench.tick(7);
        assert!(!bench.state().alerts.contains_key("market-closed"));
    }
}

#[test]
fn the_days_cancels_bind_the_models_wishes_alone_and_count_them_all() {
    let bench = bench(&flat(8));
    bench.settings(|settings| settings.limits.max_daily_cancels = 1);
    let id = bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let order_id = bench.orders()[0].terms.order_id.clone();
    let wish =
        |origin| bench.wish(Target::Cancel { position: id.clone(), order_id: order_id.clone() }, origin);
    bench.change_state(|state| state.exec_day.cancels = 1);
    wish(Origin::Model);
    bench.tick(1);
    assert_eq!((bench.resting().len(), bench.state().live.len()), (1, 1), "the wish ended, the entry rests");
    let line = bench.line("order refused");
    assert_eq!(line.fields["detail"], "daily cancel count 2 exceeds limit 1");
    assert_eq!((&line.fields["rule"], &line.fields["tool"]), (&"max_daily_cancels".into(), &"cancel".into()));
    assert_eq!(bench.state().recent_exec.iter().map(|one| one.risk_rejections).sum::<u32>(), 1);
    assert_eq!(bench.state().breaker.rejections, 0, "it adds no risk");
    wish(Origin::Person);
    bench.tick(2);
    assert_eq!((bench.resting().len(), bench.state().exec_day.cancels), (0, 2));
    // Stops, exits and withdrawals go on over it, and are counted.
    let id = bench.intend(&market("1", "90"));
    bench.tick(3);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(4);
    assert_eq!((bench.position(&id).status, bench.state().exec_day.cancels), (PositionStatus::Closed, 3));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(6);
    bench.set_status(Status::Halted);
    bench.tick(7);
    assert_eq!((bench.resting().len(), bench.state().exec_day.cancels), (0, 4));
}
