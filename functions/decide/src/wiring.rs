//! The venue and the model as decide sees them on Lambda: public market data, and a key that is read once.

use std::cell::RefCell;

use shared::aws::tables::DynamoTables;
use shared::model::anthropic::Anthropic;
use shared::ports::{
    AskModel, BadReply, ModelError, OpenVenue, Question, RawReply, Reply, SharedClock, VenueError, Wait,
};
use shared::secret::{ReadSecret, Secret};
use shared::settings::Settings;
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

/// Anthropic.
const ANTHROPIC: &str = "https://api.anthropic.com";
/// Opens the market data of a strategy's venue; there is no key in it.
pub struct Markets(pub Venues<DynamoTables>);

impl OpenVenue for Markets {
    type Venue = Patient<Binance, DynamoTables>;

    /// A backend that no orders go to is refused before a model is asked what to order.
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        venues::account(settings)?;
        self.0.market(settings, wait)
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
