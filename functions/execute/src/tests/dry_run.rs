//! A dry run that begins while something is held: nothing leaves, whatever was sent before, and a person is told.

use shared::books::PositionStatus;
use shared::order::Origin;
use shared::settings::SafetyMode;
use shared::state::Target;
use shared::status::Status;

use super::{FLAT, SILENT, flat, holding};
use crate::testing::{Bench, bench, limit, market};

fn dry_run(bench: &Bench) {
    bench.settings(|settings| settings.safety_mode = SafetyMode::DryRun);
}

/// How many requests that change something were tried.
fn acts(bench: &Bench) -> usize {
    bench.faults.places.borrow().len() + bench.faults.cancels.borrow().len()
}

#[test]
fn under_a_dry_run_nothing_is_sent_for_what_is_held_and_it_pages() {
    let (bench, id) = holding(&flat(8));
    dry_run(&bench);
    let before = acts(&bench);
    bench.wish(Target::Close(id.clone()), Origin::Person);
    bench.tick(1);
    assert_eq!((acts(&bench), bench.resting()), (before, vec!["SELL 0.999".to_owned()]));
    assert_eq!(bench.position(&id).status, PositionStatus::Open);
    assert!(bench.said("wish to close not granted"));
    let alert = bench.state().alerts["dry-run-holds"].clone();
    assert!(alert.detail.contains(&id.to_string()) && alert.detail.contains("stop "), "{}", alert.detail);
    // Nor is a stop that is missing put back.
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    assert_eq!(bench.tick(2).served, 1);
    assert_eq!((acts(&bench), bench.resting().len()), (before, 0));
    assert_eq!(bench.state().alerts["dry-run-holds"].since, alert.since, "one episode");
    bench.settings(|_| {});
    bench.tick(3);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    assert!(!bench.state().alerts.contains_key("dry-run-holds"));
    bench.books_agree();
}

#[test]
fn an_entry_that_rests_stays_where_it_is_under_a_dry_run_and_pages() {
    let bench = bench(&flat(4));
    bench.intend(&limit("1", "80", "70"));
    bench.tick(0);
    dry_run(&bench);
    bench.set_status(Status::Halted);
    let before = acts(&bench);
    bench.tick(1);
    assert_eq!((acts(&bench), bench.resting()), (before, vec!["BUY 1".to_owned()]));
    assert!(bench.state().alerts["dry-run-holds"].detail.contains("entry "));
    bench.settings(|_| {});
    bench.tick(2);
    bench.is_over();
}

#[test]
fn an_exit_that_a_dry_run_interrupts_goes_on_once_it_is_over() {
    let (bench, id) = holding(&[FLAT, SILENT, FLAT, FLAT, FLAT]);
    bench.wish(Target::Close(id.clone()), Origin::Model);
    bench.tick(1);
    assert_eq!(bench.position(&id).status, PositionStatus::Closing);
    dry_run(&bench);
    let before = acts(&bench);
    bench.tick(2);
    assert_eq!((acts(&bench), bench.position(&id).status), (before, PositionStatus::Closing));
    bench.settings(|_| {});
    bench.tick(3);
    assert_eq!(bench.position(&id).status, PositionStatus::Closed);
    bench.is_over();
}

#[test]
fn a_dry_run_that_holds_nothing_pages_nobody() {
    let bench = bench(&flat(3));
    dry_run(&bench);
    bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!((acts(&bench), bench.state().alerts.len()), (0, 0));
}
