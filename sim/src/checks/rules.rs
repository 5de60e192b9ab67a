//! The rules that hold at every instant of the exchange's ledger, whatever failed on the way there.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::items::{Item, OrderItems, Outside, Stage, text, time};
use super::venue::Ledger;
use crate::exchange::{Exchange, Order, Side};

/// The settings that the ledger is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The most quote that one entry may be worth.
    pub max_order_notional: Decimal,
    /// The most base that may be held and on order.
    pub max_position_abs: Decimal,
    /// The most orders of a UTC day after which no entry may follow.
    pub max_daily_orders: usize,
    /// The least quote that the venue takes an order for: less is dust.
    pub min_notional: Decimal,
    /// The venue's step of quantities.
    pub step: Decimal,
    /// How long a position may be without a resting stop or an exit.
    pub longest_gap: Millis,
    /// Whether the safety mode lets orders out at all: not in `DryRun`.
    pub may_send: bool,
}

/// Every rule that was broken, a line each.
pub fn rules_kept(aws: &impl Outside, stage: &Stage, exchange: &Exchange, facts: &Facts) -> Vec<String> {
    let ledger = Ledger::of(exchange);
    let mut lines = Vec::new();
    match OrderItems::read(aws, stage) {
        Ok(items) => {
            lines.extend(ledger.ours.iter().filter_map(|order| intended_before(&items, order)));
            lines.extend(filter_rejections(&items));
        }
        Err(line) => lines.push(line),
    }
    lines.extend(one_order_an_id(&ledger));
    lines.extend(caps(&ledger, facts));
    lines.extend(days(&ledger, facts));
    lines.extend(nothing_oversold(&ledger));
    if let (false, Some(order)) = (facts.may_send, ledger.ours.first()) {
        lines.push(format!("order {}: sent although nothing may be", order.client_id));
    }
    lines.extend(exchange.audit().err().map(|why| format!("the exchange's own audit fails: {why}")));
    match exchange.violations() {
        0 => {}
        count => lines.push(format!("{count} requests inside a Retry-After window or ban")),
    }
    lines
}

/// How many orders the venue refused, by its code.
pub fn rejections(aws: &impl Outside, stage: &Stage) -> Result<BTreeMap<String, u64>, String> {
    let items = OrderItems::read(aws, stage)?;
    let mut counts = BTreeMap::new();
    for item in rejected(&items) {
        let code = text(item, "code").unwrap_or("none").to_owned();
        let count = counts.entry(code).or_insert(0_u64);
        *count = count.saturating_add(1);
    }
    Ok(counts)
}

fn rejected(items: &OrderItems) -> impl Iterator<Item = &Item> {
    items.orders.values().flatten().filter(|item| text(item, "status") == Some("rejected"))
}

/// What the venue's filters refuse should never have been sent.
fn filter_rejections(items: &OrderItems) -> Vec<String> {
    let refused = rejected(items).filter(|item| text(item, "code") == Some("-1013"));
    let id = |item: &Item| text(item, "order_id").unwrap_or_default().to_owned();
    refused.map(|item| format!("order {}: rejected by a filter of the venue", id(item))).collect()
}

/// I1: one client id is at most one venue order, ever.
fn one_order_an_id(ledger: &Ledger) -> Vec<String> {
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    for order in &ledger.ours {
        let count = by_id.entry(&order.client_id).or_default();
        *count = count.saturating_add(1);
    }
    let twice = by_id.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(id, count)| format!("order {id}: {count} venue orders")).collect()
}

/// I2: every order was wanted on record before it existed.
fn intended_before(items: &OrderItems, order: &Order) -> Option<String> {
    let id = &order.client_id;
    let Some(item) = items.orders.get(id).and_then(|found| found.first()) else {
        return Some(format!("order {id}: at the venue without an intent"));
    };
    match time(item, "created_at") {
        None => Some(format!("order {id}: its intent has no created_at")),
        Some(at) if at > order.time => {
            Some(format!("order {id}: its intent is of {at}, at the venue since {}", order.time))
        }
        Some(_) => None,
    }
}

/// I7 and I8: no entry is worth more than it may be, and no entry takes the position above its cap.
fn caps(ledger: &Ledger, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for order in ledger.ours.iter().filter(|order| order.side == Side::Buy) {
        let id = &order.client_id;
        let value = worth(ledger, order);
        if value > facts.max_order_notional {
            let most = facts.max_order_notional;
            lines.push(format!("order {id}: worth {}, at most {most} allowed", value.normalize()));
        }
        let exposed = exposure_with(ledger, order);
        if exposed > facts.max_position_abs {
            let most = facts.max_position_abs;
            lines.push(format!(
                "order {id}: takes the position to {}, at most {most} allowed",
                exposed.normalize()
            ));
        }
    }
    lines
}

/// At its fill prices, and at its limit as long as it may still fill there.
fn worth(ledger: &Ledger, order: &Order) -> Decimal {
    let filled: Decimal = ledger.trades(order).iter().map(|trade| trade.price * trade.quantity).sum();
    filled.max(order.price * order.quantity)
}

/// What was held and on order once `entry` was: the position grows only when an order is placed.
fn exposure_with(ledger: &Ledger, entry: &Order) -> Decimal {
    let earlier = ledger.ours.iter().filter(|order| order.id < entry.id);
    entry.quantity + earlier.map(|order| exposure(ledger, order, entry.time)).sum::<Decimal>()
}

/// What one order means for the position at `at`: what a buy brought or may bring, what a sell took.
fn exposure(ledger: &Ledger, order: &Order, at: Timestamp) -> Decimal {
    let traded = ledger.trades(order).iter().filter(|trade| trade.time <= at);
    let traded: Decimal = traded.map(|trade| trade.quantity).sum();
    match order.side {
        Side::Sell => -traded,
        Side::Buy if !order.status.is_open() && order.update_time <= at => traded,
        Side::Buy => order.quantity,
    }
}

/// I9: once a day has had its orders, no entry follows.
fn days(ledger: &Ledger, facts: &Facts) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for order in &ledger.ours {
        let day = order.time.day().to_string();
        let count = counts.entry(day.clone()).or_default();
        if order.side == Side::Buy && *count >= facts.max_daily_orders {
            lines.push(format!("order {}: an entry after {count} orders on {day}", order.client_id));
        }
        *count = count.saturating_add(1);
    }
    lines
}

/// I11: what we sold in all was never more than what we bought.
fn nothing_oversold(ledger: &Ledger) -> Option<String> {
    let mut trades: Vec<_> = ledger.ours.iter().flat_map(|order| ledger.trades(order)).collect();
    trades.sort_by_key(|trade| trade.id);
    let mut net = Decimal::ZERO;
    for trade in trades {
        match trade.side {
            Side::Buy => net += trade.quantity,
            Side::Sell => net -= trade.quantity,
        }
        if net < Decimal::ZERO {
            return Some(format!("trade {}: {} sold that was not bought", trade.id, (-net).normalize()));
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::fixture::{World, at, d, order_item, s};
    use super::*;
    use crate::exchange::NewOrder;
    use crate::service::Service;
    use serde_json::json;

    pub(crate) fn facts() -> Facts {
        Facts {
            max_order_notional: d("11000"),
            max_position_abs: d("0.8"),
            max_daily_orders: 4,
            min_notional: d("5"),
            step: d("0.00001"),
            longest_gap: Millis::from_minutes(3),
            may_send: true,
        }
    }

    fn check(world: &World) -> Vec<String> {
        rules_kept(&world.aws, &world.stage, &world.exchange, &facts())
    }

    fn world() -> World {
        let world = World::new();
        world.place(1, "a", "side=BUY&type=MARKET&quantity=0.5");
        world.place(2, "b", "side=SELL&type=MARKET&quantity=0.4");
        world.place(3, "c", "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=19000");
        world
    }

    #[test]
    fn checks_rules_that_are_kept_have_no_lines() {
        let world = world();
        world.exchange.manual_order(at(4), &NewOrder::market(Side::Buy, d("3"))).unwrap();
        world.record_all();
        assert_eq!(check(&world), Vec::<String>::new());
        assert_eq!(rejections(&world.aws, &world.stage), Ok(BTreeMap::new()));
    }

    #[test]
    fn checks_rules_an_order_without_an_earlier_intent_is_named() {
        let world = world();
        assert_eq!(check(&world).len(), 3);
        world.record_all();
        let order = world.exchange.orders()[1].clone();
        world.put("orders", &order_item(&order, order.time + Millis(1)));
        let line =
            "order b: its intent is of 2023-03-01T00:00:02.001Z, at the venue since 2023-03-01T00:00:02Z";
        assert_eq!(check(&world), [line]);
    }

    #[test]
    fn checks_rules_a_client_id_with_two_venue_orders_is_named() {
        let world = World::new();
        world.place(1, "a", "side=BUY&type=MARKET&quantity=0.1");
        world.place(2, "a", "side=BUY&type=MARKET&quantity=0.1");
        world.record_all();
        assert_eq!(check(&world), ["order a: 2 venue orders"]);
    }

    #[test]
    fn checks_rules_an_entry_above_a_cap_is_named() {
        let world = world();
        world.place(4, "f", "side=BUY&type=MARKET&quantity=0.6");
        world.record_all();
        let lines = check(&world);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("order f: worth 12000.6"), "{lines:?}");
        assert_eq!(lines[1], "order f: takes the position to 1.2, at most 0.8 allowed");
    }

    #[test]
    fn checks_rules_an_entry_after_the_days_orders_is_named() {
        let world = world();
        world.place(4, "d", "side=SELL&type=MARKET&quantity=0.05");
        world.place(5, "e", "side=SELL&type=MARKET&quantity=0.05");
        world.record_all();
        assert_eq!(check(&world), Vec::<String>::new());
        world.place(6, "f", "side=BUY&type=MARKET&quantity=0.01");
        world.record_all();
        assert_eq!(check(&world), ["order f: an entry after 5 orders on 2023-03-01"]);
    }

    #[test]
    fn checks_rules_overselling_filters_dry_runs_and_waits_are_named() {
        let world = World::new();
        world.place(1, "a", "side=SELL&type=MARKET&quantity=0.4");
        world.record_all();
        world.put(
            "orders",
            &json!({
                "position_id": s("p"), "order_id": s("b"), "status": s("rejected"), "code": s("-1013"),
            }),
        );
        world.exchange.throttled(at(2), Millis::from_secs(5));
        world.exchange.serve(world.query("a"), at(3));
        let dry = Facts { may_send: false, ..facts() };
        assert_eq!(
            rules_kept(&world.aws, &world.stage, &world.exchange, &dry),
            [
                "order b: rejected by a filter of the venue",
                "trade 1: 0.4 sold that was not bought",
                "order a: sent although nothing may be",
                "1 requests inside a Retry-After window or ban",
            ]
        );
        let counted = rejections(&world.aws, &world.stage);
        assert_eq!(counted, Ok(BTreeMap::from([("-1013".to_owned(), 1)])));
    }
}
