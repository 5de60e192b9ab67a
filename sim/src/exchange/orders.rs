//! Orders and trades in the exchange's own words.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use shared::time::Timestamp;

use super::num::ceil8;

/// An enum whose variants have Binance's spelling.
macro_rules! spelled {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$inner])* $variant,)* }

        impl $name {
            /// Binance's spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
            /// Reads Binance's spelling.
            pub fn read(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }
    };
}
pub(super) use spelled;

spelled! {
    /// Which way the base asset goes.
    Side {
        /// Base comes in.
        Buy = "BUY",
        /// Base goes out.
        Sell = "SELL",
    }
}

spelled! {
    /// Order types.
    OrderKind {
        /// At a price or better.
        Limit = "LIMIT",
        /// At once, at any price.
        Market = "MARKET",
        /// A market order once the price moved against the holder.
        StopLoss = "STOP_LOSS",
        /// A limit order once the price moved against the holder.
        StopLossLimit = "STOP_LOSS_LIMIT",
        /// A market order once the price moved in favour of the holder.
        TakeProfit = "TAKE_PROFIT",
        /// A limit order once the price moved in favour of the holder.
        TakeProfitLimit = "TAKE_PROFIT_LIMIT",
        /// A limit order that never takes.
        LimitMaker = "LIMIT_MAKER",
    }
}

spelled! {
    /// How long an order stays.
    TimeInForce {
        /// Until cancelled.
        Gtc = "GTC",
        /// What does not execute at once expires.
        Ioc = "IOC",
        /// All at once, or nothing.
        Fok = "FOK",
    }
}

spelled! {
    /// An order's state.
    OrderStatus {
        /// Nothing executed yet.
        New = "NEW",
        /// Some of it executed.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// All of it executed.
        Filled = "FILLED",
        /// Ended by its owner.
        Canceled = "CANCELED",
        /// Ended by the exchange.
        Expired = "EXPIRED",
    }
}

impl Side {
    /// Whether a limit of this side accepts `price`.
    pub(super) fn accepts(self, limit: Decimal, price: Decimal) -> bool {
        match self {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
    }
}

impl OrderKind {
    /// Every type, in the order of recorded symbols.
    pub const ALL: [OrderKind; 7] = [
        OrderKind::Limit,
        OrderKind::LimitMaker,
        OrderKind::Market,
        OrderKind::StopLoss,
        OrderKind::StopLossLimit,
        OrderKind::TakeProfit,
        OrderKind::TakeProfitLimit,
    ];

    /// How a refusal names it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            OrderKind::Limit => "Limit",
            OrderKind::LimitMaker => "Limit maker",
            OrderKind::Market => "Market",
            OrderKind::StopLoss => "Stop loss",
            OrderKind::StopLossLimit => "Stop loss limit",
            OrderKind::TakeProfit => "Take profit",
            OrderKind::TakeProfitLimit => "Take profit limit",
        }
    }

    /// Whether the order waits for a stop price.
    pub const fn is_stop(self) -> bool {
        match self {
            OrderKind::StopLoss
            | OrderKind::StopLossLimit
            | OrderKind::TakeProfit
            | OrderKind::TakeProfitLimit => true,
            OrderKind::Limit | OrderKind::Market | OrderKind::LimitMaker => false,
        }
    }

    /// Whether the order names a limit price.
    pub const fn is_limit(self) -> bool {
        match self {
            OrderKind::Limit
            | OrderKind::LimitMaker
            | OrderKind::StopLossLimit
            | OrderKind::TakeProfitLimit => true,
            OrderKind::Market | OrderKind::StopLoss | OrderKind::TakeProfit => false,
        }
    }

    /// Whether the stop waits for the price to fall (else to rise).
    pub(super) const fn waits_for_fall(self, side: Side) -> bool {
        let takes_profit = matches!(self, OrderKind::TakeProfit | OrderKind::TakeProfitLimit);
        match side {
            Side::Sell => !takes_profit,
            Side::Buy => takes_profit,
        }
    }
}

impl OrderStatus {
    /// Whether the order can still execute.
    pub const fn is_open(self) -> bool {
        match self {
            OrderStatus::New | OrderStatus::PartiallyFilled => true,
            OrderStatus::Filled | OrderStatus::Canceled | OrderStatus::Expired => false,
        }
    }
}

/// How much, in which asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// `quantity`: in the base asset.
    Base(Decimal),
    /// `quoteOrderQty`: in the quote asset; market orders only.
    Quote(Decimal),
}

/// A wish for an order, before any check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Buy or sell.
    pub side: Side,
    /// Its type.
    pub kind: OrderKind,
    /// How long it stays; market orders are GTC.
    pub time_in_force: TimeInForce,
    /// How much.
    pub size: Size,
    /// The limit price, for types that have one; else zero.
    pub price: Decimal,
    /// The stop price, for types that have one; else zero.
    pub stop_price: Decimal,
    /// The caller's id; generated when absent.
    pub client_id: Option<String>,
}

impl NewOrder {
    /// A market order.
    pub fn market(side: Side, quantity: Decimal) -> NewOrder {
        NewOrder {
            side,
            kind: OrderKind::Market,
            time_in_force: TimeInForce::Gtc,
            size: Size::Base(quantity),
            price: Decimal::ZERO,
            stop_price: Decimal::ZERO,
            client_id: None,
        }
    }

    /// A limit order that rests.
    pub fn limit(side: Side, quantity: Decimal, price: Decimal) -> NewOrder {
        NewOrder { kind: OrderKind::Limit, price, ..NewOrder::market(side, quantity) }
    }

    /// The price that a notional is judged by, for types that name one.
    pub(super) fn named_price(&self) -> Option<Decimal> {
        match (self.kind.is_limit(), self.kind.is_stop()) {
            (true, _) => Some(self.price),
            (false, true) => Some(self.stop_price),
            (false, false) => None,
        }
    }
}

/// An order with all that happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The exchange's id.
    pub id: i64,
    /// The caller's id.
    pub client_id: String,
    /// Buy or sell.
    pub side: Side,
    /// Its type.
    pub kind: OrderKind,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// The limit price, or zero.
    pub price: Decimal,
    /// The stop price, or zero.
    pub stop_price: Decimal,
    /// `origQty`.
    pub quantity: Decimal,
    /// `origQuoteOrderQty`, or zero.
    pub quote_quantity: Decimal,
    /// `executedQty`.
    pub executed: Decimal,
    /// `cummulativeQuoteQty`.
    pub quote_executed: Decimal,
    /// Its state.
    pub status: OrderStatus,
    /// When it was accepted.
    pub time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
    /// When it began to work; a stop that was not touched has none.
    pub working_time: Option<Timestamp>,
    /// Whether the account's owner placed it by hand.
    pub manual: bool,
    /// The balance that it locks: quote for a buy, base for a sell.
    pub locked: Decimal,
    /// The price that a buy's lock is computed with.
    pub(super) lock_price: Decimal,
    /// Where its trades stand in the list of trades.
    pub(super) trades: Vec<usize>,
}

impl Order {
    /// What has not executed yet.
    pub fn remaining(&self) -> Decimal {
        self.quantity - self.executed
    }

    /// The limit price, for types that have one.
    pub(super) fn limit(&self) -> Option<Decimal> {
        self.kind.is_limit().then_some(self.price)
    }

    /// What the order must lock for `quantity`.
    pub(super) fn lock_for(&self, quantity: Decimal) -> Decimal {
        match self.side {
            Side::Buy => ceil8(self.lock_price * quantity),
            Side::Sell => quantity,
        }
    }
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// Sequential, from 1.
    pub id: i64,
    /// The order that it belongs to.
    pub order_id: i64,
    /// The order's side.
    pub side: Side,
    /// The price.
    pub price: Decimal,
    /// The quantity in the base asset.
    pub quantity: Decimal,
    /// The quantity in the quote asset.
    pub quote_quantity: Decimal,
    /// The fee.
    pub commission: Decimal,
    /// The fee's asset.
    pub commission_asset: std::sync::Arc<str>,
    /// When.
    pub time: Timestamp,
    /// Whether our order was the resting side.
    pub is_maker: bool,
}
