//! What is held is protected: no position is for long without a resting stop or an exit under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::items::{Item, OrderItems, Outside, Stage, text, time, truth};
use super::rules::Facts;
use super::venue::Ledger;
use crate::exchange::{Exchange, Order, Side, Trade};

/// Every span of the exchange's history up to `until` in which a position was held for longer than it may be
/// while no stop rested for all of it and no exit was tried. A position that a person took over is theirs.
pub fn protection_gaps(
    aws: &impl Outside,
    stage: &Stage,
    exchange: &Exchange,
    facts: &Facts,
    until: Timestamp,
) -> Vec<String> {
    let read = || Ok((OrderItems::read(aws, stage)?, taken_over(aws, stage)?));
    let (items, taken_over) = match read() {
        Ok(read) => read,
        Err(line) => return vec![line],
    };
    let ledger = Ledger::of(exchange);
    let base = base_asset(exchange, &ledger);
    by_position(&items, &ledger)
        .into_iter()
        .flat_map(|(id, orders)| {
            let until = taken_over.get(&id).copied().map_or(until, |at| at.min(until));
            let position = Position { orders, ledger: &ledger, base: base.as_deref(), facts };
            position.gaps(until).into_iter().map(move |gap| gap.line(&id)).collect::<Vec<_>>()
        })
        .collect()
}

/// When a person closed a position.
fn taken_over(aws: &impl Outside, stage: &Stage) -> Result<BTreeMap<String, Timestamp>, String> {
    let items = stage.items(aws, "positions")?;
    let by_hand = items.iter().filter(|item| truth(item, "closed_manually") == Some(true));
    let entry = |item: &Item| Some((text(item, "position_id")?.to_owned(), time(item, "closed_at")?));
    Ok(by_hand.filter_map(entry).collect())
}

/// The asset that buys pay their fee in out of what they bring, as far as the ledger shows one.
fn base_asset(exchange: &Exchange, ledger: &Ledger) -> Option<Arc<str>> {
    let bought: BTreeSet<i64> = ledger
        .ours
        .iter()
        .filter(|order| order.side == Side::Buy)
        .flat_map(|order| ledger.trades(order))
        .map(|trade| trade.id)
        .collect();
    let movements = exchange.movements();
    let came = movements.iter().find(|movement| {
        let is_ours =
            matches!(movement.cause, crate::exchange::Cause::Fill { trade } if bought.contains(&trade));
        is_ours && movement.amount > Decimal::ZERO
    });
    came.map(|movement| movement.asset.clone())
}

/// Our orders by the position that their items name; an order without an item stands alone.
fn by_position<'a>(items: &OrderItems, ledger: &'a Ledger) -> BTreeMap<String, Vec<&'a Order>> {
    let mut positions: BTreeMap<String, Vec<&Order>> = BTreeMap::new();
    for order in &ledger.ours {
        let item = items.orders.get(&order.client_id).and_then(|found| found.first());
        let position = item.and_then(|item| text(item, "position_id")).unwrap_or(&order.client_id);
        positions.entry(position.to_owned()).or_default().push(order);
    }
    positions
}

/// One position's part of the ledger.
struct Position<'a> {
    orders: Vec<&'a Order>,
    ledger: &'a Ledger,
    base: Option<&'a str>,
    facts: &'a Facts,
}

/// A span without protection.
struct Gap {
    from: Timestamp,
    to: Timestamp,
    bare: Decimal,
}

impl Gap {
    fn line(&self, position: &str) -> String {
        let Gap { from, to, bare } = self;
        let seconds = to.since(*from).as_secs();
        let bare = bare.normalize();
        format!("position {position}: {bare} without a stop or an exit for {seconds} s, {from} to {to}")
    }
}

impl Position<'_> {
    /// Walks through every instant at which something changed.
    fn gaps(&self, until: Timestamp) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut open: Option<Gap> = None;
        for at in self.instants(until) {
            let bare = self.bare(at);
            open = match open.take() {
                Some(gap) => {
                    let ends = bare.is_none() || self.tries_exit(at);
                    let gap = Gap { to: at, ..gap };
                    if ends {
                        gaps.push(gap);
                        bare.map(|bare| Gap { from: at, to: at, bare })
                    } else {
                        Some(Gap { bare: bare.map_or(gap.bare, |bare| bare.max(gap.bare)), ..gap })
                    }
                }
                None => bare.map(|bare| Gap { from: at, to: at, bare }),
            };
        }
        gaps.extend(open);
        gaps.retain(|gap| gap.to.since(gap.from) > self.facts.longest_gap);
        gaps
    }

    fn instants(&self, until: Timestamp) -> BTreeSet<Timestamp> {
        let of = |order: &Order| [Some(order.time), Some(order.update_time), order.working_time];
        let orders = self.orders.iter().flat_map(|order| of(order)).flatten();
        let trades = self.trades().map(|trade| trade.time);
        orders.chain(trades).filter(|at| *at < until).chain([until]).collect()
    }

    fn trades(&self) -> impl Iterator<Item = &Trade> {
        self.orders.iter().flat_map(|order| self.ledger.trades(order))
    }

    /// What is held at `at` without a stop, if it is worth an order.
    fn bare(&self, at: Timestamp) -> Option<Decimal> {
        let stops: Decimal = self.orders.iter().map(|order| self.stopped(order, at)).sum();
        let bare = self.held(at) - stops;
        let price = self.trades().filter(|trade| trade.time <= at).last().map(|trade| trade.price)?;
        let lots = bare - bare.checked_rem(self.facts.step).unwrap_or_default();
        (lots > Decimal::ZERO && lots * price >= self.facts.min_notional).then_some(lots)
    }

    /// Bought, less sold, less fees in kind.
    fn held(&self, at: Timestamp) -> Decimal {
        let past = self.trades().filter(|trade| trade.time <= at);
        past.map(|trade| {
            let in_kind = Some(&*trade.commission_asset) == self.base;
            let fee = if in_kind { trade.commission } else { Decimal::ZERO };
            match trade.side {
                Side::Buy => trade.quantity - fee,
                Side::Sell => -trade.quantity - fee,
            }
        })
        .sum()
    }

    /// What a stop still protects at `at`: nothing once it was touched, for then it is a limit order.
    fn stopped(&self, order: &Order, at: Timestamp) -> Decimal {
        let waits = order.kind.is_stop() && order.side == Side::Sell && order.time <= at;
        let ended = !order.status.is_open() && order.update_time <= at;
        let touched = order.working_time.is_some_and(|touched| touched <= at);
        if waits && !ended && !touched { order.quantity } else { Decimal::ZERO }
    }

    /// Whether a sell that is no stop was placed at this instant.
    fn tries_exit(&self, at: Timestamp) -> bool {
        let exits = self.orders.iter().filter(|order| order.side == Side::Sell && !order.kind.is_stop());
        exits.into_iter().any(|order| order.time == at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, at, d, n, s};
    use super::super::rules::tests::facts;
    use super::*;
    use serde_json::json;

    const STOP: &str = "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&price=18900&stopPrice=19000&quantity=";

    fn check(world: &World, until: i64) -> Vec<String> {
        world.exchange.advance(at(until));
        world.record_all();
        protection_gaps(&world.aws, &world.stage, &world.exchange, &facts(), at(until))
    }

    fn bought() -> World {
        let world = World::new();
        world.place(10, "entry", "side=BUY&type=MARKET&quantity=0.5");
        world
    }

    #[test]
    fn checks_protection_a_stop_within_three_minutes_leaves_no_gap() {
        let world = bought();
        assert_eq!(check(&world, 190), Vec::<String>::new());
        world.place(190, "stop", &format!("{STOP}0.4995"));
        assert_eq!(check(&world, 3_000), Vec::<String>::new());
    }

    #[test]
    fn checks_protection_a_late_a_missing_and_a_small_stop_are_named_with_their_times() {
        let world = bought();
        assert_eq!(
            check(&world, 191),
            [
                "position p: 0.4995 without a stop or an exit for 181 s, 2023-03-01T00:00:10Z to 2023-03-01T00:03:11Z"
            ]
        );
        world.place(200, "stop", &format!("{STOP}0.3"));
        let lines = check(&world, 1_000);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("for 990 s"), "{lines:?}");
        world.cancel(1_000, "stop");
        world.place(1_001, "whole", &format!("{STOP}0.4995"));
        assert!(check(&world, 2_000)[0].ends_with("991 s, 2023-03-01T00:00:10Z to 2023-03-01T00:16:41Z"));
    }

    #[test]
    fn checks_protection_exits_that_are_tried_count_and_dust_does_not() {
        let world = bought();
        world.place(100, "half", "side=SELL&type=MARKET&quantity=0.2");
        assert_eq!(check(&world, 280), Vec::<String>::new());
        assert_eq!(check(&world, 281).len(), 1);
        world.place(290, "rest", "side=SELL&type=MARKET&quantity=0.2994");
        let lines = check(&world, 3_000);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("position p: 0.2995 without a stop or an exit for 190 s"), "{lines:?}");
    }

    #[test]
    fn checks_protection_a_stop_that_was_passed_protects_no_longer() {
        let world =
            World::over(&[20_000, 20_000, 20_000, 18_000, 18_000, 18_000, 18_000, 18_000, 18_000, 18_000]);
        world.place(10, "entry", "side=BUY&type=MARKET&quantity=0.5");
        world.place(
            11,
            "stop",
            "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&price=19500&stopPrice=19000&quantity=0.4995",
        );
        let lines = check(&world, 420);
        assert_eq!(lines.len(), 1, "{lines:?} {:?}", world.exchange.orders());
        assert!(lines[0].starts_with("position p: 0.4995 without"), "{lines:?}");
    }

    #[test]
    fn checks_protection_what_a_person_took_over_is_theirs() {
        let world = bought();
        world.put("positions", &json!({
            "position_id": s("p"), "closed_manually": {"BOOL": true}, "closed_at": s("2023-03-01T00:02:00Z"),
            "quantity": n(d("0.5")),
        }));
        assert_eq!(check(&world, 3_000), Vec::<String>::new());
    }
}
