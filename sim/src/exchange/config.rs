//! What an exchange is made from: account, keys, symbol, fees and the market's roughness.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::time::Millis;

use super::filters::Filters;
use super::orders::OrderKind;
use super::orders::spelled;
use serde::{Serialize, Serializer};

spelled! {
    /// What a symbol allows at the moment.
    SymbolStatus {
        /// Everything.
        Trading = "TRADING",
        /// Cancels only, nothing matches.
        Halt = "HALT",
        /// Nothing.
        Break = "BREAK",
        /// Nothing; the day is over.
        EndOfDay = "END_OF_DAY",
        /// Cancels only, nothing matches.
        CancelOnly = "CANCEL_ONLY",
    }
}

impl SymbolStatus {
    /// Whether orders may be cancelled.
    pub(super) const fn allows_cancel(self) -> bool {
        match self {
            SymbolStatus::Trading | SymbolStatus::Halt | SymbolStatus::CancelOnly => true,
            SymbolStatus::Break | SymbolStatus::EndOfDay => false,
        }
    }
}

/// A key with its rights.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What is sent in `X-MBX-APIKEY`.
    pub key: String,
    /// What requests are signed with.
    pub secret: String,
    /// May send and cancel orders.
    pub can_trade: bool,
    /// May read the account.
    pub can_read: bool,
    /// May withdraw.
    pub can_withdraw: bool,
    /// May transfer.
    pub can_transfer: bool,
    /// Is bound to addresses.
    pub ip_restrict: bool,
}

/// Without the secret, which belongs in no log.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ApiKey")
            .field("key", &self.key)
            .field("can_trade", &self.can_trade)
            .field("can_read", &self.can_read)
            .field("can_withdraw", &self.can_withdraw)
            .field("can_transfer", &self.can_transfer)
            .field("ip_restrict", &self.ip_restrict)
            .finish_non_exhaustive()
    }
}

impl ApiKey {
    /// A key that may read and trade, nothing else.
    pub fn trading(key: &str, secret: &str) -> ApiKey {
        ApiKey { can_trade: true, ..ApiKey::reading(key, secret) }
    }

    /// A key that may read, nothing else.
    pub fn reading(key: &str, secret: &str) -> ApiKey {
        ApiKey {
            key: key.to_owned(),
            secret: secret.to_owned(),
            can_trade: false,
            can_read: true,
            can_withdraw: false,
            can_transfer: false,
            ip_restrict: true,
        }
    }
}

/// Fee rates as fractions: 0.001 is ten basis points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fees {
    /// For the resting side.
    pub maker: Decimal,
    /// For the taking side.
    pub taker: Decimal,
    /// Payment in a third asset, where the account holds enough of it.
    pub third_asset: Option<ThirdAssetFee>,
}

/// Fees in a third asset, such as BNB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdAssetFee {
    /// The asset.
    pub asset: String,
    /// Its fixed price in the quote asset.
    pub price: Decimal,
    /// What the rates are multiplied by.
    pub discount: Decimal,
    /// The account's switch.
    pub enabled: bool,
}

/// What an exchange does with a client id that it has seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repeats {
    /// Refused while the order with this id is open, accepted again afterwards: Binance ("`newClientOrderId`: a
    /// unique id among open orders", `rest-api.md`).
    RefusedWhileOpen,
    /// Accepted as one more order: an exchange that does not look at the id.
    Accepted,
    /// Answered with the order that it names, and nothing happens: Coinbase Advanced.
    Answered,
    /// Refused for ever: Bybit ("always unique").
    RefusedForEver,
}

/// All that an exchange is made from, besides its candles.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// The account's name, for people.
    pub account: String,
    /// The keys of the account.
    pub keys: Vec<ApiKey>,
    /// The symbol in the exchange's spelling.
    pub symbol: String,
    /// The base asset.
    pub base: String,
    /// The quote asset.
    pub quote: String,
    /// The symbol's filters.
    pub filters: Filters,
    /// The types of order that the symbol takes (`orderTypes`).
    pub order_types: Vec<OrderKind>,
    /// The symbol's status.
    pub status: SymbolStatus,
    /// Starting balances.
    pub balances: BTreeMap<String, Decimal>,
    /// Fees.
    pub fees: Fees,
    /// The whole spread in basis points of the open.
    pub spread_bps: Decimal,
    /// The largest share of a candle's volume that our orders may take.
    pub participation: Decimal,
    /// How long a fresh order is invisible to queries.
    pub read_lag: Millis,
    /// The server's clock minus true time.
    pub skew: Millis,
    /// What becomes of a client id that was seen before.
    pub repeats: Repeats,
}

/// The coin of [`ExchangeConfig::with_test_coin`].
pub const TEST_COIN: &str = "这是测试币";

impl ExchangeConfig {
    /// BTCUSDT with Binance's usual filters and fees, no keys and no balances.
    pub fn btcusdt(account: &str) -> ExchangeConfig {
        let third_asset = ThirdAssetFee {
            asset: "BNB".to_owned(),
            price: Decimal::from(300),
            discount: Decimal::new(75, 2),
            enabled: true,
        };
        let rate = Decimal::new(1, 3);
        ExchangeConfig {
            account: account.to_owned(),
            keys: Vec::new(),
            symbol: "BTCUSDT".to_owned(),
            base: "BTC".to_owned(),
            quote: "USDT".to_owned(),
            filters: Filters::btcusdt(),
            order_types: OrderKind::ALL.to_vec(),
            status: SymbolStatus::Trading,
            balances: BTreeMap::new(),
            fees: Fees { maker: rate, taker: rate, third_asset: Some(third_asset) },
            spread_bps: Decimal::ONE,
            participation: Decimal::new(1, 1),
            read_lag: Millis(0),
            skew: Millis(0),
            repeats: Repeats::RefusedWhileOpen,
        }
    }

    /// The same with one more key.
    #[must_use]
    pub fn with_key(mut self, key: ApiKey) -> ExchangeConfig {
        self.keys.push(key);
        self
    }

    /// The same with a starting balance.
    #[must_use]
    pub fn with_balance(mut self, asset: &str, amount: Decimal) -> ExchangeConfig {
        self.balances.insert(asset.to_owned(), amount);
        self
    }

    /// The same with one of the coin that Binance's test network gives every account (its changelog of 2025-12-18): a
    /// name that is not ASCII.
    #[must_use]
    pub fn with_test_coin(self) -> ExchangeConfig {
        self.with_balance(TEST_COIN, Decimal::ONE)
    }

    /// What makes the configuration unusable.
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        let share = |value: Decimal| value >= Decimal::ZERO && value <= Decimal::ONE;
        let wrong = |field, rule| Err(BadConfig::Setting { field, rule });
        if !share(self.participation) {
            return wrong("participation", "from 0 to 1");
        }
        if !share(self.fees.maker) || !share(self.fees.taker) {
            return wrong("fees", "from 0 to 1");
        }
        if self.spread_bps < Decimal::ZERO || self.spread_bps >= Decimal::from(10_000) {
            return wrong("spread_bps", "from 0 to below 10000");
        }
        if self.fees.third_asset.as_ref().is_some_and(|third| third.price <= Decimal::ZERO) {
            return wrong("fees.third_asset.price", "above 0");
        }
        if self.balances.values().any(|amount| *amount < Decimal::ZERO || super::num::too_large(*amount)) {
            return wrong("balances", "from 0 to below 100000000000");
        }
        Ok(())
    }
}

/// A configuration or series of candles that no exchange can be made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// A setting out of its range.
    #[error("{field} must be {rule}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its range.
        rule: &'static str,
    },
    /// Candles that break the rules of a market data file.
    #[error("{0}")]
    Candles(String),
}
