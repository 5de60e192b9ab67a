//! Many exchanges behind one address: each account has one of its own, chosen by the key of the request.
//!
//! One address may use 6,000 weight a minute, which a thousand accounts in a minute exceed; public requests
//! are spread over several copies of the same market for the same reason.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rust_decimal::Decimal;
use shared::time::Timestamp;
use sim::exchange::{ApiKey, Exchange, ExchangeConfig};
use sim::service::{Request, Response, Service};

use super::{Failure, market};

/// The header that carries a key.
const KEY: &str = "x-mbx-apikey";
/// Copies of the public market.
const COPIES: usize = 50;
/// What each account begins with, in quote.
const OPENING: i64 = 10_000;

/// The exchanges.
#[derive(Debug)]
pub struct Venues {
    began: Timestamp,
    public: Vec<Exchange>,
    accounts: RwLock<BTreeMap<String, Arc<Exchange>>>,
    calls: AtomicU64,
    turn: AtomicUsize,
}

impl Venues {
    /// The market alone.
    pub fn new(began: Timestamp) -> Result<Venues, Failure> {
        let candles = market::candles(began, market::HISTORY);
        let copy =
            |_| Exchange::new(ExchangeConfig::btcusdt("public"), candles.clone()).map_err(Failure::world);
        Ok(Venues {
            began,
            public: (0..COPIES).map(copy).collect::<Result<_, _>>()?,
            accounts: RwLock::default(),
            calls: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
        })
    }

    /// Opens an account with a key to trade and a key to read: `{account}-trade` and `{account}-read`.
    pub fn open(&self, account: &str) -> Result<(), Failure> {
        let config = ExchangeConfig::btcusdt(account)
            .with_key(ApiKey::trading(&format!("{account}-trade"), &secret(account)))
            .with_key(ApiKey::reading(&format!("{account}-read"), &secret(account)))
            .with_balance("USDT", Decimal::from(OPENING));
        let candles = market::candles(self.began, market::RECENT);
        let exchange = Exchange::new(config, candles).map_err(Failure::world)?;
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(account.to_owned(), Arc::new(exchange));
        Ok(())
    }

    /// Every account's exchange.
    pub fn accounts(&self) -> BTreeMap<String, Arc<Exchange>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests answered so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn of_key(&self, key: &str) -> Option<Arc<Exchange>> {
        let account = key.rsplit_once('-').map_or(key, |(account, _)| account);
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}

/// What an account signs with.
pub fn secret(account: &str) -> String {
    format!("{account}-secret")
}

impl Service for Venues {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let key = request.headers().get(KEY).and_then(|key| key.to_str().ok());
        if let Some(exchange) = key.and_then(|key| self.of_key(key)) {
            return exchange.serve(request, now);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % COPIES;
        match self.public.get(turn) {
            Some(exchange) => exchange.serve(request, now),
            None => Response::default(),
        }
    }
}
