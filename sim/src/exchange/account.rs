//! Endpoints that read the account.

use serde_json::{Value, json};
use shared::time::{Millis, Timestamp};

use super::ledger::{Cause, Movement};
use super::num::Num;
use super::orders::{Order, Trade};
use super::params::Params;
use super::public::{known_symbol, required_symbol};
use super::refusal::Refusal;
use super::trading::named;
use super::venue::Venue;
use super::wire::{self, Ms, OrderView, TradeView};

/// The widest window between startTime and endTime.
const DAY: Millis = Millis(86_400_000);
/// How many rows are answered when nothing is said, and at most.
const ROWS: (usize, usize) = (500, 1_000);

/// Whether queries see the order already.
fn is_visible(venue: &Venue, order: &Order) -> bool {
    venue.now.since(order.time) >= venue.config.read_lag
}

pub(super) fn query_order(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let found = named(venue, params, "orderId", "origClientOrderId")?;
    let order = found.filter(|order| is_visible(venue, order)).ok_or_else(Refusal::no_such_order)?;
    Ok(wire::bytes(&OrderView::new(&venue.config.symbol, order)))
}

pub(super) fn open_orders(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    if let Some(symbol) = params.text("symbol") {
        known_symbol(venue, symbol)?;
    }
    Ok(order_list(venue, venue.open_orders()))
}

fn order_list<'a>(venue: &'a Venue, orders: impl Iterator<Item = &'a Order>) -> Vec<u8> {
    let visible = orders.filter(|order| is_visible(venue, order));
    let views: Vec<OrderView<'_>> =
        visible.map(|order| OrderView::new(&venue.config.symbol, order)).collect();
    wire::bytes(&views)
}

pub(super) fn all_orders(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let limit = params.limit(ROWS.0, ROWS.1)?;
    let window = Window::read(params)?;
    let rows = match params.integer("orderId")? {
        Some(from) => from_id(&venue.orders, from, limit),
        None => window.page(&venue.orders, |order| order.time, limit),
    };
    Ok(order_list(venue, rows.iter()))
}

pub(super) fn my_trades(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let limit = params.limit(ROWS.0, ROWS.1)?;
    let window = Window::read(params)?;
    let (order_id, from) = (params.integer("orderId")?, params.integer("fromId")?);
    // `rest-api.md`, "Account trade list": times go with neither an order nor a first id.
    if (order_id.is_some() || from.is_some()) && (window.start.is_some() || window.end.is_some()) {
        return Err(Refusal::bad(-1128, "Combination of optional parameters invalid."));
    }
    let rows = match (order_id, from) {
        (Some(order_id), from) => of_order(venue, order_id, from, limit),
        (None, Some(from)) => from_id(&venue.trades, from, limit).iter().collect(),
        (None, None) => window.page(&venue.trades, |trade| trade.time, limit).iter().collect(),
    };
    let symbol = &venue.config.symbol;
    let lag = venue.config.read_lag > Millis(0);
    let seen = |trade: &Trade| venue.order(trade.order_id).is_some_and(|order| is_visible(venue, order));
    let views: Vec<TradeView<'_>> = rows
        .into_iter()
        .filter(|trade| !lag || seen(trade))
        .map(|trade| TradeView::new(symbol, trade))
        .collect();
    Ok(wire::bytes(&views))
}

/// From an id on, else the newest, oldest first ("If `fromId` is set, it will get trades >= that `fromId`. Otherwise most
/// recent trades are returned").
fn of_order(venue: &Venue, order_id: i64, from: Option<i64>, limit: usize) -> Vec<&Trade> {
    let Some(order) = venue.order(order_id) else { return Vec::new() };
    let all: Vec<&Trade> = venue.trades_of(order).collect();
    let start = match from {
        Some(from) => all.partition_point(|trade| trade.id < from),
        None => all.len().saturating_sub(limit),
    };
    all.into_iter().skip(start).take(limit).collect()
}

/// Rows from an id on; ids are positions plus one.
fn from_id<T>(rows: &[T], from: i64, limit: usize) -> &[T] {
    let start = usize::try_from(from.saturating_sub(1)).unwrap_or(0).min(rows.len());
    let (_, rows) = rows.split_at_checked(start).unwrap_or((&[], &[]));
    rows.get(..limit).unwrap_or(rows)
}

/// startTime and endTime.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// Whether rows count from the start (else from the end).
    from_start: bool,
}

impl Window {
    /// At most a day wide; where one end is missing it lies a day from the other.
    fn read(params: &Params<'_>) -> Result<Window, Refusal> {
        let (start, end) = (params.time("startTime")?, params.time("endTime")?);
        if let (Some(start), Some(end)) = (start, end) {
            let width = end.since(start);
            if width > DAY {
                return Err(Refusal::bad(-1127, "More than 24 hours between startTime and endTime."));
            }
            if width < Millis(0) {
                return Err(Refusal::bad(-1128, "Combination of optional parameters invalid."));
            }
        }
        Ok(Window {
            start: start.or(end.map(|end| end - DAY)),
            end: end.or(start.map(|start| start + DAY)),
            from_start: start.is_some(),
        })
    }

    /// The rows inside, of which times never step back.
    fn page<T>(self, rows: &[T], time: impl Fn(&T) -> Timestamp, limit: usize) -> &[T] {
        let from = self.start.map_or(0, |start| rows.partition_point(|row| time(row) < start));
        let to = self.end.map_or(rows.len(), |end| rows.partition_point(|row| time(row) <= end));
        let rows = rows.get(from..to).unwrap_or_default();
        let skipped = rows.len().saturating_sub(limit);
        match self.from_start {
            true => rows.get(..limit).unwrap_or(rows),
            false => rows.get(skipped..).unwrap_or(rows),
        }
    }
}

pub(super) fn account(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    let omit_zero = params.text("omitZeroBalances") == Some("true");
    let balances: Vec<Value> = venue
        .ledger
        .balances
        .iter()
        .filter(|(_, balance)| !omit_zero || !balance.total().is_zero())
        .map(|(asset, balance)| json!({"asset": &**asset, "free": Num(balance.free), "locked": Num(balance.locked)}))
        .collect();
    let fees = &venue.config.fees;
    let basis_points = |rate: rust_decimal::Decimal| {
        i64::try_from((rate * rust_decimal::Decimal::from(10_000)).trunc()).unwrap_or_default()
    };
    let zero = Num(rust_decimal::Decimal::ZERO);
    let updated = venue.ledger.movements.last().map_or(Timestamp::from_millis(0), |movement| movement.time);
    Ok(wire::bytes(&json!({
        "makerCommission": basis_points(fees.maker),
        "takerCommission": basis_points(fees.taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": Num(fees.maker), "taker": Num(fees.taker), "buyer": zero, "seller": zero},
        "canTrade": true,
        "canWithdraw": true,
        "canDeposit": true,
        "brokered": false,
        "requireSelfTradePrevention": false,
        "preventSor": false,
        "updateTime": Ms(updated),
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 354_937_868,
    })))
}

pub(super) fn api_restrictions(venue: &Venue, key: &str) -> Result<Vec<u8>, Refusal> {
    let key = venue.config.keys.iter().find(|known| known.key == key).ok_or_else(Refusal::rights)?;
    Ok(wire::bytes(&json!({
        "ipRestrict": key.ip_restrict,
        "createTime": 1_672_531_200_000_i64,
        "enableReading": key.can_read,
        "enableWithdrawals": key.can_withdraw,
        "enableInternalTransfer": key.can_transfer,
        "enableMargin": false,
        "enableFutures": false,
        "permitsUniversalTransfer": key.can_transfer,
        "enableVanillaOptions": false,
        "enableFixApiTrade": false,
        "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": key.can_trade,
        "enablePortfolioMarginTrading": false,
    })))
}

/// Movements of one cause in the window that the request names, by their place in the list.
fn moved<'a>(
    venue: &'a Venue,
    params: &Params<'_>,
    cause: Cause,
) -> Result<impl Iterator<Item = (usize, &'a Movement)>, Refusal> {
    let (start, end) = (params.time("startTime")?, params.time("endTime")?);
    let coin = params.text("coin").map(str::to_owned);
    Ok(venue.ledger.movements.iter().enumerate().filter(move |(_, movement)| {
        movement.cause == cause
            && start.is_none_or(|start| movement.time >= start)
            && end.is_none_or(|end| movement.time <= end)
            && coin.as_deref().is_none_or(|coin| coin == &*movement.asset)
    }))
}

pub(super) fn deposits(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    let rows = moved(venue, params, Cause::Deposit)?.map(|(at, movement)| {
        json!({
            "id": format!("d{at}"), "amount": movement.amount.normalize().to_string(),
            "coin": &*movement.asset, "network": "SIM", "status": 1, "address": "", "addressTag": "",
            "txId": format!("sim-{at}"), "insertTime": Ms(movement.time), "transferType": 0,
            "confirmTimes": "1/1", "unlockConfirm": 0, "walletType": 0,
        })
    });
    Ok(wire::bytes(&rows.collect::<Vec<Value>>()))
}

pub(super) fn withdrawals(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    let rows = moved(venue, params, Cause::Withdrawal)?.map(|(at, movement)| {
        let text = movement.time.to_string();
        let applied = text.get(..19).unwrap_or(&text).replace('T', " ");
        json!({
            "id": format!("w{at}"), "amount": (-movement.amount).normalize().to_string(),
            "transactionFee": "0", "coin": &*movement.asset, "status": 6, "address": "",
            "txId": format!("sim-{at}"), "applyTime": applied, "network": "SIM", "transferType": 0,
            "confirmNo": 1, "walletType": 0, "txKey": "", "completeTime": applied,
        })
    });
    Ok(wire::bytes(&rows.collect::<Vec<Value>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{Bench, d, json as read, minute, refusal, within};
    use crate::exchange::{NewOrder, Side};

    fn bench() -> Bench {
        Bench::new(&[
            ([100, 110, 90, 105], "100"),
            ([105, 106, 104, 105], "100"),
            ([105, 106, 104, 105], "100"),
        ])
    }

    fn ask(bench: &Bench, path: &str, query: &str, now: Timestamp) -> Value {
        read(&bench.signed("GET", path, query, now))
    }

    fn ids(rows: &Value, name: &str) -> Vec<i64> {
        rows.as_array().unwrap().iter().map(|row| row[name].as_i64().unwrap()).collect()
    }

    /// One buy in each of the first three minutes.
    fn three_buys(bench: &Bench) {
        for n in 0..3 {
            bench.exchange.manual_order(minute(n), &NewOrder::market(Side::Buy, d("1"))).unwrap();
        }
    }

    #[test]
    fn an_order_is_found_by_either_id() {
        let bench = bench();
        let wish =
            NewOrder { client_id: Some("mine".to_owned()), ..NewOrder::limit(Side::Buy, d("1"), d("90")) };
        bench.place(wish).unwrap();
        let by_id = ask(&bench, "/api/v3/order", "symbol=BTCUSDT&orderId=1", minute(0));
        assert_eq!(by_id, ask(&bench, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine", minute(0)));
        let at = minute(0).as_millis();
        assert_eq!(
            by_id,
            json!({
                "symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "mine",
                "price": "90.00000000", "origQty": "1.00000000", "executedQty": "0.00000000",
                "cummulativeQuoteQty": "0.00000000", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT",
                "side": "BUY", "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": at,
                "updateTime": at, "isWorking": true, "workingTime": at, "origQuoteOrderQty": "0.00000000",
                "selfTradePreventionMode": "EXPIRE_MAKER"
            })
        );
        let other = bench.signed("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=2", minute(0));
        assert_eq!(refusal(&other), (400, -2013));
    }

    #[test]
    fn a_fresh_order_is_invisible_to_queries_for_the_read_lag() {
        let bench = bench();
        bench.exchange.set_read_lag(Millis(5_000));
        bench.place(NewOrder::limit(Side::Buy, d("1"), d("90"))).unwrap();
        bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        let early = bench.signed("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=1", within(0, 4_999));
        assert_eq!(refusal(&early), (400, -2013));
        for path in ["openOrders", "allOrders", "myTrades"] {
            let path = format!("/api/v3/{path}");
            assert_eq!(ask(&bench, &path, "symbol=BTCUSDT", within(0, 4_999)), json!([]), "{path}");
        }
        let later = bench.signed("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=1", within(0, 5_000));
        assert_eq!(later.status(), 200);
        assert_eq!(
            ids(&ask(&bench, "/api/v3/openOrders", "symbol=BTCUSDT", within(0, 5_000)), "orderId"),
            [1]
        );
    }

    #[test]
    fn trades_are_chosen_by_id_order_time_and_limit() {
        let bench = bench();
        three_buys(&bench);
        let now = minute(2);
        let trades =
            |query: &str| ids(&ask(&bench, "/api/v3/myTrades", &format!("symbol=BTCUSDT{query}"), now), "id");
        let (zero, one) = (minute(0).as_millis(), minute(1).as_millis());
        assert_eq!(trades(""), [1, 2, 3]);
        assert_eq!(trades("&limit=2"), [2, 3]);
        assert_eq!(trades("&fromId=2"), [2, 3]);
        assert_eq!(trades("&fromId=1&limit=1"), [1]);
        assert_eq!(trades("&orderId=2"), [2]);
        assert_eq!(trades("&orderId=2&fromId=3"), [0_i64; 0]);
        assert_eq!(trades(&format!("&startTime={one}")), [2, 3]);
        assert_eq!(trades(&format!("&startTime={zero}&endTime={one}&limit=1")), [1]);
        assert_eq!(trades(&format!("&endTime={one}&limit=1")), [2]);
        let long = format!("symbol=BTCUSDT&startTime=0&endTime={one}");
        assert_eq!(refusal(&bench.signed("GET", "/api/v3/myTrades", &long, now)), (400, -1127));
        let both = format!("symbol=BTCUSDT&startTime={one}&fromId=1");
        assert_eq!(refusal(&bench.signed("GET", "/api/v3/myTrades", &both, now)), (400, -1128));
        assert_eq!(
            refusal(&bench.signed("GET", "/api/v3/myTrades", "symbol=BTCUSDT&limit=0", now)),
            (400, -1130)
        );
    }

    #[test]
    fn a_trade_shows_what_it_cost() {
        let bench = bench();
        three_buys(&bench);
        let row = ask(&bench, "/api/v3/myTrades", "symbol=BTCUSDT&fromId=3", minute(2))[0].clone();
        assert_eq!(
            row,
            json!({
                "symbol": "BTCUSDT", "id": 3, "orderId": 3, "orderListId": -1, "price": "105.01000000",
                "qty": "1.00000000", "quoteQty": "105.01000000", "commission": "0.00100000",
                "commissionAsset": "BTC", "time": minute(2).as_millis(), "isBuyer": true, "isMaker": false,
                "isBestMatch": true
            })
        );
    }

    #[test]
    fn all_orders_page_by_id_and_time() {
        let bench = bench();
        three_buys(&bench);
        let orders = |query: &str| {
            ids(&ask(&bench, "/api/v3/allOrders", &format!("symbol=BTCUSDT{query}"), minute(2)), "orderId")
        };
        assert_eq!(orders(""), [1, 2, 3]);
        assert_eq!(orders("&orderId=2"), [2, 3]);
        assert_eq!(orders("&limit=1"), [3]);
        assert_eq!(orders(&format!("&startTime={}&limit=1", minute(0).as_millis())), [1]);
    }

    #[test]
    fn the_account_lists_free_and_locked() {
        let bench = bench();
        bench.place(NewOrder::limit(Side::Buy, d("1"), d("90"))).unwrap();
        bench.exchange.deposit(minute(0), "BNB", d("1")).unwrap();
        bench.exchange.withdraw(minute(0), "BNB", d("1")).unwrap();
        let account = ask(&bench, "/api/v3/account", "", minute(0));
        let usdt = json!({"asset": "USDT", "free": "9910.00000000", "locked": "90.00000000"});
        assert!(account["balances"].as_array().unwrap().contains(&usdt));
        assert_eq!(account["takerCommission"], 10);
        let short = ask(&bench, "/api/v3/account", "omitZeroBalances=true", minute(0));
        assert_eq!(short["balances"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_keys_rights_are_its_own() {
        let bench = bench();
        let path = "/sapi/v1/account/apiRestrictions";
        let rights = ask(&bench, path, "", minute(0));
        assert_eq!(
            (&rights["enableSpotAndMarginTrading"], &rights["enableWithdrawals"]),
            (&json!(true), &json!(false))
        );
        let dangerous =
            crate::exchange::ApiKey::trading(super::super::fixture::KEY, super::super::fixture::SECRET);
        bench.exchange.set_key(crate::exchange::ApiKey {
            can_withdraw: true,
            ip_restrict: false,
            ..dangerous
        });
        let rights = ask(&bench, path, "", minute(0));
        assert_eq!((&rights["ipRestrict"], &rights["enableWithdrawals"]), (&json!(false), &json!(true)));
    }

    #[test]
    fn deposits_and_withdrawals_are_listed() {
        let bench = bench();
        bench.exchange.deposit(minute(0), "BNB", d("1.5")).unwrap();
        bench.exchange.withdraw(minute(1), "BNB", d("0.5")).unwrap();
        let deposit = ask(&bench, "/sapi/v1/capital/deposit/hisrec", "", minute(1))[0].clone();
        assert_eq!((&deposit["coin"], &deposit["amount"]), (&json!("BNB"), &json!("1.5")));
        assert_eq!(deposit["insertTime"], minute(0).as_millis());
        let withdrawal = ask(&bench, "/sapi/v1/capital/withdraw/history", "coin=BNB", minute(1))[0].clone();
        assert_eq!(
            (&withdrawal["amount"], &withdrawal["applyTime"]),
            (&json!("0.5"), &json!("2023-03-01 00:01:00"))
        );
    }
}
