//! The exchange of a measured fleet: one market, and for each account an exchange of its own, found by the key that a
//! request carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;
use shared::ids::Symbol;
use shared::settings::Settings;
use shared::tables::Names;
use shared::time::Timestamp;
use sim::aws::EmbeddedAws;
use sim::exchange::{ApiKey, BadConfig, Candle, Exchange, ExchangeConfig};
use sim::service::{Request, Response, Service};

/// The header that carries a key.
const KEY: &str = "x-mbx-apikey";
/// What an account begins with, in quote.
const CASH: i64 = 10_000;

/// The market and the accounts.
pub struct Exchanges {
    market: Arc<Exchange>,
    accounts: BTreeMap<String, Exchange>,
}

impl Exchanges {
    /// The market alone.
    pub const fn new(market: Arc<Exchange>) -> Exchanges {
        Exchanges { market, accounts: BTreeMap::new() }
    }

    /// Opens the account of these settings.
    pub fn open(
        &mut self,
        settings: &Settings,
        symbol: &Symbol,
        candles: &[Candle],
    ) -> Result<(), BadConfig> {
        let account = settings.account.as_str();
        let config = ExchangeConfig::btcusdt(account)
            .with_key(ApiKey::trading(&format!("{account}/trade"), account))
            .with_key(ApiKey::reading(&format!("{account}/read"), account))
            .with_balance(symbol.quote.as_str(), Decimal::from(CASH));
        self.accounts.insert(account.to_owned(), Exchange::new(config, candles.to_vec())?);
        Ok(())
    }

    /// Puts the account's keys where the functions look for them.
    pub fn put_keys(settings: &Settings, aws: &EmbeddedAws, names: &Names) {
        let account = settings.account.as_str();
        for (right, secret) in [("trade", names.trade_secret(account)), ("read", names.read_secret(account))]
        {
            let key = json!({"api_key": format!("{account}/{right}"), "api_secret": account});
            aws.create_secret(&secret, &key.to_string());
        }
    }

    /// Moves the market and every account on.
    pub fn advance(&self, now: Timestamp) {
        self.market.advance(now);
        self.accounts.values().for_each(|account| account.advance(now));
    }

    fn of(&self, request: &Request) -> &Exchange {
        let key = request.headers().get(KEY).and_then(|key| key.to_str().ok());
        let account = key.and_then(|key| key.split('/').next()).and_then(|name| self.accounts.get(name));
        account.unwrap_or(&self.market)
    }
}

impl Service for Exchanges {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        self.of(&request).serve(request, now)
    }
}
