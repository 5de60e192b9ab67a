//! What the stage points to instead of the real exchange and the real model: the simulated ones, in real time, on
//! loopback.

use std::sync::Arc;

use rust_decimal::Decimal;
use sim::clock::{Now, RealClock};
use sim::exchange::{ApiKey, Exchange, ExchangeConfig};
use sim::model::{Policy, ScriptedModel};
use sim::socket::{Served, serve_local};
use tests::lambda::market;
use tokio::runtime::{Builder, Runtime};

use crate::run::Failed;

/// The account at the exchange.
pub const ACCOUNT: &str = "main";
/// What its keys sign with.
pub const SECRET: &str = "main-secret";
/// The key that execute trades with.
pub const TRADE_KEY: &str = "main-trade";
/// The key that reconcile reads with.
pub const READ_KEY: &str = "main-read";
/// What the account begins with, in quote.
const OPENING: i64 = 10_000;

/// Both, as long as this value lives.
#[derive(Debug)]
pub struct Elsewhere {
    /// The exchange itself: its ledger is what the books are held against.
    pub exchange: Arc<Exchange>,
    /// Where the functions find it.
    pub venue: String,
    /// Where they find the model.
    pub model: String,
    _served: [Served; 2],
    _runtime: Runtime,
}

impl Elsewhere {
    /// A market that rises in a saw, so that the model buys whenever nothing is held.
    pub fn open() -> Result<Elsewhere, Failed> {
        let config = ExchangeConfig::btcusdt(ACCOUNT)
            .with_key(ApiKey::trading(TRADE_KEY, SECRET))
            .with_key(ApiKey::reading(READ_KEY, SECRET))
            .with_balance("USDT", Decimal::from(OPENING));
        let candles = market::candles(RealClock.now(), market::HISTORY);
        let exchange = Exchange::new(config, candles).map_err(|bad| Failed::World(format!("{bad:?}")))?;
        let (exchange, model) = (Arc::new(exchange), Arc::new(ScriptedModel::new(Policy::Momentum, 1)));
        let none = |why: std::io::Error| Failed::World(why.to_string());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(none)?;
        let clock = || Arc::new(RealClock);
        let serving = async {
            let venue = serve_local(Arc::<Exchange>::clone(&exchange), clock()).await?;
            Ok([venue, serve_local(model, clock()).await?])
        };
        let served = runtime.block_on(serving).map_err(none)?;
        let [venue, model] = served.each_ref().map(Served::url);
        Ok(Elsewhere { exchange, venue, model, _served: served, _runtime: runtime })
    }
}
