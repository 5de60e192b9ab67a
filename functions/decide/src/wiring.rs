//! The venue and the model as decide sees them on Lambda: public market data, and a key that is read once.

use std::cell::RefCell;

use shared::aws::tables::DynamoTables;
use shared::model::anthropic::Anthropic;
use shared::ports::{
    AskModel, BadReply, ModelError, OpenVenue, Question, RawReply, Reply, SharedClock, VenueError, Wait,
};
use shared::secret::{ReadSecret, Secret};
use shared::settings::{Backend, Settings};
use shared::time::Millis;
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::patient::Patient;

/// Binance's public data.
const BINANCE: &str = "https://api.binance.com";
/// Binance's test network.
const TESTNET: &str = "https://testnet.binance.vision";
/// Anthropic.
const ANTHROPIC: &str = "https://api.anthropic.com";
/// The time that one call of a venue may take.
const VENUE_TIMEOUT: Millis = Millis::from_secs(5);

/// Opens the market data of a strategy's venue; there is no key in it.
#[derive(Clone)]
pub struct Markets {
    /// Where a venue's waits are kept.
    pub tables: DynamoTables,
    /// The way out.
    pub transport: SharedTransport,
    /// The clock.
    pub clock: SharedClock,
    /// Another address: a simulator.
    pub url: Option<String>,
}

impl OpenVenue for Markets {
    type Venue = Patient<Binance, DynamoTables>;

    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        if settings.venue.as_str() != "binance" {
            return Err(VenueError::Refused {
                code: "unknown_venue".to_owned(),
                text: format!("venue {} is not served", settings.venue),
            });
        }
        let base = self.url.as_deref().unwrap_or_else(|| home(settings));
        let venue = Binance::new(self.transport.clone(), self.clock.clone(), base, VENUE_TIMEOUT);
        let (tables, clock) = (self.tables.clone(), self.clock.clone());
        Ok(Patient::new(venue, tables, clock, settings.venue.clone(), wait))
    }
}

/// The paper venue fills against the real market; the test network has a market of its own.
fn home(settings: &Settings) -> &'static str {
    match (settings.backend, settings.testnet) {
        (Backend::Exchange, true) => TESTNET,
        (Backend::Exchange, false) | (Backend::Mock | Backend::Oms | Backend::Backtest, _) => BINANCE,
    }
}

/// Asks Anthropic with a key that is read on first use.
pub struct KeyedModel<S> {
    /// Where the key is.
    pub secrets: S,
    /// What it is called.
    pub name: String,
    /// The way out.
    pub transport: SharedTransport,
    /// The clock.
    pub clock: SharedClock,
    /// Another address: a simulator.
    pub url: Option<String>,
    /// The key, once read.
    pub key: RefCell<Option<Secret>>,
}

impl<S: ReadSecret> KeyedModel<S> {
    fn with(&self, key: Secret) -> Anthropic {
        let base = self.url.as_deref().unwrap_or(ANTHROPIC);
        Anthropic::new(self.transport.clone(), self.clock.clone(), base, key)
    }

    /// Nothing was asked where there is no key, so nothing is paid for.
    async fn key(&self) -> Result<Secret, ModelError> {
        let known = self.key.borrow().clone();
        if let Some(key) = known {
            return Ok(key);
        }
        let read = self.secrets.read(&self.name).await;
        let read = read.map_err(|error| ModelError::Refused { status: 0, text: error.to_string() })?;
        let key = read.api_key().clone();
        *self.key.borrow_mut() = Some(key.clone());
        Ok(key)
    }
}

impl<S: ReadSecret> AskModel for KeyedModel<S> {
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let key = self.key().await?;
        let answer = self.with(key).ask(question).await;
        if let Err(ModelError::Refused { status: 401 | 403, .. }) = &answer {
            // The key may have been rotated: the next question reads it again.
            *self.key.borrow_mut() = None;
        }
        answer
    }

    fn read(&self, reply: &RawReply) -> Result<Reply, BadReply> {
        // Reading needs no key.
        self.with(Secret::new(String::new())).read(reply)
    }
}
