//! What the account's key may do, a venue that refuses the key, and a venue that bans us.

use shared::ids::Leg;
use shared::order::State;
use shared::ports::{KeyRights, ReadAccount, VenueError};
use shared::records::KeyCheck;
use shared::secret::{KeyPrint, Secret};
use shared::status::{Hold, Status};
use shared::time::{Millis, Timestamp};

use super::flat;
use crate::testing::{Bench, Fault, bench, limit, market, minute};

const SOUND: KeyRights = KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true };

/// A bench whose account's key nobody has asked about yet.
fn unasked(minutes: usize) -> Bench {
    let bench = bench(&flat(minutes));
    bench.key_check(None);
    bench
}

fn unreadable() -> Result<KeyRights, VenueError> {
    Err(VenueError::Refused { code: "404".to_owned(), text: "no such endpoint".to_owned() })
}

#[test]
fn a_key_is_asked_about_at_its_first_use_and_once_a_day() {
    let bench = unasked(4);
    bench.tick(0);
    assert_eq!(bench.faults.rights_asked.get(), 0, "nothing lives, and nothing is sent");
    bench.intend(&limit("1", "99", "90"));
    for n in 1..4 {
        bench.tick(n);
    }
    assert_eq!(bench.faults.rights_asked.get(), 1);
    let asked = bench.account().key_check;
    let (at, print) = (minute(1) + Millis::from_secs(4), bench.venue.key_print());
    assert_eq!(asked, Some(KeyCheck { at, rights: Some(SOUND), print }));
    bench.tick_at(Timestamp::parse("2023-03-02T00:00:00Z").unwrap());
    assert_eq!(bench.faults.rights_asked.get(), 2);
    assert_eq!(bench.orders().len(), 1);
}

#[test]
fn another_key_is_asked_about_in_the_tick_that_uses_it_first() {
    let bench = bench(&flat(6));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    assert_eq!(bench.faults.rights_asked.get(), 0, "asked today");
    bench.faults.print.set(Some(KeyPrint::of(&Secret::new("rotated".to_owned()))));
    *bench.faults.rights.borrow_mut() = Some(Ok(KeyRights { withdraw: true, ..SOUND }));
    bench.tick(1);
    assert_eq!((bench.faults.rights_asked.get(), bench.state().status), (1, Status::Halted));
    *bench.faults.rights.borrow_mut() = Some(Ok(SOUND));
    for n in 2..5 {
        bench.tick(n);
    }
    assert_eq!(bench.faults.rights_asked.get(), 2, "asked until it is sound, then no more today");
}

#[test]
fn a_key_that_the_venue_refused_is_asked_about_before_it_is_used_again() {
    let bench = bench(&flat(6));
    bench.faults.place.borrow_mut().push_back(Some(Fault::Fatal));
    bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!((bench.state().status, bench.account().key_check), (Status::Halted, None));
    *bench.faults.rights.borrow_mut() = Some(Ok(KeyRights { transfer: true, ..SOUND }));
    bench.set_status(Status::Running);
    bench.intend(&market("1", "90"));
    bench.tick(1);
    assert_eq!((bench.faults.rights_asked.get(), bench.faults.places.borrow().len()), (1, 1));
}

#[test]
fn a_key_that_may_withdraw_or_transfer_sends_nothing_halts_and_pages() {
    for wide in [KeyRights { withdraw: true, ..SOUND }, KeyRights { transfer: true, ..SOUND }] {
        let bench = unasked(6);
        *bench.faults.rights.borrow_mut() = Some(Ok(wide));
        bench.intend(&market("1", "90"));
        bench.tick(0);
        let state = bench.state();
        assert_eq!((state.status, bench.faults.places.borrow().len()), (Status::Halted, 0));
        assert!(state.alerts["status-lowered"].detail.contains("may withdraw or transfer"));
        assert!(bench.said("key refused"));
        assert_eq!(bench.statuses(), ["entry 0 refused"], "what waited ends with the status");
        // A person lifts it, and the next wish finds the key to be what it was.
        bench.set_status(Status::Running);
        bench.intend(&market("1", "90"));
        bench.tick(1);
        assert_eq!((bench.state().status, bench.faults.places.borrow().len()), (Status::Halted, 0));
        // Mended: the next tick finds out, and a person starts it again.
        *bench.faults.rights.borrow_mut() = Some(Ok(SOUND));
        bench.set_status(Status::Running);
        bench.intend(&market("1", "90"));
        bench.tick(2);
        assert_eq!((bench.state().status, bench.resting()), (Status::Running, vec!["SELL 0.999".to_owned()]));
    }
}

/// Spot's test network has no such endpoint.
#[test]
fn what_cannot_be_read_is_allowed_on_a_test_network_and_said_once() {
    let bench = unasked(4);
    *bench.faults.rights.borrow_mut() = Some(unreadable());
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.tick(1);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    let said = bench.log.0.borrow();
    let said = said.iter().filter(|line| line.what.starts_with("what the key may do cannot be read"));
    assert_eq!((said.count(), bench.faults.rights_asked.get()), (1, 1));
}

#[test]
fn on_the_real_venue_nothing_is_opened_until_it_is_read_and_what_is_held_is_protected() {
    let bench = bench(&flat(6));
    bench.settings(|settings| settings.testnet = false);
    bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.key_check(None);
    bench.exchange.manual_cancel(bench.clock.now(), bench.at_venue()[1].id).unwrap();
    *bench.faults.rights.borrow_mut() = Some(unreadable());
    bench.intend(&limit("1", "99", "90"));
    bench.tick(1);
    assert_eq!(bench.statuses()[0..1], ["entry 0 filled"]);
    assert_eq!(bench.resting(), ["SELL 0.999"], "the stop is put back, and no entry is sent");
    assert_eq!(bench.state().status, Status::Running);
    assert_eq!(bench.faults.rights_asked.get(), 1);
    bench.tick(2);
    assert_eq!(bench.faults.rights_asked.get(), 2, "asked again each tick");
}

#[test]
fn an_entry_that_waits_under_a_key_that_the_venue_refuses_ends_with_the_status_as_its_reason() {
    let bench = unasked(4);
    bench.settings(|settings| settings.testnet = false);
    let refused = VenueError::Fatal { code: "-2015".to_owned(), text: "Invalid API-key, IP".to_owned() };
    *bench.faults.rights.borrow_mut() = Some(Err(refused));
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    let State::Refused { message, .. } = bench.order(&id, Leg::Entry, 0) else { panic!("it waits") };
    assert_eq!(message, "status is halted");
    assert!(bench.state().alerts["status-lowered"].detail.contains("-2015"));
}

#[test]
fn a_question_that_the_venue_refuses_for_the_key_halts_and_pages_too() {
    let bench = bench(&flat(4));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    *bench.faults.order_error.borrow_mut() =
        Some(VenueError::Fatal { code: "-2015".to_owned(), text: "Invalid API-key, IP".to_owned() });
    bench.tick(1);
    let state = bench.state();
    assert_eq!(state.status, Status::Halted);
    assert!(state.alerts["status-lowered"].detail.contains("-2015"));
}

#[test]
fn a_ban_holds_until_it_is_over_and_clears_by_itself() {
    let bench = bench(&flat(8));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    let wait = Millis::from_minutes(3);
    *bench.faults.order_error.borrow_mut() =
        Some(VenueError::Throttled { wait, text: "IP banned".to_owned(), banned: true });
    bench.tick(1);
    let state = bench.state();
    assert_eq!(state.breaker.banned_until, Some(bench.clock.now() + wait));
    assert!(state.holds.contains_key(&Hold::VenueBan));
    *bench.faults.order_error.borrow_mut() = None;
    bench.tick(3);
    assert!(bench.state().holds.contains_key(&Hold::VenueBan));
    bench.tick(4);
    assert!(bench.state().holds.is_empty() && bench.state().breaker.banned_until.is_none());
    assert_eq!(bench.resting(), ["BUY 1"], "what rests is left alone");
}

/// A wait without a ban is the venue's ordinary way to slow us down.
#[test]
fn a_wait_that_is_no_ban_sets_no_hold() {
    let bench = bench(&flat(4));
    bench.intend(&limit("1", "99", "90"));
    bench.tick(0);
    *bench.faults.order_error.borrow_mut() = Some(VenueError::Throttled {
        wait: Millis::from_secs(30),
        text: "slow down".to_owned(),
        banned: false,
    });
    bench.tick(1);
    assert!(bench.state().holds.is_empty());
}
