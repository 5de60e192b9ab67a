//! Books equal venue: balances, orders and fills, exactly.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::items::{Item, OrderItems, Outside, Stage, amounts, number, shown, text};
use super::venue::Ledger;
use crate::exchange::{Exchange, Order, OrderStatus, Side, Trade};

/// Every difference between the recorded books and the exchange's own, a line each. To be asked once nothing is
/// under way: what is still to be settled differs.
pub fn books_equal_venue(aws: &impl Outside, stage: &Stage, exchange: &Exchange) -> Vec<String> {
    let mut lines = balances(aws, stage, exchange).unwrap_or_else(|line| vec![line]);
    match OrderItems::read(aws, stage) {
        Ok(items) => lines.extend(orders_and_fills(&items, &Ledger::of(exchange))),
        Err(line) => lines.push(line),
    }
    lines
}

fn balances(aws: &impl Outside, stage: &Stage, exchange: &Exchange) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let ledgers = stage.items(aws, "ledgers")?;
    let name = |item: &Item| text(item, "ledger_id").unwrap_or_default().to_owned();
    let accounts: Vec<&Item> = ledgers.iter().filter(|item| name(item).starts_with("account#")).collect();
    if accounts.is_empty() {
        lines.push("there is no account ledger".to_owned());
    }
    for account in accounts {
        match booked(account) {
            Ok(booked) => lines.extend(compare(&name(account), &booked, &held(exchange))),
            Err(why) => lines.push(format!("{}: {why}", name(account))),
        }
    }
    Ok(lines)
}

/// Opening, fills and what is not ours, by asset.
fn booked(account: &Item) -> Result<BTreeMap<String, Decimal>, String> {
    let mut sums = BTreeMap::new();
    for part in ["opening", "fills", "external"] {
        for (asset, amount) in amounts(account, part)? {
            *sums.entry(asset).or_insert(Decimal::ZERO) += amount;
        }
    }
    Ok(sums)
}

/// Free and locked, by asset.
fn held(exchange: &Exchange) -> BTreeMap<String, Decimal> {
    let balances = exchange.balances();
    balances.iter().map(|(asset, balance)| (asset.to_string(), balance.free + balance.locked)).collect()
}

fn compare(name: &str, booked: &BTreeMap<String, Decimal>, held: &BTreeMap<String, Decimal>) -> Vec<String> {
    let assets: BTreeSet<&String> = booked.keys().chain(held.keys()).collect();
    let of = |side: &BTreeMap<String, Decimal>, asset: &String| side.get(asset).copied().unwrap_or_default();
    assets
        .into_iter()
        .map(|asset| (asset, of(booked, asset), of(held, asset)))
        .filter(|(_, booked, held)| booked != held)
        .map(|(asset, booked, held)| {
            format!("{name} {asset}: books {}, venue {}", booked.normalize(), held.normalize())
        })
        .collect()
}

fn orders_and_fills(items: &OrderItems, ledger: &Ledger) -> Vec<String> {
    let mut lines = items.unreadable.clone();
    for order in &ledger.ours {
        lines.extend(order_lines(items, order));
        lines.extend(fill_lines(items, order, ledger.trades(order)));
    }
    lines.extend(unknown_to_venue(items, ledger));
    lines.extend(external_lines(items, ledger));
    lines
}

fn order_lines(items: &OrderItems, order: &Order) -> Vec<String> {
    let id = &order.client_id;
    let found = items.orders.get(id).map_or(&[] as &[Item], Vec::as_slice);
    let [item] = found else {
        return vec![format!("order {id}: {} items for venue order {}", found.len(), order.id)];
    };
    let mut lines = Vec::new();
    let mut differs = |what: &str, booked: String, venue: String| {
        if booked != venue {
            lines.push(format!("order {id}: {what} {booked}, venue {venue}"));
        }
    };
    let word = |name| text(item, name).unwrap_or("nothing").to_owned();
    differs("status", word("status"), status_of(order.status).to_owned());
    differs("venue_id", word("venue_id"), order.id.to_string());
    differs("side", word("side"), side_of(order.side).to_owned());
    differs("quantity", shown(number(item, "quantity")), shown(Some(order.quantity)));
    differs("executed", shown(number(item, "executed")), shown(Some(order.executed)));
    differs("recorded", shown(number(item, "recorded")), shown(Some(order.executed)));
    lines
}

const fn status_of(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "open",
        OrderStatus::PartiallyFilled => "partially_filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Canceled => "cancelled",
        OrderStatus::Expired => "expired",
    }
}

const fn side_of(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Every trade of an order has its item.
fn fill_lines(items: &OrderItems, order: &Order, trades: &[Trade]) -> Vec<String> {
    let none = BTreeMap::new();
    let fills = items.fills.get(&order.client_id).unwrap_or(&none);
    trades
        .iter()
        .flat_map(|trade| {
            let name = format!("fill {}#{}", order.client_id, trade.id);
            match fills.get(&trade.id.to_string()) {
                Some(item) => trade_lines(&name, item, trade),
                None => vec![format!("{name}: not recorded")],
            }
        })
        .collect()
}

fn trade_lines(name: &str, item: &Item, trade: &Trade) -> Vec<String> {
    let word = |name| text(item, name).unwrap_or("nothing").to_owned();
    let amount = |name| shown(number(item, name));
    let pairs = [
        ("price", amount("price"), shown(Some(trade.price))),
        ("quantity", amount("quantity"), shown(Some(trade.quantity))),
        ("value", amount("value"), shown(Some(trade.quote_quantity))),
        ("fee", amount("fee"), shown(Some(trade.commission))),
        ("fee_asset", word("fee_asset"), trade.commission_asset.to_string()),
        ("side", word("side"), side_of(trade.side).to_owned()),
    ];
    let differ = pairs.into_iter().filter(|(_, booked, venue)| booked != venue);
    differ.map(|(what, booked, venue)| format!("{name}: {what} {booked}, venue {venue}")).collect()
}

/// What the books say of the venue and the venue does not know: orders, and trades of whatever order.
fn unknown_to_venue(items: &OrderItems, ledger: &Ledger) -> Vec<String> {
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for order in &ledger.ours {
        let trades = ledger.trades(order).iter().map(|trade| trade.id.to_string());
        known.entry(order.client_id.as_str()).or_default().extend(trades);
    }
    let mut lines = Vec::new();
    for (id, found) in items.orders.iter().filter(|(id, _)| !known.contains_key(id.as_str())) {
        lines.extend(found.iter().filter(|item| claims_venue(item)).map(|item| {
            format!("order {id}: {}, unknown to the venue", text(item, "status").unwrap_or("no status"))
        }));
    }
    for (id, fills) in &items.fills {
        let trades = known.get(id.as_str());
        let invented = fills.keys().filter(|trade| trades.is_none_or(|trades| !trades.contains(*trade)));
        lines.extend(invented.map(|trade| format!("fill {id}#{trade}: the venue has no such trade")));
    }
    lines
}

/// Whether an item says that the venue has, or had, the order.
fn claims_venue(item: &Item) -> bool {
    let said = matches!(text(item, "status"), Some("open" | "partially_filled" | "filled" | "cancelled"));
    said || item.contains_key("venue_id")
}

/// What is recorded of trades that are not ours is what the owner traded.
fn external_lines(items: &OrderItems, ledger: &Ledger) -> Vec<String> {
    let manual = ledger.manual.iter().flat_map(|order| ledger.trades(order));
    let manual: BTreeMap<String, &Trade> = manual.map(|trade| (trade.id.to_string(), trade)).collect();
    let fills = items.external.iter().filter(|(_, item)| item.contains_key("price"));
    fills
        .flat_map(|(id, item)| {
            let name = format!("external fill {id}");
            match manual.get(id) {
                Some(trade) => trade_lines(&name, item, trade),
                None => vec![format!("{name}: the owner made no such trade")],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, at, d, fill_item, n, order_item, s};
    use super::*;
    use crate::exchange::NewOrder;
    use serde_json::{Value, json};

    /// Bought in three trades' worth of orders: one filled, one resting, one cancelled, one partial.
    fn world() -> World {
        let world = World::new();
        world.place(1, "bought", "side=BUY&type=MARKET&quantity=0.5");
        world.place(
            2,
            "rests",
            "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.4&price=18900&stopPrice=19000",
        );
        world.place(3, "gone", "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=19000");
        world.cancel(4, "gone");
        world.record_all();
        world
    }

    fn check(world: &World) -> Vec<String> {
        books_equal_venue(&world.aws, &world.stage, &world.exchange)
    }

    fn bought(world: &World) -> (Order, Trade) {
        (world.exchange.orders()[0].clone(), world.exchange.trades()[0].clone())
    }

    fn damage(mut item: Value, name: &str, value: Value) -> Value {
        item[name] = value;
        item
    }

    #[test]
    fn checks_books_that_are_right_have_no_lines() {
        assert_eq!(check(&world()), Vec::<String>::new());
    }

    #[test]
    fn checks_books_name_the_asset_that_differs() {
        let world = world();
        world.exchange.deposit(at(5), "USDT", d("0.00000001")).unwrap();
        world.exchange.deposit(at(5), "ETH", d("1")).unwrap();
        let total = world.exchange.balance("USDT").total().normalize();
        let expected =
            format!("account#main USDT: books {}, venue {total}", (total - d("0.00000001")).normalize());
        assert_eq!(check(&world), ["account#main ETH: books 0, venue 1".to_owned(), expected]);
        world.put("ledgers", &json!({"ledger_id": s("account#main"), "opening": {"M": {"USDT": s("1")}}}));
        assert_eq!(check(&world), ["account#main: opening.USDT is not a number"]);
    }

    #[test]
    fn checks_books_name_the_order_and_attribute_that_differ() {
        let world = world();
        let (order, _) = bought(&world);
        let item = order_item(&order, at(1));
        let cases = [
            ("status", s("open"), "order bought: status open, venue filled"),
            ("executed", n(d("0.4")), "order bought: executed 0.4, venue 0.5"),
            ("recorded", n(d("0.4")), "order bought: recorded 0.4, venue 0.5"),
            ("quantity", json!({"N": "0.50001"}), "order bought: quantity 0.50001, venue 0.5"),
            ("venue_id", s("2"), "order bought: venue_id 2, venue 1"),
        ];
        for (name, value, expected) in cases {
            world.put("orders", &damage(item.clone(), name, value));
            assert_eq!(check(&world), [expected]);
        }
        world.put("orders", &item);
        world.put("orders", &damage(item, "position_id", s("q")));
        assert_eq!(check(&world), ["order bought: 2 items for venue order 1"]);
    }

    #[test]
    fn checks_books_name_the_fill_that_differs_is_missing_or_invented() {
        let world = world();
        let (order, trade) = bought(&world);
        let item = fill_item(&order, &trade);
        for (name, value, expected) in [
            (
                "price",
                n(d("20002")),
                format!("fill bought#1: price 20002, venue {}", trade.price.normalize()),
            ),
            ("fee", n(d("0")), format!("fill bought#1: fee 0, venue {}", trade.commission.normalize())),
            (
                "fee_asset",
                s("BNB"),
                format!("fill bought#1: fee_asset BNB, venue {}", trade.commission_asset),
            ),
        ] {
            world.put("orders", &damage(item.clone(), name, value));
            assert_eq!(check(&world), [expected]);
        }
        world.put("orders", &item);
        world.put("orders", &damage(item, "order_id", s("bought#9")));
        world.place(10, "new", "side=BUY&type=MARKET&quantity=0.1");
        let lines = check(&world);
        assert!(lines.contains(&"order new: 0 items for venue order 4".to_owned()), "{lines:?}");
        assert!(lines.contains(&"fill new#2: not recorded".to_owned()), "{lines:?}");
        assert!(lines.contains(&"fill bought#9: the venue has no such trade".to_owned()), "{lines:?}");
    }

    #[test]
    fn checks_books_name_what_the_venue_never_had() {
        let world = world();
        let invented = |id: &str, status: &str| {
            world.put("orders", &json!({"position_id": s("p"), "order_id": s(id), "status": s(status)}));
        };
        invented("asked", "pending");
        invented("absent", "expired");
        assert_eq!(check(&world), Vec::<String>::new());
        invented("dreamt", "filled");
        assert_eq!(check(&world), ["order dreamt: filled, unknown to the venue"]);
    }

    #[test]
    fn checks_books_hold_the_owners_own_trades_against_the_venue() {
        let world = World::new();
        world.exchange.manual_order(at(1), &NewOrder::market(Side::Buy, d("0.1"))).unwrap();
        world.record_all();
        let (order, trade) = bought(&world);
        let item = damage(fill_item(&order, &trade), "position_id", s("external.main.BTC-USDT"));
        world.put("orders", &damage(item.clone(), "order_id", s("x-1#1")));
        assert_eq!(check(&world), Vec::<String>::new());
        world.put("orders", &damage(item, "order_id", s("x-1#2")));
        assert_eq!(check(&world), ["external fill 2: the owner made no such trade"]);
    }
}
