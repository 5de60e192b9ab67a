//! Answers with exactly Binance's field names and types.

use serde::{Serialize, Serializer};
use shared::time::Timestamp;

use super::market::Bar;
use super::num::Num;
use super::orders::{Order, OrderKind, OrderStatus, Side, TimeInForce, Trade};

/// Self-trade prevention is the symbol's default; one account never meets itself here.
pub(super) const STP: &str = "EXPIRE_MAKER";

/// A time as an integer of milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ms(pub(super) Timestamp);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i64(self.0.as_millis())
    }
}

/// The bytes of an answer.
pub(super) fn bytes<T: Serialize>(answer: &T) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

/// An order as queries show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderView<'a> {
    symbol: &'a str,
    order_id: i64,
    order_list_id: i64,
    client_order_id: &'a str,
    price: Num,
    orig_qty: Num,
    executed_qty: Num,
    cummulative_quote_qty: Num,
    status: OrderStatus,
    time_in_force: TimeInForce,
    #[serde(rename = "type")]
    kind: OrderKind,
    side: Side,
    stop_price: Num,
    iceberg_qty: Num,
    time: Ms,
    update_time: Ms,
    is_working: bool,
    working_time: i64,
    orig_quote_order_qty: Num,
    self_trade_prevention_mode: &'static str,
}

/// The time since which an order works, or -1.
fn working_time(order: &Order) -> i64 {
    order.working_time.map_or(-1, Timestamp::as_millis)
}

impl<'a> OrderView<'a> {
    pub(super) fn new(symbol: &'a str, order: &'a Order) -> OrderView<'a> {
        OrderView {
            symbol,
            order_id: order.id,
            order_list_id: -1,
            client_order_id: &order.client_id,
            price: Num(order.price),
            orig_qty: Num(order.quantity),
            executed_qty: Num(order.executed),
            cummulative_quote_qty: Num(order.quote_executed),
            status: order.status,
            time_in_force: order.time_in_force,
            kind: order.kind,
            side: order.side,
            stop_price: Num(order.stop_price),
            iceberg_qty: Num(rust_decimal::Decimal::ZERO),
            time: Ms(order.time),
            update_time: Ms(order.update_time),
            is_working: order.working_time.is_some(),
            working_time: working_time(order),
            orig_quote_order_qty: Num(order.quote_quantity),
            self_trade_prevention_mode: STP,
        }
    }
}

/// The shortest answer to a new order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ack<'a> {
    symbol: &'a str,
    order_id: i64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: Ms,
}

impl<'a> Ack<'a> {
    pub(super) fn new(symbol: &'a str, order: &'a Order) -> Ack<'a> {
        Ack {
            symbol,
            order_id: order.id,
            order_list_id: -1,
            client_order_id: &order.client_id,
            transact_time: Ms(order.time),
        }
    }
}

/// What RESULT, FULL and cancel answers have in common.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    price: Num,
    orig_qty: Num,
    executed_qty: Num,
    orig_quote_order_qty: Num,
    cummulative_quote_qty: Num,
    status: OrderStatus,
    time_in_force: TimeInForce,
    #[serde(rename = "type")]
    kind: OrderKind,
    side: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<Num>,
    self_trade_prevention_mode: &'static str,
}

impl State {
    fn of(order: &Order) -> State {
        State {
            price: Num(order.price),
            orig_qty: Num(order.quantity),
            executed_qty: Num(order.executed),
            orig_quote_order_qty: Num(order.quote_quantity),
            cummulative_quote_qty: Num(order.quote_executed),
            status: order.status,
            time_in_force: order.time_in_force,
            kind: order.kind,
            side: order.side,
            stop_price: order.kind.is_stop().then_some(Num(order.stop_price)),
            self_trade_prevention_mode: STP,
        }
    }
}

/// The long answers to a new order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    #[serde(flatten)]
    ack: Ack<'a>,
    #[serde(flatten)]
    state: State,
    working_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fills: Option<Vec<FillView<'a>>>,
}

impl<'a> Outcome<'a> {
    /// RESULT without fills, FULL with them.
    pub(super) fn new(symbol: &'a str, order: &'a Order, fills: Option<Vec<FillView<'a>>>) -> Outcome<'a> {
        Outcome {
            ack: Ack::new(symbol, order),
            state: State::of(order),
            working_time: working_time(order),
            fills,
        }
    }
}

/// One fill in a FULL answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FillView<'a> {
    price: Num,
    qty: Num,
    commission: Num,
    commission_asset: &'a str,
    trade_id: i64,
}

impl<'a> FillView<'a> {
    pub(super) fn new(trade: &'a Trade) -> FillView<'a> {
        FillView {
            price: Num(trade.price),
            qty: Num(trade.quantity),
            commission: Num(trade.commission),
            commission_asset: &trade.commission_asset,
            trade_id: trade.id,
        }
    }
}

/// The answer to a cancel.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancelled<'a> {
    symbol: &'a str,
    orig_client_order_id: &'a str,
    order_id: i64,
    order_list_id: i64,
    client_order_id: String,
    transact_time: Ms,
    #[serde(flatten)]
    state: State,
}

impl<'a> Cancelled<'a> {
    /// `cancel_id` is the id of the cancel itself.
    pub(super) fn new(symbol: &'a str, order: &'a Order, cancel_id: String) -> Cancelled<'a> {
        Cancelled {
            symbol,
            orig_client_order_id: &order.client_id,
            order_id: order.id,
            order_list_id: -1,
            client_order_id: cancel_id,
            transact_time: Ms(order.update_time),
            state: State::of(order),
        }
    }
}

/// A trade in `myTrades`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeView<'a> {
    symbol: &'a str,
    id: i64,
    order_id: i64,
    order_list_id: i64,
    price: Num,
    qty: Num,
    quote_qty: Num,
    commission: Num,
    commission_asset: &'a str,
    time: Ms,
    is_buyer: bool,
    is_maker: bool,
    is_best_match: bool,
}

impl<'a> TradeView<'a> {
    pub(super) fn new(symbol: &'a str, trade: &'a Trade) -> TradeView<'a> {
        TradeView {
            symbol,
            id: trade.id,
            order_id: trade.order_id,
            order_list_id: -1,
            price: Num(trade.price),
            qty: Num(trade.quantity),
            quote_qty: Num(trade.quote_quantity),
            commission: Num(trade.commission),
            commission_asset: &trade.commission_asset,
            time: Ms(trade.time),
            is_buyer: trade.side == Side::Buy,
            is_maker: trade.is_maker,
            is_best_match: true,
        }
    }
}

/// A bar as `klines` lists it.
#[derive(Debug)]
pub(super) struct BarView(pub(super) Bar);

impl Serialize for BarView {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let BarView(bar) = self;
        let candle = &bar.candle;
        // Who took is not known; half of the volume is as good as any share.
        let half = rust_decimal::Decimal::new(5, 1);
        let row = (
            Ms(candle.open_time),
            Num(candle.open),
            Num(candle.high),
            Num(candle.low),
            Num(candle.close),
            Num(candle.volume),
            Ms(bar.close_time()),
            Num(bar.quote_volume),
            i64::from(!candle.volume.is_zero()),
            Num(candle.volume * half),
            Num(bar.quote_volume * half),
            "0",
        );
        row.serialize(out)
    }
}
