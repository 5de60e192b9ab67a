//! Is it worth asking? Each question that is not asked is most of a cycle's cost.
//!
//! With the setting `ask.when_moved_percent` the model is not asked when all of this holds: its last answer changed
//! nothing (hold, or an abstention of its own); since then no price has moved that far from where it was, at any
//! minute; what it would be told of status, books, refusals, notes and settings is the same; and the answer is less
//! than four hours old. Then the cycle ends as `abstain:unchanged`.

use data_encoding::HEXLOWER;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use shared::decision::{Action, Outcome, Why};
use shared::money::Percent;
use shared::records::decision::{DecisionRecord, Seen};
use shared::time::{Millis, Timestamp};

use crate::market::Market;
use crate::shift::Turn;
use crate::snapshot::Books;

/// An answer is of use for this long.
const LONGEST: Millis = Millis::from_minutes(4 * 60);
/// Characters of the fingerprint that are kept.
const PRINT: usize = 16;

/// What the last answer saw, where it changed nothing.
pub fn seen(newest: Option<&DecisionRecord>) -> Option<Seen> {
    let newest = newest?;
    let quiet = [Outcome::Hold, Outcome::Abstain(Why::ByModel), Outcome::Abstain(Why::Unchanged)];
    let is_quiet = quiet.iter().any(|one| newest.outcome.as_deref() == Some(one.to_string().as_str()));
    newest.seen.clone().filter(|_| is_quiet)
}

/// What this cycle sees but for the market, as one word; none where the settings ask in every cycle.
pub fn print<T, V, A>(turn: &Turn<'_, T, V, A>, books: &Books, allowed: &[Action]) -> Option<String> {
    turn.settings.ask_when_moved?;
    let positions: Vec<_> = books
        .positions
        .iter()
        .map(|one| (&one.id, one.status, one.quantity, one.stop, one.take_profit))
        .collect();
    let orders: Vec<_> =
        books.orders.iter().map(|one| (&one.terms.order_id, one.state.as_str(), one.outstanding())).collect();
    let notes: Vec<&str> = books.notes.iter().map(|note| note.text.as_str()).collect();
    let free: Vec<_> = turn.settings.symbols.iter().map(|symbol| books.free(&symbol.quote)).collect();
    let refused: Vec<_> = books.recent.iter().filter(|one| one.is_refused()).map(|one| one.at).collect();
    let all = format!("{allowed:?}{positions:?}{orders:?}{free:?}{refused:?}{notes:?}{:?}", turn.settings);
    let digest = HEXLOWER.encode(&Sha256::digest(all.as_bytes()));
    digest.get(..PRINT).map(str::to_owned)
}

/// Why the model is not asked, if it is not worth it.
pub fn unchanged(
    moved: Option<Percent>,
    seen: Option<&Seen>,
    print: Option<&str>,
    markets: &[Market],
    now: Timestamp,
) -> Option<String> {
    let (most, seen) = (moved?, seen?);
    let is_same = print == Some(seen.books.as_str()) && now.since(seen.at).0 < LONGEST.0;
    let is_calm =
        markets.iter().all(|market| farthest(market, seen.at).is_some_and(|far| far < most.value()));
    (is_same && is_calm && !markets.is_empty())
        .then(|| format!("nothing moved {most} % or changed since the answer of {}", seen.at))
}

/// How far the price was from where it stood at `since`, in percent; none where that is not known.
fn farthest(market: &Market, since: Timestamp) -> Option<Decimal> {
    let is_before = |open: Timestamp| open + Millis::from_minutes(1) <= since;
    let from = market.candles.iter().rev().find(|candle| is_before(candle.open_time))?.close.value();
    let later = market.candles.iter().filter(|candle| !is_before(candle.open_time));
    let prices = later.flat_map(|candle| [candle.high, candle.low]);
    let prices = prices.chain([market.quote.bid, market.quote.ask]);
    let far = prices.filter_map(|price| {
        price.value().checked_sub(from)?.abs().checked_mul(Decimal::ONE_HUNDRED)?.checked_div(from)
    });
    far.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, outcome};
    use shared::money::Price;
    use shared::status::Status;

    /// Asks when a price moved by `percent`; the market of the tests rises about 0.0045 % a minute.
    fn world(percent: &str) -> World {
        let world = World::new();
        world.set(|settings| settings.ask_when_moved = Some(Percent::parse(percent).unwrap()));
        world
    }
    fn asked_within(world: &World, minutes: i64) -> usize {
        world.minutes(minutes);
        world.asked()
    }

    #[test]
    fn without_the_setting_every_cycle_asks() {
        assert_eq!(asked_within(&World::new(), 3), 3);
    }

    #[test]
    fn a_calm_market_is_asked_about_once_and_every_cycle_is_recorded() {
        let world = world("5");
        assert_eq!(asked_within(&world, 10), 1);
        let decisions = world.decisions();
        let skipped = decisions.iter().filter(|one| one.outcome.as_deref() == Some("abstain:unchanged"));
        assert_eq!((skipped.count(), decisions.len()), (9, 10));
        assert!(decisions.iter().all(|one| one.seen.as_ref().unwrap().at == at("2023-03-01T16:00:00Z")));
        assert_eq!(world.state().llm_day.calls, 1);
        assert_eq!(world.state().bad_cycles, 0);
    }

    #[test]
    fn after_four_hours_it_is_asked_again() {
        assert_eq!(asked_within(&world("50"), 241), 2);
    }

    #[test]
    fn a_changed_setting_or_status_or_an_answer_that_was_none_is_asked_again() {
        let world = world("5");
        world.tick();
        world.clock.0.set(at("2023-03-01T16:01:05Z"));
        world.set(|settings| {
            settings.ask_when_moved = Some(Percent::parse("5").unwrap());
            settings.limits.max_opens_per_hour = 1;
        });
        assert_eq!(outcome(&world.tick()), "hold");
        world.change(|state| state.status = Status::Reducing);
        world.plant_books(&crate::testing::holding());
        world.clock.0.set(at("2023-03-01T16:02:05Z"));
        assert_eq!(outcome(&world.tick()), "hold");
        world.will(Err(shared::ports::ModelError::Overloaded));
        world.set(|settings| settings.ask_when_moved = Some(Percent::parse("6").unwrap()));
        world.clock.0.set(at("2023-03-01T16:05:05Z"));
        assert_eq!(outcome(&world.tick()), "abstain:unavailable");
        world.clock.0.set(at("2023-03-01T16:06:05Z"));
        assert_eq!(outcome(&world.tick()), "hold");
    }

    #[test]
    fn a_changed_target_or_free_balance_is_asked_again() {
        let world = world("5");
        let mut books = crate::testing::holding();
        world.plant_books(&books);
        world.tick();
        books.positions[0].take_profit = Some(Price::parse("26000").unwrap());
        world.plant_books(&books);
        world.clock.0.set(at("2023-03-01T16:01:05Z"));
        assert_eq!(outcome(&world.tick()), "hold");
        let account = crate::testing::account("900");
        let key = shared::records::account::key(&account.account);
        world.tables.plant(key, shared::records::account::encode(&account));
        world.clock.0.set(at("2023-03-01T16:02:05Z"));
        assert_eq!(outcome(&world.tick()), "hold");
        world.clock.0.set(at("2023-03-01T16:03:05Z"));
        assert_eq!(outcome(&world.tick()), "abstain:unchanged");
    }

    #[test]
    fn a_move_that_came_back_is_a_move() {
        let now = at("2023-03-01T16:00:05Z");
        let mut market = crate::testing::market(now);
        let seen = Seen { at: now.minute() - Millis::from_minutes(10), books: "x".to_owned() };
        let most = Some(Percent::parse("1").unwrap());
        let judged =
            |market: &Market| unchanged(most, Some(&seen), Some("x"), std::slice::from_ref(market), now);
        assert!(judged(&market).is_some());
        assert!(unchanged(most, Some(&seen), Some("y"), std::slice::from_ref(&market), now).is_none());
        let middle = market.candles.len() - 5;
        market.candles[middle].low = Price::parse("20000").unwrap();
        assert!(judged(&market).is_none());
        market.candles.clear();
        assert!(judged(&market).is_none(), "what is not known is not calm");
    }
}
